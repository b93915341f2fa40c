/* Which job may start, and which one first. Pure. */
#include "src/queue/queue.h"

#include "lib/base/parse.h"

#include <inttypes.h>
#include <stdlib.h>

static int compare(const void *x, const void *y)
{
	const struct sched_job *a = x, *b = y;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

void sched_order(struct sched_job *v, size_t n)
{
	if (n)
		qsort(v, n, sizeof(*v), compare);
}

static int64_t job_id_of(const json *j)
{
	int64_t id = 0;

	if (json_str(j))
		return parse_int(json_str(j), &id) < 0 ? 0 : id;
	return json_int(j, 0);
}

/* Upstream: _JobDependencyManager.CheckAndRegister. */
static enum dep_state one_dependency(struct arena *a, int64_t self, const json *dep,
				     int (*status_of)(int64_t id, void *arg), void *arg,
				     const char **ret_why)
{
	int64_t id = job_id_of(json_at(dep, 0));
	struct strs wanted = json_strs(a, json_at(dep, 1));
	int status;
	const char *name;

	if (id == self) {
		*ret_why = "Job can't depend on itself";
		return DEP_FAILED;
	}
	status = status_of(id, arg);
	if (status < 0) {
		*ret_why = arena_printf(a, "Dependency job %" PRId64 " not found", id);
		return DEP_FAILED;
	}
	name = enum_name(&enum_job_status, status);
	if (!job_final((enum job_status)status)) {
		*ret_why = arena_printf(a, "Need to wait for job %" PRId64 ", wanted status '%s'",
					id, strs_join(a, &wanted, ", "));
		return DEP_WAIT;
	}
	if (!wanted.n || strs_has(&wanted, name))
		return DEP_READY;
	if (status == job_status_canceled) {
		*ret_why = arena_printf(a, "Dependency job %" PRId64 " was cancelled", id);
		return DEP_CANCELED;
	}
	*ret_why = arena_printf(a,
				"Dependency job %" PRId64
				" finished with status '%s', not one of '%s' as required",
				id, name, strs_join(a, &wanted, ", "));
	return DEP_FAILED;
}

enum dep_state job_dependencies(struct arena *a, int64_t self, const json *depends,
				int (*status_of)(int64_t id, void *arg), void *arg,
				const char **ret_why)
{
	enum dep_state first = DEP_READY;

	json_items (depends, i, dep) {
		const char *why = NULL;
		enum dep_state s = one_dependency(a, self, dep, status_of, arg, &why);

		if (s == DEP_READY || (first != DEP_READY && s != DEP_WAIT))
			continue;
		*ret_why = why;
		if (s == DEP_WAIT)
			return s;
		first = s;
	}
	return first;
}

enum dep_state job_ready(struct arena *a, const struct job *j,
			 int (*status_of)(int64_t id, void *arg), void *arg, const char **ret_why)
{
	enum dep_state first = DEP_READY;
	const char *first_why = NULL;
	bool looked = false;

	for (size_t i = 0; i < j->n; i++) {
		enum dep_state s;

		if (job_final(j->ops[i].status))
			continue;
		s = job_dependencies(a, j->id, json_get(j->ops[i].input, "depends"), status_of, arg,
				     ret_why);
		if (s == DEP_WAIT)
			return s;
		if (!looked) {
			first = s;
			first_why = *ret_why;
			looked = true;
		}
	}
	*ret_why = first_why;
	return first;
}
