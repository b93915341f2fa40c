dist_gntlib_SCRIPTS += daemons/scripts/kvm-ifup daemons/scripts/kvm-ifdown
gnttoolsdir = $(pkglibdir)/tools
dist_gnttools_SCRIPTS = daemons/scripts/kvm-console-wrapper
