/* config.data: the whole configuration as one JSON document, both directions. */
#include "src/config/priv.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/sys/sys.h"

/* --- out --- */
static int add_meta(struct snapshot *s, struct str *out, struct err *e)
{
	json *j CLEANUP(json_putp) = NULL;
	char *text CLEANUP(freep) = NULL;
	double ctime, mtime;

	if (meta_get_float(snapshot_db(s), "ctime", &ctime, e) < 0 ||
	    meta_get_float(snapshot_db(s), "mtime", &mtime, e) < 0)
		return -1;
	j = json_pack("{s:i, s:I, s:f, s:f}", "version", CONFIG_VERSION, "serial_no",
		      snapshot_serial(s), "ctime", ctime, "mtime", mtime);
	text = json_dump(j);
	str_addn(out, text, strlen(text) - 1); /* the rest goes before the brace */
	return 0;
}

/* Rows hold their objects in the very form the file has. */
static int add_kind(struct snapshot *s, enum obj_kind k, struct str *out, struct err *e)
{
	struct db_stmt *st CLEANUP(db_finish) = NULL;
	const struct kind_info *info = kind_info(k);
	const char *sep = "";
	int rc;

	if (db_query(snapshot_db(s), &st, e,
		     "SELECT uuid, json FROM object WHERE kind = ? ORDER BY uuid", "s",
		     info->name) < 0)
		return -1;
	str_addf(out, ",\"%s\":%s", info->plural ? info->plural : info->name,
		 info->plural ? "{" : "");
	while ((rc = db_step(st, e)) == 1) {
		if (info->plural)
			str_addf(out, "%s\"%s\":", sep, db_text(st, 0));
		str_addn(out, db_text(st, 1), db_bytes(st, 1));
		sep = ",";
	}
	if (info->plural)
		str_addc(out, '}');
	return rc;
}

int config_export_text(struct snapshot *s, struct str *ret, struct err *e)
{
	size_t start = ret->len;

	if (add_meta(s, ret, e) < 0)
		return config_error(e);
	for (int k = 0; k < OBJ_KINDS; k++) {
		if (add_kind(s, k, ret, e) < 0) {
			str_trim(ret, start);
			return config_error(e);
		}
	}
	str_addc(ret, '}');
	return 0;
}

int config_export(struct snapshot *s, json **ret, struct err *e)
{
	struct str text CLEANUP(str_free) = { 0 };

	if (config_export_text(s, &text, e) < 0)
		return -1;
	return json_parse(text.p, text.len, ret, e) < 0 ? config_error(e) : 0;
}

/* --- in --- */

/* What we do not know we do not keep; somebody may want to know. */
static void report_unknown(enum obj_kind k, const char *key, const json *in)
{
	json_each(in, name, v) {
		(void)v;
		if (!record_field(obj_record(k), name))
			log_warn("%s %s: unknown parameter '%s' is left out", kind_info(k)->label,
				 key, name);
	}
}

static int import_object(struct db *d, enum obj_kind k, const char *key, json *in, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct links l;
	int64_t id;
	void *obj;

	if (obj_parse(a, k, in, &obj, e) < 0)
		return err_prefix(e, "%s %s", kind_info(k)->label, key);
	report_unknown(k, key, in);
	if (kind_info(k)->plural && !str_eq(obj_str(k, obj, "uuid"), key))
		return config_fail(e, "%s '%s' is indexed by wrong UUID '%s'", kind_info(k)->label,
				   obj_name(k, obj), key);
	/* duplicates of addresses and the like are reported by the verification; a cluster that lived
	 * with them must not be kept from moving here */
	if (row_write(d, k, obj, 0, &id, NULL, e) < 0)
		return err_prefix(e, "%s %s", kind_info(k)->label, key);
	l = links_of(a, k, obj);
	return link_add(d, id, &l, e);
}

static int import_kind(struct db *d, enum obj_kind k, const json *data, struct err *e)
{
	const struct kind_info *info = kind_info(k);
	json *objects = json_get(data, info->plural ? info->plural : info->name);

	if (!json_is(objects, JSON_DICT))
		return config_fail(e, "The configuration has no '%s'",
				   info->plural ? info->plural : info->name);
	if (!info->plural)
		return import_object(d, k, info->name, objects, e);
	json_each(objects, uuid, in) {
		if (import_object(d, k, uuid, in, e) < 0)
			return -1;
	}
	return 0;
}

static int import_all(struct db *d, const json *data, struct err *e)
{
	double now = clock_real();

	for (int k = 0; k < OBJ_KINDS; k++)
		if (import_kind(d, k, data, e) < 0)
			return -1;
	if (meta_set(d, "serial", json_get_int(data, "serial_no", 1), e) < 0 ||
	    meta_set(d, "changes_from", json_get_int(data, "serial_no", 1) + 1, e) < 0 ||
	    meta_set(d, "ssconf_serial", 1, e) < 0 ||
	    meta_set_float(d, "ctime", json_float(json_get(data, "ctime"), now), e) < 0)
		return -1;
	return meta_set_float(d, "mtime", json_float(json_get(data, "mtime"), now), e);
}

static int fill_database(const char *path, const json *data, struct err *e)
{
	struct db *d CLEANUP(db_closep) = NULL;

	if (db_open(path, DB_CREATE, &d, e) < 0 || store_tables(d, e) < 0 ||
	    db_begin(d, true, e) < 0)
		return -1;
	if (import_all(d, data, e) < 0) {
		db_rollback(d);
		return -1;
	}
	return db_commit(d, e); /* closing writes the log into the file */
}

static void remove_database(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		char *file CLEANUP(freep) = xasprintf("%s%s", path, suffixes[i]);

		unlink(file);
	}
}

int config_create(const char *path, const json *initial, struct err *e)
{
	char *tmp CLEANUP(freep) = xasprintf("%s.new", path);
	json *data CLEANUP(json_putp) = json_clone(initial);

	if (fs_exists(path))
		return config_fail(e, "The configuration database %s exists already", path);
	if (config_upgrade(data, e) < 0)
		return config_error(e);
	remove_database(tmp);
	/* link, unlike rename, does not replace a file that appeared meanwhile */
	if (fill_database(tmp, data, e) < 0 ||
	    (link(tmp, path) < 0 && err_sys(e, errno, "Can't create %s", path) < 0)) {
		remove_database(tmp);
		return config_error(e);
	}
	remove_database(tmp);
	return 0;
}
