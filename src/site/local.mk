libmaster_a_SOURCES += \
	src/site/aside.c \
	src/site/certs.c \
	src/site/checks.c \
	src/site/daemons.c \
	src/site/destroy.c \
	src/site/failover.c \
	src/site/files.c \
	src/site/import.c \
	src/site/init.c \
	src/site/initial.c \
	src/site/join.c \
	src/site/node.c \
	src/site/priv.h \
	src/site/site.h \
	src/site/sshkeys.c
