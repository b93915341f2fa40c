/* Instances: lists, state, start, stop, reboot, memory, consoles. */
#include "src/node/priv.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define POLL_INTERVAL 0.25
#define ASK_INTERVAL 5.0  /* the guest is asked again: one that is booting misses the first time */
#define FORCE_WAIT 5.0
#define STATE_SHUTDOWN 1  /* hv_info.state: the guest ended by itself, the domain is still known */

const struct hv_class *hv_find(hypervisor_t t, struct err *e)
{
	const struct hv_class *c = hv_class_of(t);

	if (!c)
		err_set(e, HypervisorError, NULL, "Hypervisor '%s' is not supported by this node",
			enum_name(&enum_hypervisor, (int)t));
	return c;
}

const struct hv_class *hv_find_name(const char *name, struct err *e)
{
	int t = enum_value(&enum_hypervisor, name);

	if (t >= 0)
		return hv_find((hypervisor_t)t, e);
	err_set(e, HypervisorError, NULL, "Unknown hypervisor '%s'", name ? name : "");
	return NULL;
}

int inst_parse(struct arena *a, json *dict, struct node_instance *ret, struct err *e)
{
	if (hv_instance_parse(a, dict, &ret->hv, e) < 0)
		return fail_unexpected(e);
	if (!is_file_name(ret->hv->name)) {
		err_plain(e, "Invalid instance name '%s'", ret->hv->name);
		return fail_unexpected(e);
	}
	ret->cls = hv_find(ret->hv->hypervisor, e);
	if (!ret->cls)
		return fail_unexpected(e);
	ret->disks = json_get(dict, "disks_info");
	return 0;
}

int inst_disks(struct arena *a, const struct node_instance *i, struct hv_disk **ret, size_t *ret_n,
	       struct err *e)
{
	struct hv_disk *disks = ARENA_ARRAY(a, struct hv_disk, json_len(i->disks));

	json_items(i->disks, idx, dict) {
		struct bdev_status st;
		struct disk *d;
		const char *link;
		int found = disk_find(a, dict, &st, e);

		if (found < 0)
			return -1;
		if (found == 0)
			return err_set(e, BlockDeviceError, NULL, "Block device '%s' is not set up.",
				       bdev_disk_text(a, dict));
		TRY(disk_link(a, i->hv->name, st.path, idx, &link, e));
		TRY(bdev_disk(a, dict, &d, e));
		disks[idx] = (struct hv_disk){ .disk = d, .path = link };
	}
	*ret = disks;
	*ret_n = json_len(i->disks);
	return 0;
}

/* 1 = there, 0 = not, -1 */
static int inst_state(struct arena *a, const struct node_instance *i, struct hv_info *ret,
		      struct err *e)
{
	return i->cls->info(a, i->hv->name, i->hv->hvparams, ret, e);
}

/* --- questions --- */

int inst_list(struct arena *a, const struct strs *hypervisors, const json *all_hvparams,
	      json **ret, struct err *e)
{
	*ret = json_new_array();
	for (size_t i = 0; i < hypervisors->n; i++) {
		const char *name = hypervisors->v[i];
		const struct hv_class *c = hv_find_name(name, e);
		struct strs names = { 0 };

		if (!c || c->list(a, json_get(all_hvparams, name), &names, e) < 0)
			return fail_as(e, HypervisorError,
				       "Error enumerating instances (hypervisor %s)", name);
		for (size_t k = 0; k < names.n; k++)
			json_append(*ret, json_new_str(names.v[k]));
	}
	return 0;
}

int node_instance_list(struct node_ctx *ctx, const struct rpc_instance_list *args, json **ret,
		       struct err *e)
{
	return inst_list(ctx->a, &args->hypervisor_list, args->hvparams, ret, e);
}

static json *info_json(const struct hv_info *i)
{
	json *j = json_pack("{s:I, s:i, s:I}", "memory", i->memory_mib, "state", i->state, "vcpus",
			    i->vcpus);

	return json_set(j, "time", i->time == (double)(int64_t)i->time ?
					   json_new_int((int64_t)i->time) :
					   json_new_float(i->time));
}

int node_instance_info(struct node_ctx *ctx, const struct rpc_instance_info *args, json **ret,
		       struct err *e)
{
	const struct hv_class *c = hv_find(args->hname, e);
	struct hv_info info;
	int found = !c || !is_file_name(args->instance) ?
			    -1 :
			    c->info(ctx->a, args->instance, args->hvparams, &info, e);

	if (found < 0)
		return fail_unexpected(e);
	*ret = found ? info_json(&info) : json_new_dict();
	return 0;
}

int node_all_instances_info(struct node_ctx *ctx, const struct rpc_all_instances_info *args,
			    json **ret, struct err *e)
{
	*ret = json_new_dict();
	for (size_t i = 0; i < args->hypervisor_list.n; i++) {
		const char *name = args->hypervisor_list.v[i];
		const struct hv_class *c = hv_find_name(name, e);
		struct hv_info *v;
		size_t n;

		if (!c ||
		    c->all_info(ctx->a, json_get(args->all_hvparams, name), &v, &n, e) < 0)
			return fail_unexpected(e);
		for (size_t k = 0; k < n; k++) {
			json *other = json_get(*ret, v[k].name);

			if (other && (json_get_int(other, "memory", 0) != v[k].memory_mib ||
				      json_get_int(other, "vcpus", 0) != v[k].vcpus))
				return err_plain(e,
						 "Instance %s is running twice with different"
						 " parameters",
						 v[k].name);
			json_set(*ret, v[k].name, info_json(&v[k]));
		}
	}
	return 0;
}

int node_instance_migratable(struct node_ctx *ctx, const struct rpc_instance_migratable *args,
			     json **ret, struct err *e)
{
	struct node_instance i;
	struct hv_info info;
	int found;

	(void)ret;
	TRY(inst_parse(ctx->a, args->instance, &i, e));
	found = inst_state(ctx->a, &i, &info, e);
	if (found < 0)
		return fail_unexpected(e);
	return found ? 0 : err_plain(e, "Instance %s is not running", i.hv->name);
}

/* --- the reason file: why an instance is in its present state --- */

static void store_reason(struct arena *a, const char *name, const json *trail, const char *what)
{
	json *all CLEANUP(json_putp) = json_new_array();
	struct timespec now;
	char *text;
	int r;

	clock_gettime(CLOCK_REALTIME, &now);
	json_items(trail, i, v)
		json_append(all, json_ref(v));
	json_append(all,
		    json_pack("[s, s, I]", arena_printf(a, "gnt:daemon:noded:%s", what), "",
			      (int64_t)now.tv_sec * 1000000000 + (int64_t)now.tv_nsec));
	text = arena_printf(a, "%s\n", json_dump_in(a, all));
	r = fs_write_atomic(path_in(a, PATH_INSTANCE_REASON_DIR, "%s", name), text, strlen(text),
			    NULL);
	if (r < 0)
		log_warn("Can't write the reason file of %s: %s", name, strerror(-r));
}

/* --- start --- */

static int start(struct arena *a, const struct node_instance *i, bool paused, struct err *e)
{
	struct hv_info info;
	struct hv_disk *disks;
	size_t n;
	int found = inst_state(a, i, &info, e);

	if (found < 0)
		return fail_as(e, HypervisorError, "Hypervisor error");
	if (found && info.state != STATE_SHUTDOWN) {
		log_info("Instance '%s' already running, not starting", i->hv->name);
		return 0;
	}
	if (inst_disks(a, i, &disks, &n, e) < 0)
		return fail_as(e, BlockDeviceError, "Block device error");
	if (i->cls->start(a, i->hv, disks, n, paused, e) == 0)
		return 0;
	disk_unlink_all(a, i->hv->name, json_len(i->disks));
	/* plain failures come from the hypervisor's own helpers */
	return err_prefix(e, "Hypervisor error");
}

int node_instance_start(struct node_ctx *ctx, const struct rpc_instance_start *args, json **ret,
			struct err *e)
{
	struct node_instance i;

	(void)ret;
	TRY(inst_parse(ctx->a, args->instance_hvp_bep, &i, e));
	TRY(start(ctx->a, &i, args->startup_paused, e));
	store_reason(ctx->a, i.hv->name, args->reason, "start");
	return 0;
}

/* --- stop --- */

static void pause_for(double seconds)
{
	struct timespec t = { .tv_sec = (time_t)seconds,
			      .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9) };

	nanosleep(&t, NULL);
}

/* Poll until the instance is gone. 1 = gone, 0 = still there at END, -1 */
static int wait_gone(struct arena *a, const struct node_instance *i, double end, struct err *e)
{
	for (;;) {
		struct hv_info info;
		int found = inst_state(a, i, &info, e);
		double left = end - clock_mono();

		if (found <= 0)
			return found < 0 ? -1 : 1;
		if (left <= 0)
			return 0;
		pause_for(left < POLL_INTERVAL ? left : POLL_INTERVAL);
	}
}

/* Ask the guest until it is gone or END. 1 = gone, 0 = not, -1 */
static int ask_to_stop(struct arena *a, const struct node_instance *i, double end, struct err *e)
{
	struct hv_info info;
	bool asked = false;

	for (;;) {
		double next = clock_mono() + ASK_INTERVAL;
		int gone;

		if (i->cls->stop(a, i->hv, false, asked, e) < 0) {
			if (inst_state(a, i, &info, NULL) == 0) {
				err_clear(e); /* it went away while being asked */
				return 1;
			}
			return err_prefix(e, "Failed to stop instance '%s'", i->hv->name);
		}
		asked = true;
		gone = wait_gone(a, i, next < end ? next : end, e);
		if (gone != 0 || clock_mono() >= end)
			return gone;
	}
}

static int destroy(struct arena *a, const struct node_instance *i, struct err *e)
{
	struct hv_info info;
	int gone;

	log_error("Shutdown of '%s' unsuccessful, forcing", i->hv->name);
	if (i->cls->stop(a, i->hv, true, false, e) < 0) {
		if (inst_state(a, i, &info, NULL) != 0)
			return err_prefix(e, "Failed to force stop instance '%s'", i->hv->name);
		err_clear(e);
	}
	gone = wait_gone(a, i, clock_mono() + FORCE_WAIT, e);
	if (gone < 0)
		return fail_unexpected(e);
	return gone ? 0 : err_plain(e, "Could not shutdown instance '%s' even by destroy",
				    i->hv->name);
}

/* *RET_STOPPED: whether there was anything to stop. */
static int shut_down(struct arena *a, const struct node_instance *i, double timeout,
		     bool *ret_stopped, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;
	struct hv_info info;
	int found = inst_state(a, i, &info, e), gone;

	if (found < 0)
		return fail_unexpected(e);
	*ret_stopped = found;
	if (found) {
		gone = ask_to_stop(a, i, clock_mono() + timeout, e);
		TRY(gone);
		if (!gone)
			TRY(destroy(a, i, e));
	} else {
		log_info("Instance '%s' not running, doing nothing", i->hv->name);
	}
	if (i->cls->cleanup(a, i->hv->name, &why) < 0)
		log_warn("Failed to execute post-shutdown cleanup step: %s", err_msg(&why));
	disk_unlink_all(a, i->hv->name, json_len(i->disks));
	return 0;
}

int node_instance_shutdown(struct node_ctx *ctx, const struct rpc_instance_shutdown *args,
			   json **ret, struct err *e)
{
	struct node_instance i;
	bool stopped;

	(void)ret;
	TRY(inst_parse(ctx->a, args->instance, &i, e));
	TRY(shut_down(ctx->a, &i, args->timeout, &stopped, e));
	if (stopped)
		store_reason(ctx->a, i.hv->name, args->reason, "shutdown");
	return 0;
}

/* --- reboot, memory --- */

static int soft_reboot(struct arena *a, const struct node_instance *i, struct err *e)
{
	struct hv_disk *disks;
	size_t n;

	if (inst_disks(a, i, &disks, &n, e) < 0 ||
	    i->cls->reboot(a, i->hv, disks, n, e) < 0)
		return err_prefix(e, "Failed to soft reboot instance '%s'", i->hv->name);
	return 0;
}

int node_instance_reboot(struct node_ctx *ctx, const struct rpc_instance_reboot *args, json **ret,
			 struct err *e)
{
	struct node_instance i;
	struct hv_info info;
	bool stopped;
	int found;

	(void)ret;
	TRY(inst_parse(ctx->a, args->inst, &i, e));
	found = inst_state(ctx->a, &i, &info, e);
	if (found < 0)
		return fail_unexpected(e);
	if (!found)
		return err_plain(e, "Cannot reboot instance '%s' that is not running", i.hv->name);
	switch (enum_value(&enum_reboot_type, args->reboot_type)) {
	case reboot_type_soft:
		TRY(soft_reboot(ctx->a, &i, e));
		break;
	case reboot_type_hard:
		TRY(shut_down(ctx->a, &i, args->shutdown_timeout, &stopped, e));
		TRY(start(ctx->a, &i, false, e));
		break;
	default:
		return err_plain(e, "Invalid reboot_type received: '%s'", args->reboot_type);
	}
	store_reason(ctx->a, i.hv->name, args->reason, "reboot");
	return 0;
}

int node_instance_balloon_memory(struct node_ctx *ctx,
				 const struct rpc_instance_balloon_memory *args, json **ret,
				 struct err *e)
{
	struct node_instance i;
	struct hv_info info;
	int found;

	(void)ret;
	TRY(inst_parse(ctx->a, args->instance, &i, e));
	found = inst_state(ctx->a, &i, &info, e);
	if (found < 0)
		return fail_unexpected(e);
	if (!found) {
		log_info("Instance %s is not running, cannot balloon", i.hv->name);
		return 0;
	}
	if (i.cls->balloon(ctx->a, i.hv, args->memory, e) < 0)
		return err_prefix(e, "Failed to balloon instance memory");
	return 0;
}

/* --- consoles --- */

static int console(struct arena *a, const json *entry, json **ret, struct err *e)
{
	json *dict = json_own(a, json_merge(json_new_dict(), json_get(entry, "instance")));
	struct node *node = ARENA_NEW(a, struct node);
	struct node_instance i;
	const struct field *bad;

	if (json_get(entry, "hvParams"))
		json_set(dict, "hvparams", json_ref(json_get(entry, "hvParams")));
	if (json_get(entry, "beParams"))
		json_set(dict, "beparams", json_ref(json_get(entry, "beParams")));
	TRY(inst_parse(a, dict, &i, e));
	if (record_parse(rec_node(), a, json_get(entry, "node"), node,
			 REC_IGNORE_UNKNOWN | REC_NO_DEFAULTS, &bad, e) < 0) {
		err_prefix(e, "node");
		return fail_unexpected(e);
	}
	return i.cls->console(a, i.hv, node, ret, e) < 0 ? fail_unexpected(e) : 0;
}

int node_instance_console_info(struct node_ctx *ctx, const struct rpc_instance_console_info *args,
			       json **ret, struct err *e)
{
	*ret = json_new_dict();
	json_each(args->instances, name, entry) {
		json *c = NULL;

		TRY(console(ctx->a, entry, &c, e));
		json_set(*ret, name, c);
	}
	return 0;
}

/* --- parameters --- */

int node_hypervisor_validate_params(struct node_ctx *ctx,
				    const struct rpc_hypervisor_validate_params *args, json **ret,
				    struct err *e)
{
	const struct hv_class *c = hv_find(args->hvname, e);

	(void)ret;
	return c ? c->validate(ctx->a, args->hvfull, e) : -1;
}
