/* The processes that run jobs, as rows; written in the same transaction as the progress of their jobs. */
#include "src/queue/priv.h"

int queue_run_save(struct db *d, int64_t job, const struct job_run *r, const char *held,
		   struct err *e)
{
	char *answer CLEANUP(freep) = r->answer ? json_dump(r->answer) : NULL;

	return db_exec(d, e,
		       "INSERT OR REPLACE INTO job_run(job, nonce, place, pid, started, call, answer,"
		       " held) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
		       "IssIIIss", job, r->nonce, r->place, r->pid, r->started, r->call, answer,
		       held);
}

int queue_run_load(struct db *d, struct arena *a, int64_t job, struct job_run **ret, struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	struct job_run *r;
	int rc;

	if (db_query(d, &s, e,
		     "SELECT nonce, place, pid, started, call, answer, held FROM job_run"
		     " WHERE job = ?",
		     "I", job) < 0)
		return -1;
	rc = db_step(s, e);
	if (rc < 0)
		return -1;
	*ret = NULL;
	if (rc == 0)
		return 0;
	r = ARENA_NEW(a, struct job_run);
	r->nonce = arena_strdup(a, db_text(s, 0));
	r->place = arena_strdup(a, db_text(s, 1));
	r->pid = db_int(s, 2);
	r->started = db_int(s, 3);
	r->call = db_int(s, 4);
	if (queue_column(a, s, 5, &r->answer, e) < 0 || queue_column(a, s, 6, &r->held, e) < 0)
		return -1;
	*ret = r;
	return 0;
}

int queue_run_remove(struct db *d, int64_t job, struct err *e)
{
	return db_exec(d, e, "DELETE FROM job_run WHERE job = ?", "I", job);
}

int queue_runs_tidy(struct db *d, struct err *e)
{
	return db_exec(d, e,
		       "DELETE FROM job_run WHERE NOT EXISTS (SELECT 1 FROM job"
		       " WHERE id = job_run.job AND archived = 0 AND status < ?)",
		       "i", (int)job_status_canceled);
}
