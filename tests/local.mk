# unit tests (cmocka); each test program is tests/unit/<folder>_<module>.c
if HAVE_CMOCKA
UNIT_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
unit_tests =
include tests/unit/local.mk
include tests/lu/local.mk
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
EXTRA_DIST += tests/lint/run tests/lint/layers tests/lint/banned

include tests/fuzz/local.mk

# scripts (TAP); those of tests/cluster need root and lab hosts: see check
TEST_EXTENSIONS = .t
T_LOG_COMPILER = bash
TESTS += tests/os_tiny.t tests/daemon_util.t tests/man.t tests/openapi.t
include tests/noded/local.mk
include tests/masterd/local.mk
include tests/vcl/local.mk
include tests/lu/scripted.mk
EXTRA_DIST += tests/os_tiny.t tests/daemon_util.t tests/man.t tests/openapi.t tests/openapi.py tests/cluster tests/lab \
	tests/harness/tlib.sh tests/harness/lab.sh tests/harness/cluster.sh

include tests/bench/local.mk

# command-line programs against a scripted master
check_PROGRAMS += tests/harness/luxireplay
tests_harness_luxireplay_SOURCES = tests/harness/luxireplay.c
tests_harness_luxireplay_LDADD = $(GANETI_LIBS)
TESTS += tests/cli/golden.t tests/cli/completion.t
EXTRA_DIST += tests/cli tests/golden/cli tests/golden/rapi.json tests/data/openapi-3.1.schema.json
