libganeti_a_SOURCES += \
	src/replica/copy.c \
	src/replica/log.c \
	src/replica/priv.h \
	src/replica/replica.h
EXTRA_DIST += src/replica/README
