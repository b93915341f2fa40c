libmaster_a_SOURCES += \
	src/lock/alloc.c \
	src/lock/dump.c \
	src/lock/level.c \
	src/lock/lock.h \
	src/lock/priv.h \
	src/lock/wait.c
EXTRA_DIST += src/lock/README
