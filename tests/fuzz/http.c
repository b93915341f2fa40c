/* The HTTP parsers: what they accept must not depend on how it was cut into pieces. */
#include "lib/net/priv.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static size_t head_end_in_pieces(const char *p, size_t n)
{
	size_t scanned = 0;

	for (size_t k = 1; k <= n; k++) {
		size_t end = http_head_end(p, k, &scanned);

		if (end)
			return end;
	}
	return 0;
}

static void check_head(const struct http_head *h)
{
	assert(h->n_fields <= HTTP_HEADERS_MAX);
	assert(!(h->chunked && h->length >= 0));
	for (size_t i = 0; i < h->n_fields; i++) {
		assert(h->field[i].name[0]);
		assert(!strpbrk(h->field[i].name, " \t\r\n:"));
		assert(!strpbrk(h->field[i].value, "\r\n"));
	}
}

static void heads(const char *p, size_t n)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct http_head *h = ARENA_NEW(a, struct http_head);
	size_t scanned = 0, end = http_head_end(p, n, &scanned);

	assert(end == head_end_in_pieces(p, n));
	if (!end)
		return;
	if (http_parse_request(a, p, end, h) == 0) {
		check_head(h);
		assert(h->path && (h->path[0] == '/' || strcmp(h->path, "*") == 0));
		assert(h->minor == 0 || http_field(h, "host"));
	}
	if (http_parse_response(a, p, end, h) == 0) {
		check_head(h);
		assert(h->status >= 100 && h->status <= 999);
	}
}

/* Feed with at most STEP new bytes at a time, as a connection would. */
static ssize_t chunks(const char *p, size_t n, size_t step, struct str *out, bool *done)
{
	struct http_chunks c = { 0 };
	size_t used = 0, have = 0;

	while (have < n) {
		ssize_t k;

		have = n - have < step ? n : have + step;
		k = http_chunks_feed(&c, p + used, have - used, out, 10000);
		if (k < 0)
			return k;
		used += (size_t)k;
	}
	*done = c.state == CHUNK_DONE;
	return (ssize_t)used;
}

static void bodies(const char *p, size_t n)
{
	struct str one CLEANUP(str_free) = { 0 };
	struct str two CLEANUP(str_free) = { 0 };
	bool done_one = false, done_two = false;
	ssize_t a = chunks(p, n, n, &one, &done_one);
	ssize_t b = chunks(p, n, 1, &two, &done_two);

	assert((a < 0) == (b < 0));
	assert(one.len <= 10000);
	if (a < 0)
		return;
	assert(a == b && done_one == done_two && one.len == two.len);
	assert(one.len == 0 || memcmp(one.p, two.p, one.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *p = (const char *)data;

	if (n == 0 || n > 20000)
		return 0;
	if (data[0] == 'c')
		bodies(p + 1, n - 1);
	else
		heads(p, n);
	return 0;
}
