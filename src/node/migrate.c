/* The steps of a migration, in the order the master calls them, and devices of running instances. */
#include "src/node/priv.h"

int node_migration_info(struct node_ctx *ctx, const struct rpc_migration_info *args, json **ret,
			struct err *e)
{
	struct node_instance i;

	TRY(inst_parse(ctx->a, args->instance, &i, e));
	if (i.cls->migration_info(ctx->a, i.hv, ret, e) < 0)
		return err_prefix(e, "Failed to fetch migration information");
	return 0;
}

/* The disks are usable on the target already; their links are made here, since the hypervisor
 * opens them before the instance is ours. */
int node_accept_instance(struct node_ctx *ctx, const struct rpc_accept_instance *args, json **ret,
			 struct err *e)
{
	struct node_instance i;
	struct hv_disk *disks;
	size_t n;

	(void)ret;
	TRY(inst_parse(ctx->a, args->instance, &i, e));
	if (inst_disks(ctx->a, &i, &disks, &n, e) < 0 ||
	    i.cls->accept(ctx->a, i.hv, args->info, args->target, disks, n, e) < 0)
		return err_prefix(e, "Failed to accept instance");
	return 0;
}

int node_instance_migrate(struct node_ctx *ctx, const struct rpc_instance_migrate *args,
			  json **ret, struct err *e)
{
	struct node_instance i;

	(void)ret;
	TRY(inst_parse(ctx->a, args->instance, &i, e));
	if (i.cls->migrate(ctx->a, args->cluster_name, i.hv, args->target, args->live, e) < 0)
		return err_prefix(e, "Failed to migrate instance");
	return 0;
}

int node_instance_get_migration_status(struct node_ctx *ctx,
				       const struct rpc_instance_get_migration_status *args,
				       json **ret, struct err *e)
{
	struct hv_migration m = { .transferred_ram = -1, .total_ram = -1 };
	struct node_instance i;

	TRY(inst_parse(ctx->a, args->instance, &i, e));
	if (i.cls->migration_status(ctx->a, i.hv, &m, e) < 0)
		return err_prefix(e, "Failed to get migration status");
	*ret = json_pack("{s:s}", "status", m.status);
	if (m.transferred_ram >= 0)
		json_set(*ret, "transferred_ram", json_new_int(m.transferred_ram));
	if (m.total_ram >= 0)
		json_set(*ret, "total_ram", json_new_int(m.total_ram));
	return 0;
}

int node_instance_finalize_migration_src(struct node_ctx *ctx,
					 const struct rpc_instance_finalize_migration_src *args,
					 json **ret, struct err *e)
{
	struct node_instance i;

	(void)ret;
	TRY(inst_parse(ctx->a, args->instance, &i, e));
	if (i.cls->finalize_src(ctx->a, i.hv, args->success, args->live, e) < 0)
		return err_prefix(e, "Failed to finalize the migration on the source node");
	if (args->success)
		disk_unlink_all(ctx->a, i.hv->name, json_len(i.disks));
	return 0;
}

int node_instance_finalize_migration_dst(struct node_ctx *ctx,
					 const struct rpc_instance_finalize_migration_dst *args,
					 json **ret, struct err *e)
{
	struct node_instance i;

	(void)ret;
	TRY(inst_parse(ctx->a, args->instance, &i, e));
	if (i.cls->finalize_dst(ctx->a, i.hv, args->info, args->success, e) < 0)
		return err_prefix(e, "Failed to finalize migration on the target node");
	if (!args->success)
		disk_unlink_all(ctx->a, i.hv->name, json_len(i.disks));
	return 0;
}

/* --- hot-plugging --- */

static int hotplug_ready(struct arena *a, const struct node_instance *i, struct err *e)
{
	if (!i->cls->hotplug_supported || !i->cls->hotplug)
		return err_plain(e, "Hotplug is not supported: Hotplug is not supported by this"
				    " hypervisor");
	if (i->cls->hotplug_supported(a, i->hv, e) < 0)
		return err_prefix(e, "Hotplug is not supported");
	return 0;
}

int node_hotplug_supported(struct node_ctx *ctx, const struct rpc_hotplug_supported *args,
			   json **ret, struct err *e)
{
	struct node_instance i;

	(void)ret;
	TRY(inst_parse(ctx->a, args->instance, &i, e));
	return hotplug_ready(ctx->a, &i, e);
}

int node_hotplug_device(struct node_ctx *ctx, const struct rpc_hotplug_device *args, json **ret,
			struct err *e)
{
	struct node_instance i;

	(void)ret;
	TRY(inst_parse(ctx->a, args->instance, &i, e));
	TRY(hotplug_ready(ctx->a, &i, e));
	if (i.cls->hotplug(ctx->a, i.hv, args->action, args->dev_type, args->device, args->extra,
			   args->seq, e) < 0)
		return fail_unexpected(e);
	return 0;
}
