libmaster_a_SOURCES += \
	src/lu/check_node.c \
	src/lu/feedback.c \
	src/lu/hooks.c \
	src/lu/jobs.c \
	src/lu/locks.c \
	src/lu/lu.h \
	src/lu/misc/query.c \
	src/lu/misc/tags.c \
	src/lu/misc/test.c \
	src/lu/names.c \
	src/lu/run.c \
	src/lu/table.c
