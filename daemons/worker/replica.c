/*
 * ganeti-replica-worker: brings every entry of the database's log to the other master candidates. Each goes at its
 * own pace, over a link of its own: one call at a time with everything it lacks, or a whole copy when the log does
 * not help. One that does not answer is tried again, more and more rarely.
 *
 * Messages: {"targets": [{"uuid", "name", "ip"}], "serial": n} and {"serial": n, "after": position}: the log has
 * entry n; with a tail, this is the call for who is at that position and lacks only entry n. The master
 * hears {"at": uuid, "serial": n, "error": text or null} about each target, {"fenced": text} when a node
 * follows a newer master, {"lacks": name, "why": text} when a copy has what the database lacks; such a copy is left
 * alone, and {"damaged": text} when the master's own database is. {"verify": true}: all look for damage now.
 */
#include "daemons/worker/worker.h"

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/base/map.h"
#include "src/replica/replica.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define CALL_TIMEOUT 10.0
#define COPY_TIMEOUT 120.0
#define RETRY_FIRST 0.1
#define RETRY_MAX 5.0
#define BEAT 5.0            /* who has everything is asked that often whether it is still there */
#define ENTRIES_MAX 512     /* in one call */
#define BYTES_MAX (1u << 20)
#define CHUNK (4u << 20)
#define READ_EVERY 86400.0  /* all copies are read again and compared with their digests */
#define READ_TIMEOUT 3600.0

struct sender;
struct target {
	struct sender *s;
	char *uuid, *name, *ip;
	bool known; /* POS is where its copy is */
	bool same_cluster; /* its copy is of this one */
	struct replica_pos pos;
	struct rpc_batch *call;
	bool copying;
	struct rpc_batch *reading; /* it looks for damage */
	double read_at; /* when it began, 0 = since it came back not at all */
	bool damaged;   /* until it has another copy */
	bool beat; /* say something even if there is nothing new */
	double backoff;
	struct ev_timer *retry;
	bool seen;
};

struct sender {
	struct ev *ev;
	struct chan *chan;
	struct worker_tools tools;
	struct map *targets;
	int64_t serial;
	char *append; /* the arguments of the call for who is at AFTER, or NULL */
	struct replica_pos after;
	struct ev_timer *beat;
	/* the copy under way */
	struct target *copy_to;
	int copy_fd;
	int64_t copy_at, copy_size;
	char *copy_digest;
	struct replica_pos copy_pos;
};

static void advance(struct target *t);

static void report(struct target *t, const char *error)
{
	chan_send(t->s->chan, json_pack("{s:s, s:I, s:s}", "at", t->uuid, "serial",
					t->known ? t->pos.serial : (int64_t)-1, "error", error));
}

static void copy_end(struct sender *s)
{
	if (!s->copy_to)
		return;
	s->copy_to->copying = false;
	s->copy_to = NULL;
	close(s->copy_fd);
	free(STEAL(s->copy_digest));
	unlink(path_of(PATH_CONFIG_DB_SENT));
}

/* The master ends when its own database is damaged. */
static void tell_damage(struct sender *s)
{
	const char *why = db_found_damage();

	if (why)
		chan_send(s->chan, json_pack("{s:s}", "damaged", why));
}

static void failed(struct target *t, const char *error)
{
	if (t->copying)
		copy_end(t->s);
	tell_damage(t->s);
	t->read_at = 0;
	if (t->backoff <= 0)
		log_warn("Can't bring changes to master candidate %s: %s", t->name, error);
	t->known = false;
	t->backoff = t->backoff > 0 ? fmin(t->backoff * 2, RETRY_MAX) : RETRY_FIRST;
	ev_timer_start(t->retry, t->backoff);
	report(t, error);
}

/* Did the call work? */
static bool took(struct target *t, const struct rpc_answer *ans)
{
	t->call = NULL;
	if (!ans->failed)
		return true;
	if (ans->fenced)
		chan_send(t->s->chan, json_pack("{s:s}", "fenced", ans->error));
	failed(t, ans->error);
	return false;
}

/* ARGS: the list of arguments as text. */
static void call(struct target *t, enum rpc rpc, const char *args, double timeout,
		 void (*fn)(const struct rpc_answer *answers, size_t n, void *arg))
{
	FAULT(replica_send);
	t->call = rpc_start_text(t->s->tools.rpc, rpc, &(struct rpc_node){ .name = t->name, .ip = t->ip }, args,
				 timeout, fn, t);
}

static void read_position(const json *j, struct replica_pos *ret)
{
	*ret = (struct replica_pos){ json_int(json_at(j, 0), -1), json_int(json_at(j, 1), -1) };
}

static void is_at(struct target *t, const json *position)
{
	read_position(position, &t->pos);
	t->known = true;
}

/* --- where it is --- */
static bool of_this_cluster(struct sender *s, const char *uuid)
{
	struct snapshot *snap CLEANUP(snapshot_freep) = NULL;

	return uuid && snapshot_open(s->tools.config, &snap, NULL) == 0 && str_eq(uuid, snap_cluster(snap)->uuid);
}

static void told_state(const struct rpc_answer *answers, size_t n, void *arg)
{
	struct target *t = arg;

	(void)n;
	if (!took(t, answers))
		return;
	is_at(t, json_get(answers->payload, "last"));
	t->same_cluster = of_this_cluster(t->s, json_get_str(answers->payload, "cluster"));
	advance(t);
}

/* --- is what it has still what was written? --- */
static void told_damage(const struct rpc_answer *answers, size_t n, void *arg)
{
	struct target *t = arg;
	const char *why = answers->failed ? NULL : json_get_str(answers->payload, "damaged");

	(void)n;
	t->reading = NULL;
	if (answers->failed)
		log_info("Master candidate %s can't look for damage in its copy: %s", t->name, answers->error);
	if (!why)
		return;
	log_error("The copy of master candidate %s is damaged (%s): it gets a new one", t->name, why);
	t->damaged = true;
	advance(t);
}

static void look_for_damage(struct target *t)
{
	double now = clock_mono();

	if (t->reading || (t->read_at > 0 && now < t->read_at + READ_EVERY))
		return;
	t->read_at = now;
	t->reading = rpc_start(t->s->tools.rpc, RPC_replica_verify, &(struct rpc_node){ .name = t->name, .ip = t->ip }, 1,
			       json_new_array(), NULL, READ_TIMEOUT, told_damage, t);
}

/* --- entries --- */
static void appended(const struct rpc_answer *answers, size_t n, void *arg)
{
	struct target *t = arg;
	const char *differs;

	(void)n;
	if (!took(t, answers))
		return;
	FAULT(replica_took);
	is_at(t, json_get(answers->payload, "last"));
	differs = json_get_str(answers->payload, "differs");
	if (differs) {
		log_error("The copy of master candidate %s differs (%s): it gets a new one", t->name, differs);
		t->pos = (struct replica_pos){ 0, -1 };
	} else if (json_get_bool(answers->payload, "applied", false)) {
		if (t->backoff > 0)
			log_info("Master candidate %s follows again", t->name);
		t->backoff = 0;
		report(t, NULL);
		look_for_damage(t);
	}
	advance(t);
}

static void append(struct target *t, const char *args)
{
	t->beat = false;
	call(t, RPC_replica_append, args, CALL_TIMEOUT, appended);
}

static bool lacks_only_last(const struct target *t)
{
	return t->s->append && replica_cmp(t->s->after, t->pos) == 0;
}

/* 1 = found, 0 = the log does not help, -1 */
static int read_log(struct target *t, struct arena *a, struct replica_entry **ret, size_t *ret_n, struct err *e)
{
	struct db *d = config_db(t->s->tools.config);
	int rc;

	if (t->pos.serial < 0)
		return 0;
	if (db_begin(d, false, e) < 0)
		return -1;
	rc = replica_entries(d, a, t->pos, ENTRIES_MAX, BYTES_MAX, ret, ret_n, e);
	db_rollback(d);
	return rc;
}

/* --- a whole copy --- */
static void send_chunk(struct target *t);

static void took_chunk(const struct rpc_answer *answers, size_t n, void *arg)
{
	struct target *t = arg, *other;
	struct sender *s = t->s;

	(void)n;
	if (!took(t, answers))
		return;
	if (s->copy_at < s->copy_size) {
		send_chunk(t);
		return;
	}
	log_info("Master candidate %s has got a copy of the database", t->name);
	t->pos = s->copy_pos;
	t->known = true;
	t->damaged = false;
	t->backoff = 0;
	copy_end(s);
	report(t, NULL);
	for (size_t pos = 0; map_next(s->targets, &pos, NULL, (void **)&other);)
		advance(other);
}

static void send_chunk(struct target *t)
{
	struct sender *s = t->s;
	struct arena *a CLEANUP(arena_freep) = arena_new();
	char *buf = arena_alloc(a, CHUNK);
	ssize_t n = pread(s->copy_fd, buf, CHUNK, s->copy_at);
	int64_t at = s->copy_at;
	void *packed;
	size_t packed_n;

	if (n <= 0) {
		failed(t, "the copy of the database can't be read");
		return;
	}
	zlib_pack(a, buf, (size_t)n, 1, &packed, &packed_n);
	s->copy_at += n;
	call(t, RPC_replica_copy,
	     json_dump_in(a, json_own(a, json_pack("[I, s, s]", at, base64_encode(a, packed, packed_n),
						   s->copy_at == s->copy_size ? s->copy_digest : NULL))),
	     COPY_TIMEOUT, took_chunk);
}

/* 1 = the database lacks what this copy has: it may be the only one, so nothing replaces it; 0, -1 */
static int has_more(struct target *t, struct err *e)
{
	struct replica_state mine;
	int rc = t->same_cluster ? replica_read(config_db(t->s->tools.config), &mine, e) : 0;

	if (rc != 1 || !replica_lacks(&mine, t->pos))
		return rc < 0 ? -1 : 0;
	err_plain(e, "it has entry %lld of term %lld, the master's database ends with %lld of term %lld",
		  (long long)t->pos.serial, (long long)t->pos.term, (long long)mine.last.serial,
		  (long long)mine.last.term);
	return 1;
}

/* The master ends then. */
static bool tell_if_more(struct target *t)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	int rc = has_more(t, &e);

	if (rc == 1)
		chan_send(t->s->chan, json_pack("{s:s, s:s}", "lacks", t->name, "why", err_msg(&e)));
	if (rc)
		failed(t, err_msg(&e));
	return rc != 0;
}

static void start_copy(struct target *t)
{
	struct sender *s = t->s;
	const char *file = path_of(PATH_CONFIG_DB_SENT);
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (s->copy_to || tell_if_more(t)) /* one after the other */
		return;
	t->known = false; /* what it has is not what we have */
	log_info("Master candidate %s gets a whole copy of the database", t->name);
	if (replica_copy(config_db(s->tools.config), file, &s->copy_pos, &s->copy_digest, &s->copy_size, &e) < 0) {
		failed(t, err_msg(&e));
		return;
	}
	s->copy_fd = open(file, O_RDONLY | O_CLOEXEC);
	if (s->copy_fd < 0) {
		free(STEAL(s->copy_digest));
		failed(t, strerror(errno));
		return;
	}
	s->copy_to = t;
	s->copy_at = 0;
	t->copying = true;
	report(t, "it is getting a whole copy");
	send_chunk(t);
}

/* --- what comes next for a target --- */
static void advance(struct target *t)
{
	struct arena *a CLEANUP(arena_freep) = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct replica_entry *v;
	size_t n = 0;
	int rc;

	if (t->call || t->copying || !t->s->tools.rpc)
		return;
	if (!t->known) {
		call(t, RPC_replica_state, "[]", CALL_TIMEOUT, told_state);
		return;
	}
	if (t->damaged) {
		start_copy(t);
		return;
	}
	if (t->pos.serial == t->s->serial && !t->beat && t->backoff <= 0)
		return;
	if (lacks_only_last(t)) {
		append(t, t->s->append);
		return;
	}
	a = arena_new();
	rc = read_log(t, a, &v, &n, &e);
	if (rc < 0) {
		failed(t, err_msg(&e));
	} else if (rc == 0) {
		start_copy(t);
	} else {
		append(t, json_dump_in(a, json_own(a, replica_append_args(a, t->pos, v, n))));
	}
}

static void on_retry(void *arg)
{
	advance(arg);
}

static void advance_all(struct sender *s)
{
	struct target *t;

	for (size_t pos = 0; map_next(s->targets, &pos, NULL, (void **)&t);)
		if (t->backoff <= 0 || t->known)
			advance(t);
}

static void on_beat(void *arg)
{
	struct sender *s = arg;
	struct target *t;

	ev_timer_start(s->beat, BEAT);
	for (size_t pos = 0; map_next(s->targets, &pos, NULL, (void **)&t);)
		t->beat = true;
	advance_all(s);
}

/* --- messages --- */
static void target_free(struct target *t)
{
	if (t->copying)
		copy_end(t->s);
	rpc_cancel(t->call);
	rpc_cancel(t->reading);
	ev_timer_free(t->retry);
	free(t->uuid);
	free(t->name);
	free(t->ip);
	free(t);
}

static void take_target(struct sender *s, const json *j)
{
	const char *uuid = json_get_str(j, "uuid");
	struct target *t = map_get(s->targets, uuid);

	if (!t) {
		t = xcalloc(1, sizeof(*t));
		t->s = s;
		t->uuid = xstrdup(uuid);
		t->backoff = 0;
		t->beat = true; /* the master wants to hear of it */
		t->retry = ev_timer_new(s->ev, "replica retry", on_retry, t);
		map_put(s->targets, uuid, t);
	}
	free(t->name);
	free(t->ip);
	t->name = xstrdup(json_get_str(j, "name"));
	t->ip = xstrdup(json_get_str(j, "ip"));
	t->seen = true;
}

static void take_targets(struct sender *s, const json *list)
{
	struct target *t;

	for (size_t pos = 0; map_next(s->targets, &pos, NULL, (void **)&t);)
		t->seen = false;
	json_items (list, i, j)
		take_target(s, j);
	for (size_t pos = 0; map_next(s->targets, &pos, NULL, (void **)&t);)
		if (!t->seen) {
			map_del(s->targets, t->uuid);
			target_free(t);
		}
}

static void read_all_again(struct sender *s)
{
	struct target *t;

	for (size_t pos = 0; map_next(s->targets, &pos, NULL, (void **)&t);) {
		t->read_at = 0;
		t->beat = true; /* with the answer */
	}
}

static int open_tools(struct sender *s, struct err *e)
{
	if (s->tools.rpc)
		return 0;
	return worker_tools(&s->tools, s->ev, e);
}

static void on_message(struct chan *c, json *msg, void *arg)
{
	struct sender *s = arg;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	size_t n;

	if (!msg)
		exit(0); /* the master is gone */
	(void)log_reopen();
	s->serial = json_get_int(msg, "serial", s->serial);
	free(s->append);
	s->append = chan_take_tail(c, &n);
	read_position(json_get(msg, "after"), &s->after);
	if (open_tools(s, &e) < 0)
		log_error("Can't bring changes to master candidates: %s", err_msg(&e));
	if (json_has(msg, "targets"))
		take_targets(s, json_get(msg, "targets"));
	if (json_has(msg, "verify"))
		read_all_again(s);
	advance_all(s);
}

int main(void)
{
	struct sender s = { 0 };

	worker_start("ganeti-replica-worker", PATH_MASTERD_LOG);
	s.ev = ev_new();
	s.targets = map_new();
	s.beat = ev_timer_new(s.ev, "beat", on_beat, &s);
	ev_timer_start(s.beat, BEAT);
	replica_copy_drop(path_of(PATH_CONFIG_DB_SENT)); /* of an earlier one */
	s.chan = chan_new(s.ev, "master", WORKER_FD, LUXI_MAX_MESSAGE, on_message, &s);
	ev_run(s.ev);
	return 0;
}
