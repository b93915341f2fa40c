/*
 * fakenode SCRIPT TRACE PORT IP...: node agents that say what a file tells them to, over the same TLS and
 * HTTP as the real one. Every call is appended to TRACE as "CALL IP ARGUMENTS"; its answer is the first line
 * of SCRIPT that fits:
 *
 *	CALL IP JSON     the payload of a success
 *	CALL IP !TEXT    a failure with that text
 *	CALL IP @hang    no answer while this line is there
 *	CALL IP @status N  HTTP status N
 *
 * CALL and IP may be "*". The file is read again for each call, and every now and then for those that hang.
 * Certificates are those of the virtual root; prints "ready" once it listens.
 */
#include "lib/net/net.h"
#include "src/env/env.h"

#include "lib/base/parse.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SCRIPT_MAX (4u << 20)
#define BODY_MAX (64u << 20)
#define HEADERS_MAX (64u << 10)
#define LOOK_AGAIN 0.05

struct fake {
	struct ev *ev;
	const char *script, *trace;
	struct ev_timer *again;
	struct held *held;
};
struct agent {
	struct fake *f;
	const char *ip;
};
struct held { /* a call without an answer yet */
	struct held *next;
	struct fake *f;
	struct http_req *r;
	const char *call, *ip;
	bool gone;
};

static bool fits(const char *pattern, const char *what)
{
	return strcmp(pattern, "*") == 0 || strcmp(pattern, what) == 0;
}

/* The answer for CALL of IP, NULL when no line fits. */
static const char *look_up(struct fake *f, struct arena *a, const char *call, const char *ip)
{
	char *text CLEANUP(freep) = NULL;
	struct strs lines;

	if (fs_read(f->script, SCRIPT_MAX, &text, NULL) < 0)
		return NULL;
	lines = strs_split(a, arena_strdup(a, text), '\n');
	for (size_t i = 0; i < lines.n; i++) {
		struct strs w = strs_split(a, lines.v[i], ' ');

		if (w.n < 3 || *lines.v[i] == '#' || !fits(w.v[0], call) || !fits(w.v[1], ip))
			continue;
		return lines.v[i] + strlen(w.v[0]) + strlen(w.v[1]) + 2;
	}
	return NULL;
}

static void reply_json(struct http_req *r, bool success, json *payload)
{
	json *body CLEANUP(json_putp) = json_pack("[b, o]", (int)success, payload);
	char *text CLEANUP(freep) = json_dump(body);

	http_reply(r, 200, "application/json", text, strlen(text));
}

/* false: it hangs */
static bool answer(struct fake *f, struct http_req *r, const char *call, const char *ip)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *what = look_up(f, a, call, ip);
	struct err e CLEANUP(err_clear) = ERR_NONE;
	int64_t status;
	json *payload = NULL;

	if (what && strcmp(what, "@hang") == 0)
		return false;
	if (what && str_starts(what, "@status ") && parse_int(what + 8, &status) == 0)
		http_reply(r, (int)status, "text/plain", "", 0);
	else if (!what)
		reply_json(r, false, json_new_str(arena_printf(a, "fakenode: no line for %s", call)));
	else if (*what == '!')
		reply_json(r, false, json_new_str(what + 1));
	else if (json_parse(what, strlen(what), &payload, &e) < 0)
		reply_json(r, false, json_new_str(arena_printf(a, "fakenode: %s", err_msg(&e))));
	else
		reply_json(r, true, payload);
	return true;
}

static void look_again(void *arg)
{
	struct fake *f = arg;
	struct held **p = &f->held;

	while (*p) {
		struct held *h = *p;

		if (!h->gone && !answer(f, h->r, h->call, h->ip)) {
			p = &h->next;
			continue;
		}
		*p = h->next;
		free(h);
	}
	if (f->held)
		ev_timer_start(f->again, LOOK_AGAIN);
}

static void on_gone(void *arg)
{
	struct held *h = arg;

	h->gone = true;
}

static void hold(struct agent *n, struct http_req *r, const char *call)
{
	struct held *h = xcalloc(1, sizeof(*h));

	*h = (struct held){ .next = n->f->held, .f = n->f, .r = r, .ip = n->ip,
			    .call = arena_strdup(http_arena(r), call) };
	n->f->held = h;
	http_on_gone(r, on_gone, h);
	ev_timer_start(n->f->again, LOOK_AGAIN);
}

static void on_call(struct http_req *r, void *arg)
{
	struct agent *n = arg;
	const char *path = http_path(r), *call = *path == '/' ? path + 1 : path, *body;
	FILE *trace = fopen(n->f->trace, "a");
	size_t len;

	body = http_body(r, &len);
	if (trace) {
		fprintf(trace, "%s %s %.*s\n", call, n->ip, (int)len, body ? body : "");
		fclose(trace);
	}
	if (!answer(n->f, r, call, n->ip))
		hold(n, r, call);
}

int main(int argc, char **argv)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct fake f = { .ev = ev_new() };
	struct tls_ctx *tls;
	int64_t port;

	if (argc < 5 || parse_int(argv[3], &port) < 0) {
		fprintf(stderr, "usage: fakenode SCRIPT TRACE PORT IP...\n");
		return 2;
	}
	f.script = argv[1];
	f.trace = argv[2];
	f.again = ev_timer_new(f.ev, "look again", look_again, &f);
	tls = tls_server_ctx(path_of(PATH_NODED_CERT_FILE), path_of(PATH_NODED_CERT_FILE), &e);
	for (int i = 4; tls && i < argc; i++) {
		struct agent *n = xcalloc(1, sizeof(*n));
		struct http_server_opts o = { .address = argv[i], .port = (int)port, .tls = tls,
					      .max_body = BODY_MAX, .max_headers = HEADERS_MAX,
					      .max_connections = 100, .idle_timeout = 600,
					      .request_timeout = 60, .server_name = "fakenode",
					      .fn = on_call, .arg = n };

		*n = (struct agent){ .f = &f, .ip = argv[i] };
		if (!http_server_new(f.ev, &o, &e))
			tls = NULL;
	}
	if (!tls) {
		fprintf(stderr, "fakenode: %s\n", err_msg(&e));
		return 1;
	}
	puts("ready");
	fflush(stdout);
	ev_run(f.ev);
	return 0;
}
