/*
 * How many instances fit (upstream: Cluster.iterateAlloc, tieredAlloc). Whole batches are placed without asking for
 * redundancy, which is checked once for each; where that fails they are undone and placed in smaller steps.
 */
#include "htools/algo/algo.h"

#include <stdio.h>
#include <string.h>

struct filler {
	struct ht_cluster *c;
	const struct ht_view *v;
	const struct ht_algo_opts *o;
	const struct ht_targets *t;
	struct ht_space *s;
	int known_n;      /* with how many instances redundancy was last asked for, and the answer */
	bool known, redundant;
};

static bool is_redundant(struct filler *f)
{
	if (f->known && f->known_n == f->c->n_insts)
		return f->redundant;
	f->known = true;
	f->known_n = f->c->n_insts;
	f->redundant = ht_redundant(f->c, f->v, f->o);
	return f->redundant;
}

static int fill_with(struct filler *f, const struct ht_inst *i, int64_t limit, bool capacity, struct ht_trials *trials, struct err *e)
{
	struct ht_alloc_opts a = { .o = f->o, .index = HT_NONE, .only_group = HT_NONE, .trials = trials };
	bool n1 = capacity && i->tmpl != disk_template_drbd;

	for (;;) {
		struct ht_alloc r;
		char name[32];
		int rc;

		a.n1 = n1 ? ht_n1_new(f->c, f->v, f->o) : NULL;
		if (n1 && f->known && f->known_n == f->c->n_insts && f->redundant)
			ht_n1_set_redundant(a.n1);
		rc = ht_alloc_try(f->c, f->v, &a, i, f->t, &r, e);
		ht_n1_free(a.n1);
		if (rc < 0)
			return -1;
		if (!r.found || limit == 0) {
			memcpy(f->s->fails, r.fails, sizeof(r.fails));
			return 0;
		}
		snprintf(name, sizeof(name), "new-%d", f->c->n_insts - f->s->first);
		ht_alloc_place(f->c, i, name, r.pri, r.sec, f->o->ignore_soft_errors);
		if (n1) { /* it is no place otherwise */
			f->known = f->redundant = true;
			f->known_n = f->c->n_insts;
		}
		limit -= limit > 0;
	}
}

/* upstream: iterateAllocSmallStep */
static int fill(struct filler *f, const struct ht_inst *i, int64_t limit, bool capacity, struct err *e)
{
	struct ht_trials *t = ht_trials_new();
	int rc = fill_with(f, i, limit, capacity, t, e);

	ht_trials_free(t);
	return rc;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* upstream: guessBigstepSize */
static int64_t batch_size(const struct filler *f, const struct ht_inst *i)
{
	int64_t mem = 0, guess;

	for (int k = 0; k < f->v->n_nodes; k++) {
		const struct ht_node *n = &f->c->nodes[f->v->nodes[k]];

		mem += ht_avail_mem(n, &n->s);
	}
	guess = floor_div(mem, i->mem) - f->v->n_nodes;
	return guess < 20 ? 20 : guess;
}

/* One batch. RET: 1 when it keeps the cluster redundant, 0 undone. */
static int fill_batch(struct filler *f, const struct ht_inst *i, int64_t limit, struct err *e)
{
	size_t mark = ht_mark(f->c);
	const struct filler before = *f;

	if (fill(f, i, limit, false, e) < 0) {
		ht_rollback(f->c, mark);
		return -1;
	}
	if (is_redundant(f)) {
		ht_commit(f->c, mark);
		return 1;
	}
	ht_rollback(f->c, mark);
	if (f->known_n != f->c->n_insts)
		*f = before;
	return 0;
}

/* upstream: iterateAlloc' */
static int iterate(struct filler *f, const struct ht_inst *i, int64_t limit, struct err *e)
{
	bool huge = true;

	if (!f->o->capacity)
		return fill(f, i, limit, false, e);
	if (i->mem == 0)
		return err_plain(e, "divide by zero");
	for (;;) {
		int64_t size = huge ? batch_size(f, i) : 10;
		int before = f->c->n_insts;
		int rc = fill_batch(f, i, limit < 0 || limit > size ? size : limit, e);

		if (rc < 0)
			return -1;
		if (rc == 0 && !huge)
			return fill(f, i, limit, true, e);
		if (rc == 0) {
			huge = false;
			continue;
		}
		if (limit >= 0)
			limit = limit > size ? limit - size : 0;
		if (limit == 0 || f->c->n_insts == before)
			return 0;
	}
}

static struct filler filler(struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o, const struct ht_targets *t,
			    struct ht_space *s)
{
	return (struct filler){ .c = c, .v = v, .o = o, .t = t, .s = s };
}

int ht_space_fill(struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o, const struct ht_targets *t,
		  const struct ht_inst *i, int64_t limit, struct ht_space *s, struct err *e)
{
	struct filler f = filler(c, v, o, t, s);
	int rc = iterate(&f, i, limit, e);

	s->n = c->n_insts - s->first;
	return rc;
}

/* --- smaller ones --- */

static struct ht_inst own_disks(struct arena *a, const struct ht_inst *i)
{
	struct ht_inst x = *i;

	x.disks = arena_dup(a, i->disks, i->n_disks * sizeof(*i->disks));
	return x;
}

/* The reasons, the most frequent first (upstream: reverse sortedErrs). */
static void by_count(const int64_t fails[HT_N_FAIL], enum ht_fail ret[HT_N_FAIL])
{
	for (int k = 0; k < HT_N_FAIL; k++) {
		int j = k;

		for (; j > 0 && fails[ret[j - 1]] <= fails[k]; j--)
			ret[j] = ret[j - 1];
		ret[j] = (enum ht_fail)k;
	}
}

/* Would I fit if only WHY were mended? Makes it that small (upstream: sufficesShrinking). */
static bool suffices(struct filler *f, struct ht_n1 *n1, struct ht_inst *i, enum ht_fail why)
{
	struct arena *tmp CLEANUP(arena_freep) = arena_new();
	struct ht_inst x = own_disks(tmp, i), next = own_disks(tmp, i);
	struct ht_alloc_opts a = { .o = f->o, .n1 = n1, .index = HT_NONE, .only_group = HT_NONE, .only_possible = true };

	/* upstream's list ends before the one that cannot be made smaller */
	while (ht_inst_shrink(&next, why) == 0) {
		struct ht_alloc r;

		if (ht_alloc_try(f->c, f->v, &a, &x, f->t, &r, NULL) < 0)
			return false;
		if (r.found) {
			struct ht_disk *disks = i->disks;

			memcpy(disks, x.disks, x.n_disks * sizeof(*disks));
			*i = x;
			i->disks = disks;
			return true;
		}
		if (r.fails[why] == 0)
			return false;
		ht_inst_shrink(&x, why);
	}
	return false;
}

/* Limits as upstream passes them on: it takes off what was placed in all rounds so far. STOP: enough. */
static int64_t lower(int64_t limit, int64_t done, bool *stop)
{
	*stop = limit >= 0 && limit <= done;
	return limit < 0 ? limit : limit - done;
}

/*
 * A size that was tried without effect: upstream goes on with it shrunk by the most frequent failure, and only if
 * nothing at all comes of that, with the first single shrinking that suffices.
 */
struct level {
	struct ht_inst i;
	int64_t limit;
	int64_t fails[HT_N_FAIL];
};
struct levels {
	struct level *v;
	size_t n, cap;
};

/* Back to the last level from where there is another way: true, and I is to be tried next. */
static bool go_back(struct filler *f, struct levels *l, struct ht_n1 *n1, struct ht_inst *i, int64_t *limit)
{
	while (l->n > 0) {
		struct level *x = &l->v[--l->n];
		enum ht_fail order[HT_N_FAIL];

		memcpy(f->s->fails, x->fails, sizeof(x->fails));
		by_count(x->fails, order);
		for (int k = 0; k < HT_N_FAIL; k++) {
			*i = x->i;
			*limit = x->limit;
			if (suffices(f, n1, i, order[k]))
				return true;
		}
	}
	return false;
}

int ht_space_tiered(struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o, const struct ht_targets *t,
		    const struct ht_inst *inst, int64_t limit, struct ht_space *s, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct filler f = filler(c, v, o, t, s);
	struct levels l = { 0 };
	struct ht_inst i = own_disks(a, inst);
	int rc;

	for (;;) {
		enum ht_fail order[HT_N_FAIL];
		int before = c->n_insts;
		struct ht_n1 *n1;
		bool stop, again;

		rc = iterate(&f, &i, limit, e);
		s->n = c->n_insts - s->first;
		if (rc < 0)
			break;
		if (c->n_insts > before) /* all that led here was worth it */
			l.n = 0;
		limit = lower(limit, s->n, &stop);
		if (!stop) {
			struct level x = { .i = own_disks(a, &i), .limit = limit };

			memcpy(x.fails, s->fails, sizeof(x.fails));
			GROW(l.v, l.n, l.cap);
			l.v[l.n++] = x;
			by_count(s->fails, order);
			i = own_disks(a, &i);
			if (ht_inst_shrink(&i, order[0]) == 0)
				continue;
		}
		n1 = o->capacity ? ht_n1_new(c, v, o) : NULL;
		again = go_back(&f, &l, n1, &i, &limit);
		ht_n1_free(n1);
		if (!again)
			break;
	}
	free(l.v);
	return rc;
}
