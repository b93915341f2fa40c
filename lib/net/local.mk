libbase_a_SOURCES += \
	lib/net/addr.c \
	lib/net/arp.c \
	lib/net/deflate.c \
	lib/net/http_client.c \
	lib/net/http_parse.c \
	lib/net/http_server.c \
	lib/net/net.h \
	lib/net/priv.h \
	lib/net/resolve.c \
	lib/net/tls.c \
	lib/net/unix.c \
	lib/net/x509.c
