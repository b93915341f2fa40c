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

static int port_of(int fd)
{
	struct sockaddr_in6 sa; /* sin_port is at the same place */
	socklen_t n = sizeof(sa);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
	return ntohs(sa.sin6_port);
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
	port = port_of(fd);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addr),
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_tcp_ping),
		cmocka_unit_test(test_unix),
	};

	return cmocka_run_group_tests_name("net", tests, setup, teardown);
}
