/*
 * Nodes and instances of a request, read straight from its text where they are written as masters do: plain texts, whole
 * numbers, each key once. What is not like that, or has anything wrong with it, is for the parser, which can tell.
 */
#include "htools/io/value.h"

#include <string.h>

enum { NAME_MAX_HERE = 256, DEPTH_HERE = 8 };

/* A text where it is written. */
struct word {
	const char *s;
	size_t n;
};

static bool is(const struct word *w, const char *text)
{
	return *w->s == *text && strncmp(w->s, text, w->n) == 0 && text[w->n] == '\0';
}

static bool read_word(struct json_scan *s, struct word *ret)
{
	return json_scan_plain(s, &ret->s, &ret->n);
}

/* As a text with an end, in BUF. */
static const char *text_in(const struct word *w, char buf[NAME_MAX_HERE])
{
	if (w->n >= NAME_MAX_HERE)
		return NULL;
	memcpy(buf, w->s, w->n);
	buf[w->n] = '\0';
	return buf;
}

static bool read_text(struct json_scan *s, struct arena *a, const char **ret)
{
	struct word w;

	if (!read_word(s, &w))
		return false;
	*ret = arena_strndup(a, w.s, w.n);
	return true;
}

static bool read_texts(struct json_scan *s, struct arena *a, struct strs *ret)
{
	if (!json_scan_enter(s, '['))
		return false;
	while (json_scan_item(s)) {
		const char *text;

		if (!read_text(s, a, &text))
			return false;
		strs_add(a, ret, text);
	}
	return !json_scan_failed(s);
}

/* A value that means nothing here. */
static bool pass_over(struct json_scan *s, int depth)
{
	struct word w;
	int64_t number;
	bool flag;

	if (depth == 0)
		return false;
	if (read_word(s, &w) || json_scan_int(s, &number) || json_scan_bool(s, &flag) || json_scan_word(s, "null"))
		return true;
	if (s->p < s->end && *s->p == '[') {
		for (json_scan_enter(s, '['); json_scan_item(s);)
			if (!pass_over(s, depth - 1))
				return false;
	} else if (s->p < s->end && *s->p == '{') {
		for (json_scan_enter(s, '{'); json_scan_key(s, &w.s, &w.n);)
			if (!pass_over(s, depth - 1))
				return false;
	} else {
		return false;
	}
	return !json_scan_failed(s);
}

/* The next member that has one of KEYS: which; values of others are passed over. False: no more members, or (S failed)
 * one that was SEEN, or what is not read here. */
static bool next_key(struct json_scan *s, const char *const *keys, size_t n, uint32_t *seen, int *ret)
{
	struct word w;

	while (json_scan_key(s, &w.s, &w.n)) {
		size_t k = 0;

		while (k < n && !is(&w, keys[k]))
			k++;
		if (k < n && !(*seen & 1u << k)) {
			*seen |= 1u << k;
			*ret = (int)k;
			return true;
		}
		if (k < n || !pass_over(s, DEPTH_HERE)) {
			s->p = NULL;
			return false;
		}
	}
	return false;
}

static bool has(uint32_t seen, uint32_t wanted)
{
	return (seen & wanted) == wanted;
}

/* --- nodes --- */

enum { PARAM_EXCL, PARAM_SPINDLES, N_PARAMS };

static bool read_params(struct json_scan *s, bool *excl, int64_t *spindles, uint32_t *seen)
{
	static const char *const keys[N_PARAMS] = { "exclusive_storage", "spindle_count" };
	int k;

	if (!json_scan_enter(s, '{'))
		return false;
	while (next_key(s, keys, N_PARAMS, seen, &k))
		if (k == PARAM_EXCL ? !json_scan_bool(s, excl) : !json_scan_int(s, spindles))
			return false;
	return !json_scan_failed(s);
}

enum {
	NODE_OFFLINE, NODE_DRAINED, NODE_CAPABLE, NODE_GROUP, NODE_PARAMS, NODE_TAGS, NODE_HV_STATE,
	NODE_SPN, NODE_F_SPN, NODE_MEM, NODE_N_MEM, NODE_F_MEM, NODE_DSK, NODE_F_DSK, NODE_CPU, NODE_N_CPU, N_NODE,
};

bool quick_node(struct json_scan *s, struct arena *a, const struct ht_names *names, struct ht_node *ret)
{
	static const char *const keys[N_NODE] = {
		"offline", "drained", "vm_capable", "group", "ndparams", "tags", "hv_state", "total_spindles", "free_spindles",
		"total_memory", "reserved_memory", "free_memory", "total_disk", "free_disk", "total_cpus", "reserved_cpus",
	};
	const uint32_t always = 1u << NODE_OFFLINE | 1u << NODE_DRAINED | 1u << NODE_GROUP | 1u << NODE_PARAMS;
	const uint32_t live = (1u << N_NODE) - (1u << NODE_F_SPN);
	bool flag[NODE_CAPABLE + 1] = { [NODE_CAPABLE] = true }, ok = json_scan_enter(s, '{'), is_live;
	struct ht_node n = { .cpu_speed = 1, .group = HT_NONE };
	int64_t v[N_NODE] = { 0 }, spindles = 0;
	uint32_t seen = 0, params = 0;
	char group[NAME_MAX_HERE];
	struct word w;
	int k;

	while (ok && next_key(s, keys, N_NODE, &seen, &k)) {
		if (k <= NODE_CAPABLE)
			ok = json_scan_bool(s, &flag[k]);
		else if (k == NODE_GROUP)
			ok = read_word(s, &w) && text_in(&w, group) && ht_names_group(names, group, "", &n.group, NULL) == 0;
		else if (k == NODE_PARAMS)
			ok = read_params(s, &n.excl_storage, &spindles, &params);
		else if (k == NODE_TAGS)
			ok = read_texts(s, a, &n.ntags);
		else
			ok = k != NODE_HV_STATE && json_scan_int(s, &v[k]);
	}
	is_live = !flag[NODE_OFFLINE] && flag[NODE_CAPABLE];
	if (!ok || json_scan_failed(s) || !has(seen, always | (is_live ? live : 0)) || !has(params, 1u << PARAM_EXCL) ||
	    !has(n.excl_storage ? (is_live ? seen >> NODE_SPN & 1 : 1) : params >> PARAM_SPINDLES & 1, 1))
		return false;
	n.offline = !is_live || flag[NODE_DRAINED];
	n.t_spn = n.excl_storage ? 0 : spindles;
	if (is_live) {
		n.t_spn = n.excl_storage ? v[NODE_SPN] : n.t_spn;
		n.s.f_spn = v[NODE_F_SPN];
		n.t_mem = (double)v[NODE_MEM];
		n.n_mem = v[NODE_N_MEM];
		n.f_mem = v[NODE_F_MEM];
		n.t_dsk = (double)v[NODE_DSK];
		n.s.f_dsk = v[NODE_F_DSK];
		n.t_cpu = (double)v[NODE_CPU];
		n.n_cpu = v[NODE_N_CPU];
	}
	*ret = n;
	return true;
}

/* --- instances --- */

static bool read_disk(struct json_scan *s, struct ht_disk *ret)
{
	static const char *const keys[] = { "size", "spindles" };
	uint32_t seen = 0;
	int k;

	*ret = (struct ht_disk){ 0, HT_NONE };
	if (!json_scan_enter(s, '{'))
		return false;
	while (next_key(s, keys, ARRAY_SIZE(keys), &seen, &k))
		if (k == 0 ? !json_scan_int(s, &ret->size) : !json_scan_int(s, &ret->spindles) && !json_scan_word(s, "null"))
			return false;
	return !json_scan_failed(s) && has(seen, 1);
}

static bool read_disks(struct json_scan *s, struct arena *a, struct ht_inst *i)
{
	struct ht_disk v[16]; /* as many as an instance can have */
	size_t n = 0;

	if (!json_scan_enter(s, '['))
		return false;
	while (json_scan_item(s))
		if (n == ARRAY_SIZE(v) || !read_disk(s, &v[n++]))
			return false;
	if (json_scan_failed(s))
		return false;
	i->n_disks = n;
	i->disks = ARENA_ARRAY(a, struct ht_disk, n + 1);
	memcpy(i->disks, v, n * sizeof(*v));
	return true;
}

static bool read_nic(struct json_scan *s, struct arena *a, struct ht_inst *i, struct ht_nic *ret)
{
	uint32_t seen = 0;
	int k;

	*ret = (struct ht_nic){ { NULL } };
	if (!json_scan_enter(s, '{'))
		return false;
	while (next_key(s, ht_nic_keys, HT_N_NIC, &seen, &k)) {
		if (!read_text(s, a, &ret->v[k]) && !json_scan_word(s, "null"))
			return false;
		if (k == HT_NIC_MODE && ret->v[k] && !ht_nic_mode_known(ret->v[k]))
			return false;
	}
	if (json_scan_failed(s))
		return false;
	if (ret->v[HT_NIC_NETWORK])
		strs_add(a, &i->networks, ret->v[HT_NIC_NETWORK]);
	return true;
}

static bool read_nics(struct json_scan *s, struct arena *a, struct ht_inst *i)
{
	struct ht_nic v[16];
	size_t n = 0;

	if (!json_scan_enter(s, '['))
		return false;
	while (json_scan_item(s))
		if (n == ARRAY_SIZE(v) || !read_nic(s, a, i, &v[n++]))
			return false;
	if (json_scan_failed(s))
		return false;
	i->n_nics = n;
	i->nics = n ? arena_dup(a, v, n * sizeof(*v)) : NULL;
	return true;
}

static bool read_nodes(struct json_scan *s, const struct ht_names *names, struct ht_inst *i)
{
	int *const to[] = { &i->pri, &i->sec };
	char name[NAME_MAX_HERE];
	struct word w;
	size_t n = 0;

	if (!json_scan_enter(s, '['))
		return false;
	for (; json_scan_item(s); n++)
		if (n == ARRAY_SIZE(to) || !read_word(s, &w) || !text_in(&w, name) ||
		    ht_names_node(names, name, "", to[n], NULL) < 0)
			return false;
	return !json_scan_failed(s) && n > 0;
}

static bool read_word_of(struct json_scan *s, const struct enum_def *d, int *ret)
{
	char text[NAME_MAX_HERE];
	struct word w;

	if (!read_word(s, &w) || !text_in(&w, text))
		return false;
	*ret = enum_value(d, text);
	return true;
}

enum { INST_DSK, INST_MEM, INST_CPUS, INST_SPN, INST_DISKS, INST_TAGS, INST_TMPL, INST_NICS, INST_NODES, INST_ADMIN, INST_FORTH, N_INST };

bool quick_inst(struct json_scan *s, struct arena *a, const struct ht_names *names, struct ht_inst *ret)
{
	static const char *const keys[N_INST] = {
		"disk_space_total", "memory", "vcpus", "spindle_use", "disks", "tags", "disk_template", "nics", "nodes",
		"admin_state", "forthcoming",
	};
	struct ht_inst i = { .pri = HT_NONE, .sec = HT_NONE };
	int64_t *const numbers[] = { &i.dsk, &i.mem, &i.vcpus, &i.spindle_use };
	bool ok = json_scan_enter(s, '{');
	int tmpl = -1, admin = -1, k;
	uint32_t seen = 0;

	while (ok && next_key(s, keys, N_INST, &seen, &k)) {
		if (k <= INST_SPN)
			ok = json_scan_int(s, numbers[k]);
		else if (k == INST_DISKS)
			ok = read_disks(s, a, &i);
		else if (k == INST_TAGS)
			ok = read_texts(s, a, &i.tags);
		else if (k == INST_TMPL)
			ok = read_word_of(s, &enum_disk_template, &tmpl) && tmpl >= 0;
		else if (k == INST_NICS)
			ok = read_nics(s, a, &i);
		else if (k == INST_NODES)
			ok = read_nodes(s, names, &i);
		else if (k == INST_ADMIN)
			ok = read_word_of(s, &enum_admin_state, &admin);
		else
			ok = json_scan_bool(s, &i.forthcoming);
	}
	if (!ok || json_scan_failed(s) || !has(seen, (1u << INST_ADMIN) - 1))
		return false;
	ht_inst_as_asked(&i, tmpl, admin);
	*ret = i;
	return true;
}
