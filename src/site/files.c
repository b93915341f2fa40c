/* Small files that tools and daemons share. */
#include "src/site/priv.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX (1u << 20)

static int parent_dir(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char *dir CLEANUP(freep) = xstrndup(path, (size_t)(slash - path));
	int r = *dir ? fs_mkdirs(dir, 0755) : 0;

	return r < 0 ? err_sys(e, r, "Can't create directory %s", dir) : 0;
}

int site_put(const char *path, const char *text, mode_t mode, struct err *e)
{
	struct fs_attr attr = { .mode = mode, .uid = (uid_t)-1, .gid = (gid_t)-1, .sync = true };
	int r;

	if (parent_dir(path, e) < 0)
		return -1;
	r = fs_write_atomic(path, text, strlen(text), &attr);
	return r < 0 ? err_sys(e, r, "Can't write %s", path) : 0;
}

int site_get(struct arena *a, const char *path, const char **ret, struct err *e)
{
	char *text CLEANUP(freep) = NULL;
	size_t n;
	int r = fs_read(path, FILE_MAX, &text, &n);

	if (r < 0)
		return err_sys(e, r, "Can't read %s", path);
	*ret = arena_strndup(a, text, n);
	return 0;
}

int site_backup(const char *path, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct stat st;
	const char *text;
	time_t now = time(NULL);
	struct tm tm;
	char stamp[40];

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(e, errno, "Can't look at %s", path);
	if (site_get(a, path, &text, e) < 0)
		return -1;
	strftime(stamp, sizeof(stamp), "%Y-%m-%d_%H_%M_%S", localtime_r(&now, &tm));
	return site_put(arena_printf(a, "%s.backup-%s.%s", path, stamp, random_hex(a, 4)), text,
			st.st_mode & 0777, e);
}

/* Does a line of the hosts file speak of NAME? */
static bool names_host(struct arena *a, const char *line, const char *name)
{
	const char *text = strs_split(a, line, '#').v[0];
	struct strs words = strs_split(a, str_strip(a, text), ' ');

	for (size_t i = 0; i < words.n; i++) {
		struct strs parts = strs_split(a, words.v[i], '\t');

		for (size_t k = 0; k < parts.n; k++)
			if ((i || k) && strcmp(parts.v[k], name) == 0)
				return true;
	}
	return false;
}

int site_hosts_entry(const char *file, const char *ip, const char *name, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct str out CLEANUP(str_free) = { 0 };
	const char *text = "", *dot = strchr(name, '.');
	const char *nick = dot ? arena_strndup(a, name, (size_t)(dot - name)) : NULL;
	struct strs lines;

	if (fs_exists(file) && site_get(a, file, &text, e) < 0)
		return -1;
	lines = strs_split(a, text, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		if (names_host(a, lines.v[i], name) || (i + 1 == lines.n && !*lines.v[i]))
			continue;
		str_addf(&out, "%s\n", lines.v[i]);
	}
	if (ip)
		str_addf(&out, "%s %s%s%s\n", ip, name, nick ? " " : "", nick ? nick : "");
	if (strcmp(text, str_get(&out)) == 0)
		return 0;
	return site_put(file, str_get(&out), 0644, e);
}
