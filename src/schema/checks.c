/* Checks of values whose type alone does not say enough; named by rows. */
#include "src/schema/schema.h"

#include "lib/base/parse.h"

#include <arpa/inet.h>
#include <string.h>

static int each(const json *v, json_check check, struct err *e)
{
	json_items(v, i, item)
		if (check(item, e) < 0)
			return -1;
	return 0;
}

int check_nestrs(const json *v, struct err *e)
{
	json_items(v, i, item)
		if (!json_str(item) || !*json_str(item))
			return err_plain(e, "empty or not a string at position %zu", i);
	return 0;
}

static int check_addr(const json *v, int family, bool with_prefix, struct err *e)
{
	const char *s = json_str(v), *slash = s ? strchr(s, '/') : NULL;
	char addr[64];
	unsigned char buf[16];
	int64_t bits;
	size_t n = s ? (slash ? (size_t)(slash - s) : strlen(s)) : 0;

	if (!s || n >= sizeof(addr) || (slash != NULL) != with_prefix)
		return err_plain(e, "'%s' is not a valid address", s ? s : "");
	memcpy(addr, s, n);
	addr[n] = '\0';
	if (inet_pton(family, addr, buf) != 1 ||
	    (with_prefix && (parse_int(slash + 1, &bits) < 0 || bits < 0 ||
			     bits > (family == AF_INET ? 32 : 128))))
		return err_plain(e, "'%s' is not a valid address", s);
	return 0;
}

int check_ip4(const json *v, struct err *e)
{
	return check_addr(v, AF_INET, false, e);
}

int check_ip6(const json *v, struct err *e)
{
	return check_addr(v, AF_INET6, false, e);
}

int check_net4(const json *v, struct err *e)
{
	return check_addr(v, AF_INET, true, e);
}

int check_net6(const json *v, struct err *e)
{
	return check_addr(v, AF_INET6, true, e);
}

int check_ip4s(const json *v, struct err *e)
{
	return each(v, check_ip4, e);
}

int check_disk_index(const json *v, struct err *e)
{
	int64_t i = json_int(v, -1);

	if (!json_is(v, JSON_INT) || i < 0 || i >= MAX_DISKS)
		return err_plain(e, "disk index must be between 0 and %d", MAX_DISKS - 1);
	return 0;
}

int check_disk_indices(const json *v, struct err *e)
{
	return each(v, check_disk_index, e);
}

int check_export_target(const json *v, struct err *e)
{
	if (json_is(v, JSON_ARRAY) || (json_str(v) && *json_str(v)))
		return 0;
	return err_plain(e, "expected a node name or a list of destinations");
}

int check_recreate_disks(const json *v, struct err *e)
{
	json_items(v, i, item) {
		json *idx = json_is(item, JSON_ARRAY) ? json_at(item, 0) : item;

		if (check_disk_index(idx, e) < 0)
			return -1;
		if (json_is(item, JSON_ARRAY) && check_idisk(json_at(item, 1), e) < 0)
			return -1;
	}
	return 0;
}

/* R NULL: any key. */
static int known_keys(const json *v, const struct record *r, const char *what, struct err *e)
{
	if (!json_is(v, JSON_DICT))
		return err_plain(e, "expected a dictionary of %s parameters", what);
	json_each(v, key, val) {
		if (r && !record_field(r, key))
			return err_plain(e, "unknown %s parameter '%s'", what, key);
		if (val && !json_is(val, JSON_STRING) && !json_is(val, JSON_INT))
			return err_plain(e, "%s parameter '%s' must be text or a number", what,
					 key);
	}
	return 0;
}

int check_inic(const json *v, struct err *e)
{
	return known_keys(v, rec_inic(), "NIC", e);
}

int check_inics(const json *v, struct err *e)
{
	return each(v, check_inic, e);
}

int check_idisk(const json *v, struct err *e)
{
	/* any key: external storage providers take parameters of their own */
	return known_keys(v, NULL, "disk", e);
}

int check_idisks(const json *v, struct err *e)
{
	return each(v, check_idisk, e);
}

int check_depends(const json *v, struct err *e)
{
	json_items(v, i, dep) {
		json *id = json_at(dep, 0), *states = json_at(dep, 1);
		int64_t n;

		if (json_len(dep) != 2 || !json_is(states, JSON_ARRAY) ||
		    !(json_is(id, JSON_INT) || (json_str(id) && parse_int(json_str(id), &n) == 0)))
			return err_plain(e, "expected [job id, list of states] at position %zu", i);
		if (check_each_job_status(states, e) < 0)
			return -1;
	}
	return 0;
}

int check_reason(const json *v, struct err *e)
{
	json_items(v, i, r)
		if (json_len(r) != 3 || !json_str(json_at(r, 0)) || !json_str(json_at(r, 1)) ||
		    !(json_is(json_at(r, 2), JSON_INT) || json_is(json_at(r, 2), JSON_FLOAT)))
			return err_plain(e, "expected [source, reason, time] at position %zu", i);
	return 0;
}

int check_mods(const json *v, struct err *e)
{
	json_items(v, i, m) {
		size_t n = json_len(m);

		if (!json_is(m, JSON_ARRAY) || (n != 2 && n != 3) ||
		    !json_is(json_at(m, n - 1), JSON_DICT))
			return err_plain(e, "expected [action, index, parameters] at position %zu",
					 i);
	}
	return 0;
}

int check_int_pairs(const json *v, struct err *e)
{
	json_items(v, i, p)
		if (json_len(p) != 2 || !json_is(json_at(p, 0), JSON_INT) ||
		    !json_is(json_at(p, 1), JSON_INT))
			return err_plain(e, "expected [low, high] at position %zu", i);
	return 0;
}

int check_ddm_names(const json *v, struct err *e)
{
	json_items(v, i, p)
		if (json_len(p) != 2 || enum_value(&enum_ddm, json_str(json_at(p, 0))) < 0 ||
		    !json_str(json_at(p, 1)))
			return err_plain(e, "expected [action, name] at position %zu", i);
	return 0;
}

static int dict_of(const json *v, enum json_kind kind, const char *what, struct err *e)
{
	json_each(v, key, val)
		if (!json_is(val, kind))
			return err_plain(e, "value of '%s' is not %s", key, what);
	return 0;
}

int check_dict_of_dicts(const json *v, struct err *e)
{
	return dict_of(v, JSON_DICT, "a dictionary", e);
}

int check_dict_of_bools(const json *v, struct err *e)
{
	return dict_of(v, JSON_BOOL, "a boolean", e);
}

int check_dict_of_ints(const json *v, struct err *e)
{
	return dict_of(v, JSON_INT, "an integer", e);
}

int check_priority(const json *v, struct err *e)
{
	int64_t p = json_int(v, 100);

	if (!json_is(v, JSON_INT) || p < PRIO_HIGHEST || p > PRIO_LOWEST)
		return err_plain(e, "priority must be between %d and %d", PRIO_HIGHEST,
				 PRIO_LOWEST);
	return 0;
}
