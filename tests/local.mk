# unit tests (cmocka); each test program is tests/unit/<folder>_<module>.c
if HAVE_CMOCKA
UNIT_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
unit_tests =
include tests/unit/local.mk
include tests/lu/local.mk
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
EXTRA_DIST += tests/lint/run tests/lint/layers tests/lint/banned tests/unit/unit.h tests/golden/upstream-cli.json

include tests/schema/local.mk
include tests/fuzz/local.mk

# scripts (TAP); those of tests/cluster need root and lab hosts: see check
TEST_EXTENSIONS = .t
T_LOG_COMPILER = bash
TESTS += tests/os_tiny.t tests/daemon_util.t tests/man.t tests/openapi.t tests/howto.t tests/counts.t
include tests/noded/local.mk
include tests/masterd/local.mk
include tests/vcl/local.mk
include tests/fault/local.mk
include tests/lu/scripted.mk
EXTRA_DIST += tests/counts.t tests/os_tiny.t tests/daemon_util.t tests/man.t tests/openapi.t tests/openapi.py tests/howto.t tests/cluster tests/lab \
	tests/harness/tlib.sh tests/harness/lab.sh tests/harness/cluster.sh tests/harness/peers.sh

include tests/htools/local.mk
include tests/bench/local.mk

# command-line programs against a scripted master
check_PROGRAMS += tests/harness/luxireplay
tests_harness_luxireplay_SOURCES = tests/harness/luxireplay.c
tests_harness_luxireplay_LDADD = $(GANETI_LIBS)
TESTS += tests/cli/golden.t tests/cli/completion.t tests/cli/help.t
EXTRA_DIST += tests/cli tests/golden/cli tests/golden/rapi-3.0.json tests/golden/rapi-3.1.json \
	tests/golden/luxi-3.0.json tests/golden/luxi-3.1.json tests/data/openapi-3.1.schema.json

# for tests/howto.t: programs with the rows of ROWS/src/schema. Only the tables are compiled again; an object
# named first stands for that of the library.
check_PROGRAMS += tests/harness/hvcheck
tests_harness_hvcheck_SOURCES = tests/harness/hvcheck.c
tests_harness_hvcheck_LDADD = $(GANETI_LIBS)
EXTRA_DIST += doc/howto-add-a-parameter doc/architecture doc/moving-from-upstream
howto_link = $(CCLD) $(AM_CFLAGS) $(CFLAGS) $(AM_LDFLAGS) $(LDFLAGS)
.PHONY: howto-programs
howto-programs: schema_dump$(EXEEXT) gnt$(EXEEXT) tests/harness/hvcheck$(EXEEXT) tests/schema/compare$(EXEEXT)
	$(CC) $(DEFS) -I"$(ROWS)" $(DEFAULT_INCLUDES) $(INCLUDES) $(AM_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) $(CFLAGS) \
		-c -o "$(ROWS)/tables.o" $(srcdir)/src/schema/tables.c
	$(howto_link) -o "$(ROWS)/schema_dump" $(schema_dump_OBJECTS) "$(ROWS)/tables.o" $(schema_dump_LDADD) $(LIBS)
	$(howto_link) -o "$(ROWS)/gnt" $(gnt_OBJECTS) "$(ROWS)/tables.o" $(gnt_LDADD) $(LIBS)
	$(howto_link) -o "$(ROWS)/hvcheck" $(tests_harness_hvcheck_OBJECTS) "$(ROWS)/tables.o" \
		$(tests_harness_hvcheck_LDADD) $(LIBS)
.PHONY: howto-unit
howto-unit: howto-programs tests/unit/schema$(EXEEXT) tests/unit/query$(EXEEXT)
	$(howto_link) -o "$(ROWS)/schema" $(tests_unit_schema_OBJECTS) "$(ROWS)/tables.o" $(tests_unit_schema_LDADD) $(LIBS)
	$(howto_link) -o "$(ROWS)/query" $(tests_unit_query_OBJECTS) "$(ROWS)/tables.o" $(tests_unit_query_LDADD) $(LIBS)
