/* Several jobs submitted at once and waited for (upstream: JobExecutor). */
#include "cli/common/common.h"

#include <string.h>

#define CHOOSE_BATCH 25 /* jobs looked at when choosing which to wait for */

struct job {
	const char *name;
	json *ops;     /* until submitted */
	bool ok, done; /* submitted; waited for or given up */
	int64_t id;
	const char *error;
	struct job_result result;
};
struct jobs {
	struct cli *c;
	struct job *v;
	size_t n, cap;
	bool verbose, submitted;
};

static void release(void *p)
{
	struct jobs *j = p;

	free(j->v);
}

struct jobs *jobs_new(struct cli *c, bool verbose)
{
	struct jobs *j = ARENA_NEW(c->a, struct jobs);

	j->c = c;
	j->verbose = verbose;
	arena_defer(c->a, release, j);
	return j;
}

static struct job *add(struct jobs *j)
{
	GROW(j->v, j->n, j->cap);
	j->v[j->n] = (struct job){ 0 };
	return &j->v[j->n++];
}

void jobs_queue(struct jobs *j, const char *name, json *ops)
{
	struct job *job = add(j);

	job->name = arena_strdup(j->c->a, name);
	job->ops = json_own(j->c->a, ops);
	json_items(ops, i, op)
		op_generic(j->c, op);
}

static void take_answer(struct jobs *j, struct job *job, const json *answer)
{
	struct str s CLEANUP(str_free) = { 0 };

	job->ok = json_boolean(json_at(answer, 0), false);
	if (job->ok) {
		job->id = json_int(json_at(answer, 1), 0);
	} else {
		ui_text(&s, json_at(answer, 1));
		job->error = arena_strdup(j->c->a, str_get(&s));
	}
}

void jobs_add_ids(struct jobs *j, const json *ids)
{
	json_items(ids, i, answer)
		take_answer(j, add(j), answer);
	j->submitted = true;
}

int jobs_submit(struct jobs *j, bool each, struct err *e)
{
	json *all, *answers;

	j->submitted = true;
	for (size_t i = 0; each && i < j->n; i++) {
		json *id;

		TRY(cli_call(j->c, LUXI_SubmitJob, json_pack("[O]", j->v[i].ops), &id, e));
		j->v[i].ok = true;
		j->v[i].id = json_int(id, 0);
	}
	if (each)
		return 0;
	all = json_new_array();
	for (size_t i = 0; i < j->n; i++)
		json_append(all, json_ref(j->v[i].ops));
	TRY(cli_call(j->c, LUXI_SubmitManyJobs, json_pack("[o]", all), &answers, e));
	if (json_len(answers) != j->n)
		return err_set(e, ProtocolError, NULL, "%zu jobs submitted, %zu answers", j->n,
			       json_len(answers));
	for (size_t i = 0; i < j->n; i++)
		take_answer(j, &j->v[i], json_at(answers, i));
	return 0;
}

/* The first job that is running or over; when all still wait, simply the first. */
static int choose(struct jobs *j, struct job **ret, struct err *e)
{
	struct job *batch[CHOOSE_BATCH];
	json *ids = json_new_array(), *rows;
	size_t n = 0;

	*ret = NULL;
	for (size_t i = 0; i < j->n && n < CHOOSE_BATCH; i++) {
		if (j->v[i].done)
			continue;
		json_append(ids, json_new_int(j->v[i].id));
		batch[n++] = &j->v[i];
	}
	if (n <= 1) {
		json_put(ids);
		*ret = n ? batch[0] : NULL;
		return 0;
	}
	TRY(cli_call(j->c, LUXI_QueryJobs, json_pack("[o, [s]]", ids, "status"), &rows, e));
	for (size_t i = 0; i < n && !*ret; i++) {
		const char *status = json_str(json_at(json_at(rows, i), 0));

		if (!str_eq(status, "queued") && !str_eq(status, "waiting") &&
		    !str_eq(status, "canceling"))
			*ret = batch[i];
	}
	if (!*ret)
		*ret = batch[0];
	return 0;
}

static const char *for_name(struct jobs *j, const struct job *job)
{
	return job->name ? arena_printf(j->c->a, " for %s", job->name) : "";
}

static void wait_one(struct jobs *j, struct job *job)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct str s CLEANUP(str_free) = { 0 };
	json *results = NULL;

	job->done = true;
	cli_out("Waiting for job %lld%s ...", (long long)job->id, for_name(j, job));
	if (cli_wait(j->c, job->id, false, &results, &e) == 0) {
		job->result = (struct job_result){ .ok = true, .results = results };
		return;
	}
	cli_format_error(&e, &s);
	job->result.error = arena_strdup(j->c->a, str_get(&s));
	if (err_is(&e, JobLost))
		cli_warn("Job %lld%s has been archived, cannot check its result",
			 (long long)job->id, for_name(j, job));
	else
		cli_warn("Job %lld%s has failed: %s", (long long)job->id, for_name(j, job),
			 job->result.error);
}

static void say_submitted(struct jobs *j)
{
	struct strs ids = { 0 };

	for (size_t i = 0; i < j->n; i++)
		if (j->v[i].ok)
			strs_add(j->c->a, &ids,
				 arena_printf(j->c->a, "%lld", (long long)j->v[i].id));
	if (ids.n)
		cli_out("Submitted jobs %s", strs_join(j->c->a, &ids, ", "));
}

int jobs_wait(struct jobs *j, struct job_result **ret, size_t *ret_n, struct err *e)
{
	struct job *job;

	if (!j->submitted)
		TRY(jobs_submit(j, false, e));
	if (j->verbose)
		say_submitted(j);
	for (size_t i = 0; i < j->n; i++) {
		if (j->v[i].ok)
			continue;
		cli_warn("Failed to submit job%s: %s", for_name(j, &j->v[i]), j->v[i].error);
		j->v[i].result.error = j->v[i].error;
		j->v[i].done = true;
	}
	for (;;) {
		TRY(choose(j, &job, e));
		if (!job)
			break;
		wait_one(j, job);
	}
	*ret = ARENA_ARRAY(j->c->a, struct job_result, j->n);
	*ret_n = j->n;
	for (size_t i = 0; i < j->n; i++)
		(*ret)[i] = j->v[i].result;
	return 0;
}

int jobs_wait_or_show(struct jobs *j, bool wait, bool *ret_ok, struct err *e)
{
	struct job_result *results;
	size_t n;

	*ret_ok = true;
	if (wait) {
		TRY(jobs_wait(j, &results, &n, e));
		for (size_t i = 0; i < n; i++)
			*ret_ok = *ret_ok && results[i].ok;
		return 0;
	}
	if (!j->submitted)
		TRY(jobs_submit(j, false, e));
	for (size_t i = 0; i < j->n; i++) {
		struct job *job = &j->v[i];

		if (job->ok)
			cli_out("%lld: %s", (long long)job->id, job->name ? job->name : "");
		else
			cli_warn("Failure for %s: %s", job->name ? job->name : "", job->error);
		*ret_ok = *ret_ok && job->ok;
	}
	return 0;
}
