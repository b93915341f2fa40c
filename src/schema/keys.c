/* Which records say what may be in a dict of parameters. */
#include "src/schema/schema.h"

const struct key_set keys_hvparams[] = {
#define HV(id, wire, ...) { wire, rec_hv_##id },
#define HVP(...)
#define END(id)
#include "src/schema/hvparams.def"
#undef HV
#undef HVP
#undef END
	{ NULL, NULL },
};

const struct key_set keys_diskparams[] = {
	{ "blockdev", rec_diskp_blockdev }, { "diskless", rec_diskp_diskless },
	{ "drbd", rec_diskp_drbd },	    { "ext", rec_diskp_ext },
	{ "file", rec_diskp_file },	    { "gluster", rec_diskp_gluster },
	{ "plain", rec_diskp_plain },	    { "rbd", rec_diskp_rbd },
	{ "sharedfile", rec_diskp_sharedfile }, { NULL, NULL },
};

#define KEYS(what) \
	const struct key_set keys_##what[] = { { NULL, rec_##what }, { NULL, NULL } }
KEYS(beparams);
KEYS(nicparams);
KEYS(ndparams);
KEYS(ipolicy);
KEYS(ispec);
KEYS(inic);
KEYS(idisk);
