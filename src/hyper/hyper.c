#include "src/hyper/priv.h"

const struct hv_class *hv_class_of(hypervisor_t t)
{
	switch (t) {
	case hypervisor_fake:
		return &hv_class_fake;
	case hypervisor_kvm:
		return &hv_class_kvm;
	default:
		return NULL;
	}
}

int hv_instance_parse(struct arena *a, json *dict, struct hv_instance **ret, struct err *e)
{
	struct hv_instance *i = ARENA_NEW(a, struct hv_instance);
	struct instance *obj = ARENA_NEW(a, struct instance);
	const struct field *bad;

	if (record_parse(rec_instance(), a, dict, obj, REC_IGNORE_UNKNOWN, &bad, e) < 0)
		return err_prefix(e, "instance%s%s", bad ? "." : "", bad ? field_wire(bad) : "");
	i->name = obj->name;
	i->uuid = obj->uuid;
	i->hypervisor = obj->hypervisor;
	i->os = obj->os;
	i->be = obj->beparams;
	i->hvparams = obj->hvparams;
	i->nics = obj->nics;
	i->nics_json = json_get(dict, "nics");
	i->tags = obj->tags;
	i->network_port = obj->network_port;
	i->dict = dict;
	*ret = i;
	return 0;
}

int hv_instance_with_nic(struct arena *a, const struct hv_instance *i, json *device, size_t index,
			 struct hv_instance *ret, struct err *e)
{
	struct nic *v = ARENA_ARRAY(a, struct nic, index + 1);
	json *list = json_own(a, json_new_array());

	if (type_nic.parse(&type_nic, a, device, &v[index], e) < 0)
		return -1;
	for (size_t k = 0; k < index; k++)
		json_append(list, NULL);
	json_append(list, json_ref(device));
	*ret = *i;
	ret->nics.v = v;
	ret->nics.n = index + 1;
	ret->nics_json = list;
	return 0;
}

void *hv_params(struct arena *a, hypervisor_t t, const json *hvparams, struct err *e)
{
	const struct record *r = hvparams_record((int)t);
	void *p = arena_alloc(a, r->size);
	const struct field *bad;

	if (record_parse(r, a, (json *)hvparams, p, REC_IGNORE_UNKNOWN, &bad, e) < 0) {
		if (bad)
			err_prefix(e, "Hypervisor parameter %s", field_wire(bad));
		if (e)
			e->cls = HypervisorError;
		return NULL;
	}
	return p;
}

json *hv_node_info(const char *hv_version_json)
{
	struct meminfo m = { 0 };
	json *version = NULL, *info;
	int cpus = proc_cpus();

	proc_meminfo(&m);
	info = json_pack("{s:i, s:i, s:i, s:i, s:I, s:I, s:I}", "cpu_dom0", cpus, "cpu_nodes", 1,
			 "cpu_sockets", 1, "cpu_total", cpus, "memory_dom0",
			 m.total_mib - m.free_mib, "memory_free", m.free_mib, "memory_total",
			 m.total_mib);
	if (hv_version_json &&
	    json_parse(hv_version_json, strlen(hv_version_json), &version, NULL) == 0)
		json_set(info, "hv_version", version);
	return info;
}
