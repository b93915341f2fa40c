noinst_PROGRAMS += schema_dump
schema_dump_SOURCES = cli/tools/schema_dump.c
schema_dump_LDADD = $(GANETI_LIBS)
gntlib_PROGRAMS += ensure-dirs
ensure_dirs_SOURCES = cli/tools/ensure_dirs.c
ensure_dirs_LDADD = $(GANETI_LIBS)

# called by these names on the nodes
gntlib_PROGRAMS += ganeti-node-tool
ganeti_node_tool_SOURCES = cli/tools/node_tools.c
ganeti_node_tool_LDADD = $(MASTER_LIBS)
NODE_TOOLS = node-daemon-setup prepare-node-join
