# logical units with scripted nodes
check_PROGRAMS += tests/harness/fakenode
tests_harness_fakenode_SOURCES = tests/harness/fakenode.c
tests_harness_fakenode_LDADD = $(GANETI_LIBS)
lu_tests = tests/lu/0100-processor.t tests/lu/0200-tags.t tests/lu/0300-nodes.t tests/lu/0400-cluster.t \
	tests/lu/0500-verify.t tests/lu/0600-allocator.t \
	tests/lu/0700-groups.t tests/lu/0750-networks.t
TESTS += $(lu_tests)
EXTRA_DIST += $(lu_tests) tests/lu/lib.sh
