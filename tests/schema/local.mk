# the rows against upstream's published interface
check_PROGRAMS += tests/schema/compare
tests_schema_compare_SOURCES = tests/schema/compare.c tests/schema/probe.c tests/schema/schema.h
tests_schema_compare_LDADD = $(MASTER_LIBS)
TESTS += tests/schema/schema.t
EXTRA_DIST += tests/schema
check_PROGRAMS += tests/harness/confconv
tests_harness_confconv_SOURCES = tests/harness/confconv.c
tests_harness_confconv_LDADD = $(MASTER_LIBS)
TESTS += tests/schema/config_peer.t
