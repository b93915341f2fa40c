# OS definitions
ostinydir = $(pkgdatadir)/os/tiny
dist_ostiny_SCRIPTS = os/tiny/create os/tiny/export os/tiny/import os/tiny/rename os/tiny/verify
dist_ostiny_DATA = os/tiny/common.sh os/tiny/ganeti_api_version os/tiny/parameters.list \
	os/tiny/variants.list
