libmaster_a_SOURCES += \
	src/queue/change.c \
	src/queue/filter.c \
	src/queue/job.c \
	src/queue/legacy.c \
	src/queue/priv.h \
	src/queue/queue.h \
	src/queue/reason.c \
	src/queue/runs.c \
	src/queue/schedule.c \
	src/queue/store.c
EXTRA_DIST += src/queue/README
