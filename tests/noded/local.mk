# the node agent with real certificates, in a virtual root
check_PROGRAMS += tests/noded/replay
tests_noded_replay_SOURCES = tests/noded/replay.c
tests_noded_replay_LDADD = $(GANETI_LIBS)
TESTS += tests/noded/access.t tests/noded/load.t tests/noded/os.t tests/noded/shapes.t \
	tests/noded/sshkeys.t
EXTRA_DIST += tests/noded/access.t tests/noded/create.env tests/noded/lib.sh tests/noded/load.t tests/noded/os.t \
	tests/noded/shapes.t tests/noded/sshkeys.t tests/noded/steps.json
