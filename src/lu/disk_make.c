/* Disks on nodes: create, remove, overwrite (upstream: CreateDisks, RemoveDisks, WipeDisks). */
#include "src/lu/lu.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"

#include <time.h>

#define UNDO_RETRIES 5
#define WIPE_REPORT_SECONDS 60.0

static json *remove_args(struct luctx *lu, const struct instance *i, const struct disk *d)
{
	return json_pack("[o]", lu_disk_dict(lu, i, d, i->primary_node));
}

/* Undoing must reach a node agent that was just restarted (it may be why we are here): asked several times. */
static int ask_again(struct luctx *lu, enum rpc rpc, const char *node_uuid, const json *args, struct rpc_answer *r)
{
	struct timespec second = { .tv_sec = 1 };

	for (int k = 0;; k++) {
		if (lu_ask(lu, rpc, node_uuid, json_clone(args), r, NULL) < 0)
			return -1;
		if (!r->failed || r->offline || k == UNDO_RETRIES)
			return 0;
		nanosleep(&second, NULL);
	}
}

/* Upstream: _UndoCreateDisks. The one that failed may be half made; removing what is not there is fine. */
static void undo(struct luctx *lu, const struct instance *i, const struct disk *disks, size_t n, const char *dir)
{
	struct rpc_answer r;
	json *args;

	for (size_t k = 0; k < n; k++) {
		args = json_own(lu->a, remove_args(lu, i, &disks[k]));
		if (ask_again(lu, RPC_blockdev_remove, i->primary_node, args, &r) < 0)
			return;
		if (r.failed)
			lu_warn(lu, NULL, "Failed to remove newly-created disk %s on node %s: %s",
				lu_disk_text(lu, &disks[k]), r.node, r.error);
	}
	if (!dir)
		return;
	/* stays when something else is in it */
	args = json_own(lu->a, json_pack("[s]", dir));
	if (ask_again(lu, RPC_file_storage_dir_remove, i->primary_node, args, &r) == 0 && r.failed)
		log_info("Directory %s on node %s stays: %s", dir, r.node, r.error);
}

static int create_one(struct luctx *lu, const struct instance *i, const struct disk *d, struct err *e)
{
	json *args = json_pack("[o, I, s, b, s, b]", lu_disk_dict(lu, i, d, i->primary_node), d->size, i->name, 1,
			       arena_printf(lu->a, "originstname+%s", i->name), 0);

	return lu_rpc(lu, RPC_blockdev_create, i->primary_node, args, NULL,
		      arena_printf(lu->a, "Can't create block device %s on node %s for instance %s",
				   lu_disk_text(lu, d), lu_node_name(lu, i->primary_node), i->name),
		      e);
}

int lu_disks_create(struct luctx *lu, const struct instance *i, const struct disk *disks, size_t n, bool fresh,
		    struct err *e)
{
	const char *dir = n ? lu_disks_dir(lu, &disks[0]) : NULL;
	/* its directory is new, too */
	bool whole = n && fresh && strs_has(&i->disks, disks[0].uuid);

	if (dir && lu_rpc(lu, RPC_file_storage_dir_create, i->primary_node, json_pack("[s]", dir), NULL,
			  arena_printf(lu->a, "Failed to create directory '%s' on node %s", dir,
				       lu_node_name(lu, i->primary_node)),
			  e) < 0) {
		undo(lu, i, disks, 0, whole ? dir : NULL);
		return -1;
	}
	for (size_t k = 0; k < n; k++) {
		if (create_one(lu, i, &disks[k], e) == 0)
			continue;
		/* one with an old name may fail because it is there: it stays */
		undo(lu, i, disks, fresh ? k + 1 : k, whole ? dir : NULL);
		return -1;
	}
	return 0;
}

bool lu_disks_remove(struct luctx *lu, const struct instance *i, const struct disk *const *disks, size_t n,
		     bool whole)
{
	const char *dir = whole && n ? lu_disks_dir(lu, disks[0]) : NULL;
	struct rpc_answer r;
	bool ok = true;

	for (size_t k = 0; k < n; k++) {
		if (lu_ask(lu, RPC_blockdev_remove, i->primary_node, remove_args(lu, i, disks[k]), &r, NULL) < 0)
			return false;
		if (!r.failed)
			continue;
		lu_warn(lu, NULL, "Could not remove disk %zu on node %s, continuing anyway: %s", k, r.node,
			r.error);
		ok = false;
	}
	if (!dir)
		return ok;
	if (lu_ask(lu, RPC_file_storage_dir_remove, i->primary_node, json_pack("[s]", dir), &r, NULL) < 0)
		return false;
	if (r.failed) {
		lu_warn(lu, NULL, "Could not remove directory '%s' on node %s: %s", dir, r.node, r.error);
		ok = false;
	}
	return ok;
}

static int wipe_one(struct luctx *lu, const struct instance *i, const struct disk *d, size_t idx, int64_t from,
		    struct err *e)
{
	int64_t chunk = d->size * WIPE_CHUNK_PERCENT / 100;
	double start = clock_mono(), shown = start;

	if (chunk > WIPE_CHUNK_MAX)
		chunk = WIPE_CHUNK_MAX;
	if (chunk < 1)
		chunk = 1;
	for (int64_t at = from; at < d->size;) {
		int64_t size = d->size - at < chunk ? d->size - at : chunk;
		double now;

		TRY(lu_rpc(lu, RPC_blockdev_wipe, i->primary_node,
			   json_pack("[o, I, I]", lu_disk_dict(lu, i, d, i->primary_node), at, size), NULL,
			   arena_printf(lu->a, "Could not wipe disk %zu at offset %lld for size %lld", idx,
					(long long)at, (long long)size),
			   e));
		at += size;
		now = clock_mono();
		if (now - shown < WIPE_REPORT_SECONDS)
			continue;
		shown = now;
		lu_info(lu, " - done: %.1f%% ETA: %.0fs", 100.0 * (double)at / (double)d->size,
			(now - start) / (double)(at - from) * (double)(d->size - at));
	}
	return 0;
}

int lu_disks_wipe(struct luctx *lu, const struct instance *i, const struct disk *const *disks, size_t n,
		  int64_t from, struct err *e)
{
	for (size_t k = 0; k < n; k++) {
		char *start CLEANUP(freep) = format_unit((double)from, 'h');
		char *end CLEANUP(freep) = format_unit((double)disks[k]->size, 'h');

		if (from)
			lu_info(lu, "* Wiping disk %zu (from %s to %s)", k, start, end);
		else
			lu_info(lu, "* Wiping disk %zu", k);
		TRY(wipe_one(lu, i, disks[k], k, from, e));
	}
	return 0;
}
