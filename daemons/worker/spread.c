/*
 * ganeti-spread-worker: brings what the master committed to where it is read. On each word of a
 * commit it takes a snapshot, writes config.data here, and sends config.data to the other
 * candidates and ssconf to all nodes (to our own agent, too: those files are root's). Each node
 * goes at its own pace: one that hangs delays nobody, skips what it missed and is tried again.
 *
 * Messages: {"spread": n, "urgent": bool, "force": bool} is answered {"done": n, "failed": {node:
 * text}} once everything up to commit n was tried everywhere; {"call": rpc, "candidates": bool,
 * "args": []} and
 * {"activate_master_ip": true} are carried out without an answer.
 */
#include "daemons/worker/worker.h"

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/base/map.h"

#include <math.h>
#include <string.h>

#define CALL_TIMEOUT 60.0
#define MIN_PAUSE 0.05 /* between exports nobody waits for */
#define COST_FACTOR 10 /* and at least that many times what an export takes */
#define EXPORT_RETRY 5.0
#define RETRY_FIRST 5.0
#define RETRY_MAX 300.0
#define IP_RETRY_FIRST 1.0
#define IP_RETRY_MAX 60.0

struct spread;
struct target { /* a node that is online */
	struct spread *s;
	char *name, *ip, *uuid;
	int64_t serial;
	bool candidate; /* another candidate: gets config.data */
	bool self;      /* the master's own agent: writes the ssconf files here */
	int64_t tried;  /* everything up to this commit was sent, or failed */
	int64_t trying; /* what the running call belongs to */
	struct rpc_batch *call;
	bool call_config; /* it sends config.data, else ssconf */
	/* keys of ssconf values, serials of configurations: wanted, on their way, there */
	char *ssconf, *ssconf_call, *ssconf_sent;
	int64_t config_call, config_sent;
	char *error; /* of the last attempt, NULL = it worked */
	double backoff;
	struct ev_timer *retry;
	bool seen; /* in this snapshot */
};

struct spread {
	struct ev *ev;
	struct chan *chan;
	struct worker_tools tools;
	struct map *targets; /* uuid -> struct target */
	int64_t wanted, exported, reported;
	bool force;
	struct ev_timer *timer; /* next export */
	double not_before;
	json *ssconf; /* values */
	int64_t ssconf_serial;
	char *ssconf_key;
	json *config_file; /* argument of upload_file */
	int64_t config_serial;
	struct ev_timer *ip_timer;
	double ip_backoff;
	bool ip_active;
	struct rpc_batch *ip_call;
	json *calls; /* {RPC: message}: the last of each kind; made one after the other, once nodes are known */
	const char *calling;
};

static void advance(struct target *t);
static void make_calls(struct spread *s);

static void set_text(char **p, const char *text)
{
	free(*p);
	*p = text ? xstrdup(text) : NULL;
}

/* --- reports --- */
static void report(struct spread *s)
{
	json *failed = NULL;
	struct target *t;

	if (s->exported <= s->reported)
		return;
	for (size_t pos = 0; map_next(s->targets, &pos, NULL, (void **)&t);)
		if (t->tried < s->exported)
			return;
	failed = json_new_dict();
	for (size_t pos = 0; map_next(s->targets, &pos, NULL, (void **)&t);)
		if (t->error)
			json_set(failed, t->name, json_new_str(t->error));
	s->reported = s->exported;
	chan_send(s->chan, json_pack("{s:I, s:o}", "done", s->reported, "failed", failed));
}

/* --- one node --- */
static struct rpc_node rpc_node_of(const struct target *t)
{
	return (struct rpc_node){ .name = t->name, .ip = t->ip, .offline = false };
}

static void sent(const struct rpc_answer *answers, size_t n, void *arg)
{
	struct target *t = arg;

	(void)n;
	t->call = NULL;
	if (answers[0].failed) {
		log_warn("Can't send %s to node %s: %s",
			 t->call_config ? "the configuration" : "ssconf values", t->name,
			 answers[0].error);
		set_text(&t->error, answers[0].error);
		t->tried = t->trying;
		t->backoff = t->backoff > 0 ? fmin(t->backoff * 2, RETRY_MAX) : RETRY_FIRST;
		ev_timer_start(t->retry, t->backoff);
		if (t->s->exported > t->trying)
			advance(t);
		report(t->s);
		return;
	}
	if (t->call_config)
		t->config_sent = t->config_call;
	else
		set_text(&t->ssconf_sent, t->ssconf_call);
	advance(t);
	report(t->s);
}

static void call(struct target *t, bool config)
{
	struct spread *s = t->s;
	struct rpc_node node = rpc_node_of(t);

	FAULT(spread_send);
	t->call_config = config;
	t->trying = s->exported;
	t->config_call = s->config_serial;
	set_text(&t->ssconf_call, t->ssconf);
	if (config)
		t->call = rpc_start(s->tools.rpc, RPC_upload_file, &node, 1,
				    json_pack("[O]", s->config_file), NULL, CALL_TIMEOUT, sent, t);
	else
		t->call = rpc_start(s->tools.rpc, RPC_write_ssconf_files, &node, 1,
				    json_pack("[O]", s->ssconf), NULL, CALL_TIMEOUT, sent, t);
}

/* Send what T lacks, one thing at a time: the configuration first, it must not be lost. */
static void advance(struct target *t)
{
	struct spread *s = t->s;

	if (t->call)
		return;
	if (t->candidate && t->config_sent != s->config_serial) {
		call(t, true);
	} else if (!str_eq(t->ssconf, t->ssconf_sent)) {
		call(t, false);
	} else {
		t->tried = s->exported;
		t->backoff = 0;
		set_text(&t->error, NULL);
		ev_timer_stop(t->retry);
	}
}

static void on_retry(void *arg)
{
	struct target *t = arg;

	advance(t);
	report(t->s);
}

static void target_free(void *p)
{
	struct target *t = p;

	if (t->call)
		rpc_cancel(t->call);
	ev_timer_free(t->retry);
	free(t->name);
	free(t->ip);
	free(t->uuid);
	free(t->ssconf);
	free(t->ssconf_call);
	free(t->ssconf_sent);
	free(t->error);
	free(t);
}

/* --- export --- */
/* The master has written its config.data already; ssconf files are root's, so its agent writes
 * them. */
static void take_node(struct spread *s, const struct node *n, bool is_master)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct target *t = map_get(s->targets, n->uuid);

	if (!t) {
		t = xcalloc(1, sizeof(*t));
		t->s = s;
		t->uuid = xstrdup(n->uuid);
		t->retry = ev_timer_new(s->ev, "spread retry", on_retry, t);
		map_put(s->targets, n->uuid, t);
	}
	set_text(&t->name, n->name);
	set_text(&t->ip, n->primary_ip);
	t->candidate = n->master_candidate && !is_master;
	t->self = is_master;
	/* a node that was added again has a new serial and gets everything again */
	if (t->serial != n->serial_no)
		t->config_sent = 0;
	t->serial = n->serial_no;
	set_text(&t->ssconf, arena_printf(a, "%s/%lld", s->ssconf_key, (long long)n->serial_no));
	if (s->force) {
		t->config_sent = 0;
		set_text(&t->ssconf_sent, NULL);
	}
	t->seen = true;
}

static void take_nodes(struct spread *s, struct snapshot *snap)
{
	struct strs uuids = snap_uuids(snap, OBJ_NODE);
	const char *master = snap_cluster(snap)->master_node;
	struct target *t;

	for (size_t pos = 0; map_next(s->targets, &pos, NULL, (void **)&t);)
		t->seen = false;
	for (size_t i = 0; i < uuids.n; i++) {
		const struct node *n = snap_node(snap, uuids.v[i]);

		if (!n->offline)
			take_node(s, n, str_eq(n->uuid, master));
	}
	for (size_t pos = 0; map_next(s->targets, &pos, NULL, (void **)&t);)
		if (!t->seen) {
			map_del(s->targets, t->uuid);
			target_free(t);
		}
	s->force = false;
}

static int write_config(struct spread *s, struct snapshot *snap, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct str text CLEANUP(str_free) = { 0 };
	const char *path = path_of(PATH_CONFIG_FILE);
	struct fs_attr attr = { .mode = 0640, .uid = (uid_t)-1, .gid = (gid_t)-1, .sync = true };
	json *file = NULL;
	int r;

	if (s->config_serial == snapshot_serial(snap))
		return 0;
	if (env_group(USER_CONFD) && group_id(env_group(USER_CONFD), &attr.gid) < 0)
		attr.gid = (gid_t)-1;
	if (config_export_text(snap, &text, e) < 0)
		return -1;
	r = fs_write_atomic(path, str_get(&text), text.len, &attr);
	if (r < 0)
		return err_sys(e, r, "Can't write %s", path);
	if (rpc_file(a, path, &file, e) < 0)
		return -1;
	json_put(s->config_file);
	s->config_file = file;
	s->config_serial = snapshot_serial(snap);
	return 0;
}

static int make_ssconf(struct spread *s, struct snapshot *snap, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *values = NULL;
	char *text CLEANUP(freep) = NULL;

	if (s->ssconf && !s->force && s->ssconf_serial == snapshot_ssconf_serial(snap))
		return 0;
	if (config_ssconf(snap, &values, e) < 0)
		return -1;
	json_put(s->ssconf);
	s->ssconf = values;
	text = json_dump_sorted(values);
	set_text(&s->ssconf_key, hash_sha1_hex(a, text, strlen(text)));
	s->ssconf_serial = snapshot_ssconf_serial(snap);
	return 0;
}

static int export(struct spread *s, struct err *e)
{
	struct snapshot *snap CLEANUP(snapshot_freep) = NULL;
	int64_t seq = s->wanted;

	if (FAULT(spread_export))
		return err_plain(e, "fault point");
	if (worker_tools(&s->tools, s->ev, e) < 0 || snapshot_open(s->tools.config, &snap, e) < 0 ||
	    write_config(s, snap, e) < 0 || make_ssconf(s, snap, e) < 0)
		return -1;
	take_nodes(s, snap);
	s->exported = seq;
	return 0;
}

/* Nobody must wait for ever because the disk is full. */
static void export_failed(struct spread *s, const struct err *e)
{
	log_error("Can't export the configuration: %s", err_msg(e));
	s->reported = s->wanted;
	chan_send(s->chan, json_pack("{s:I, s:{s:s}}", "done", s->wanted, "failed", env_hostname(),
				     err_msg(e)));
	s->not_before = clock_mono() + EXPORT_RETRY;
	ev_timer_start(s->timer, EXPORT_RETRY);
}

static void on_export(void *arg)
{
	struct spread *s = arg;
	double start = clock_mono(), cost;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct target *t;

	if (s->exported == s->wanted && !s->force)
		return;
	if (export(s, &e) < 0) {
		export_failed(s, &e);
		return;
	}
	cost = clock_mono() - start;
	s->not_before = clock_mono() + fmax(MIN_PAUSE, cost * COST_FACTOR);
	for (size_t pos = 0; map_next(s->targets, &pos, NULL, (void **)&t);)
		advance(t);
	make_calls(s);
	report(s);
}

/* --- other calls --- */
static void called(const struct rpc_answer *answers, size_t n, void *arg)
{
	struct spread *s = arg;

	for (size_t i = 0; i < n; i++)
		if (answers[i].failed)
			log_warn("Call of %s on node %s failed: %s", s->calling, answers[i].node,
				 answers[i].error);
	s->calling = NULL;
	make_calls(s);
}

static void call_nodes(struct spread *s, enum rpc rpc, const json *msg)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct rpc_node *nodes = ARENA_ARRAY(a, struct rpc_node, map_count(s->targets) + 1);
	struct target *t;
	size_t n = 0;

	for (size_t pos = 0; map_next(s->targets, &pos, NULL, (void **)&t);)
		if (!t->self && (t->candidate || !json_get_bool(msg, "candidates", false)))
			nodes[n++] = rpc_node_of(t);
	if (!n) /* the master did its part itself */
		return;
	s->calling = rpc_name(rpc);
	rpc_start(s->tools.rpc, rpc, nodes, n, json_ref(json_get(msg, "args")), NULL, CALL_TIMEOUT, called, s);
}

/* One at a time: of two of a kind the later one has to arrive last. */
static void make_calls(struct spread *s)
{
	while (s->exported && !s->calling && json_len(s->calls)) {
		struct json_iter first = json_iter_first(s->calls);
		int rpc = json_iter_next(&first) ? rpc_find(first.key) : -1;
		json *msg CLEANUP(json_putp) = json_ref(first.value);

		if (rpc < 0) /* nobody sends that */
			return;
		json_del(s->calls, first.key);
		call_nodes(s, (enum rpc)rpc, msg);
	}
}

/* --- the master's address --- */
static void ip_failed(struct spread *s, const char *why)
{
	log_error("Can't activate master IP address: %s", why);
	s->ip_backoff = s->ip_backoff > 0 ? fmin(s->ip_backoff * 2, IP_RETRY_MAX) : IP_RETRY_FIRST;
	ev_timer_start(s->ip_timer, s->ip_backoff);
}

static void ip_done(const struct rpc_answer *answers, size_t n, void *arg)
{
	struct spread *s = arg;

	(void)n;
	s->ip_call = NULL;
	if (answers[0].failed) {
		ip_failed(s, answers[0].error);
		return;
	}
	s->ip_active = true;
	log_info("Master IP address is active");
}

static void activate_ip(void *arg)
{
	struct spread *s = arg;
	struct snapshot *snap CLEANUP(snapshot_freep) = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const struct cluster *c;
	const struct node *n;

	if (s->ip_call || s->ip_active)
		return;
	if (worker_tools(&s->tools, s->ev, &e) < 0 ||
	    snapshot_open(s->tools.config, &snap, &e) < 0) {
		ip_failed(s, err_msg(&e));
		return;
	}
	c = snap_cluster(snap);
	n = snap_node(snap, c->master_node);
	if (!n) {
		ip_failed(s, "the master is not in the configuration");
		return;
	}
	s->ip_call = rpc_start(
		s->tools.rpc, RPC_node_activate_master_ip,
		&(struct rpc_node){ .name = n->name, .ip = n->primary_ip, .offline = false }, 1,
		json_pack("[{s:s, s:s, s:I, s:s, s:I}, b]", "uuid", c->master_node, "ip",
			  c->master_ip, "netmask", c->master_netmask, "netdev", c->master_netdev,
			  "ip_family", c->primary_ip_family, (int)c->use_external_mip_script),
		NULL, CALL_TIMEOUT, ip_done, s);
}

/* --- messages --- */
static void on_message(struct chan *c, json *msg, void *arg)
{
	struct spread *s = arg;

	(void)c;
	if (!msg)
		exit(0);    /* the master is gone */
	(void)log_reopen(); /* it may have been rotated since */
	if (json_has(msg, "spread")) {
		double wait = s->not_before - clock_mono();

		s->wanted = json_get_int(msg, "spread", s->wanted);
		s->force |= json_get_bool(msg, "force", false);
		ev_timer_start(s->timer,
			       json_get_bool(msg, "urgent", false) || wait < 0 ? 0 : wait);
	} else if (json_has(msg, "call")) {
		json_set(s->calls, json_get_str(msg, "call"), json_ref(msg));
		make_calls(s);
	} else if (json_has(msg, "activate_master_ip")) {
		s->ip_active = false;
		activate_ip(s);
	}
}

int main(void)
{
	struct spread s = { 0 };

	worker_start("ganeti-spread-worker", PATH_MASTERD_LOG);
	s.ev = ev_new();
	s.targets = map_new();
	s.calls = json_new_dict();
	s.timer = ev_timer_new(s.ev, "export", on_export, &s);
	s.ip_timer = ev_timer_new(s.ev, "master IP", activate_ip, &s);
	s.chan = chan_new(s.ev, "master", WORKER_FD, LUXI_MAX_MESSAGE, on_message, &s);
	ev_run(s.ev);
	return 0;
}
