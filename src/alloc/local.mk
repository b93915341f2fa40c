libmaster_a_SOURCES += \
	src/alloc/alloc.h \
	src/alloc/request.c \
	src/alloc/run.c
