/* Locks as JSON: for people, and for saving with the job. */
#include "src/lock/priv.h"

#include <inttypes.h>

/* rows by full name while collecting: [mode, owners, pending] */
static json *row(json *rows, const char *level, const char *name)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *full = arena_printf(a, "%s/%s", level, name);
	json *r = json_get(rows, full);

	if (!r) {
		r = json_pack("{s:s, s:n, s:[], s:[]}", "name", full, "mode", "owner", "pending");
		json_set(rows, full, r);
	}
	return r;
}

static void add_owner(json *r, int64_t owner, enum lock_mode mode)
{
	json_set(r, "mode", json_new_str(lock_mode_name(mode)));
	json_append(json_get(r, "owner"), json_new_int(owner));
}

static void add_pending(json *r, const struct waiter *w)
{
	json_append(json_get(r, "pending"), json_pack("[s, [I]]", lock_mode_name(w->mode), w->id));
}

static void level_rows(json *rows, const struct level *lv, const char *level)
{
	const struct lock *k;

	if (lv->all.n || map_count(lv->names) || lv->n_wait)
		row(rows, level, "[lockset]");
	for (size_t i = 0; i < lv->all.n; i++)
		add_owner(row(rows, level, "[lockset]"), lv->all.v[i].owner, lv->all.v[i].mode);
	for (size_t pos = 0; map_next(lv->names, &pos, NULL, (void **)&k);)
		for (size_t i = 0; i < k->holds.n; i++)
			add_owner(row(rows, level, k->name), k->holds.v[i].owner,
				  k->holds.v[i].mode);
	for (size_t i = 0; i < lv->n_wait; i++) {
		const struct waiter *w = lv->wait[i];

		if (w->all)
			add_pending(row(rows, level, "[lockset]"), w);
		for (size_t n = 0; n < w->names.n; n++)
			add_pending(row(rows, level, w->names.v[n]), w);
	}
}

json *locks_dump(const struct locks *l)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *rows CLEANUP(json_putp) = json_new_dict();
	json *ret = json_new_array();
	struct strs names;

	for (int i = 0; i < LOCK_LEVELS; i++)
		level_rows(rows, &l->lv[i], lock_level_name(i));
	names = json_keys(a, rows);
	for (size_t i = 0; i < names.n; i++)
		json_append(ret, json_ref(json_get(rows, names.v[i])));
	return ret;
}

json *locks_held(const struct locks *l, int64_t owner)
{
	const struct owner *o = lock_owner(l, owner);
	json *ret = json_new_dict();

	for (int i = 0; o && i < LOCK_LEVELS; i++) {
		const struct owner_level *v = &o->lv[i];
		json *names;
		const char *name;

		if (!lock_owner_holds(o, i))
			continue;
		names = json_new_dict();
		for (size_t pos = 0; v->names && map_next(v->names, &pos, &name, NULL);) {
			const struct lock *k = map_get(v->names, name);

			for (size_t h = 0; h < k->holds.n; h++)
				if (k->holds.v[h].owner == owner)
					json_set(names, name,
						 json_new_str(lock_mode_name(k->holds.v[h].mode)));
		}
		json_set(ret, lock_level_name(i),
			 json_pack("{s:s, s:o}", "all", v->all ? lock_mode_name(v->all) : NULL,
				   "names", names));
	}
	return ret;
}

static int mode_of(const json *j)
{
	if (str_eq(json_str(j), lock_mode_name(LOCK_SHARED)))
		return LOCK_SHARED;
	return str_eq(json_str(j), lock_mode_name(LOCK_EXCLUSIVE)) ? LOCK_EXCLUSIVE : 0;
}

static int restore_one(struct locks *l, struct owner *o, enum lock_level level, const char *name,
		       const json *mode, struct err *e)
{
	int m = mode_of(mode);

	if (!m)
		return err_set(e, LockError, NULL, "Invalid mode of saved lock '%s/%s'",
			       lock_level_name(level), name ? name : "[lockset]");
	if (!lock_name_free(l, o, level, name, m))
		return err_set(e, LockError, NULL, "Saved lock '%s/%s' of job %" PRId64 " is taken",
			       lock_level_name(level), name ? name : "[lockset]", o->id);
	lock_take(l, o, level, name, m);
	return 0;
}

int locks_restore(struct locks *l, int64_t owner, const json *held, struct err *e)
{
	struct owner *o = lock_owner_make(l, owner);

	json_each (held, level, v) {
		int lv = lock_level_find(level);

		if (lv < 0) {
			err_set(e, LockError, NULL, "Unknown lock level '%s'", level);
			goto failed;
		}
		if (json_get(v, "all") && restore_one(l, o, lv, NULL, json_get(v, "all"), e) < 0)
			goto failed;
		json_each (json_get(v, "names"), name, mode)
			if (restore_one(l, o, lv, name, mode, e) < 0)
				goto failed;
	}
	lock_owner_drop(l, o);
	return 0;
failed:
	lock_owner_drop(l, o);
	locks_release_all(l, owner);
	return -1;
}
