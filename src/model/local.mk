libganeti_a_SOURCES += \
	src/model/disk.c \
	src/model/fill.c \
	src/model/hvsyntax.c \
	src/model/model.h \
	src/model/names.c \
	src/model/nicsyntax.c \
	src/model/net4.c \
	src/model/policy.c \
	src/model/supported.c \
	src/model/tags.c
