/* lib/net: addresses, names, sockets. */
#include "tests/unit/unit.h"

#include "lib/base/clock.h"
#include "lib/net/priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/unit-net-XXXXXX";
static struct arena *A;

static int setup(void **state)
{
	(void)state;
	A = arena_new();
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(A);
	return fs_remove_tree(dir);
}

static void test_addr(void **state)
{
	(void)state;
	assert_true(addr_is_ip4("192.0.2.1"));
	assert_false(addr_is_ip4("192.0.2"));
	assert_false(addr_is_ip4("192.0.2.256"));
	assert_true(addr_is_ip("2001:db8::1"));
	assert_false(addr_is_ip("node1"));
	assert_true(addr_is_local("127.0.0.1"));
	assert_true(addr_is_local("127.1.2.3"));
	assert_false(addr_is_local("192.0.2.1"));
	assert_false(addr_is_local("junk"));
}

static void test_resolve(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const char *hosts = arena_printf(A, "%s/hosts", dir), *name = NULL, *ip = NULL;
	static const char text[] = "# comment\n"
				   "192.0.2.1\tnode1.example.com node1 # first\n"
				   "192.0.2.2 node2 node2.example.com\n"
				   "2001:db8::3 node3.example.com node3\n"
				   "broken\n";

	(void)state;
	assert_int_equal(fs_write_atomic(hosts, text, sizeof(text) - 1, NULL), 0);
	assert_ok(resolve_name(A, hosts, "node1", AF_INET, &name, &ip, &e), &e);
	assert_string_equal(name, "node1.example.com");
	assert_string_equal(ip, "192.0.2.1");
	assert_ok(resolve_name(A, hosts, "NODE2", AF_UNSPEC, &name, &ip, &e), &e);
	assert_string_equal(name, "node2.example.com");
	assert_ok(resolve_name(A, hosts, "node3", AF_INET6, &name, &ip, &e), &e);
	assert_string_equal(ip, "2001:db8::3");
	assert_ok(resolve_name(A, hosts, "192.0.2.2", AF_INET, &name, &ip, &e), &e);
	assert_string_equal(name, "node2.example.com");
	assert_ok(resolve_name(A, NULL, "localhost", AF_INET, &name, &ip, &e), &e);
	assert_string_equal(ip, "127.0.0.1");
	assert_int_equal(resolve_name(A, hosts, "no-such.invalid", AF_INET, &name, &ip, &e), -1);
	assert_memory_equal(err_msg(&e), "The given name (no-such.invalid) does not resolve: ", 51);
	assert_null(e.cls);
}

static void test_tcp_ping(void **state)
{
	int fd = tcp_listen("127.0.0.1", 0), port;

	(void)state;
	assert_true(fd >= 0);
	port = addr_port(fd);
	assert_true(tcp_ping("127.0.0.1", port, 1, true, NULL));
	assert_true(tcp_ping("127.0.0.1", port, 1, true, "127.0.0.2"));
	assert_false(tcp_ping("127.0.0.1", port, 1, true, "192.0.2.1"));
	assert_false(tcp_ping("junk", port, 1, false, NULL));
	close(fd);
	assert_false(tcp_ping("127.0.0.1", port, 1, true, NULL));
	assert_true(tcp_ping("127.0.0.1", port, 1, false, NULL));
}

static void test_unix(void **state)
{
	char *deep = arena_printf(A, "%s/%0100d", dir, 0);
	const char *path = arena_printf(A, "%s/socket", deep); /* too long for sun_path */
	int fd, c, s;
	uid_t uid;
	pid_t pid;
	struct stat st;

	(void)state;
	assert_int_equal(fs_mkdirs(deep, 0700), 0);
	assert_int_equal(unix_connect(path, 1), -ENOENT);
	fd = unix_listen(path, 0666, (uid_t)-1, (gid_t)-1);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(unix_connect(path, 1), -ECONNREFUSED);
	fd = unix_listen(path, 0600, (uid_t)-1, (gid_t)-1); /* replaces what a dead one left */
	assert_true(fd >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	c = unix_connect(path, 1);
	assert_true(c >= 0);
	s = accept(fd, NULL, NULL);
	assert_int_equal(unix_peer(s, &uid, NULL, &pid), 0);
	assert_int_equal(uid, geteuid());
	assert_int_equal(pid, getpid());
	close(c);
	close(s);
	/* a listener that never accepts fills up; we do not wait for ever */
	listen(fd, 0);
	c = unix_connect(path, 0.05);
	assert_true(c >= 0);
	assert_int_equal(unix_connect(path, 0.05), -ETIMEDOUT);
	close(c);
	close(fd);
}

/* --- certificates --- */

static void test_cert(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct cert_opts ca = { .common_name = "cluster.example.com",
				.days = 100,
				.key = KEY_RSA_2048,
				.is_ca = true };
	struct cert_opts leaf = { .common_name = "node1",
				  .days = 1,
				  .key = KEY_EC_P256,
				  .dns_names = { "node1.example.com", "node1" },
				  .ip_names = { "192.0.2.1" },
				  .serial = 7 };
	char *pem CLEANUP(freep) = NULL;
	char *other CLEANUP(freep) = NULL;
	char *mixed CLEANUP(freep) = NULL;
	const char *file = arena_printf(A, "%s/ca.pem", dir);
	const char *leaf_file = arena_printf(A, "%s/leaf.pem", dir);
	struct run_result res CLEANUP(run_result_free) = { 0 };
	double left;
	char *d;

	(void)state;
	assert_ok(cert_make(&ca, &pem, &e), &e);
	assert_memory_equal(pem, "-----BEGIN PRIVATE KEY-----\n", 28);
	assert_ok(cert_check_pair(pem, &e), &e);
	assert_ok(cert_expires_in(pem, &left, &e), &e);
	assert_true(left > 99.9 * 86400 && left <= 100 * 86400);
	d = cert_digest(A, pem, &e);
	assert_int_equal(strlen(d), 59);
	assert_int_equal(d[2], ':');
	assert_int_equal(fs_write_atomic(file, pem, strlen(pem), NULL), 0);

	leaf.issuer_file = file;
	assert_ok(cert_make(&leaf, &other, &e), &e);
	assert_int_equal(fs_write_atomic(leaf_file, other, strlen(other), NULL), 0);
	assert_ok(run_cmd(&(struct run){ .argv = (const char *const[]){ "openssl", "verify",
									"-x509_strict", "-CAfile",
									file, leaf_file, NULL } },
			  &res, &e),
		  &e);
	assert_int_equal(res.status, 0);
	run_result_free(&res);
	assert_ok(run_cmd(&(struct run){ .argv = (const char *const[]){ "openssl", "x509", "-in",
									leaf_file, "-noout",
									"-fingerprint", "-text",
									NULL } },
			  &res, &e),
		  &e);
	assert_non_null(strstr(res.out, cert_digest(A, other, &e)));
	assert_non_null(strstr(res.out, "DNS:node1.example.com, DNS:node1, IP Address:192.0.2.1"));
	assert_non_null(strstr(res.out, "Serial Number: 7"));

	/* the key of one, the certificate of the other */
	mixed = xasprintf("%.*s%s", (int)(strstr(pem, "-----BEGIN CERT") - pem), pem,
			  strstr(other, "-----BEGIN CERT"));
	assert_int_equal(cert_check_pair(mixed, &e), -1);
	assert_int_equal(cert_check_pair("junk", &e), -1);
	assert_null(cert_digest(A, "junk", &e));
	leaf.issuer_file = "/nonexistent";
	assert_int_equal(cert_make(&leaf, &other, &e), -1);
	leaf.issuer_file = NULL;
	leaf.dns_names[0] = "a,IP:192.0.2.9";
	assert_int_equal(cert_make(&leaf, &other, &e), -1);
	assert_null(tls_server_ctx("/nonexistent", NULL, &e));
	assert_null(tls_server_ctx(arena_printf(A, "%s/hosts", dir), NULL, &e));
}

static void test_digests(void **state)
{
	static const char *const text[] = { "", "f", "fo", "foo", "foob", "fooba", "foobar" };
	static const char *const coded[] = { "",	 "Zg==",     "Zm8=",    "Zm9v",
					     "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };
	static const char *const bad[] = { "Z", "Zg", "Zg=", "====", "Z===", "Zg==Zg==",
					   "Z*==", "=Zg=", "Zg==x" };
	void *data;
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		assert_string_equal(base64_encode(A, text[i], strlen(text[i])), coded[i]);
		assert_int_equal(base64_decode(A, coded[i], &data, &n), 0);
		assert_int_equal(n, strlen(text[i]));
		assert_memory_equal(data, text[i], n);
	}
	assert_int_equal(base64_decode(A, "Zm9v\nYmFy\n", &data, &n), 0);
	assert_int_equal(n, 6);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(base64_decode(A, bad[i], &data, &n), -1);
	assert_string_equal(hash_md5_hex(A, "abc"), "900150983cd24fb0d6963f7d28e17f72");
	assert_string_equal(hash_sha1_hex(A, "abc", 3), "a9993e364706816aba3e25717850c26c9cd0d89d");
	assert_string_equal(hmac_sha1_hex(A, "Jefe", "what do ya want for nothing?"),
			    "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	assert_true(secret_eq("abc", "abc"));
	assert_false(secret_eq("abc", "abd"));
	assert_false(secret_eq("abc", "abcd"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addr),
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_tcp_ping),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_cert),
		cmocka_unit_test(test_digests),
	};

	return cmocka_run_group_tests_name("net", tests, setup, teardown);
}
