#include "tests/unit/unit.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/env/env.h"

static char root[64];
static struct arena *a;

static int setup(void **state)
{
	(void)state;
	a = arena_new();
	snprintf(root, sizeof(root), "%s", "/tmp/unit-env-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	setenv("GANETI_ROOTDIR", root, 1);
	setenv("GANETI_HOSTNAME", "node2.example.com", 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unsetenv("GANETI_ROOTDIR");
	unsetenv("GANETI_HOSTNAME");
	unsetenv("GANETI_LIBDIR");
	arena_freep(&a);
	return fs_remove_tree(root);
}

static const char *below(const char *path)
{
	return arena_printf(a, "%s%s", root, path);
}

static void test_paths(void **state)
{
	(void)state;
	assert_true(env_virtual());
	assert_string_equal(path_of(PATH_CONFIG_FILE),
			    below(LOCALSTATEDIR "/lib/ganeti/config.data"));
	assert_string_equal(path_in(a, PATH_DATA_DIR, "x-%d", 3),
			    below(LOCALSTATEDIR "/lib/ganeti/x-3"));
	assert_string_equal(env_add_root(a, "/srv/x"), below("/srv/x"));
	assert_string_equal(env_strip_root(a, below("/srv/x")), "/srv/x");
	assert_string_equal(env_strip_root(a, root), "/");
	assert_string_equal(env_strip_root(a, "/srv/x"), "/srv/x");
	assert_string_equal(env_strip_root(a, arena_printf(a, "%sx/y", root)),
			    arena_printf(a, "%sx/y", root));
	assert_string_equal(env_hosts_file(), below(SYSCONFDIR "/hosts"));
	assert_string_equal(env_hostname(), "node2.example.com");
	/* each of a list of directories is below the root */
	assert_true(str_starts(path_of(PATH_OS_SEARCH_DIRS), root));
	assert_non_null(strstr(path_of(PATH_OS_SEARCH_DIRS),
			       arena_printf(a, ":%s/usr/share/ganeti/os", root)));
	/* also where the first of them has the name of the folder of programs */
	assert_true(str_starts(path_of(PATH_IALLOCATOR_SEARCH_DIRS), root));
	/* programs and the host's own keys are not */
	assert_string_equal(path_of(PATH_KVM_IFUP), PKGLIBDIR "/kvm-ifup");
	assert_string_equal(path_of(PATH_SHAREDIR), PKGDATADIR);
	assert_string_equal(path_of(PATH_SSH_HOST_RSA_PUB),
			    SYSCONFDIR "/ssh/ssh_host_rsa_key.pub");

	unsetenv("GANETI_ROOTDIR");
	assert_false(env_virtual());
	assert_string_equal(path_of(PATH_CONFIG_FILE), LOCALSTATEDIR "/lib/ganeti/config.data");
	assert_string_equal(env_add_root(a, "/srv/x"), "/srv/x");
	assert_null(env_hosts_file());
	assert_true(strlen(env_hostname()) > 0);
	/* outside a virtual cluster the environment must not choose programs that root runs */
	setenv("GANETI_LIBDIR", "/tmp/evil", 1);
	assert_string_equal(path_of(PATH_JOB_WORKER), PKGLIBDIR "/ganeti-job-worker");
	setenv("GANETI_ROOTDIR", "/tmp/other/", 1);
	assert_string_equal(path_of(PATH_JOB_WORKER), "/tmp/evil/ganeti-job-worker");
	assert_string_equal(path_of(PATH_LOG_DIR), "/tmp/other" LOCALSTATEDIR "/log/ganeti");
}

static bool has(const char *const *env, const char *var)
{
	for (; *env; env++)
		if (strcmp(*env, var) == 0)
			return true;
	return false;
}

static void test_programs(void **state)
{
	const char *const *env;

	(void)state;
	setenv("GANETI_ROOTDIR", "/tmp/cl/node2.example.com", 1);
	setenv("GANETI_LIBDIR", "/tmp/lib", 1);
	setenv("SECRET", "x", 1);
	env = env_of_programs(a);
	assert_true(has(env, "GANETI_ROOTDIR=/tmp/cl/node2.example.com"));
	assert_true(has(env, "GANETI_HOSTNAME=node2.example.com"));
	assert_true(has(env, "GANETI_LIBDIR=/tmp/lib"));
	assert_false(has(env, "SECRET=x"));
	env = env_of_node(a, "node1.example.com");
	assert_true(has(env, "GANETI_ROOTDIR=/tmp/cl/node1.example.com"));
	assert_true(has(env, "GANETI_HOSTNAME=node1.example.com"));
	assert_true(has(env, "GANETI_LIBDIR=/tmp/lib"));
	unsetenv("SECRET");
}

static void check_mode(const char *path, mode_t mode)
{
	struct stat st;

	if (stat(below(path), &st) < 0)
		fail_msg("%s is missing", path);
	if ((st.st_mode & 07777) != mode)
		fail_msg("%s has mode %o, not %o", path, st.st_mode & 07777, mode);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	chmod(path, 0666);
}

static bool users_exist(void)
{
	return geteuid() != 0 || user_ids(env_user(USER_MASTERD), NULL, NULL) == 0;
}

static void test_ensure_dirs(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	mode_t old = umask(077);

	(void)state;
	if (!users_exist()) {
		umask(old);
		skip();
	}
	assert_ok(env_ensure_dirs(&e), &e);
	check_mode(LOCALSTATEDIR "/lib", 0755);
	check_mode(LOCALSTATEDIR "/lib/ganeti", 0755);
	check_mode(LOCALSTATEDIR "/lib/ganeti/queue", 0750);
	check_mode(LOCALSTATEDIR "/lib/ganeti/queue/archive", 0750);
	check_mode(LOCALSTATEDIR "/lib/ganeti/rapi", 0750);
	check_mode(LOCALSTATEDIR "/run/ganeti", 0775);
	check_mode(LOCALSTATEDIR "/run/ganeti/socket", 0770);
	check_mode(LOCALSTATEDIR "/run/ganeti/crypto", 0700);
	check_mode(LOCALSTATEDIR "/run/ganeti/uid-pool", 0750);
	check_mode(LOCALSTATEDIR "/run/ganeti/bdev-cache", 0755);
	check_mode(LOCALSTATEDIR "/log/ganeti", 0770);
	check_mode(LOCALSTATEDIR "/log/ganeti/os", 0750);
	check_mode(LOCALSTATEDIR "/log/ganeti/extstorage", 0755);
	check_mode(LOCALSTATEDIR "/log/ganeti/master-cleaner", 0750);

	/* repairs what is there */
	write_file(path_of(PATH_CONFIG_FILE), "{}");
	write_file(path_of(PATH_NODED_CERT_FILE), "x");
	write_file(path_in(a, PATH_QUEUE_DIR, "job-7"), "{}");
	write_file(path_in(a, PATH_DATA_DIR, "ssconf_hvparams_xen-pvm"), "");
	chmod(path_of(PATH_QUEUE_DIR), 0777);
	assert_ok(env_ensure_dirs(&e), &e);
	check_mode(LOCALSTATEDIR "/lib/ganeti/config.data", 0640);
	check_mode(LOCALSTATEDIR "/lib/ganeti/server.pem", 0440);
	check_mode(LOCALSTATEDIR "/lib/ganeti/queue/job-7", 0640);
	check_mode(LOCALSTATEDIR "/lib/ganeti/ssconf_hvparams_xen-pvm", 0444);
	check_mode(LOCALSTATEDIR "/lib/ganeti/queue", 0750);

	/* and does not follow a link a daemon may have left for root */
	unlink(path_of(PATH_NODED_LOG));
	write_file(below("/victim"), "x");
	assert_int_equal(symlink(below("/victim"), path_of(PATH_NODED_LOG)), 0);
	assert_int_equal(env_ensure_dirs(&e), -1);
	check_mode("/victim", 0666);
	umask(old);
}

static void put(const char *name, const char *value)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *j CLEANUP(json_putp) = json_pack("{s:s}", name, value);

	assert_ok(ssconf_write(j, false, &e), &e);
}

static void test_ssconf(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const char *text;
	struct strs lines;
	struct stat before, after;
	json *bad CLEANUP(json_putp) = json_pack("{s:s}", "no_such", "x");
	json *big CLEANUP(json_putp) = NULL;
	char *long_text CLEANUP(freep) = xmalloc((16 << 20) + 1);
	int code = 0;

	(void)state;
	fs_mkdirs(path_of(PATH_DATA_DIR), 0755);
	fs_mkdirs(path_of(PATH_LOCK_DIR), 0755);
	assert_int_equal(ssconf_read(a, SSCONF_master_node, &text, &e), -1);
	assert_string_equal(e.cls, "ConfigurationError");
	assert_string_equal(err_msg(&e),
			    arena_printf(a,
					 "Can't read ssconf file %s: [Errno 2] No such file or "
					 "directory: '%s'",
					 path_in(a, PATH_DATA_DIR, "ssconf_master_node"),
					 path_in(a, PATH_DATA_DIR, "ssconf_master_node")));
	assert_int_equal(ssconf_check_master(&code, &e), -1);
	assert_int_equal(code, EXIT_NOTCLUSTER);

	put("node_list", "node1\nnode2");
	assert_ok(ssconf_read_lines(a, SSCONF_node_list, &lines, &e), &e);
	assert_int_equal(lines.n, 2);
	assert_string_equal(lines.v[1], "node2");
	put("offline_nodes", "");
	assert_ok(ssconf_read_lines(a, SSCONF_offline_nodes, &lines, &e), &e);
	assert_int_equal(lines.n, 0);
	assert_int_equal(stat(path_in(a, PATH_DATA_DIR, "ssconf_offline_nodes"), &before), 0);
	assert_int_equal(before.st_size, 0);
	assert_int_equal(before.st_mode & 0777, 0444);
	put("offline_nodes", "");
	assert_int_equal(stat(path_in(a, PATH_DATA_DIR, "ssconf_offline_nodes"), &after), 0);
	assert_true(before.st_ino == after.st_ino);

	put("master_node", "node1.example.com");
	assert_int_equal(ssconf_check_master(&code, &e), -1);
	assert_int_equal(code, EXIT_NOTMASTER);
	assert_string_equal(err_msg(&e),
			    "This is not the master node, please connect to node "
			    "'node1.example.com' and rerun the command");
	assert_string_equal(e.code, "wrong_input");
	put("master_node", "node2.example.com");
	assert_ok(ssconf_check_master(&code, &e), &e);

	assert_int_equal(ssconf_write(bad, true, &e), -1);
	assert_string_equal(err_msg(&e), "Invalid key requested from SSConf: 'no_such'");
	memset(long_text, 'x', 16 << 20);
	long_text[16 << 20] = '\0';
	big = json_pack("{s:s}", "cluster_tags", long_text);
	assert_int_equal(ssconf_write(big, false, &e), -1);
	assert_int_equal(ssconf_find("hvparams_xen-hvm"), SSCONF_hvparams_xen_hvm);
	assert_int_equal(ssconf_find("nope"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_programs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ensure_dirs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ssconf, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
