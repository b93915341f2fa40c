# make bench: programs that print figures; built on demand, never run by make check
bench_programs = tests/bench/config
bench_tools = tests/bench/durable tests/bench/jobs tests/bench/populate tests/harness/luxi tests/noded/replay
EXTRA_PROGRAMS += $(bench_programs) tests/bench/durable tests/bench/jobs tests/bench/populate
CLEANFILES += $(bench_programs) tests/bench/durable tests/bench/jobs tests/bench/populate
tests_bench_durable_SOURCES = tests/bench/durable.c
tests_bench_durable_LDADD = $(GANETI_LIBS)
tests_bench_jobs_SOURCES = tests/bench/jobs.c
tests_bench_jobs_LDADD = $(GANETI_LIBS)
tests_bench_config_SOURCES = tests/bench/config.c tests/harness/confkit.c tests/harness/confkit.h
tests_bench_config_LDADD = $(MASTER_LIBS)
tests_bench_populate_SOURCES = tests/bench/populate.c tests/harness/confkit.c tests/harness/confkit.h
tests_bench_populate_LDADD = $(MASTER_LIBS)

EXTRA_DIST += tests/bench/rows.sh tests/bench/agents.sh tests/bench/cluster.sh tests/bench/durable.sh tests/bench/htools.sh
EXTRA_DIST += tests/bench/lab.sh tests/bench/scale.sh tests/bench/schema.sh

bench: all $(bench_programs) $(bench_tools)
	@for p in $(bench_programs); do echo "# $$p"; ./$$p || exit 1; done
	@echo "# tests/bench/schema.sh"; bash $(srcdir)/tests/bench/schema.sh
	@echo "# tests/bench/cluster.sh"; bash $(srcdir)/tests/bench/cluster.sh
	@echo "# tests/bench/durable.sh"; bash $(srcdir)/tests/bench/durable.sh
	@[ "$$(id -u)" != 0 ] || { echo "# tests/bench/lab.sh"; GANETI_BUILD=$(abs_top_builddir) bash $(srcdir)/tests/bench/lab.sh; }

.PHONY: bench-htools
bench-htools: htools/htools$(EXEEXT) tests/harness/mkhtools$(EXEEXT) tests/harness/mkrequest$(EXEEXT)
	bash $(srcdir)/tests/bench/htools.sh

bench-scale: all $(bench_tools)
	@bash $(srcdir)/tests/bench/scale.sh
	@bash $(srcdir)/tests/bench/agents.sh
.PHONY: bench-scale
