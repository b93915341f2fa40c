# command-line programs: one, named by how it is called
noinst_LIBRARIES += libgnt.a
libgnt_a_SOURCES = \
	cli/common/common.h \
	cli/common/complete.c \
	cli/common/error.c \
	cli/common/filter.c \
	cli/common/info.c \
	cli/common/jobs.c \
	cli/common/listing.c \
	cli/common/main.c \
	cli/common/many.c \
	cli/common/mods.c \
	cli/common/nodes.c \
	cli/common/params.c \
	cli/common/site.c \
	cli/common/submit.c \
	cli/common/tags.c \
	cli/gnt/cluster.c \
	cli/gnt/cluster_info.c \
	cli/gnt/cluster_init.c \
	cli/gnt/gnt.h \
	cli/gnt/instance.c \
	cli/gnt/instance_info.c \
	cli/gnt/instance_modify.c \
	cli/gnt/job.c \
	cli/gnt/misc.c \
	cli/gnt/node.c \
	cli/gnt/os.c \
	cli/gnt/programs.c
gnt_libs = libgnt.a $(GANETI_LIBS)
gntlib_PROGRAMS += gnt
gnt_SOURCES = cli/gnt/main.c
gnt_LDADD = $(gnt_libs)
EXTRA_DIST += cli/README \
	cli/gnt/all.def \
	cli/gnt/backup.def \
	cli/gnt/cluster.def \
	cli/gnt/debug.def \
	cli/gnt/filter.def \
	cli/gnt/group.def \
	cli/gnt/instance.def \
	cli/gnt/job.def \
	cli/gnt/network.def \
	cli/gnt/node.def \
	cli/gnt/os.def

# the names it is called by, and their completion
gnt_names = backup cluster debug filter group instance job network node os
bashcompdir = $(datadir)/bash-completion/completions
install_hooks += install-gnt
.PHONY: install-gnt uninstall-gnt
install-gnt:
	$(MKDIR_P) "$(DESTDIR)$(sbindir)" "$(DESTDIR)$(bashcompdir)"
	for p in $(gnt_names); do \
		ln -sfr "$(DESTDIR)$(gntlibdir)/gnt" "$(DESTDIR)$(sbindir)/gnt-$$p" || exit 1; \
		ln -sf gnt "$(DESTDIR)$(bashcompdir)/gnt-$$p" || exit 1; \
	done
	./gnt --bash-completion > "$(DESTDIR)$(bashcompdir)/gnt"
uninstall_hooks += uninstall-gnt
uninstall-gnt:
	for p in $(gnt_names); do \
		rm -f "$(DESTDIR)$(sbindir)/gnt-$$p" "$(DESTDIR)$(bashcompdir)/gnt-$$p"; \
	done
	rm -f "$(DESTDIR)$(bashcompdir)/gnt"

# init, destroy and join: what is done outside of jobs
gntlib_PROGRAMS += gnt-site
gnt_site_SOURCES = cli/tools/site.c
gnt_site_LDADD = $(MASTER_LIBS)
include cli/tools/local.mk
