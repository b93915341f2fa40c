libmaster_a_SOURCES += \
	src/query/cluster.c \
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
	src/query/plugins.c \
	src/query/priv.h \
	src/query/query.h \
	src/query/run.c

EXTRA_DIST += \
	src/query/fields/cluster.def \
	src/query/fields/extstorage.def \
	src/query/fields/os.def \
	src/query/fields/export.def \
	src/query/fields/filter.def \
	src/query/fields/group.def \
	src/query/fields/instance.def \
	src/query/fields/job.def \
	src/query/fields/lock.def \
	src/query/fields/network.def \
	src/query/fields/node.def
