libganeti_a_SOURCES += \
	src/env/daemon.c \
	src/env/dirs.c \
	src/env/env.h \
	src/env/paths.c \
	src/env/priv.h \
	src/env/ssconf.c \
	src/env/sshkeys.c \
	src/env/users.c \
	src/env/virtual.c

EXTRA_DIST += src/env/paths.def src/env/ssconf.def
