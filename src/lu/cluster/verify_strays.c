/*
 * Files below the directories for disks that are no disk of any instance: what is left when a creation was killed
 * together with who would have cleaned up, or a node was away when its instance went. An addition; upstream looks
 * for logical volumes like that, so this speaks with that code and is a warning, too.
 */
#include "src/lu/cluster/lus.h"

#include "lib/base/map.h"

#include <string.h>

/* Shared directories may hold what a job on another group's nodes is making: files that young are its own affair. */
#define SHARED_AGE_MIN 600
#define NAMED_MAX 50 /* of a node */

struct strays {
	struct group_check *g;
	struct map *known; /* key() of disks, and of the directories above them */
	struct map *named;
	struct strs roots;
	const char *shared; /* NULL: not used */
	bool whole, groups; /* all disks are known; there are other groups */
	int n; /* named of the present node */
};

static struct strs directories(const struct group_check *g, bool file, bool shared)
{
	const struct cluster *c = g->lu->cluster;
	struct strs dirs = { NULL, 0 };

	if (file && c->file_storage_dir && *c->file_storage_dir)
		strs_add(g->lu->a, &dirs, c->file_storage_dir);
	if (shared && c->shared_file_storage_dir && *c->shared_file_storage_dir)
		strs_add(g->lu->a, &dirs, c->shared_file_storage_dir);
	return dirs;
}

json *verify_storage_dirs(const struct group_check *g, bool file, bool shared)
{
	struct strs dirs = directories(g, file, shared);

	/* what is inside of the other is listed with it */
	if (dirs.n == 2 && (str_eq(dirs.v[0], dirs.v[1]) || fs_is_below(dirs.v[1], dirs.v[0])))
		dirs.n = 1;
	else if (dirs.n == 2 && fs_is_below(dirs.v[0], dirs.v[1]))
		dirs = (struct strs){ dirs.v + 1, 1 };
	return json_new_strs(&dirs);
}

/* NODE NULL: on all of them */
static const char *key(struct strays *s, const char *node, const char *path)
{
	return arena_printf(s->g->lu->a, "%s %s", node ? node : "", path);
}

static void know(struct strays *s, const char *node, const struct disk *d)
{
	const char *path = json_str(json_at(d->logical_id, 1));
	char *dir, *slash;

	if ((d->dev_type != disk_template_file && d->dev_type != disk_template_sharedfile) || !path)
		return;
	if (d->dev_type == disk_template_sharedfile)
		node = NULL;
	map_put(s->known, key(s, node, path), s);
	dir = arena_strdup(s->g->lu->a, path);
	while ((slash = strrchr(dir, '/')) && slash != dir) {
		*slash = '\0';
		map_put(s->known, key(s, node, dir), s);
	}
}

static bool is_known(struct strays *s, const char *node, const char *path)
{
	return map_has(s->known, key(s, node, path)) || map_has(s->known, key(s, NULL, path));
}

static int know_group(struct strays *s, struct err *e)
{
	struct group_check *g = s->g;

	for (size_t k = 0; k < g->instances.n; k++) {
		const struct instance *i = snap_instance(g->lu->snap, g->instances.v[k]);
		const struct disk **disks;
		size_t n;

		TRY(snap_instance_disks(g->lu->snap, i, &disks, &n, e));
		for (size_t d = 0; d < n; d++)
			know(s, i->primary_node, disks[d]);
	}
	return 0;
}

/* Shared disks of other groups, and those that are attached to no instance. */
static void know_all(struct strays *s)
{
	struct luctx *lu = s->g->lu;
	struct strs all = snap_uuids(lu->snap, OBJ_DISK);

	for (size_t k = 0; k < all.n; k++) {
		const struct disk *d = snap_disk(lu->snap, all.v[k]);

		if (!d)
			continue;
		if (d->dev_type == disk_template_sharedfile)
			know(s, NULL, d);
		for (size_t i = 0; i < d->nodes.n; i++)
			know(s, d->nodes.v[i], d);
	}
	s->whole = true;
}

/* The directories that users are asked to prepare have names of their choice; an empty one may be theirs. */
static bool is_prepared(struct strays *s, const char *dir)
{
	const char *name = strrchr(dir, '/') + 1;
	const struct instance *inst;

	return !strchr(name, '.') || snap_find_instance(s->g->lu->snap, name, &inst, NULL) == 0;
}

/* The highest directory above PATH where nothing is known, or PATH. */
static const char *highest(struct strays *s, const char *node, const char *path, bool *ret_dir)
{
	for (size_t i = 0; i < s->roots.n; i++) {
		const char *p = path + strlen(s->roots.v[i]);

		if (!fs_is_below(path, s->roots.v[i]))
			continue;
		while ((p = strchr(p + 1, '/'))) {
			const char *dir = arena_strndup(s->g->lu->a, path, (size_t)(p - path));

			if (is_known(s, node, dir) || strs_has(&s->roots, dir))
				continue;
			*ret_dir = true;
			return dir;
		}
	}
	return path;
}

static void look_at(struct strays *s, const struct node *n, const char *path, int64_t age)
{
	bool dir = str_ends(path, "/"), shared;
	const char *name;

	if (dir)
		path = arena_strndup(s->g->lu->a, path, strlen(path) - 1);
	shared = s->shared && fs_is_below(path, s->shared);
	if (is_known(s, n->uuid, path) || (dir && is_prepared(s, path)))
		return;
	if (!s->whole)
		know_all(s);
	if (is_known(s, n->uuid, path) || (shared && s->groups && age < SHARED_AGE_MIN))
		return;
	name = highest(s, n->uuid, path, &dir);
	if (map_put(s->named, key(s, shared ? NULL : n->uuid, name), s) || s->n++ >= NAMED_MAX)
		return;
	find_kind_if(&s->g->f, true, FIND_WARNING, cv_errcode_enodeorphanlv, n->name,
		     "%s %s belongs to no instance; if nobody needs it, remove it on that node",
		     dir ? "directory" : "file", name);
}

static int look(struct strays *s, struct err *e)
{
	const char *check = enum_name(&enum_node_check, node_check_file_storage_files);
	bool loaded = false;

	for (size_t k = 0; k < s->g->n_nodes; k++) {
		const struct node_image *im = &s->g->nodes[k];
		json *list = im->n->offline || im->rpc_fail ? NULL : json_get(im->answer->payload, check);

		if (json_len(list) && !loaded) {
			TRY(know_group(s, e));
			loaded = true;
		}
		s->n = 0;
		json_items(list, i, item) {
			const char *path = json_str(json_at(item, 0));

			if (path && *path == '/')
				look_at(s, im->n, path, json_int(json_at(item, 1), 0));
		}
		if (s->n > NAMED_MAX)
			lu_log(s->g->lu, "  - NOTICE: node %s: %d more that belong to no instance", im->n->name,
			       s->n - NAMED_MAX);
	}
	return 0;
}

int verify_strays(struct group_check *g, struct err *e)
{
	const struct cluster *c = g->lu->cluster;
	struct map *known CLEANUP(map_freep) = map_new(), *named CLEANUP(map_freep) = map_new();
	struct strays s = { .g = g, .known = known, .named = named, .roots = directories(g, true, true),
			    .groups = snap_count(g->lu->snap, OBJ_NODEGROUP) > 1 };

	if (c->shared_file_storage_dir && *c->shared_file_storage_dir)
		s.shared = c->shared_file_storage_dir;
	return look(&s, e);
}
