/* Directories and permissions as they have to be. Upstream: tools/ensure_dirs.py. */
#include "src/env/priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUEUE_FILE_PERMS 0640
#define ARCHIVE_DIR_PERMS 0750

struct ids {
	uid_t uid;
	gid_t gid;
};

/* Nobody but root can give files away, and a virtual cluster has one user: they stay with the one running us. */
static int find_ids(enum daemon_user owner, enum daemon_user group, struct ids *ret, struct err *e)
{
	struct ids x = { (uid_t)-1, (gid_t)-1 };
	int r;

	if (geteuid() == 0 && !env_virtual()) {
		r = user_ids(env_user(owner), &x.uid, NULL);
		if (r < 0)
			return err_sys(e, r, "User '%s'", env_user(owner));
		r = group_id(env_group(group), &x.gid);
		if (r < 0)
			return err_sys(e, r, "Group '%s'", env_group(group));
	}
	*ret = x;
	return 0;
}

/* A file keeps its place when it is missing. Daemons may write to some of these directories, so
 * links they could have put there are not followed. */
static int repair_file(const char *path, mode_t mode, struct ids ids, struct err *e)
{
	int fd CLEANUP(closep) =
		open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, errno, "Can't check permissions of %s", path);
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return err_plain(e, "%s is not a regular file with one name", path);
	if ((ids.uid != (uid_t)-1 && st.st_uid != ids.uid) ||
	    (ids.gid != (gid_t)-1 && st.st_gid != ids.gid)) {
		if (fchown(fd, ids.uid, ids.gid) < 0)
			return err_sys(e, errno, "Can't change the owner of %s", path);
		st.st_mode = 0; /* the change may have cleared bits */
	}
	if ((st.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
		return err_sys(e, errno, "Can't change the mode of %s", path);
	return 0;
}

static int ensure_dir(const char *path, mode_t mode, struct ids ids, struct err *e)
{
	int r = fs_ensure_dir(path, mode, ids.uid, ids.gid);

	return r < 0 ? err_sys(e, r, "Can't create or repair directory %s", path) : 0;
}

static int make_missing(const char *path, struct err *e)
{
	int r = fs_exists(path) ? 0 : fs_mkdirs(path, 0755);

	return r < 0 ? err_sys(e, r, "Can't create directory %s", path) : 0;
}

static int make_parent(struct arena *a, const char *path, struct err *e)
{
	char *dir = arena_strdup(a, path), *slash = strrchr(dir, '/');

	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	return make_missing(dir, e);
}

static int ensure_row(struct arena *a, enum path id, struct err *e)
{
	const struct path_row *row = path_row(id);
	const char *path = path_of(id);
	struct ids ids;

	if (row->make)
		return make_missing(path, e);
	if (!row->mode)
		return 0;
	if (find_ids(row->owner, row->group, &ids, e) < 0)
		return -1;
	if (!row->dir)
		return repair_file(path, row->mode, ids, e);
	if (make_parent(a, path, e) < 0)
		return -1;
	return ensure_dir(path, row->mode, ids, e);
}

static int ensure_ssconf(struct arena *a, struct err *e)
{
	struct ids ids;

	if (find_ids(USER_ROOT, USER_ROOT, &ids, e) < 0)
		return -1;
	for (int i = 0; i < SSCONF_COUNT; i++) {
		const char *path = path_in(a, PATH_DATA_DIR, "ssconf_%s", ssconf_name(i));

		if (repair_file(path, SSCONF_FILE_MODE, ids, e) < 0)
			return -1;
	}
	return 0;
}

/* Job files of the queue and of its archive. */
static int ensure_job_files(struct arena *a, const char *dir, struct ids ids, struct err *e)
{
	struct strs names;
	int r = fs_list(a, dir, &names);

	if (r < 0)
		return err_sys(e, r, "Can't list %s", dir);
	for (size_t i = 0; i < names.n; i++) {
		const char *path = arena_printf(a, "%s/%s", dir, names.v[i]);

		if (str_starts(names.v[i], "job-") &&
		    repair_file(path, QUEUE_FILE_PERMS, ids, e) < 0)
			return -1;
	}
	return 0;
}

static int ensure_queue(struct arena *a, struct err *e)
{
	static const enum path files[] = { PATH_JOB_QUEUE_LOCK_FILE, PATH_JOB_QUEUE_SERIAL_FILE,
					   PATH_JOB_QUEUE_VERSION_FILE };
	const char *archive = path_of(PATH_JOB_QUEUE_ARCHIVE_DIR);
	struct strs names;
	struct ids ids;
	int r;

	if (find_ids(USER_MASTERD, GROUP_DAEMONS, &ids, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (repair_file(path_of(files[i]), QUEUE_FILE_PERMS, ids, e) < 0)
			return -1;
	if (ensure_job_files(a, path_of(PATH_QUEUE_DIR), ids, e) < 0)
		return -1;
	r = fs_list(a, archive, &names);
	if (r < 0)
		return err_sys(e, r, "Can't list %s", archive);
	for (size_t i = 0; i < names.n; i++) {
		const char *dir = arena_printf(a, "%s/%s", archive, names.v[i]);

		if (ensure_dir(dir, ARCHIVE_DIR_PERMS, ids, e) < 0 ||
		    ensure_job_files(a, dir, ids, e) < 0)
			return -1;
	}
	return 0;
}

int env_ensure_dirs(struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	for (int i = 0; i < PATH_COUNT; i++)
		if (ensure_row(a, i, e) < 0)
			return -1;
	if (ensure_ssconf(a, e) < 0)
		return -1;
	return ensure_queue(a, e);
}
