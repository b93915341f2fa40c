# unit tests (cmocka); each test program is tests/unit/<folder>_<module>.c
if HAVE_CMOCKA
UNIT_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
unit_tests =
include tests/unit/local.mk
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
EXTRA_DIST += tests/lint/run tests/lint/layers tests/lint/banned
