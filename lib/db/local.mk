libbase_a_SOURCES += \
	lib/db/apply.c \
	lib/db/columns.c \
	lib/db/db.h \
	lib/db/digest.c \
	lib/db/migrate.c \
	lib/db/priv.h \
	lib/db/record.c \
	lib/db/sqlite.c
