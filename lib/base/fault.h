/*
 * Named fault points, for tests: places where a process can be made to fail, to die or to stand still.
 * They are compiled to nothing unless configured with --enable-fault; armed and counted
 *
 *  - by a file of the point's name in the folder $GANETI_FAULTS, which programs hand on to their
 *    workers. Whichever process comes by first takes the file away, so it happens once;
 *  - in the master also over its control socket: "faults" lists, "fault [name, action]" arms.
 *
 * An action is "fail", "crash" (SIGKILL to itself), "stop" (SIGSTOP), "delay SECONDS", "skew SECONDS"
 * (clock only, stays) or "off"; "in PROGRAM" after it leaves other programs alone, "@N" waits for the
 * Nth time (by files: of all processes together), "always" repeats it. Example: "crash in ganeti-noded @3".
 */
#ifndef LIB_BASE_FAULT_H
#define LIB_BASE_FAULT_H
#include "lib/base/err.h"

enum fault {
#define FAULT_POINT(name, programs, can_fail, doc) FAULT_##name,
#include "lib/base/fault.def"
#undef FAULT_POINT
	FAULTS
};

struct fault_info {
	const char *name, *programs, *doc;
	bool can_fail;
	uint64_t hits;      /* in this process */
	const char *action; /* it is armed with here, or NULL; valid until the next call */
};

/* if (FAULT(db_write)) return err_plain(e, ...); or just FAULT(job_start); where nothing can fail */
#ifdef ENABLE_FAULT
#define FAULT(name) fault_hit(FAULT_##name)
#else
#define FAULT(name) fault_none(FAULT_##name)
static inline bool fault_none(enum fault f)
{
	(void)f;
	return false;
}
#endif

bool fault_hit(enum fault f); /* true: fail now. May not return at all */
double fault_skew(void);      /* what the wall clock is off by */
bool fault_enabled(void);     /* compiled in? */
void fault_info(enum fault f, struct fault_info *ret);
int fault_arm(const char *name, const char *action, struct err *e);

#endif
