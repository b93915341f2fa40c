/* Sessions of clients: a request is parsed, typed and handed to what answers it. */
#include "daemons/masterd/masterd.h"

#include "lib/base/log.h"

#include <errno.h>
#include <string.h>

#define MAX_CONNECTIONS 1024

void luxi_ok(struct luxi_conn *c, json *result)
{
	luxi_reply(c, json_pack("{s:b, s:o}", "success", 1, "result", result));
}

void luxi_fail(struct luxi_conn *c, const struct err *e)
{
	luxi_reply(c, json_pack("{s:b, s:o}", "success", 0, "result",
				e->cls ? err_to_json(e) : json_new_str(err_msg(e))));
}

static void not_parsed(struct luxi_conn *c, struct err *e)
{
	err_prefix(e, "Failed to parse request");
	luxi_fail(c, e);
}

struct answer {
	struct luxi_conn *c; /* NULL: answered */
	json *result;
};

static void not_stored(struct answer *w, const char *what, const struct err *why)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	err_set(&e, JobQueueError, NULL, "%s: %s", what, err_msg(why));
	luxi_fail(w->c, &e);
	json_put(STEAL(w->result));
	w->c = NULL;
}

static void answer(struct master *m, const struct err *failed, void *arg)
{
	struct answer *w = arg;

	(void)m;
	if (w->c && failed)
		not_stored(w, "Can't store the change", failed);
	else if (w->c)
		luxi_ok(w->c, w->result);
	free(w);
}

static void answer_late(struct master *m, const struct err *why, void *arg)
{
	struct answer *w = arg;

	(void)m;
	if (w->c)
		not_stored(w, "The change is stored on too few master candidates so far", why);
}

void luxi_ok_after(struct master *m, struct luxi_conn *c, json *result)
{
	struct answer *w = xcalloc(1, sizeof(*w));

	*w = (struct answer){ c, result };
	turn_after_late(m, answer, answer_late, w);
}

/* --- the methods that are not queries --- */
struct call {
	struct master *m;
	struct luxi_conn *c;
	const void *args; /* struct luxi_x */
	json *raw;        /* the same as sent */
	enum luxi method;
};

static bool job_id(const struct call *k, const json *j, int64_t *ret)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (request_job_id(j, ret, &e) == 0)
		return true;
	if (k->method == LUXI_WaitForJobChange)
		err_prefix(&e, "Parsing WaitForJobChange message");
	else
		request_bad_args(a, k->raw, &e);
	not_parsed(k->c, &e);
	return false;
}

static void do_SubmitJob(const struct call *k)
{
	const struct luxi_SubmitJob *r = k->args;

	submit_job(k->m, k->c, r->ops, LUXI_SubmitJob);
}

static void do_SubmitJobToDrainedQueue(const struct call *k)
{
	const struct luxi_SubmitJobToDrainedQueue *r = k->args;

	submit_job(k->m, k->c, r->ops, LUXI_SubmitJobToDrainedQueue);
}

static void do_SubmitManyJobs(const struct call *k)
{
	const struct luxi_SubmitManyJobs *r = k->args;

	submit_many(k->m, k->c, r->jobs);
}

static void do_WaitForJobChange(const struct call *k)
{
	const struct luxi_WaitForJobChange *r = k->args;
	int64_t id;

	if (job_id(k, r->job, &id))
		watch_change(k->m, k->c, id, r);
}

static void do_CancelJob(const struct call *k)
{
	const struct luxi_CancelJob *r = k->args;
	int64_t id;

	if (job_id(k, r->job, &id))
		manage_cancel(k->m, k->c, id, r->kill);
}

static void do_ArchiveJob(const struct call *k)
{
	const struct luxi_ArchiveJob *r = k->args;
	int64_t id;

	if (job_id(k, r->job, &id))
		manage_archive(k->m, k->c, id);
}

static void do_AutoArchiveJobs(const struct call *k)
{
	const struct luxi_AutoArchiveJobs *r = k->args;

	manage_autoarchive(k->m, k->c, r->age, r->tmout);
}

static void do_ChangeJobPriority(const struct call *k)
{
	const struct luxi_ChangeJobPriority *r = k->args;
	int64_t id;

	if (job_id(k, r->job, &id))
		manage_priority(k->m, k->c, id, r->priority);
}

static void do_SetDrainFlag(const struct call *k)
{
	const struct luxi_SetDrainFlag *r = k->args;

	manage_drain(k->m, k->c, r->flag);
}

static void do_SetWatcherPause(const struct call *k)
{
	const struct luxi_SetWatcherPause *r = k->args;

	manage_watcher_pause(k->m, k->c, r->until, k->raw);
}

static void do_ReplaceFilter(const struct call *k)
{
	manage_filter_replace(k->m, k->c, k->args, k->raw);
}

static void do_DeleteFilter(const struct call *k)
{
	const struct luxi_DeleteFilter *r = k->args;

	manage_filter_delete(k->m, k->c, r->uuid);
}

static void do_PickupJob(const struct call *k)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	err_set(&e, GenericError, NULL, "Luxi call '%s' is for internal use only",
		luxi_name(LUXI_PickupJob));
	luxi_fail(k->c, &e);
}

/* those without an entry are queries */
static void (*const handlers[LUXI_COUNT])(const struct call *k) = {
	[LUXI_SubmitJob] = do_SubmitJob,
	[LUXI_SubmitJobToDrainedQueue] = do_SubmitJobToDrainedQueue,
	[LUXI_SubmitManyJobs] = do_SubmitManyJobs,
	[LUXI_WaitForJobChange] = do_WaitForJobChange,
	[LUXI_CancelJob] = do_CancelJob,
	[LUXI_ArchiveJob] = do_ArchiveJob,
	[LUXI_AutoArchiveJobs] = do_AutoArchiveJobs,
	[LUXI_ChangeJobPriority] = do_ChangeJobPriority,
	[LUXI_SetDrainFlag] = do_SetDrainFlag,
	[LUXI_SetWatcherPause] = do_SetWatcherPause,
	[LUXI_ReplaceFilter] = do_ReplaceFilter,
	[LUXI_DeleteFilter] = do_DeleteFilter,
	[LUXI_PickupJob] = do_PickupJob,
};

static void on_request(struct luxi_conn *c, const char *text, size_t n, void *arg)
{
	struct master *m = arg;
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *own CLEANUP(json_putp) = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	enum luxi method;
	json *args;
	void *typed;

	m->count.requests++;
	turn_heard(m, true);
	if (request_parse(text, n, &method, &args, &own, &e) < 0) {
		not_parsed(c, &e);
		return;
	}
	log_debug("Request %s from user %d", luxi_name(method), (int)luxi_peer_uid(c));
	if (request_args(a, method, args, &typed, &e) < 0)
		not_parsed(c, &e);
	else if (handlers[method])
		handlers[method](&(struct call){ m, c, typed, args, method });
	else
		queries_send(m, c, method, args);
}

static int start_one(struct master *m, enum path path, struct luxi_server **ret, struct err *e)
{
	gid_t gid = (gid_t)-1;
	int fd;

	if (env_group(GROUP_DAEMONS) && group_id(env_group(GROUP_DAEMONS), &gid) < 0)
		gid = (gid_t)-1;
	fd = unix_listen(path_of(path), LUXI_SOCKET_MODE, (uid_t)-1, gid);
	if (fd == -EPERM) /* not a member of that group (a virtual cluster) */
		fd = unix_listen(path_of(path), LUXI_SOCKET_MODE, (uid_t)-1, (gid_t)-1);
	if (fd < 0)
		return err_sys(e, fd, "Can't listen on %s", path_of(path));
	*ret = luxi_server_new(m->ev, fd, MAX_CONNECTIONS, on_request, m);
	return 0;
}

int luxi_start(struct master *m, struct err *e)
{
	if (start_one(m, PATH_QUERY_SOCKET, &m->luxi, e) < 0)
		return -1;
	return start_one(m, PATH_MASTER_SOCKET, &m->legacy, e);
}
