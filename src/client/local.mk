libganeti_a_SOURCES += \
	src/client/client.h \
	src/client/jobs.c \
	src/client/luxi.c \
	src/client/wconf.c
