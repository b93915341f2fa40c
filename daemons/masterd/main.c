/* ganeti-masterd: holds configuration, locks and job queue. Start, signals, end. */
#include "daemons/masterd/masterd.h"

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "src/replica/replica.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define NAME "ganeti-masterd"
#define START_WAIT 10.0
#define FLUSH_WAIT 5.0 /* for the other candidates to get the last changes */
#define FILES_MAX 8192

#define EXIT_FAILED 1

/* Many clients may wait at once, each on a connection. */
static void raise_limits(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	if (r.rlim_cur < FILES_MAX) {
		r.rlim_cur = r.rlim_max < FILES_MAX ? r.rlim_max : FILES_MAX;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
}

/* --- end --- */
static void on_term(int signum, void *arg)
{
	struct master *m = arg;

	if (m->stopping)
		return;
	log_info("Signal %d%s: stopping, %zu jobs run%s", signum, m->open ? "" : " while starting", m->running,
		 m->running == 0 ? "" : m->end_jobs ? " and are ended" : " on");
	m->stopping = true;
	ev_stop(m->ev);
}

static void on_hup(int signum, void *arg)
{
	int r = log_reopen();

	(void)signum;
	(void)arg;
	if (r < 0)
		log_error("Can't reopen the log");
	log_info("Log reopened");
}

/* --- start --- */
static int open_config(struct master *m, struct err *e)
{
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;

	if (!fs_exists(path_of(PATH_CONFIG_DB)) && fs_exists(path_of(PATH_CONFIG_DB_DAMAGED)))
		return damage_explain("as an earlier master has found", e);
	if (!fs_exists(path_of(PATH_CONFIG_DB)) && fs_exists(path_of(PATH_CONFIG_FILE)))
		return err_plain(e, "There is %s, but no database yet: run cfgupgrade to make it",
				 path_of(PATH_CONFIG_FILE));
	if (config_open(path_of(PATH_CONFIG_DB), DB_WRITE, &m->config, e) < 0)
		return -1;
	m->db = config_db(m->config);
	/* first, as the rest may write */
	if (damage_check(m, e) < 0)
		return -1;
	if (db_migrate(m->db, "queue", queue_schema, queue_schema_n, e) < 0 || replica_init(m->db, e) < 0)
		return -1;
	return snapshot_open(m->config, &s, e);
}

static void loop_begin(struct master *m)
{
	m->ev = ev_new();
	ev_signal(m->ev, SIGTERM, on_term, m);
	ev_signal(m->ev, SIGINT, on_term, m);
	ev_signal(m->ev, SIGHUP, on_hup, m);
}

/* Of success, too, when it is told to end meanwhile: then nobody is let in. */
static int start(struct master *m, struct err *e)
{
	m->started = clock_mono();
	turn_init(m);
	m->locks = locks_new();
	m->res = reservations_new();
	if (mirror_init(m, e) < 0)
		return -1;
	queries_init(m);
	spread_init(m);
	if (replicas_init(m, e) < 0 || attach_init(m, e) < 0 || jobs_init(m, e) < 0)
		return -1;
	/* what was recovered is on disk, also of other candidates, before the first client asks */
	turn_finish(m);
	if (!replicas_flush(m, START_WAIT) && !m->stopping)
		log_warn("Not all of what an earlier master stored is on enough master candidates yet");
	FAULT(master_ready);
	if (m->stopping)
		return 0;
	m->open = true;
	if (attach_start(m, e) < 0)
		return -1;
	return luxi_start(m, e) < 0 ? -1 : control_start(m, e);
}

static void end(struct master *m)
{
	if (m->end_jobs)
		jobs_stop(m);
	turn_finish(m);
	/* a master that comes next may be one of the other candidates; nobody was told anything by one that was starting */
	if (m->open && m->exit_code == 0 && !replicas_flush(m, FLUSH_WAIT))
		log_warn("Not all master candidates have the last changes");
	turn_free(m);
	attach_free(m);
	luxi_server_free(m->luxi);
	luxi_server_free(m->legacy);
	luxi_server_free(m->control);
	unlink(path_of(PATH_QUERY_SOCKET));
	unlink(path_of(PATH_MASTER_SOCKET));
	unlink(path_of(PATH_MASTERD_CONTROL));
	if (!m->end_jobs)
		pool_let_go(m->job_pool);
	pool_free(m->job_pool);
	pool_free(m->query_pool);
	spread_free(m);
	replicas_free(m);
	jobs_free(m);
	locks_free(m->locks);
	reservations_free(m->res);
	ev_timer_free(m->mirror);
	mirror_free();
	ev_timer_free(m->verify);
	config_close(m->config);
	if (m->damaged)
		damage_move_away();
	ev_free(m->ev);
	log_info("Ended");
}

int main(int argc, char **argv)
{
	struct daemon_opts d = { .name = NAME,
				 .pidfile = path_of(PATH_MASTERD_PID),
				 .logfile = path_of(PATH_MASTERD_LOG),
				 .user = env_user(USER_MASTERD),
				 .group = env_group(USER_MASTERD) };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct master m = { 0 };
	json *o;
	int code = env_daemon_options(NAME, argc, argv, a, &o);

	if (code >= 0)
		return code;
	env_daemon_opts(o, &d);
	code = EXIT_FAILED;
	m.no_voting = json_get_bool(o, "no_voting", false);
	if (m.no_voting && !json_get_bool(o, "yes_do_it", false)) {
		fprintf(stderr, "The no-voting option is dangerous and cannot be given without providing"
				" yes-do-it as well.\n");
		return code;
	}
	if (ssconf_check_master(&code, &e) < 0) {
		fprintf(stderr, "%s\n", err_msg(&e));
		return code;
	}
	if (daemon_start(&d, &e) < 0) {
		fprintf(stderr, NAME ": %s\n", err_msg(&e));
		return EXIT_FAILED;
	}
	loop_begin(&m);
	raise_limits();
	mem_return_large();
	/* the database's side files have to belong to the user that goes on using them */
	if (geteuid() == 0 && privs_drop(d.user, d.group, &e) < 0)
		daemon_failed(EXIT_FAILED, err_msg(&e));
	if (open_config(&m, &e) < 0) {
		const char *why = db_found_damage();

		config_close(m.config);
		if (why) {
			err_clear(&e);
			damage_explain(why, &e);
			damage_move_away();
		}
		daemon_failed(EXIT_CONFIG, err_msg(&e));
	}
	if (vote(&m, &code, &e) < 0 && !m.stopping)
		daemon_failed(code, err_msg(&e));
	if (m.stopping) {
		config_close(m.config);
		ev_free(m.ev);
		daemon_ready();
		log_info("Ended");
		return 0;
	}
	if (start(&m, &e) < 0)
		daemon_failed(EXIT_FAILED, err_msg(&e));
	if (!m.open) {
		end(&m);
		if (m.exit_code != 0)
			daemon_failed(m.exit_code, "It can't be the master, as its log says");
		daemon_ready();
		return 0;
	}
	daemon_ready();
	log_info(NAME " " RELEASE_VERSION " is ready");
	if (!m.stopping)
		ev_run(m.ev);
	end(&m);
	return m.exit_code;
}
