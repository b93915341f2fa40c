# systemd units, with upstream's names
systemdunitdir = $(prefix)/lib/systemd/system
units_made = daemons/systemd/ganeti-common.service daemons/systemd/ganeti-masterd.service \
	daemons/systemd/ganeti-noded.service daemons/systemd/ganeti-rapi.service
dist_systemdunit_DATA = daemons/systemd/ganeti.service daemons/systemd/ganeti.target \
	daemons/systemd/ganeti-master.target daemons/systemd/ganeti-node.target
nodist_systemdunit_DATA = $(units_made)
EXTRA_DIST += $(units_made:=.in)

# examples of configuration for the distribution to install
exampledir = $(docdir)/examples
dist_example_DATA = daemons/examples/ganeti.default
nodist_example_DATA = daemons/examples/ganeti.logrotate
EXTRA_DIST += daemons/examples/ganeti.logrotate.in

CLEANFILES += $(units_made) $(nodist_example_DATA)
$(units_made) $(nodist_example_DATA): %: %.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SUBST) $< >$@.tmp && mv $@.tmp $@
