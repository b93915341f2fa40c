#include "tests/unit/vroot.h"

#include "src/storage/storage.h"

#include <sys/stat.h>
#include <unistd.h>

#define DIR_ "/srv/ganeti/file-storage"

static struct disk *disk_at(struct arena *a, const char *path, int size)
{
	json *dict = json_own(a, json_pack("{s:s, s:[s, s], s:i}", "dev_type", "file", "logical_id",
					   "loop", path, "size", size));
	struct disk *d = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;

	assert_ok(bdev_disk(a, dict, &d, &e), &e);
	return d;
}

static void allow(const char *text)
{
	vroot_write(path_of(PATH_FILE_STORAGE_PATHS_FILE), text, 0644);
}

static void test_life(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const struct bdev_class *c = bdev_class_of(disk_template_file);
	struct disk *d = disk_at(a, DIR_ "/inst1/disk0", 3);
	json *new_id = json_own(a, json_pack("[s, s]", "loop", DIR_ "/inst1/renamed"));
	struct bdev_status st;
	struct stat sb;
	int64_t bytes;

	(void)state;
	allow("# a comment\n\n" DIR_ "\n");
	assert_int_equal(fs_mkdirs(env_add_root(a, DIR_ "/inst1"), 0750), 0);
	assert_int_equal(c->find(a, d, &st, &e), 0);
	assert_ok(c->create(a, d, false, &e), &e);
	assert_int_equal(c->create(a, d, false, &e), -1);
	assert_non_null(strstr(err_msg(&e), "can't create: [Errno 17] File exists"));
	assert_string_equal(e.cls, BlockDeviceError);
	assert_int_equal(c->find(a, d, &st, &e), 1);
	assert_string_equal(st.path, env_add_root(a, DIR_ "/inst1/disk0"));
	assert_int_equal(st.ldisk_status, 1);
	assert_int_equal(st.major, -1);
	assert_int_equal(stat(st.path, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0600);
	assert_ok(c->size(a, d, &bytes, &e), &e);
	assert_int_equal(bytes, 3 << 20);

	assert_ok(c->grow(a, d, 2, true, &e), &e);
	assert_ok(c->size(a, d, &bytes, &e), &e);
	assert_int_equal(bytes, 3 << 20);
	assert_ok(c->grow(a, d, 2, false, &e), &e);
	assert_ok(c->size(a, d, &bytes, &e), &e);
	assert_int_equal(bytes, 5 << 20);
	assert_int_equal(c->grow(a, d, -1, false, &e), -1);
	assert_int_equal(c->grow(a, d, INT64_MAX, false, &e), -1);

	assert_ok(c->rename(a, d, new_id, &e), &e);
	assert_int_equal(c->find(a, d, &st, &e), 0);
	assert_ok(c->create(a, d, false, &e), &e);
	assert_int_equal(c->rename(a, d, new_id, &e), -1); /* never over another disk */
	assert_non_null(strstr(err_msg(&e), "File exists"));
	assert_ok(c->remove(a, d, &e), &e);
	assert_ok(c->remove(a, d, &e), &e); /* gone is fine */
	assert_int_equal(c->assemble(a, d, true, &st.path, &e), -1);
	assert_string_equal(err_msg(&e), DIR_ "/inst1/disk0: No such file");
}

static void test_too_large(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const struct bdev_class *c = bdev_class_of(disk_template_sharedfile);
	struct disk *d = disk_at(a, DIR_ "/large", 1);
	struct bdev_status st;

	(void)state;
	allow(DIR_ "\n");
	assert_int_equal(fs_mkdirs(env_add_root(a, DIR_), 0750), 0);
	d->size = INT64_MAX >> 20; /* beyond what file systems can hold */
	assert_int_equal(c->create(a, d, false, &e), -1);
	assert_non_null(strstr(err_msg(&e), "File too large"));
	assert_int_equal(c->find(a, d, &st, &e), 0); /* nothing is left */
	d->size = INT64_MAX;
	assert_int_equal(c->create(a, d, false, &e), -1);
}

static void test_paths(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	static const char *const bad[] = {
		DIR_,	       "/srv/other/x",	       "relative/x", DIR_ "/../../etc/passwd",
		"/etc/x",      "/usr/lib/x",	       "/usr/local/bin/x", "/lib64",
		DIR_ "x/disk", "/srv/ganeti/x/../y",   "",
	};
	struct strs wrong;

	(void)state;
	unlink(path_of(PATH_FILE_STORAGE_PATHS_FILE));
	assert_int_equal(file_storage_path_check(a, DIR_ "/x", &e), -1);
	assert_true(str_starts(err_msg(&e), "No paths are valid or path file '"));
	allow(DIR_ "/\n/usr/lib\nrel\n/srv/b//c\n");
	assert_ok(file_storage_path_check(a, DIR_ "/x", &e), &e);
	assert_ok(file_storage_path_check(a, "/srv/b/c/x", &e), &e);
	assert_ok(file_storage_path_check(a, DIR_ "/a/./../x", &e), &e);
	assert_ok(file_storage_accept(a, DIR_, true, &e), &e);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (file_storage_path_check(a, bad[i], &e) == 0)
			fail_msg("accepted: %s", bad[i]);
		assert_string_equal(e.cls, FileStoragePathError);
	}
	wrong = file_storage_wrong_paths(a);
	assert_int_equal(wrong.n, 2);
	assert_string_equal(wrong.v[0], "/usr/lib");
	assert_string_equal(wrong.v[1], "rel");
	assert_string_equal(file_storage_problem(a, "/srv/b/c"),
			    "Path '/srv/b/c' is not existing or not a directory.");
	assert_int_equal(fs_mkdirs(env_add_root(a, DIR_), 0750), 0);
	assert_null(file_storage_problem(a, DIR_));
}

static void test_text(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	static const char dict[] = "{\"children\": [], \"dev_type\": \"sharedfile\","
				   "\"iv_name\": \"disk/0\", \"logical_id\": [\"loop\", \"/a/b\"],"
				   "\"size\": 64}";
	json *j = NULL;

	(void)state;
	assert_int_equal(json_parse(dict, strlen(dict), &j, NULL), 0);
	json_own(a, j);
	assert_string_equal(bdev_disk_text(a, j),
			    "<Disk(type=sharedfile, logical_id=('loop', '/a/b'), children=[],"
			    " visible as /dev/disk/0, size=64m)>");
	json_del(j, "children");
	json_del(j, "iv_name");
	assert_string_equal(bdev_disk_text(a, j),
			    "<Disk(type=sharedfile, logical_id=('loop', '/a/b'), children=None,"
			    " not visible, size=64m)>");
}

static void test_space(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	int64_t free_mib = -1, total_mib = -1;

	(void)state;
	assert_ok(file_storage_space("/", &free_mib, &total_mib, &e), &e);
	assert_true(total_mib > 0 && free_mib >= 0 && free_mib <= total_mib);
	assert_int_equal(file_storage_space("/nowhere", &free_mib, &total_mib, &e), -1);
	assert_string_equal(err_msg(&e), "Failed to retrieve file system information about path:"
					 " /nowhere - No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),  cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_paths), cmocka_unit_test(test_text),
		cmocka_unit_test(test_space),
	};
	return cmocka_run_group_tests(tests, vroot_setup, vroot_teardown);
}
