noinst_PROGRAMS += schema_dump
schema_dump_SOURCES = cli/tools/schema_dump.c
schema_dump_LDADD = $(GANETI_LIBS)
