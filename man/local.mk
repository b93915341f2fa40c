# Manual pages and references: prose from man/*.in, lists from the rows, put together by schema_dump.
man7_pages = man/ganeti.7 man/ganeti-extstorage-interface.7 man/ganeti-hooks-interface.7 man/ganeti-os-interface.7
man8_pages = \
	man/ganeti-masterd.8 \
	man/ganeti-noded.8 \
	man/ganeti-rapi.8 \
	man/gnt-backup.8 \
	man/gnt-cluster.8 \
	man/gnt-debug.8 \
	man/gnt-filter.8 \
	man/gnt-group.8 \
	man/gnt-instance.8 \
	man/gnt-job.8 \
	man/gnt-network.8 \
	man/gnt-node.8 \
	man/gnt-os.8 \
	man/gnt-storage.8
man1_pages = \
	man/hail.1 \
	man/harep.1 \
	man/hbal.1 \
	man/hcheck.1 \
	man/hinfo.1 \
	man/hroller.1 \
	man/hscan.1 \
	man/hspace.1 \
	man/hsqueeze.1 \
	man/htools.1
nodist_man1_MANS = $(man1_pages)
nodist_man7_MANS = $(man7_pages)
nodist_man8_MANS = $(man8_pages)
nodist_doc_DATA = doc/rapi.txt doc/openapi.json
EXTRA_DIST += man/README $(man1_pages:=.in) $(man7_pages:=.in) $(man8_pages:=.in)
CLEANFILES += $(man1_pages) $(man7_pages) $(man8_pages) $(nodist_doc_DATA)

SUFFIXES = .1 .1.in .7 .7.in .8 .8.in
$(man1_pages) $(man7_pages) $(man8_pages): schema_dump$(EXEEXT)
.1.in.1:
	$(AM_V_GEN)$(MKDIR_P) man && ./schema_dump --man $< > $@.tmp && mv $@.tmp $@
.7.in.7:
	$(AM_V_GEN)$(MKDIR_P) man && ./schema_dump --man $< > $@.tmp && mv $@.tmp $@
.8.in.8:
	$(AM_V_GEN)$(MKDIR_P) man && ./schema_dump --man $< > $@.tmp && mv $@.tmp $@
doc/rapi.txt: schema_dump$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) doc && ./schema_dump --rapi > $@.tmp && mv $@.tmp $@
doc/openapi.json: schema_dump$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) doc && ./schema_dump --openapi > $@.tmp && mv $@.tmp $@
