libmaster_a_SOURCES += \
	src/lu/instance/common.c \
	src/lu/instance/create.c \
	src/lu/instance/create_check.c \
	src/lu/instance/create_exec.c \
	src/lu/instance/diskops.c \
	src/lu/instance/failover.c \
	src/lu/instance/migrate.c \
	src/lu/instance/migrate_cleanup.c \
	src/lu/instance/migrate_exec.c \
	src/lu/instance/modify.c \
	src/lu/instance/modify_check.c \
	src/lu/instance/modify_disk_exec.c \
	src/lu/instance/modify_disks.c \
	src/lu/instance/modify_exec.c \
	src/lu/instance/modify_nics.c \
	src/lu/instance/power.c \
	src/lu/instance/priv.h \
	src/lu/instance/query.c \
	src/lu/instance/recreate.c \
	src/lu/instance/reinstall.c \
	src/lu/instance/remove.c \
	src/lu/instance/rename.c
