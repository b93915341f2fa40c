/*
 * Block devices of instances, by disk template. The disk arrives as the RPC's disk dict: struct
 * disk plus "params" and "dynamic_params". Node side only.
 *
 * Device failures have the class BlockDeviceError; a path outside of the allowed directories has
 * FileStoragePathError. Paths in logical ids and messages have no virtual root, `path` of a
 * status and what assemble returns have it.
 */
#ifndef SRC_STORAGE_STORAGE_H
#define SRC_STORAGE_STORAGE_H
#include "src/env/env.h"
#include "src/schema/schema.h"

struct bdev_status {
	const char *path; /* device or file, what the hypervisor opens */
	int64_t major, minor; /* -1 = not a device */
	bool has_sync;
	double sync_percent, estimated_time;
	bool is_degraded;
	int ldisk_status; /* 1 ok, 2 sync, 3 unknown, 4 faulty */
};

struct bdev_class {
	disk_template_t template_;
	int (*create)(struct arena *a, const struct disk *d, bool excl_stor, struct err *e);
	int (*remove)(struct arena *a, const struct disk *d, struct err *e);
	/* Make usable; RET what to open. OPEN: for the primary. */
	int (*assemble)(struct arena *a, const struct disk *d, bool open, const char **ret_path, struct err *e);
	int (*shutdown)(struct arena *a, const struct disk *d, struct err *e);
	/* 1 = found, 0 = not there, -1 */
	int (*find)(struct arena *a, const struct disk *d, struct bdev_status *ret, struct err *e);
	int (*grow)(struct arena *a, const struct disk *d, int64_t amount_mib, bool dry_run, struct err *e);
	int (*rename)(struct arena *a, const struct disk *d, const json *new_id, struct err *e);
	int (*size)(struct arena *a, const struct disk *d, int64_t *ret_bytes, struct err *e);
};
/* NULL when the template has no class here yet (the caller words the error). */
const struct bdev_class *bdev_class_of(disk_template_t t);
/* Parse a disk dict of an RPC. */
int bdev_disk(struct arena *a, json *dict, struct disk **ret, struct err *e);
/* "<Disk(type=file, logical_id=('loop', '/a/b'), children=[], visible as /dev/disk/0, size=64m)>" */
char *bdev_disk_text(struct arena *a, const json *dict);

/* Is PATH inside one of the allowed file storage directories (upstream: CheckFileStoragePathAcceptance,
 * file /etc/ganeti/file-storage-paths)? FileStoragePathError otherwise. */
int file_storage_path_check(struct arena *a, const char *path, struct err *e);
/* The same; with EXACT_OK an allowed directory itself will do. */
int file_storage_accept(struct arena *a, const char *path, bool exact_ok, struct err *e);
char *file_storage_normal(struct arena *a, const char *path); /* without "..", "." and "//" */
/* What keeps the directory PATH from being used for disks, or NULL. */
const char *file_storage_problem(struct arena *a, const char *path);
/* Allowed directories that no one should have allowed. */
struct strs file_storage_wrong_paths(struct arena *a);
/* Append [PATH, seconds since it changed] to RET for each file below DIR, and PATH with a slash at its end for each
 * directory with nothing in it. Nothing is said of a DIR that is not allowed. Names are escaped where they are no text. */
#define FILE_STORAGE_LISTED_MAX 20000
void file_storage_list(struct arena *a, const char *dir, json *ret);
int file_storage_space(const char *dir, int64_t *ret_free_mib, int64_t *ret_total_mib, struct err *e);

#endif
