# the allocation tools: recorded answers of upstream's, and upstream's beside ours where they are installed
check_PROGRAMS += tests/harness/mkhtools
tests_harness_mkhtools_SOURCES = tests/harness/mkhtools.c tests/harness/htkit.c tests/harness/htkit.h
tests_harness_mkhtools_LDADD = $(BASE_LIBS)
check_PROGRAMS += tests/harness/mkrequest
tests_harness_mkrequest_SOURCES = tests/harness/mkrequest.c tests/harness/htkit.c tests/harness/htkit.h
tests_harness_mkrequest_LDADD = $(HTOOLS_LIBS)
TESTS += tests/htools/0100-recorded.t tests/htools/0200-sources.t tests/htools/0300-explain.t tests/htools/0310-explain-each.t tests/htools/0400-redundancy.t tests/htools/0410-memory.t tests/htools/0420-overcommit.t tests/htools/0430-bandwidth.t tests/htools/0430-input.t tests/htools/0440-pools.t tests/htools/0450-distance.t tests/htools/0900-peer.t tests/htools/0950-peer-places.t tests/htools/0960-accepted.t
EXTRA_DIST += tests/htools tests/golden/htools
