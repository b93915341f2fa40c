#include "tests/unit/unit.h"

#include "src/lock/priv.h"

#include <stdlib.h>

/* --- small cases --- */
static struct str told; /* "1:a,b 2:* " in order of grants */

static void granted(int64_t owner, const struct strs *names, void *arg)
{
	(void)arg;
	str_addf(&told, "%d:", (int)owner);
	for (size_t i = 0; i < names->n; i++)
		str_addf(&told, "%s%s", i ? "," : "", names->v[i]);
	str_addc(&told, ' ');
}

#define assert_told(text)                                  \
	do {                                               \
		assert_string_equal(str_get(&told), text); \
		str_trim(&told, 0);                        \
	} while (0)

static struct strs names_of(struct arena *a, const char *names)
{
	struct strs l = { NULL, 0 };

	return names && *names ? strs_split(a, names, ',') : l;
}

static int ask_full(struct locks *l, int owner, int prio, enum lock_level level,
		    enum lock_mode mode, const char *names, int opportunistic_min)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct lock_req r = { .owner = owner,
			      .priority = prio,
			      .level = level,
			      .mode = mode,
			      .names = names_of(a, names),
			      .all = !names,
			      .opportunistic = opportunistic_min >= 0,
			      .opportunistic_min =
				      opportunistic_min < 0 ? 0 : (size_t)opportunistic_min };

	return locks_ask(l, &r, granted, NULL, &e);
}

/* NAMES NULL: all */
static void ask(struct locks *l, int owner, int prio, enum lock_mode mode, const char *names)
{
	assert_int_equal(ask_full(l, owner, prio, LOCK_NODE, mode, names, -1), 0);
}

static void release(struct locks *l, int owner, const char *names)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs n = names_of(a, names);

	locks_release(l, owner, LOCK_NODE, &n, !names);
}

static void test_modes(void **state)
{
	struct locks *l = locks_new();

	(void)state;
	ask(l, 1, 0, LOCK_SHARED, "a,b");
	ask(l, 2, 0, LOCK_SHARED, "b,c");
	assert_told("1:a,b 2:b,c ");
	ask(l, 3, 0, LOCK_EXCLUSIVE, "b");
	ask(l, 4, 0, LOCK_EXCLUSIVE, "d");
	assert_told("4:d ");
	assert_true(locks_waiting(l, 3));
	release(l, 1, "b");
	assert_told("");
	assert_true(locks_has(l, 1, LOCK_NODE, "a", LOCK_SHARED));
	assert_false(locks_has(l, 1, LOCK_NODE, "a", LOCK_EXCLUSIVE));
	locks_release_all(l, 2);
	assert_told("3:b ");
	/* a wide request waits for each holder and holds back later ones */
	ask(l, 5, 0, LOCK_EXCLUSIVE, NULL);
	ask(l, 6, 0, LOCK_SHARED, "z");
	assert_told("");
	locks_release_all(l, 1);
	locks_release_all(l, 3);
	locks_release_all(l, 4);
	assert_told("5: ");
	assert_true(locks_has(l, 5, LOCK_NODE, "never seen", LOCK_EXCLUSIVE));
	/* keep one name of all, make it shared */
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs z = names_of(a, "z");

	locks_keep(l, 5, LOCK_NODE, &z);
	assert_told("");
	assert_false(locks_has(l, 5, LOCK_NODE, "y", LOCK_SHARED));
	locks_downgrade(l, 5, LOCK_NODE, &z, false);
	assert_told("6:z ");
	locks_free(l);
}

static void test_order(void **state)
{
	struct locks *l = locks_new();

	(void)state;
	ask(l, 1, 0, LOCK_EXCLUSIVE, "a");
	ask(l, 2, 0, LOCK_EXCLUSIVE, "a");
	ask(l, 3, -10, LOCK_EXCLUSIVE, "a");
	ask(l, 4, 0, LOCK_EXCLUSIVE, "a,b");
	ask(l, 5, 0, LOCK_EXCLUSIVE, "b"); /* not before 4 */
	ask(l, 6, 0, LOCK_SHARED, "c");
	assert_told("1:a 6:c ");
	locks_set_priority(l, 4, -20);
	locks_release_all(l, 1);
	assert_told("4:a,b ");
	locks_withdraw(l, 3);
	locks_release_all(l, 4);
	assert_told("2:a 5:b ");
	locks_free(l);
}

/* A stream of urgent requests does not starve an old one. */
static void test_ageing(void **state)
{
	struct locks *l = locks_new();
	int n;

	(void)state;
	ask(l, 1, 0, LOCK_EXCLUSIVE, "a");
	ask(l, 2, 19, LOCK_EXCLUSIVE, "a");
	for (n = 3; n < 1000; n++) {
		ask(l, n, -20, LOCK_EXCLUSIVE, "a");
		locks_release_all(l, n == 3 ? 1 : n - 1);
		if (!locks_waiting(l, 2))
			break;
	}
	assert_true(n < 200);
	str_trim(&told, 0);
	locks_free(l);
}

static void test_opportunistic(void **state)
{
	struct locks *l = locks_new();

	(void)state;
	ask(l, 1, 0, LOCK_EXCLUSIVE, "a,b");
	assert_int_equal(ask_full(l, 2, 0, LOCK_NODE, LOCK_EXCLUSIVE, "a,b,c,d", 1), 0);
	assert_told("1:a,b 2:c,d ");
	assert_int_equal(ask_full(l, 3, 0, LOCK_NODE, LOCK_EXCLUSIVE, "a,b,c,d", 2), 0);
	assert_told("");
	release(l, 1, "a");
	assert_told("");
	release(l, 2, "d");
	assert_told("3:a,d ");
	/* what a waiting request wants is not free */
	ask(l, 4, 0, LOCK_EXCLUSIVE, "c,x");
	assert_int_equal(ask_full(l, 5, 0, LOCK_NODE, LOCK_EXCLUSIVE, "x,y", 1), 0);
	assert_told("5:y ");
	assert_int_equal(ask_full(l, 6, 0, LOCK_NODE, LOCK_EXCLUSIVE, "b", 0), 0);
	assert_told("6: ");
	locks_free(l);
}

static void test_circle(void **state)
{
	struct locks *l = locks_new();

	(void)state;
	ask(l, 1, 0, LOCK_EXCLUSIVE, "a");
	ask(l, 2, 0, LOCK_EXCLUSIVE, "b");
	ask(l, 3, -20, LOCK_EXCLUSIVE, "a,b,c");
	/* 1 adds: goes before 3, which waits for it */
	ask(l, 1, 0, LOCK_EXCLUSIVE, "c");
	assert_told("1:a 2:b 1:c ");
	ask(l, 1, 0, LOCK_EXCLUSIVE, "b");
	assert_int_equal(ask_full(l, 2, 0, LOCK_NODE, LOCK_EXCLUSIVE, "a", -1), -1);
	assert_true(locks_has(l, 2, LOCK_NODE, "b", LOCK_EXCLUSIVE));
	locks_release_all(l, 2);
	assert_told("1:b ");
	locks_release_all(l, 1);
	assert_told("3:a,b,c ");
	locks_free(l);
	/* two readers that both want to write */
	l = locks_new();
	ask(l, 1, 0, LOCK_SHARED, "a");
	ask(l, 2, 0, LOCK_SHARED, "a");
	ask(l, 1, 0, LOCK_EXCLUSIVE, "a");
	assert_int_equal(ask_full(l, 2, 0, LOCK_NODE, LOCK_EXCLUSIVE, "a", -1), -1);
	locks_release_all(l, 2);
	assert_told("1:a 2:a 1:a ");
	locks_free(l);
}

static void test_refused(void **state)
{
	struct locks *l = locks_new();

	(void)state;
	ask(l, 1, 0, LOCK_EXCLUSIVE, "a");
	assert_int_equal(ask_full(l, 1, 0, LOCK_INSTANCE, LOCK_SHARED, "i", -1), -1);
	assert_int_equal(ask_full(l, 1, 0, LOCK_NETWORK, LOCK_SHARED, "n", -1), 0);
	ask(l, 2, 0, LOCK_EXCLUSIVE, "a");
	assert_int_equal(ask_full(l, 2, 0, LOCK_NETWORK, LOCK_SHARED, "n", -1), -1);
	locks_release_all(l, 1);
	assert_told("1:a 1:n 2:a ");
	locks_free(l);
}

static void test_dump(void **state)
{
	struct locks *l = locks_new(), *m;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *dump, *held;
	char *text;

	(void)state;
	assert_int_equal(ask_full(l, 252, 0, LOCK_CLUSTER, LOCK_SHARED, "BGL", -1), 0);
	assert_int_equal(ask_full(l, 253, 0, LOCK_CLUSTER, LOCK_SHARED, "BGL", -1), 0);
	ask(l, 252, 0, LOCK_EXCLUSIVE, "1u");
	ask(l, 253, -10, LOCK_EXCLUSIVE, "1u");
	str_trim(&told, 0);
	dump = locks_dump(l);
	text = json_dump_sorted(dump);
	assert_string_equal(
		text, "[{\"mode\":\"shared\",\"name\":\"cluster/"
		      "BGL\",\"owner\":[252,253],\"pending\":[]},"
		      "{\"mode\":null,\"name\":\"cluster/[lockset]\",\"owner\":[],\"pending\":[]},"
		      "{\"mode\":\"exclusive\",\"name\":\"node/1u\",\"owner\":[252],"
		      "\"pending\":[[\"exclusive\",[253]]]},"
		      "{\"mode\":null,\"name\":\"node/[lockset]\",\"owner\":[],\"pending\":[]}]");
	free(text);
	json_put(dump);
	m = locks_new();
	held = locks_held(l, 252);
	assert_ok(locks_restore(m, 252, held, &e), &e);
	assert_true(locks_has(m, 252, LOCK_NODE, "1u", LOCK_EXCLUSIVE));
	assert_int_equal(locks_restore(m, 7, held, &e), -1);
	assert_string_equal(err_msg(&e), "Saved lock 'node/1u' of job 7 is taken");
	assert_false(locks_has(m, 7, LOCK_CLUSTER, "BGL", LOCK_SHARED));
	json_put(held);
	locks_free(m);
	locks_free(l);
}

/*
 * --- random jobs on a virtual clock ---
 * Each job takes locks at some levels in order, now and then adds to a level or gives some back, works for a
 * while and ends; meanwhile waiting ones get other priorities, give up or are killed. A plain model (who holds
 * and wants what) is kept beside, and after each step the whole of it is compared: nobody holds what
 * excludes another, everybody holds what was granted and nothing else, who waits has a reason to (no wake-up
 * is lost), and nobody was served before somebody who comes first.
 */
enum { JOBS = 40, NAMES = 8, STEPS = 6 };

static uint64_t seed;

static unsigned dice(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % n);
}

struct sim_job {
	double next; /* when it acts again; < 0: waits for a grant, or has ended */
	enum lock_level level;
	int steps;
	int mode[LOCK_LEVELS][NAMES + 1]; /* model of what it holds: NAMES = all */
	bool done;
	/* the waiting request */
	unsigned long arrived; /* in acts */
	enum lock_level asked_level;
	enum lock_mode asked;
	int priority;
	bool asks_all, adder, opportunistic, asked_name[NAMES];
	size_t min;
	unsigned passed, passed_before; /* how often it was overtaken, as the manager counts; when this step began */
};
struct sim {
	struct locks *l;
	struct sim_job job[JOBS];
	double now;
	unsigned long acts;
	unsigned worst, changed, withdrawn, killed;
};

static const char *const sim_names[NAMES] = { "n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7" };

static bool sim_waits(const struct sim_job *j)
{
	return j->next < 0 && !j->done;
}

static bool excludes(int x, int y)
{
	return x && y && (x == LOCK_EXCLUSIVE || y == LOCK_EXCLUSIVE);
}

static bool model_conflict(const struct sim *s, int x, int y)
{
	for (int lv = 0; lv < LOCK_LEVELS; lv++)
		for (int i = 0; i <= NAMES; i++)
			for (int k = 0; k <= NAMES; k++) {
				if (i != k && i != NAMES && k != NAMES)
					continue;
				if (excludes(s->job[x].mode[lv][i], s->job[y].mode[lv][k]))
					return true;
			}
	return false;
}

static bool asks_name(const struct sim_job *j, int name)
{
	return j->asks_all || (name < NAMES && j->asked_name[name]);
}

static bool asks_conflict(const struct sim_job *x, const struct sim_job *y)
{
	if (x->asked_level != y->asked_level || !excludes(x->asked, y->asked))
		return false;
	for (int i = 0; i <= NAMES; i++)
		if ((asks_name(x, i) && asks_name(y, i)) || (i < NAMES && x->asks_all && asks_name(y, i)) ||
		    (i < NAMES && y->asks_all && asks_name(x, i)))
			return true;
	return false;
}

/* Is X served before Y, with PASSED as many overtakings of each? */
static bool sim_before(const struct sim_job *x, unsigned passed_x, const struct sim_job *y, unsigned passed_y)
{
	int64_t p = x->priority - (int64_t)(passed_x / LOCK_AGE_STEP), q = y->priority - (int64_t)(passed_y / LOCK_AGE_STEP);

	if (x->asked_level != y->asked_level)
		return false;
	if (x->adder != y->adder)
		return x->adder;
	if (!x->adder && p != q)
		return p < q;
	return x->arrived < y->arrived;
}

/* Could W have NAME (NAMES = all of its level) now, as far as holders and requests before it go? */
static bool available(const struct sim *s, const struct sim_job *w, int name)
{
	const int *mine = w->mode[w->asked_level];

	if (mine[NAMES] >= (int)w->asked || (name < NAMES && mine[name] >= (int)w->asked))
		return true;
	for (int i = 0; i < JOBS; i++) {
		const struct sim_job *o = &s->job[i];
		const int *held = o->mode[w->asked_level];

		if (o == w)
			continue;
		for (int k = 0; k <= NAMES; k++)
			if ((k == name || k == NAMES || name == NAMES) && excludes(held[k], w->asked))
				return false;
		if (w->adder || !sim_waits(o) || !excludes(o->asked, w->asked) ||
		    !sim_before(o, o->passed, w, w->passed))
			continue;
		for (int k = 0; k <= NAMES; k++)
			if ((k == name || k == NAMES || name == NAMES) && asks_name(o, k))
				return false;
		if (name < NAMES && o->asks_all)
			return false;
	}
	return true;
}

/* Who waits has a reason to. */
static void check_waiting(const struct sim *s, int id)
{
	const struct sim_job *w = &s->job[id];
	size_t can = 0, n = 0;

	assert_true(locks_waiting(s->l, id));
	if (w->asks_all) {
		if (available(s, w, NAMES))
			fail_msg("job %d waits for all of a level, which is free", id);
		return;
	}
	for (int i = 0; i < NAMES; i++)
		if (w->asked_name[i]) {
			n++;
			can += available(s, w, i);
		}
	if (w->opportunistic ? can >= w->min : can == n)
		fail_msg("job %d waits for what is free", id);
}

/* How often those that wait were overtaken is taken from the manager: the order depends on it. */
static void learn_passed(struct sim *s)
{
	for (int i = 0; i < JOBS; i++) {
		struct sim_job *j = &s->job[i];
		const struct owner *o = sim_waits(j) ? lock_owner(s->l, i) : NULL;

		if (!o || !o->wait)
			continue;
		assert_true(o->wait->passed >= j->passed);
		j->passed = o->wait->passed;
		s->worst = j->passed > s->worst ? j->passed : s->worst;
	}
}

static void check_order(const struct sim *s, int id)
{
	const struct sim_job *j = &s->job[id];

	/* what an opportunistic request did not get it left to others; an adder waits for holders only */
	for (int i = 0; i < JOBS && !j->opportunistic && !j->adder; i++) {
		const struct sim_job *o = &s->job[i];

		if (i != id && sim_waits(o) && asks_conflict(o, j) && sim_before(o, o->passed, j, j->passed) &&
		    sim_before(o, o->passed_before, j, j->passed_before))
			fail_msg("job %d was served before job %d", id, i);
	}
}

static void sim_granted(int64_t owner, const struct strs *names, void *arg)
{
	struct sim *s = arg;
	struct sim_job *j = &s->job[owner];

	assert_true(sim_waits(j));
	assert_true(!j->opportunistic || names->n >= j->min);
	j->next = s->now + 1 + dice(20);
	if (j->asks_all && j->mode[j->asked_level][NAMES] < (int)j->asked)
		j->mode[j->asked_level][NAMES] = j->asked;
	for (size_t i = 0; i < names->n; i++) {
		int k = names->v[i][1] - '0', *m = &j->mode[j->asked_level][k];

		assert_true(j->asked_name[k]);
		*m = *m < (int)j->asked ? (int)j->asked : *m;
	}
	for (int i = 0; i < JOBS; i++)
		if (i != owner && model_conflict(s, (int)owner, i))
			fail_msg("jobs %d and %d hold conflicting locks", (int)owner, i);
	learn_passed(s);
	check_order(s, (int)owner);
}

static void sim_end(struct sim *s, int id)
{
	struct sim_job *j = &s->job[id];

	memset(j->mode, 0, sizeof(j->mode));
	j->done = true;
	j->next = -1;
	locks_release_all(s->l, id);
}

static void sim_ask(struct sim *s, int id)
{
	struct sim_job *j = &s->job[id];
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct lock_req r = { .owner = id, .priority = (int)dice(40) - 20, .level = j->level };

	r.mode = j->asked = dice(2) ? LOCK_SHARED : LOCK_EXCLUSIVE;
	r.all = j->asks_all = dice(8) == 0;
	j->priority = r.priority;
	j->asked_level = j->level;
	j->adder = false;
	for (int i = 0; i <= NAMES; i++)
		j->adder |= j->mode[j->level][i] != 0;
	memset(j->asked_name, 0, sizeof(j->asked_name));
	for (int i = 0; i < NAMES && !r.all; i++)
		if (dice(3) == 0) {
			strs_add(a, &r.names, sim_names[i]);
			j->asked_name[i] = true;
		}
	r.opportunistic = j->opportunistic = !r.all && r.names.n && dice(5) == 0;
	r.opportunistic_min = j->min = r.opportunistic ? dice((unsigned)r.names.n + 1) : 0;
	j->next = -1;
	j->arrived = s->acts;
	j->passed = j->passed_before = 0;
	if (locks_ask(s->l, &r, sim_granted, s, &e) < 0) { /* a circle: give up everything */
		assert_string_equal(e.cls, LockError);
		memset(j->mode, 0, sizeof(j->mode));
		j->next = s->now + 1;
		j->steps = 0;
		locks_release_all(s->l, id);
	}
}

/* Something happens to a job that waits. */
static void sim_disturb(struct sim *s)
{
	int id = (int)dice(JOBS);
	struct sim_job *j = &s->job[id];

	if (!sim_waits(j))
		return;
	switch (dice(4)) {
	case 0: /* it gives the request up and goes on with what it has */
		s->withdrawn++;
		j->next = s->now + 1 + dice(10);
		locks_withdraw(s->l, id);
		return;
	case 1:
		s->killed++;
		sim_end(s, id);
		return;
	default:
		s->changed++;
		j->priority = (int)dice(40) - 20;
		locks_set_priority(s->l, id, j->priority);
	}
}

static void sim_act(struct sim *s, int id)
{
	struct sim_job *j = &s->job[id];
	struct arena *a CLEANUP(arena_freep) = arena_new();

	if (j->steps-- <= 0) {
		sim_end(s, id);
		return;
	}
	j->next = s->now + 1 + dice(10);
	switch (dice(6)) {
	case 0: { /* keep some of a level */
		struct strs keep = { NULL, 0 };
		int *m = j->mode[j->level], all = m[NAMES];

		m[NAMES] = 0;
		for (int i = 0; i < NAMES; i++) {
			if ((m[i] || all) && dice(2)) {
				strs_add(a, &keep, sim_names[i]);
				m[i] = m[i] > all ? m[i] : all;
			} else {
				m[i] = 0;
			}
		}
		locks_keep(s->l, id, j->level, &keep);
		return;
	}
	case 1:
		for (int i = 0; i <= NAMES; i++)
			if (j->mode[j->level][i])
				j->mode[j->level][i] = LOCK_SHARED;
		locks_downgrade(s->l, id, j->level, NULL, true);
		return;
	case 2: /* add to the level */
		sim_ask(s, id);
		return;
	default:
		if (j->level + 1 < LOCK_LEVELS)
			j->level++;
		sim_ask(s, id);
	}
}

static void check_model(struct sim *s)
{
	learn_passed(s);
	for (int id = 0; id < JOBS; id++) {
		for (int lv = 0; lv < LOCK_LEVELS; lv++)
			for (int i = 0; i <= NAMES; i++) {
				const int *m = s->job[id].mode[lv];
				int held = i < NAMES && m[i] > m[NAMES] ? m[i] : m[NAMES];
				const char *name = i < NAMES ? sim_names[i] : NULL;

				if (locks_has(s->l, id, lv, name, LOCK_SHARED) != (held != 0) ||
				    locks_has(s->l, id, lv, name, LOCK_EXCLUSIVE) != (held == LOCK_EXCLUSIVE))
					fail_msg("job %d, level %d, name %d: the model says %d", id, lv, i, held);
			}
		if (sim_waits(&s->job[id]))
			check_waiting(s, id);
		else
			assert_false(locks_waiting(s->l, id));
	}
}

/* The next event, on the virtual clock; -1 when there is none. */
static int sim_next(const struct sim *s)
{
	int best = -1;

	for (int i = 0; i < JOBS; i++)
		if (s->job[i].next >= 0 && (best < 0 || s->job[i].next < s->job[best].next))
			best = i;
	return best;
}

static void run_sim(uint64_t start, struct sim *total)
{
	struct sim *s = xcalloc(1, sizeof(*s));
	json *dump;
	int id;

	seed = start;
	s->l = locks_new();
	for (int i = 0; i < JOBS; i++) {
		s->job[i].next = dice(50);
		s->job[i].steps = 1 + (int)dice(STEPS);
	}
	while ((id = sim_next(s)) >= 0) {
		s->now = s->job[id].next;
		s->acts++;
		for (int i = 0; i < JOBS; i++)
			s->job[i].passed_before = s->job[i].passed;
		if (dice(4) == 0)
			sim_disturb(s);
		else
			sim_act(s, id);
		check_model(s);
	}
	for (int i = 0; i < JOBS; i++)
		if (!s->job[i].done)
			fail_msg("seed %d: job %d waits for ever", (int)start, i);
	assert_true(s->worst <
		    200); /* 40 steps of priority, LOCK_AGE_STEP overtakings each, + some */
	dump = locks_dump(s->l);
	assert_int_equal(json_len(dump), 0);
	json_put(dump);
	locks_free(s->l);
	total->changed += s->changed;
	total->withdrawn += s->withdrawn;
	total->killed += s->killed;
	free(s);
}

static void test_random(void **state)
{
	struct sim total = { 0 };

	(void)state;
	for (uint64_t i = 1; i <= 25; i++)
		run_sim(i * 2654435761u, &total);
	/* all of it has happened */
	assert_true(total.changed > 100 && total.withdrawn > 50 && total.killed > 50);
}

/* What a request waits for, in words for people. */
static void test_why(void **state)
{
	struct locks *l = locks_new();
	json *why;
	char *text;

	(void)state;
	ask(l, 1, 0, LOCK_SHARED, "a,b");
	ask(l, 2, 0, LOCK_SHARED, "b");
	ask(l, 3, 0, LOCK_EXCLUSIVE, "b,c");
	ask(l, 4, 0, LOCK_EXCLUSIVE, "c,d");
	assert_null(locks_why(l, 1));
	assert_null(locks_why(l, 99));
	why = locks_why(l, 3);
	text = json_dump_sorted(why);
	assert_string_equal(text, "{\"behind\":[],\"held\":[[\"b\",[[1,\"shared\"],[2,\"shared\"]]]],"
				  "\"level\":\"node\",\"mode\":\"exclusive\"}");
	free(text);
	json_put(why);
	why = locks_why(l, 4); /* nobody has it, but somebody comes first */
	text = json_dump_sorted(why);
	assert_string_equal(text, "{\"behind\":[3],\"held\":[],\"level\":\"node\",\"mode\":\"exclusive\"}");
	free(text);
	json_put(why);
	ask(l, 5, 0, LOCK_EXCLUSIVE, NULL);
	why = locks_why(l, 5);
	text = json_dump_sorted(why);
	assert_string_equal(text, "{\"behind\":[3,4],\"held\":[[null,[[1,\"shared\"],[2,\"shared\"]]]],"
				  "\"level\":\"node\",\"mode\":\"exclusive\"}");
	free(text);
	json_put(why);
	str_trim(&told, 0);
	locks_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),  cmocka_unit_test(test_order),
		cmocka_unit_test(test_ageing), cmocka_unit_test(test_opportunistic),
		cmocka_unit_test(test_circle), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_dump),   cmocka_unit_test(test_random),
		cmocka_unit_test(test_why),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	str_free(&told);
	return rc;
}
