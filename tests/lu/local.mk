# logical units with pretended nodes
LUKIT = tests/harness/lukit.c tests/harness/lukit.h $(CONFKIT)
LUKIT_WRAP = $(AM_LDFLAGS) -Wl,--wrap=wconf_call -Wl,--wrap=rpc_call -Wl,--wrap=rpc_multi -Wl,--wrap=nanosleep
unit_tests += tests/lu/instance tests/lu/group
tests_lu_instance_SOURCES = tests/lu/instance.c $(LUKIT)
tests_lu_instance_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_lu_instance_LDFLAGS = $(LUKIT_WRAP)
tests_lu_instance_LDADD = $(MASTER_LIBS) $(CMOCKA_LIBS)
tests_lu_group_SOURCES = tests/lu/group.c $(LUKIT)
tests_lu_group_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_lu_group_LDFLAGS = $(LUKIT_WRAP)
tests_lu_group_LDADD = $(MASTER_LIBS) $(CMOCKA_LIBS)
