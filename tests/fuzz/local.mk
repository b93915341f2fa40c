# libFuzzer targets, one per parser of foreign bytes; ./configure --enable-fuzz CC=clang
fuzz_targets =
fuzz_targets += tests/fuzz/http
fuzz_targets += tests/fuzz/http_server
fuzz_targets += tests/fuzz/luxi
fuzz_targets += tests/fuzz/noderpc
fuzz_targets += tests/fuzz/config
fuzz_targets += tests/fuzz/request
fuzz_targets += tests/fuzz/cli
fuzz_targets += tests/fuzz/htools
fuzz_targets += tests/fuzz/hail
fuzz_targets += tests/fuzz/htjson
if FUZZ
noinst_PROGRAMS += $(fuzz_targets)
endif
fuzzer_flags = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_http_SOURCES = tests/fuzz/http.c
tests_fuzz_http_LDFLAGS = $(fuzzer_flags)
tests_fuzz_http_LDADD = $(BASE_LIBS)
tests_fuzz_http_server_SOURCES = tests/fuzz/http_server.c tests/fuzz/peer.c tests/fuzz/peer.h
tests_fuzz_http_server_LDFLAGS = $(fuzzer_flags)
tests_fuzz_http_server_LDADD = $(BASE_LIBS)
tests_fuzz_luxi_SOURCES = tests/fuzz/luxi.c tests/fuzz/peer.c tests/fuzz/peer.h
tests_fuzz_luxi_LDFLAGS = $(fuzzer_flags)
tests_fuzz_luxi_LDADD = $(BASE_LIBS)
tests_fuzz_noderpc_SOURCES = tests/fuzz/noderpc.c
tests_fuzz_noderpc_LDFLAGS = $(fuzzer_flags)
tests_fuzz_noderpc_LDADD = $(NODE_LIBS)
tests_fuzz_config_SOURCES = tests/fuzz/config.c
tests_fuzz_config_LDFLAGS = $(fuzzer_flags)
tests_fuzz_config_LDADD = $(MASTER_LIBS)
tests_fuzz_request_SOURCES = tests/fuzz/request.c daemons/masterd/request.c
tests_fuzz_request_LDFLAGS = $(fuzzer_flags)
tests_fuzz_request_LDADD = $(MASTER_LIBS)
tests_fuzz_cli_SOURCES = tests/fuzz/cli.c
tests_fuzz_cli_LDFLAGS = $(fuzzer_flags)
tests_fuzz_cli_LDADD = $(gnt_libs)
tests_fuzz_htools_SOURCES = tests/fuzz/htools.c
tests_fuzz_htools_LDFLAGS = $(fuzzer_flags)
tests_fuzz_htools_LDADD = $(HTOOLS_LIBS)
tests_fuzz_hail_SOURCES = tests/fuzz/hail.c
tests_fuzz_hail_LDFLAGS = $(fuzzer_flags)
tests_fuzz_hail_LDADD = $(HTOOLS_LIBS)
tests_fuzz_htjson_SOURCES = tests/fuzz/htjson.c
tests_fuzz_htjson_LDFLAGS = $(fuzzer_flags)
tests_fuzz_htjson_LDADD = $(HTOOLS_LIBS)
EXTRA_DIST += tests/fuzz/smoke tests/fuzz/corpus

# a few seconds each, from the kept corpus; what is found stays in fuzz-found/
.PHONY: fuzz-smoke
fuzz-smoke: $(fuzz_targets)
	$(top_srcdir)/tests/fuzz/smoke "$(top_srcdir)" $(fuzz_targets)
