/* Asking the master without blocking: one connection per question. */
#include "daemons/rapi/rapi.h"

#include "lib/wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_TIMEOUT 5

struct luxi_async {
	int fd;
	struct ev_fd *watch;
	struct ev_timer *deadline;
	struct str out, in;
	size_t sent;
	void (*fn)(json *result, const struct err *e, void *arg);
	void *arg;
};

static void release(struct luxi_async *l)
{
	ev_fd_free(l->watch);
	ev_timer_free(l->deadline);
	closep(&l->fd);
	str_free(&l->out);
	str_free(&l->in);
	free(l);
}

void luxi_async_cancel(struct luxi_async *l)
{
	if (l)
		release(l);
}

static void finish(struct luxi_async *l, json *result, const struct err *e)
{
	void (*fn)(json *, const struct err *, void *) = l->fn;
	void *arg = l->arg;

	release(l);
	fn(result, e, arg);
}

static void fail(struct luxi_async *l, const char *cls, const char *msg)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	err_set(&e, cls, NULL, "%s", msg);
	finish(l, NULL, &e);
}

static void answer(struct luxi_async *l)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *j CLEANUP(json_putp) = NULL;
	json *result;

	if (json_parse(l->in.p, l->in.len - 1, &j, &e) < 0 || !json_is(j, JSON_DICT)) {
		fail(l, "ProtocolError", "the master's answer is not valid");
		return;
	}
	result = json_get(j, "result");
	if (json_get_bool(j, "success", false)) {
		finish(l, result, NULL);
		return;
	}
	if (json_str(result))
		err_plain(&e, "%s", json_str(result));
	else
		err_from_json(result, &e);
	finish(l, NULL, &e);
}

static void on_io(int fd, int what, void *arg)
{
	struct luxi_async *l = arg;

	if (what & EV_FD_WRITE) {
		ssize_t n = write(fd, l->out.p + l->sent, l->out.len - l->sent);

		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			fail(l, "ProtocolError", "connection to the master was lost");
			return;
		}
		l->sent += n > 0 ? (size_t)n : 0;
		if (l->sent == l->out.len)
			ev_fd_set(l->watch, EV_FD_READ);
	}
	if (what & EV_FD_READ) {
		char buf[65536];
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0 || l->in.len + (size_t)n > LUXI_MAX_MESSAGE) {
			fail(l, "ProtocolError", "connection to the master was lost");
			return;
		}
		str_addn(&l->in, buf, (size_t)n);
		if (l->in.p[l->in.len - 1] == '\3')
			answer(l);
	}
}

static void on_deadline(void *arg)
{
	fail(arg, "TimeoutError", "the master did not answer in time");
}

/* deliver a connection failure from the loop, so that callers see it like any other */
static void on_unconnected(void *arg)
{
	char *text CLEANUP(freep) =
		xasprintf("Can't connect to master daemon: %s", path_of(PATH_QUERY_SOCKET));

	fail(arg, "NoMasterError", text);
}

struct luxi_async *luxi_async(struct ev *ev, enum luxi method, json *args, double timeout,
			      void (*fn)(json *result, const struct err *e, void *arg), void *arg)
{
	struct luxi_async *l = xcalloc(1, sizeof(*l));
	json *msg CLEANUP(json_putp) = json_pack("{s:s, s:o, s:i}", "method", luxi_name(method),
						 "args", args, "version", LUXI_VERSION);
	char *text CLEANUP(freep) = json_dump(msg);

	l->fn = fn;
	l->arg = arg;
	str_addf(&l->out, "%s\3", text);
	l->fd = unix_connect(path_of(PATH_QUERY_SOCKET), CONNECT_TIMEOUT);
	if (l->fd < 0) {
		l->deadline = ev_timer_new(ev, "rapi-unconnected", on_unconnected, l);
		ev_timer_start(l->deadline, 0);
		return l;
	}
	fcntl(l->fd, F_SETFL, fcntl(l->fd, F_GETFL) | O_NONBLOCK);
	l->watch = ev_fd_new(ev, "rapi-luxi", l->fd, EV_FD_READ | EV_FD_WRITE, on_io, l);
	l->deadline = ev_timer_new(ev, "rapi-luxi-deadline", on_deadline, l);
	ev_timer_start(l->deadline, timeout);
	return l;
}

static void on_answer(json *result, const struct err *e, void *arg)
{
	struct rcall *c = arg;

	c->luxi = NULL;
	if (e)
		rapi_fail_err(c, e);
	else
		c->then(c, result);
}

static void on_client_gone(void *arg)
{
	struct rcall *c = arg;

	luxi_async_cancel(c->luxi);
	c->luxi = NULL;
}

void rapi_ask(struct rcall *c, enum luxi method, json *args,
	      void (*then)(struct rcall *c, json *result))
{
	c->then = then;
	c->luxi = luxi_async(c->rapi->ev, method, args, 180, on_answer, c);
	http_on_gone(c->req, on_client_gone, c);
}
