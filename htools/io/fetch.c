/* Many URLs at once. Errors are named as by the library upstream uses. */
#include "htools/io/io.h"

#include "lib/net/net.h"
#include "lib/wire/wire.h"

#include <stdlib.h>
#include <string.h>

#define PARALLEL 64
#define CONNECT_TIMEOUT 15

struct url {
	bool tls;
	const char *host, *path, *user; /* user: "name:password" or NULL */
	int port;
};

/* The URL without name and password, for people. */
static const char *shown(struct arena *a, const char *url)
{
	const char *scheme = strstr(url, "://"), *host = scheme ? scheme + 3 : url;
	size_t n = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', n);

	return at ? arena_printf(a, "%.*s%s", (int)(host - url), url, at + 1) : url;
}

static char *unescaped(struct arena *a, const char *s)
{
	char *out = arena_strdup(a, s), *to = out;

	for (; *s; s++) {
		char hex[3] = { 0 }, *end;

		if (*s == '%' && s[1] && s[2]) {
			long v;

			memcpy(hex, s + 1, 2);
			v = strtol(hex, &end, 16);
			if (!*end && v > 0) {
				*to++ = (char)v;
				s += 2;
				continue;
			}
		}
		*to++ = *s;
	}
	*to = '\0';
	return out;
}

static int parse_url(struct arena *a, const char *text, struct url *u)
{
	const char *scheme = strstr(text, "://"), *host = scheme ? scheme + 3 : text, *at, *port;
	size_t n = strcspn(host, "/?#");
	char *end, *name = arena_strndup(a, host, n);
	long p;

	*u = (struct url){ .tls = str_starts(text, "https://"), .path = host[n] == '/' ? host + n : "/" };
	if (scheme && !u->tls && !str_starts(text, "http://"))
		return -1;
	u->port = u->tls ? 443 : 80;
	at = strrchr(name, '@');
	if (at) {
		u->user = unescaped(a, arena_strndup(a, name, (size_t)(at - name)));
		name += at + 1 - name;
	}
	if (*name == '[') { /* IPv6 */
		end = strchr(++name, ']');
		if (!end)
			return -1;
		*end = '\0';
		port = end[1] == ':' ? end + 2 : NULL;
	} else {
		end = strchr(name, ':');
		port = end ? end + 1 : NULL;
		if (end)
			*end = '\0';
	}
	u->host = name;
	if (port && *port) {
		p = strtol(port, &end, 10);
		if (*end || p < 1 || p > 65535)
			return -1;
		u->port = (int)p;
	}
	return *name ? 0 : -1;
}

/* --- */

struct batch {
	struct ev *ev;
	struct arena *a;
	size_t open;
	bool done;
};
struct one {
	struct batch *b;
	struct ht_get *get;
	struct http_client *client;
};

static const char *curl_name(const char *text)
{
	static const struct {
		const char *code, *name;
	} names[] = {
		{ "Error 3:", "CurlUrlMalformat" },     { "Error 7:", "CurlCouldntConnect" },
		{ "Error 8:", "CurlFtpWeirdServerReply" }, { "Error 18:", "CurlPartialFile" },
		{ "Error 28:", "CurlOperationTimeout" }, { "Error 35:", "CurlSSLConnectError" },
		{ "Error 52:", "CurlGotNothing" },      { "Error 56:", "CurlRecvError" },
		{ "Error 63:", "CurlFilesizeExceeded" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_starts(text, names[i].code))
			return names[i].name;
	return text;
}

static void failed(struct batch *b, struct ht_get *g, const char *why)
{
	err_plain(&g->err, "Curl error for '%s', error %s", shown(b->a, g->url), why);
}

static void on_answer(int status, const char *body, size_t n, const struct err *e, void *arg)
{
	struct one *o = arg;

	o->get->status = status;
	if (status) {
		o->get->body = xstrndup(body, n);
		o->get->n = n;
	} else {
		failed(o->b, o->get, curl_name(err_msg(e)));
	}
	o->b->done = --o->b->open == 0;
}

static void start(struct batch *b, struct one *o, struct tls_ctx *tls, double timeout)
{
	const char *name, *ip, *auth = NULL;
	struct url u;

	if (parse_url(b->a, o->get->url, &u) < 0) {
		failed(b, o->get, "CurlUrlMalformat");
		return;
	}
	if (resolve_name(b->a, env_hosts_file(), u.host, 0, &name, &ip, NULL) < 0) {
		failed(b, o->get, "CurlCouldntResolveHost");
		return;
	}
	if (u.user)
		auth = arena_printf(b->a, "Basic %s", base64_encode(b->a, u.user, strlen(u.user)));
	o->client = http_client_new(b->ev, &(struct http_client_opts){ .tls = u.tls ? tls : NULL, .max_parallel = 1,
								       .connect_timeout = CONNECT_TIMEOUT, .max_body = HT_INPUT_MAX,
								       .authorization = auth });
	b->open++;
	http_send(o->client, ip, u.port, HTTP_GET, u.path, NULL, 0, timeout, on_answer, o);
}

int ht_fetch(struct ht_get *v, size_t n, double timeout, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct batch b = { .a = a };
	struct tls_ctx *tls = tls_client_ctx(NULL, NULL, e); /* upstream: nothing is verified */

	if (!tls)
		return -1;
	b.ev = ev_new();
	for (size_t from = 0; from < n; from += PARALLEL) {
		size_t count = n - from < PARALLEL ? n - from : PARALLEL;
		struct one *o = ARENA_ARRAY(a, struct one, count);

		b.done = false;
		b.open = 1; /* until all are started */
		for (size_t i = 0; i < count; i++) {
			o[i] = (struct one){ .b = &b, .get = &v[from + i] };
			start(&b, &o[i], tls, timeout);
		}
		b.done = --b.open == 0;
		ev_run_until(b.ev, &b.done, timeout + CONNECT_TIMEOUT);
		for (size_t i = 0; i < count; i++)
			http_client_free(o[i].client);
	}
	ev_free(b.ev);
	tls_ctx_free(tls);
	return 0;
}

void ht_get_clear(struct ht_get *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].body);
		err_clear(&v[i].err);
	}
}
