/* Calls about block devices. Upstream: Blockdev* of backend.py. */
#include "src/node/priv.h"

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

/* --- the cache that tells monitoring whose a device is --- */

static const char *cache_file(struct arena *a, const char *dev)
{
	char *name = arena_strdup(a, str_starts(dev, "/dev/") ? dev + 5 : dev);

	for (char *p = name; *p; p++)
		if (*p == '/')
			*p = '_';
	return path_in(a, PATH_BDEV_CACHE_DIR, "bdev_%s", name);
}

static void cache_update(struct arena *a, const char *dev, const char *owner, bool on_primary,
			 const struct disk *d)
{
	const char *text = arena_printf(a, "%s %s %s\n", owner ? owner : "None",
					on_primary ? "primary" : "secondary",
					d->iv_name && *d->iv_name ? d->iv_name : "not_visible");
	int r = fs_write_atomic(cache_file(a, dev), text, strlen(text), NULL);

	if (r < 0)
		log_warn("Can't update bdev cache for %s: %s", dev, strerror(-r));
}

static void cache_remove(struct arena *a, const char *dev)
{
	const char *file = cache_file(a, dev);

	if (unlink(file) < 0 && errno != ENOENT)
		log_warn("Can't update bdev cache for %s: %s", dev, strerror(errno));
}

/* --- creation and removal --- */

int node_blockdev_create(struct node_ctx *ctx, const struct rpc_blockdev_create *args, json **ret,
			 struct err *e)
{
	const struct bdev_class *c;
	const char *path;
	struct disk *d;

	if (disk_open(ctx->a, args->bdev, &d, &c, e) < 0 ||
	    c->create(ctx->a, d, args->exclusive_storage, e) < 0)
		return fail_as(e, BlockDeviceError, "Can't create block device");
	if (FAULT(node_disk_made))
		return err_set(e, BlockDeviceError, NULL, "fault point");
	if (args->on_primary) {
		if (c->assemble(ctx->a, d, true, &path, e) < 0)
			return fail_as(e, BlockDeviceError,
				       "Can't assemble device after creation, unusual event");
		cache_update(ctx->a, path, args->owner, true, d);
	}
	*ret = json_ref(d->logical_id);
	return 0;
}

int node_blockdev_remove(struct node_ctx *ctx, const struct rpc_blockdev_remove *args, json **ret,
			 struct err *e)
{
	double end = clock_mono() + DISK_REMOVE_RETRY_TIMEOUT;
	const struct bdev_class *c;
	struct bdev_status st;
	struct disk *d;
	int found;

	(void)ret;
	if (disk_open(ctx->a, args->bdev, &d, &c, e) < 0)
		return e && e->cls ? -1 : fail_unexpected(e);
	found = c->find(ctx->a, d, &st, e);
	if (found < 0)
		return fail_unexpected(e);
	if (found == 0)
		return 0;
	/* a device may still be held by something that is about to let it go */
	while (c->remove(ctx->a, d, e) < 0) {
		if (clock_mono() + DISK_REMOVE_RETRY_INTERVAL > end)
			return -1;
		err_clear(e);
		sleep(DISK_REMOVE_RETRY_INTERVAL);
	}
	FAULT(node_disk_removed);
	cache_remove(ctx->a, st.path);
	return 0;
}

int node_blockdev_rename(struct node_ctx *ctx, const struct rpc_blockdev_rename *args, json **ret,
			 struct err *e)
{
	struct strs msgs = { 0 };

	(void)ret;
	json_items(args->devlist, i, pair) {
		struct err why CLEANUP(err_clear) = ERR_NONE;
		json *dict = json_at(pair, 0), *id = json_at(pair, 1);
		const struct bdev_class *c;
		struct bdev_status st;
		struct disk *d;
		int found;

		if (disk_open(ctx->a, dict, &d, &c, e) < 0)
			return fail_unexpected(e);
		found = c->find(ctx->a, d, &st, &why);
		if (found == 0) {
			strs_add(ctx->a, &msgs,
				 arena_printf(ctx->a, "Can't find device %s in rename",
					      bdev_disk_text(ctx->a, dict)));
			continue;
		}
		if (found < 0 || c->rename(ctx->a, d, id, &why) < 0) {
			strs_add(ctx->a, &msgs,
				 arena_printf(ctx->a, "Can't rename device '%s' to '%s': %s",
					      bdev_disk_text(ctx->a, dict),
					      json_dump_in(ctx->a, id), err_msg(&why)));
			continue;
		}
		cache_remove(ctx->a, st.path);
	}
	return msgs.n ? err_plain(e, "%s", strs_join(ctx->a, &msgs, "; ")) : 0;
}

/* --- use --- */

/* URI for access without the kernel; no template of this node has one. */
int node_blockdev_assemble(struct node_ctx *ctx, const struct rpc_blockdev_assemble *args,
			   json **ret, struct err *e)
{
	const char *instance = json_get_str(args->instance, "name");
	const struct bdev_class *c;
	const char *path, *link;
	struct disk *d;

	if (disk_open(ctx->a, args->disk, &d, &c, e) < 0)
		return fail_as(e, BlockDeviceError, "Error while assembling disk");
	if (!args->on_primary) {
		/* only templates that keep copies on several nodes do anything on the others */
		*ret = json_pack("[b, b]", 1, 1);
		return 0;
	}
	if (c->assemble(ctx->a, d, true, &path, e) < 0)
		return fail_as(e, BlockDeviceError, "Error while assembling disk");
	cache_update(ctx->a, path, instance, true, d);
	if (args->idx < 0 ||
	    disk_link(ctx->a, instance ? instance : "", path, (size_t)args->idx, &link, e) < 0)
		return fail_as(e, BlockDeviceError, "Error while symlinking disk");
	*ret = json_pack("[s, s, n]", path, link);
	return 0;
}

int node_blockdev_shutdown(struct node_ctx *ctx, const struct rpc_blockdev_shutdown *args,
			   json **ret, struct err *e)
{
	const struct bdev_class *c;
	struct bdev_status st;
	struct disk *d;
	int found;

	(void)ret;
	if (disk_open(ctx->a, args->disk, &d, &c, e) < 0)
		return fail_unexpected(e);
	found = c->find(ctx->a, d, &st, e);
	if (found < 0)
		return fail_unexpected(e);
	if (found == 0)
		return 0;
	TRY(c->shutdown(ctx->a, d, e));
	disk_unlink_device(ctx->a, st.path);
	cache_remove(ctx->a, st.path);
	return 0;
}

/* All disks of a list, or a failure that names the first missing one. */
static int find_all(struct arena *a, const json *disks, struct bdev_status **ret, struct err *e)
{
	struct bdev_status *st = ARENA_ARRAY(a, struct bdev_status, json_len(disks));

	json_items(disks, i, dict) {
		int found = disk_find(a, dict, &st[i], e);

		if (found < 0)
			return fail_unexpected(e);
		if (found == 0)
			return err_plain(e, "Can't find device %s", bdev_disk_text(a, dict));
	}
	*ret = st;
	return 0;
}

int node_blockdev_close(struct node_ctx *ctx, const struct rpc_blockdev_close *args, json **ret,
			struct err *e)
{
	struct bdev_status *st;

	(void)ret;
	TRY(find_all(ctx->a, args->disks, &st, e));
	if (!args->instance_name || !*args->instance_name)
		return 0;
	if (!is_file_name(args->instance_name)) {
		err_plain(e, "Invalid instance name '%s'", args->instance_name);
		return fail_unexpected(e);
	}
	disk_unlink_all(ctx->a, args->instance_name, json_len(args->disks));
	return 0;
}

int node_blockdev_open(struct node_ctx *ctx, const struct rpc_blockdev_open *args, json **ret,
		       struct err *e)
{
	struct bdev_status *st;
	const char *link;

	(void)ret;
	TRY(find_all(ctx->a, args->disks, &st, e));
	for (size_t i = 0; i < json_len(args->disks); i++)
		if (disk_link(ctx->a, args->instance_name, st[i].path, i, &link, e) < 0)
			return fail_as(e, BlockDeviceError, "Can't open devices");
	return 0;
}

/* --- state --- */

static json *status_json(const struct bdev_status *st)
{
	json *j = json_pack("{s:s, s:b, s:i}", "dev_path", st->path, "is_degraded",
			    (int)st->is_degraded, "ldisk_status", st->ldisk_status);

	if (st->major >= 0) {
		json_set(j, "major", json_new_int(st->major));
		json_set(j, "minor", json_new_int(st->minor));
	}
	if (st->has_sync) {
		json_set(j, "sync_percent", json_new_float(st->sync_percent));
		json_set(j, "estimated_time", json_new_float(st->estimated_time));
	}
	return j;
}

int node_blockdev_find(struct node_ctx *ctx, const struct rpc_blockdev_find *args, json **ret,
		       struct err *e)
{
	struct bdev_status st;
	int found = disk_find(ctx->a, args->disk, &st, e);

	if (found < 0)
		return fail_as(e, BlockDeviceError, "Failed to find device");
	*ret = found ? status_json(&st) : NULL;
	return 0;
}

int node_blockdev_getmirrorstatus(struct node_ctx *ctx,
				  const struct rpc_blockdev_getmirrorstatus *args, json **ret,
				  struct err *e)
{
	struct bdev_status *st;

	TRY(find_all(ctx->a, args->disks, &st, e));
	*ret = json_new_array();
	for (size_t i = 0; i < json_len(args->disks); i++)
		json_append(*ret, status_json(&st[i]));
	return 0;
}

int node_blockdev_getmirrorstatus_multi(struct node_ctx *ctx,
					const struct rpc_blockdev_getmirrorstatus_multi *args,
					json **ret, struct err *e)
{
	(void)e;
	*ret = json_new_array();
	json_items(args->node_disks, i, dict) {
		struct err why CLEANUP(err_clear) = ERR_NONE;
		struct bdev_status st;
		int found = disk_find(ctx->a, dict, &st, &why);

		if (found > 0)
			json_append(*ret, json_pack("[b, o]", 1, status_json(&st)));
		else if (found == 0)
			json_append(*ret, json_pack("[b, s]", 0,
						    arena_printf(ctx->a, "Can't find device %s",
								 bdev_disk_text(ctx->a, dict))));
		else
			json_append(*ret, json_pack("[b, s]", 0, err_msg(&why)));
	}
	return 0;
}

int node_blockdev_getdimensions(struct node_ctx *ctx,
				const struct rpc_blockdev_getdimensions *args, json **ret,
				struct err *e)
{
	(void)e;
	*ret = json_new_array();
	json_items(args->disks, i, dict) {
		const struct bdev_class *c;
		struct disk *d;
		int64_t bytes;

		if (disk_open(ctx->a, dict, &d, &c, NULL) == 0 &&
		    c->size(ctx->a, d, &bytes, NULL) == 0)
			json_append(*ret, json_pack("[I, n]", bytes));
		else
			json_append(*ret, NULL);
	}
	return 0;
}

/* --- change --- */

/* Open the class of a disk that has to be there. */
static int need_disk(struct arena *a, json *dict, struct disk **ret, const struct bdev_class **ret_c,
		     struct bdev_status *st, struct err *e)
{
	int found;

	if (disk_open(a, dict, ret, ret_c, e) < 0)
		return fail_unexpected(e);
	found = (*ret_c)->find(a, *ret, st, e);
	if (found < 0)
		return fail_unexpected(e);
	return found ? 0 : err_plain(e, "Cannot find block device %s", bdev_disk_text(a, dict));
}

int node_blockdev_grow(struct node_ctx *ctx, const struct rpc_blockdev_grow *args, json **ret,
		       struct err *e)
{
	const struct bdev_class *c;
	struct bdev_status st;
	struct disk *d;

	(void)ret;
	TRY(need_disk(ctx->a, args->cf_bdev, &d, &c, &st, e));
	/* without children a disk is its own backing store */
	if (args->backingstore && c->grow(ctx->a, d, args->amount, args->dryrun, e) < 0)
		return fail_as(e, BlockDeviceError, "Failed to grow block device");
	return 0;
}

int node_blockdev_setinfo(struct node_ctx *ctx, const struct rpc_blockdev_setinfo *args,
			  json **ret, struct err *e)
{
	const struct bdev_class *c;
	struct bdev_status st;
	struct disk *d;

	(void)ret;
	/* files have no place for it, as upstream */
	return need_disk(ctx->a, args->disk, &d, &c, &st, e);
}

static int write_zeros(const char *path, int64_t offset_mib, int64_t size_mib)
{
	int fd CLEANUP(closep) = open(path, O_WRONLY | O_CLOEXEC);
	char *zeros CLEANUP(freep) = xcalloc(1, MIB);
	off_t at = (off_t)offset_mib * (off_t)MIB, end = at + (off_t)size_mib * (off_t)MIB;

	if (fd < 0)
		return -errno;
	while (at < end) {
		ssize_t n = pwrite(fd, zeros, MIB, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += n;
	}
	return fdatasync(fd) < 0 ? -errno : 0;
}

int node_blockdev_wipe(struct node_ctx *ctx, const struct rpc_blockdev_wipe *args, json **ret,
		       struct err *e)
{
	const char *iv_name = json_get_str(args->bdev, "iv_name");
	const struct bdev_class *c;
	struct bdev_status st;
	struct disk *d;
	int64_t mib;
	int r;

	(void)ret;
	if (disk_open(ctx->a, args->bdev, &d, &c, e) < 0)
		return fail_unexpected(e);
	if (c->find(ctx->a, d, &st, e) <= 0) {
		err_clear(e);
		return err_plain(e, "Cannot wipe device %s: device not found",
				 iv_name ? iv_name : "None");
	}
	if (c->size(ctx->a, d, &mib, e) < 0)
		return fail_unexpected(e);
	mib = (mib + (int64_t)MIB - 1) / (int64_t)MIB;
	if (args->offset < 0)
		return err_plain(e, "Negative offset");
	if (args->size < 0)
		return err_plain(e, "Negative size");
	if (args->offset > mib)
		return err_plain(e, "Wipe offset is bigger than device size");
	if (args->size > mib - args->offset)
		return err_plain(e, "Wipe offset and size are bigger than device size");
	r = write_zeros(st.path, args->offset, args->size);
	return r < 0 ? err_plain(e, "Cannot wipe device %s: %s", iv_name ? iv_name : "None",
				 strerror(-r)) :
		       0;
}

/* --- directories of file disks --- */

/* The checked path with the virtual root. */
static int storage_dir(struct arena *a, const char *path, const char **ret, struct err *e)
{
	if (file_storage_accept(a, path, true, e) < 0) {
		fail_unexpected(e);
		return -1;
	}
	*ret = env_add_root(a, file_storage_normal(a, path));
	return 0;
}

static bool is_dir(const char *real)
{
	struct stat st;

	return stat(real, &st) == 0 && S_ISDIR(st.st_mode);
}

int node_file_storage_dir_create(struct node_ctx *ctx,
				 const struct rpc_file_storage_dir_create *args, json **ret,
				 struct err *e)
{
	const char *path = args->file_storage_dir, *real;
	int r;

	(void)ret;
	TRY(storage_dir(ctx->a, path, &real, e));
	if (is_dir(real))
		return 0;
	if (fs_exists(real))
		return err_plain(e, "Specified storage dir '%s' is not a directory", path);
	r = fs_mkdirs(real, 0750);
	return r < 0 ? err_plain(e,
				 "Cannot create file storage directory '%s': [Errno %d] %s: '%s'",
				 path, -r, strerror(-r), path) :
		       0;
}

int node_file_storage_dir_remove(struct node_ctx *ctx,
				 const struct rpc_file_storage_dir_remove *args, json **ret,
				 struct err *e)
{
	const char *path = args->file_storage_dir, *real;

	(void)ret;
	TRY(storage_dir(ctx->a, path, &real, e));
	if (!fs_exists(real))
		return 0;
	if (!is_dir(real))
		return err_plain(e, "Specified Storage directory '%s' is not a directory", path);
	if (rmdir(real) < 0)
		return err_plain(e,
				 "Cannot remove file storage directory '%s': [Errno %d] %s: '%s'",
				 path, errno, strerror(errno), path);
	return 0;
}

int node_file_storage_dir_rename(struct node_ctx *ctx,
				 const struct rpc_file_storage_dir_rename *args, json **ret,
				 struct err *e)
{
	const char *from = args->old_file_storage_dir, *to = args->new_file_storage_dir;
	const char *real, *real_to;

	(void)ret;
	TRY(storage_dir(ctx->a, from, &real, e));
	TRY(storage_dir(ctx->a, to, &real_to, e));
	if (fs_exists(real_to))
		return fs_exists(real) ?
			       err_plain(e, "Cannot rename '%s' to '%s': both locations exist",
					 from, to) :
			       0;
	if (!is_dir(real))
		return err_plain(e, "Specified storage dir '%s' is not a directory", from);
	if (rename(real, real_to) < 0)
		return err_plain(e, "Cannot rename '%s' to '%s': [Errno %d] %s", from, to, errno,
				 strerror(errno));
	return 0;
}
