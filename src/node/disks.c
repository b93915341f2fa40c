/* Disks as the other handlers see them: finding one, the links instances open, the device cache. */
#include "src/node/priv.h"

#include "lib/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int disk_open(struct arena *a, json *dict, struct disk **ret, const struct bdev_class **ret_class,
	      struct err *e)
{
	TRY(bdev_disk(a, dict, ret, e));
	*ret_class = bdev_class_of((*ret)->dev_type);
	if (!*ret_class)
		return err_set(e, BlockDeviceError, NULL,
			       "Disk template '%s' is not supported by this node",
			       enum_name(&enum_disk_template, (int)(*ret)->dev_type));
	return 0;
}

int disk_find(struct arena *a, json *dict, struct bdev_status *ret, struct err *e)
{
	const struct bdev_class *c;
	struct disk *d;

	TRY(disk_open(a, dict, &d, &c, e));
	return c->find(a, d, ret, e);
}

char *disk_link_path(struct arena *a, const char *instance, size_t idx)
{
	return path_in(a, PATH_DISK_LINKS_DIR, "%s:%zu", instance, idx);
}

int disk_link(struct arena *a, const char *instance, const char *path, size_t idx,
	      const char **ret_link, struct err *e)
{
	char *link = disk_link_path(a, instance, idx);
	char *tmp = arena_printf(a, "%s.new", link);
	char now[4096];
	ssize_t n;

	if (!is_file_name(instance))
		return err_set(e, BlockDeviceError, NULL, "Invalid instance name '%s'", instance);
	*ret_link = link;
	n = readlink(link, now, sizeof(now) - 1);
	if (n >= 0) {
		now[n] = '\0';
		if (str_eq(now, path))
			return 0;
	}
	/* replaced by rename: a running guest's helper never finds the name missing */
	unlink(tmp);
	if (symlink(path, tmp) < 0 || rename(tmp, link) < 0) {
		int errnum = errno;

		unlink(tmp);
		return err_set(e, BlockDeviceError, NULL, "Cannot create block device symlink: %s",
			       strerror(errnum));
	}
	return 0;
}

void disk_unlink_all(struct arena *a, const char *instance, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *link = disk_link_path(a, instance, i);
		struct stat st;

		if (lstat(link, &st) < 0 || !S_ISLNK(st.st_mode))
			continue;
		if (unlink(link) < 0)
			log_error("Can't remove symlink '%s': %s", link, strerror(errno));
	}
}

void disk_unlink_device(struct arena *a, const char *path)
{
	const char *dir = path_of(PATH_DISK_LINKS_DIR);
	struct strs names;

	if (fs_list(a, dir, &names) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		const char *link = arena_printf(a, "%s/%s", dir, names.v[i]);
		char now[4096];
		ssize_t n = readlink(link, now, sizeof(now) - 1);

		if (n < 0)
			continue;
		now[n] = '\0';
		if (str_eq(now, path) && unlink(link) < 0)
			log_error("Can't remove symlink '%s': %s", link, strerror(errno));
	}
}
