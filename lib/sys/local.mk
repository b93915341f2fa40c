libbase_a_SOURCES += \
	lib/sys/chan.c \
	lib/sys/daemon.c \
	lib/sys/ev.c \
	lib/sys/fs.c \
	lib/sys/lockfile.c \
	lib/sys/pool.c \
	lib/sys/priv.h \
	lib/sys/privs.c \
	lib/sys/proc.c \
	lib/sys/run.c \
	lib/sys/spawn.c \
	lib/sys/stream.c \
	lib/sys/sys.h \
	lib/sys/uuid.c
