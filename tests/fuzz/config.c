/* Foreign config.data files: upgrade, parse, check and index whatever is in there. */
#include "src/config/priv.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void object(struct arena *a, enum obj_kind k, json *in, const struct nicparams *dflt)
{
	struct strs errs = { 0 };
	json *again;
	void *obj, *same;

	if (obj_parse(a, k, in, &obj, NULL) < 0)
		return;
	check_object(a, k, obj, dflt, &errs);
	for (size_t i = 0; i < errs.n; i++)
		assert(*errs.v[i]);
	links_of(a, k, obj);
	/* what we write we can read */
	again = json_own(a, record_emit(obj_record(k), obj, 0));
	assert(obj_parse(a, k, again, &same, NULL) == 0);
}

static void hypervisors(const struct cluster *c)
{
	for (size_t i = 0; i < enum_hypervisor.n; i++)
		hv_check_syntax((int)i, json_get(c->hvparams, enum_name(&enum_hypervisor, (int)i)),
				NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *j CLEANUP(json_putp) = NULL;
	struct nicparams dflt;
	void *cluster;

	if (json_parse((const char *)data, n, &j, NULL) < 0 || config_upgrade(j, NULL) < 0)
		return 0;
	if (obj_parse(a, OBJ_CLUSTER, json_get(j, "cluster"), &cluster, NULL) < 0)
		return 0;
	hypervisors(cluster);
	dflt = fill_nic(a, cluster, NULL);
	object(a, OBJ_CLUSTER, json_get(j, "cluster"), &dflt);
	for (int k = 0; k < OBJ_KINDS; k++)
		if (kind_info(k)->plural)
			json_each(json_get(j, kind_info(k)->plural), uuid, v) {
				(void)uuid;
				object(a, k, v, &dflt);
			}
	return 0;
}
