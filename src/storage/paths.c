/*
 * Which directories may hold disks: listed in a file that only the node's administrator writes,
 * never distributed by the master. Paths here have no virtual root.
 */
#include "src/storage/priv.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PATHS_FILE_MAX (1u << 20)

/* Like Python's os.path.normpath() for absolute paths; others come back unchanged. */
static char *normal(struct arena *a, const char *path)
{
	struct strs parts = strs_split(a, path, '/'), kept = { 0 };

	if (*path != '/')
		return arena_strdup(a, path);
	for (size_t i = 0; i < parts.n; i++) {
		const char *p = parts.v[i];

		if (!*p || str_eq(p, "."))
			continue;
		if (!str_eq(p, ".."))
			strs_add(a, &kept, p);
		else if (kept.n)
			kept.n--;
	}
	return arena_printf(a, "/%s", strs_join(a, &kept, "/"));
}

char *file_storage_normal(struct arena *a, const char *path)
{
	return normal(a, path);
}

/* Would a disk here overwrite the system? PATH is normalised. */
static bool is_forbidden(const char *path)
{
	static const char *const top[] = { "/boot", "/dev",  "/etc", "/home",
					   "/proc", "/root", "/sys" };
	static const char *const prefix[] = { "", "/usr", "/usr/local" };
	static const char *const sub[] = { "bin", "lib", "lib32", "lib64", "sbin" };

	if (*path != '/')
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(top); i++)
		if (str_eq(path, top[i]) || fs_is_below(path, top[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(prefix); i++) {
		size_t n = strlen(prefix[i]);

		if (strncmp(path, prefix[i], n) != 0 || path[n] != '/')
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(sub); k++) {
			size_t m = strlen(sub[k]);
			const char *rest = path + n + 1;

			if (strncmp(rest, sub[k], m) == 0 && (!rest[m] || rest[m] == '/'))
				return true;
		}
	}
	return false;
}

/* The lines of the file, without comments; none when it cannot be read. */
static struct strs allowed_paths(struct arena *a)
{
	char *text CLEANUP(freep) = NULL;
	struct strs lines, ret = { 0 };

	if (fs_read(path_of(PATH_FILE_STORAGE_PATHS_FILE), PATHS_FILE_MAX, &text, NULL) < 0)
		return ret;
	lines = strs_split(a, text, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		const char *line = str_strip(a, lines.v[i]);

		if (*line && *line != '#')
			strs_add(a, &ret, line);
	}
	return ret;
}

int file_storage_accept(struct arena *a, const char *path, bool exact_ok, struct err *e)
{
	struct strs allowed = allowed_paths(a);
	const char *p = normal(a, path);

	if (!allowed.n)
		return err_set(e, FileStoragePathError, NULL,
			       "No paths are valid or path file '%s' was not accessible.",
			       path_of(PATH_FILE_STORAGE_PATHS_FILE));
	if (is_forbidden(p))
		return err_set(e, FileStoragePathError, NULL, "Path '%s' uses a forbidden prefix",
			       path);
	for (size_t i = 0; i < allowed.n; i++) {
		const char *dir = normal(a, allowed.v[i]);

		if (*dir == '/' && (fs_is_below(p, dir) || (exact_ok && str_eq(p, dir))))
			return 0;
	}
	return err_set(e, FileStoragePathError, NULL,
		       "Path '%s' is not acceptable for file storage", path);
}

int file_storage_path_check(struct arena *a, const char *path, struct err *e)
{
	return file_storage_accept(a, path, false, e);
}

const char *file_storage_problem(struct arena *a, const char *path)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const char *real = env_add_root(a, normal(a, path));
	struct stat st;

	if (file_storage_accept(a, path, true, &e) < 0)
		return arena_strdup(a, err_msg(&e));
	if (stat(real, &st) < 0 || !S_ISDIR(st.st_mode))
		return arena_printf(a, "Path '%s' is not existing or not a directory.", path);
	if (access(real, W_OK) < 0)
		return arena_printf(a, "Path '%s' is not writable", path);
	return NULL;
}

struct strs file_storage_wrong_paths(struct arena *a)
{
	struct strs allowed = allowed_paths(a), ret = { 0 };

	for (size_t i = 0; i < allowed.n; i++) {
		const char *p = normal(a, allowed.v[i]);

		if (is_forbidden(p))
			strs_add(a, &ret, p);
	}
	strs_sort_nat(&ret);
	return ret;
}

int file_storage_space(const char *dir, int64_t *ret_free_mib, int64_t *ret_total_mib,
		       struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct statvfs st;

	if (statvfs(env_add_root(a, dir), &st) < 0)
		return err_set(e, CommandError, NULL,
			       "Failed to retrieve file system information about path: %s - %s",
			       dir, strerror(errno));
	*ret_free_mib = (int64_t)((uint64_t)st.f_bavail * st.f_frsize >> 20);
	*ret_total_mib = (int64_t)((uint64_t)st.f_blocks * st.f_frsize >> 20);
	return 0;
}
