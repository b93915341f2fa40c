/* --net and --disk: devices of a new instance and changes of an old one's. */
#include "cli/common/common.h"

#include "lib/base/parse.h"

#include <string.h>

static int prereq(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int prereq(struct err *e, const char *fmt, ...)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	va_list ap;

	va_start(ap, fmt);
	err_set(e, ERR_PREREQ, ECODE_INVAL, "%s", arena_vprintf(a, fmt, ap));
	va_end(ap);
	return -1;
}

static const char *as_text(struct cli *c, const json *v)
{
	struct str s CLEANUP(str_free) = { 0 };

	ui_text(&s, v);
	return arena_strdup(c->a, str_get(&s));
}

/* The index PAIR is about; what Python's int() says when there is none. */
static int index_of(struct cli *c, const json *pair, const char *what, int64_t max, int64_t *ret,
		    struct err *e)
{
	const char *text = json_str(json_at(pair, 0));
	struct str s CLEANUP(str_free) = { 0 };

	if (parse_int(str_strip(c->a, text), ret) < 0) {
		ui_repr_str(&s, text);
		return prereq(e, "Invalid %s index passed: invalid literal for int() with base 10: %s",
			      what, str_get(&s));
	}
	if (*ret < 0 || *ret >= max)
		return prereq(e, "Invalid %s index passed: %s", what, text);
	return 0;
}

/* The devices given, later ones win; what was left out in between is all default. */
static json *from_slots(struct cli *c, json *const *slots, size_t max)
{
	json *list = json_own(c->a, json_new_array());
	size_t n = max;

	while (n && !slots[n - 1])
		n--;
	for (size_t i = 0; i < n; i++)
		json_append(list, slots[i] ? json_ref(slots[i]) : json_new_dict());
	return list;
}

int mods_nics(struct cli *c, const json *pairs, json **ret, struct err *e)
{
	json *slots[MAX_NICS] = { NULL };

	json_items(pairs, i, p) {
		json *params = json_at(p, 1);
		int64_t index;

		TRY(index_of(c, p, "NIC", MAX_NICS, &index, e));
		if (!json_is(params, JSON_DICT))
			return prereq(e, "Invalid nic/%lld value: expected dict, got %s",
				      (long long)index, as_text(c, params));
		TRY(params_record(c, rec_inic(), params, false, &slots[index], e));
	}
	*ret = from_slots(c, slots, MAX_NICS);
	return 0;
}

/* Text sizes and numbers in the dict D of a disk. WHERE is for messages, " for disk 0" or "". */
static int disk_numbers(json *d, const char *where, struct err *e)
{
	const char *size = json_get_str(d, "size"), *spindles = json_get_str(d, "spindles");
	struct err why CLEANUP(err_clear) = ERR_NONE;
	int64_t n;

	if (size) {
		if (parse_unit(size, &n, &why) < 0)
			return prereq(e, "Invalid disk size%s: %s", where, err_msg(&why));
		json_set(d, "size", json_new_int(n));
	}
	if (spindles) {
		if (parse_int(spindles, &n) < 0)
			return prereq(e, "Invalid spindles%s: '%s'", where, spindles);
		json_set(d, "spindles", json_new_int(n));
	}
	return 0;
}

int mods_disks(struct cli *c, const json *pairs, json **ret, struct err *e)
{
	json *slots[MAX_DISKS] = { NULL };

	json_items(pairs, i, p) {
		json *params = json_at(p, 1), *d;
		bool size = json_has(params, "size"), adopt = json_has(params, "adopt");
		int64_t index;

		TRY(index_of(c, p, "disk", MAX_DISKS, &index, e));
		if (!json_is(params, JSON_DICT))
			return prereq(e, "Invalid disk/%lld value: expected dict, got %s",
				      (long long)index, as_text(c, params));
		if (size && adopt)
			return prereq(e, "Only one of 'size' and 'adopt' allowed (disk %lld)",
				      (long long)index);
		if (!size && !adopt)
			return prereq(e, "Missing size or adoption source for disk %lld",
				      (long long)index);
		if (adopt && json_has(params, "spindles"))
			return prereq(e, "spindles is not a valid option when adopting a disk");
		d = json_own(c->a, json_merge(json_new_dict(), params));
		if (adopt)
			json_set(d, "size", json_new_int(0));
		TRY(disk_numbers(d, arena_printf(c->a, " for disk %lld", (long long)index), e));
		slots[index] = d;
	}
	*ret = from_slots(c, slots, MAX_DISKS);
	return 0;
}

int mods_recreate(struct cli *c, const json *pairs, json **ret, struct err *e)
{
	json *list = json_own(c->a, json_new_array());

	json_items(pairs, i, p) {
		json *params = json_at(p, 1), *d;
		int64_t index;

		TRY(index_of(c, p, "disk", MAX_DISKS, &index, e));
		if (!json_is(params, JSON_DICT))
			return prereq(e, "Invalid disk/%lld value: expected dict, got %s",
				      (long long)index, as_text(c, params));
		d = json_own(c->a, json_merge(json_new_dict(), params));
		TRY(disk_numbers(d, arena_printf(c->a, " for disk %lld", (long long)index), e));
		json_append(list, json_pack("[I, O]", index, d));
	}
	*ret = list;
	return 0;
}

/* "N:add,..." and the like: what is to be done to the device; "modify" when nothing else is said.
 * Takes the word out of PARAMS. */
static int action_word(struct cli *c, json *params, const char **ret, struct err *e)
{
	struct strs words = { 0 };
	size_t found = 0;

	for (size_t i = 0; i < enum_ddm.n; i++)
		strs_add(c->a, &words, enum_ddm.items[i].name);
	strs_add(c->a, &words, "modify");
	*ret = "modify";
	for (size_t i = 0; i < words.n; i++) {
		if (!json_has(params, words.v[i]))
			continue;
		json_del(params, words.v[i]);
		*ret = words.v[i];
		found++;
	}
	if (found > 1)
		return prereq(e, "Cannot do more than one of the following operations at the same "
				 "time: %s",
			      strs_join(c->a, &words, ", "));
	return 0;
}

/* An index travels as a number, a name or UUID as text. */
static json *ident_value(const char *ident)
{
	int64_t n;

	return parse_int(ident, &n) == 0 ? json_new_int(n) : json_new_str(ident);
}

int mods_changes(struct cli *c, const json *pairs, json **ret, struct err *e)
{
	json *list = json_own(c->a, json_new_array());

	json_items(pairs, i, p) {
		const char *ident = json_str(json_at(p, 0)), *action = ident;
		json *params = json_at(p, 1), *d;

		if (!json_is(params, JSON_DICT))
			return prereq(e, "Invalid value for '%s': expected parameters, got %s", ident,
				      as_text(c, params));
		d = json_own(c->a, json_merge(json_new_dict(), params));
		if (enum_value(&enum_ddm, ident) >= 0) /* the old form: at the end */
			ident = "-1";
		else
			TRY(action_word(c, d, &action, e));
		if ((strcmp(action, "remove") == 0 || strcmp(action, "detach") == 0) && json_len(d))
			return prereq(e, "Not accepting parameters on removal/detach");
		json_append(list, json_pack("[s, o, O]", action, ident_value(ident), d));
	}
	*ret = list;
	return 0;
}

int mods_disk_changes(struct cli *c, const json *pairs, json **ret, struct err *e)
{
	TRY(mods_changes(c, pairs, ret, e));
	json_items(*ret, i, m) {
		json *d = json_at(m, 2);

		if (!json_has(d, "size") && str_eq(json_str(json_at(m, 0)), "add"))
			return prereq(e, "Missing required parameter 'size'");
		TRY(disk_numbers(d, "", e));
	}
	return 0;
}
