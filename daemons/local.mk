# daemons
sysusersdir = $(prefix)/lib/sysusers.d
dist_sysusers_DATA = daemons/sysusers.d/ganeti.conf
include daemons/scripts/local.mk
include daemons/virt/local.mk
include daemons/noded/local.mk
include daemons/rapi/local.mk
include daemons/systemd/local.mk
include daemons/masterd/local.mk
include daemons/worker/local.mk
