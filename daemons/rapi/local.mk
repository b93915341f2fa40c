sbin_PROGRAMS += ganeti-rapi
ganeti_rapi_SOURCES = \
	daemons/rapi/auth.c \
	daemons/rapi/call.c \
	daemons/rapi/luxi.c \
	daemons/rapi/main.c \
	daemons/rapi/rapi.h \
	daemons/rapi/reply.c \
	daemons/rapi/special.c
ganeti_rapi_LDADD = $(GANETI_LIBS)
EXTRA_DIST += daemons/rapi/README
