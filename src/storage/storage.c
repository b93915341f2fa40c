#include "src/storage/priv.h"

const struct bdev_class *bdev_class_of(disk_template_t t)
{
	switch (t) {
	case disk_template_file:
		return &bdev_class_file;
	case disk_template_sharedfile:
		return &bdev_class_sharedfile;
	default:
		return NULL;
	}
}

int bdev_disk(struct arena *a, json *dict, struct disk **ret, struct err *e)
{
	struct disk *d = ARENA_NEW(a, struct disk);
	const struct field *bad;

	/* callers leave out what a device does not need, so nothing is missing but identity and size */
	if (record_parse(rec_disk(), a, dict, d, REC_IGNORE_UNKNOWN | REC_NO_DEFAULTS, &bad, e) < 0)
		return err_prefix(e, "disk%s%s", bad ? "." : "", bad ? field_wire(bad) : "");
	if (!d->has_dev_type)
		return err_plain(e, "disk.dev_type: missing");
	if (!d->has_mode)
		d->mode = disk_mode_rw;
	*ret = d;
	return 0;
}

/* As Python shows strings and tuples: what scripts and people know from upstream's messages. */
static void python_value(struct str *out, const json *v)
{
	char *s;

	switch (json_kind(v)) {
	case JSON_STRING:
		str_addf(out, "'%s'", json_str(v));
		break;
	case JSON_NULL:
		str_add(out, "None");
		break;
	case JSON_BOOL:
		str_add(out, json_boolean(v, false) ? "True" : "False");
		break;
	default:
		s = json_dump(v);
		str_add(out, s);
		free(s);
	}
}

static void python_id(struct str *out, const json *id)
{
	str_addc(out, '(');
	json_items(id, i, v) {
		if (i)
			str_add(out, ", ");
		python_value(out, v);
	}
	str_add(out, json_len(id) == 1 ? ",)" : ")");
}

static void disk_text(struct str *out, const json *dict)
{
	const json *children = json_get(dict, "children");
	const char *iv_name = json_get_str(dict, "iv_name");

	str_addf(out, "<Disk(type=%s, logical_id=", json_get_str(dict, "dev_type"));
	python_id(out, json_get(dict, "logical_id"));
	str_add(out, ", children=");
	if (json_is(children, JSON_ARRAY)) {
		str_addc(out, '[');
		json_items(children, i, c) {
			if (i)
				str_add(out, ", ");
			disk_text(out, c);
		}
		str_addc(out, ']');
	} else {
		str_add(out, "None");
	}
	if (iv_name)
		str_addf(out, ", visible as /dev/%s", iv_name);
	else
		str_add(out, ", not visible");
	if (json_get(dict, "spindles"))
		str_addf(out, ", spindles=%lld", (long long)json_get_int(dict, "spindles", 0));
	str_addf(out, ", size=%lldm)>", (long long)json_get_int(dict, "size", 0));
}

char *bdev_disk_text(struct arena *a, const json *dict)
{
	struct str s CLEANUP(str_free) = { 0 };

	disk_text(&s, dict);
	return arena_strdup(a, str_get(&s));
}
