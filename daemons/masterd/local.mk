sbin_PROGRAMS += ganeti-masterd
ganeti_masterd_SOURCES = \
	daemons/masterd/attach.c \
	daemons/masterd/control.c \
	daemons/masterd/damage.c \
	daemons/masterd/intents.c \
	daemons/masterd/jobs.c \
	daemons/masterd/luxi.c \
	daemons/masterd/main.c \
	daemons/masterd/manage.c \
	daemons/masterd/masterd.h \
	daemons/masterd/mirror.c \
	daemons/masterd/queries.c \
	daemons/masterd/ready.c \
	daemons/masterd/replicas.c \
	daemons/masterd/request.c \
	daemons/masterd/spread.c \
	daemons/masterd/submit.c \
	daemons/masterd/tail.c \
	daemons/masterd/turn.c \
	daemons/masterd/waits.c \
	daemons/masterd/vote.c \
	daemons/masterd/watch.c \
	daemons/masterd/wconf.c
ganeti_masterd_LDADD = $(MASTER_LIBS)
EXTRA_DIST += daemons/masterd/README
