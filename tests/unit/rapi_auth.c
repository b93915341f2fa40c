/* The users file of the REST daemon, and who it lets in. */
#include "tests/unit/http_kit.h"

#include "daemons/rapi/rapi.h"

#include <unistd.h>

static const char file_text[] = "# admin of old\n"
				"plain secret write\n"
				"sharp #secret write\n"
				"clear {ClearText}secret read\n"
				"both secret  read , write \n"
				"nobody\n"
				"# twice secret read\n"
				"twice first read\n"
				"twice second write\n"
				"odd {SSHA}secret write\n"
				"open {secret write\n";

static struct users *users;
static const char *access_wanted;
static bool auth_required;

static void on_request(struct http_req *r, void *arg)
{
	int status = users_check(users, r, http_arena(r), access_wanted, auth_required);

	(void)arg;
	http_reply(r, status ? status : 200, NULL, "", 0);
}

/* The status for NAME and PASSWORD where ACCESS is needed. */
static int login(const struct fix *f, const char *name, const char *password, const char *access)
{
	char *pair = arena_printf(A, "%s:%s", name, password);

	access_wanted = access;
	return ask(f->port, arena_printf(A, "GET / HTTP/1.0\r\nAuthorization: Basic %s\r\n\r\n",
					 base64_encode(A, pair, strlen(pair))));
}

static void write_users(const char *path, const char *text)
{
	assert_int_equal(fs_write_atomic(path, text, strlen(text), NULL), 0);
}

static void with_server(struct fix *f, const char *path)
{
	struct http_server_opts o = default_opts(f);

	o.fn = on_request;
	start(f, &o);
	users = users_new(path);
	auth_required = false;
}

static void done(struct fix *f)
{
	http_server_free(f->srv);
	users_free(users);
}

static void test_passwords(void **state)
{
	const char *path = arena_printf(A, "%s/users", kit_dir);
	const char *ha1 = hash_md5_hex(A, "hash:Ganeti Remote API:secret");
	struct fix f;

	(void)state;
	write_users(path, arena_printf(A, "%shash {ha1}%s write\nHASH {HA1}%s write\n", file_text, ha1,
				       str_upper(A, hash_md5_hex(A, "HASH:Ganeti Remote API:secret"))));
	with_server(&f, path);
	assert_int_equal(login(&f, "plain", "secret", "write"), 200);
	assert_int_equal(login(&f, "plain", "secret2", "write"), 401);
	assert_int_equal(login(&f, "plain", "", "write"), 401);
	assert_int_equal(login(&f, "sharp", "#secret", "write"), 200);
	assert_int_equal(login(&f, "clear", "secret", "read"), 200);
	assert_int_equal(login(&f, "clear", "{ClearText}secret", "read"), 401);
	assert_int_equal(login(&f, "nobody", "", NULL), 401);
	assert_int_equal(login(&f, "#", "admin", NULL), 401);
	assert_int_equal(login(&f, "twice", "first", NULL), 401); /* the last line counts */
	assert_int_equal(login(&f, "twice", "second", NULL), 200);
	assert_int_equal(login(&f, "hash", "secret", "write"), 200);
	assert_int_equal(login(&f, "HASH", "secret", "write"), 200); /* digits of either case */
	assert_int_equal(login(&f, "hash", ha1, "write"), 401);
	/* a scheme we do not know is not a password */
	assert_int_equal(login(&f, "odd", "{SSHA}secret", "write"), 401);
	assert_int_equal(login(&f, "open", "{secret", "write"), 401);
	done(&f);
}

static void test_rights(void **state)
{
	const char *path = arena_printf(A, "%s/users", kit_dir);
	struct fix f;

	(void)state;
	write_users(path, file_text);
	with_server(&f, path);
	assert_int_equal(login(&f, "plain", "secret", "read"), 403);
	assert_int_equal(login(&f, "clear", "secret", "write"), 403);
	assert_int_equal(login(&f, "clear", "secret", "read,write"), 200);
	assert_int_equal(login(&f, "both", "secret", "read"), 200);
	assert_int_equal(login(&f, "both", "secret", "write"), 200);
	/* without a user */
	assert_int_equal(ask(f.port, "GET / HTTP/1.0\r\n\r\n"), 401);
	access_wanted = NULL;
	assert_int_equal(ask(f.port, "GET / HTTP/1.0\r\n\r\n"), 200);
	auth_required = true;
	assert_int_equal(ask(f.port, "GET / HTTP/1.0\r\n\r\n"), 401);
	assert_int_equal(ask(f.port, "GET / HTTP/1.0\r\nAuthorization: Basic !\r\n\r\n"), 401);
	assert_int_equal(ask(f.port, "GET / HTTP/1.0\r\nAuthorization: Digest x\r\n\r\n"), 401);
	/* the file is read again when it changes; without it nobody gets in */
	write_users(path, "plain other write\n");
	assert_int_equal(login(&f, "plain", "secret", NULL), 401);
	assert_int_equal(login(&f, "plain", "other", NULL), 200);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(login(&f, "plain", "other", NULL), 401);
	done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passwords),
		cmocka_unit_test(test_rights),
	};

	return cmocka_run_group_tests_name("rapi_auth", tests, kit_setup, kit_teardown);
}
