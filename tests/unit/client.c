#include "tests/unit/unit.h"

#include "src/client/client.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * No second process: the socket holds our prepared answers while the client asks.
 */
struct fixture {
	char dir[64], path[96];
	int listener, peer;
	struct luxi_client *c;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err e CLEANUP(err_clear) = ERR_NONE;

	snprintf(f->dir, sizeof(f->dir), "/tmp/client-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	f->listener = unix_listen(f->path, 0600, (uid_t)-1, (gid_t)-1);
	assert_true(f->listener >= 0);
	setenv("FORCE_LUXI_SOCKET", f->path, 1);
	assert_ok(luxi_open(&f->c, &e), &e);
	f->peer = accept(f->listener, NULL, NULL);
	assert_true(f->peer >= 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	luxi_close(f->c);
	close(f->listener);
	closep(&f->peer);
	unlink(f->path);
	rmdir(f->dir);
	free(f);
	return 0;
}

static void answer(struct fixture *f, const char *text)
{
	assert_int_equal(send(f->peer, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	assert_int_equal(send(f->peer, "\3", 1, MSG_NOSIGNAL), 1);
}

/* What the client sent, up to the end byte. */
static void assert_asked(struct fixture *f, const char *want)
{
	json *got CLEANUP(json_putp) = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	char *text;

	assert_ok(luxi_read(f->peer, &got, 5, &e), &e);
	text = json_dump_sorted(got);
	assert_string_equal(text, want);
	free(text);
}

static void test_call(void **state)
{
	struct fixture *f = *state;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *ret = NULL;

	answer(f, "{\"success\":true,\"result\":[1,2]}");
	assert_ok(luxi_call(f->c, LUXI_QueryTags, json_pack("[s, s]", "cluster", ""), &ret, &e),
		  &e);
	assert_int_equal(json_len(ret), 2);
	json_put(ret);
	assert_asked(f,
		     "{\"args\":[\"cluster\",\"\"],\"method\":\"QueryTags\",\"version\":3010000}");
}

static void test_errors(void **state)
{
	static const struct {
		const char *answer, *msg;
		const char *cls, *code;
	} t[] = {
		{ "{\"success\":false,\"result\":[\"OpPrereqError\",[\"no\",\"unknown_entity\"]]}",
		  "no", OpPrereqError, ECODE_unknown_entity },
		{ "{\"success\":false,\"result\":\"Failed to parse request: x\"}",
		  "Failed to parse request: x", RequestError, NULL },
		{ "{\"success\":true,\"version\":2000000,\"result\":1}",
		  "LUXI version mismatch, client 3010000, response 2000000", LuxiError, NULL },
		{ "{\"result\":1}",
		  "Invalid response from server",
		  ProtocolError, NULL },
		{ "[]",
		  "Invalid response from server",
		  ProtocolError, NULL },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct err e CLEANUP(err_clear) = ERR_NONE;

		answer(f, t[i].answer);
		assert_int_equal(luxi_call(f->c, LUXI_QueryClusterInfo, json_new_array(), NULL, &e),
				 -1);
		assert_string_equal(err_msg(&e), t[i].msg);
		assert_ptr_equal(e.cls, t[i].cls);
		assert_ptr_equal(e.code, t[i].code);
	}
}

/* The master closed an idle connection: the next call goes over a new one. */
static void test_reopen(void **state)
{
	struct fixture *f = *state;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *ret = NULL;
	pid_t pid;
	int status;

	close(f->peer);
	f->peer = -1;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) { /* the new connection */
		static const char text[] = "{\"success\":true,\"result\":7}\3";
		struct pollfd waits = { f->listener, POLLIN, 0 };
		int fd = poll(&waits, 1, 60000) == 1 ? accept(f->listener, NULL, NULL) : -1;
		json *asked = NULL;
		bool good = luxi_read(fd, &asked, 60, NULL) == 0 &&
			    send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);

		_exit(good ? 0 : 1);
	}
	assert_ok(luxi_call(f->c, LUXI_QueryClusterInfo, json_new_array(), &ret, &e), &e);
	assert_int_equal(json_int(ret, 0), 7);
	json_put(ret);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_not_master(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct luxi_client *c;

	(void)state;
	setenv("GANETI_ROOTDIR", "/tmp/client-test-no-such-dir", 1);
	setenv("GANETI_HOSTNAME", "node1.example.com", 1);
	unsetenv("FORCE_LUXI_SOCKET");
	assert_int_equal(luxi_open(&c, &e), -1);
	assert_string_equal(err_msg(&e),
			    "Cluster not initialized or this machine is not part of a cluster");
	assert_ptr_equal(e.cls, OpPrereqError);
	setenv("FORCE_LUXI_SOCKET", "/tmp/client-test-no-such-dir/sock", 1);
	assert_int_equal(luxi_open_within(0.2, &c, &e), -1);
	assert_ptr_equal(e.cls, TimeoutError);
	assert_string_equal(err_msg(&e), "Connect timed out");
}

/* --- job_wait --- */
static struct str seen;

static void on_log(int64_t serial, double t, const char *type, const json *msg, void *arg)
{
	(void)arg;
	str_addf(&seen, "%d@%.1f %s %s;", (int)serial, t, type, json_str(msg));
}

static void on_status(const char *status, void *arg)
{
	(void)arg;
	str_addf(&seen, "%s;", status);
}

static void test_wait(void **state)
{
	struct fixture *f = *state;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *ret = NULL;

	answer(f, "{\"success\":true,\"result\":[[\"waiting\"],[]]}");
	answer(f, "{\"success\":true,\"result\":[[\"running\"],[[1,[10,500000],\"message\",\"a\"],"
		  "[2,[11,0],\"message\",\"b\"]]]}");
	/* the end of the job is not the end of its log */
	answer(f, "{\"success\":true,\"result\":[[\"success\"],[[3,[12,0],\"message\",\"c\"]]]}");
	answer(f, "{\"success\":true,\"result\":[[\"success\"],[]]}");
	answer(f, "{\"success\":true,\"result\":[[\"success\",[\"success\"],[\"done\"]]]}");
	assert_ok(job_wait(f->c, 5, on_log, on_status, NULL, &ret, &e), &e);
	assert_string_equal(json_str(json_at(ret, 0)), "done");
	json_put(ret);
	assert_string_equal(str_get(&seen), "waiting;1@10.5 message a;2@11.0 message b;3@12.0 message c;");
	str_free(&seen);
	assert_asked(f, "{\"args\":[5,[\"status\"],null,-1,89],\"method\":\"WaitForJobChange\","
			"\"version\":3010000}");
	assert_asked(
		f, "{\"args\":[5,[\"status\"],[\"waiting\"],-1,89],\"method\":\"WaitForJobChange\","
		   "\"version\":3010000}");
	assert_asked(
		f, "{\"args\":[5,[\"status\"],[\"running\"],2,89],\"method\":\"WaitForJobChange\","
		   "\"version\":3010000}");
}

static void test_wait_failures(void **state)
{
	static const struct {
		const char *row, *msg, *cls;
	} t[] = {
		{ "[\"error\",[\"error\",\"error\"],[[\"OpPrereqError\",[\"bad\",\"wrong_input\"]],"
		  "[\"OpExecError\",[\"Preceding opcode failed\"]]]]",
		  "bad", OpPrereqError },
		{ "[\"error\",[\"success\",\"error\"],[1,\"odd\"]]",
		  "partial failure (opcode 1): odd", OpExecError },
		{ "[\"canceled\",[\"canceled\"],[null]]", "Job was canceled", JobCanceled },
		{ "[null,null,null]", "Job with id 5 lost", JobLost },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		char *text = xasprintf("{\"success\":true,\"result\":[%s]}", t[i].row);

		answer(f, "{\"success\":true,\"result\":[[\"error\"],[]]}");
		answer(f, text);
		free(text);
		assert_int_equal(job_wait(f->c, 5, NULL, NULL, NULL, NULL, &e), -1);
		assert_string_equal(err_msg(&e), t[i].msg);
		assert_string_equal(e.cls, t[i].cls);
	}
}

/* --- the worker's channel --- */
static void test_wconf(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *ret = NULL, *msg;
	struct wconf *w;
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	w = wconf_new(fd[0]);
	assert_false(wconf_cancelled(w));
	/* an event and a reply that came too late stand before the answer */
	msg = json_pack("{s:s}", "event", "cancel");
	chan_write(fd[1], msg, 1);
	json_put(msg);
	msg = json_pack("{s:i, s:i}", "reply", 0, "result", 1);
	chan_write(fd[1], msg, 1);
	json_put(msg);
	msg = json_pack("{s:i, s:{s:[s]}}", "reply", 1, "result", "names", "a");
	chan_write(fd[1], msg, 1);
	json_put(msg);
	assert_ok(wconf_call(w, "lock", json_pack("{s:s}", "level", "node"), 5, &ret, &e), &e);
	assert_string_equal(json_str(json_at(json_get(ret, "names"), 0)), "a");
	json_put(ret);
	assert_true(wconf_cancelled(w));
	assert_int_equal(chan_read(fd[1], &msg, 1000, 1), 0);
	assert_string_equal(json_get_str(msg, "call"), "lock");
	assert_int_equal(json_get_int(msg, "id", 0), 1);
	json_put(msg);
	msg = json_pack("{s:i, s:[s, [s]]}", "reply", 2, "error", "JobCanceled", "no");
	chan_write(fd[1], msg, 1);
	json_put(msg);
	assert_int_equal(wconf_call(w, "op_running", json_new_dict(), 5, NULL, &e), -1);
	assert_ptr_equal(e.cls, JobCanceled);
	assert_int_equal(wconf_call(w, "flush", json_new_dict(), 0.05, NULL, &e), -1);
	assert_string_equal(err_msg(&e), "The master daemon did not answer in time");
	assert_false(wconf_lost(w));
	close(fd[1]);
	assert_true(wconf_lost(w));
	assert_int_equal(wconf_call(w, "flush", json_new_dict(), 5, NULL, &e), -1);
	assert_ptr_equal(e.cls, JobLost);
	wconf_free(w);
	close(fd[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reopen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait_failures, setup, teardown),
		cmocka_unit_test(test_wconf),
		cmocka_unit_test(test_not_master),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
