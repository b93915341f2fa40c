libmaster_a_SOURCES += \
	src/config/cache.c \
	src/config/check.c \
	src/config/commit.c \
	src/config/counts.c \
	src/config/config.h \
	src/config/export.c \
	src/config/links.c \
	src/config/pool.c \
	src/config/priv.h \
	src/config/reserve.c \
	src/config/snapshot.c \
	src/config/ssconf.c \
	src/config/store.c \
	src/config/upgrade.c \
	src/config/upgrade2.c \
	src/config/verify.c

EXTRA_DIST += src/config/README.md
