/* What is below the directories for disk files, for those who look for what nobody needs any more. */
#include "src/storage/priv.h"

#include "lib/base/clock.h"

#include <sys/stat.h>

#define DEPTH_MAX 8

struct listing {
	struct arena *a;
	json *out;
	size_t left;
	double now;
};

/* Any bytes can be a name; what is said about it must be text. */
static const char *readable(struct arena *a, const char *path)
{
	struct str s CLEANUP(str_free) = { 0 };

	for (const char *p = path; *p; p++)
		if (*p < ' ' || *p > '~' || *p == '\\')
			str_addf(&s, "\\x%02x", (unsigned char)*p);
		else
			str_addc(&s, *p);
	return arena_strdup(a, str_get(&s));
}

static void add(struct listing *l, const char *path, bool dir, const struct stat *st)
{
	json *item;

	if (!l->left)
		return;
	l->left--;
	item = json_append(json_new_array(), json_new_str(arena_printf(l->a, "%s%s", readable(l->a, path),
								       dir ? "/" : "")));
	json_append(l->out, json_append(item, json_new_int((int64_t)(l->now - (double)st->st_ctime))));
}

static void walk(struct listing *l, const char *path, int depth)
{
	struct strs names;
	size_t seen = 0;

	if (fs_list(l->a, env_add_root(l->a, path), &names) < 0)
		return;
	for (size_t i = 0; i < names.n && l->left; i++) {
		const char *sub = arena_printf(l->a, "%s/%s", path, names.v[i]);
		struct stat st;

		/* of file systems and whoever takes care of them */
		if (*names.v[i] == '.' || (depth == 0 && str_eq(names.v[i], "lost+found")))
			continue;
		if (lstat(env_add_root(l->a, sub), &st) < 0)
			continue;
		seen++;
		if (!S_ISDIR(st.st_mode))
			add(l, sub, false, &st);
		else if (depth < DEPTH_MAX)
			walk(l, sub, depth + 1);
	}
	if (!seen && depth > 0) {
		struct stat st;

		if (lstat(env_add_root(l->a, path), &st) == 0)
			add(l, path, true, &st);
	}
}

void file_storage_list(struct arena *a, const char *dir, json *ret)
{
	struct listing l = { .a = a, .out = ret, .now = clock_real(), .left = FILE_STORAGE_LISTED_MAX };
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (file_storage_accept(a, dir, true, &e) == 0)
		walk(&l, file_storage_normal(a, dir), 0);
}
