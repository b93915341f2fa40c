/* Shared inside lib/sys: starting a process. */
#ifndef LIB_SYS_PRIV_H
#define LIB_SYS_PRIV_H
#include "lib/sys/sys.h"

struct spawn {
	const char *const *argv;
	const char *const *env;
	const char *cwd;
	int fds[4];       /* what becomes descriptors 0..3; -1 = /dev/null (0..2) or closed (3) */
	const int *keep;  /* others passed on, ends with -1; may be NULL */
	uid_t uid;        /* 0 = keep */
	gid_t gid;
	int death_signal; /* sent when we die, 0 = none */
	bool session;     /* of its own */
	bool detach;      /* child of init: nobody here reaps it */
	int pid_fd;       /* its pid is written here and the descriptor stays open in it; -1 = none */
};

/*
 * Start it; every descriptor that is not listed is closed, signals are reset. Returns the pid
 * once the program is really running, or -errno (also of a failed exec).
 */
pid_t spawn(const struct spawn *s);
/* environ as the type we pass around */
const char *const *spawn_environ(void);
/* Wait until the child ends, at most SECONDS. 1 = ended (status as from waitpid), 0 = time is up. */
int spawn_wait(pid_t pid, double seconds, int *ret_status);
/* Put our pid into the locked pid file (again, after a fork). 0 or -errno */
int pidfile_write(int fd);

#endif
