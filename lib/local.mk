# libbase: knows nothing of Ganeti
noinst_LIBRARIES += libbase.a
libbase_a_SOURCES =
libbase_a_CPPFLAGS = $(AM_CPPFLAGS) $(JSON_CFLAGS) $(EVENT_CFLAGS) $(SSL_CFLAGS) $(SQLITE_CFLAGS) $(ZLIB_CFLAGS)
BASE_LIBS = libbase.a $(EVENT_LIBS) $(SSL_LIBS) $(SQLITE_LIBS) $(ZLIB_LIBS) $(JSON_LIBS) -lm

include lib/base/local.mk
include lib/json/local.mk
include lib/schema/local.mk
include lib/ui/local.mk
include lib/db/local.mk
include lib/sys/local.mk
include lib/net/local.mk
include lib/wire/local.mk
