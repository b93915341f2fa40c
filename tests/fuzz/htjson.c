/* What the allocation tools take from others as JSON: reports of monitoring daemons, answers of the REST daemon and of
 * the master. Whatever the bytes, an error with a text, or a cluster that can be computed with and written down. The
 * first byte says which it is. */
#include "htools/io/io.h"
#include "htools/io/value.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void use(struct ht_cluster *c)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct str s CLEANUP(str_free) = { 0 };
	struct ht_merge_opts o = { 0 };
	struct strs warnings, fields = { 0 };
	struct ht_view v;

	if (ht_merge(c, &o, NULL) < 0)
		return;
	ht_update_missing(c, 4096, a, &warnings);
	ht_view_all(c, &v);
	ht_print_nodes(&s, c, &v, &fields);
	ht_print_insts(&s, c, &v);
	ht_text_format(&s, c);
	ht_view_free(&v);
}

static void mond(const char *text, size_t n)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *all CLEANUP(json_putp) = NULL;

	if (ht_mond_parse(a, text, n, &all, &e) < 0)
		assert(e.msg && *e.msg);
}

/* Four texts between NULs. */
static void rapi(const char *text, size_t n)
{
	struct ht_cluster *c CLEANUP(ht_cluster_freep) = ht_cluster_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct ht_get v[4] = { 0 };

	for (int i = 0; i < 4; i++) {
		size_t len = strnlen(text, n);

		v[i].status = 200;
		v[i].body = xstrndup(text, len);
		v[i].n = len;
		text += len + (len < n);
		n -= len + (len < n);
	}
	if (ht_rapi_parse(c, v, &e) == 0)
		use(c);
	else
		assert(e.msg && *e.msg);
	ht_get_clear(v, 4);
}

/* A list of the four answers. */
static void luxi(const char *text, size_t n)
{
	struct ht_cluster *c CLEANUP(ht_cluster_freep) = ht_cluster_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *all CLEANUP(json_putp) = NULL;

	if (json_parse(text, n, &all, NULL) < 0)
		return;
	if (ht_luxi_parse(c, json_at(all, 0), json_at(all, 1), json_at(all, 2), json_at(all, 3), &e) == 0)
		use(c);
	else
		assert(e.msg && *e.msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text CLEANUP(freep) = NULL;

	if (n < 1 || n > 50000)
		return 0;
	text = xmalloc(n);
	memcpy(text, data + 1, n - 1);
	text[n - 1] = '\0';
	if (data[0] % 3 == 0)
		mond(text, n - 1);
	else if (data[0] % 3 == 1)
		rapi(text, n - 1);
	else
		luxi(text, n - 1);
	return 0;
}
