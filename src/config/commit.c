/*
 * Change sets: applied row by row inside one transaction, then verified as a whole - by what the
 * changed objects newly point at and newly claim, so the cost follows the change - and undone as a
 * whole when anything is wrong.
 */
#include "src/config/priv.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/map.h"
#include "lib/sys/sys.h"

enum action { ADD, UPDATE, REMOVE, ACTIONS };
static const char *const action_names[ACTIONS] = { "add", "update", "remove" };

struct change {
	enum action action;
	enum obj_kind kind;
	json *in;           /* the object as given; for a removal maybe just its UUID */
	int64_t id;         /* of the row */
	void *old, *obj;    /* before and after */
	struct links gone, fresh;
};

struct work {
	struct db *d;
	struct arena *a;
	double now;
	struct change *v;
	size_t n;
	struct map *written; /* UUIDs this change set wrote: their serials are not the caller's */
	json *out;
};

static const char *name_of(const struct change *ch)
{
	return obj_name(ch->kind, ch->obj ? ch->obj : ch->old);
}

/* --- reading the change set --- */
static int read_change(const json *in, struct change *ret, struct err *e)
{
	const char *action = json_str(json_at(in, 0));
	int kind = obj_kind_find(json_str(json_at(in, 1)));
	json *what = json_at(in, 2);
	int k = 0;

	while (k < ACTIONS && !str_eq(action_names[k], action))
		k++;
	if (json_len(in) != 3 || k == ACTIONS || kind < 0 ||
	    !(json_is(what, JSON_DICT) || (k == REMOVE && json_str(what))))
		return err_set(e, ProgrammerError, NULL, "Malformed configuration change");
	*ret = (struct change){ .action = (enum action)k, .kind = (enum obj_kind)kind, .in = what };
	return 0;
}

/* --- applying --- */
static void sort_tags(struct change *ch)
{
	const struct field *f = record_field(obj_record(ch->kind), "tags");
	struct strs *l = f ? (struct strs *)((char *)ch->obj + f->offset) : NULL;

	if (!l)
		return;
	strs_sort(l);
	strs_uniq(l);
}

static int check_one(struct work *w, struct change *ch, struct err *e)
{
	struct strs errs = { 0 };

	check_object(w->a, ch->kind, ch->obj, NULL, &errs);
	return errs.n ? config_fail(e, "%s", errs.v[0]) : 0;
}

/* Nobody else has the name. The table would refuse it too, but cannot say it nicely. */
static int check_name(struct work *w, const struct change *ch, struct err *e)
{
	const char *name = kind_info(ch->kind)->named ? obj_str(ch->kind, ch->obj, "name") : NULL;
	int64_t id;
	int rc;

	if (!kind_info(ch->kind)->named)
		return 0;
	if (!name || !*name)
		return config_fail(e, "Cannot %s %s: it has no name", action_names[ch->action],
				   kind_info(ch->kind)->label);
	rc = db_get_int(w->d, &id, e, "SELECT id FROM object WHERE kind = ? AND name = ?", "ss",
			obj_kind_name(ch->kind), name);
	if (rc == 1 && id != ch->id)
		return config_fail(e, "Cannot %s %s '%s': name already in use",
				   action_names[ch->action], kind_info(ch->kind)->label, name);
	return rc < 0 ? -1 : 0;
}

static int write_object(struct work *w, struct change *ch, struct err *e)
{
	struct links before = { 0 }, after;
	const char *uuid = obj_str(ch->kind, ch->obj, "uuid");
	json *stored = NULL;

	sort_tags(ch);
	obj_set_num(ch->kind, ch->obj, "mtime", w->now);
	if (check_one(w, ch, e) < 0 || check_name(w, ch, e) < 0 ||
	    row_write(w->d, ch->kind, ch->obj, ch->id, &ch->id, &stored, e) < 0)
		return -1;
	json_append(w->out, stored);
	if (ch->old)
		before = links_of(w->a, ch->kind, ch->old);
	after = links_of(w->a, ch->kind, ch->obj);
	ch->gone = links_minus(w->a, &before, &after);
	ch->fresh = links_minus(w->a, &after, &before);
	map_put(w->written, uuid, w);
	if (link_del(w->d, ch->id, &ch->gone, e) < 0)
		return -1;
	return link_add(w->d, ch->id, &ch->fresh, e);
}

static int apply_add(struct work *w, struct change *ch, struct err *e)
{
	const char *uuid = json_get_str(ch->in, "uuid");
	json *in = json_own(w->a, json_merge(json_new_dict(), ch->in));
	struct row row;
	int rc;

	if (!uuid) {
		uuid = uuid_new(w->a);
		json_set(in, "uuid", json_new_str(uuid));
	}
	if (!uuid_ok(uuid))
		return config_fail(e, "Cannot add %s: '%s' is not a valid UUID",
				   kind_info(ch->kind)->label, uuid);
	if (record_field(obj_record(ch->kind), "serial_no"))
		json_set(in, "serial_no", json_new_int(1));
	if (obj_parse(w->a, ch->kind, in, &ch->obj, e) < 0)
		return err_prefix(e, "Cannot add %s", kind_info(ch->kind)->label);
	rc = row_find(w->d, w->a, uuid, &row, e);
	if (rc)
		return rc < 0 ? -1 :
				config_fail(e, "Cannot add '%s': UUID %s already in use",
					    name_of(ch), uuid);
	if (ch->kind == OBJ_CLUSTER)
		return config_fail(e, "There is a cluster already");
	if (ch->kind == OBJ_NETWORK && pool_new_network(w->a, ch->obj, e) < 0)
		return -1;
	obj_set_num(ch->kind, ch->obj, "ctime", w->now);
	return write_object(w, ch, e);
}

/* The row a change speaks of, as the caller knew it. */
static int find_old(struct work *w, struct change *ch, struct row *row, struct err *e)
{
	const char *uuid = json_str(ch->in) ? json_str(ch->in) : json_get_str(ch->in, "uuid");
	bool has_serial = record_field(obj_record(ch->kind), "serial_no") != NULL;
	int rc = uuid ? row_find(w->d, w->a, uuid, row, e) : 0;

	if (rc < 0)
		return -1;
	if (rc == 0 || row->kind != ch->kind ||
	    (has_serial && !json_str(ch->in) && !map_has(w->written, uuid) &&
	     json_get_int(ch->in, "serial_no", -1) != row->serial))
		return config_fail(e, "Configuration updated since object has been read or"
				      " unknown object");
	ch->id = row->id;
	return obj_parse_text(w->a, ch->kind, row->json, &ch->old, e);
}

static int apply_update(struct work *w, struct change *ch, struct err *e)
{
	json *in = json_own(w->a, json_merge(json_new_dict(), ch->in));
	const struct field *ctime = record_field(obj_record(ch->kind), "ctime");
	struct row row;

	if (find_old(w, ch, &row, e) < 0)
		return -1;
	if (record_field(obj_record(ch->kind), "serial_no"))
		json_set(in, "serial_no", json_new_int(row.serial + 1));
	if (obj_parse(w->a, ch->kind, in, &ch->obj, e) < 0)
		return err_prefix(e, "Cannot update %s '%s'", kind_info(ch->kind)->label,
				  obj_name(ch->kind, ch->old));
	pool_keep(ch->kind, ch->obj, ch->old);
	if (ctime)
		obj_set_num(ch->kind, ch->obj, "ctime",
			    *(const double *)((const char *)ch->old + ctime->offset));
	return write_object(w, ch, e);
}

static int apply_remove(struct work *w, struct change *ch, struct err *e)
{
	struct row row;

	if (find_old(w, ch, &row, e) < 0)
		return -1;
	if (ch->kind == OBJ_CLUSTER)
		return config_fail(e, "The cluster cannot be removed");
	ch->gone = links_of(w->a, ch->kind, ch->old);
	json_append(w->out, NULL);
	if (link_del(w->d, ch->id, &ch->gone, e) < 0)
		return -1;
	return row_delete(w->d, obj_str(ch->kind, ch->old, "uuid"), ch->id, e);
}

static int apply(struct work *w, const json *changes, struct err *e)
{
	static int (*const how[ACTIONS])(struct work *, struct change *, struct err *) = {
		[ADD] = apply_add, [UPDATE] = apply_update, [REMOVE] = apply_remove
	};

	if (!json_is(changes, JSON_ARRAY))
		return err_set(e, ProgrammerError, NULL, "Malformed configuration change");
	w->v = ARENA_ARRAY(w->a, struct change, json_len(changes) + 1);
	for (; w->n < json_len(changes); w->n++) {
		struct change *ch = &w->v[w->n];

		if (FAULT(config_object))
			return config_fail(e, "%s", "fault point");
		if (read_change(json_at(changes, w->n), ch, e) < 0 ||
		    how[ch->action](w, ch, e) < 0)
			return -1;
	}
	return 0;
}

/* --- verifying what was applied --- */
static int check_reference(struct work *w, const struct change *ch, const struct link *l,
			   struct err *e)
{
	int64_t n = 0;

	if (db_get_int(w->d, &n, e, "SELECT count(*) FROM object WHERE uuid = ? AND kind = ?", "ss",
		       l->value, obj_kind_name(link_target(l->role))) < 0)
		return -1;
	return n ? 0 : config_fail(e, "%s", link_dangling(w->a, l->role, name_of(ch), l->value));
}

/* What is wrong when OTHER has VALUE too. */
static int conflict(const struct change *ch, const struct link *l, const char *other,
		    struct err *e)
{
	const char *action = action_names[ch->action], *name = name_of(ch);

	switch (l->role) {
	case LINK_DISK:
		return config_fail(e, "Disk '%s' of instance '%s' is attached to instance '%s' too",
				   l->value, name, other);
	case CLAIM_MAC:
		return config_fail(e, "Cannot %s instance %s: MAC address '%s' already in use.",
				   action, name, l->value);
	case CLAIM_IP:
		return config_fail(e,
				   "IP address %s is used by multiple owners: instance:%s,"
				   " instance:%s",
				   strchr(l->value, '/') + 1, other, name);
	case CLAIM_NODE_IP:
		return config_fail(e, "IP address %s is used by multiple owners: %s, %s", l->value,
				   other, name);
	case CLAIM_PORT:
		return config_fail(e, "tcp/udp port %s has duplicates: %s, %s", l->value, other,
				   name);
	case CLAIM_LV:
		return config_fail(e, "Logical volume %s is used by disks %s and %s", l->value, other, name);
	default:
		return config_fail(e, "DRBD minor %s is assigned twice to disks %s and %s",
				   l->value, other, name);
	}
}

static int check_claim(struct work *w, const struct change *ch, const struct link *l,
		       struct err *e)
{
	const char *other;
	int rc = db_get_text(w->d, w->a, &other, e,
			     "SELECT coalesce(o.name, o.uuid) FROM link l"
			     " JOIN object o ON o.id = l.owner"
			     " WHERE l.role = ? AND l.value = ? AND l.owner <> ? LIMIT 1",
			     "isI", (int)l->role, l->value, ch->id);

	return rc == 1 ? conflict(ch, l, other, e) : rc;
}

/* Nothing points at what was removed. */
static int check_removed(struct work *w, const struct change *ch, struct err *e)
{
	const char *uuid = obj_str(ch->kind, ch->old, "uuid"), *user;
	int rc = db_get_text(w->d, w->a, &user, e,
			     "SELECT o.kind || ' ' || coalesce(o.name, o.uuid) FROM link l"
			     " JOIN object o ON o.id = l.owner"
			     " WHERE l.role IN (1, 2, 3, 4, 5, 6) AND l.value = ? LIMIT 1",
			     "s", uuid);

	return rc == 1 ? config_fail(e, "Cannot remove %s '%s': it is used by %s",
				     kind_info(ch->kind)->label, name_of(ch), user) :
			 rc;
}

/* The master is a candidate, whatever was changed about it. */
static int check_master(struct work *w, struct err *e)
{
	const char *text;
	void *node;
	int rc = db_get_text(w->d, w->a, &text, e,
			     "SELECT n.json FROM link l JOIN object n ON n.uuid = l.value"
			     " WHERE l.role = ?",
			     "i", (int)LINK_MASTER);

	if (rc != 1)
		return rc;
	if (obj_parse_text(w->a, OBJ_NODE, text, &node, e) < 0)
		return -1;
	return ((struct node *)node)->master_candidate ?
		       0 :
		       config_fail(e, "Master node is not a master candidate");
}

static int verify(struct work *w, struct err *e)
{
	bool master = false;

	if (FAULT(config_applied))
		return config_fail(e, "%s", "fault point");
	for (size_t i = 0; i < w->n; i++) {
		const struct change *ch = &w->v[i];

		if (ch->action == REMOVE && check_removed(w, ch, e) < 0)
			return -1;
		for (size_t k = 0; k < ch->fresh.n; k++) {
			const struct link *l = &ch->fresh.v[k];

			if (l->role <= LINK_LAST && check_reference(w, ch, l, e) < 0)
				return -1;
			if ((l->role > LINK_LAST || l->role == LINK_DISK) &&
			    check_claim(w, ch, l, e) < 0)
				return -1;
		}
		master |= ch->kind == OBJ_CLUSTER || ch->kind == OBJ_NODE;
	}
	return master ? check_master(w, e) : 0;
}

/* --- the rest of a commit --- */
static bool changes_ssconf(const struct change *ch)
{
	switch (ch->kind) {
	case OBJ_DISK:
	case OBJ_FILTER:
		return false;
	case OBJ_INSTANCE: /* only their names are there */
		return !ch->old || !ch->obj ||
		       !str_eq(((struct instance *)ch->old)->name, ((struct instance *)ch->obj)->name);
	default:
		return true;
	}
}

static int bump(struct db *d, const char *key, struct err *e)
{
	return db_exec(d, e, "UPDATE meta SET value = value + 1 WHERE key = ?", "s", key);
}

static int finish(struct work *w, struct err *e)
{
	struct pool_change p = { 0 };
	bool ssconf = false;
	int64_t serial;

	for (size_t i = 0; i < w->n; i++) {
		ssconf |= changes_ssconf(&w->v[i]);
		links_append(w->a, &p.added, &w->v[i].fresh);
		links_append(w->a, &p.removed, &w->v[i].gone);
	}
	if (pool_update(w->d, w->a, &p, w->now, e) < 0 || bump(w->d, "serial", e) < 0 ||
	    meta_get(w->d, "serial", &serial, e) < 0 || changes_forget(w->d, serial, e) < 0 ||
	    meta_set_float(w->d, "mtime", w->now, e) < 0)
		return -1;
	return ssconf ? bump(w->d, "ssconf_serial", e) : 0;
}

/* Inside somebody's transaction only the change set is undone. */
static int begin(struct db *d, bool nested, struct err *e)
{
	return nested ? db_savepoint(d, e) : db_begin(d, true, e);
}

static int end(struct db *d, bool nested, struct err *e)
{
	return nested ? db_release(d, e) : db_commit(d, e);
}

static void undo(struct db *d, bool nested)
{
	if (!nested) {
		db_rollback(d);
		return;
	}
	/* half a change set must not be committed with the rest */
	if (db_undo(d, NULL) < 0)
		db_spoil(d);
}

int config_commit(struct config *c, const json *changes,
		  int (*extra)(struct db *d, void *arg, struct err *e), void *arg,
		  json **ret_objects, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *out CLEANUP(json_putp) = json_new_array();
	struct map *written CLEANUP(map_freep) = map_new();
	struct work w = { .d = c->db, .a = a, .now = clock_real(), .written = written, .out = out };
	bool nested = db_in_transaction(c->db);

	if (begin(c->db, nested, e) < 0)
		return config_error(e);
	if (apply(&w, changes, e) < 0 || verify(&w, e) < 0 || finish(&w, e) < 0 ||
	    (extra && extra(c->db, arg, e) < 0) || end(c->db, nested, e) < 0) {
		undo(c->db, nested);
		return config_error(e);
	}
	if (ret_objects)
		*ret_objects = STEAL(out);
	return 0;
}
