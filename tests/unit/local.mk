unit_tests += tests/unit/base tests/unit/schema
tests_unit_base_SOURCES = tests/unit/base.c
tests_unit_base_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_base_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_schema_SOURCES = tests/unit/schema.c
tests_unit_schema_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_schema_LDADD = $(GANETI_LIBS) $(CMOCKA_LIBS)
