# libganeti: what every program of ours shares
noinst_LIBRARIES += libganeti.a
libganeti_a_SOURCES =
libganeti_a_CPPFLAGS = $(AM_CPPFLAGS)

# libmaster: configuration, locks, queue, queries, logical units (never linked by the node agent)
noinst_LIBRARIES += libmaster.a
libmaster_a_SOURCES =
libmaster_a_CPPFLAGS = $(AM_CPPFLAGS)

# libnode: what the node agent executes (never linked by the master)
noinst_LIBRARIES += libnode.a
libnode_a_SOURCES =
libnode_a_CPPFLAGS = $(AM_CPPFLAGS) $(LIBVIRT_CFLAGS) $(NL_CFLAGS)

GANETI_LIBS = libganeti.a $(BASE_LIBS)
MASTER_LIBS = libmaster.a $(GANETI_LIBS)
NODE_LIBS = libnode.a $(GANETI_LIBS) $(NL_LIBS) $(EARLY_LIBS)

include src/schema/local.mk
include src/rpc/local.mk
include src/lu/local.mk
include src/lu/instance/local.mk
include src/hyper/local.mk
include src/storage/local.mk
include src/node/local.mk
include src/lock/local.mk
include src/env/local.mk
include src/queue/local.mk
include src/model/local.mk
include src/query/local.mk
include src/site/local.mk
include src/client/local.mk
include src/config/local.mk
include src/alloc/local.mk
include src/replica/local.mk
