noinst_PROGRAMS += schema_dump
schema_dump_SOURCES = cli/tools/schema_dump.c \
	cli/tools/dump.h \
	cli/tools/fields.c \
	cli/tools/man.c \
	cli/tools/openapi.c \
	cli/tools/rapi.c \
	cli/tools/roff.c \
	cli/tools/tables.c
schema_dump_CPPFLAGS = $(AM_CPPFLAGS) -DDOCDIR='"$(docdir)"'
schema_dump_LDADD = libgnt.a $(MASTER_LIBS)
gntlib_PROGRAMS += ensure-dirs
ensure_dirs_SOURCES = cli/tools/ensure_dirs.c
ensure_dirs_LDADD = $(GANETI_LIBS)

# an existing cluster moves to the database
gnttools_PROGRAMS += cfgupgrade
cfgupgrade_SOURCES = cli/tools/cfgupgrade.c
cfgupgrade_LDADD = $(MASTER_LIBS)

# run on a node that joins a cluster
gntlib_PROGRAMS += node-daemon-setup prepare-node-join ssh-update
node_daemon_setup_SOURCES = cli/tools/daemon_setup.c cli/tools/node_tool.c cli/tools/node_tool.h
node_daemon_setup_LDADD = $(MASTER_LIBS)
prepare_node_join_SOURCES = cli/tools/prepare_join.c cli/tools/node_tool.c cli/tools/node_tool.h
prepare_node_join_LDADD = $(MASTER_LIBS)
ssh_update_SOURCES = cli/tools/ssh_update.c cli/tools/node_tool.c cli/tools/node_tool.h
ssh_update_LDADD = $(MASTER_LIBS)
