libmaster_a_SOURCES += \
	src/lu/check_inst.c \
	src/lu/check_node.c \
	src/lu/disk_make.c \
	src/lu/disk_state.c \
	src/lu/disks.c \
	src/lu/feedback.c \
	src/lu/hookenv.c \
	src/lu/candidates.c \
	src/lu/check_node.c \
	src/lu/cluster/info.c \
	src/lu/cluster/lifecycle.c \
	src/lu/feedback.c \
	src/lu/files.c \
	src/lu/hooks.c \
	src/lu/jobs.c \
	src/lu/locks.c \
	src/lu/lu.h \
	src/lu/misc/query.c \
	src/lu/misc/tags.c \
	src/lu/misc/test.c \
	src/lu/names.c \
	src/lu/netpool.c \
	src/lu/nics.c \
	src/lu/prepare.c \
	src/lu/run.c \
	src/lu/table.c
