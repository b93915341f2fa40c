/*
 * The fake hypervisor: a file per "running" instance. For tests of scale and faults only.
 * File: memory, vcpus and UUID, one per line.
 */
#include "src/hyper/priv.h"

#include "lib/base/parse.h"

#include <errno.h>
#include <unistd.h>

#define FAKE_DIR "fake-hypervisor"

static char *file_of(struct arena *a, const char *name)
{
	return path_in(a, PATH_RUN_DIR, FAKE_DIR "/%s", name);
}

static int fake_list(struct arena *a, const json *hvparams, struct strs *ret, struct err *e)
{
	int r = fs_list(a, path_in(a, PATH_RUN_DIR, FAKE_DIR), ret);

	(void)hvparams;
	if (r == -ENOENT) {
		*ret = (struct strs){ 0 };
		return 0;
	}
	return r < 0 ? err_sys(e, r, "Can't list the fake instances") : 0;
}

static int fake_info(struct arena *a, const char *name, const json *hvparams, struct hv_info *ret,
		     struct err *e)
{
	char *text CLEANUP(freep) = NULL;
	size_t n;
	struct strs lines;
	int r = fs_read(file_of(a, name), 4096, &text, &n);

	(void)hvparams;
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_sys(e, r, "Can't read the state of %s", name);
	lines = strs_split(a, text, '\n');
	*ret = (struct hv_info){ .name = arena_strdup(a, name) };
	if (lines.n < 3 || parse_int(lines.v[0], &ret->memory_mib) < 0 ||
	    parse_int(lines.v[1], &ret->vcpus) < 0)
		return err_set(e, HypervisorError, NULL, "The state file of %s is damaged", name);
	return 1;
}

static int fake_all_info(struct arena *a, const json *hvparams, struct hv_info **ret,
			 size_t *ret_n, struct err *e)
{
	struct strs names;
	size_t k = 0;

	if (fake_list(a, hvparams, &names, e) < 0)
		return -1;
	*ret = ARENA_ARRAY(a, struct hv_info, names.n);
	for (size_t i = 0; i < names.n; i++) {
		int r = fake_info(a, names.v[i], hvparams, &(*ret)[k], e);

		if (r < 0)
			return -1;
		k += (size_t)r; /* gone meanwhile: 0 */
	}
	*ret_n = k;
	return 0;
}

static int mark_up(struct arena *a, const struct hv_instance *i, struct err *e)
{
	char *text = arena_printf(a, "%lld\n%lld\n%s\n", (long long)i->be.maxmem,
				  (long long)i->be.vcpus, i->uuid);
	struct fs_attr attr = { .mode = 0644, .uid = (uid_t)-1, .gid = (gid_t)-1 };
	int r = fs_mkdirs(path_in(a, PATH_RUN_DIR, FAKE_DIR), 0755);

	if (r == 0)
		r = fs_write_atomic(file_of(a, i->name), text, strlen(text), &attr);
	return r < 0 ? err_sys(e, r, "Can't write the state of %s", i->name) : 0;
}

static int fake_cleanup(struct arena *a, const char *name, struct err *e)
{
	if (unlink(file_of(a, name)) < 0 && errno != ENOENT)
		return err_sys(e, errno, "Can't remove the state of %s", name);
	return 0;
}

static int fake_start(struct arena *a, const struct hv_instance *i, const struct hv_disk *disks,
		      size_t n, bool paused, struct err *e)
{
	(void)disks;
	(void)n;
	(void)paused;
	if (fs_exists(file_of(a, i->name)))
		return err_set(e, HypervisorError, NULL,
			       "Failed to start instance %s: already running", i->name);
	return mark_up(a, i, e);
}

static int fake_stop(struct arena *a, const struct hv_instance *i, bool force, bool retry,
		     struct err *e)
{
	(void)force;
	(void)retry;
	if (!fs_exists(file_of(a, i->name)))
		return err_set(e, HypervisorError, NULL, "Failed to stop instance %s: not running",
			       i->name);
	return fake_cleanup(a, i->name, e);
}

static int fake_reboot(struct arena *a, const struct hv_instance *i, const struct hv_disk *disks,
		       size_t n, struct err *e)
{
	(void)disks;
	(void)n;
	return mark_up(a, i, e);
}

static int fake_balloon(struct arena *a, const struct hv_instance *i, int64_t mib, struct err *e)
{
	struct hv_instance changed = *i;
	struct hv_info info;
	int r = fake_info(a, i->name, NULL, &info, e);

	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(e, HypervisorError, NULL,
			       "Failed to balloon memory for %s: not running", i->name);
	changed.be.maxmem = mib;
	changed.be.vcpus = info.vcpus;
	return mark_up(a, &changed, e);
}

static int fake_node_info(struct arena *a, const json *hvparams, json **ret, struct err *e)
{
	struct hv_info *v;
	size_t n;
	int64_t used = 0, free_mib;
	json *j;

	if (fake_all_info(a, hvparams, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		used += v[i].memory_mib;
	j = hv_node_info(NULL);
	free_mib = json_get_int(j, "memory_free", 0) - used;
	json_set(j, "memory_free", json_new_int(free_mib > 0 ? free_mib : 0));
	*ret = j;
	return 0;
}

static int fake_verify(struct arena *a, const json *hvparams, const char **ret_problem,
		       struct err *e)
{
	(void)a;
	(void)hvparams;
	(void)e;
	*ret_problem = NULL;
	return 0;
}

static int fake_validate(struct arena *a, const json *hvparams, struct err *e)
{
	return hv_params(a, hypervisor_fake, hvparams, e) ? 0 : -1;
}

static int fake_console(struct arena *a, const struct hv_instance *i, const struct node *primary,
			json **ret, struct err *e)
{
	(void)a;
	(void)primary;
	(void)e;
	*ret = json_pack("{s:s, s:s, s:s}", "instance", i->name, "kind", "msg", "message",
			 "Console not available for fake hypervisor");
	return 0;
}

static int fake_migration_info(struct arena *a, const struct hv_instance *i, json **ret,
			       struct err *e)
{
	(void)a;
	(void)i;
	(void)e;
	*ret = json_new_str("");
	return 0;
}

static int fake_accept(struct arena *a, const struct hv_instance *i, const json *info,
		       const char *target_ip, const struct hv_disk *disks, size_t n, struct err *e)
{
	(void)info;
	(void)target_ip;
	(void)disks;
	(void)n;
	if (fs_exists(file_of(a, i->name)))
		return err_set(e, HypervisorError, NULL,
			       "Cannot accept instance %s: it is already running here", i->name);
	return 0;
}

static int fake_migrate(struct arena *a, const char *cluster_name, const struct hv_instance *i,
			const char *target_ip, bool live, struct err *e)
{
	(void)cluster_name;
	(void)target_ip;
	(void)live;
	if (!fs_exists(file_of(a, i->name)))
		return err_set(e, HypervisorError, NULL, "Instance %s is not running", i->name);
	return 0;
}

static int fake_migration_status(struct arena *a, const struct hv_instance *i,
				 struct hv_migration *ret, struct err *e)
{
	(void)a;
	(void)i;
	(void)e;
	*ret = (struct hv_migration){ "completed", -1, -1 };
	return 0;
}

static int fake_finalize_src(struct arena *a, const struct hv_instance *i, bool success, bool live,
			     struct err *e)
{
	(void)live;
	return success ? fake_cleanup(a, i->name, e) : 0;
}

static int fake_finalize_dst(struct arena *a, const struct hv_instance *i, const json *info,
			     bool success, struct err *e)
{
	(void)info;
	return success ? mark_up(a, i, e) : fake_cleanup(a, i->name, e);
}

const struct hv_class hv_class_fake = {
	.type = hypervisor_fake,
	.list = fake_list,
	.info = fake_info,
	.all_info = fake_all_info,
	.start = fake_start,
	.stop = fake_stop,
	.cleanup = fake_cleanup,
	.reboot = fake_reboot,
	.balloon = fake_balloon,
	.node_info = fake_node_info,
	.verify = fake_verify,
	.validate = fake_validate,
	.console = fake_console,
	.migration_info = fake_migration_info,
	.accept = fake_accept,
	.migrate = fake_migrate,
	.migration_status = fake_migration_status,
	.finalize_src = fake_finalize_src,
	.finalize_dst = fake_finalize_dst,
};
