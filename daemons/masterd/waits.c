/* Why a job waits: for people, who would otherwise read it together from lists of locks, filters and jobs. */
#include "daemons/masterd/masterd.h"

#include <inttypes.h>
#include <string.h>

static const char *filtered(struct mjob *j, struct arena *a)
{
	struct master *m = j->m;
	const char *rule = NULL, *bucket;
	int64_t limit = 0;

	switch (filters_apply(m->set.filters, j->job, &rule, &limit)) {
	case FILTER_PAUSE:
		return arena_printf(a, "filter rule %s pauses it", rule);
	case FILTER_LIMIT:
		if (jobs_under(m, rule) >= limit)
			return arena_printf(a, "filter rule %s lets %" PRId64 " such jobs run at a time", rule, limit);
		break;
	case FILTER_REJECT:
	case FILTER_ACCEPT:
		break;
	}
	bucket = jobs_bucket_full(j, a);
	return bucket ? arena_printf(a, "as many jobs run as their reason '%s' allows", bucket) : NULL;
}

/* One that was not started; the first reason that the schedule would find. */
static const char *queued(struct mjob *j, struct arena *a)
{
	struct master *m = j->m;
	const char *why = NULL;

	if (m->stopping)
		return "the master daemon is about to end";
	why = filtered(j, a);
	if (why)
		return why;
	if (job_ready(a, j->job, jobs_status, m, &why) == DEP_WAIT)
		return why;
	if ((int64_t)m->running >= m->set.max_running)
		return arena_printf(a, "%zu jobs run, which is as many as may (max_running_jobs)", m->running);
	return NULL;
}

static void add(json *out, struct mjob *j)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *lock = locks_why(j->m->locks, j->job->id);
	const char *text = NULL;

	if (!lock && !j->worker && job_status_of(j->job) == job_status_queued)
		text = queued(j, a);
	if (lock || text)
		json_set(out, arena_printf(a, "%" PRId64, j->job->id),
			 lock ? json_pack("{s:o}", "lock", lock) : json_pack("{s:s}", "text", text));
}

/* Jobs that a filter "id is one of these" names: true, and added; false: it says something else. */
static bool named(struct master *m, const json *filter, json *out)
{
	const char *op = json_str(json_at(filter, 0));
	struct mjob *j;
	int64_t id;

	if (str_eq(op, "|")) {
		for (size_t i = 1; i < json_len(filter); i++)
			if (!named(m, json_at(filter, i), out))
				return false;
		return true;
	}
	if (!op || (strcmp(op, "=") != 0 && strcmp(op, "==") != 0) || !str_eq(json_str(json_at(filter, 1)), "id") ||
	    request_job_id(json_at(filter, 2), &id, NULL) < 0)
		return false;
	j = jobs_find(m, id);
	if (j)
		add(out, j);
	return true;
}

json *waits_of(struct master *m, const json *filter)
{
	json *out = json_new_dict();
	struct mjob *j;

	if (named(m, filter, out))
		return out;
	for (size_t pos = 0; map_next(m->jobs, &pos, NULL, (void **)&j);)
		add(out, j);
	return out;
}
