/* Handlers of the node agent without the daemon around them; tests/noded has the calls themselves. */
#include "tests/unit/vroot.h"

#include "lib/net/net.h"

#include "src/node/priv.h"

#include <errno.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

/* Run a call; the answer belongs to the arena. ARGS_TEXT: the list as JSON. */
static json *call(struct arena *a, enum rpc rpc, const char *args_text)
{
	struct node_ctx ctx = { .a = a };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *args = NULL;

	assert_ok(json_parse(args_text, strlen(args_text), &args, &e), &e);
	return json_own(a, node_execute(&ctx, rpc, json_own(a, args)));
}

static void expect(enum rpc rpc, const char *args_text, const char *answer)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	assert_string_equal(json_dump_in(a, call(a, rpc, args_text)), answer);
}

static void script(const char *path, const char *text, mode_t mode)
{
	char *all CLEANUP(freep) = xasprintf("#!/bin/sh\n%s\n", text);

	vroot_write(path, all, mode);
}

/* --- text --- */

static void check_clean(const char *text, size_t n, const char *want)
{
	json *j = json_clean(json_pack("{s:[o]}", "k", json_new_strn(text, n)));
	char *s CLEANUP(freep) = json_dump(j);
	json *back CLEANUP(json_putp) = NULL;

	assert_int_equal(json_parse(s, strlen(s), &back, NULL), 0); /* that is the point of it */
	assert_string_equal(json_str(json_at(json_get(j, "k"), 0)), want);
	json_put(j);
}

static void test_clean(void **state)
{
	(void)state;
	check_clean("plain", 5, "plain");
	check_clean("\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7", 9, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7");
	check_clean("a\xff" "b", 3, "a\\xffb");
	check_clean("\xc0\xaf", 2, "\\xc0\\xaf");           /* overlong */
	check_clean("\xe0\x80\xaf", 3, "\\xe0\\x80\\xaf");
	check_clean("\xed\xa0\x80", 3, "\\xed\\xa0\\x80");  /* surrogate */
	check_clean("\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80");
	check_clean("\xe2\x82", 2, "\\xe2\\x82");           /* cut off */
}

static void test_text(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	static const char values[] = "[true, false, null, 17, 1795197369.739731, \"x\"]";
	json *v = NULL;

	(void)state;
	assert_string_equal(safe_encode(a, "a\tb\nc\x01\xc3"), "a\\tb\\nc\\x01\\xc3");
	assert_int_equal(json_parse(values, strlen(values), &v, NULL), 0);
	json_own(a, v);
	assert_string_equal(py_str(a, json_at(v, 0)), "True");
	assert_string_equal(py_str(a, json_at(v, 1)), "False");
	assert_string_equal(py_str(a, json_at(v, 2)), "None");
	assert_string_equal(py_str(a, json_at(v, 3)), "17");
	assert_string_equal(py_str(a, json_at(v, 4)), "1795197369.739731");
	assert_string_equal(py_str(a, json_at(v, 5)), "x");
	assert_true(is_file_name("inst1.example.com"));
	assert_false(is_file_name(""));
	assert_false(is_file_name(".."));
	assert_false(is_file_name("a/b"));
	assert_true(is_plugin_name("my_hook-1"));
	assert_false(is_plugin_name("my.hook"));
	assert_false(is_plugin_name(""));
}

/* --- hooks --- */

static void test_hooks(void **state)
{
	static const char *const want[] = {
		"[\"op-pre.d/10-first\",1,\"one\\\\ntwo\\\\t\\\\xc3\\\\nerr\"]",
		/* PATH, GANETI_X and the shell's own PWD */
		"[\"op-pre.d/20-second\",2,\"value\\\\n3\\\\n/\"]",
		"[\"op-pre.d/30-plain\",0,\"\"]",
		"[\"op-pre.d/40.dotted\",0,\"\"]",
	};
	const char *dir = path_of(PATH_HOOKS_BASE_DIR);
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *results;

	(void)state;
#define HOOK(name) arena_printf(a, "%s/op-pre.d/" name, dir)
	script(HOOK("20-second"), "echo \"$GANETI_X\"; env | grep -c .; pwd", 0755);
	script(HOOK("10-first"), "printf 'one\\ntwo\\t\\303\\n'; echo err >&2; exit 4", 0755);
	script(HOOK("30-plain"), "exit 0", 0644);
	script(HOOK("40.dotted"), "exit 0", 0755);
	script(HOOK(".hidden"), "exit 0", 0755);
	vroot_write(HOOK("50-broken"), "not a program\n", 0755);
	assert_int_equal(fs_mkdirs(HOOK("60-dir"), 0755), 0);
#undef HOOK
	results = call(a, RPC_hooks_runner,
		       "[\"op\", \"pre\", {\"GANETI_X\": \"value\", \"PATH\": \"/bin\"}]");
	assert_true(json_boolean(json_at(results, 0), false));
	results = json_at(results, 1);
	assert_int_equal(json_len(results), 6);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(json_dump_in(a, json_at(results, i)), want[i]);
	assert_string_equal(json_str(json_at(json_at(results, 4), 0)), "op-pre.d/50-broken");
	assert_int_equal(json_int(json_at(json_at(results, 4), 1), -1), HOOK_FAIL);
	assert_true(str_starts(json_str(json_at(json_at(results, 4), 2)),
			       "Hook script execution error: "));
	assert_string_equal(json_dump_in(a, json_at(results, 5)), "[\"op-pre.d/60-dir\",0,\"\"]");
}

/* --- master IP --- */

#define PARAMS "{\"ip\": \"127.0.7.250\", \"netmask\": 32, \"netdev\": \"lo\", \"ip_family\": 2}"

static void test_master_ip(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *hooks = path_of(PATH_HOOKS_BASE_DIR), *out;
	char *env CLEANUP(freep) = NULL;

	(void)state;
	expect(RPC_write_ssconf_files,
	       "[{\"cluster_name\": \"cl\", \"master_node\": [\"node1.example.com\"]}]", "[true,null]");
	out = path_in(a, PATH_RUN_DIR, "seen");
	script(arena_printf(a, "%s/master-ip-turnup-pre.d/env", hooks),
	       arena_printf(a, "env | LC_ALL=C sort | grep -v ^PWD= >%s.pre", out), 0755);
	script(arena_printf(a, "%s/master-ip-turnup-post.d/env", hooks),
	       arena_printf(a, "env | LC_ALL=C sort | grep -v ^PWD= >%s.post; exit 1", out), 0755);
	script(arena_printf(a, "%s/master-ip-turndown-pre.d/no", hooks), "echo not now; exit 1", 0755);
	expect(RPC_node_activate_master_ip, "[" PARAMS ", false]", "[true,null]");
	assert_int_equal(fs_read(arena_printf(a, "%s.pre", out), 4096, &env, NULL), 0);
	assert_string_equal(env,
			    arena_printf(a,
					 "GANETI_CLUSTER=cl\nGANETI_CLUSTER_IP_VERSION=4\n"
					 "GANETI_DATA_DIR=%s\n"
					 "GANETI_HOOKS_PATH=master-ip-turnup\nGANETI_HOOKS_PHASE=pre\n"
					 "GANETI_HOOKS_VERSION=2\nGANETI_MASTER=node1.example.com\n"
					 "GANETI_MASTER_IP=127.0.7.250\nGANETI_MASTER_NETDEV=lo\n"
					 "GANETI_MASTER_NETMASK=32\nGANETI_OP_CODE=OP_CLUSTER_IP_TURNUP\n"
					 "PATH=/sbin:/bin:/usr/sbin:/usr/bin\n",
					 path_of(PATH_DATA_DIR)));
	assert_true(fs_exists(arena_printf(a, "%s.post", out)));
	/* a hook before it can forbid, one after it cannot */
	expect(RPC_node_deactivate_master_ip, "[" PARAMS ", false]",
	       "[false,\"Error while executing backend function: [('node1.example.com',"
	       " 'master-ip-turndown-pre.d/no', 'not now')]\"]");
	script(path_of(PATH_EXTERNAL_MASTER_SETUP_SCRIPT), "echo $1 $MASTER_IP/$MASTER_NETMASK; exit 3",
	       0755);
	expect(RPC_node_activate_master_ip, "[" PARAMS ", true]",
	       "[false,\"Failed to start the master IP. Script return value: 3, output: 'start"
	       " 127.0.7.250/32\\n'\"]");
	expect(RPC_node_activate_master_ip, "[{\"ip\": \"x\"}, false]",
	       "[false,\"Error while executing backend function: Invalid master network parameters"
	       " {\\\"ip\\\":\\\"x\\\"}\"]");
}

/* --- the hosts file --- */

static void check_hosts(const char *before, const char *args, const char *after)
{
	char *text CLEANUP(freep) = NULL;

	vroot_write(path_of(PATH_ETC_HOSTS), before, 0644);
	expect(RPC_etc_hosts_modify, args, "[true,true]");
	assert_int_equal(fs_read(path_of(PATH_ETC_HOSTS), 4096, &text, NULL), 0);
	assert_string_equal(text, after);
}

static void test_hosts(void **state)
{
	(void)state;
	check_hosts("127.0.0.1\tlocalhost\n# c\n", "[\"add\", \"n1.example.com\", \"192.0.2.1\"]",
		    "127.0.0.1\tlocalhost\n# c\n192.0.2.1\tn1.example.com n1\n");
	check_hosts("192.0.2.1 old\n192.0.2.1 older\n192.0.2.11 other", /* no newline at the end */
		    "[\"add\", \"n1.example.com\", \"192.0.2.1\"]",
		    "192.0.2.1\tn1.example.com n1\n192.0.2.11 other\n");
	check_hosts("192.0.2.1\tn1.example.com n1 alias\n192.0.2.2 n1\n#192.0.2.3 n1\n10.0.0.1 n11\n",
		    "[\"remove\", \"n1.example.com\", null]",
		    "192.0.2.1 alias\n#192.0.2.3 n1\n10.0.0.1 n11\n");
	expect(RPC_etc_hosts_modify, "[\"add\", \"n1\", null]",
	       "[false,\"Mode 'add' needs 'ip' parameter, but parameter not present\"]");
	expect(RPC_etc_hosts_modify, "[\"add\", \"n1\\n6.6.6.6 evil\", \"192.0.2.1\"]",
	       "[false,\"Invalid host name 'n1\\n6.6.6.6 evil'\"]");
}

/* --- OS definitions --- */

static const char *os_dir(struct arena *a)
{
	return env_add_root(a, "/srv/ganeti/os");
}

static void make_os(struct arena *a, const char *name, const char *versions)
{
	static const char *const scripts[] = { "create", "export", "import", "rename", "verify" };

	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++)
		script(arena_printf(a, "%s/%s/%s", os_dir(a), name, scripts[i]), "exit 0", 0755);
	vroot_write(arena_printf(a, "%s/%s/ganeti_api_version", os_dir(a), name), versions, 0644);
	vroot_write(arena_printf(a, "%s/%s/parameters.list", os_dir(a), name),
		    "size the size\n\nbare\n", 0644);
}

/* What os_diagnose says about NAME: "" when it is fine. */
static const char *diagnosis(struct arena *a, const char *name)
{
	json *rows = json_own(a, os_diagnose(a));

	json_items(rows, i, r) {
		if (str_eq(json_str(json_at(r, 0)), name)) {
			assert_int_equal(json_boolean(json_at(r, 2), false),
					 !*json_str(json_at(r, 3)));
			return json_str(json_at(r, 3));
		}
	}
	return "not listed";
}

static void test_os(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct os_def *os;

	(void)state;
#define FILE_OF(os, name) arena_printf(a, "%s/" os "/" name, os_dir(a))
	make_os(a, "good", "5\n20\n15\n");
	assert_string_equal(diagnosis(a, "good"), "");
	assert_ok(os_find(a, "good", &os, &e), &e);
	assert_int_equal(os->api, 20);
	assert_string_equal(json_dump_in(a, os->parameters), "[[\"size\",\"the size\"],[\"bare\",\"\"]]");
	make_os(a, "v10", "10\n");
	unlink(FILE_OF("v10", "verify"));
	unlink(FILE_OF("v10", "parameters.list"));
	assert_string_equal(diagnosis(a, "v10"), "");
	make_os(a, "old", "5\n7\n");
	assert_string_equal(diagnosis(a, "old"),
			    "API version mismatch for path '/srv/ganeti/os/old': found [5, 7], want"
			    " frozenset({10, 20, 15}).");
	make_os(a, "words", "twenty\n");
	assert_string_equal(diagnosis(a, "words"),
			    "API version(s) can't be converted to integer: invalid literal for int()"
			    " with base 10: 'twenty'");
	make_os(a, "noapi", "20\n");
	unlink(FILE_OF("noapi", "ganeti_api_version"));
	assert_string_equal(diagnosis(a, "noapi"),
			    "Required file 'ganeti_api_version' not found under path"
			    " /srv/ganeti/os/noapi: ENOENT");
	make_os(a, "norename", "20\n");
	unlink(FILE_OF("norename", "rename"));
	assert_string_equal(diagnosis(a, "norename"),
			    "File 'rename' under path '/srv/ganeti/os/norename' is missing (ENOENT)");
	make_os(a, "noexec", "20\n");
	chmod(FILE_OF("noexec", "import"), 0644);
	assert_string_equal(diagnosis(a, "noexec"),
			    "File 'import' under path '/srv/ganeti/os/noexec' is not executable");
	make_os(a, "nocreate", "20\n");
	unlink(FILE_OF("nocreate", "create"));
	assert_string_equal(diagnosis(a, "nocreate"),
			    "A create script (trusted or untrusted) under path"
			    " '/srv/ganeti/os/nocreate' must exist");
	make_os(a, "noparams", "20\n");
	unlink(FILE_OF("noparams", "parameters.list"));
	assert_true(str_starts(diagnosis(a, "noparams"), "File 'parameters.list' under path"));
	vroot_write(arena_printf(a, "%s/a file", os_dir(a)), "", 0644);
	assert_string_equal(diagnosis(a, "a file"), "Directory for OS a file not found in search path");
	assert_string_equal(os_variant(a, "x+y"), "y");
	assert_string_equal(os_variant(a, "x"), "");
	assert_string_equal(os_name_only(a, "x+y"), "x");
#undef FILE_OF
}

/* --- verify --- */

static json *verify(struct arena *a, const char *checks)
{
	json *answer = call(a, RPC_node_verify,
			    arena_printf(a, "[%s, \"cl\", {\"fake\": {}}]", checks));

	assert_true(json_boolean(json_at(answer, 0), false));
	return json_at(answer, 1);
}

static void check_verify(const char *checks, const char *want)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	assert_string_equal(json_dump_in(a, verify(a, checks)), want);
}

static void test_verify(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *file = path_of(PATH_CONFD_HMAC_KEY);
	json *got;

	(void)state;
	vroot_write(file, "abc", 0400);
	vroot_write(path_of(PATH_FILE_STORAGE_PATHS_FILE), "/bin\n/srv/ok\n", 0644);
	check_verify(arena_printf(a, "{\"filelist\": [\"%s\", \"/nowhere\", \"/etc\"]}",
				  env_strip_root(a, file)),
		     arena_printf(a,
				  "{\"filelist\":{\"%s\":"
				  "\"a9993e364706816aba3e25717850c26c9cd0d89d\"}}",
				  env_strip_root(a, file)));
	check_verify("{\"file-storage-path\": \"/srv/none\", \"shared-file-storage-path\": \"\"}",
		     "{\"file-storage-path\":\"Path '/srv/none' is not acceptable for file"
		     " storage\"}");
	check_verify("{\"allowed-file-storage-paths\": \"node1.example.com\"}",
		     "{\"allowed-file-storage-paths\":[\"/bin\"]}");
	check_verify("{\"allowed-file-storage-paths\": \"node2.example.com\"}", "{}");
	check_verify("{\"user-scripts\": [\"/nowhere\"], \"oob-paths\": [\"/bin/true\", \"/etc\"]}",
		     "{\"user-scripts\":[\"/nowhere\"],\"oob-paths\":[null,\"out of band helper /etc is"
		     " not a file\"]}");
	check_verify("{\"version\": null}", "{\"version\":[3010000,\"3.1.0\"]}");
	check_verify("{\"hypervisor\": [\"fake\", \"xen-pvm\"]}",
		     "{\"hypervisor\":{\"fake\":null,\"xen-pvm\":\"Error while checking hypervisor:"
		     " Hypervisor 'xen-pvm' is not supported by this node\"}}");
	check_verify("{\"hvparms\": [[\"cluster\", \"fake\", {\"migration_mode\": 5}]],"
		     " \"nonvmnodes\": []}",
		     "{\"hvparms\":[[\"cluster\",\"fake\",\"Hypervisor parameter migration_mode: '5' is"
		     " not a valid string\"]]}");
	/* a node that runs no instances is not asked about them */
	check_verify("{\"hypervisor\": [\"fake\"], \"instancelist\": [\"fake\"], \"hvinfo\": \"fake\","
		     " \"oslist\": null, \"bridges\": [], \"nonvmnodes\": [\"node1.example.com\"]}",
		     "{}");
	/* only master candidates test connections */
	check_verify("{\"node-net-test\": [[[\"node1.example.com\", \"127.0.0.1\", \"127.0.0.1\"]], []],"
		     " \"master-ip\": [\"n\", \"127.0.0.1\", []], \"nodelist\": [[\"n\"], {}, []]}",
		     "{\"nodelist\":{},\"node-net-test\":{},\"master-ip\":null}");
	check_verify("{\"node-net-test\": [[[\"other\", \"127.0.0.1\", \"127.0.0.1\"]],"
		     " [\"node1.example.com\"]]}",
		     "{\"node-net-test\":{\"node1.example.com\":\"Can't find my own primary/secondary"
		     " IP in the node list\"}}");
	check_verify("{\"file-storage-files\": [\"/srv/other\", \"/bin\", \"/srv/ok\"]}",
		     "{\"file-storage-files\":[]}");
	vroot_write(env_add_root(a, "/srv/ok/.hidden"), "", 0600);
	vroot_write(env_add_root(a, "/srv/ok/lost+found/x"), "", 0600);
	vroot_write(env_add_root(a, "/srv/ok/i1/a\tb\xff"), "", 0600);
	vroot_write(env_add_root(a, "/srv/ok/i2/sub/.x"), "", 0600);
	vroot_write(env_add_root(a, "/srv/other/x"), "", 0600);
	got = json_get(verify(a, "{\"file-storage-files\": [\"/srv/other\", \"/srv//ok/\", 5, null]}"),
		       "file-storage-files");
	assert_int_equal(json_len(got), 2);
	assert_string_equal(json_str(json_at(json_at(got, 0), 0)), "/srv/ok/i1/a\\x09b\\xff");
	assert_string_equal(json_str(json_at(json_at(got, 1), 0)), "/srv/ok/i2/sub/");
	assert_in_range(json_int(json_at(json_at(got, 1), 1), -1), 0, 3600);
	check_verify("{\"client-cert\": null}",
		     "{\"client-cert\":[\"ERROR\",\"The client certificate does not exist. Run"
		     " 'gnt-cluster renew-crypto --new-node-certificates' to create client"
		     " certificates for all nodes.\"]}");
}

/* --- interfaces: in a network namespace of our own --- */

static int run_ip(const char *args)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct run_result res CLEANUP(run_result_free) = { 0 };
	struct strs l = strs_split(a, arena_printf(a, "ip %s", args), ' ');
	struct run r = { 0 };

	strs_add(a, &l, NULL);
	r.argv = l.v;
	return run_cmd(&r, &res, NULL) < 0 ? -1 : res.status;
}

static void test_netif(void **state)
{
	(void)state;
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0 || run_ip("link set lo up") != 0 ||
	    run_ip("link add va type veth peer name vb") != 0)
		skip();
	assert_int_equal(run_ip("link set va up"), 0);
	assert_int_equal(run_ip("link set vb up"), 0);
	assert_int_equal(netif_has_addr("va", "10.9.9.1", 24), 0);
	assert_int_equal(netif_addr_add("va", "10.9.9.1", 24, "va:0"), 0);
	assert_int_equal(netif_addr_add("va", "10.9.9.1", 24, "va:0"), -EEXIST);
	assert_int_equal(netif_has_addr("va", "10.9.9.1", 24), 1);
	assert_int_equal(netif_has_addr("va", "10.9.9.1", 25), 0);
	assert_int_equal(netif_has_addr("vb", "10.9.9.1", 24), 0);
	/* the other end of the cable answers for it */
	assert_int_equal(arp_probe("vb", "10.9.9.1"), 1);
	assert_int_equal(arp_probe("va", "10.9.9.77"), 0);
	arp_announce("va", "10.9.9.1");
	assert_int_equal(netif_addr_del("va", "10.9.9.1", 24), 0);
	assert_int_equal(netif_has_addr("va", "10.9.9.1", 24), 0);
	assert_int_equal(netif_addr_del("va", "10.9.9.1", 24), -EADDRNOTAVAIL);
	assert_int_equal(netif_addr_add("nodev", "10.9.9.1", 24, NULL), -ENODEV);
	assert_int_equal(netif_addr_add("va", "2001:db8::1", 64, NULL), 0);
	assert_int_equal(netif_has_addr("va", "2001:db8::1", 64), 1);
}

/* Links of disks: a name from the network leads nowhere else. */
static void test_links(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *outside = path_in(a, PATH_RUN_DIR, "elsewhere:0");
	const char *link = path_in(a, PATH_DISK_LINKS_DIR, "inst1:0"), *disks;

	(void)state;
	vroot_write(path_of(PATH_FILE_STORAGE_PATHS_FILE), "/srv\n", 0644);
	vroot_write(env_add_root(a, "/srv/d/0"), "x", 0644);
	disks = "[{\"dev_type\":\"file\",\"logical_id\":[\"loop\",\"/srv/d/0\"],\"size\":1}]";
	assert_int_equal(symlink("/nowhere", outside), 0);
	assert_int_equal(symlink("/nowhere", link), 0);
	expect(RPC_blockdev_close, arena_printf(a, "[\"../elsewhere\",%s]", disks),
	       "[false,\"Error while executing backend function: Invalid instance name"
	       " '../elsewhere'\"]");
	expect(RPC_blockdev_close, arena_printf(a, "[\"inst1\",%s]", disks), "[true,null]");
	assert_int_equal(unlink(outside), 0);
	assert_int_equal(unlink(link), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_clean),  cmocka_unit_test(test_text),
		cmocka_unit_test(test_hooks),  cmocka_unit_test(test_master_ip),
		cmocka_unit_test(test_hosts),  cmocka_unit_test(test_os),
		cmocka_unit_test(test_verify), cmocka_unit_test(test_netif),
	};
	return cmocka_run_group_tests(tests, vroot_setup, vroot_teardown);
}
