libganeti_a_SOURCES += \
	src/schema/checks.c \
	src/schema/consts.h \
	src/schema/errors.c \
	src/schema/keys.c \
	src/schema/list/lists.c \
	src/schema/list/lists.h \
	src/schema/opcode.c src/schema/rapi.c src/schema/rapi.h \
	src/schema/options.c \
	src/schema/options.h \
	src/schema/schema.h \
	src/schema/tables.c

EXTRA_DIST += src/schema/README src/schema/rapi.def src/schema/wconf.def \
	src/schema/list/consts.def \
	src/schema/daemons.def \
	src/schema/enums.def \
	src/schema/errors.def \
	src/schema/hvparams.def \
	src/schema/list/hooks.def src/schema/list/templates.def \
	src/schema/htools.def \
	src/schema/luxi.def \
	src/schema/objects.def \
	src/schema/op/cluster.def \
	src/schema/op/group.def \
	src/schema/op/instance.def \
	src/schema/op/misc.def \
	src/schema/op/node.def \
	src/schema/opcodes.def \
	src/schema/options.def \
	src/schema/params.def \
	src/schema/rpc/instance.def \
	src/schema/rpc/node.def \
	src/schema/rpc/storage.def \
	src/schema/rpcs.def
