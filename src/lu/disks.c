/* Disk objects: from opcode parameters to what the configuration holds (upstream: ComputeDisks, GenerateDiskTemplate). */
#include "src/lu/lu.h"

#include "lib/base/parse.h"

#include <string.h>

int lu_check_template(struct luctx *lu, int template_, struct err *e)
{
	const char *name = enum_name(&enum_disk_template, template_);
	const struct strs *on = &lu->cluster->enabled_disk_templates;

	if (!strs_has(on, name))
		return err_set(e, ERR_PREREQ, NULL,
			       "Disk template '%s' is not enabled in cluster. Enabled disk templates "
			       "are: %s",
			       name, strs_join(lu->a, on, ","));
	if (template_ == disk_template_diskless || template_ == disk_template_file ||
	    template_ == disk_template_sharedfile)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_INVAL,
		       "Disk template '%s' is not supported by this version", name);
}

static int parse_size(struct luctx *lu, const json *v, int64_t *ret, struct err *e)
{
	const char *text = v ? (json_str(v) ? json_str(v) : json_dump_in(lu->a, v)) : NULL;

	if (!v)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Missing disk size");
	if (json_is(v, JSON_INT))
		*ret = json_int(v, 0);
	else if (!json_str(v) || parse_unit(json_str(v), ret, NULL) < 0)
		*ret = 0;
	if (*ret <= 0)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid disk size '%s'", text);
	return 0;
}

/* Parameters of disks in opcodes that mean something for the templates we have. */
static int check_key(const char *key, int template_, struct err *e)
{
	static const char *const good[] = { "size", "mode", "name", "dev_type", "spindles", "vg",
					    "metavg" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (str_eq(key, good[i]))
			return 0;
	if (str_eq(key, "adopt"))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Disk adoption is not supported for the '%s' disk template",
			       enum_name(&enum_disk_template, template_));
	if (str_eq(key, "provider"))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "The 'provider' option is only valid for the ext disk template, not %s",
			       enum_name(&enum_disk_template, template_));
	return err_set(e, TypeEnforcementError, NULL, "Unknown parameter '%s'", key);
}

static int parse_spec(struct luctx *lu, const json *d, int template_, struct lu_disk_spec *s, struct err *e)
{
	const char *mode = json_get_str(d, "mode");
	int m = mode ? enum_value(&enum_disk_mode, mode) : disk_mode_rw;

	json_each(d, key, v) {
		(void)v;
		TRY(check_key(key, template_, e));
	}
	if (m < 0)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid disk access mode '%s'", mode);
	TRY(parse_size(lu, json_get(d, "size"), &s->size, e));
	s->mode = (disk_mode_t)m;
	s->name = json_get_str(d, "name");
	if (s->name && (!*s->name || strcasecmp(s->name, "none") == 0))
		s->name = NULL;
	return 0;
}

int lu_disk_specs(struct luctx *lu, const json *dicts, int template_, struct lu_disk_spec **ret,
		  size_t *ret_n, struct err *e)
{
	size_t n = json_len(dicts);
	struct lu_disk_spec *v = ARENA_ARRAY(lu->a, struct lu_disk_spec, n + 1);
	const char **names = ARENA_ARRAY(lu->a, const char *, n + 1);

	if (n > MAX_DISKS)
		return err_set(e, ERR_PREREQ, ECODE_STATE,
			       "Instance has too many disks (%d), cannot add more", MAX_DISKS);
	if (n && template_ == disk_template_diskless)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Diskless instance but disk information passed");
	json_items(dicts, i, d) {
		TRY(parse_spec(lu, d, template_, &v[i], e));
		names[i] = v[i].name;
	}
	TRY(lu_check_device_names("disk", names, n, e));
	*ret = v;
	*ret_n = n;
	return 0;
}

/* DIR/NAME; NAME must not lead out of DIR (upstream: PathJoin). */
static int join(struct luctx *lu, const char *dir, const char *name, const char **ret, struct err *e)
{
	char *path = arena_printf(lu->a, "%s/%s", dir, name);

	if (*name == '/' || !fs_is_norm_abs(path) || !fs_is_below(path, dir))
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid file storage directory '%s'", name);
	*ret = path;
	return 0;
}

int lu_file_storage_dir(struct luctx *lu, int template_, const char *instance_name, const char *below,
			const char **ret, struct err *e)
{
	const char *dir = template_ == disk_template_file ? lu->cluster->file_storage_dir :
							     lu->cluster->shared_file_storage_dir;

	*ret = NULL;
	if (template_ != disk_template_file && template_ != disk_template_sharedfile)
		return 0;
	if (!dir || !*dir)
		return err_set(e, ERR_PREREQ, ECODE_STATE,
			       "Cluster file storage dir for '%s' storage type not defined",
			       enum_name(&enum_disk_template, template_));
	if (below)
		TRY(join(lu, dir, below, &dir, e));
	return join(lu, arena_strdup(lu->a, dir), instance_name, ret, e);
}

struct disk *lu_disks_plan(struct luctx *lu, int template_, const char *primary_uuid,
			   const struct lu_disk_spec *specs, size_t n, const char *dir,
			   const char *driver, size_t base)
{
	const char *type = enum_name(&enum_disk_template, template_);
	struct disk *v = ARENA_ARRAY(lu->a, struct disk, n + 1);

	for (size_t i = 0; i < n; i++) {
		struct disk *d = &v[i];
		char *size CLEANUP(freep) = format_unit((double)specs[i].size, 'h');
		char *file = arena_printf(lu->a, "%s/%s.%s.disk%zu", dir, uuid_new(lu->a), type, base + i);

		lu_log(lu, "* disk %zu, size %s", base + i, size);
		d->dev_type = (disk_template_t)template_;
		d->logical_id = json_own(lu->a, json_pack("[s, s]", driver, file));
		d->iv_name = arena_printf(lu->a, "disk/%zu", base + i);
		d->size = specs[i].size;
		d->mode = specs[i].mode;
		d->name = specs[i].name;
		d->uuid = uuid_new(lu->a);
		d->params = json_own(lu->a, json_new_dict());
		if (template_ == disk_template_file)
			strs_add(lu->a, &d->nodes, primary_uuid);
		d->has_dev_type = d->has_logical_id = d->has_iv_name = d->has_size = d->has_mode = true;
		d->has_uuid = d->has_params = d->has_nodes = true;
		d->has_name = d->name != NULL;
	}
	return v;
}

const char *lu_disk_text(struct luctx *lu, const struct disk *d)
{
	return arena_printf(lu->a, "<Disk(type=%s, logical_id=(%s), children=%s, visible as /dev/%s, size=%lldm)>",
			    enum_name(&enum_disk_template, d->dev_type), lu_py_list(lu, d->logical_id),
			    d->has_children ? arena_printf(lu->a, "[%s]", lu_py_list(lu, d->children)) : "None",
			    d->iv_name, (long long)d->size);
}

const char *lu_disks_dir(struct luctx *lu, const struct disk *d)
{
	const char *path = json_str(json_at(d->logical_id, 1));
	const char *slash = path ? strrchr(path, '/') : NULL;

	if (!template_is_filebased(d->dev_type) || !slash || slash == path)
		return NULL;
	return arena_strndup(lu->a, path, (size_t)(slash - path));
}
