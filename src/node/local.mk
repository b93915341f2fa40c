libnode_a_SOURCES += \
	src/node/blockdev.c \
	src/node/cluster.c \
	src/node/disks.c \
	src/node/env.c \
	src/node/extdef.c \
	src/node/files.c \
	src/node/info.c \
	src/node/instance.c \
	src/node/masterip.c \
	src/node/migrate.c \
	src/node/netcheck.c \
	src/node/netif.c \
	src/node/node.h \
	src/node/os.c \
	src/node/osdef.c \
	src/node/osenv.c \
	src/node/priv.h \
	src/node/replica.c \
	src/node/scripts.c \
	src/node/sshkeys.c \
	src/node/sshrun.c \
	src/node/table.c \
	src/node/text.c \
	src/node/verify.c
EXTRA_DIST += src/node/README.md
