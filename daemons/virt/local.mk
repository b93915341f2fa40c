gntlib_PROGRAMS += ganeti-virt-migrate
ganeti_virt_migrate_SOURCES = daemons/virt/migrate.c
ganeti_virt_migrate_LDADD = $(NODE_LIBS)
