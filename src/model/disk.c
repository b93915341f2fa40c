/* Sets of disk templates, and what can be said about disks without looking at them. */
#include "src/model/model.h"

#include "src/schema/list/lists.h"

bool template_is_filebased(disk_template_t t)
{
	return template_traits(t)->filebased;
}

bool template_is_ext_mirrored(disk_template_t t)
{
	return template_traits(t)->ext_mirror;
}

bool template_is_int_mirrored(disk_template_t t)
{
	return template_traits(t)->int_mirror;
}

bool template_is_mirrored(disk_template_t t)
{
	return template_is_int_mirrored(t) || template_is_ext_mirrored(t);
}

const char *instance_template(const struct disk *const *disks, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (disks[i]->dev_type != disks[0]->dev_type)
			return "mixed";
	return enum_name(&enum_disk_template, n ? disks[0]->dev_type : disk_template_diskless);
}

static void add_once(struct arena *a, struct strs *l, const char *s)
{
	if (s && !strs_has(l, s))
		strs_add(a, l, s);
}

static void child_nodes(struct arena *a, struct strs *l, const char *type, const json *id,
			const json *children)
{
	if (str_eq(type, enum_name(&enum_disk_template, disk_template_drbd))) {
		add_once(a, l, json_str(json_at(id, 0)));
		add_once(a, l, json_str(json_at(id, 1)));
	}
	json_items(children, i, c) {
		json_items(json_get(c, "nodes"), k, n)
			add_once(a, l, json_str(n));
		child_nodes(a, l, json_get_str(c, "dev_type"), json_get(c, "logical_id"),
			    json_get(c, "children"));
	}
}

struct strs disk_nodes(struct arena *a, const struct disk *d)
{
	struct strs l = { 0 };

	for (size_t i = 0; i < d->nodes.n; i++)
		add_once(a, &l, d->nodes.v[i]);
	child_nodes(a, &l, enum_name(&enum_disk_template, d->dev_type), d->logical_id, d->children);
	return l;
}
