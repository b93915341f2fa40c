libbase_a_SOURCES += \
	lib/json/dump.c \
	lib/json/json.c \
	lib/json/json.h \
	lib/json/pack.c \
	lib/json/scan.c
