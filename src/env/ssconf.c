/* The small files every node has about its cluster. Upstream: ssconf.py. */
#include "src/env/priv.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SSCONF_MAX (16 << 20) /* upstream: 128 KiB, the names of some 6,000 instances */
#define LOCK_TIMEOUT 10

static const char *const names[SSCONF_COUNT] = {
#define SSCONF(id, name, doc) [SSCONF_##id] = name,
#include "src/env/ssconf.def"
#undef SSCONF
};

const char *ssconf_name(enum ssconf id)
{
	return names[id];
}

int ssconf_find(const char *name)
{
	for (int i = 0; name && i < SSCONF_COUNT; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

static const char *file_of(struct arena *a, const char *name)
{
	return path_in(a, PATH_DATA_DIR, "ssconf_%s", name);
}

int ssconf_read(struct arena *a, enum ssconf id, const char **ret, struct err *e)
{
	const char *path = file_of(a, names[id]);
	char *text CLEANUP(freep) = NULL;
	size_t n;
	int r = fs_read(path, SSCONF_MAX, &text, &n);

	if (r < 0)
		return err_set(e, ConfigurationError, NULL,
			       "Can't read ssconf file %s: [Errno %d] %s: '%s'", path, -r,
			       strerror(-r), path);
	while (n && text[n - 1] == '\n')
		n--;
	*ret = arena_strndup(a, text, n);
	return 0;
}

int ssconf_read_lines(struct arena *a, enum ssconf id, struct strs *ret, struct err *e)
{
	const char *text;

	if (ssconf_read(a, id, &text, e) < 0)
		return -1;
	*ret = *text ? strs_split(a, text, '\n') : (struct strs){ 0 };
	return 0;
}

/* Text and the newline it ends with. */
static const char *content(struct arena *a, const char *value)
{
	return !*value || str_ends(value, "\n") ? value : arena_printf(a, "%s\n", value);
}

static int check(const char *name, const json *v, struct err *e)
{
	if (ssconf_find(name) < 0)
		return err_set(e, ProgrammerError, NULL, "Invalid key requested from SSConf: '%s'",
			       name);
	if (!json_str(v))
		return err_set(e, ProgrammerError, NULL, "Value of ssconf key '%s' is not text",
			       name);
	if (json_str_len(v) + 1 > SSCONF_MAX)
		return err_set(
			e, ConfigurationError, NULL,
			"Value '%s' has a length of %zu bytes, but only up to %d are allowed", name,
			json_str_len(v), SSCONF_MAX);
	return 0;
}

/* Most values never change; a file that already says it is left alone. */
static int write_one(struct arena *a, const char *name, const char *text, struct err *e)
{
	const char *path = file_of(a, name);
	struct fs_attr attr = {
		.mode = SSCONF_FILE_MODE, .uid = (uid_t)-1, .gid = (gid_t)-1, .sync = true
	};
	char *now CLEANUP(freep) = NULL;
	int r;

	if (fs_read(path, SSCONF_MAX, &now, NULL) == 0 && strcmp(now, text) == 0)
		return 0;
	if (geteuid() == 0)
		attr.uid = attr.gid = 0;
	r = fs_write_atomic(path, text, strlen(text), &attr);
	return r < 0 ? err_sys(e, r, "Can't write %s", path) : 0;
}

/* Both the node agent and the master's helpers write these files: who makes the lock lets the other
 * in. */
static void share_lock(int lock)
{
	gid_t gid;

	if (geteuid() != 0 || !env_group(USER_MASTERD) ||
	    group_id(env_group(USER_MASTERD), &gid) < 0)
		return;
	if (fchown(lock, 0, gid) == 0)
		(void)fchmod(lock, 0660);
}

int ssconf_write(const json *values, bool dry_run, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	int lock CLEANUP(closep) = -1;

	json_each (values, name, v) {
		if (check(name, v, e) < 0)
			return -1;
	}
	if (dry_run)
		return 0;
	lock = lockfile_take(path_of(PATH_SSCONF_LOCK_FILE), true, LOCK_TIMEOUT);
	if (lock < 0)
		return err_sys(e, lock, "Can't lock %s", path_of(PATH_SSCONF_LOCK_FILE));
	share_lock(lock);
	json_each (values, name, v) {
		if (write_one(a, name, content(a, json_str(v)), e) < 0)
			return -1;
	}
	return 0;
}

int ssconf_master(struct arena *a, const char **ret_name, const char **ret_my_name, struct err *e)
{
	if (ssconf_read(a, SSCONF_master_node, ret_name, e) < 0)
		return -1;
	if (ret_my_name)
		*ret_my_name = env_hostname();
	return 0;
}

int ssconf_check_master(int *ret_exit, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *master, *myself;

	if (ssconf_master(a, &master, &myself, NULL) < 0) {
		if (ret_exit)
			*ret_exit = EXIT_NOTCLUSTER;
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Cluster not initialized or this machine is not part of a cluster");
	}
	if (strcmp(master, myself) == 0)
		return 0;
	if (ret_exit)
		*ret_exit = EXIT_NOTMASTER;
	return err_set(e, ERR_PREREQ, ECODE_INVAL,
		       "This is not the master node, please connect to node '%s' and rerun the"
		       " command",
		       master);
}
