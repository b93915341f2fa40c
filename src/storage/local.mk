libnode_a_SOURCES += \
	src/storage/file.c \
	src/storage/list.c \
	src/storage/paths.c \
	src/storage/priv.h \
	src/storage/storage.c \
	src/storage/storage.h
