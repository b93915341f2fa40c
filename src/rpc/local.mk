libganeti_a_SOURCES += \
	src/rpc/call.c \
	src/rpc/port.c \
	src/rpc/encode.c \
	src/rpc/rpc.h
