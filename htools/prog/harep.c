/* harep: mends instances whose nodes went offline, as far as their tags allow it, and keeps track in tags. */
#include "htools/prog/prog.h"

#include "lib/base/clock.h"

#include <stdio.h>
#include <time.h>

struct rep {
	struct htool *t;
	struct ht_cluster *c;
	struct luxi_client *l;
	struct ht_exec x;
	bool dry_run;
	struct ht_repair_state *states; /* of each instance */
};

static const char *state_name(enum ht_repair_kind k)
{
	static const char *const names[] = { [HT_REPAIR_HEALTHY] = "Healthy", [HT_REPAIR_NEEDED] = "Needs repair",
					     [HT_REPAIR_PENDING] = "Pending repair", [HT_REPAIR_FAILED] = "Failure" };

	return names[k];
}

static json *one_job(json *op)
{
	return json_append(json_new_array(), json_append(json_new_array(), op));
}

static int change_tags(struct rep *r, enum opcode op, const struct strs *tags, const char *name, struct err *e)
{
	json *jobs CLEANUP(json_putp) = NULL;

	if (r->dry_run)
		return 0;
	jobs = one_job(json_pack("{s:s,s:s,s:o,s:s}", "OP_ID", opcode_name(op), "kind", enum_name(&enum_tag_kind, tag_kind_instance),
				 "tags", json_new_strs(tags), "name", name));
	return ht_run_jobs(r->l, &r->x, jobs, e);
}

/* Writes the state of instance K into its tags (upstream: commitChange). */
static int commit(struct rep *r, int k, struct err *e)
{
	struct ht_repair_state *s = &r->states[k];
	const char *name = r->c->insts[k].name;
	struct str text CLEANUP(str_free) = { 0 };

	if (s->has) {
		struct strs add = { &s->last.tag, 1 };

		str_addf(&text, ">>> Adding the following tag to %s:\n", name);
		hs_show_str(&text, s->last.tag);
		out("%s", str_get(&text));
		if (change_tags(r, OP_tags_set, &add, name, e) < 0)
			return -1;
	}
	str_trim(&text, 0);
	if (s->remove.n > 0) {
		str_addf(&text, ">>> Removing the following tags from %s:", name);
		for (size_t i = 0; i < s->remove.n; i++) {
			str_addc(&text, '\n');
			hs_show_str(&text, s->remove.v[i]);
		}
		out("%s", str_get(&text));
		if (change_tags(r, OP_tags_del, &s->remove, name, e) < 0)
			return -1;
	}
	s->remove = (struct strs){ 0 };
	return 0;
}

/* Has a pending repair ended? (upstream: processPending) */
static int look_after(struct rep *r, int k, struct err *e)
{
	struct ht_repair_state *s = &r->states[k];
	struct ht_repair next = s->last;
	struct ht_jobs j = { .ids = next.jobs, .n = next.n_jobs };
	enum ht_repair_kind kind;

	if (s->kind != HT_REPAIR_PENDING)
		return 0;
	j.status = ARENA_ARRAY(r->t->a, int, j.n + 1);
	if (ht_jobs_status(r->l, &j, e) < 0)
		return err_prefix(e, "could not check job status");
	if (ht_jobs_busy(&j))
		return 0;
	next.result = HT_REPAIR_SUCCESS;
	for (size_t i = 0; i < j.n; i++)
		if (j.status[i] != (int)job_status_success)
			next.result = HT_REPAIR_FAILURE;
	kind = next.result == HT_REPAIR_SUCCESS ? HT_REPAIR_HEALTHY : HT_REPAIR_FAILED;
	out("Moving %s from \"%s\" to \"%s\"", r->c->insts[k].name, state_name(s->kind), state_name(kind));
	next.time = (int64_t)clock_real();
	ht_repair_tag(r->t->a, &next);
	ht_repair_next(r->t->a, s, kind, &next);
	return commit(r, k, e);
}

/* --- repairs --- */

/* So that the tags are on the instance before the job holds its lock. */
static json *delayed(const struct rep *r, const json *ops)
{
	double delay = htool_float(r->t, "job_delay");
	json *l = json_new_array();

	if (delay > 0)
		json_append(l, json_pack("{s:s,s:o,s:b,s:[],s:i,s:b,s:b}", "OP_ID", opcode_name(OP_test_delay), "duration", htool_number(delay),
					 "on_master", 1, "on_nodes", "repeat", 0, "interruptible", 0, "no_locks", 0));
	json_items(ops, i, op)
		json_append(l, json_ref(op));
	return l;
}

static int submit(struct rep *r, const json *ops, struct ht_repair *rep, struct err *e)
{
	json *jobs CLEANUP(json_putp) = json_append(json_new_array(), delayed(r, ops));
	struct ht_jobs j;

	if (r->dry_run) {
		out("jobs: %s", json_dump_in(r->t->a, jobs));
		return 0;
	}
	if (ht_submit(r->l, &r->x, jobs, r->t->a, &j, e) < 0)
		return -1;
	rep->jobs = j.ids;
	rep->n_jobs = j.n;
	return 0;
}

/* As Haskell shows the policy. */
static const char *why_not(struct rep *r, const struct ht_repair_policy *p)
{
	char text[64];
	time_t t = (time_t)p->until;
	struct tm tm;

	if (p->kind == HT_REPAIR_NOT_ENABLED)
		return "ArNotEnabled";
	if (p->kind == HT_REPAIR_SUSPENDED)
		return "ArSuspended Forever";
	if (!localtime_r(&t, &tm) || strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Z %Y", &tm) == 0)
		return arena_printf(r->t->a, "ArSuspended (Until %lld)", (long long)p->until);
	return arena_printf(r->t->a, "ArSuspended (Until %s)", text);
}

static int repair(struct rep *r, int k, enum ht_repair_type type, const json *ops, struct err *e)
{
	const char *name = r->c->insts[k].name;
	struct ht_repair_policy p = ht_repair_policy(r->c, &r->c->insts[k], (int64_t)clock_real());
	struct ht_repair next = { .type = type, .result = HT_REPAIR_NONE };
	enum ht_repair_kind kind = HT_REPAIR_PENDING;

	if (p.kind != HT_REPAIR_ENABLED) {
		out("Not repairing %s because it's in state %s", name, why_not(r, &p));
		return 0;
	}
	next.uuid = uuid_new(r->t->a);
	if (type > p.max) {
		out("Not performing a repair of type %s on %s because only repairs up to %s are allowed", ht_repair_show(type), name,
		    ht_repair_show(p.max));
		kind = HT_REPAIR_NEEDED;
		next.result = HT_REPAIR_ENOPERM;
	} else {
		out("Executing %s repair on %s", ht_repair_show(type), name);
		if (submit(r, ops, &next, e) < 0)
			return -1;
	}
	next.time = (int64_t)clock_real();
	ht_repair_tag(r->t->a, &next);
	ht_repair_next(r->t->a, &r->states[k], kind, &next);
	return commit(r, k, e);
}

static void summary(const struct rep *r)
{
	static const enum ht_repair_kind order[] = { HT_REPAIR_FAILED, HT_REPAIR_HEALTHY, HT_REPAIR_NEEDED, HT_REPAIR_PENDING };

	out("---------------------\nInstance status count\n---------------------");
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		int n = 0;

		for (int k = 0; k < r->c->n_insts; k++)
			n += r->states[k].kind == order[i];
		if (n > 0)
			out("%s: %d", state_name(order[i]), n);
	}
}

static int run(struct rep *r, struct err *e)
{
	struct ht_cluster *c = r->c;

	r->states = ARENA_ARRAY(r->t->a, struct ht_repair_state, (size_t)c->n_insts + 1);
	for (int k = 0; k < c->n_insts; k++)
		if (ht_repair_state(r->t->a, &c->insts[k], &r->states[k], e) < 0)
			return err_prefix(e, "when parsing auto-repair tags");
	if (ht_luxi_open(r->x.socket, &r->l, e) < 0)
		return -1;
	for (int k = 0; k < c->n_insts; k++)
		if (look_after(r, k, e) < 0)
			return -1;
	for (int k = 0; k < c->n_insts; k++) {
		enum ht_repair_type type;
		json *ops CLEANUP(json_putp) = ht_repair_detect(c, &c->insts[k], &type);

		if (ops && r->states[k].kind == HT_REPAIR_HEALTHY && repair(r, k, type, ops, e) < 0)
			return -1;
	}
	summary(r);
	return EXIT_SUCCESS;
}

int harep_main(struct htool *t, struct err *e)
{
	struct ht_cluster *c CLEANUP(ht_cluster_freep) = NULL;
	const char *socket = htool_str(t, "luxi"), *reason = htool_str(t, "reason");
	struct rep r = { .t = t, .dry_run = htool_flag(t, "dry_run") };
	int rc;

	if (t->args.n > 0)
		return err_plain(e, "this program doesn't take any arguments.");
	if (!socket)
		json_set(t->opts, "luxi", json_new_str(""));
	if (htool_read(t, &c, e) < 0)
		return -1;
	r.c = c;
	r.x = (struct ht_exec){
		.socket = htool_str(t, "luxi"),
		.comment = arena_printf(t->a, "automated repairs by harep %s", HTOOLS_VERSION),
		.source = t->name,
		.reason = reason ? reason : arena_printf(t->a, "harep %s called", HTOOLS_VERSION),
	};
	rc = run(&r, e);
	luxi_close(r.l);
	return rc;
}
