libbase_a_SOURCES += \
	lib/wire/luxi.c \
	lib/wire/wire.h
