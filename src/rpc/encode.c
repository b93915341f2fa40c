/* Arguments and answers of node RPCs between C and JSON. Upstream: rpc/node.py. */
#include "src/rpc/rpc.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#define BLOB_PLAIN_MAX 512
#define BLOB_LEVEL 3
#define FILE_MAX (1u << 30)
#define TEST_DELAY_SLACK 5
#define ASKED_SLACK 60

static bool all_zero(const void *p, size_t n)
{
	const char *c = p;

	for (size_t i = 0; i < n; i++)
		if (c[i])
			return false;
	return true;
}

static json *encode_field(const struct field *f, const void *args)
{
	const char *value = (const char *)args + f->offset;
	const struct type *t = f->type;

	if (*((const bool *)args + f->has) || !all_zero(value, t->size) || t == &type_bool ||
	    t->items)
		return t->emit(t, value);
	if (f->opt || t == &type_any)
		return NULL;
	if (t == &type_dict)
		return json_new_dict();
	if (t == &type_list)
		return json_new_array();
	if (t == &type_str)
		return json_new_str("");
	return t->emit(t, value);
}

json *rpc_encode(enum rpc rpc, const void *args)
{
	const struct record *r = rpc_record(rpc);
	json *list = json_new_array();

	for (size_t i = 0; i < r->n; i++)
		json_append(list, encode_field(&r->fields[i], args));
	return list;
}

/* Which argument says how long it may take, or -1. */
static int seconds_at(enum rpc rpc)
{
	switch (rpc) {
	case RPC_test_delay:
		return 0;
	case RPC_instance_shutdown:
		return 1;
	case RPC_instance_reboot:
		return 2;
	case RPC_run_oob:
		return 3;
	default:
		return -1;
	}
}

bool rpc_limit_asked(enum rpc rpc)
{
	return seconds_at(rpc) >= 0;
}

double rpc_limit(enum rpc rpc, const json *args)
{
	double row = rpc_attr(rpc)->timeout;
	int at = seconds_at(rpc);
	double asked = at < 0 ? 0 : json_float(json_at(args, (size_t)at), 0);

	if (rpc == RPC_test_delay)
		return asked + TEST_DELAY_SLACK;
	return asked + ASKED_SLACK > row ? asked + ASKED_SLACK : row;
}

static const char *python_type(const json *j)
{
	static const char *const names[] = { "NoneType", "bool", "int", "float",
					     "str",	 "list", "dict" };

	return names[json_kind(j)];
}

int rpc_decode(const char *body, size_t n, json **ret, struct err *e)
{
	json *j CLEANUP(json_putp) = NULL;
	json *payload;

	if (json_parse(body, n, &j, e) < 0)
		return err_prefix(e, "RPC layer error: invalid answer");
	if (!json_is(j, JSON_ARRAY))
		return err_plain(e, "RPC layer error: invalid result type (<class '%s'>)",
				 python_type(j));
	if (json_len(j) != 2)
		return err_plain(e, "RPC layer error: invalid result length (%zu), expected 2",
				 json_len(j));
	payload = json_at(j, 1);
	if (json_boolean(json_at(j, 0), false)) {
		*ret = json_ref(payload);
		return 0;
	}
	if (json_str(payload) && *json_str(payload))
		return err_plain(e, "%s", json_str(payload));
	if (json_len(payload)) {
		char *text CLEANUP(freep) = json_dump(payload);

		return err_plain(e, "%s", text);
	}
	return err_plain(e, "No error information");
}

/* May DATA travel as a JSON string? */
static bool is_text(const char *data, size_t n)
{
	json *s CLEANUP(json_putp) = json_new_strn(data, n);
	json *back CLEANUP(json_putp) = NULL;
	char *dump CLEANUP(freep) = json_dump(s);

	return json_parse(dump, strlen(dump), &back, NULL) == 0;
}

json *rpc_blob(const void *data, size_t n)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	void *packed;
	size_t len;

	if (n < BLOB_PLAIN_MAX && is_text(data, n))
		return json_pack("[i, o]", RPC_ENCODING_NONE, json_new_strn(data, n));
	zlib_pack(a, data, n, BLOB_LEVEL, &packed, &len);
	return json_pack("[i, s]", RPC_ENCODING_ZLIB_BASE64, base64_encode(a, packed, len));
}

int rpc_blob_data(struct arena *a, const json *blob, size_t max, const void **ret, size_t *ret_n,
		  struct err *e)
{
	const json *content = json_at(blob, 1);
	void *packed, *data;
	size_t n;

	if (json_len(blob) != 2 || !json_is(json_at(blob, 0), JSON_INT) || !json_str(content))
		return err_plain(e, "Invalid encoded data");
	switch (json_int(json_at(blob, 0), -1)) {
	case RPC_ENCODING_NONE:
		if (json_str_len(content) > max)
			return err_plain(e, "Encoded data is too large");
		*ret = json_str(content);
		*ret_n = json_str_len(content);
		return 0;
	case RPC_ENCODING_ZLIB_BASE64:
		if (base64_decode(a, json_str(content), &packed, &n) < 0)
			return err_plain(e, "Invalid base64 data");
		if (zlib_unpack(a, packed, n, max, &data, &n) < 0)
			return err_plain(e, "Invalid or too large compressed data");
		*ret = data;
		*ret_n = n;
		return 0;
	default:
		return err_plain(e, "Unknown data encoding");
	}
}

static const char *user_name(struct arena *a, uid_t uid)
{
	const struct passwd *pw = getpwuid(uid);

	return pw ? arena_strdup(a, pw->pw_name) : arena_printf(a, "%d", (int)uid);
}

static const char *group_name(struct arena *a, gid_t gid)
{
	const struct group *gr = getgrgid(gid);

	return gr ? arena_strdup(a, gr->gr_name) : arena_printf(a, "%d", (int)gid);
}

int rpc_file(struct arena *a, const char *path, json **ret, struct err *e)
{
	char *data CLEANUP(freep) = NULL;
	struct stat st;
	size_t n;
	int r = fs_read(path, FILE_MAX, &data, &n);

	if (r == 0 && stat(path, &st) < 0)
		r = -errno;
	if (r < 0)
		return err_sys(e, r, "Can't read %s", path);
	*ret = json_pack("[s, o, i, s, s, f, f]", env_strip_root(a, path), rpc_blob(data, n),
			 (int)st.st_mode, user_name(a, st.st_uid), group_name(a, st.st_gid),
			 (double)st.st_atim.tv_sec + (double)st.st_atim.tv_nsec / 1e9,
			 (double)st.st_mtim.tv_sec + (double)st.st_mtim.tv_nsec / 1e9);
	return 0;
}
