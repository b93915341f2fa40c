noinst_PROGRAMS += schema_dump
schema_dump_SOURCES = cli/tools/schema_dump.c
schema_dump_LDADD = $(GANETI_LIBS)
gntlib_PROGRAMS += ensure-dirs
ensure_dirs_SOURCES = cli/tools/ensure_dirs.c
ensure_dirs_LDADD = $(GANETI_LIBS)
