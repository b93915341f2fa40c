/* A client of the master's socket. Upstream: lib/luxi.py, lib/rpc/transport.py. */
#include "src/client/client.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <unistd.h>

#define RETRY_PAUSE_US 100000
#define ATTEMPTS 15 /* upstream: RetryOnNetworkError */
#define NEXT_MASTER 60.0 /* who had a master waits longer for the next one, which asks the other nodes first */

struct luxi_client {
	char *path;
	bool own; /* the path is the usual one of this node */
	int fd;
	bool had; /* it was connected */
};

static const char *socket_path(void)
{
	const char *forced = getenv("FORCE_LUXI_SOCKET");

	if (!forced || !*forced || str_eq(forced, "query"))
		return path_of(PATH_QUERY_SOCKET);
	return str_eq(forced, "master") ? path_of(PATH_MASTER_SOCKET) : forced;
}

static int timed_out(struct err *e, const char *what)
{
	return err_set(e, TimeoutError, NULL, "%s", what);
}

static int lost(struct err *e, const char *what)
{
	return err_set(e, ConnectionClosedError, NULL, "%s", what);
}

/* Try until TIMEOUT: the master may be starting. On another node there is no point in trying. */
static int try_connect(struct luxi_client *c, double timeout, struct err *e)
{
	double end = clock_mono() + timeout;

	for (;;) {
		double left = end - clock_mono();
		int fd = unix_connect(c->path, left > 0.1 ? left : 0.1);

		if (fd >= 0) {
			c->fd = fd;
			c->had = true;
			return 0;
		}
		if (fd == -EACCES || fd == -EPERM)
			return err_set(e, PermissionError, NULL, "%s", c->path);
		if ((fd == -ENOENT || fd == -ECONNREFUSED) && c->own) {
			if (!getenv("FORCE_LUXI_SOCKET") && ssconf_check_master(NULL, e) < 0)
				return -1;
		} else if (fd != -EAGAIN && fd != -ETIMEDOUT) {
			return err_sys(e, fd, "Can't connect to %s", c->path);
		}
		if (clock_mono() >= end)
			return timed_out(e, "Connect timed out");
		usleep(RETRY_PAUSE_US);
	}
}

static int open_path(const char *path, bool own, double seconds, struct luxi_client **ret, struct err *e)
{
	struct luxi_client *c CLEANUP(luxi_closep) = xcalloc(1, sizeof(*c));

	c->fd = -1;
	c->own = own;
	c->path = xstrdup(path);
	if (try_connect(c, seconds, e) < 0)
		return -1;
	*ret = STEAL(c);
	return 0;
}

int luxi_open_within(double seconds, struct luxi_client **ret, struct err *e)
{
	return open_path(socket_path(), true, seconds, ret, e);
}

int luxi_open_at(const char *path, struct luxi_client **ret, struct err *e)
{
	return open_path(path, false, LUXI_CONNECT_TIMEOUT, ret, e);
}

int luxi_open(struct luxi_client **ret, struct err *e)
{
	return luxi_open_within(LUXI_CONNECT_TIMEOUT, ret, e);
}

void luxi_close(struct luxi_client *c)
{
	if (!c)
		return;
	closep(&c->fd);
	free(c->path);
	free(c);
}

void luxi_closep(struct luxi_client **c)
{
	luxi_close(*c);
	*c = NULL;
}

static void drop(struct luxi_client *c)
{
	closep(&c->fd);
	c->fd = -1;
}

/* Send; a connection that the master closed meanwhile (it was idle) is opened again once. */
static int send_request(struct luxi_client *c, const json *request, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;

	for (int attempt = 0; attempt < 2; attempt++) {
		if (c->fd < 0 && try_connect(c, c->had ? NEXT_MASTER : LUXI_CONNECT_TIMEOUT, e) < 0)
			return -1;
		if (luxi_write(c->fd, request, LUXI_RW_TIMEOUT, &why) == 0)
			return 0;
		drop(c);
		if (why.errnum != EPIPE && why.errnum != ECONNRESET)
			break;
	}
	return why.errnum == ETIMEDOUT ? timed_out(e, err_msg(&why)) : lost(e, err_msg(&why));
}

static int take_answer(json *answer, json **ret, struct err *e)
{
	json *result = json_get(answer, "result"), *version = json_get(answer, "version");

	if (!json_is(answer, JSON_DICT) || !json_is(json_get(answer, "success"), JSON_BOOL))
		return err_set(e, ProtocolError, NULL, "Invalid response from server");
	if (version && json_int(version, 0) != LUXI_VERSION)
		return err_set(e, LuxiError, NULL,
			       "LUXI version mismatch, client %d, response %lld", LUXI_VERSION,
			       (long long)json_int(version, 0));
	if (json_get_bool(answer, "success", false)) {
		if (ret)
			*ret = json_ref(result);
		return 0;
	}
	if (json_is(result, JSON_ARRAY))
		return err_from_json(result, e);
	return err_set(e, RequestError, NULL, "%s",
		       json_str(result) ? json_str(result) : "Unknown error");
}

/*
 * May be asked again when the master died before it answered? Upstream asks everything again, and so can
 * submit a job twice.
 */
static bool is_question(enum luxi method)
{
	return method == LUXI_WaitForJobChange || str_starts(luxi_name(method), "Query");
}

int luxi_call_text(struct luxi_client *c, enum luxi method, json *args, struct str *ret, struct err *e)
{
	json *request CLEANUP(json_putp) = json_pack("{s:s, s:o, s:i}", "method", luxi_name(method),
						     "args", args, "version", LUXI_VERSION);
	struct err why CLEANUP(err_clear) = ERR_NONE;

	for (int attempt = 1;; attempt++) {
		bool closed;

		if (send_request(c, request, e) < 0)
			return -1;
		str_trim(ret, 0);
		if (luxi_read_text(c->fd, ret, LUXI_RW_TIMEOUT, &why) == 0)
			return 0;
		drop(c); /* a late answer must not be taken for that of the next request */
		closed = why.errnum == EPIPE || why.errnum == ECONNRESET;
		if (!closed || !is_question(method) || attempt == ATTEMPTS)
			break;
	}
	return why.errnum == ETIMEDOUT ? timed_out(e, err_msg(&why)) : lost(e, err_msg(&why));
}

int luxi_answer(const struct str *text, json **ret, struct err *e)
{
	json *answer CLEANUP(json_putp) = NULL;
	struct err why CLEANUP(err_clear) = ERR_NONE;

	if (json_parse(str_get(text), text->len, &answer, &why) < 0)
		return lost(e, err_msg(&why));
	return take_answer(answer, ret, e);
}

int luxi_call(struct luxi_client *c, enum luxi method, json *args, json **ret, struct err *e)
{
	struct str text CLEANUP(str_free) = { 0 };

	if (luxi_call_text(c, method, args, &text, e) < 0)
		return -1;
	return luxi_answer(&text, ret, e);
}
