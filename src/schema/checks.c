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

/* What clients may say of a NIC or disk: R's keys, or any (external storage providers have parameters of
 * their own). Null is as good as nothing. */
static int known_keys(const json *v, const struct record *r, const char *what, struct err *e)
{
	if (!json_is(v, JSON_DICT))
		return err_plain(e, "expected a dictionary of %s parameters", what);
	json_each(v, key, val) {
		if (r ? !record_field(r, key) : !*key)
			return err_plain(e, "unknown %s parameter '%s'", what, key);
		if (r && val && !json_str(val))
			return err_plain(e, "%s parameter '%s' must be text", what, key);
		if (!r && val && !json_is(val, JSON_INT) && !(json_str(val) && *json_str(val)))
			return err_plain(e, "%s parameter '%s' must be text or a number", what, key);
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
	return known_keys(v, NULL, "disk", e);
}

int check_idisks(const json *v, struct err *e)
{
	return each(v, check_idisk, e);
}

static bool is_index(const json *v)
{
	return json_is(v, JSON_INT) && json_int(v, -1) >= 0;
}

/* All are indices, or all are [index, parameters]. */
int check_recreate_disks(const json *v, struct err *e)
{
	bool pairs = json_is(json_at(v, 0), JSON_ARRAY);

	json_items(v, i, item) {
		if (json_is(item, JSON_ARRAY) != pairs || (pairs && json_len(item) != 2) ||
		    !is_index(pairs ? json_at(item, 0) : item))
			return err_plain(e, "expected an index or [index, parameters] at position %zu", i);
		if (pairs && check_idisk(json_at(item, 1), e) < 0)
			return -1;
	}
	return 0;
}

static bool is_action(const json *v, bool with_index)
{
	const char *s = json_str(v);

	return s && (enum_value(&enum_ddm, s) >= 0 || (with_index && strcmp(s, "modify") == 0));
}

/* [action, index or name, parameters], or [action or index, parameters] of old clients. */
static int mods(const json *v, json_check params, struct err *e)
{
	json_items(v, i, m) {
		const json *first = json_at(m, 0), *second = json_at(m, 1);
		size_t n = json_is(m, JSON_ARRAY) ? json_len(m) : 0;

		if (!(n == 3 && is_action(first, true) && (json_is(second, JSON_INT) || json_str(second))) &&
		    !(n == 2 && (is_action(first, false) || is_index(first))))
			return err_plain(e, "expected [action, index, parameters] at position %zu", i);
		if (params(json_at(m, n - 1), e) < 0)
			return -1;
	}
	return 0;
}

int check_nic_mods(const json *v, struct err *e)
{
	return mods(v, check_inic, e);
}

int check_disk_mods(const json *v, struct err *e)
{
	return mods(v, check_idisk, e);
}

int check_depends(const json *v, struct err *e)
{
	json_items(v, i, dep) {
		json *id = json_at(dep, 0), *states = json_at(dep, 1);
		int64_t n;

		if (json_len(dep) != 2 || !json_is(states, JSON_ARRAY) ||
		    !(json_is(id, JSON_INT) || (json_str(id) && parse_int(json_str(id), &n) == 0)))
			return err_plain(e, "expected [job id, list of states] at position %zu", i);
		json_items(states, k, state) {
			int s = enum_value(&enum_job_status, json_str(state));

			if (s != job_status_success && s != job_status_error && s != job_status_canceled)
				return err_plain(e, "not a state jobs end in at position %zu", i);
		}
	}
	return 0;
}

int check_reason(const json *v, struct err *e)
{
	json_items(v, i, r)
		if (json_len(r) != 3 || !json_str(json_at(r, 0)) || !json_str(json_at(r, 1)) ||
		    !json_is(json_at(r, 2), JSON_INT))
			return err_plain(e, "expected [source, reason, time] at position %zu", i);
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
		    !json_str(json_at(p, 1)) || !*json_str(json_at(p, 1)))
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

/* Dictionaries by disk template. */
int check_diskparams(const json *v, struct err *e)
{
	json_each(v, key, val) {
		(void)val;
		if (enum_value(&enum_disk_template, key) < 0)
			return err_plain(e, "'%s' is not a disk template", key);
	}
	return check_dict_of_dicts(v, e);
}

/* What jobs may be submitted with; others can be set later. */
int check_priority(const json *v, struct err *e)
{
	int64_t p = json_int(v, 100);

	if (!json_is(v, JSON_INT) || (p != PRIO_HIGH && p != PRIO_NORMAL && p != PRIO_LOW))
		return err_plain(e, "priority must be %d, %d or %d", PRIO_HIGH, PRIO_NORMAL, PRIO_LOW);
	return 0;
}

static int kind_of_items(const json *v, enum json_kind kind, const char *what, struct err *e)
{
	if (!json_is(v, JSON_ARRAY))
		return err_plain(e, "expected a list, got %s", json_kind_name(v));
	json_items(v, i, item)
		if (!json_is(item, kind))
			return err_plain(e, "not %s at position %zu", what, i);
	return 0;
}

int check_number(const json *v, struct err *e)
{
	return json_is(v, JSON_INT) || json_is(v, JSON_FLOAT) ? 0 :
								err_plain(e, "Unable to read Double");
}

int check_int(const json *v, struct err *e)
{
	return json_is(v, JSON_INT) ? 0 : err_plain(e, "Unable to read Int");
}

/* The texts of these are those of upstream's JSON reader: clients of the master see them. */
/* A number, or one as text. */
int check_job_id(const json *v, struct err *e)
{
	const char *s = json_str(v);

	if ((json_is(v, JSON_INT) && json_int(v, -1) >= 0) || (s && *s && !s[strspn(s, "0123456789")]))
		return 0;
	if (json_is(v, JSON_INT))
		return err_plain(e, "Invalid value for job ID ' %lld'", (long long)json_int(v, 0));
	if (s)
		return err_plain(e, "parsing job id: could not parse string '%s'", s);
	return err_plain(e, "Wrong type/value for job id");
}

int check_job_ids(const json *v, struct err *e)
{
	return check_list(v, e) < 0 ? -1 : each(v, check_job_id, e);
}

int check_ints(const json *v, struct err *e)
{
	return kind_of_items(v, JSON_INT, "a number", e);
}

int check_strings(const json *v, struct err *e)
{
	return check_list(v, e) < 0 ? -1 : each(v, check_string, e);
}

int check_list(const json *v, struct err *e)
{
	return json_is(v, JSON_ARRAY) ? 0 : err_plain(e, "Unable to read List");
}

int check_string(const json *v, struct err *e)
{
	return json_str(v) ? 0 : err_plain(e, "Unable to read String");
}
