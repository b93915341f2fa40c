libbase_a_SOURCES += \
	lib/schema/compact.c \
	lib/schema/describe.c \
	lib/schema/record.c \
	lib/schema/scalar.c \
	lib/schema/scan.c \
	lib/schema/schema.h
