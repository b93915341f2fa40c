/* Parameters as people type them: text to the types of the rows, policies, ranges, times. */
#include "cli/common/common.h"

#include "lib/base/parse.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_WORD "default"

typedef const struct field *(*find_field)(const void *arg, const char *key);

/* Upstream's ForceDictType. DFLT: "default" in any case passes, as that word. */
static int coerce(struct cli *c, find_field find, const void *arg, const json *in, bool dflt,
		  json **ret, struct err *e)
{
	json *out = json_own(c->a, json_new_dict());
	struct err why CLEANUP(err_clear) = ERR_NONE;

	json_each(in, key, v) {
		const struct field *f = find(arg, key);
		json *converted = NULL;

		if (!f)
			return err_set(e, TypeEnforcementError, NULL, "Unknown parameter '%s'",
				       key);
		if (dflt && json_str(v) && strcasecmp(json_str(v), DEFAULT_WORD) == 0)
			converted = json_new_str(DEFAULT_WORD);
		else if (!f->type->coerce)
			converted = json_ref(v);
		else if (f->type->coerce(f->type, key, v, &converted, &why) < 0)
			return err_set(e, TypeEnforcementError, NULL, "%s", err_msg(&why));
		json_set(out, key, converted);
	}
	*ret = out;
	return 0;
}

static const struct field *hv_field(const void *arg, const char *key)
{
	(void)arg;
	for (size_t i = 0; i < enum_hypervisor.n; i++) {
		const struct field *f = record_field(hvparams_record((int)i), key);

		if (f)
			return f;
	}
	return NULL;
}

int params_hv(struct cli *c, const json *in, bool dflt, json **ret, struct err *e)
{
	const char *usb;
	char *list;

	TRY(coerce(c, hv_field, NULL, in, dflt, ret, e));
	/* commas separate parameters here, so devices are separated by blanks */
	usb = json_get_str(*ret, "usb_devices");
	if (!usb)
		return 0;
	list = arena_strdup(c->a, usb);
	for (char *p = list; *p; p++)
		if (*p == ' ')
			*p = ',';
	json_set(*ret, "usb_devices", json_new_str(list));
	return 0;
}

static const struct field *plain_field(const void *arg, const char *key)
{
	return record_field(arg, key);
}

int params_record(struct cli *c, const struct record *r, const json *in, bool dflt, json **ret,
		  struct err *e)
{
	return coerce(c, plain_field, r, in, dflt, ret, e);
}

/* "memory" sets both limits; the master understands it. */
static const struct field *be_field(const void *arg, const char *key)
{
	return record_field(arg, strcmp(key, "memory") == 0 ? "maxmem" : key);
}

int params_be(struct cli *c, const json *in, bool dflt, json **ret, struct err *e)
{
	return coerce(c, be_field, rec_beparams(), in, dflt, ret, e);
}

static const struct field *disk_field(const void *arg, const char *key)
{
	(void)arg;
	for (size_t i = 0; i < enum_disk_template.n; i++) {
		const struct field *f = record_field(diskparams_record((int)i), key);

		if (f)
			return f;
	}
	return NULL;
}

int params_disk(struct cli *c, const json *in, json **ret, struct err *e)
{
	return coerce(c, disk_field, NULL, in, false, ret, e);
}

json *params_pairs(struct cli *c, const json *pairs)
{
	json *d = json_own(c->a, json_new_dict());

	json_items(pairs, i, p)
		json_set(d, json_str(json_at(p, 0)), json_ref(json_at(p, 1)));
	return d;
}

int params_disk_state(struct cli *c, const json *pairs, json **ret, struct err *e)
{
	json *d = json_own(c->a, json_new_dict());

	json_items(pairs, i, p) {
		struct strs path = strs_split(c->a, json_str(json_at(p, 0)), '/');
		json *inner;

		if (path.n != 2 || !*path.v[0] || !*path.v[1])
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Disk state is given as <storage type>/<name>:<key>=<value>,"
				       "..., not '%s'",
				       json_str(json_at(p, 0)));
		inner = json_get(d, path.v[0]);
		if (!inner) {
			inner = json_new_dict();
			json_set(d, path.v[0], inner);
		}
		json_set(inner, path.v[1], json_ref(json_at(p, 1)));
	}
	*ret = d;
	return 0;
}

/* --- instance policy --- */

/* Sizes in the dict D become MiB. */
static int spec_units(json *d, const char *name, struct err *e)
{
	static const char *const sizes[] = { "disk-size", "memory-size" };
	struct err why CLEANUP(err_clear) = ERR_NONE;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		const char *text = json_get_str(d, sizes[i]);
		int64_t mib;

		if (!text)
			continue;
		if (parse_unit(text, &mib, &why) < 0)
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Invalid parameter %s (%s) in %s instance specs: %s",
				       sizes[i], text, name, err_msg(&why));
		json_set(d, sizes[i], json_new_int(mib));
	}
	return 0;
}

static int one_spec(struct cli *c, const json *in, const char *name, bool complete, json **ret,
		    struct err *e)
{
	const struct record *r = rec_ispec();
	json *d = json_own(c->a, json_merge(json_new_dict(), in));
	struct strs missing = { 0 };

	TRY(spec_units(d, name, e));
	TRY(params_record(c, r, d, false, ret, e));
	for (size_t i = 0; complete && i < r->n; i++)
		if (!json_has(*ret, field_wire(&r->fields[i])))
			strs_add(c->a, &missing, field_wire(&r->fields[i]));
	if (missing.n)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Missing parameters in ipolicy spec %s: %s", name,
			       strs_join(c->a, &missing, ", "));
	return 0;
}

static bool is_bound(const char *key)
{
	return strcmp(key, "min") == 0 || strcmp(key, "max") == 0;
}

static int bounds(struct cli *c, const json *ranges, bool dflt, json *policy, struct err *e)
{
	const json *first = json_at(ranges, 0);
	json *out;

	if (dflt && json_len(ranges) == 1 && json_len(first) == 1 && json_has(first, DEFAULT_WORD) &&
	    !json_len(json_get(first, DEFAULT_WORD))) {
		json_set(policy, "minmax", json_new_str(DEFAULT_WORD));
		return 0;
	}
	out = json_new_array();
	json_set(policy, "minmax", out);
	json_items(ranges, i, range) {
		json *pair = json_new_dict();

		json_append(out, pair);
		json_each(range, key, spec) {
			json *done;

			if (!is_bound(key))
				return err_set(e, ERR_PREREQ, ECODE_INVAL,
					       "Invalid key in bounds instance specifications: %s",
					       key);
			TRY(one_spec(c, spec, key, true, &done, e));
			json_set(pair, key, json_ref(done));
		}
	}
	return 0;
}

/* --specs-mem-size min=..,max=..,std=..: the same numbers by parameter. */
static const struct {
	const char *dest, *param;
	bool size;
} split_specs[] = {
	{ "ispecs_mem_size", "memory-size", true },  { "ispecs_cpu_count", "cpu-count", false },
	{ "ispecs_disk_count", "disk-count", false }, { "ispecs_disk_size", "disk-size", true },
	{ "ispecs_nic_count", "nic-count", false },
};

static bool have_split_specs(const struct cli *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(split_specs); i++)
		if (json_len(cli_opt(c, split_specs[i].dest)))
			return true;
	return false;
}

/* POLICY holds the defaults already. */
static int apply_split_specs(struct cli *c, json *policy, struct err *e)
{
	json *range = json_at(json_get(policy, "minmax"), 0);

	for (size_t i = 0; i < ARRAY_SIZE(split_specs); i++) {
		json_each(cli_opt(c, split_specs[i].dest), key, v) {
			json *target = strcmp(key, "std") == 0 ? json_get(policy, "std") :
				       is_bound(key)	       ? json_get(range, key) :
								 NULL;
			struct err why CLEANUP(err_clear) = ERR_NONE;
			const struct type *t = split_specs[i].size ? &type_size_mib : &type_int;
			json *n = NULL;

			if (!target)
				return err_set(e, TypeEnforcementError, NULL,
					       "Unknown parameter '%s'", key);
			if (t->coerce(t, key, v, &n, &why) < 0)
				return err_set(e, TypeEnforcementError, NULL, "%s", err_msg(&why));
			json_set(target, split_specs[i].param, n);
		}
	}
	return 0;
}

static void ratio(const struct cli *c, const char *dest, json *policy, const char *key)
{
	const json *v = cli_opt(c, dest);

	if (v)
		json_set(policy, key, json_ref((json *)v));
}

int params_ipolicy(struct cli *c, bool fill, bool dflt, json **ret, struct err *e)
{
	const json *ranges = cli_opt(c, "ipolicy_bounds_specs"), *done;
	const json *std = cli_opt(c, "ipolicy_std_specs");
	const json *templates = cli_opt(c, "ipolicy_disk_templates");
	json *policy = NULL, *spec;

	if (have_split_specs(c) && (ranges || std))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "A --specs-xxx option cannot be specified together with any "
			       "--ipolicy-xxx-specs option");
	if (fill)
		TRY(json_parse(IPOLICY_DEFAULTS, strlen(IPOLICY_DEFAULTS), &policy, e));
	else
		policy = json_new_dict();
	json_own(c->a, policy);
	TRY(apply_split_specs(c, policy, e));
	if (ranges)
		TRY(bounds(c, ranges, dflt, policy, e));
	if (std) {
		TRY(one_spec(c, std, "std", false, &spec, e));
		done = spec;
		if (fill)
			json_merge(json_get(policy, "std"), done);
		else
			json_set(policy, "std", json_ref(spec));
	}
	if (templates)
		json_set(policy, "disk-templates", json_ref((json *)templates));
	ratio(c, "ipolicy_vcpu_ratio", policy, "vcpu-ratio");
	ratio(c, "ipolicy_spindle_ratio", policy, "spindle-ratio");
	ratio(c, "ipolicy_memory_ratio", policy, "memory-ratio");
	if (fill && !templates) {
		struct strs all = { 0 };

		for (size_t i = 0; i < enum_disk_template.n; i++)
			strs_add(c->a, &all, enum_disk_template.items[i].name);
		json_set(policy, "disk-templates", json_new_strs(&all));
	}
	*ret = policy;
	return 0;
}

/* --- ranges, times, words --- */

struct range {
	int64_t low, high;
};

static int by_low(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	return x->high < y->high ? -1 : x->high > y->high;
}

static int uid(const char *text, const char *which, int64_t *ret, struct err *e)
{
	struct str s CLEANUP(str_free) = { 0 };

	if (parse_int(text, ret) == 0)
		return 0;
	ui_repr_str(&s, text);
	return err_set(e, ERR_PREREQ, ECODE_INVAL,
		       "Invalid user-id value for %s boundary of user-id range: invalid literal for "
		       "int() with base 10: %s",
		       which, str_get(&s));
}

int params_uids(struct cli *c, const char *text, json **ret, struct err *e)
{
	struct strs parts = strs_split(c->a, text, ',');
	struct range *v = ARENA_ARRAY(c->a, struct range, parts.n);
	json *out;
	size_t n = 0;

	for (size_t i = 0; i < parts.n; i++) {
		struct strs ends = strs_split(c->a, parts.v[i], '-');

		if (!*parts.v[i])
			continue;
		if (ends.n > 2) {
			struct str s CLEANUP(str_free) = { 0 };

			ui_repr(&s, json_own(c->a, json_new_strs(&ends)));
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Invalid user-id range definition. Only one hyphen allowed: "
				       "%s",
				       str_get(&s));
		}
		TRY(uid(ends.v[0], "lower", &v[n].low, e));
		TRY(uid(ends.v[ends.n - 1], "higher", &v[n].high, e));
		n++;
	}
	qsort(v, n, sizeof(*v), by_low);
	out = json_own(c->a, json_new_array());
	for (size_t i = 0; i < n; i++)
		json_append(out, json_pack("[I, I]", v[i].low, v[i].high));
	*ret = out;
	return 0;
}

int params_timespec(const char *text, int64_t *ret_seconds, struct err *e)
{
	static const char suffixes[] = "smhdw";
	static const int64_t factors[] = { 1, 60, 3600, 86400, 604800 };
	size_t n = strlen(text);
	const char *suffix = n ? strchr(suffixes, text[n - 1]) : NULL;
	char *number CLEANUP(freep) = xstrndup(text, suffix ? n - 1 : n);
	int64_t v;

	if (!n)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Empty time specification passed");
	if (!*number)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Invalid time specification (only suffix passed)");
	if (parse_int(number, &v) < 0 || v > INT64_C(1) << 40 || v < -(INT64_C(1) << 40))
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid time specification '%s'",
			       number);
	*ret_seconds = suffix ? v * factors[suffix - suffixes] : v;
	return 0;
}

json *params_words(struct cli *c, const char *text)
{
	struct strs l = strs_split(c->a, text, ',');

	return json_own(c->a, json_new_strs(&l));
}
