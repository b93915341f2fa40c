/*
 * The worker's end of its channel to the master. Frames: {"call": method, "id": n, "args": {}} one
 * way;
 * {"reply": n, "result": x} or {"reply": n, "error": [class, [args]]} and {"event": "cancel"} the
 * other.
 */
#include "src/client/client.h"

#include "lib/base/clock.h"
#include "lib/base/fault.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define SEND_TIMEOUT 60.0
/* What a master that closes the channel sends counts as sent at once. */
#define FRAME_TIMEOUT 60.0

struct wconf {
	int fd;
	int64_t id;
	bool cancelled, lost;
};

struct wconf *wconf_new(int fd)
{
	struct wconf *w = xcalloc(1, sizeof(*w));

	w->fd = fd;
	return w;
}

void wconf_free(struct wconf *w)
{
	free(w);
}

int wconf_fd(const struct wconf *w)
{
	return w->fd;
}

static int master_gone(struct wconf *w, struct err *e)
{
	w->lost = true;
	return err_set(e, JobLost, NULL, "Lost the connection to the master daemon");
}

/* One message; events are kept. *RET gets a reply to call ID, NULL for anything else. */
static int receive(struct wconf *w, int64_t id, double timeout, json **ret, struct err *e)
{
	json *msg CLEANUP(json_putp) = NULL;
	int r = chan_read(w->fd, &msg, LUXI_MAX_MESSAGE, timeout);

	*ret = NULL;
	if (r == -ETIMEDOUT)
		return err_set(e, JobLost, NULL, "The master daemon did not answer in time");
	if (r < 0)
		return master_gone(w, e);
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
	double end = clock_mono() + timeout;

	FAULT(job_call);
	if (w->lost || chan_write(w->fd, msg, SEND_TIMEOUT) < 0)
		return master_gone(w, e);
	while (!reply) {
		double left = end - clock_mono();

		if (receive(w, id, left > 0 ? left : 0, &reply, e) < 0)
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
			w->lost = true;
	}
}

bool wconf_cancelled(struct wconf *w)
{
	look(w);
	return w->cancelled;
}

bool wconf_lost(struct wconf *w)
{
	look(w);
	return w->lost;
}
