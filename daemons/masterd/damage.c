/*
 * The database is damaged, or is older than what other candidates have. Such a master ends (exit code 2): what was
 * acknowledged is on other candidates, and going on would spread what is wrong. A damaged file is moved away, so that
 * it is never taken for a copy; this node gets a whole one when another candidate is the master.
 */
#include "daemons/masterd/masterd.h"

#include "lib/base/log.h"
#include "src/replica/replica.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Checked before anything starts up to that size (some 50 ms); by a worker in the background beyond it. */
#define CHECK_MAX (16 << 20)

#define NEXT_STEP                                                                                              \
	"What was acknowledged is on the other master candidates: run 'gnt-cluster master-failover' on one of" \
	" them, or put a backup in its place if there is none"

void master_give_up(struct master *m, int exit_code)
{
	m->stopping = true;
	m->exit_code = exit_code;
	m->end_jobs = true; /* nobody here will go on with them */
	ev_stop(m->ev);
}

int damage_lacks(const char *name, const char *why, struct err *e)
{
	return err_plain(e,
			 "%s lacks changes that master candidate %s has (%s): it was damaged, or is an old copy. Run"
			 " 'gnt-cluster master-failover' on %s (with --no-voting there if that is not possible)",
			 path_of(PATH_CONFIG_DB), name, why, name);
}

int damage_explain(const char *why, struct err *e)
{
	return err_plain(e, "The cluster's database %s is damaged (%s); it is kept as %s. " NEXT_STEP,
			 path_of(PATH_CONFIG_DB), why, path_of(PATH_CONFIG_DB_DAMAGED));
}

void damage_move_away(void)
{
	static const char *const sides[] = { "", "-wal", "-shm" };

	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		char *from CLEANUP(freep) = xasprintf("%s%s", path_of(PATH_CONFIG_DB), sides[i]);
		char *to CLEANUP(freep) = xasprintf("%s%s", path_of(PATH_CONFIG_DB_DAMAGED), sides[i]);

		if (unlink(to) < 0 && errno != ENOENT)
			log_error("Can't remove %s: %s", to, strerror(errno));
		if (rename(from, to) < 0 && errno != ENOENT)
			log_error("Can't move %s away: %s", from, strerror(errno));
	}
}

int damage_check(struct master *m, struct err *e)
{
	struct stat st;

	if (stat(path_of(PATH_CONFIG_DB), &st) == 0 && st.st_size > CHECK_MAX)
		return 0;
	return db_check(m->db, false, e) < 0 || replica_verify(m->db, e) < 0 ? -1 : 0;
}

void damage_reported(struct master *m, const char *why)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (m->damaged)
		return;
	m->damaged = true;
	damage_explain(why, &e);
	log_error("%s", err_msg(&e));
	master_give_up(m, EXIT_CONFIG);
}

bool damage_noticed(struct master *m)
{
	const char *why = db_found_damage();

	if (why)
		damage_reported(m, why);
	return m->damaged;
}
