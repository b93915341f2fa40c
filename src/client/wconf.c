/*
 * The worker's end of its channel to the master. Frames: {"call": method, "id": n, "args": {}} one
 * way;
 * {"reply": n, "result": x} or {"reply": n, "error": [class, [args]]} and {"event": "cancel"} the
 * other. On a new channel {"attach": job, "nonce": text} comes first; answers: {"attached": true}, {"later":
 * true}, {"refused": why}.
 */
#include "src/client/client.h"

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SEND_TIMEOUT 60.0
/* What a master that closes the channel sends counts as sent at once. */
#define FRAME_TIMEOUT 60.0
#define CONNECT_TIMEOUT 1.0
#define ATTACH_TIMEOUT 30.0 /* a master may be busy when it has just been started; its end is seen at once */
#define ATTACH_PAUSE 0.1
#define PATIENCE 3600.0 /* without any master */

struct wconf {
	int fd;
	int64_t id;
	int64_t job;
	char *nonce; /* NULL = no other master will know us */
	bool cancelled;
	bool lost; /* the channel is broken */
	bool over; /* and there will be no other */
	double since, next; /* lost; try again */
};

struct wconf *wconf_new(int fd)
{
	struct wconf *w = xcalloc(1, sizeof(*w));

	w->fd = fd;
	return w;
}

void wconf_home(struct wconf *w, int64_t job, const char *nonce)
{
	w->job = job;
	free(w->nonce);
	w->nonce = xstrdup(nonce);
}

void wconf_free(struct wconf *w)
{
	free(w->nonce);
	free(w);
}

int wconf_fd(const struct wconf *w)
{
	return w->fd;
}

static void broken(struct wconf *w)
{
	if (w->lost)
		return;
	w->lost = true;
	w->over = !w->nonce;
	w->since = clock_mono();
	if (w->nonce)
		log_warn("Lost the connection to the master daemon, waiting for the next one");
}

/* --- the next master --- */
static void give_up(struct wconf *w, const char *why)
{
	log_error("No master daemon goes on with this job: %s", why);
	w->over = true;
}

static int say_hello(const struct wconf *w, int fd, json **ret)
{
	json *hello CLEANUP(json_putp) =
		json_pack("{s:I, s:s}", "attach", w->job, "nonce", w->nonce);
	int r;

	FAULT(attach_hello);
	r = chan_write(fd, hello, ATTACH_TIMEOUT);
	return r < 0 ? r : chan_read(fd, ret, LUXI_MAX_MESSAGE, ATTACH_TIMEOUT);
}

/* Only while this machine is the master there will be one that knows us. */
static void look_around(struct wconf *w)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (ssconf_check_master(NULL, &e) < 0)
		give_up(w, err_msg(&e));
	else if (clock_mono() - w->since > PATIENCE)
		give_up(w, "none has come");
}

static void try_to_attach(struct wconf *w)
{
	int fd CLEANUP(closep) = -1;
	json *answer CLEANUP(json_putp) = NULL;

	if (clock_mono() < w->next)
		return;
	w->next = clock_mono() + ATTACH_PAUSE;
	fd = unix_connect(path_of(PATH_JOBS_SOCKET), CONNECT_TIMEOUT);
	if (fd < 0) {
		look_around(w);
		return;
	}
	if (say_hello(w, fd, &answer) < 0)
		return;
	if (json_get(answer, "refused")) {
		give_up(w, json_get_str(answer, "refused"));
	} else if (json_get(answer, "attached") && dup3(fd, w->fd, O_CLOEXEC) >= 0) {
		log_info("The next master daemon goes on with this job");
		FAULT(attach_done);
		w->lost = false;
	}
}

static int wait_for_master(struct wconf *w, struct err *e)
{
	while (w->lost && !w->over) {
		double left = w->next - clock_mono();

		if (left > 0)
			nanosleep(&(struct timespec){ .tv_nsec = (long)(left * 1e9) }, NULL);
		try_to_attach(w);
	}
	return w->lost ? err_set(e, JobLost, NULL, "Lost the connection to the master daemon") : 0;
}

/* --- calls --- */
/* One message; events are kept. *RET gets a reply to call ID, NULL for anything else. Fails when time is over. */
static int receive(struct wconf *w, int64_t id, double timeout, json **ret, struct err *e)
{
	json *msg CLEANUP(json_putp) = NULL;
	int r = chan_read(w->fd, &msg, LUXI_MAX_MESSAGE, timeout);

	*ret = NULL;
	if (r == -ETIMEDOUT)
		return err_set(e, JobLost, NULL, "The master daemon did not answer in time");
	if (r < 0) {
		broken(w);
		return 0;
	}
	if (str_eq(json_get_str(msg, "event"), "cancel"))
		w->cancelled = true;
	else if (json_get_int(msg, "reply", -1) == id)
		*ret = STEAL(msg);
	return 0;
}

int wconf_call(struct wconf *w, const char *method, json *args, double timeout, json **ret,
	       struct err *e)
{
	int64_t id = ++w->id;
	json *msg CLEANUP(json_putp) =
		json_pack("{s:s, s:I, s:o}", "call", method, "id", id, "args", args);
	json *reply CLEANUP(json_putp) = NULL;

	FAULT(job_call);
	while (!reply) {
		double end = clock_mono() + timeout;

		if (wait_for_master(w, e) < 0)
			return -1;
		if (chan_write(w->fd, msg, SEND_TIMEOUT) < 0)
			broken(w);
		while (!reply && !w->lost)
			if (receive(w, id, fmax(end - clock_mono(), 0), &reply, e) < 0)
				return -1;
	}
	FAULT(job_answer);
	if (json_get(reply, "error"))
		return err_from_json(json_get(reply, "error"), e);
	if (ret)
		*ret = json_ref(json_get(reply, "result"));
	return 0;
}

/* Take in what has arrived, without waiting for more. */
static void look(struct wconf *w)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };

	while (!w->lost && poll(&p, 1, 0) > 0) {
		json *stale CLEANUP(json_putp) = NULL;

		if (receive(w, -2, FRAME_TIMEOUT, &stale, NULL) < 0)
			broken(w); /* half a message */
	}
	if (w->lost && !w->over)
		try_to_attach(w);
}

bool wconf_cancelled(struct wconf *w)
{
	look(w);
	return w->cancelled;
}

bool wconf_lost(struct wconf *w)
{
	look(w);
	return w->over;
}
