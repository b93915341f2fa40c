#include "tests/unit/unit.h"

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/str.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/unit-fault-XXXXXX";

static void put(const char *name, const char *text)
{
	char *path CLEANUP(freep) = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void drop(const char *name)
{
	char *path CLEANUP(freep) = xasprintf("%s/%s", dir, name);

	unlink(path);
}

static bool there(const char *name)
{
	char *path CLEANUP(freep) = xasprintf("%s/%s", dir, name);

	return access(path, F_OK) == 0;
}

static void test_arm(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct fault_info f;

	(void)state;
	assert_int_equal(fault_arm("nosuch", "fail", &e), -1);
	assert_int_equal(fault_arm("db_write", "explode", &e), -1);
	assert_int_equal(fault_arm("db_write", "fail @0", &e), -1);
	assert_int_equal(fault_arm("db_write", "delay", &e), -1);
	assert_int_equal(fault_arm("db_committed", "fail", &e), -1);
	assert_ok(fault_arm("db_write", "fail @2", &e), &e);
	fault_info(FAULT_db_write, &f);
	assert_string_equal(f.action, "fail @2");
	assert_false(fault_hit(FAULT_db_write));
	assert_true(fault_hit(FAULT_db_write));
	assert_false(fault_hit(FAULT_db_write)); /* once */
	fault_info(FAULT_db_write, &f);
	assert_null(f.action);
	assert_true(f.hits >= 3);
	assert_ok(fault_arm("db_write", "fail always", &e), &e);
	assert_true(fault_hit(FAULT_db_write));
	assert_true(fault_hit(FAULT_db_write));
	assert_ok(fault_arm("db_write", "off", &e), &e);
	assert_false(fault_hit(FAULT_db_write));
}

/* In children: whoever comes by first takes the file away. */
static int child(int times)
{
	pid_t pid = fork();
	int status, hits = 0;

	if (pid == 0) {
		for (int i = 0; i < times; i++)
			hits += fault_hit(FAULT_rpc_send);
		_exit(hits);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void test_files(void **state)
{
	(void)state;
	assert_int_equal(child(3), 0);
	put("rpc_send", "fail\n");
	assert_int_equal(child(3), 1);
	assert_false(there("rpc_send"));
	assert_int_equal(child(3), 0);
	drop("rpc_send.hits");
	put("rpc_send", "fail @4\n"); /* counted over processes */
	assert_int_equal(child(3), 0);
	assert_int_equal(child(3), 1);
	put("rpc_send", "crash @8\n");
	assert_int_equal(child(1), 0);
	assert_int_equal(child(3), -SIGKILL);
	assert_false(there("rpc_send"));
}

static void test_clock(void **state)
{
	double mono = clock_mono(), real = clock_real();

	(void)state;
	put("clock", "skew -86400\n");
	assert_true(fabs(fault_skew() + 86400) < 1e-6);
	if (fault_enabled())
		assert_true(clock_real() < real - 86000);
	assert_true(clock_mono() >= mono);
	put("clock", "off\n");
	assert_true(fault_skew() == 0);
	assert_true(clock_real() >= real);
}

int main(void)
{
	static const char *const names[] = { "clock", "rpc_send", "rpc_send.hits" };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arm),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_clock),
	};
	int rc;

	if (!mkdtemp(dir))
		return 1;
	setenv("GANETI_FAULTS", dir, 1);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		drop(names[i]);
	rmdir(dir);
	return rc;
}
