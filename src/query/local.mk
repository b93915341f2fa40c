libmaster_a_SOURCES += \
	src/query/common.c \
	src/query/filter.c \
	src/query/group.c \
	src/query/info.c \
	src/query/info.h \
	src/query/instance.c \
	src/query/job.c \
	src/query/node.c \
	src/query/os.c \
	src/query/other.c \
	src/query/priv.h \
	src/query/query.h \
	src/query/run.c

EXTRA_DIST += \
	src/query/cluster.def \
	src/query/export.def \
	src/query/extstorage.def \
	src/query/filter.def \
	src/query/group.def \
	src/query/instance.def \
	src/query/job.def \
	src/query/lock.def \
	src/query/network.def \
	src/query/node.def \
	src/query/os.def
