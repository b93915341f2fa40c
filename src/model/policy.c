/* Instance policies. Upstream: objects.InstancePolicy and cmdlib's ComputeIPolicySpecViolation. */
#include "src/model/model.h"

#include <math.h>
#include <string.h>

#include "lib/base/parse.h"

#define KEY_MINMAX "minmax"
#define KEY_STD "std"
#define KEY_TEMPLATES "disk-templates"

static const char *const spec_names[] = { "cpu-count",	 "disk-count", "disk-size",
					  "memory-size", "nic-count",  "spindle-use" };

json *fill_ipolicy(struct arena *a, const struct cluster *c, const struct nodegroup *g)
{
	json *j = json_own(a, record_defaults(rec_ipolicy()));
	json *std = json_get(c->ipolicy, KEY_STD);

	json_merge(j, c->ipolicy);
	if (std) /* a partial one keeps the defaults of the rest */
		json_set(j, KEY_STD,
			 json_merge(json_merge(json_new_dict(),
					       json_get(json_own(a, record_defaults(rec_ipolicy())),
							KEY_STD)),
				    std));
	return g ? json_merge(j, g->ipolicy) : j;
}

/* --- does an instance fit? --- */
static void compare(struct arena *a, struct strs *errs, const char *name, const char *qualifier,
		    const json *range, int64_t value)
{
	int64_t min, max;

	if (value < 0)
		return; /* not known or not asked for */
	min = json_get_int(json_get(range, "min"), name, value);
	max = json_get_int(json_get(range, "max"), name, value);
	if (value >= min && value <= max)
		return;
	strs_add(a, errs,
		 arena_printf(a, "%s%s%s value %lld is not in range [%lld, %lld]", name,
			      qualifier ? "/" : "", qualifier ? qualifier : "", (long long)value,
			      (long long)min, (long long)max));
}

static struct strs range_violations(struct arena *a, const json *range,
				    const struct ispec_values *v)
{
	struct strs errs = { 0 };

	compare(a, &errs, "memory-size", NULL, range, v->memory);
	compare(a, &errs, "cpu-count", NULL, range, v->cpus);
	compare(a, &errs, "nic-count", NULL, range, v->nics);
	compare(a, &errs, "spindle-use", NULL, range, v->spindles);
	for (size_t i = 0; i < v->n_disks; i++)
		compare(a, &errs, "disk-size", arena_printf(a, "%zu", i), range, v->disk_sizes[i]);
	if (v->n_disks)
		compare(a, &errs, "disk-count", NULL, range, (int64_t)v->n_disks);
	return errs;
}

static void check_template(struct arena *a, struct strs *errs, const json *ipolicy,
			   const struct ispec_values *v)
{
	struct strs allowed = json_strs(a, json_get(ipolicy, KEY_TEMPLATES));
	const char *name = enum_name(&enum_disk_template, v->template_);

	if (!strs_has(&allowed, name))
		strs_add(a, errs,
			 arena_printf(a, v->n_disks ?
				      "Disk template %s is not allowed (allowed templates: %s)" :
				      "Disk template %s is not allowed (allowed templates %s)",
				      name, strs_join(a, &allowed, ", ")));
}

struct strs policy_violations(struct arena *a, const json *ipolicy, const struct ispec_values *v)
{
	struct strs errs = { 0 }, best = { 0 };

	check_template(a, &errs, ipolicy, v);
	json_items(json_get(ipolicy, KEY_MINMAX), i, range) {
		struct strs now = range_violations(a, range, v);

		if (i == 0 || now.n < best.n)
			best = now;
	}
	for (size_t i = 0; i < best.n; i++)
		strs_add(a, &errs, best.v[i]);
	return errs;
}

/* --- is a policy well-formed? --- */
static int bad(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int bad(struct err *e, const char *fmt, ...)
{
	va_list ap;
	char *s CLEANUP(freep) = NULL;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return err_set(e, ConfigurationError, NULL, "%s", s);
}

static int check_complete(struct arena *a, const json *spec, const char *key, struct err *e)
{
	struct strs missing = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(spec_names); i++)
		if (!json_has(spec, spec_names[i]))
			strs_add(a, &missing, spec_names[i]);
	if (missing.n)
		return bad(e, "Missing instance specs parameters for %s: %s", key,
			   strs_join(a, &missing, ", "));
	json_each(spec, name, v) {
		if (!json_is(v, JSON_INT))
			return bad(e, "Invalid value for instance specs parameter %s of %s", name,
				   key);
	}
	return 0;
}

/* Is the standard instance inside this range? */
static int check_range(struct arena *a, const json *range, const json *std, bool *ret_good,
		       struct err *e)
{
	static const char *const keys[] = { "max", "min" };
	struct strs missing = { 0 };
	bool good = true;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!json_has(range, keys[i]))
			strs_add(a, &missing, keys[i]);
	if (missing.n)
		return bad(e, "Missing instance specification: %s", strs_join(a, &missing, ", "));
	json_each(range, key, spec) {
		if (check_complete(a, spec, key, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(spec_names); i++) {
		const char *name = spec_names[i];
		int64_t min = json_get_int(json_get(range, "min"), name, 0);
		int64_t max = json_get_int(json_get(range, "max"), name, 0);
		int64_t v = json_get_int(std, name, min);

		if (min > max)
			return bad(e, "Invalid specification of min/max values for %s: %lld/%lld",
				   name, (long long)min, (long long)max);
		good &= v >= min && v <= max;
	}
	*ret_good = good;
	return 0;
}

static int check_specs(struct arena *a, const json *ipolicy, bool group, struct err *e)
{
	json *ranges = json_get(ipolicy, KEY_MINMAX);
	json *std = group ? NULL : json_get(ipolicy, KEY_STD);
	bool std_good = false;

	if (!json_has(ipolicy, KEY_MINMAX))
		return 0;
	if (!group) {
		if (!std)
			return bad(e, "Missing key in ipolicy: %s", KEY_STD);
		if (check_complete(a, std, KEY_STD, e) < 0)
			return -1;
	}
	if (!json_len(ranges))
		return bad(e, "Empty minmax specifications");
	json_items(ranges, i, range) {
		bool good = false;

		if (check_range(a, range, std, &good, e) < 0)
			return -1;
		std_good |= good;
	}
	return std_good ? 0 : bad(e, "Invalid std specifications");
}

static int check_templates(struct arena *a, const json *list, struct err *e)
{
	struct strs wrong = { 0 };

	if (!json_is(list, JSON_ARRAY) || !json_len(list))
		return bad(e, "Instance policy must contain at least one disk template");
	json_items(list, i, v) {
		if (enum_value(&enum_disk_template, json_str(v)) < 0)
			strs_add(a, &wrong, json_str(v) ? json_str(v) : json_dump_in(a, v));
	}
	return wrong.n ? bad(e, "Invalid disk template(s) %s", strs_join(a, &wrong, ", ")) : 0;
}

static int check_ratio(struct arena *a, const char *key, const json *v, struct err *e)
{
	if (json_is(v, JSON_INT) || json_is(v, JSON_FLOAT))
		return 0;
	return bad(e, "Invalid value for key '%s': '%s', error: could not convert to float", key,
		   json_str(v) ? json_str(v) : json_dump_in(a, v));
}

int policy_check(const json *ipolicy, bool group, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs wrong = { 0 };

	if (check_specs(a, ipolicy, group, e) < 0)
		return -1;
	if (json_has(ipolicy, KEY_TEMPLATES) &&
	    check_templates(a, json_get(ipolicy, KEY_TEMPLATES), e) < 0)
		return -1;
	json_each(ipolicy, key, v) {
		const struct field *f = record_field(rec_ipolicy(), key);

		if (!f)
			strs_add(a, &wrong, key);
		else if (f->type == &type_num && check_ratio(a, key, v, e) < 0)
			return -1;
	}
	return wrong.n ? bad(e, "Invalid keys in ipolicy: %s", strs_join(a, &wrong, ", ")) : 0;
}
