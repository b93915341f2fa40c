# htools: the allocation tools, one program named by how it is called. The algorithms are pure: libhtools.a links
# nothing but the schema. Scores are compared bit by bit with upstream's: no fused multiply and add. Integers wrap, as
# upstream's do.
noinst_LIBRARIES += libhtools.a
libhtools_a_SOURCES = \
	htools/core/htools.h \
	htools/core/bandwidth.c \
	htools/core/cluster.c \
	htools/core/distance.c \
	htools/core/inst.c \
	htools/core/list.c \
	htools/core/merge.c \
	htools/core/metrics.c \
	htools/core/node.c \
	htools/core/pool.c \
	htools/core/print.c \
	htools/core/text.c \
	htools/core/totals.c \
	htools/core/why.c \
	htools/algo/algo.h \
	htools/algo/alloc.c \
	htools/algo/balance.c \
	htools/algo/brute.c \
	htools/algo/candidates.h \
	htools/algo/dedicated.c \
	htools/algo/evac.c \
	htools/algo/explain.c \
	htools/algo/jobs.c \
	htools/algo/moves.c \
	htools/algo/n1.c \
	htools/algo/nplus1.c \
	htools/algo/opcodes.c \
	htools/algo/pace.c \
	htools/algo/pairs.c \
	htools/algo/repair.c \
	htools/algo/place.c \
	htools/algo/redundancy.c \
	htools/algo/refused.c \
	htools/algo/roles.c \
	htools/algo/roles.h \
	htools/algo/score.c \
	htools/algo/score.h \
	htools/algo/screen.c \
	htools/algo/space.c \
	htools/algo/squeeze.c \
	htools/algo/roll.c \
	htools/io/ialloc.c \
	htools/io/io.h \
	htools/io/exec.c \
	htools/io/fetch.c \
	htools/io/load.c \
	htools/io/luxi.c \
	htools/io/mond.c \
	htools/io/quick.c \
	htools/io/rapi.c \
	htools/io/simu.c \
	htools/io/slices.c \
	htools/io/text.c \
	htools/io/value.c \
	htools/io/value.h
libhtools_a_CFLAGS = $(AM_CFLAGS) -O2 -ffp-contract=off -fno-math-errno -fwrapv
HTOOLS_LIBS = libhtools.a $(GANETI_LIBS)

gntlib_PROGRAMS += htools/htools
htools_htools_SOURCES = \
	htools/prog/prog.h \
	htools/prog/common.c \
	htools/prog/dump.c \
	htools/prog/explain.c \
	htools/prog/getopt.c \
	htools/prog/hail.c \
	htools/prog/hbal.c \
	htools/prog/hcheck.c \
	htools/prog/hinfo.c \
	htools/prog/harep.c \
	htools/prog/hroller.c \
	htools/prog/hscan.c \
	htools/prog/hspace.c \
	htools/prog/hsqueeze.c \
	htools/prog/main.c \
	htools/prog/places.c
htools_htools_LDADD = $(HTOOLS_LIBS)
EXTRA_DIST += htools/README

# the names it is called by; hail is where the master looks for allocators
htools_names = harep hbal hcheck hinfo hroller hscan hspace hsqueeze
install_hooks += install-htools
.PHONY: install-htools uninstall-htools
install-htools:
	$(MKDIR_P) "$(DESTDIR)$(bindir)"
	for p in $(htools_names); do \
		ln -sfr "$(DESTDIR)$(gntlibdir)/htools" "$(DESTDIR)$(bindir)/$$p" || exit 1; \
	done
	$(MKDIR_P) "$(DESTDIR)$(gntlibdir)/iallocators"
	ln -sfr "$(DESTDIR)$(gntlibdir)/htools" "$(DESTDIR)$(gntlibdir)/iallocators/hail"
uninstall_hooks += uninstall-htools
uninstall-htools:
	for p in $(htools_names); do rm -f "$(DESTDIR)$(bindir)/$$p"; done
	rm -f "$(DESTDIR)$(gntlibdir)/iallocators/hail"
