/* Files the master writes on nodes: only those of a fixed list. */
#include "src/node/priv.h"

#include "lib/net/net.h"
#include "src/rpc/rpc.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define UPLOAD_MAX (1u << 30)
#define QUEUE_FILE_MODE 0640
#define QUEUE_LOCK_TIMEOUT 10
#define HOSTS_MAX (16u << 20)

/* What upload_file may write. The list of directories for file storage is never among them: it is
 * the node's own protection. */
static bool may_upload(const char *real)
{
	static const enum path allowed[] = {
		PATH_CONFIG_FILE,     PATH_ETC_HOSTS,	     PATH_SSH_KNOWN_HOSTS_FILE,
		PATH_VNC_PASSWORD_FILE, PATH_RAPI_CERT_FILE, PATH_SPICE_CERT_FILE,
		PATH_SPICE_CACERT_FILE, PATH_RAPI_USERS_FILE, PATH_CONFD_HMAC_KEY,
		PATH_CLUSTER_DOMAIN_SECRET_FILE, PATH_VIRT_CA_KEY,
	};
	/* ancillary files of hypervisors, below the configuration directory */
	static const char *const more[] = { "kvm-vif-bridge" };
	const char *dir = path_of(PATH_CONF_DIR);
	size_t n = strlen(dir);

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (str_eq(path_of(allowed[i]), real))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		if (str_starts(real, dir) && real[n] == '/' && str_eq(real + n + 1, more[i]))
			return true;
	return false;
}

/* Names to ids. Without root everything belongs to us anyway; so it does in a virtual cluster,
 * which may come from a machine with other users. */
static int owner_of(const json *user, const json *group, struct fs_attr *attr, struct err *e)
{
	attr->uid = (uid_t)-1;
	attr->gid = (gid_t)-1;
	if (!json_str(user) || !json_str(group))
		return err_plain(e, "Invalid username/groupname type");
	if (geteuid() != 0 || env_virtual())
		return 0;
	if (user_ids(json_str(user), &attr->uid, NULL) < 0) {
		err_plain(e, "User '%s' not found", json_str(user));
		return fail_unexpected(e);
	}
	if (group_id(json_str(group), &attr->gid) < 0) {
		err_plain(e, "Group '%s' not found", json_str(group));
		return fail_unexpected(e);
	}
	return 0;
}

static struct timespec to_timespec(double t)
{
	double whole = floor(t);

	return (struct timespec){ .tv_sec = (time_t)whole, .tv_nsec = (long)((t - whole) * 1e9) };
}

struct upload {
	const char *path;
	const json *content, *user, *group;
	int64_t mode;      /* -1 = default */
	double atime, mtime;
	bool has_times;
};

static int upload(struct arena *a, const struct upload *u, struct err *e)
{
	const char *real = env_add_root(a, u->path);
	struct fs_attr attr = { .mode = u->mode < 0 ? 0600 : (mode_t)(u->mode & 07777),
				.sync = true };
	struct timespec times[2];
	const void *data;
	size_t n;
	int r;

	if (*u->path != '/')
		return err_plain(e, "Filename passed to UploadFile is not absolute: '%s'", u->path);
	if (!fs_is_norm_abs(real) || !may_upload(real))
		return err_plain(e,
				 "Filename passed to UploadFile not in allowed upload targets: '%s'",
				 u->path);
	if (rpc_blob_data(a, u->content, UPLOAD_MAX, &data, &n, e) < 0)
		return fail_unexpected(e);
	TRY(owner_of(u->user, u->group, &attr, e));
	if (u->has_times) {
		times[0] = to_timespec(u->atime);
		times[1] = to_timespec(u->mtime);
		attr.times = times;
	}
	r = fs_write_atomic(real, data, n, &attr);
	return r < 0 ? fail_os(e, r, u->path) : 0;
}

int node_upload_file_single(struct node_ctx *ctx, const struct rpc_upload_file_single *args,
			    json **ret, struct err *e)
{
	struct upload u = { .path = args->file_name, .content = args->content, .user = args->uid,
			    .group = args->gid, .mode = args->has_mode ? args->mode : -1,
			    .atime = args->atime, .mtime = args->mtime,
			    .has_times = args->has_atime && args->has_mtime };

	(void)ret;
	return upload(ctx->a, &u, e);
}

int node_upload_file(struct node_ctx *ctx, const struct rpc_upload_file *args, json **ret,
		     struct err *e)
{
	const json *l = args->file_name;
	struct upload u = { .path = json_str(json_at(l, 0)), .content = json_at(l, 1),
			    .mode = json_int(json_at(l, 2), -1), .user = json_at(l, 3),
			    .group = json_at(l, 4), .atime = json_float(json_at(l, 5), 0),
			    .mtime = json_float(json_at(l, 6), 0),
			    .has_times = json_at(l, 5) && json_at(l, 6) };

	(void)ret;
	if (json_len(l) != 7 || !u.path) {
		err_plain(e, "Invalid file details");
		return fail_unexpected(e);
	}
	return upload(ctx->a, &u, e);
}

int node_write_ssconf_files(struct node_ctx *ctx, const struct rpc_write_ssconf_files *args,
			    json **ret, struct err *e)
{
	json *values = json_own(ctx->a, json_new_dict());

	(void)ret;
	json_each(args->values, key, v) {
		struct strs lines = json_strs(ctx->a, v);

		/* upstream's master sends lists of lines */
		if (json_is(v, JSON_ARRAY))
			json_set(values, key, json_new_str(strs_join(ctx->a, &lines, "\n")));
		else
			json_set(values, key, json_ref(v));
	}
	return ssconf_write(values, false, e) < 0 ? fail_unexpected(e) : 0;
}

/* --- the job queue's files --- */

static int queue_path(struct arena *a, const char *path, const char **ret, struct err *e)
{
	const char *real = env_add_root(a, path);

	if (!fs_is_norm_abs(real) || !fs_is_below(real, path_of(PATH_QUEUE_DIR)))
		return err_plain(e,
				 "Passed job queue file '%s' does not belong to the queue directory"
				 " '%s'",
				 path, path_of(PATH_QUEUE_DIR));
	*ret = real;
	return 0;
}

/* The lock upstream's daemons take too. Returns an fd. */
static int queue_lock(struct err *e)
{
	int fd = lockfile_take(path_of(PATH_JOB_QUEUE_LOCK_FILE), true, QUEUE_LOCK_TIMEOUT);

	if (fd >= 0)
		return fd;
	err_set(e, JobQueueError, NULL, "Job queue failed initialization, cannot update jobs");
	return fail_unexpected(e);
}

static void queue_owner(uid_t *uid, gid_t *gid)
{
	const char *group = env_group(GROUP_DAEMONS);

	*uid = (uid_t)-1;
	*gid = (gid_t)-1;
	if (geteuid() != 0 || env_virtual())
		return;
	user_ids(env_user(USER_MASTERD), uid, NULL);
	if (group)
		group_id(group, gid);
}

int node_jobqueue_update(struct node_ctx *ctx, const struct rpc_jobqueue_update *args, json **ret,
			 struct err *e)
{
	struct fs_attr attr = { .mode = QUEUE_FILE_MODE };
	int lock CLEANUP(closep) = queue_lock(e);
	const char *real;
	const void *data;
	size_t n;
	int r;

	(void)ret;
	if (lock < 0)
		return -1;
	TRY(queue_path(ctx->a, args->file_name, &real, e));
	if (rpc_blob_data(ctx->a, args->content, UPLOAD_MAX, &data, &n, e) < 0)
		return fail_unexpected(e);
	queue_owner(&attr.uid, &attr.gid);
	r = fs_write_atomic(real, data, n, &attr);
	return r < 0 ? fail_os(e, r, args->file_name) : 0;
}

static int rename_job(struct arena *a, const json *pair, struct err *e)
{
	const char *from = json_str(json_at(pair, 0)), *to = json_str(json_at(pair, 1));
	const char *real, *real_to;
	char *dir;
	uid_t uid;
	gid_t gid;

	if (!from || !to) {
		err_plain(e, "Invalid pair of names");
		return fail_unexpected(e);
	}
	TRY(queue_path(a, from, &real, e));
	TRY(queue_path(a, to, &real_to, e));
	dir = arena_strdup(a, real_to);
	*strrchr(dir, '/') = '\0';
	queue_owner(&uid, &gid);
	if (!fs_exists(dir)) {
		if (fs_mkdirs(dir, 0750) < 0 || fs_ensure_dir(dir, 0750, uid, gid) < 0)
			return fail_os(e, errno, dir);
	}
	if (rename(real, real_to) == 0)
		return 0;
	err_plain(e, "[Errno %d] %s: '%s' -> '%s'", errno, strerror(errno), from, to);
	return fail_unexpected(e);
}

int node_jobqueue_rename(struct node_ctx *ctx, const struct rpc_jobqueue_rename *args, json **ret,
			 struct err *e)
{
	int lock CLEANUP(closep) = queue_lock(e);

	if (lock < 0)
		return -1;
	*ret = json_new_array();
	json_items(args->rename, i, pair) {
		TRY(rename_job(ctx->a, pair, e));
		json_append(*ret, NULL);
	}
	return 0;
}

int node_jobqueue_set_drain_flag(struct node_ctx *ctx,
				 const struct rpc_jobqueue_set_drain_flag *args, json **ret,
				 struct err *e)
{
	const char *path = path_of(PATH_JOB_QUEUE_DRAIN_FILE);
	struct fs_attr attr = { .mode = QUEUE_FILE_MODE };
	int lock CLEANUP(closep) = queue_lock(e);
	int r = 0;

	(void)ctx;
	(void)ret;
	if (lock < 0)
		return -1;
	queue_owner(&attr.uid, &attr.gid);
	if (args->flag)
		r = fs_write_atomic(path, "", 0, &attr);
	else if (unlink(path) < 0 && errno != ENOENT)
		r = -errno;
	return r < 0 ? fail_os(e, r, path) : 0;
}

/* --- the hosts file --- */

static bool is_entry(const struct strs *fields)
{
	return fields->n && *fields->v[0] != '#';
}

/* LINE at white space. */
static struct strs words(struct arena *a, const char *line)
{
	struct strs ret = { 0 };

	while (*line) {
		size_t n;

		line += strspn(line, " \t\r");
		n = strcspn(line, " \t\r");
		if (n)
			strs_add(a, &ret, arena_strndup(a, line, n));
		line += n;
	}
	return ret;
}

static void add_line(struct str *out, const char *ip, const struct strs *names, const char *sep)
{
	str_addf(out, "%s%s", ip, sep);
	for (size_t i = 0; i < names->n; i++)
		str_addf(out, "%s%s", i ? " " : "", names->v[i]);
	str_addc(out, '\n');
}

/* Upstream: SetEtcHostsEntry. The entry replaces the first line of the address. */
static void hosts_set(struct arena *a, struct str *out, const struct strs *lines, const char *ip,
		      const struct strs *names)
{
	bool written = false;

	for (size_t i = 0; i < lines->n; i++) {
		struct strs f = words(a, lines->v[i]);

		if (i + 1 == lines->n && !*lines->v[i])
			break;
		if (!is_entry(&f) || !str_eq(f.v[0], ip)) {
			str_addf(out, "%s\n", lines->v[i]);
			continue;
		}
		if (!written)
			add_line(out, ip, names, "\t");
		written = true;
	}
	if (!written)
		add_line(out, ip, names, "\t");
}

/* Upstream: RemoveEtcHostsEntry. */
static void hosts_remove(struct arena *a, struct str *out, const struct strs *lines,
			 const struct strs *names)
{
	for (size_t i = 0; i < lines->n; i++) {
		struct strs f = words(a, lines->v[i]), rest = { 0 };

		if (i + 1 == lines->n && !*lines->v[i])
			break;
		for (size_t k = 1; k < f.n; k++)
			if (!strs_has(names, f.v[k]))
				strs_add(a, &rest, f.v[k]);
		if (!is_entry(&f) || rest.n + 1 >= f.n)
			str_addf(out, "%s\n", lines->v[i]);
		else if (rest.n)
			add_line(out, f.v[0], &rest, " ");
	}
}

int node_etc_hosts_modify(struct node_ctx *ctx, const struct rpc_etc_hosts_modify *args,
			  json **ret, struct err *e)
{
	const char *path = path_of(PATH_ETC_HOSTS);
	struct fs_attr attr = { .mode = 0644, .uid = (uid_t)-1, .gid = (gid_t)-1, .sync = true };
	struct str out CLEANUP(str_free) = { 0 };
	char *text CLEANUP(freep) = NULL;
	struct strs lines, names = { 0 };
	struct stat st;
	int r = fs_read(path, HOSTS_MAX, &text, NULL);

	if (r == -ENOENT)
		text = xstrdup("");
	else if (r < 0)
		return fail_os(e, r, path);
	lines = strs_split(ctx->a, text, '\n');
	strs_add(ctx->a, &names, args->name);
	if (strchr(args->name, '.'))
		strs_add(ctx->a, &names,
			 arena_strndup(ctx->a, args->name, strcspn(args->name, ".")));
	if (strpbrk(args->name, " \t\r\n#")) {
		return err_plain(e, "Invalid host name '%s'", args->name);
	} else if (str_eq(args->mode, "add")) {
		if (!args->ip || !addr_is_ip(args->ip))
			return err_plain(e, "Mode 'add' needs 'ip' parameter, but parameter not"
					    " present");
		hosts_set(ctx->a, &out, &lines, args->ip, &names);
	} else if (str_eq(args->mode, "remove")) {
		if (args->ip && *args->ip)
			return err_plain(e, "Mode 'remove' does not allow 'ip' parameter, but"
					    " parameter is present");
		hosts_remove(ctx->a, &out, &lines, &names);
	} else {
		return err_plain(e, "Mode not supported");
	}
	if (stat(path, &st) == 0) {
		attr.mode = st.st_mode & 07777;
		if (geteuid() == 0) {
			attr.uid = st.st_uid;
			attr.gid = st.st_gid;
		}
	}
	r = fs_write_atomic(path, str_get(&out), out.len, &attr);
	if (r < 0)
		return fail_os(e, r, path);
	*ret = json_new_bool(true);
	return 0;
}

/* --- exports --- */
int node_export_list(struct node_ctx *ctx, const struct rpc_export_list *args, json **ret,
		     struct err *e)
{
	struct strs names = { 0 };

	(void)args;
	if (fs_list(ctx->a, path_of(PATH_EXPORT_DIR), &names) < 0)
		return err_plain(e, "No exports directory");
	*ret = json_new_strs(&names);
	return 0;
}
