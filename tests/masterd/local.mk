# the master daemon with its workers, in a virtual root
check_PROGRAMS += tests/harness/mkcluster tests/harness/luxi
tests_harness_mkcluster_SOURCES = tests/harness/mkcluster.c tests/harness/confkit.c tests/harness/confkit.h
tests_harness_mkcluster_LDADD = $(MASTER_LIBS)
tests_harness_luxi_SOURCES = tests/harness/luxi.c
tests_harness_luxi_LDADD = $(GANETI_LIBS)
masterd_tests = tests/masterd/0100-start.t tests/masterd/0200-requests.t tests/masterd/0300-jobs.t tests/masterd/0350-long-queue.t \
	tests/masterd/0360-mirror.t \
	tests/masterd/0400-crash.t tests/masterd/0450-again.t tests/masterd/0500-spread.t tests/masterd/0600-import.t
TESTS += $(masterd_tests)
EXTRA_DIST += $(masterd_tests) tests/masterd/lib.sh tests/masterd/worker.py
