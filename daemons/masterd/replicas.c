/*
 * The other master candidates. The replica worker (daemons/worker/replica.c) brings every entry of the log to
 * each of them, at its own pace, and says how far each is; here it is decided what that means:
 *
 *   one candidate         everything is acknowledged at once
 *   two                   the other one is waited for, but not longer than WAIT_FOR_OTHER: then the master goes on
 *                         alone ("degraded") until the other one has everything again
 *   three and more        a majority, this node included, has it; without one, everybody waits
 *   started with          as if it were the only one, until a majority has everything: from then on as above
 *   --no-voting
 *
 * A change of the set of candidates counts from its own entry on. That entry needs so many of the former
 * candidates, too, that no majority of them could choose a master which lacks it.
 */
#include "daemons/masterd/masterd.h"

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "src/replica/replica.h"

#include <inttypes.h>
#include <string.h>

#define RESTART_AFTER 1.0
#define WAIT_FOR_OTHER 3.0
#define NOBODY "none"
#define DIRECT_MAX (64u << 10) /* what is larger is read from the database */

struct candidate {
	char *uuid, *name, *ip;
	int64_t serial; /* it has everything up to that one, -1 = not known */
	char *error;    /* of the last attempt, NULL = it worked */
	bool gone;      /* not one any more: only its part in a former set counts */
};

/* Those who were the candidates before entry SERIAL; no longer needed when enough of them have that. */
struct former {
	struct former *next;
	int64_t serial;
	size_t n;      /* of them, this node included */
	char **uuids;  /* without this node */
};

struct replicas {
	struct master *m;
	struct pool *pool;
	struct pool_job *worker;
	struct ev_timer *restart, *wait;
	struct map *all; /* uuid -> struct candidate */
	size_t n;        /* of the present set, this node included */
	struct former *former;
	int64_t term;
	struct replica_pos last; /* entry of the log */
	bool alone, degraded, flushed;
	char *note; /* as stored, NULL = not yet */
};

static void candidate_free(void *p)
{
	struct candidate *c = p;

	free(c->uuid);
	free(c->name);
	free(c->ip);
	free(c->error);
	free(c);
}

static void former_free(struct former *f)
{
	for (size_t i = 0; i + 1 < f->n; i++)
		free(f->uuids[i]);
	free(f->uuids);
	free(f);
}

/* --- who has what --- */
static size_t count_with(const struct replicas *r, int64_t serial)
{
	const struct candidate *c;
	size_t n = 1;

	for (size_t pos = 0; map_next(r->all, &pos, NULL, (void **)&c);)
		n += !c->gone && c->serial >= serial;
	return n;
}

static bool majority_has(const struct replicas *r, int64_t serial)
{
	return count_with(r, serial) >= r->n / 2 + 1;
}

/* Every majority of the former set has somebody who knows of the change. */
static bool former_settled(const struct replicas *r, const struct former *f)
{
	size_t have = 1;

	for (size_t i = 0; i + 1 < f->n; i++) {
		const struct candidate *c = map_get(r->all, f->uuids[i]);

		have += c && c->serial >= f->serial;
	}
	return have >= f->n - f->n / 2;
}

bool replicas_have(struct master *m, int64_t serial)
{
	struct replicas *r = m->replicas;

	if (r->alone)
		return true;
	if (r->former && serial >= r->former->serial)
		return false;
	return r->n <= 1 || (r->n == 2 && r->degraded) || majority_has(r, serial);
}

/* --- what the administrator should know --- */
/* All that lack something, or only those that will for longer. */
static json *lacking(const struct replicas *r, bool all)
{
	const struct candidate *c;
	json *out = json_new_array();

	for (size_t pos = 0; map_next(r->all, &pos, NULL, (void **)&c);) {
		char *text CLEANUP(freep) = NULL;

		if (c->gone || (!c->error && (!all || c->serial >= r->m->serial)))
			continue;
		text = c->error ? xasprintf("%s (%s)", c->name, c->error) : xstrdup(c->name);
		json_append(out, json_new_str(text));
	}
	return out;
}

static char *names_lacking(const struct replicas *r, bool all)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *list CLEANUP(json_putp) = lacking(r, all);
	struct strs names = json_strs(a, list);

	return xstrdup(names.n ? strs_join(a, &names, ", ") : NOBODY);
}

void replicas_why(struct master *m, struct err *e)
{
	const struct replicas *r = m->replicas;
	char *names CLEANUP(freep) = names_lacking(r, true);

	err_plain(e,
		  "%zu of %zu master candidates have it; without it: %s. Bring them back, or restart the master"
		  " daemon with --no-voting --yes-do-it to go on without them",
		  count_with(r, m->serial), r->n, names);
}

static char *describe(const struct replicas *r)
{
	char *names CLEANUP(freep) = NULL;

	/* when the master goes on alone, whoever is behind is why */
	names = names_lacking(r, r->alone || r->degraded);
	if (r->alone && r->n > 1)
		return xasprintf("The master was started without voting and goes on without the other candidates"
				 " until a majority has all changes; without them: %s",
				 names);
	if (r->n == 2 && r->degraded)
		return xasprintf("Changes are stored on the master alone while the other candidate is away: %s", names);
	if (str_eq(names, NOBODY))
		return xstrdup("");
	return xasprintf("Master candidates without the latest changes: %s", names);
}

/* Said in the log, and kept where gnt-cluster verify finds it. */
static void tell(struct replicas *r)
{
	struct master *m = r->m;
	char *text = describe(r);
	json *note CLEANUP(json_putp) = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	bool known;

	if (str_eq(text, r->note)) {
		free(text);
		return;
	}
	known = r->note != NULL;
	free(r->note);
	r->note = text;
	if (*text)
		log_warn("%s", text);
	else if (known)
		log_info("All master candidates have all changes again");
	note = json_new_array();
	if (*text)
		json_append(note, json_new_str(text));
	if (turn_begin(m, &e) < 0 || replica_note(m->db, note, &e) < 0)
		log_error("Can't store the state of the candidates: %s", err_msg(&e));
}

json *replicas_dump(struct master *m)
{
	const struct replicas *r = m->replicas;
	const struct candidate *c;
	json *out = json_new_dict();

	for (size_t pos = 0; map_next(r->all, &pos, NULL, (void **)&c);)
		if (!c->gone)
			json_set(out, c->name, json_pack("{s:I, s:s}", "serial", c->serial, "error", c->error));
	return json_pack("{s:I, s:I, s:b, s:b, s:o}", "term", r->term, "serial", m->serial, "degraded",
			 (int)r->degraded, "alone", (int)r->alone, "candidates", out);
}

/* --- who is told --- */
static void tell_targets(struct replicas *r)
{
	const struct candidate *c;
	json *list = json_new_array();

	for (size_t pos = 0; map_next(r->all, &pos, NULL, (void **)&c);)
		json_append(list, json_pack("{s:s, s:s, s:s}", "uuid", c->uuid, "name", c->name, "ip", c->ip));
	if (r->worker)
		pool_send(r->worker, json_pack("{s:o, s:I}", "targets", list, "serial", r->m->serial));
	else
		json_put(list);
}

static bool in_former(const struct replicas *r, const char *uuid)
{
	for (const struct former *f = r->former; f; f = f->next)
		for (size_t i = 0; i + 1 < f->n; i++)
			if (strcmp(f->uuids[i], uuid) == 0)
				return true;
	return false;
}

/* Those that have no part in any set any more must not get anything: what they had may have been removed. */
static bool drop_gone(struct replicas *r)
{
	struct candidate *c;
	bool any = false;

	for (size_t pos = 0; map_next(r->all, &pos, NULL, (void **)&c);)
		if (c->gone && !in_former(r, c->uuid)) {
			map_del(r->all, c->uuid);
			candidate_free(c);
			any = true;
		}
	return any;
}

/* --- news --- */
static void settle(struct replicas *r)
{
	int64_t serial = r->m->serial;
	bool left = false;

	while (r->former && former_settled(r, r->former)) {
		struct former *f = r->former;

		r->former = f->next;
		former_free(f);
		left = true;
	}
	if (left && drop_gone(r))
		tell_targets(r);
	if (r->alone && majority_has(r, serial)) {
		r->alone = false;
		log_info("A majority of the candidates has everything; from now on it is waited for");
	}
	if (r->degraded && (r->n != 2 || majority_has(r, serial))) {
		r->degraded = false;
		if (r->n == 2)
			log_info("The other candidate has everything again; from now on it is waited for");
	}
}

static bool settled(const struct replicas *r)
{
	return !r->m->finished && replicas_have(r->m, r->m->serial);
}

static void update(struct replicas *r)
{
	settle(r);
	tell(r);
	turn_acknowledge(r->m);
	r->flushed = settled(r);
}

static void on_wait(void *arg)
{
	struct replicas *r = arg;

	if (settled(r) || r->n != 2 || r->degraded)
		return;
	r->degraded = true;
	update(r);
}

void replicas_waiting(struct master *m, double since)
{
	struct replicas *r = m->replicas;
	double left = since + WAIT_FOR_OTHER - clock_mono();

	if (r->n == 2 && !r->degraded)
		ev_timer_start(r->wait, left > 0 ? left : 0);
}

static void lost_term(struct replicas *r, const char *why)
{
	struct master *m = r->m;

	log_error("This node is not the master any more: %s", why);
	master_give_up(m, EXIT_NOTMASTER);
}

/* A candidate has what the database lacks, which therefore is damaged or an old one. */
static void lost_changes(struct replicas *r, const char *name, const char *why)
{
	struct master *m = r->m;
	struct err e CLEANUP(err_clear) = ERR_NONE;

	damage_lacks(name, why, &e);
	log_error("%s", err_msg(&e));
	master_give_up(m, EXIT_CONFIG);
}

static void on_message(struct pool_job *pj, json *msg, bool final, void *arg)
{
	struct replicas *r = arg;
	struct candidate *c = map_get(r->all, json_get_str(msg, "at") ? json_get_str(msg, "at") : "");

	(void)pj;
	if (!final && json_has(msg, "fenced")) {
		lost_term(r, json_get_str(msg, "fenced"));
	} else if (!final && json_has(msg, "lacks")) {
		lost_changes(r, json_get_str(msg, "lacks"), json_get_str(msg, "why"));
	} else if (!final && json_has(msg, "damaged")) {
		damage_reported(r->m, json_get_str(msg, "damaged"));
	} else if (!final && c) {
		FAULT(replica_told);
		c->serial = json_get_int(msg, "serial", c->serial);
		free(c->error);
		c->error = json_get_str(msg, "error") ? xstrdup(json_get_str(msg, "error")) : NULL;
		update(r);
	} else if (final) {
		r->worker = NULL;
		if (r->m->stopping)
			return;
		log_error("The replica worker has ended; starting another one");
		ev_timer_start(r->restart, RESTART_AFTER);
	}
}

/* --- the worker --- */
static void start(void *arg)
{
	struct replicas *r = arg;

	r->worker = pool_submit(r->pool, json_new_dict(), -1, on_message, r);
	tell_targets(r);
}

/* --- the set of candidates --- */
static bool is_other(struct snapshot *s, const char *uuid)
{
	return strcmp(uuid, snap_cluster(s)->master_node) != 0;
}

/* Remember the present set as a former one, until enough of it know of the new one. */
static void keep_former(struct replicas *r)
{
	struct former *f = xcalloc(1, sizeof(*f)), **end = &r->former;
	const struct candidate *c;
	size_t i = 0;

	f->serial = r->m->serial;
	f->n = r->n;
	f->uuids = xcalloc(r->n + 1, sizeof(*f->uuids));
	for (size_t pos = 0; map_next(r->all, &pos, NULL, (void **)&c);)
		if (!c->gone)
			f->uuids[i++] = xstrdup(c->uuid);
	while (*end)
		end = &(*end)->next;
	*end = f;
}

static void add(struct replicas *r, const struct node *n)
{
	struct candidate *c = map_get(r->all, n->uuid);

	if (!c) {
		c = xcalloc(1, sizeof(*c));
		c->uuid = xstrdup(n->uuid);
		c->serial = -1;
		map_put(r->all, n->uuid, c);
	}
	free(c->name);
	free(c->ip);
	c->name = xstrdup(n->name);
	c->ip = xstrdup(n->primary_ip);
	c->gone = false;
}

static int read_candidates(struct replicas *r, struct err *e)
{
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	struct candidate *c;
	struct strs uuids;

	if (snapshot_open(r->m->config, &s, e) < 0)
		return -1;
	uuids = snap_candidates(s);
	for (size_t pos = 0; map_next(r->all, &pos, NULL, (void **)&c);)
		c->gone = true;
	r->n = 1;
	for (size_t i = 0; i < uuids.n; i++) {
		const struct node *n = snap_node(s, uuids.v[i]);

		if (!n || !is_other(s, n->uuid))
			continue;
		add(r, n);
		r->n++;
	}
	drop_gone(r);
	return 0;
}

void replicas_verify(struct master *m)
{
	if (m->replicas->worker)
		pool_send(m->replicas->worker, json_pack("{s:b, s:I}", "verify", 1, "serial", m->serial));
}

bool replicas_concerned(struct master *m, const json *changes)
{
	json_items (changes, i, change) {
		json *what = json_at(change, 2);
		const char *uuid = json_str(what) ? json_str(what) : json_get_str(what, "uuid");
		const struct candidate *c = uuid ? map_get(m->replicas->all, uuid) : NULL;

		if (obj_kind_find(json_str(json_at(change, 1))) != OBJ_NODE)
			continue;
		/* the master's own node, too, which is never among the others: rare enough */
		if ((c && !c->gone) || json_get_bool(what, "master_candidate", false))
			return true;
	}
	return false;
}

/* It need not look for LAST in the database. */
static void tell_entry(struct replicas *r, const struct replica_entry *last)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *msg = json_pack("{s:I, s:[I, I]}", "serial", r->m->serial, "after", r->last.term, r->last.serial);
	const char *text = NULL;

	if (last->changes && last->n <= DIRECT_MAX)
		text = json_dump_in(a, json_own(a, replica_append_args(a, r->last, last, 1)));
	pool_send_tail(r->worker, msg, text, text ? strlen(text) : 0);
}

void replicas_commit(struct master *m, const struct replica_entry *last)
{
	struct replicas *r = m->replicas;
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (!r)
		return;
	if (m->nodes_changed) {
		m->nodes_changed = false;
		keep_former(r);
		if (read_candidates(r, &e) < 0)
			log_error("Can't read the master candidates: %s", err_msg(&e));
		settle(r);
		tell_targets(r);
	} else if (r->worker && map_count(r->all)) {
		tell_entry(r, last);
	}
	if (last->changes)
		r->last = last->pos;
}

/* --- life --- */
int replicas_init(struct master *m, struct err *e)
{
	static const char *argv[2]; /* the pool goes on using it */
	struct pool_opts o = { .name = "replica worker",
			       .argv = argv,
			       .min = 0,
			       .max = 1,
			       .max_message = LUXI_MAX_MESSAGE };
	struct replicas *r = xcalloc(1, sizeof(*r));
	struct replica_state s;

	argv[0] = path_of(PATH_REPLICA_WORKER);
	m->replicas = r;
	r->m = m;
	r->all = map_new();
	r->pool = pool_new(m->ev, &o);
	r->restart = ev_timer_new(m->ev, "replica worker restart", start, r);
	r->wait = ev_timer_new(m->ev, "wait for the other candidate", on_wait, r);
	if (replica_read(m->db, &s, e) < 0 || read_candidates(r, e) < 0)
		return -1;
	m->serial = s.last.serial;
	r->last = s.last;
	r->term = s.term;
	r->alone = m->no_voting && r->n > 1;
	start(r);
	tell(r);
	return 0;
}

/* Until all is acknowledged, at the start and at the end. */
bool replicas_flush(struct master *m, double seconds)
{
	struct replicas *r = m->replicas;

	r->flushed = settled(r);
	if (r->flushed)
		return true;
	if (m->stopping && !m->open) /* it gave up while the loop did not run, and running it would forget that */
		return false;
	replicas_waiting(m, clock_mono());
	ev_run_until(m->ev, &r->flushed, seconds);
	return r->flushed;
}

void replicas_free(struct master *m)
{
	struct replicas *r = m->replicas;

	if (!r)
		return;
	pool_free(r->pool);
	replica_copy_drop(path_of(PATH_CONFIG_DB_SENT));
	ev_timer_free(r->restart);
	ev_timer_free(r->wait);
	while (r->former) {
		struct former *f = r->former;

		r->former = f->next;
		former_free(f);
	}
	map_free(r->all, candidate_free);
	free(r->note);
	free(r);
	m->replicas = NULL;
}
