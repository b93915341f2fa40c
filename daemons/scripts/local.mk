dist_gntlib_SCRIPTS += daemons/scripts/kvm-ifup daemons/scripts/kvm-ifdown
gnttoolsdir = $(pkglibdir)/tools
dist_gnttools_SCRIPTS = daemons/scripts/kvm-console-wrapper

# files with paths in them
SUBST = sed -e 's|@sbindir[@]|$(sbindir)|' -e 's|@pkglibdir[@]|$(pkglibdir)|' \
	-e 's|@localstatedir[@]|$(localstatedir)|' -e 's|@sysconfdir[@]|$(sysconfdir)|'
nodist_gntlib_SCRIPTS = daemons/scripts/daemon-util
CLEANFILES += daemons/scripts/daemon-util
EXTRA_DIST += daemons/scripts/daemon-util.in
daemons/scripts/daemon-util: daemons/scripts/daemon-util.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SUBST) $(srcdir)/$@.in >$@.tmp && chmod 755 $@.tmp && mv $@.tmp $@
