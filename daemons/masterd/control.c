/*
 * The control socket, for the administrator only: luxi framing, {"method": x, "args": []}.
 * level [name]: show or set the log level. stats: counters. locks: who holds and wants what. workers: [job, pid,
 * has it come back to this master?] of jobs that have one.
 * faults: the fault points; fault [name, action]: arm one (lib/base/fault.h).
 * verify: configuration and database are read again, here and by the candidates, as every day.
 * replicas: which candidates have what; late [seconds]: when those who wait for other candidates are told.
 */
#include "daemons/masterd/masterd.h"

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"

#define MAX_CONNECTIONS 8

static const char *const levels[] = {
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_ERROR] = "error",
};

static void do_level(struct luxi_conn *c, const json *args)
{
	const char *name = json_str(json_at(args, 0));
	struct err e CLEANUP(err_clear) = ERR_NONE;

	for (size_t i = 0; name && i < ARRAY_SIZE(levels); i++)
		if (str_eq(name, levels[i])) {
			log_set_level((enum log_level)i);
			name = NULL;
		}
	if (!name) {
		luxi_ok(c, json_new_str(levels[log_get_level()]));
		return;
	}
	err_plain(&e, "There is no log level '%s'", name);
	luxi_fail(c, &e);
}

static void do_late(struct master *m, struct luxi_conn *c, const json *args)
{
	double seconds = json_float(json_at(args, 0), -1);

	if (seconds >= 0)
		m->late_after = seconds;
	luxi_ok(c, json_new_float(m->late_after));
}

static json *stats(struct master *m)
{
	return json_pack("{s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "uptime",
			 clock_mono() - m->started, "requests", (int64_t)m->count.requests,
			 "queries", (int64_t)m->count.queries, "jobs_submitted",
			 (int64_t)m->count.jobs, "jobs_live", (int64_t)m->pending,
			 "jobs_loaded", (int64_t)map_count(m->jobs),
			 "jobs_running", (int64_t)m->running, "turns", (int64_t)m->count.turns,
			 "config_commits", (int64_t)m->count.commits, "failed_turns",
			 (int64_t)m->count.failed_turns, "jobs_considered", (int64_t)m->count.looks);
}

static json *faults(void)
{
	json *out = json_new_array();

	for (int i = 0; i < FAULTS; i++) {
		struct fault_info f;

		fault_info((enum fault)i, &f);
		json_append(out, json_pack("{s:s, s:s, s:b, s:s, s:I, s:s}", "name", f.name,
					   "programs", f.programs, "can_fail", (int)f.can_fail, "doc",
					   f.doc, "hits", (int64_t)f.hits, "action", f.action));
	}
	return out;
}

static void do_fault(struct luxi_conn *c, const json *args)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (!fault_enabled())
		err_plain(&e, "Fault points are not compiled in (configure --enable-fault)");
	else if (fault_arm(json_str(json_at(args, 0)), json_str(json_at(args, 1)), &e) == 0) {
		luxi_ok(c, json_new_bool(true));
		return;
	}
	luxi_fail(c, &e);
}

static json *workers(struct master *m)
{
	json *out = json_new_array();
	const struct mjob *j;

	for (size_t pos = 0; map_next(m->jobs, &pos, NULL, (void **)&j);)
		if (j->worker)
			json_append(out, json_pack("[I, I, b]", j->job->id,
						   (int64_t)pool_pid(j->worker), (int)!j->away));
	return out;
}

static void on_request(struct luxi_conn *c, const char *text, size_t n, void *arg)
{
	struct master *m = arg;
	json *j CLEANUP(json_putp) = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const char *method;

	if (json_parse(text, n, &j, &e) < 0) {
		luxi_fail(c, &e);
		return;
	}
	method = json_get_str(j, "method");
	if (str_eq(method, "level")) {
		do_level(c, json_get(j, "args"));
	} else if (str_eq(method, "stats")) {
		luxi_ok(c, stats(m));
	} else if (str_eq(method, "locks")) {
		luxi_ok(c, locks_dump(m->locks));
	} else if (str_eq(method, "workers")) {
		luxi_ok(c, workers(m));
	} else if (str_eq(method, "replicas")) {
		luxi_ok(c, replicas_dump(m));
	} else if (str_eq(method, "verify")) {
		queries_verify(m);
		replicas_verify(m);
		luxi_ok(c, json_new_bool(true));
	} else if (str_eq(method, "late")) {
		do_late(m, c, json_get(j, "args"));
	} else if (str_eq(method, "faults") && fault_enabled()) {
		luxi_ok(c, faults());
	} else if (str_eq(method, "fault")) {
		do_fault(c, json_get(j, "args"));
	} else {
		err_plain(&e, "Methods: level, stats, locks, workers, replicas, late, verify%s",
			  fault_enabled() ? ", faults, fault" : "");
		luxi_fail(c, &e);
	}
}

int control_start(struct master *m, struct err *e)
{
	int fd = unix_listen(path_of(PATH_MASTERD_CONTROL), 0600, (uid_t)-1, (gid_t)-1);

	if (fd < 0)
		return err_sys(e, fd, "Can't listen on %s", path_of(PATH_MASTERD_CONTROL));
	m->control = luxi_server_new(m->ev, fd, MAX_CONNECTIONS, on_request, m);
	return 0;
}
