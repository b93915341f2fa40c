# fault points, crashes and the judge of what was acknowledged (see tests/fault/README)
check_PROGRAMS += tests/fault/history
tests_fault_history_SOURCES = tests/fault/history.c tests/fault/history.h tests/fault/load.c tests/fault/check.c
tests_fault_history_LDADD = $(MASTER_LIBS)
fault_tests = tests/fault/0100-judge.t tests/fault/0200-points.t tests/fault/0250-queue-files.t tests/fault/0300-kill.t \
	tests/fault/0350-failover.t tests/fault/0400-world.t tests/fault/0450-strays.t tests/fault/0500-damage.t
TESTS += $(fault_tests)
EXTRA_DIST += $(fault_tests) tests/fault/lib.sh tests/fault/README
