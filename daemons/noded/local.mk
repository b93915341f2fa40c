sbin_PROGRAMS += ganeti-noded
ganeti_noded_SOURCES = \
	daemons/noded/access.c \
	daemons/noded/main.c \
	daemons/noded/noded.h \
	daemons/noded/serve.c
ganeti_noded_LDADD = $(GANETI_LIBS)

gntlib_PROGRAMS += ganeti-node-worker
ganeti_node_worker_SOURCES = daemons/noded/exec.c daemons/noded/noded.h
ganeti_node_worker_LDADD = $(NODE_LIBS)
