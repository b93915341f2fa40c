/*
 * Becoming a daemon. What can fail is done before the forks, so that it is a plain error of the
 * process the user started; that one then waits for word from the daemon over a pipe.
 */
#include "lib/sys/priv.h"

#include "lib/base/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MESSAGE_MAX 4096

static struct {
	bool started;
	bool background;
	int report_fd;  /* one byte of exit code, then the message; -1 = done */
	int pid_fd;     /* kept for the lock */
	pid_t pid;
	char *pidfile, *logfile, *user, *group;
} the = { .report_fd = -1, .pid_fd = -1 };

/* The process the user sees: exits as the daemon says. */
__attribute__((noreturn)) static void wait_for_word(int fd)
{
	char buf[MESSAGE_MAX + 1];
	size_t n = 0;
	ssize_t k;

	while (n < sizeof(buf) - 1) {
		k = read(fd, buf + n, sizeof(buf) - 1 - n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break;
		n += (size_t)k;
	}
	buf[n] = '\0';
	if (n == 0) {
		fputs("Error when starting daemon process: it ended early\n", stderr);
		_exit(1);
	}
	if (n > 1)
		fprintf(stderr, "Error when starting daemon process: %s\n", buf + 1);
	_exit((unsigned char)buf[0]);
}

static int to_background(struct err *e)
{
	int fd[2];
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return err_sys(e, errno, "pipe");
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return err_sys(e, errno, "fork");
	if (pid > 0) {
		close(fd[1]);
		wait_for_word(fd[0]);
	}
	close(fd[0]);
	setsid();
	pid = fork(); /* no leader of a session: can never get a terminal */
	if (pid != 0)
		_exit(pid < 0 ? 1 : 0);
	the.report_fd = fd[1];
	return chdir("/") < 0 ? err_sys(e, errno, "/") : 0;
}

static int open_files(const struct daemon_opts *o, struct err *e)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	const char *log_group = o->log_group ? o->log_group : o->group;
	pid_t pid;
	int r;

	if (o->user && (r = user_ids(o->user, &uid, &gid)) < 0)
		return err_sys(e, r, "user %s", o->user);
	if (log_group && (r = group_id(log_group, &gid)) < 0)
		return err_sys(e, r, "group %s", log_group);
	if (o->pidfile) {
		the.pid_fd = pidfile_take(o->pidfile);
		if (the.pid_fd == -EBUSY) {
			pid = pidfile_alive(o->pidfile);
			return pid ? err_plain(e, "%s is already running with pid %d", o->name, (int)pid) :
				     err_plain(e, "%s is already running, or about to", o->name);
		}
		if (the.pid_fd < 0)
			return err_sys(e, the.pid_fd, "pid file %s", o->pidfile);
	}
	r = log_open(o->name, o->logfile, o->foreground);
	if (r < 0)
		return err_sys(e, r, "log file %s", o->logfile);
	/* it is opened again (SIGHUP) as the user we become */
	if (o->logfile && o->user && geteuid() == 0 && chown(o->logfile, uid, gid) < 0)
		return err_sys(e, errno, "log file %s", o->logfile);
	if (o->debug)
		log_set_level(LOG_LEVEL_DEBUG);
	if (o->syslog)
		log_to_syslog();
	return 0;
}

/* Nothing of the terminal stays open; what libraries print goes to the log. */
static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int out = the.logfile ? open(the.logfile, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640)
			      : -1;

	if (null >= 0)
		dup2(null, 0);
	if (out >= 0 || null >= 0) {
		dup2(out >= 0 ? out : null, 1);
		dup2(out >= 0 ? out : null, 2);
	}
	closep(&null);
	closep(&out);
}

/* While it is still locked, so that nobody takes it for that of a running daemon. */
static void remove_pidfile(void)
{
	if (the.pidfile && getpid() == the.pid)
		unlink(the.pidfile);
}

int daemon_start(const struct daemon_opts *o, struct err *e)
{
	assert(!the.started);
	umask(077);
	signal(SIGPIPE, SIG_IGN); /* whoever started us may be gone when we report */
	if (open_files(o, e) < 0) {
		if (the.pid_fd >= 0)
			unlink(o->pidfile);
		closep(&the.pid_fd);
		return -1;
	}
	the.started = true;
	the.background = !o->foreground;
	the.logfile = o->logfile ? xstrdup(o->logfile) : NULL;
	the.user = o->user ? xstrdup(o->user) : NULL;
	the.group = o->group ? xstrdup(o->group) : NULL;
	if (the.background) {
		/* this process is going to end: until the other one has written its number there is none */
		if (the.pid_fd >= 0)
			(void)!ftruncate(the.pid_fd, 0);
		if (to_background(e) < 0)
			return -1;
		/* before there are children that would keep what we got from whoever started us */
		leave_terminal();
	}
	if (the.pid_fd >= 0 && pidfile_write(the.pid_fd) < 0)
		return err_plain(e, "cannot write the pid file %s", o->pidfile);
	the.pid = getpid();
	the.pidfile = o->pidfile ? xstrdup(o->pidfile) : NULL;
	atexit(remove_pidfile);
	return 0;
}

void daemon_reopen_log(void)
{
	(void)log_reopen();
	if (the.background)
		leave_terminal();
}

static void report(int exit_code, const char *msg)
{
	unsigned char code = (unsigned char)exit_code;

	if (the.report_fd < 0)
		return;
	(void)!write(the.report_fd, &code, 1);
	if (msg)
		(void)!write(the.report_fd, msg, strnlen(msg, MESSAGE_MAX - 1));
	/* one that failed ends at once: whoever waits sees the end of the pipe after that of the pid file's lock */
	if (exit_code == 0)
		closep(&the.report_fd);
}

void daemon_ready(void)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	assert(the.started);
	if (the.user && privs_drop(the.user, the.group, &e) < 0)
		daemon_failed(1, err_msg(&e));
	report(0, NULL);
}

void daemon_failed(int exit_code, const char *msg)
{
	if (exit_code == 0)
		exit_code = 1;
	if (the.started)
		log_error("%s", msg);
	if (the.report_fd >= 0)
		report(exit_code, msg);
	else if (!the.started)
		fprintf(stderr, "%s\n", msg);
	exit(exit_code);
}
