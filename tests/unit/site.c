/* Making clusters: the first configuration against a capture, refusals, certificates, small files. */
#include "tests/unit/vroot.h"

#include "lib/net/net.h"
#include "src/site/priv.h"

#include <sys/stat.h>

static struct arena *A;
static char *root;

static int setup(void **state)
{
	A = arena_new();
	if (vroot_setup(state) < 0)
		return -1;
	root = *state;
	vroot_write(path_of(PATH_ETC_HOSTS),
		    "127.0.0.1 localhost\n127.0.9.1 node1.example.com node1\n127.0.9.250 cl.example.com\n", 0644);
	vroot_write(path_of(PATH_FILE_STORAGE_PATHS_FILE),
		    "# allowed\n/srv/ganeti/file-storage\n/srv/ganeti/shared-file-storage\n", 0644);
	return 0;
}

static int teardown(void **state)
{
	arena_free(A);
	return vroot_teardown(state);
}

static const char *read_text(const char *path)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const char *text;

	assert_ok(site_get(A, path, &text, &e), &e);
	return text;
}

static json *parse(const char *text)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *j;

	assert_ok(json_parse(text, strlen(text), &j, &e), &e);
	return json_own(A, j);
}

#define OPTS                                                                                         \
	"{\"cluster_name\": \"cl.example.com\", \"enabled_hypervisors\": [\"fake\"],"                \
	" \"enabled_disk_templates\": [\"diskless\", \"file\", \"sharedfile\"],"                     \
	" \"master_netdev\": \"lo\", \"nicparams\": {\"link\": \"br0\"}, \"modify_ssh_setup\": false," \
	" \"modify_etc_hosts\": false, \"gluster_storage_dir\": \"/var/run/ganeti/gluster\"}"

/* OPTS with KEY set to VALUE (JSON text; NULL = removed). */
static json *opts_with(const char *key, const char *value)
{
	json *o = parse(OPTS);

	if (key && value)
		json_set(o, key, json_ref(parse(value)));
	else if (key)
		json_del(o, key);
	return o;
}

static int plan(const json *opts, struct site_plan *p, struct err *e)
{
	*p = (struct site_plan){ .a = A };
	if (site_check_init(opts, p, e) < 0)
		return -1;
	return site_initial_config(opts, p, e);
}

/* Everything but what is made up, or named differently, in the capture. */
static void test_initial(void **state)
{
	static const char *const differs[] = { "candidate_certs", "ctime", "mtime", "uuid", "serial_no",
					       "rsahostkeypub", "dsahostkeypub", "master_ip", "master_node",
					       "master_netdev", "default_iallocator", "ipolicy",
					       "tags" };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *want = json_get(parse(read_text(TEST_DATA "/config/3.1.0rc2-init.json")), "cluster"), *got;
	struct site_plan p;
	struct cluster c;

	(void)state;
	assert_ok(plan(opts_with(NULL, NULL), &p, &e), &e);
	/* as the store completes it */
	assert_ok(record_parse(rec_cluster(), A, json_get(p.config, "cluster"), &c, 0, NULL, &e), &e);
	got = json_own(A, record_emit(rec_cluster(), &c, 0));
	for (size_t i = 0; i < ARRAY_SIZE(differs); i++) {
		json_del(want, differs[i]);
		json_del(got, differs[i]);
	}
	/* written 1 and 1.0 */
	json_del(json_get(want, "ndparams"), "cpu_speed");
	json_del(json_get(got, "ndparams"), "cpu_speed");
	json_each(want, key, v) {
		char *w CLEANUP(freep) = json_dump_sorted(v);
		char *g CLEANUP(freep) = json_dump_sorted(json_get(got, key));

		if (strcmp(w, g) != 0)
			fail_msg("%s: %s instead of %s", key, g, w);
	}
	json_each(got, key2, v2) {
		(void)v2;
		if (!json_has(want, key2))
			fail_msg("%s is not in the capture", key2);
	}
	assert_int_equal(json_len(json_get(p.config, "nodes")), 1);
	assert_string_equal(json_get_str(json_get(json_get(p.config, "nodes"), p.node_uuid), "name"),
			    "node1.example.com");
	assert_string_equal(p.cluster_ip, "127.0.9.250");
}

static void test_options(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct site_plan p;
	json *cluster;

	(void)state;
	assert_ok(plan(opts_with("beparams", "{\"memory\": \"2g\", \"vcpus\": \"3\"}"), &p, &e), &e);
	cluster = json_get(json_get(json_get(p.config, "cluster"), "beparams"), "default");
	assert_int_equal(json_get_int(cluster, "maxmem", 0), 2048);
	assert_int_equal(json_get_int(cluster, "minmem", 0), 2048);
	assert_int_equal(json_get_int(cluster, "vcpus", 0), 3);
	assert_ok(plan(opts_with("hvparams", "{\"kvm\": {\"acpi\": \"false\"}}"), &p, &e), &e);
	cluster = json_get(json_get(json_get(p.config, "cluster"), "hvparams"), "kvm");
	assert_false(json_get_bool(cluster, "acpi", true));
	assert_ok(plan(opts_with("ipolicy", "{\"vcpu-ratio\": 2.0, \"disk-templates\": [\"file\", \"drbd\"]}"), &p,
		       &e),
		  &e);
	cluster = json_get(json_get(p.config, "cluster"), "ipolicy");
	assert_true(json_float(json_get(cluster, "vcpu-ratio"), 0) == 2.0);
	assert_int_equal(json_len(json_get(cluster, "disk-templates")), 1);
}

static void test_refused(void **state)
{
	static const struct {
		const char *key, *value, *code, *text;
	} bad[] = {
		{ "cluster_name", "\"nosuch.invalid\"", "resolver_error", "The given name (nosuch.invalid)" },
		{ "nosuch", "1", NULL, "Unknown option 'nosuch' of cluster init" },
		{ "enabled_hypervisors", "[]", "wrong_input", "must contain at least one member" },
		{ "enabled_hypervisors", "[\"xyz\"]", "wrong_input", "contains invalid entries: xyz" },
		{ "enabled_hypervisors", "[\"xen-pvm\"]", "wrong_input", "is not supported by this version" },
		{ "enabled_disk_templates", "[\"plain\"]", "wrong_input", "is not supported by this version" },
		{ "master_netdev", "\"nodev9\"", "wrong_input", "Invalid master netdev given (nodev9)" },
		{ "mac_prefix", "\"aa:bb\"", "wrong_input", "Invalid mac prefix given 'aa:bb'" },
		{ "secondary_ip", "\"192.0.2.7\"", "environment_error", "does not belong to this host" },
		{ "secondary_ip", "\"x\"", "wrong_input", "has to be a valid IPv4 address" },
		{ "master_netmask", "33", "wrong_input", "CIDR netmask (33) not valid for IPv4" },
		{ "primary_ip_version", "5", "wrong_input", "Invalid primary ip version: 5." },
		{ "file_storage_dir", "\"/tmp\"", "wrong_input", "Path '/tmp' is not acceptable" },
		{ "file_storage_dir", "\"tmp\"", "wrong_input", "is not an absolute path" },
		{ "vg_name", "\"xenvg\"", "wrong_input", "Volume groups are not supported" },
		{ "default_iallocator", "\"nosuch\"", "wrong_input", "Invalid default iallocator script" },
		{ "modify_ssh_setup", "true", "wrong_input", "SSH can't be set up in a virtual cluster" },
		{ "ssh_key_type", "\"xyz\"", "wrong_input", "Invalid SSH key type 'xyz'" },
		{ "beparams", "{\"foo\": 1}", NULL, "Unknown parameter 'foo'" },
		{ "candidate_pool_size", "0", "wrong_input", "at least 1" },
	};
	struct site_plan p;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e CLEANUP(err_clear) = ERR_NONE;

		if (plan(opts_with(bad[i].key, bad[i].value), &p, &e) == 0)
			fail_msg("%s %s was accepted", bad[i].key, bad[i].value);
		if (!strstr(err_msg(&e), bad[i].text))
			fail_msg("%s: '%s' instead of '%s'", bad[i].key, err_msg(&e), bad[i].text);
		if (bad[i].code && (!e.code || strcmp(e.code, bad[i].code) != 0))
			fail_msg("%s: code %s", bad[i].key, e.code);
	}
	assert_false(fs_exists(path_of(PATH_CONFIG_DB)));
}

static void test_hosts(void **state)
{
	const char *file = arena_printf(A, "%s/hosts", root);
	struct err e CLEANUP(err_clear) = ERR_NONE;

	(void)state;
	vroot_write(file, "127.0.0.1 localhost\n# 10.0.0.9 n2.example.com\n10.0.0.1\tn1.example.com n1\n", 0644);
	assert_ok(site_hosts_entry(file, "10.0.0.2", "n2.example.com", &e), &e);
	assert_string_equal(read_text(file), "127.0.0.1 localhost\n# 10.0.0.9 n2.example.com\n"
					     "10.0.0.1\tn1.example.com n1\n10.0.0.2 n2.example.com n2\n");
	assert_ok(site_hosts_entry(file, "10.0.0.3", "n1.example.com", &e), &e);
	assert_ok(site_hosts_entry(file, NULL, "n2.example.com", &e), &e);
	assert_string_equal(read_text(file), "127.0.0.1 localhost\n# 10.0.0.9 n2.example.com\n"
					     "10.0.0.3 n1.example.com n1\n");
}

static void test_authorize(void **state)
{
	const char *file = arena_printf(A, "%s/authorized_keys", root);
	struct err e CLEANUP(err_clear) = ERR_NONE;

	(void)state;
	vroot_write(file, "ssh-rsa AAA me", 0600); /* no newline at its end */
	assert_ok(ssh_authorize(file, "ssh-rsa BBB you\n", &e), &e);
	assert_ok(ssh_authorize(file, "ssh-rsa BBB you", &e), &e);
	assert_ok(ssh_authorize(file, "ssh-rsa AAA me\n", &e), &e);
	assert_string_equal(read_text(file), "ssh-rsa AAA me\nssh-rsa BBB you\n");
}

static void test_backup(void **state)
{
	const char *file = arena_printf(A, "%s/secret", root);
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct strs names;
	size_t found = 0;
	struct stat st;

	(void)state;
	assert_ok(site_backup(file, &e), &e); /* nothing to keep */
	vroot_write(file, "old", 0600);
	assert_ok(site_backup(file, &e), &e);
	assert_int_equal(fs_list(A, root, &names), 0);
	for (size_t i = 0; i < names.n; i++) {
		const char *path = arena_printf(A, "%s/%s", root, names.v[i]);

		if (!str_starts(names.v[i], "secret.backup-"))
			continue;
		found++;
		assert_string_equal(read_text(path), "old");
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	assert_int_equal(found, 1);
}

static void test_certs(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const char *server, *hmac, *rapi, *client;
	struct stat st;
	double left;

	(void)state;
	assert_ok(site_make_certs("cl.example.com", true, false, false, &e), &e);
	server = read_text(path_of(PATH_NODED_CERT_FILE));
	hmac = read_text(path_of(PATH_CONFD_HMAC_KEY));
	rapi = read_text(path_of(PATH_RAPI_CERT_FILE));
	assert_int_equal(strlen(hmac), 41);
	assert_int_equal(stat(path_of(PATH_NODED_CERT_FILE), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0400);
	assert_ok(cert_check_pair(server, &e), &e);
	assert_ok(cert_expires_in(rapi, &left, &e), &e);
	assert_true(left > 4 * 365 * 86400.0);
	/* what is there stays, unless asked for anew */
	assert_ok(site_make_certs("cl.example.com", false, true, false, &e), &e);
	assert_string_equal(read_text(path_of(PATH_NODED_CERT_FILE)), server);
	assert_string_equal(read_text(path_of(PATH_CONFD_HMAC_KEY)), hmac);
	assert_string_not_equal(read_text(path_of(PATH_RAPI_CERT_FILE)), rapi);
	assert_ok(site_make_client_cert("node1.example.com", 1, &e), &e);
	client = read_text(path_of(PATH_NODED_CLIENT_CERT_FILE));
	assert_ok(cert_check_pair(client, &e), &e);
	assert_string_not_equal(cert_digest(A, client, &e), cert_digest(A, server, &e));
}

static void test_virt(void **state)
{
	static const char *const keys[] = { "private/serverkey.pem", "private/clientkey.pem" };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *bundle = NULL;
	const char *cert, *ca;
	struct stat st;

	(void)state;
	assert_ok(site_make_virt_ca("cl.example.com", &e), &e);
	assert_int_equal(stat(path_of(PATH_VIRT_CA_KEY), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0400);
	assert_ok(site_virt_bundle("node2.example.com", "10.0.0.2", &bundle, &e), &e);
	json_own(A, bundle);
	assert_null(strstr(json_get_str(bundle, "ca"), "PRIVATE"));
	assert_null(strstr(json_get_str(bundle, "cert"), "PRIVATE"));
	assert_non_null(strstr(json_get_str(bundle, "key"), "PRIVATE"));
	cert = arena_printf(A, "%s%s", json_get_str(bundle, "key"), json_get_str(bundle, "cert"));
	assert_ok(cert_check_pair(cert, &e), &e);
	assert_ok(site_install_virt_bundle(bundle, &e), &e);
	ca = read_text(path_of(PATH_PKI_CA_CERT));
	assert_string_equal(ca, json_get_str(bundle, "ca"));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		assert_int_equal(stat(path_in(A, PATH_PKI_LIBVIRT_DIR, "%s", keys[i]), &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	assert_string_equal(read_text(path_in(A, PATH_PKI_QEMU_DIR, "server-cert.pem")),
			    json_get_str(bundle, "cert"));
	/* incomplete ones are not installed as if they were fine */
	json_del(bundle, "key");
	assert_int_equal(site_install_virt_bundle(bundle, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_initial), cmocka_unit_test(test_options),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_authorize), cmocka_unit_test(test_backup),
		cmocka_unit_test(test_certs), cmocka_unit_test(test_virt),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
