/*
 * The operating system: files, processes, privileges, the event loop and pools of
 * worker processes. Functions return 0 (or a count) or -errno unless they take a
 * struct err. Nothing here logs above debug.
 */
#ifndef LIB_SYS_SYS_H
#define LIB_SYS_SYS_H
#include "lib/base/str.h"
#include "lib/base/err.h"
#include "lib/json/json.h"

#include <sys/types.h>

/* --- fs.c: whole files --- */
/* Read at most MAX bytes (-EFBIG beyond). RET is NUL-terminated, malloc'ed. */
int fs_read(const char *path, size_t max, char **ret, size_t *ret_len);
struct fs_attr {
	mode_t mode; /* 0 = 0600, as with no attributes at all */
	uid_t uid;   /* (uid_t)-1 = leave; beware of 0 = root */
	gid_t gid;
	bool sync;   /* fsync file and directory before returning */
	const struct timespec *times; /* atime, mtime or NULL */
};
/* Write to a temporary file beside PATH, then rename over it. */
int fs_write_atomic(const char *path, const void *data, size_t n, const struct fs_attr *attr);
int fs_mkdirs(const char *path, mode_t mode);            /* like mkdir -p; existing is fine */
int fs_ensure_dir(const char *path, mode_t mode, uid_t uid, gid_t gid); /* create or repair */
int fs_remove_tree(const char *path);                    /* never crosses a mount; missing is fine */
int fs_list(struct arena *a, const char *dir, struct strs *ret); /* names, sorted, no dot entries */
bool fs_exists(const char *path);
/* PATH is absolute, without "..", "//" or a slash at the end (upstream's IsNormAbsPath). */
bool fs_is_norm_abs(const char *path);
/* PATH is strictly below DIR (both normalised). */
bool fs_is_below(const char *path, const char *dir);

/* --- lockfile.c --- */
/* Take an flock (exclusive or shared) on PATH, waiting at most TIMEOUT seconds. Returns an fd. */
int lockfile_take(const char *path, bool exclusive, double timeout);
/* Write our pid into PATH and keep it locked; returns the fd, or -EBUSY when another runs. */
int pidfile_take(const char *path);
/* pid of the living process holding the pid file, 0 = none. */
pid_t pidfile_alive(const char *path);

/* --- run.c: children; argv only, never a shell --- */
struct run {
	const char *const *argv;  /* NULL-terminated; argv[0] is looked up in PATH unless absolute */
	const char *const *env;   /* "K=V", NULL-terminated; NULL = run_clean_env() */
	const char *cwd;          /* NULL = "/" */
	const char *input;        /* fed to stdin, NULL = /dev/null */
	size_t input_len;
	int stdin_fd, stdout_fd, stderr_fd; /* > 0: used instead; 0 = default */
	const int *keep_fds;      /* other descriptors passed on (same numbers), ends with -1 */
	double timeout;           /* seconds, then SIGTERM and 5 s later SIGKILL; 0 = 60 s */
	size_t max_output;        /* bytes kept of stdout and of stderr each; 0 = 1 MiB */
	const char *output_file;  /* both streams go to this file (append) instead */
	uid_t uid;                /* 0 = keep */
	gid_t gid;
	bool new_session;
	bool inherit_stdio;       /* stdin, stdout and stderr are ours where nothing else is said */
	int death_signal;         /* the child gets it when we die; 0 = none */
};
struct run_result {
	int status;      /* exit code; -1 = killed by a signal or never started */
	int signal;      /* or 0 */
	bool timed_out;
	bool forced;     /* timed out and SIGTERM did not help */
	double timeout;  /* what was allowed */
	char *out, *err; /* malloc'ed, never NULL */
	size_t out_len, err_len;
};
/* PATH (with the system folders), HOME and LC_ALL; NULL-terminated. */
const char *const *run_clean_env(struct arena *a);
int run_cmd(const struct run *r, struct run_result *ret, struct err *e); /* -1 only if not started */
void run_result_free(struct run_result *r); /* for CLEANUP() */
/* "exited with exit code 3", "terminated by signal 9", ", terminated after timeout of ..." after
 * either: upstream's fail reasons. malloc'ed */
char *run_fail_reason(const struct run_result *r);
/* Start and do not wait; the caller reaps. Returns the pid or -errno. */
pid_t run_start(const struct run *r);
/* Start a process that outlives us (double fork, own session), stdout+stderr to output_file.
 * Returns its pid. */
pid_t run_detached(const struct run *r, const char *pidfile);

/* --- daemon.c, privs.c --- */
struct daemon_opts {
	const char *name;      /* ganeti-noded */
	const char *pidfile, *logfile;
	const char *user, *group; /* drop to these after binding; NULL = stay */
	const char *log_group;    /* of the log file; NULL = group */
	bool foreground, debug, syslog;
};
/* Fork into the background (unless foreground); the parent exits once daemon_ready() was called
 * in the child, with its exit code. Opens the log, takes the pid file. */
int daemon_start(const struct daemon_opts *o, struct err *e);
void daemon_ready(void); /* drops privileges (unless done already) */
void daemon_reopen_log(void); /* on SIGHUP: the log and what goes to stdout and stderr */
void daemon_failed(int exit_code, const char *msg) __attribute__((noreturn));
/* Become USER with GROUP and its supplementary groups, no way back. */
int privs_drop(const char *user, const char *group, struct err *e);
int privs_no_core(void); /* prctl/rlimit: secrets stay out of cores */
int user_ids(const char *user, uid_t *ret_uid, gid_t *ret_gid);
int group_id(const char *group, gid_t *ret_gid);

/* --- ev.c: one libevent loop per process --- */
struct ev;       /* the loop */
struct ev_timer;
struct ev_fd;
struct event_base;
struct ev *ev_new(void);
void ev_free(struct ev *ev);
struct event_base *ev_base(struct ev *ev); /* for lib/net */
void ev_run(struct ev *ev);                /* until ev_stop() */
void ev_stop(struct ev *ev);
/* Run until *DONE or SECONDS passed (negative: no limit). Returns *DONE. Nests in callbacks never. */
bool ev_run_until(struct ev *ev, const bool *done, double seconds);
/* One-shot timer (start again in the callback); NAME is for printing. */
struct ev_timer *ev_timer_new(struct ev *ev, const char *name, void (*fn)(void *), void *arg);
void ev_timer_start(struct ev_timer *t, double seconds);
void ev_timer_stop(struct ev_timer *t);
void ev_timer_free(struct ev_timer *t);
enum { EV_FD_READ = 1, EV_FD_WRITE = 2 };
struct ev_fd *ev_fd_new(struct ev *ev, const char *name, int fd, int what,
			void (*fn)(int fd, int what, void *arg), void *arg);
void ev_fd_set(struct ev_fd *f, int what); /* 0 pauses */
void ev_fd_free(struct ev_fd *f);          /* does not close */
void ev_signal(struct ev *ev, int signum, void (*fn)(int signum, void *arg), void *arg);
/* Call FN when the child ends (status as from waitpid). */
void ev_child(struct ev *ev, pid_t pid, void (*fn)(pid_t pid, int status, void *arg), void *arg);

void ev_child_forget(struct ev *ev, pid_t pid); /* the caller reaps it now */

/* What the loop waits for, one line each, by name. */
void ev_describe(struct ev *ev, struct str *out);

/* --- stream.c: a buffered non-blocking socket on the loop --- */
struct stream;
enum stream_event {
	STREAM_OPEN,   /* connected, and the start of OPS (a TLS handshake) is done */
	STREAM_DATA,   /* more to read: stream_in() */
	STREAM_SENT,   /* what was queued has been written */
	STREAM_END,    /* the peer will send no more; writing may still work */
	STREAM_FAILED, /* stream_error() says why; only stream_free() makes sense now */
};
#define STREAM_WANT_READ (-2001)
#define STREAM_WANT_WRITE (-2002)
/* What a layer between socket and buffers does. All return STREAM_WANT_* when they would block,
 * -errno on failure. */
struct stream_ops {
	int (*start)(void *io); /* 0 = open */
	ssize_t (*read)(void *io, void *buf, size_t n); /* 0 = end */
	ssize_t (*write)(void *io, const void *buf, size_t n);
	void (*shutdown)(void *io);      /* say that we send no more */
	const char *(*error)(void *io);  /* of the last failure, NULL = strerror() will do */
	void (*free)(void *io);
};
typedef void stream_fn(struct stream *s, enum stream_event what, void *arg);
/*
 * Takes FD (made non-blocking) and IO over. OPS NULL: plain read and write. CONNECTING: connect()
 * was started on FD. FN is called from the loop only, never from inside these functions.
 */
struct stream *stream_new(struct ev *ev, const char *name, int fd, const struct stream_ops *ops,
			  void *io, bool connecting, stream_fn *fn, void *arg);
void stream_free(struct stream *s); /* closes; allowed inside the callback */
void stream_set_fn(struct stream *s, stream_fn *fn, void *arg);
const char *stream_in(const struct stream *s, size_t *ret_n); /* what was received, not eaten */
void stream_eat(struct stream *s, size_t n);
/* Stop reading while N bytes or more wait (default 64 KiB; reads overshoot by 16 KiB at most). */
void stream_limit(struct stream *s, size_t n);
void stream_put(struct stream *s, const void *data, size_t n); /* queue; see stream_flush() */
void stream_flush(struct stream *s); /* write what can be written now, the rest from the loop */
size_t stream_queued(const struct stream *s);
void stream_shutdown(struct stream *s); /* no more will be sent */
bool stream_is_open(const struct stream *s);
bool stream_ended(const struct stream *s);
int stream_fd(const struct stream *s);
void *stream_io(const struct stream *s);
const char *stream_error(const struct stream *s);
int stream_errno(const struct stream *s); /* positive, 0 = has not failed */

/*
 * --- chan.c: JSON messages in length-prefixed frames over a stream socket. A message may have a tail:
 * bytes that are passed on as they are. ---
 */
struct chan;
/* On the loop: FN gets every message (borrowed); a NULL message means the peer is gone (then
 * chan_free() it). MAX bytes per message. */
struct chan *chan_new(struct ev *ev, const char *name, int fd, size_t max,
		      void (*fn)(struct chan *c, json *msg, void *arg), void *arg);
char *chan_take_tail(struct chan *c, size_t *ret_n); /* of the message FN has: as that of chan_read_tail() */
void chan_send(struct chan *c, json *msg);     /* takes the reference over; never blocks */
void chan_send_tail(struct chan *c, json *msg, const char *tail, size_t n);
/* Other messages go to FN from now on; also inside the callback. */
void chan_set_fn(struct chan *c, void (*fn)(struct chan *c, json *msg, void *arg), void *arg);
void chan_free(struct chan *c);                /* closes; allowed inside the callback */
/* Blocking, for sequential processes. RET may become null JSON. -EPIPE when the peer is gone,
 * -ETIMEDOUT (a negative TIMEOUT has no limit), -EMSGSIZE, -EBADMSG. */
int chan_write(int fd, const json *msg, double timeout);
int chan_write_tail(int fd, const json *msg, const char *tail, size_t n, double timeout);
int chan_read(int fd, json **ret, size_t max, double timeout); /* of messages without a tail */
/* Of all. RET_TAIL: malloc'ed, a NUL behind its N bytes; NULL = none. */
int chan_read_tail(int fd, json **ret, char **ret_tail, size_t *ret_n, size_t max, double timeout);

/* --- pool.c: exec'ed worker processes, one request each at a time --- */
struct pool_opts {
	const char *name;
	const char *const *argv;
	int min, max;             /* idle workers kept, processes at most */
	int retire_after;         /* requests a worker serves, then it is replaced */
	size_t max_message;
	double idle_time;         /* after which those idle beyond .min end; 0 = a minute */
};
struct pool;
struct pool *pool_new(struct ev *ev, const struct pool_opts *o);
int pool_size(const struct pool *p); /* workers */
void pool_free(struct pool *p); /* terminates the workers; FN of open jobs is not called */
struct pool_job;
/*
 * Give REQUEST to an idle worker (queued while all are busy). FN gets each message of the worker
 * with final = false, then exactly one with final = true: the message carrying "final": true,
 * or NULL when the worker died or TIMEOUT seconds passed (it was killed then).
 * The worker's end is chan_read()/chan_write() on fd 3; it ends when that is closed. It is killed when
 * we die: what it does is of use to nobody else (PR_SET_PDEATHSIG, which it may take back). A final
 * message with "retire": true says that it is going to end and must not be given another job.
 * TIMEOUT counts from here on, waiting in the queue included; 0 = none.
 */
struct pool_job *pool_submit(struct pool *p, json *request, double timeout,
			     void (*fn)(struct pool_job *j, json *msg, bool final, void *arg),
			     void *arg);
/* The request has a tail: the worker's end is chan_read_tail(). */
struct pool_job *pool_submit_tail(struct pool *p, json *request, const char *tail, size_t n, double timeout,
				  void (*fn)(struct pool_job *j, json *msg, bool final, void *arg), void *arg);
const char *pool_tail(const struct pool_job *j, size_t *ret_n); /* of the final message, for FN; or NULL */
void pool_send(struct pool_job *j, json *msg); /* to the worker serving J (kept until there is one) */
/* A tail that the message makes sense without: it is lost if there is no worker yet. */
void pool_send_tail(struct pool_job *j, json *msg, const char *tail, size_t n);
pid_t pool_pid(const struct pool_job *j);      /* 0 while queued */
int64_t pool_start_time(const struct pool_job *j); /* of that process, see proc_start_time(); 0 = it is gone */
void pool_kill(struct pool_job *j, int signum);
void pool_cancel(struct pool_job *j);          /* FN is not called any more; worker killed */
/*
 * A worker of a process like this one that has ended serves a job on (so does the worker after pool_let_go()
 * here): FN as above. PID_FD (taken over) is the worker's. It has GRACE seconds to come back, which is when
 * pool_attach() is to be called with its new channel (taken over; a message that it sends is FN's from then
 * on), then it is killed. It serves no other job.
 */
struct pool_job *pool_adopt(struct pool *p, pid_t pid, int pid_fd, double grace,
			    void (*fn)(struct pool_job *j, json *msg, bool final, void *arg),
			    void *arg);
bool pool_away(const struct pool_job *j); /* adopted and not attached yet */
void pool_attach(struct pool_job *j, struct chan *c);
/* Before pool_free(): workers that serve a job go on without us. Their jobs are forgotten. */
void pool_let_go(struct pool *p);

/* --- proc.c, uuid.c --- */
struct meminfo {
	int64_t total_mib, free_mib; /* free + buffers + cached */
};
int proc_meminfo(struct meminfo *ret);
int proc_cpus(void); /* online processors */
/* When a process was started, in ticks since the machine's start: with the pid, and the start of the machine
 * (proc_boot_id()), this names a process. -ESRCH: there is none, or it has ended. */
int proc_start_time(pid_t pid, int64_t *ret);
char *proc_boot_id(struct arena *a); /* "" when it can't be told */
char *uuid_new(struct arena *a);
bool uuid_ok(const char *s); /* as made by uuid_new(): lower case, with dashes */
int random_bytes(void *buf, size_t n);
char *random_hex(struct arena *a, size_t bytes);

#endif
