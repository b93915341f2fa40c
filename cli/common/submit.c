/* Opcodes from options, submitted as one job. */
#include "cli/common/common.h"

#include "lib/base/clock.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

int cli_call_text(struct cli *c, enum luxi method, json *args, struct str *ret, struct err *e)
{
	if (!c->luxi && luxi_open(&c->luxi, e) < 0) {
		json_put(args);
		return -1;
	}
	return luxi_call_text(c->luxi, method, args, ret, e);
}

int cli_call(struct cli *c, enum luxi method, json *args, json **ret, struct err *e)
{
	struct str text CLEANUP(str_free) = { 0 };
	json *result = NULL;

	TRY(cli_call_text(c, method, args, &text, e));
	TRY(luxi_answer(&text, &result, e));
	json_own(c->a, result);
	if (ret)
		*ret = result;
	return 0;
}

json *op_new(struct cli *c, enum opcode op)
{
	return json_own(c->a, json_pack("{s:s}", "OP_ID", opcode_name(op)));
}

void op_set(json *op, const char *param, json *v)
{
	int code = opcode_find(json_get_str(op, "OP_ID"));

	assert(code >= 0 && record_field(opcode_record(code), param));
	json_set(op, param, v);
}

void op_set_ref(json *op, const char *param, const json *v)
{
	if (v)
		op_set(op, param, json_ref((json *)v));
}

static bool is_generic(const char *param)
{
	static const char *const names[] = { "dry_run", "debug_level", "priority",
					     "depends", "comment",     "reason" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], param) == 0)
			return true;
	return false;
}

void op_from_opts(struct cli *c, json *op)
{
	const struct record *r = opcode_record(opcode_find(json_get_str(op, "OP_ID")));

	for (size_t i = 0; i < r->n; i++) {
		const char *param = field_wire(&r->fields[i]);

		if (!is_generic(param))
			op_set_ref(op, param, cli_opt(c, param));
	}
}

static json *reason(const char *source, const char *text)
{
	/* nanoseconds, as upstream's EpochNano() */
	return json_pack("[s, s, I]", source, text, (int64_t)(clock_real() * 1e6) * 1000);
}

void op_generic(struct cli *c, json *op)
{
	const char *why = cli_str(c, "reason");
	json *trail = json_new_array();

	op_set_ref(op, "debug_level", cli_opt(c, "debug_level"));
	op_set_ref(op, "dry_run", cli_opt(c, "dry_run"));
	op_set_ref(op, "priority", cli_opt(c, "priority"));
	if (why && *why)
		json_append(trail, reason("gnt:user", why));
	json_append(trail, reason(arena_printf(c->a, "gnt:client:%s", c->prog->name), c->word));
	op_set(op, "reason", trail);
}

struct watch {
	struct cli *c;
	int64_t id;
	bool quiet, said_queued, said_waiting;
	const char *last; /* state reported before */
};

void cli_message(double when, const json *msg)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct str s CLEANUP(str_free) = { 0 }, text CLEANUP(str_free) = { 0 };

	ui_ctime(&s, when);
	ui_text(&text, msg);
	cli_out("%s %s", str_get(&s), cli_safe(a, str_get(&text)));
}

static void print_message(int64_t serial, double when, const char *type, const json *msg, void *arg)
{
	struct watch *w = arg;

	(void)serial;
	(void)type;
	if (!w->quiet)
		cli_message(when, msg);
}

/* Called whenever the master answers; only when nothing changed since is the state worth a word. */
static void print_status(const char *status, void *arg)
{
	struct watch *w = arg;
	bool same = str_eq(w->last, status);

	w->last = arena_strdup(w->c->a, status);
	if (w->quiet || !same)
		return;
	if (str_eq(status, "queued") && !w->said_queued) {
		cli_warn("Job %lld is waiting in queue", (long long)w->id);
		w->said_queued = true;
	} else if (str_eq(status, "waiting") && !w->said_waiting) {
		cli_warn("Job %lld is trying to acquire all necessary locks", (long long)w->id);
		w->said_waiting = true;
	}
}

int cli_wait(struct cli *c, int64_t id, bool quiet, json **ret_results, struct err *e)
{
	struct watch w = { .c = c, .id = id, .quiet = quiet };
	json *results = NULL;

	if (!c->luxi)
		TRY(luxi_open(&c->luxi, e));
	TRY(job_wait(c->luxi, id, print_message, print_status, &w, &results, e));
	json_own(c->a, results);
	if (ret_results)
		*ret_results = results;
	return 0;
}

static int submit(struct cli *c, json *ops, int64_t *ret_id, struct err *e)
{
	json *id;

	json_items(ops, i, op)
		op_generic(c, op);
	TRY(cli_call(c, LUXI_SubmitJob, json_pack("[o]", ops), &id, e));
	*ret_id = json_int(id, -1);
	if (cli_flag(c, "print_jobid"))
		cli_out("%lld", (long long)*ret_id);
	return 0;
}

int cli_exec(struct cli *c, json *op, json **ret, struct err *e)
{
	json *results;
	int64_t id;

	TRY(submit(c, json_pack("[O]", op), &id, e));
	TRY(cli_wait(c, id, false, &results, e));
	if (ret)
		*ret = json_at(results, 0);
	return 0;
}

int cli_submit_job(struct cli *c, json *ops, json **ret_results, struct err *e)
{
	int64_t id;

	TRY(submit(c, ops, &id, e));
	if (cli_flag(c, "submit_only"))
		return err_set(e, JobSubmittedException, NULL, "%lld", (long long)id);
	return cli_wait(c, id, false, ret_results, e);
}

int cli_submit(struct cli *c, json *op, json **ret, struct err *e)
{
	json *results;

	TRY(cli_submit_job(c, json_pack("[O]", op), &results, e));
	if (ret)
		*ret = json_at(results, 0);
	return 0;
}

/* TEXT of a row: %s is the first argument, %n is N. */
static const char *phrase(struct cli *c, const char *text, size_t n)
{
	struct str s CLEANUP(str_free) = { 0 };

	for (; *text; text++) {
		if (text[0] == '%' && text[1] == 's')
			str_add(&s, c->args.n ? c->args.v[0] : "");
		else if (text[0] == '%' && text[1] == 'n')
			str_addf(&s, "%zu", n);
		else
			str_addc(&s, *text);
		text += text[0] == '%' && (text[1] == 's' || text[1] == 'n');
	}
	return arena_strdup(c->a, str_get(&s));
}

bool cli_agreed(struct cli *c)
{
	return !c->cmd->confirm || cli_flag(c, c->cmd->unless ? c->cmd->unless : "force") ||
	       ui_confirm(phrase(c, c->cmd->confirm, 0));
}

int cli_follow(struct cli *c, const json *result, struct err *e)
{
	struct jobs *jobs = jobs_new(c, true);
	struct job_result *results;
	size_t n, bad = 0;

	jobs_add_ids(jobs, json_get(result, "jobs"));
	TRY(jobs_wait(jobs, &results, &n, e));
	for (size_t i = 0; i < n; i++)
		bad += !results[i].ok;
	if (bad || *c->cmd->done)
		cli_out("%s", phrase(c, bad ? c->cmd->failed : c->cmd->done, bad));
	return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void op_from_args(struct cli *c, json *op)
{
	size_t used = 0;

	for (const struct arg_row *r = c->cmd->args; r->kind != ARG_END; r++) {
		if (r->max == 1) {
			if (used < c->args.n)
				op_set(op, r->param, json_new_str(c->args.v[used++]));
			continue;
		}
		for (op_set(op, r->param, json_new_array()); used < c->args.n; used++)
			json_append(json_get(op, r->param), json_new_str(c->args.v[used]));
	}
}

int cli_run_op(struct cli *c, struct err *e)
{
	json *op = op_new(c, c->cmd->op), *result = NULL;

	if (c->cmd->need && !cli_opt(c, c->cmd->need))
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "%s", c->cmd->need_text);
	if (!cli_agreed(c))
		return EXIT_FAILURE;
	op_from_opts(c, op);
	op_from_args(c, op);
	TRY(cli_submit(c, op, &result, e));
	return c->cmd->done ? cli_follow(c, result, e) : EXIT_SUCCESS;
}
