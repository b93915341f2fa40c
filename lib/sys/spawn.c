/*
 * One way to start a process. vfork(), not fork(): copying the page tables of a daemon that holds
 * a cluster takes 100 ms and more. Between vfork and exec the child runs on our memory, so it
 * calls nothing but system calls and writes nothing but *ctx; whatever can be prepared is prepared
 * before. Signals are blocked over that time, so that no handler of ours runs in the child.
 */
#include "lib/sys/priv.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/close_range.h>

extern char **environ;

struct ctx {
	const struct spawn *s;
	char *file;
	int fds[4];    /* copies above the range they are put into; -1 = closed */
	int pid_fd;
	gid_t gid, *groups;
	size_t n_groups;
	bool ids;
	int max_fd;    /* where close_range() is missing */
	pid_t parent;
	volatile int error;
	volatile pid_t pid; /* of the grandchild when detached */
	char *stack;   /* of the grandchild */
};

#define STACK_SIZE (64 * 1024)

const char *const *spawn_environ(void)
{
	return (const char *const *)environ;
}

/* Find argv[0] in the PATH the child will have. malloc'ed or NULL with errno. */
static char *find_program(const char *name, const char *const *env)
{
	const char *path = "/usr/sbin:/usr/bin:/sbin:/bin", *end;
	struct stat st;

	if (strchr(name, '/'))
		return xstrdup(name);
	for (; *env; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			path = *env + 5;
	for (;; path = end + 1) {
		char *file CLEANUP(freep) = NULL;

		end = strchrnul(path, ':');
		file = xasprintf("%.*s/%s", (int)(end - path), path, name);
		if (end > path && access(file, X_OK) == 0 && stat(file, &st) == 0 &&
		    S_ISREG(st.st_mode))
			return STEAL(file);
		if (!*end)
			break;
	}
	errno = ENOENT;
	return NULL;
}

/* --- in the child: system calls only --- */

static void reset_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		sigaction(i, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int set_fds(const struct ctx *c)
{
	for (int i = 0; i < 4; i++) {
		if (c->fds[i] >= 0 && dup2(c->fds[i], i) < 0)
			return -1;
	}
	if (syscall(SYS_close_range, c->fds[3] >= 0 ? 4u : 3u, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		for (int fd = c->fds[3] >= 0 ? 4 : 3; fd < c->max_fd; fd++)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	for (const int *k = c->s->keep; k && *k >= 0; k++)
		if (fcntl(*k, F_SETFD, 0) < 0)
			return -1;
	if (c->pid_fd >= 0 && fcntl(c->pid_fd, F_SETFD, 0) < 0)
		return -1;
	return 0;
}

/* Raw system calls: those of libc would change every thread of the process we share memory with. */
static int set_ids(const struct ctx *c)
{
	if (!c->ids)
		return 0;
	if (syscall(SYS_setgroups, c->n_groups, c->groups) < 0 ||
	    syscall(SYS_setresgid, c->gid, c->gid, c->gid) < 0)
		return -1;
	return c->s->uid ? (int)syscall(SYS_setresuid, c->s->uid, c->s->uid, c->s->uid) : 0;
}

static int write_pid(int fd)
{
	char text[16], *p = text + sizeof(text);
	pid_t pid = (pid_t)syscall(SYS_getpid);

	*--p = '\n';
	for (; pid; pid /= 10)
		*--p = (char)('0' + pid % 10);
	if (ftruncate(fd, 0) < 0)
		return -1;
	return pwrite(fd, p, (size_t)(text + sizeof(text) - p), 0) < 0 ? -1 : 0;
}

/* (On a stack that ASan does not know: it would complain at _exit().) */
__attribute__((noreturn, noinline, no_sanitize_address)) static void child(struct ctx *c)
{
	const struct spawn *s = c->s;

	if ((!s->session || setsid() >= 0) && set_fds(c) == 0 && chdir(s->cwd ? s->cwd : "/") == 0 &&
	    set_ids(c) == 0 && (c->pid_fd < 0 || write_pid(c->pid_fd) == 0)) {
		if (s->death_signal) { /* after set_ids(), which clears it */
			prctl(PR_SET_PDEATHSIG, s->death_signal, 0, 0, 0);
			if (getppid() != c->parent) /* died already: nobody will send it */
				_exit(127);
		}
		reset_signals();
		execve(c->file, (char *const *)s->argv, (char *const *)s->env);
	}
	c->error = errno;
	_exit(127);
}

__attribute__((no_sanitize_address)) static int child_on_stack(void *ctx)
{
	child(ctx);
}

/*
 * The middle process of a detached start: its end makes the child one of init's. A vfork() within
 * a vfork() by other means, with a stack of its own: ASan's vfork() remembers one return address.
 */
__attribute__((noreturn, noinline)) static void middle(struct ctx *c)
{
	pid_t pid = clone(child_on_stack, c->stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD,
			  c);

	if (pid < 0)
		c->error = errno;
	c->pid = pid;
	_exit(0);
}

__attribute__((noinline)) static pid_t start(struct ctx *c)
{
	pid_t pid = vfork();

	if (pid == 0) {
		if (c->s->detach)
			middle(c);
		child(c);
	}
	return pid < 0 ? -errno : pid;
}

/* --- in the parent --- */

/* Groups of the user with this id, as a login would have. */
static void find_groups(struct ctx *c)
{
	char buf[4096];
	struct passwd pw, *found = NULL;
	int n = 64;

	c->gid = c->s->gid;
	c->groups = xcalloc((size_t)n, sizeof(*c->groups));
	if (c->s->uid && getpwuid_r(c->s->uid, &pw, buf, sizeof(buf), &found) == 0 && found) {
		c->gid = c->gid ? c->gid : pw.pw_gid;
		if (getgrouplist(pw.pw_name, c->gid, c->groups, &n) < 0) {
			c->groups = xrealloc(c->groups, (size_t)n, sizeof(*c->groups));
			n = getgrouplist(pw.pw_name, c->gid, c->groups, &n) < 0 ? 0 : n;
		}
		c->n_groups = (size_t)n;
	}
	if (!c->n_groups) {
		c->groups[0] = c->gid;
		c->n_groups = 1;
	}
}

/* Copies far above, so that putting one into its place cannot overwrite another. */
static int copy_fds(struct ctx *c)
{
	for (int i = 0; i < 4; i++) {
		int fd = c->s->fds[i], null CLEANUP(closep) = -1;

		if (fd < 0 && i < 3) {
			fd = null = open("/dev/null", O_RDWR | O_CLOEXEC);
			if (fd < 0)
				return -errno;
		}
		if (fd >= 0) {
			c->fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 16);
			if (c->fds[i] < 0)
				return -errno;
		}
	}
	if (c->s->pid_fd >= 0) {
		c->pid_fd = fcntl(c->s->pid_fd, F_DUPFD_CLOEXEC, 16);
		if (c->pid_fd < 0)
			return -errno;
	}
	return 0;
}

static pid_t run_child(struct ctx *c)
{
	sigset_t all, old;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = start(c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return pid;
	if (c->s->detach || c->error)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	if (c->error)
		return -c->error;
	return c->s->detach ? c->pid : pid;
}

pid_t spawn(const struct spawn *s)
{
	struct ctx c = { .s = s, .fds = { -1, -1, -1, -1 }, .pid_fd = -1 };
	pid_t pid;

	c.file = find_program(s->argv[0], s->env);
	if (!c.file)
		return -errno;
	c.ids = (s->uid && s->uid != geteuid()) || (s->gid && s->gid != getegid());
	if (c.ids)
		find_groups(&c);
	c.max_fd = (int)sysconf(_SC_OPEN_MAX);
	c.parent = getpid();
	if (s->detach)
		c.stack = xmalloc(STACK_SIZE);
	pid = copy_fds(&c);
	if (pid == 0)
		pid = run_child(&c);
	for (int i = 0; i < 4; i++)
		closep(&c.fds[i]);
	closep(&c.pid_fd);
	free(c.stack);
	free(c.groups);
	free(c.file);
	return pid;
}

/* Without a pid descriptor (none left): look now and then. */
static int wait_polling(pid_t pid, double end, int *ret_status)
{
	for (;;) {
		pid_t r = waitpid(pid, ret_status, WNOHANG);

		if (r == pid)
			return 1;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (clock_mono() >= end)
			return 0;
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
}

int spawn_wait(pid_t pid, double seconds, int *ret_status)
{
	double end = clock_mono() + seconds, left;
	int fd CLEANUP(closep) = pidfd_open(pid, 0);

	if (fd < 0)
		return wait_polling(pid, end, ret_status);
	while ((left = end - clock_mono()) > 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, (int)(left * 1000) + 1) > 0)
			break;
	}
	return wait_polling(pid, 0, ret_status);
}
