libganeti_a_SOURCES += \
	src/replica/copy.c \
	src/replica/log.c \
	src/replica/priv.h \
	src/replica/replica.h \
	src/replica/term.c
EXTRA_DIST += src/replica/README
