/* Waiting for a job. Upstream: lib/cli.py GenericPollJob. */
#include "src/client/client.h"

#include <inttypes.h>

struct poll {
	struct luxi_client *c;
	int64_t id, serial;
	json *prev; /* last seen field values */
	void (*report)(int64_t serial, double time, const char *type, const json *msg, void *arg);
	void (*status)(const char *status, void *arg);
	void *arg;
};

static bool is_final(const char *status)
{
	static const enum job_status final[] = { job_status_canceled, job_status_success,
						 job_status_error };

	for (size_t i = 0; i < ARRAY_SIZE(final); i++)
		if (str_eq(status, enum_name(&enum_job_status, final[i])))
			return true;
	return false;
}

static void show_log(struct poll *p, const json *entries)
{
	json_items (entries, i, entry) {
		int64_t serial = json_int(json_at(entry, 0), 0);
		json *at = json_at(entry, 1);
		double t = json_float(json_at(at, 0), 0) + json_float(json_at(at, 1), 0) / 1e6;

		if (p->report)
			p->report(serial, t, json_str(json_at(entry, 2)), json_at(entry, 3),
				  p->arg);
		if (serial > p->serial)
			p->serial = serial;
	}
}

/* One round; 1 = the job is final, 0 = go on. */
static int step(struct poll *p, struct err *e)
{
	json *answer CLEANUP(json_putp) = NULL;
	json *args = json_pack("[I, [s], O, I, i]", p->id, "status", p->prev, p->serial,
			       (int)LUXI_WFJC_TIMEOUT);
	const char *status;

	if (luxi_call(p->c, LUXI_WaitForJobChange, args, &answer, e) < 0)
		return -1;
	if (json_is(answer, JSON_STRING)) /* "nochange" of older masters */
		return 0;
	if (!json_at(answer, 0))
		return err_set(e, JobLost, NULL, "Job with id %" PRId64 " lost", p->id);
	json_put(p->prev);
	p->prev = json_ref(json_at(answer, 0));
	show_log(p, json_at(answer, 1));
	status = json_str(json_at(p->prev, 0));
	/* an answer that brought log entries may not have all of them, and says nothing about how long the status has
	 * lasted */
	if (json_len(json_at(answer, 1)))
		return 0;
	if (is_final(status))
		return 1;
	if (p->status && status)
		p->status(status, p->arg);
	return 0;
}

static int failure(const json *opstatus, const json *results, struct err *e)
{
	bool has_ok = false;

	json_items (opstatus, i, s) {
		json *msg = json_at(results, i);
		struct err why CLEANUP(err_clear) = ERR_NONE;

		if (str_eq(json_str(s), enum_name(&enum_job_status, job_status_success))) {
			has_ok = true;
		} else if (str_eq(json_str(s), enum_name(&enum_job_status, job_status_error))) {
			if (json_is(msg, JSON_ARRAY) && errclass_find(json_str(json_at(msg, 0))))
				return err_from_json(msg, e);
			err_from_json(msg, &why);
			if (has_ok)
				return err_set(e, ERR_EXEC, NULL,
					       "partial failure (opcode %zu): %s", i,
					       err_msg(&why));
			return err_set(e, ERR_EXEC, NULL, "%s", err_msg(&why));
		}
	}
	return err_set(e, ERR_EXEC, NULL, "Job failed");
}

static int outcome(struct poll *p, json **ret_results, struct err *e)
{
	json *rows CLEANUP(json_putp) = NULL, *row;
	const char *status;

	if (luxi_call(p->c, LUXI_QueryJobs,
		      json_pack("[[I], [s, s, s]]", p->id, "status", "opstatus", "opresult"), &rows,
		      e) < 0)
		return -1;
	row = json_at(rows, 0);
	status = json_str(json_at(row, 0));
	if (!status)
		return err_set(e, JobLost, NULL, "Job with id %" PRId64 " lost", p->id);
	if (str_eq(status, enum_name(&enum_job_status, job_status_success))) {
		if (ret_results)
			*ret_results = json_ref(json_at(row, 2));
		return 0;
	}
	if (!str_eq(status, enum_name(&enum_job_status, job_status_error)))
		return err_set(e, JobCanceled, NULL, "Job was canceled");
	return failure(json_at(row, 1), json_at(row, 2), e);
}

int job_wait(struct luxi_client *c, int64_t id,
	     void (*report)(int64_t serial, double time, const char *type, const json *msg,
			    void *arg),
	     void (*status)(const char *status, void *arg), void *arg, json **ret_results,
	     struct err *e)
{
	struct poll p = {
		.c = c, .id = id, .serial = -1, .report = report, .status = status, .arg = arg
	};
	int rc;

	while ((rc = step(&p, e)) == 0)
		;
	json_put(p.prev);
	return rc < 0 ? -1 : outcome(&p, ret_results, e);
}
