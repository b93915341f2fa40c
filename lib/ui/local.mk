libbase_a_SOURCES += \
	lib/ui/ask.c \
	lib/ui/options.c \
	lib/ui/table.c \
	lib/ui/text.c \
	lib/ui/ui.h \
	lib/ui/usage.c \
	lib/ui/values.c
