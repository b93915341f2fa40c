#include "lib/sys/sys.h"

#include "lib/base/fault.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TREE_DEPTH_MAX 256

int fs_read(const char *path, size_t max, char **ret, size_t *ret_len)
{
	int fd CLEANUP(closep) = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct str s CLEANUP(str_free) = { 0 };
	char buf[16384];
	ssize_t n;

	if (fd < 0)
		return -errno;
	/* files of /proc claim size 0, so the size is not asked for */
	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if ((size_t)n > max - s.len)
			return -EFBIG;
		str_addn(&s, buf, (size_t)n);
	}
	if (ret_len)
		*ret_len = s.len;
	*ret = str_steal(&s);
	return 0;
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

/* The folder of PATH, malloc'ed. */
static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

static int sync_dir(const char *dir)
{
	int fd CLEANUP(closep) = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Give the open file everything it must have before its name is put in place. */
static int fill_file(int fd, const void *data, size_t n, const struct fs_attr *attr)
{
	int r = write_all(fd, data, n);

	if (r < 0 || !attr)
		return r;
	if ((attr->uid != (uid_t)-1 || attr->gid != (gid_t)-1) &&
	    fchown(fd, attr->uid, attr->gid) < 0)
		return -errno;
	if (fchmod(fd, attr->mode ? attr->mode : 0600) < 0) /* after chown, which clears bits */
		return -errno;
	if (attr->times && futimens(fd, attr->times) < 0)
		return -errno;
	if (attr->sync && fsync(fd) < 0)
		return -errno;
	return 0;
}

static int put_file(int fd, const char *tmp, const char *path, const void *data, size_t n, const struct fs_attr *attr)
{
	int r = fill_file(fd, data, n, attr);

	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && FAULT(file_rename))
		r = -EIO;
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(tmp);
	return r;
}

int fs_write_atomic(const char *path, const void *data, size_t n, const struct fs_attr *attr)
{
	char *dir CLEANUP(freep) = parent_of(path);
	const char *slash = strrchr(path, '/');
	char *tmp CLEANUP(freep) = xasprintf("%s/.%s.XXXXXX", dir, slash ? slash + 1 : path);
	sigset_t ends, old;
	int fd, r;

	if (FAULT(file_write))
		return -EIO;
	/* workers are told to end at any moment, and nobody else would remove the file */
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, &old);
	fd = mkostemp(tmp, O_CLOEXEC);
	r = fd < 0 ? -errno : put_file(fd, tmp, path, data, n, attr);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (r < 0)
		return r;
	return attr && attr->sync ? sync_dir(dir) : 0;
}

/* One folder; MODE is exact (the umask of a daemon is 077). */
static int make_dir(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return chmod(path, mode) < 0 ? -errno : 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int fs_mkdirs(const char *path, mode_t mode)
{
	char *p CLEANUP(freep) = xstrdup(path);

	for (char *s = p + 1; *p && *s; s++) {
		int r;

		if (*s != '/')
			continue;
		*s = '\0';
		r = make_dir(p, mode);
		if (r < 0)
			return r;
		*s = '/';
	}
	return make_dir(p, mode);
}

int fs_ensure_dir(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	int fd CLEANUP(closep) = -1;
	struct stat st;

	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if ((uid != (uid_t)-1 && st.st_uid != uid) || (gid != (gid_t)-1 && st.st_gid != gid)) {
		if (fchown(fd, uid, gid) < 0)
			return -errno;
	}
	if ((st.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
		return -errno;
	return 0;
}

/* The mount NAME (in DIRFD) belongs to: bind mounts share st_dev, so ask for the mount id. */
static int mount_of(int dirfd, const char *name, uint64_t *ret)
{
	struct statx x;

	if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH,
		  STATX_MNT_ID | STATX_INO, &x) < 0)
		return -errno;
	*ret = x.stx_mask & STATX_MNT_ID ? x.stx_mnt_id
					 : (uint64_t)x.stx_dev_major << 32 | x.stx_dev_minor;
	return 0;
}

static int remove_at(int dirfd, const char *name, uint64_t mount, int depth);

static int remove_content(int dirfd, uint64_t mount, int depth)
{
	DIR *d = fdopendir(dirfd);
	struct dirent *de;
	int r = 0;

	if (!d) {
		r = -errno;
		close(dirfd);
		return r;
	}
	while (r == 0 && (errno = 0, de = readdir(d))) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		r = remove_at(dirfd, de->d_name, mount, depth + 1);
	}
	if (r == 0 && errno)
		r = -errno;
	closedir(d);
	return r;
}

static int remove_at(int dirfd, const char *name, uint64_t mount, int depth)
{
	uint64_t here;
	int fd, r;

	if (depth > TREE_DEPTH_MAX)
		return -ELOOP;
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	r = mount_of(dirfd, name, &here);
	if (r < 0)
		return r;
	if (here != mount)
		return -EXDEV;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOTDIR ? -EPERM : -errno;
	r = remove_content(fd, mount, depth);
	if (r < 0)
		return r;
	return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int fs_remove_tree(const char *path)
{
	char *dir CLEANUP(freep) = parent_of(path);
	int fd CLEANUP(closep) = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	uint64_t mount;
	int r;

	assert(*name);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = mount_of(fd, "", &mount);
	return r < 0 ? r : remove_at(fd, name, mount, 0);
}

int fs_list(struct arena *a, const char *dir, struct strs *ret)
{
	DIR *d = opendir(dir);
	struct strs l = { 0 };
	struct dirent *de;
	int r;

	if (!d)
		return -errno;
	while ((errno = 0, de = readdir(d)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			strs_add(a, &l, arena_strdup(a, de->d_name));
	r = -errno;
	closedir(d);
	if (r < 0)
		return r;
	strs_sort(&l);
	*ret = l;
	return 0;
}

bool fs_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

bool fs_is_norm_abs(const char *path)
{
	if (*path != '/')
		return false;
	if (!path[1])
		return true;
	for (const char *p = path; *p;) {
		const char *end = strchrnul(++p, '/');
		size_t n = (size_t)(end - p);

		if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p = end;
	}
	return true;
}

bool fs_is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (n == 1 && *dir == '/')
		return path[0] == '/' && path[1];
	return strncmp(path, dir, n) == 0 && path[n] == '/' && path[n + 1];
}
