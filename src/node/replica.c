/*
 * This node's copy of the master's database. One process of the agent executes these calls, so the database is
 * open at most once, and is closed before another file takes its place.
 */
#include "src/node/priv.h"

#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/net/net.h"
#include "src/replica/replica.h"

#define CHUNK_MAX (64u << 20)

static struct {
	struct db *db;
	dev_t dev;
	ino_t ino;
} open_copy;

static void close_copy(void)
{
	db_closep(&open_copy.db);
}

/* The database as it is on disk now; NULL without an error when there is none. */
static int get_copy(struct db **ret, struct err *e)
{
	const char *path = path_of(PATH_CONFIG_DB);
	struct stat st;

	*ret = NULL;
	if (stat(path, &st) < 0 || st.st_dev != open_copy.dev || st.st_ino != open_copy.ino)
		close_copy();
	if (!fs_exists(path))
		return 0;
	if (!open_copy.db) {
		if (db_open(path, DB_WRITE, &open_copy.db, e) < 0)
			return -1;
		open_copy.dev = st.st_dev;
		open_copy.ino = st.st_ino;
	}
	*ret = open_copy.db;
	return 0;
}

static bool master_runs(void)
{
	return pidfile_alive(path_of(PATH_MASTERD_PID)) != 0;
}

static int refuse_master(struct err *e)
{
	return err_plain(e, "The master daemon runs on this node, which therefore follows nobody");
}

static json *position(struct replica_pos p)
{
	return json_pack("[I, I]", p.term, p.serial);
}

static void read_position(const json *j, struct replica_pos *ret)
{
	*ret = (struct replica_pos){ json_int(json_at(j, 0), -1), json_int(json_at(j, 1), -1) };
}

/* Which cluster the copy is of: a node may come with that of another one. */
static const char *cluster_of(struct arena *a, struct db *d)
{
	const char *uuid = NULL;

	if (d && db_get_text(d, a, &uuid, NULL, "SELECT uuid FROM object WHERE kind = 'cluster'", "") < 0)
		return NULL;
	return uuid;
}

int node_replica_state(struct node_ctx *ctx, const struct rpc_replica_state *args, json **ret, struct err *e)
{
	struct replica_state s = { .last = { 0, -1 } };
	struct replica_term t;
	struct db *d = NULL;

	(void)args;
	TRY(replica_term_read(ctx->a, path_of(PATH_TERM_FILE), &t, e));
	if (get_copy(&d, e) < 0 || (d && replica_read(d, &s, e) < 0)) {
		/* what can't be read is as good as none, and is replaced */
		log_error("Can't read the copy of the database: %s", err_msg(e));
		err_clear(e);
		close_copy();
		d = NULL;
		s.last = (struct replica_pos){ 0, -1 };
	}
	*ret = json_pack("{s:I, s:s, s:o, s:b, s:s}", "term", t.term, "master", t.master, "last", position(s.last),
			 "running", (int)master_runs(), "cluster", cluster_of(ctx->a, d));
	return 0;
}

static int decode(struct arena *a, const json *list, struct replica_entry **ret, size_t *ret_n, struct err *e)
{
	*ret = ARENA_ARRAY(a, struct replica_entry, json_len(list) + 1);
	*ret_n = 0;
	json_items(list, i, item) {
		struct replica_entry *x = &(*ret)[(*ret_n)++];
		const char *text = json_str(json_at(item, 2));
		void *data;

		read_position(item, &x->pos);
		if (!text || base64_decode(a, text, &data, &x->n) < 0)
			return err_plain(e, "Changes that can't be read");
		x->changes = data;
		x->has_digest = json_at(item, 3) != NULL;
		x->digest = (uint64_t)json_int(json_at(item, 3), 0);
	}
	return 0;
}

int node_replica_append(struct node_ctx *ctx, const struct rpc_replica_append *args, json **ret, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;
	struct replica_pos after, now = { 0, -1 };
	struct replica_entry *v;
	struct db *d;
	size_t n;
	int rc;

	if (master_runs())
		return refuse_master(e);
	read_position(args->after, &after);
	TRY(decode(ctx->a, args->entries, &v, &n, e));
	TRY(get_copy(&d, e));
	rc = d ? replica_apply(d, after, v, n, &now, &why) : 0;
	if (rc < 0 && db_found_damage()) {
		/* as good as none, and is replaced */
		log_error("The copy of the database is damaged: %s", err_msg(&why));
		close_copy();
		now = (struct replica_pos){ 0, -1 };
		rc = 0;
	}
	if (rc < 0)
		return err_move(e, &why);
	if (rc == 2)
		log_error("The copy of the database differs from the master's: %s", err_msg(&why));
	*ret = json_pack("{s:o, s:b, s:s}", "last", position(now), "applied", rc == 1, "differs",
			 rc == 2 ? err_msg(&why) : NULL);
	return 0;
}

int node_replica_copy(struct node_ctx *ctx, const struct rpc_replica_copy *args, json **ret, struct err *e)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	void *packed, *data;
	size_t n;

	(void)ret;
	if (master_runs())
		return refuse_master(e);
	if (base64_decode(ctx->a, args->data, &packed, &n) < 0 ||
	    zlib_unpack(ctx->a, packed, n, CHUNK_MAX, &data, &n) < 0)
		return err_plain(e, "A part of the database that can't be read");
	if (geteuid() == 0 && user_ids(env_user(USER_MASTERD), &uid, &gid) < 0)
		return err_plain(e, "There is no user %s", env_user(USER_MASTERD));
	if (args->digest)
		close_copy();
	TRY(replica_receive(path_of(PATH_CONFIG_DB), args->offset, data, n, args->digest, uid, gid, e));
	if (args->digest)
		log_info("Received a copy of the master's database");
	return 0;
}

static int look(const char *path, struct err *e)
{
	struct db *d CLEANUP(db_closep) = NULL;

	return db_open(path, DB_READ, &d, e) < 0 || db_check(d, false, e) < 0 ? -1 : replica_verify(d, e);
}

/* In another process than the others, which go on meanwhile: the copy may be replaced while it is read. */
int node_replica_verify(struct node_ctx *ctx, const struct rpc_replica_verify *args, json **ret, struct err *e)
{
	const char *path = path_of(PATH_CONFIG_DB), *why;
	struct stat before, after;
	int rc;

	(void)ctx;
	(void)args;
	if (master_runs())
		return refuse_master(e);
	if (stat(path, &before) < 0)
		return err_plain(e, "There is no copy of the database on this node");
	rc = look(path, e);
	why = db_found_damage();
	if (stat(path, &after) < 0 || before.st_dev != after.st_dev || before.st_ino != after.st_ino)
		return rc < 0 ? -1 : err_plain(e, "The copy of the database has been replaced meanwhile");
	if (rc < 0 && !why)
		return -1;
	err_clear(e);
	*ret = json_pack("{s:s}", "damaged", why);
	return 0;
}
