/*
 * Sets of jobs, one after the other (upstream: Ganeti.Jobs). SIGINT: no more sets after this one. SIGTERM: out at
 * once, with exit code 2; what was submitted goes on.
 */
#include "htools/io/io.h"

#include "lib/base/clock.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t cancelled;

static void say(const char *text)
{
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		return; /* nobody listens any more */
}

static void on_int(int signum)
{
	(void)signum;
	cancelled = 1;
	say("Cancel request registered, will exit at the end of the current job set...\n");
}

static void on_term(int signum)
{
	(void)signum;
	say("Double cancel request, exiting now...\n");
	_exit(2);
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_int, .sa_flags = SA_RESTART };

	cancelled = 0;
	sigaction(SIGINT, &sa, NULL);
	sa.sa_handler = on_term;
	sigaction(SIGTERM, &sa, NULL);
}

/* --- opcodes --- */

static json *annotated(const json *op, const struct ht_exec *x)
{
	json *o = json_clone(op);
	int64_t now = (int64_t)(clock_real() * 1e6) * 1000;

	json_set(o, "priority", json_new_int(x->priority));
	json_set(o, "depends", NULL);
	if (x->comment)
		json_set(o, "comment", json_new_str(x->comment));
	json_set(o, "reason", json_pack("[[s,s,I]]", x->source, x->reason, now));
	return o;
}

static json *annotated_jobs(const json *jobs, const struct ht_exec *x)
{
	json *all = json_new_array();

	json_items(jobs, i, job) {
		json *ops = json_new_array();

		json_items(job, k, op)
			json_append(ops, annotated(op, x));
		json_append(all, ops);
	}
	return all;
}

/* --- jobs --- */

int ht_submit(struct luxi_client *l, const struct ht_exec *x, const json *jobs, struct arena *a, struct ht_jobs *ret, struct err *e)
{
	json *answer CLEANUP(json_putp) = NULL;
	json *args = json_append(json_new_array(), annotated_jobs(jobs, x));

	if (luxi_call(l, LUXI_SubmitManyJobs, args, &answer, e) < 0)
		return err_prefix(e, "Job submission error");
	ret->n = json_len(answer);
	ret->ids = ARENA_ARRAY(a, int64_t, ret->n + 1);
	ret->status = ARENA_ARRAY(a, int, ret->n + 1);
	json_items(answer, i, one) {
		if (!json_boolean(json_at(one, 0), false))
			return err_plain(e, "Job submission error: %s",
					 json_str(json_at(one, 1)) ? json_str(json_at(one, 1)) : "invalid answer");
		ret->ids[i] = json_int(json_at(one, 1), 0);
	}
	return ret->n == json_len(jobs) ? 0 : err_plain(e, "Job submission error: invalid answer");
}

int ht_jobs_status(struct luxi_client *l, struct ht_jobs *j, struct err *e)
{
	json *answer CLEANUP(json_putp) = NULL, *ids = json_new_array();

	for (size_t i = 0; i < j->n; i++)
		json_append(ids, json_new_int(j->ids[i]));
	if (luxi_call(l, LUXI_QueryJobs, json_pack("[o,[s]]", ids, "status"), &answer, e) < 0)
		return -1;
	for (size_t i = 0; i < j->n; i++) {
		const char *text = json_str(json_at(json_at(answer, i), 0));

		if (!text)
			return err_set(e, JobLost, NULL, "Job with id %" PRId64 " lost", j->ids[i]);
		j->status[i] = enum_value(&enum_job_status, text);
		if (j->status[i] < 0)
			return err_plain(e, "Invalid job status '%s'", text);
	}
	return 0;
}

bool ht_jobs_busy(const struct ht_jobs *j)
{
	for (size_t i = 0; i < j->n; i++)
		if (j->status[i] <= (int)job_status_running)
			return true;
	return false;
}

int ht_jobs_wait(struct luxi_client *l, struct ht_jobs *j, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;

	/* how a job ended is asked for below; here only its end counts */
	for (size_t i = 0; i < j->n; i++)
		job_wait(l, j->ids[i], NULL, NULL, NULL, NULL, &why);
	if (ht_jobs_status(l, j, e) < 0)
		return err_prefix(e, "Checking job status");
	if (ht_jobs_busy(j)) /* the master does not tell us any more */
		return err_plain(e, "Checking job status: %s", err_msg(&why));
	return 0;
}

int ht_run_jobs(struct luxi_client *l, const struct ht_exec *x, const json *jobs, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct str s CLEANUP(str_free) = { 0 };
	struct ht_jobs j;

	if (ht_submit(l, x, jobs, a, &j, e) < 0 || ht_jobs_wait(l, &j, e) < 0)
		return -1;
	for (size_t i = 0; i < j.n; i++)
		if (j.status[i] != (int)job_status_success)
			str_addf(&s, "%s%" PRId64 "=>%s", s.len ? ", " : "", j.ids[i], enum_name(&enum_job_status, j.status[i]));
	return s.len ? err_plain(e, "The following jobs failed: %s", str_get(&s)) : 0;
}

/* --- sets of jobs --- */

static void show_ids(const struct ht_jobs *j)
{
	struct str s CLEANUP(str_free) = { 0 };

	for (size_t i = 0; i < j->n; i++)
		str_addf(&s, "%s%" PRId64, i ? "," : "", j->ids[i]);
	printf("Got job IDs %s\n", str_get(&s));
	fflush(stdout);
}

/* As Haskell shows [(JobId, JobStatus)] of those that did not succeed. */
static int failures(const struct ht_jobs *j, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct str s CLEANUP(str_free) = { 0 };

	for (size_t i = 0; i < j->n; i++)
		if (j->status[i] != (int)job_status_success)
			str_addf(&s, "%s(JobId {fromJobId = %" PRId64 "},JOB_STATUS_%s)", s.len ? "," : "", j->ids[i],
				 str_upper(a, enum_name(&enum_job_status, j->status[i])));
	return s.len ? err_plain(e, "Not all jobs completed successfully: [%s]\nAborting.\n", str_get(&s)) : 0;
}

static int run_set(const struct ht_exec *x, const struct ht_jobset *set, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct luxi_client *l CLEANUP(luxi_closep) = NULL;
	struct ht_jobs j;

	if (set->ready && set->ready(set->arg, e) < 0)
		return -1;
	printf("%s\n", set->descr);
	fflush(stdout);
	if (ht_luxi_open(x->socket, &l, e) < 0 || ht_submit(l, x, set->jobs, a, &j, e) < 0)
		return -1;
	show_ids(&j);
	return ht_jobs_wait(l, &j, e) < 0 ? -1 : failures(&j, e);
}

static void show_rest(const struct ht_jobset *sets, size_t n)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	printf("Exiting early due to user request, \n%zu jobset(s) not submitted:\n", n);
	for (size_t i = 0; i < n; i++)
		printf("%s: %s\n", sets[i].descr, json_dump_in(a, sets[i].jobs));
	fflush(stdout);
}

int ht_exec(const struct ht_exec *x, const struct ht_jobset *sets, size_t n, size_t *ret_done, struct err *e)
{
	size_t unused, *done = ret_done ? ret_done : &unused;

	catch_signals();
	for (*done = 0; *done < n; ++*done) {
		if (cancelled) {
			show_rest(&sets[*done], n - *done);
			return 0;
		}
		if (run_set(x, &sets[*done], e) < 0)
			return -1;
	}
	return 0;
}
