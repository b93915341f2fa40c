libbase_a_SOURCES += \
	lib/base/arena.c \
	lib/base/arena.h \
	lib/base/clock.c \
	lib/base/clock.h \
	lib/base/err.c \
	lib/base/err.h \
	lib/base/fault.c \
	lib/base/fault.def \
	lib/base/fault.h \
	lib/base/log.c \
	lib/base/log.h \
	lib/base/map.c \
	lib/base/map.h \
	lib/base/mem.c \
	lib/base/mem.h \
	lib/base/parse.c \
	lib/base/parse.h \
	lib/base/str.c \
	lib/base/str.h
