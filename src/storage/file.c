/*
 * Disks that are files. The logical id is [driver, path]; sharedfile differs only in that
 * several nodes see the same directory.
 */
#include "src/storage/priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB ((off_t)1 << 20)

/* The path as configured, checked. Every operation passes here, so no caller can reach a file
 * outside of the allowed directories. */
static const char *path_from(struct arena *a, const json *id, struct err *e)
{
	const char *path = json_str(json_at(id, 1));

	if (json_len(id) != 2 || !path) {
		err_plain(e, "Invalid configuration data %s", json_dump_in(a, id));
		return NULL;
	}
	if (file_storage_path_check(a, path, e) < 0)
		return NULL;
	return file_storage_normal(a, path);
}

static bool is_file(const char *real)
{
	struct stat st;

	return stat(real, &st) == 0 && S_ISREG(st.st_mode);
}

static int device_error(struct err *e, const char *path, const char *what, int errnum)
{
	return err_set(e, BlockDeviceError, NULL, "%s: %s: [Errno %d] %s", path, what, errnum,
		       strerror(errnum));
}

static int no_such_file(struct err *e, const char *path)
{
	return err_set(e, BlockDeviceError, NULL, "%s: No such file", path);
}

static int file_create(struct arena *a, const struct disk *d, bool excl_stor, struct err *e)
{
	const char *path = path_from(a, d->logical_id, e);
	const char *real;
	int fd, r = 0;

	if (!path)
		return -1;
	if (excl_stor)
		return err_set(e, ProgrammerError, NULL,
			       "FileStorage device requested with exclusive_storage");
	if (json_len(d->children))
		return err_set(e, BlockDeviceError, NULL, "Invalid setup for file device");
	if (d->size < 0 || d->size > INT64_MAX / MIB)
		return device_error(e, path, "can't create", EFBIG);
	real = env_add_root(a, path);
	fd = open(real, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, BlockDeviceError, NULL, "%s: can't create: [Errno %d] %s: '%s'",
			       path, errno, strerror(errno), path);
	if (ftruncate(fd, d->size * MIB) < 0)
		r = errno;
	if (close(fd) < 0 && !r)
		r = errno;
	if (r) {
		unlink(real);
		return device_error(e, path, "can't create", r);
	}
	return 0;
}

static int file_remove(struct arena *a, const struct disk *d, struct err *e)
{
	const char *path = path_from(a, d->logical_id, e);

	if (!path)
		return -1;
	if (unlink(env_add_root(a, path)) < 0 && errno != ENOENT)
		return device_error(e, path, "can't remove", errno);
	return 0;
}

static int file_assemble(struct arena *a, const struct disk *d, bool open_it, const char **ret_path,
			 struct err *e)
{
	const char *path = path_from(a, d->logical_id, e);
	const char *real;

	(void)open_it;
	if (!path)
		return -1;
	real = env_add_root(a, path);
	if (!is_file(real))
		return no_such_file(e, path);
	*ret_path = real;
	return 0;
}

static int file_shutdown(struct arena *a, const struct disk *d, struct err *e)
{
	(void)a;
	(void)d;
	(void)e;
	return 0;
}

static int file_find(struct arena *a, const struct disk *d, struct bdev_status *ret, struct err *e)
{
	const char *path = path_from(a, d->logical_id, e);
	const char *real;

	if (!path)
		return -1;
	real = env_add_root(a, path);
	if (!is_file(real))
		return 0;
	*ret = (struct bdev_status){ .path = real, .major = -1, .minor = -1, .ldisk_status = 1 };
	return 1;
}

static int file_size(struct arena *a, const struct disk *d, int64_t *ret_bytes, struct err *e)
{
	const char *path = path_from(a, d->logical_id, e);
	struct stat st;

	if (!path)
		return -1;
	if (stat(env_add_root(a, path), &st) < 0 || !S_ISREG(st.st_mode))
		return no_such_file(e, path);
	*ret_bytes = st.st_size;
	return 0;
}

static int file_grow(struct arena *a, const struct disk *d, int64_t amount_mib, bool dry_run,
		     struct err *e)
{
	const char *path = path_from(a, d->logical_id, e);
	int64_t bytes;

	if (!path || file_size(a, d, &bytes, e) < 0)
		return -1;
	if (amount_mib < 0)
		return err_set(e, BlockDeviceError, NULL, "%s: can't grow by negative amount", path);
	if (amount_mib > (INT64_MAX - bytes) / MIB)
		return device_error(e, path, "can't grow", EFBIG);
	if (dry_run)
		return 0;
	if (truncate(env_add_root(a, path), bytes + amount_mib * MIB) < 0)
		return device_error(e, path, "can't grow", errno);
	return 0;
}

static int file_rename(struct arena *a, const struct disk *d, const json *new_id, struct err *e)
{
	const char *path = path_from(a, d->logical_id, e);
	const char *to = path ? path_from(a, new_id, e) : NULL;
	const char *real, *real_to;

	if (!to)
		return -1;
	real = env_add_root(a, path);
	real_to = env_add_root(a, to);
	if (!is_file(real))
		return no_such_file(e, path);
	/* upstream would overwrite; another instance's disk is worth more than that */
	if (renameat2(AT_FDCWD, real, AT_FDCWD, real_to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EINVAL && !fs_exists(real_to) && rename(real, real_to) == 0)
		return 0; /* a file system without the flag */
	return err_set(e, BlockDeviceError, NULL, "%s: can't rename to %s: [Errno %d] %s", path, to,
		       errno, strerror(errno));
}

#define FILE_CLASS(id)                                                                     \
	const struct bdev_class bdev_class_##id = {                                        \
		.template_ = disk_template_##id, .create = file_create, .remove = file_remove, \
		.assemble = file_assemble, .shutdown = file_shutdown, .find = file_find,   \
		.grow = file_grow, .rename = file_rename, .size = file_size,               \
	}
FILE_CLASS(file);
FILE_CLASS(sharedfile);
