/* What the node is and has. */
#include "src/node/priv.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"
#include "lib/net/net.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define TREE_DEPTH_MAX 64

int node_version(struct node_ctx *ctx, const struct rpc_version *args, json **ret, struct err *e)
{
	(void)ctx;
	(void)args;
	(void)e;
	*ret = json_new_int(PROTOCOL_VERSION);
	return 0;
}

int node_test_delay(struct node_ctx *ctx, const struct rpc_test_delay *args, json **ret,
		    struct err *e)
{
	struct timespec t = { .tv_sec = (time_t)args->duration,
			      .tv_nsec = (long)((args->duration - floor(args->duration)) * 1e9) };

	(void)ctx;
	(void)ret;
	if (args->duration < 0)
		return err_plain(e, "Invalid sleep duration");
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
	return 0;
}

/* --- node_info --- */

static int storage_info(struct arena *a, const json *unit, json *list, struct err *e)
{
	const char *type = json_str(json_at(unit, 0)), *key = json_str(json_at(unit, 1));
	const json *params = json_at(unit, 2);
	int64_t free_mib, total_mib;

	switch (enum_value(&enum_storage_type, type)) {
	case storage_type_file:
	case storage_type_sharedfile:
		break;
	case storage_type_lvm_vg:
	case storage_type_lvm_pv:
		/* upstream's answer of a node without that volume group: the rest must not be lost */
		json_append(list, json_pack("{s:s, s:n, s:n, s:s}", "name", key, "storage_free",
					    "storage_size", "type", type));
		return 0;
	default:
		err_plain(e, "Space of storage type '%s' is not reported by this node",
			  type ? type : "");
		return fail_unexpected(e);
	}
	if (!key || (params && json_len(params) != 0)) {
		err_plain(e, "Invalid storage unit %s", json_dump_in(a, unit));
		return fail_unexpected(e);
	}
	if (file_storage_space(key, &free_mib, &total_mib, e) < 0)
		return fail_unexpected(e);
	json_append(list, json_pack("{s:s, s:I, s:I, s:s}", "name", key, "storage_free", free_mib,
				    "storage_size", total_mib, "type", type));
	return 0;
}

static int hypervisor_info(struct arena *a, const json *spec, json *list, struct err *e)
{
	const struct hv_class *c = hv_find_name(json_str(json_at(spec, 0)), e);
	json *info = NULL;

	if (!c || c->node_info(a, json_at(spec, 1), &info, e) < 0)
		return fail_unexpected(e);
	json_append(list, info);
	return 0;
}

int node_node_info(struct node_ctx *ctx, const struct rpc_node_info *args, json **ret,
		   struct err *e)
{
	json *storage = args->storage_units ? json_new_array() : NULL;
	json *hvs = args->hv_specs ? json_new_array() : NULL;
	char *id CLEANUP(freep) = NULL;
	int r = fs_read(BOOT_ID, 128, &id, NULL);

	*ret = json_pack("[s, o, o]", r < 0 ? "" : str_strip(ctx->a, id), storage, hvs);
	if (r < 0)
		return fail_os(e, r, BOOT_ID);
	json_items(args->storage_units, i, unit)
		TRY(storage_info(ctx->a, unit, storage, e));
	json_items(args->hv_specs, i, spec)
		TRY(hypervisor_info(ctx->a, spec, hvs, e));
	return 0;
}

/* --- storage units --- */

/* Sum of the sizes of all files below the directory FD, which is closed. */
static int64_t tree_bytes(int fd, int depth)
{
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	int64_t sum = 0;

	if (!d) {
		closep(&fd);
		return 0;
	}
	while ((de = readdir(d))) {
		struct stat st;

		if (str_eq(de->d_name, ".") || str_eq(de->d_name, "..") ||
		    fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!S_ISDIR(st.st_mode))
			sum += st.st_size;
		else if (depth < TREE_DEPTH_MAX)
			sum += tree_bytes(openat(dirfd(d), de->d_name,
						 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
					  depth + 1);
	}
	closedir(d);
	return sum;
}

static int file_row(struct arena *a, const char *path, const struct strs *fields, json *rows,
		    struct err *e)
{
	const char *real = env_add_root(a, path);
	int64_t free_mib, total_mib;
	json *row = json_new_array();

	json_append(rows, row);
	if (file_storage_space(path, &free_mib, &total_mib, e) < 0)
		return fail_unexpected(e);
	for (size_t i = 0; i < fields->n; i++) {
		const char *f = fields->v[i];
		json *v;

		if (str_eq(f, "name"))
			v = json_new_str(path);
		else if (str_eq(f, "size"))
			v = json_new_int(total_mib);
		else if (str_eq(f, "free"))
			v = json_new_int(free_mib);
		else if (str_eq(f, "used"))
			v = json_new_int(tree_bytes(open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
						    0) >> 20);
		else if (str_eq(f, "allocatable"))
			v = json_new_bool(true);
		else {
			err_set(e, StorageError, NULL, "Unknown field: '%s'", f);
			return fail_unexpected(e);
		}
		json_append(row, v);
	}
	return 0;
}

int node_storage_list(struct node_ctx *ctx, const struct rpc_storage_list *args, json **ret,
		      struct err *e)
{
	struct strs paths = json_strs(ctx->a, json_at(args->su_args, 0));

	*ret = json_new_array();
	switch (enum_value(&enum_storage_type, args->su_name)) {
	case storage_type_file:
	case storage_type_sharedfile:
		break;
	default:
		err_set(e, StorageError, NULL, "Unknown storage type: %s", args->su_name);
		return fail_unexpected(e);
	}
	if (args->name) {
		paths = (struct strs){ 0 };
		strs_add(ctx->a, &paths, args->name);
	}
	for (size_t i = 0; i < paths.n; i++)
		TRY(file_row(ctx->a, paths.v[i], &args->fields, *ret, e));
	return 0;
}

int node_bdev_sizes(struct node_ctx *ctx, const struct rpc_bdev_sizes *args, json **ret,
		    struct err *e)
{
	(void)ctx;
	(void)e;
	*ret = json_new_dict();
	for (size_t i = 0; i < args->devices.n; i++) {
		const char *path = args->devices.v[i];
		int fd CLEANUP(closep) = -1;
		struct stat st;
		uint64_t bytes;

		if (!fs_is_norm_abs(path) || !fs_is_below(path, "/dev"))
			continue;
		fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode) ||
		    ioctl(fd, BLKGETSIZE64, &bytes) < 0)
			log_warn("Cannot get size for block device %s", path);
		else
			json_set(*ret, path, json_new_int((int64_t)(bytes >> 20)));
	}
	return 0;
}

/* --- small questions --- */

int node_get_file_info(struct node_ctx *ctx, const struct rpc_get_file_info *args, json **ret,
		       struct err *e)
{
	struct stat st;
	bool found = stat(env_add_root(ctx->a, args->file_path), &st) == 0;

	(void)e;
	*ret = json_pack("[b, {}]", found);
	if (found)
		json_set(json_at(*ret, 1), "size", json_new_int(st.st_size));
	return 0;
}

int node_node_has_ip_address(struct node_ctx *ctx, const struct rpc_node_has_ip_address *args,
			     json **ret, struct err *e)
{
	(void)ctx;
	(void)e;
	*ret = json_new_bool(addr_is_local(args->address));
	return 0;
}

int node_bridges_exist(struct node_ctx *ctx, const struct rpc_bridges_exist *args, json **ret,
		       struct err *e)
{
	struct strs missing = { 0 };

	(void)ret;
	for (size_t i = 0; i < args->bridges_list.n; i++)
		if (!bridge_exists(args->bridges_list.v[i]))
			strs_add(ctx->a, &missing, args->bridges_list.v[i]);
	return missing.n ? err_plain(e, "Missing bridges %s", strs_join(ctx->a, &missing, ", ")) :
			   0;
}

int node_get_watcher_pause(struct node_ctx *ctx, const struct rpc_get_watcher_pause *args,
			   json **ret, struct err *e)
{
	char *text CLEANUP(freep) = NULL;
	int64_t until;

	(void)args;
	(void)e;
	/* a file with nonsense pauses nothing, as upstream */
	if (fs_read(path_of(PATH_WATCHER_PAUSEFILE), 64, &text, NULL) == 0 &&
	    parse_int(str_strip(ctx->a, text), &until) == 0 && (double)until > clock_real())
		*ret = json_new_int(until);
	return 0;
}

int node_set_watcher_pause(struct node_ctx *ctx, const struct rpc_set_watcher_pause *args,
			   json **ret, struct err *e)
{
	const char *path = path_of(PATH_WATCHER_PAUSEFILE), *text;
	struct fs_attr attr = { .mode = 0644, .uid = (uid_t)-1, .gid = (gid_t)-1 };
	int r;

	(void)ret;
	if (!args->until)
		return unlink(path) < 0 && errno != ENOENT ? fail_os(e, errno, path) : 0;
	if (!json_is(args->until, JSON_INT) && !json_is(args->until, JSON_FLOAT))
		return err_plain(e, "Duration must be numeric");
	text = arena_printf(ctx->a, "%lld\n", (long long)json_int(args->until, 0));
	r = fs_write_atomic(path, text, strlen(text), &attr);
	return r < 0 ? fail_os(e, r, path) : 0;
}
