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
	cli/gnt/backup.c \
	cli/gnt/cluster.c \
	cli/gnt/cluster_info.c \
	cli/gnt/cluster_init.c \
	cli/gnt/cluster_tools.c \
	cli/gnt/debug.c \
	cli/gnt/epo.c \
	cli/gnt/filter.c \
	cli/gnt/gnt.h \
	cli/gnt/group.c \
	cli/gnt/instance.c \
	cli/gnt/instance_disks.c \
	cli/gnt/instance_info.c \
	cli/gnt/instance_modify.c \
	cli/gnt/job.c \
	cli/gnt/network.c \
	cli/gnt/node.c \
	cli/gnt/node_oob.c \
	cli/gnt/node_moves.c \
	cli/gnt/node_storage.c \
	cli/gnt/os.c \
	cli/gnt/programs.c \
	cli/gnt/storage.c \
	cli/gnt/testqueue.c
gnt_libs = libgnt.a $(GANETI_LIBS)
gntlib_PROGRAMS += gnt
gnt_SOURCES = cli/gnt/main.c
gnt_LDADD = $(gnt_libs)
EXTRA_DIST += cli/README \
	cli/gnt/rows/all.def \
	cli/gnt/rows/backup.def \
	cli/gnt/rows/cluster.def \
	cli/gnt/rows/debug.def \
	cli/gnt/rows/filter.def \
	cli/gnt/rows/group.def \
	cli/gnt/rows/instance.def \
	cli/gnt/rows/job.def \
	cli/gnt/rows/network.def \
	cli/gnt/rows/node.def \
	cli/gnt/rows/os.def \
	cli/gnt/rows/storage.def

# the names it is called by, and their completion
gnt_names = backup cluster debug filter group instance job network node os storage
bashcompdir = $(datadir)/bash-completion/completions
install_hooks += install-gnt
.PHONY: install-gnt uninstall-gnt
install-gnt:
	$(MKDIR_P) "$(DESTDIR)$(sbindir)" "$(DESTDIR)$(bashcompdir)"
	for p in $(gnt_names); do \
		ln -sfr "$(DESTDIR)$(gntlibdir)/gnt" "$(DESTDIR)$(sbindir)/gnt-$$p" || exit 1; \
		ln -sf gnt "$(DESTDIR)$(bashcompdir)/gnt-$$p" || exit 1; \
	done
	for p in $(htools_names) $(sbin_PROGRAMS); do \
		ln -sf gnt "$(DESTDIR)$(bashcompdir)/$$p" || exit 1; \
	done
	./gnt --bash-completion > "$(DESTDIR)$(bashcompdir)/gnt"
uninstall_hooks += uninstall-gnt
uninstall-gnt:
	for p in $(gnt_names); do \
		rm -f "$(DESTDIR)$(sbindir)/gnt-$$p" "$(DESTDIR)$(bashcompdir)/gnt-$$p"; \
	done
	for p in gnt $(htools_names) $(sbin_PROGRAMS); do rm -f "$(DESTDIR)$(bashcompdir)/$$p"; done

# init, destroy and join: what is done outside of jobs
gntlib_PROGRAMS += gnt-site
gnt_site_SOURCES = cli/tools/site.c
gnt_site_LDADD = $(MASTER_LIBS)
include cli/tools/local.mk
