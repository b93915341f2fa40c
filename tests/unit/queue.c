#include "tests/unit/unit.h"

#include "src/queue/queue.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static json *parse(const char *text)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *j = NULL;

	assert_ok(json_parse(text, strlen(text), &j, &e), &e);
	return j;
}

#define assert_json(j, text)                        \
	do {                                        \
		json *want_ = parse(text);          \
		char *w_ = json_dump_sorted(want_); \
		char *g_ = json_dump_sorted(j);     \
		assert_string_equal(g_, w_);        \
		free(w_);                           \
		free(g_);                           \
		json_put(want_);                    \
	} while (0)

static struct job *make_job(struct arena *a, int64_t id, const char *ops)
{
	json *list = json_own(a, parse(ops));
	struct job *j = ARENA_NEW(a, struct job);

	j->id = id;
	j->n = json_len(list);
	j->ops = ARENA_ARRAY(a, struct job_op, j->n);
	for (size_t i = 0; i < j->n; i++)
		j->ops[i].input = json_at(list, i);
	return j;
}

#define THREE                                                                                \
	"[{\"OP_ID\":\"OP_TEST_DELAY\"},{\"OP_ID\":\"OP_TEST_DELAY\"},{\"OP_ID\":\"OP_TEST_" \
	"DELAY\"}]"

/* Upstream's CalcStatus, for every combination of three opcodes. */
static void test_status(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct job *j = make_job(a, 1, THREE);

	(void)state;
	for (int n = 0; n < 7 * 7 * 7; n++) {
		int s[3] = { n % 7, n / 7 % 7, n / 49 };
		enum job_status want = job_status_queued;
		bool all = true;

		for (int i = 0; i < 3; i++)
			j->ops[i].status = (enum job_status)s[i];
		for (int i = 0; i < 3; i++) {
			if (s[i] == job_status_success)
				continue;
			all = false;
			if (s[i] == job_status_queued)
				continue;
			want = (enum job_status)s[i];
			if (s[i] != job_status_waiting && s[i] != job_status_running)
				break;
		}
		assert_int_equal(job_status_of(j), all ? job_status_success : want);
	}
}

static void test_ends(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct job *j = make_job(a, 1, THREE);

	(void)state;
	/* a failure in the middle: golden job.error-mid */
	job_op_waiting(j, 0, 10);
	job_op_running(j, 0, 11);
	job_op_success(j, a, 0, NULL, 12);
	assert_int_equal(job_status_of(j), job_status_queued);
	job_op_waiting(j, 1, 13);
	assert_int_equal(job_status_of(j), job_status_waiting);
	job_op_error(j, a, 1, json_pack("[s, [s]]", "OpCodeUnknown", "Unknown opcode"), 14);
	assert_int_equal(job_status_of(j), job_status_error);
	assert_json(j->ops[2].result, "[\"OpExecError\",[\"Preceding opcode failed\"]]");
	assert_true(j->start == 10 && j->end == 14 && j->ops[1].end == 14 && j->ops[2].end == 0);
	/* cancelled while queued, and while waiting */
	j = make_job(a, 2, THREE);
	job_cancel_queued(j, 5);
	assert_true(j->end == 5 && j->ops[0].end == 5 && j->start == 0 && !j->ops[0].result);
	j = make_job(a, 3, THREE);
	job_op_waiting(j, 0, 1);
	job_cancel_asked(j);
	assert_int_equal(job_status_of(j), job_status_canceling);
	job_cancel_started(j, a, 7);
	assert_int_equal(job_status_of(j), job_status_canceled);
	assert_json(j->ops[0].result, "\"Job canceled by request\"");
	assert_true(j->end == 7 && j->ops[0].end == 0);
	/* the process died */
	j = make_job(a, 4, THREE);
	job_op_waiting(j, 0, 1);
	job_op_running(j, 0, 1);
	job_fail_open(j, a, "detected death of job 4", 9);
	assert_json(j->ops[2].result, "[\"OpExecError\",[\"detected death of job 4\"]]");
	assert_true(j->end == 9 && j->ops[0].end == 9);
	/* started but nothing ran */
	j = make_job(a, 5, THREE);
	job_op_waiting(j, 0, 1);
	job_requeue(j);
	assert_int_equal(job_status_of(j), job_status_queued);
	assert_true(j->start == 0 && j->ops[0].start == 0);
	assert_false(job_move_ok(job_status_success, job_status_running));
	job_set_priority(j, -7);
	assert_int_equal(job_priority(j), -7);
	job_cancel_queued(j, 1);
	assert_int_equal(job_priority(j), 0);
}

static int statuses(int64_t id, void *arg)
{
	(void)arg;
	return id == 9 ? -1
		       : (int)id % 7; /* queued waiting canceling running canceled success error */
}

static void test_dependencies(void **state)
{
	static const struct {
		const char *dep;
		enum dep_state want;
		const char *why;
	} t[] = {
		{ "null", DEP_READY, NULL },
		{ "[]", DEP_READY, NULL },
		{ "[[12,[\"success\"]]]", DEP_READY, NULL },
		{ "[[\"12\",[]]]", DEP_READY, NULL },
		{ "[[13,[]]]", DEP_READY, NULL },
		{ "[[10,[\"success\"]]]", DEP_WAIT,
		  "Need to wait for job 10, wanted status 'success'" },
		{ "[[11,[\"success\"]]]", DEP_CANCELED, "Dependency job 11 was cancelled" },
		{ "[[11,[\"canceled\"]]]", DEP_READY, NULL },
		{ "[[13,[\"success\",\"canceled\"]]]", DEP_FAILED,
		  "Dependency job 13 finished with status 'error', not one of 'success, canceled' "
		  "as "
		  "required" },
		{ "[[9,[]]]", DEP_FAILED, "Dependency job 9 not found" },
		{ "[[100,[]]]", DEP_FAILED, "Job can't depend on itself" },
		{ "[[13,[\"success\"]],[10,[]]]", DEP_WAIT,
		  "Need to wait for job 10, wanted status ''" },
		{ "[[12,[]],[11,[\"success\"]],[9,[]]]", DEP_CANCELED,
		  "Dependency job 11 was cancelled" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct arena *a CLEANUP(arena_freep) = arena_new();
		json *dep CLEANUP(json_putp) = parse(t[i].dep);
		const char *why = NULL;

		assert_int_equal(job_dependencies(a, 100, dep, statuses, NULL, &why), t[i].want);
		if (t[i].why)
			assert_string_equal(why, t[i].why);
	}
}

static void test_order(void **state)
{
	struct sched_job v[] = {
		{ 5, 0, NULL }, { 3, 0, NULL }, { 9, -10, NULL }, { 1, 10, NULL }
	};

	(void)state;
	sched_order(v, ARRAY_SIZE(v));
	assert_int_equal(v[0].id, 9);
	assert_int_equal(v[1].id, 3);
	assert_int_equal(v[2].id, 5);
	assert_int_equal(v[3].id, 1);
}

static const char job_for_filters[] =
	"[{\"OP_ID\":\"OP_INSTANCE_CREATE\",\"instance_name\":\"web1\",\"beparams\":{\"vcpus\":4},"
	"\"reason\":[[\"gnt:client:gnt-instance\",\"add\",17],[\"user\",\"rate-limit:2:nightly\","
	"18]]},"
	"{\"OP_ID\":\"OP_TEST_DELAY\",\"duration\":1.5,\"reason\":[]}]";

static void test_filters(void **state)
{
	static const struct {
		const char *rule; /* predicates, action */
		enum filter_verdict want;
	} t[] = {
		{ "[[], \"REJECT\"]", FILTER_REJECT },
		{ "[[], \"CONTINUE\"]", FILTER_ACCEPT },
		{ "[[[\"jobid\",[\"<=\",\"id\",\"watermark\"]]], \"PAUSE\"]", FILTER_PAUSE },
		{ "[[[\"jobid\",[\">\",\"id\",\"watermark\"]]], \"PAUSE\"]", FILTER_ACCEPT },
		{ "[[[\"jobid\",[\"=\",\"id\",40]]], [\"RATE_LIMIT\",3]]", FILTER_LIMIT },
		{ "[[[\"opcode\",[\"==\",\"OP_ID\",\"OP_TEST_DELAY\"]]], \"REJECT\"]",
		  FILTER_REJECT },
		{ "[[[\"opcode\",[\"&\",[\"==\",\"OP_ID\",\"OP_TEST_DELAY\"],"
		  "[\"==\",\"instance_name\",\"web1\"]]]], \"REJECT\"]",
		  FILTER_ACCEPT }, /* not of the same opcode */
		{ "[[[\"opcode\",[\">\",\"beparams.vcpus\",3]]], \"REJECT\"]", FILTER_REJECT },
		{ "[[[\"opcode\",[\"<\",\"beparams.vcpus\",\"3\"]]], \"REJECT\"]", FILTER_ACCEPT },
		{ "[[[\"opcode\",[\"=~\",\"instance_name\",\"^web\"]]], \"REJECT\"]",
		  FILTER_REJECT },
		{ "[[[\"opcode\",[\"?\",\"no.such.thing\"]]], \"REJECT\"]", FILTER_ACCEPT },
		/* what an opcode has not says nothing about it, "!" or not */
		{ "[[[\"opcode\",[\"!\",[\"=\",\"beparams.vcpus\",3]]]], \"REJECT\"]", FILTER_REJECT },
		{ "[[[\"opcode\",[\"!\",[\"=\",\"beparams.none\",3]]]], \"REJECT\"]", FILTER_ACCEPT },
		{ "[[[\"opcode\",[\"!=\",\"instance_name\",\"web1\"]]], \"REJECT\"]", FILTER_ACCEPT },
		{ "[[[\"opcode\",[\"!=\",\"instance_name\",\"web2\"]]], \"REJECT\"]", FILTER_REJECT },
		{ "[[[\"opcode\",[\"|\",[\"=\",\"instance_name\",\"web1\"],[\"=\",\"duration\",1]]]],"
		  " \"REJECT\"]",
		  FILTER_ACCEPT },
		{ "[[[\"opcode\",[\"!\",[\"?\",\"beparams\"]]]], \"REJECT\"]", FILTER_ACCEPT },
		{ "[[[\"jobid\",[\"!=\",\"id\",\"40\"]]], \"REJECT\"]", FILTER_ACCEPT },
		{ "[[[\"jobid\",[\"!\",[\"=\",\"no\",5]]]], \"REJECT\"]", FILTER_ACCEPT },
		{ "[[[\"reason\",[\"!\",[\"=\",\"source\",5]]]], \"REJECT\"]", FILTER_REJECT },
		{ "[[[\"reason\",[\"=~\",\"source\",\"user\"]]], \"REJECT\"]", FILTER_ACCEPT },
		{ "[[[\"reason\",[\"|\",[\"=\",\"source\",\"user\"],[\"=\",\"timestamp\",1]]]],"
		  " \"REJECT\"]",
		  FILTER_REJECT },
		{ "[[[\"reason\",[\"=\",\"source\",\"user\"]],[\"reason\",[\"=\",\"reason\",\"x\"]]"
		  "],"
		  " \"REJECT\"]",
		  FILTER_ACCEPT },
	};
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct job *j = make_job(a, 40, job_for_filters);
	const char *uuid;
	int64_t limit = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		json *rule = json_own(a, parse(t[i].rule)), *normal = NULL, *rules;

		assert_ok(filter_check(json_at(rule, 0), json_at(rule, 1), &normal, &e), &e);
		rules = json_own(a, json_pack("[{s:s,s:i,s:i,s:o,s:O}]", "uuid", "u", "priority", 1,
					      "watermark", 40, "predicates", normal, "action",
					      json_at(rule, 1)));
		if (filters_apply(rules, j, &uuid, &limit) != t[i].want)
			fail_msg("rule %s", t[i].rule);
	}
	assert_int_equal(limit, 3);
}

static void test_filter_order(void **state)
{
	json *rules = parse("[{\"uuid\":\"b\",\"priority\":1,\"watermark\":5,\"predicates\":[],"
			    "\"action\":\"PAUSE\"},"
			    "{\"uuid\":\"c\",\"priority\":0,\"watermark\":9,\"predicates\":[],"
			    "\"action\":\"CONTINUE\"},"
			    "{\"uuid\":\"a\",\"priority\":1,\"watermark\":5,\"predicates\":[],"
			    "\"action\":\"ACCEPT\"}]");
	json *sorted = filters_sort(rules);
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *uuid = NULL;
	int64_t limit;

	(void)state;
	assert_int_equal(filters_apply(sorted, make_job(a, 1, THREE), &uuid, &limit),
			 FILTER_ACCEPT);
	assert_string_equal(uuid, "a");
	json_put(sorted);
	json_put(rules);
}

static void test_filter_check(void **state)
{
	static const struct {
		const char *predicates, *action, *msg;
	} t[] = {
		{ "[[\"foo\",[\"=\",\"id\",5]]]", "\"PAUSE\"", "malformed FilterPredicate JSON" },
		{ "[[\"jobid\",[\"foo\"]]]", "\"PAUSE\"", "Unknown filter operand 'foo'" },
		{ "[[\"jobid\",[\"=\",\"id\"]]]", "\"PAUSE\"",
		  "Cannot deserialise field/value pair, expected [fieldname, value]" },
		{ "[[\"reason\",[\"=~\",\"source\",\"(\"]]]", "\"PAUSE\"",
		  "Invalid regular expression '('" },
		{ "[]", "\"STOP\"", "malformed FilterAction JSON" },
		{ "[]", "[\"RATE_LIMIT\", 0]", "RATE_LIMIT argument must be positive" },
		{ "{}", "\"PAUSE\"", "Unable to read List" },
	};
	json *good = parse("[[\"jobid\",[\"&\",[\"=\",\"id\",5],[\"!\",[\"?\",\"id\"]]]]]"),
	     *out = NULL;
	json *action = json_new_str("ACCEPT");
	struct err e CLEANUP(err_clear) = ERR_NONE;

	(void)state;
	assert_ok(filter_check(good, action, &out, &e), &e);
	assert_json(out, "[[\"jobid\",[\"&\",[\"==\",\"id\",5],[\"!\",[\"?\",\"id\"]]]]]");
	json_put(out);
	json_put(good);
	json_put(action);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		json *p CLEANUP(json_putp) = parse(t[i].predicates);
		json *act CLEANUP(json_putp) = parse(t[i].action);

		assert_int_equal(filter_check(p, act, &out, &e), -1);
		assert_string_equal(err_msg(&e), t[i].msg);
	}
}

static void test_rate_limits(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct rate_limit *v;

	(void)state;
	assert_int_equal(reason_rate_limits(a, make_job(a, 1, job_for_filters), &v), 1);
	assert_string_equal(v[0].bucket, "rate-limit:2:nightly");
	assert_int_equal(v[0].limit, 2);
	assert_int_equal(
		reason_rate_limits(
			a,
			make_job(a, 1,
				 "[{\"reason\":[[\"u\",\"rate-limit:0:x\",1],"
				 "[\"u\",\"rate-limit:x:y\",1],[\"u\",\"rate-limit\",1]]}]"),
			&v),
		0);
	assert_int_equal(
		reason_rate_limits(a, make_job(a, 1, "[{\"reason\":[[\"u\",\"rate-limit:5\",1]]}]"), &v), 1);
	assert_int_equal(v[0].limit, 5);
}

/* --- rows --- */
struct fixture {
	char dir[64], path[96];
	struct db *d;
	struct arena *a;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err e CLEANUP(err_clear) = ERR_NONE;

	snprintf(f->dir, sizeof(f->dir), "/tmp/queue-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/db", f->dir);
	f->a = arena_new();
	assert_ok(db_open(f->path, DB_CREATE, &f->d, &e), &e);
	assert_ok(db_migrate(f->d, "queue", queue_schema, queue_schema_n, &e), &e);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	struct fixture *f = *state;

	arena_free(f->a);
	db_close(f->d);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
		unlink(path);
	}
	rmdir(f->dir);
	free(f);
	return 0;
}

static struct job *add(struct fixture *f, const char *ops)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *list = json_own(f->a, parse(ops));
	struct job *j = NULL;

	assert_ok(queue_add(f->d, f->a, list, 1795199212.856669, &j, &e), &e);
	return j;
}

static void test_rows(void **state)
{
	struct fixture *f = *state;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct job *j = add(f, THREE), *k = NULL;
	enum job_status s;
	int64_t serial = 0, *ids;
	size_t n;
	json *log = NULL, *msg = json_new_str("hello"), *large;
	char *text CLEANUP(freep) = xcalloc(1, QUEUE_LOG_BYTES + 1);
	bool done;

	memset(text, 'x', QUEUE_LOG_BYTES);
	large = json_own(f->a, json_new_str(text));
	assert_int_equal(j->id, 1);
	/* relative dependencies count from the job itself, as upstream */
	k = add(f, "[{\"OP_ID\":\"OP_TEST_DELAY\",\"priority\":-10,\"depends\":[[-1,[\"success\"]],"
		   "[\"7\",[]]],"
		   "\"reason\":[[\"a\",\"b\",1]]}]");
	assert_json(json_get(k->ops[0].input, "depends"), "[[1,[\"success\"]],[7,[]]]");
	assert_json(json_get(k->ops[0].input, "reason"),
		    "[[\"a\",\"b\",1],[\"gnt:opcode:test_delay\",\"job=2;index=0\","
		    "1795199212856669000]]");
	assert_int_equal(job_priority(k), -10);
	job_op_waiting(j, 0, 1795199213.618777);
	assert_ok(queue_save(f->d, j, &e), &e);
	assert_int_equal(queue_status(f->d, 1, &s, &e), 1);
	assert_int_equal(s, job_status_waiting);
	assert_int_equal(queue_status(f->d, 99, &s, &e), 0);
	assert_ok(queue_log(f->d, 1, 0, 20, "message", msg, &serial, &e), &e);
	assert_int_equal(serial, 1);
	assert_ok(queue_log(f->d, 1, 2, 21.5, "message", msg, &serial, &e), &e);
	assert_ok(queue_log_since(f->d, 1, 1, &log, &e), &e);
	assert_json(log, "[[2,[21,500000],\"message\",\"hello\"]]");
	json_put(log);
	for (int i = 0; i < 3; i++)
		assert_ok(queue_log(f->d, 1, 2, 22, "message", large, NULL, &e), &e);
	for (int i = 0; i < QUEUE_LOG_ENTRIES + 1; i++)
		assert_ok(queue_log(f->d, 1, 2, 22, "message", msg, NULL, &e), &e);
	/* what is large comes alone, of the others not too many at once; whoever asks again gets the rest */
	for (int64_t at = 0, i = 0; at < QUEUE_LOG_ENTRIES + 6; i++) {
		static const size_t want[] = { 3, 1, 1, QUEUE_LOG_ENTRIES, 1 };

		assert_in_range(i, 0, ARRAY_SIZE(want) - 1);
		assert_ok(queue_log_since(f->d, 1, at, &log, &e), &e);
		assert_int_equal(json_len(log), want[i]);
		for (size_t entry = 0; entry < json_len(log); entry++)
			assert_int_equal(json_int(json_at(json_at(log, entry), 0), 0), ++at);
		json_put(log);
	}
	assert_ok(db_exec(f->d, &e, "DELETE FROM job_log WHERE serial > 2", ""), &e);
	assert_ok(queue_log_by_op(f->d, 1, 3, &log, &e), &e);
	assert_json(
		log,
		"[[[1,[20,0],\"message\",\"hello\"]],[],[[2,[21,500000],\"message\",\"hello\"]]]");
	json_put(log);
	json_put(msg);
	assert_ok(queue_load(f->d, f->a, 1, &k, &e), &e);
	assert_int_equal(k->n, 3);
	assert_int_equal(job_status_of(k), job_status_waiting);
	assert_json(json_own(f->a, job_time(k->ops[0].start)), "[1795199213,618777]");
	assert_ok(queue_load(f->d, f->a, 99, &k, &e), &e);
	assert_null(k);
	assert_ok(queue_pending(f->d, f->a, &ids, &n, &e), &e);
	assert_int_equal(n, 2);
	/* only final jobs are archived, once */
	assert_ok(queue_archive(f->d, 1, &done, &e), &e);
	assert_false(done);
	job_op_error(j, f->a, 0, NULL, 30);
	assert_ok(queue_save(f->d, j, &e), &e);
	assert_ok(queue_ended(f->d, f->a, 30, 10, &ids, &n, &e), &e);
	assert_int_equal(n, 0);
	assert_ok(queue_ended(f->d, f->a, 31, 10, &ids, &n, &e), &e);
	assert_int_equal(n, 1);
	assert_ok(queue_archive(f->d, 1, &done, &e), &e);
	assert_true(done);
	assert_ok(queue_archive(f->d, 1, &done, &e), &e);
	assert_false(done);
	assert_ok(queue_ids(f->d, f->a, true, &ids, &n, &e), &e);
	assert_int_equal(n, 1);
	assert_int_equal(ids[0], 1);
	assert_ok(queue_pending(f->d, f->a, &ids, &n, &e), &e);
	assert_int_equal(n, 1);
	assert_int_equal(ids[0], 2);
	assert_ok(queue_started(f->d, f->a, &ids, &n, &e), &e);
	assert_int_equal(n, 0);
	assert_ok(queue_count_pending(f->d, &n, &e), &e);
	assert_int_equal(n, 1);
	done = true;
	assert_ok(queue_flag_get(f->d, "drained", &done, &e), &e);
	assert_false(done);
	assert_ok(queue_flag_set(f->d, "drained", true, &e), &e);
	assert_ok(queue_flag_get(f->d, "drained", &done, &e), &e);
	assert_true(done);
}

/* Jobs that wait, a few at a time: by priority, then by number. */
static void test_waiting(void **state)
{
	static const int priorities[] = { 0, 5, -20, 0, 5 }, want[] = { 3, 1, 4, 2, 5 };
	struct fixture *f = *state;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	int priority = INT_MIN;
	int64_t *ids, at = 0;
	size_t n, seen = 0;

	for (size_t i = 0; i < ARRAY_SIZE(priorities); i++) {
		struct job *j = add(f, "[{\"OP_ID\":\"OP_TEST_DELAY\",\"duration\":0,\"reason\":[]}]");

		job_set_priority(j, priorities[i]);
		assert_ok(queue_save(f->d, j, &e), &e);
	}
	do {
		assert_ok(queue_waiting(f->d, f->a, priority, at, 5, 2, &ids, &n, &priority, &e), &e);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(ids[i], want[seen++]);
		at = n ? ids[n - 1] : at;
	} while (n == 2);
	assert_int_equal(seen, 5);
	assert_ok(queue_waiting(f->d, f->a, INT_MIN, 0, 2, 9, &ids, &n, &priority, &e), &e);
	assert_int_equal(n, 2); /* later ones are not looked at */
	assert_int_equal(priority, 5);
}

/* Rows of the processes that run jobs. */
static void test_runs(void **state)
{
	struct fixture *f = *state;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct job *j = add(f, THREE);
	json *answer CLEANUP(json_putp) = parse("{\"names\":[\"a\"]}");
	struct job_run r = { .nonce = "n", .place = "host/boot", .pid = 12, .started = 1LL << 40 };
	struct job_run *got;
	int64_t *ids;
	size_t n;

	assert_ok(queue_run_load(f->d, f->a, j->id, &got, &e), &e);
	assert_null(got);
	assert_ok(queue_run_save(f->d, j->id, &r, "{\"locks\":{}}", &e), &e);
	r.call = 7;
	r.answer = answer;
	assert_ok(queue_run_save(f->d, j->id, &r, "{\"locks\":{}}", &e), &e);
	assert_ok(queue_run_load(f->d, f->a, j->id, &got, &e), &e);
	assert_string_equal(got->nonce, "n");
	assert_string_equal(got->place, "host/boot");
	assert_int_equal(got->pid, 12);
	assert_int_equal(got->started, 1LL << 40);
	assert_int_equal(got->call, 7);
	assert_json(got->answer, "{\"names\":[\"a\"]}");
	assert_json(got->held, "{\"locks\":{}}");
	/* with one a job has been started, whatever its opcodes say */
	assert_ok(queue_started(f->d, f->a, &ids, &n, &e), &e);
	assert_int_equal(n, 1);
	assert_int_equal(ids[0], j->id);
	/* they go with their jobs */
	assert_ok(queue_runs_tidy(f->d, &e), &e);
	assert_ok(queue_run_load(f->d, f->a, j->id, &got, &e), &e);
	assert_non_null(got);
	job_cancel_queued(j, 30);
	assert_ok(queue_save(f->d, j, &e), &e);
	assert_ok(queue_runs_tidy(f->d, &e), &e);
	assert_ok(queue_run_load(f->d, f->a, j->id, &got, &e), &e);
	assert_null(got);
	assert_ok(queue_run_save(f->d, j->id, &r, NULL, &e), &e);
	assert_ok(queue_run_remove(f->d, j->id, &e), &e);
	assert_ok(queue_run_load(f->d, f->a, j->id, &got, &e), &e);
	assert_null(got);
}

static void test_secrets(void **state)
{
	struct fixture *f = *state;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct job *j = add(
		f,
		"[{\"OP_ID\":\"OP_INSTANCE_REINSTALL\",\"instance_name\":\"i\","
		"\"osparams_private\":{\"p\":\"xprivx\"},\"osparams_secret\":{\"s\":\"xsecx\"}}]");
	struct job *k = NULL;
	json *shown = NULL, *file = NULL;
	const char *text = NULL;
	char *dump;

	assert_string_equal(json_get_str(json_get(j->ops[0].input, "osparams_secret"), "s"),
			    "xsecx");
	assert_int_equal(db_get_text(f->d, f->a, &text, &e, "SELECT input FROM job", ""), 1);
	assert_null(strstr(text, "xsecx"));
	assert_non_null(strstr(text, "xprivx")); /* the job needs it after a restart */
	assert_true(job_field(j, NULL, "ops", &shown));
	dump = json_dump(shown);
	assert_null(strstr(dump, "xsecx"));
	assert_null(strstr(dump, "xprivx"));
	free(dump);
	json_put(shown);
	file = job_to_file(j, NULL);
	dump = json_dump(file);
	assert_null(strstr(dump, "xsecx"));
	free(dump);
	json_put(file);
	assert_ok(queue_load(f->d, f->a, j->id, &k, &e), &e);
	assert_true(k->secrets_lost);
}

static void test_fields(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct job *j =
		make_job(a, 7, "[{\"OP_ID\":\"OP_INSTANCE_STARTUP\",\"instance_name\":\"i1\"}]");
	struct strs names = strs_split(a,
				       "id,status,summary,opstatus,opresult,oplog,opstart,received_"
				       "ts,end_ts,priority,nosuch",
				       ',');
	json *v;

	(void)state;
	j->received = 1795199212.856669;
	job_op_waiting(j, 0, 1795199213.9999999);
	v = json_own(a, job_fields(j, NULL, &names));
	assert_json(v, "[7,\"waiting\",[\"INSTANCE_STARTUP(i1)\"],[\"waiting\"],[null],[[]],"
		       "[[1795199214,0]],[1795199212,856669],null,0,null]");
}

/* A file written by upstream comes back the same, but for the keys that name a process. */
static void test_file(void **state)
{
	struct fixture *f = *state;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *file = json_own(
		f->a, parse("{\"id\":252,\"ops\":[{\"input\":{\"duration\":25.0,\"OP_ID\":\"OP_"
			    "TEST_DELAY\"},\"status\":\"success\","
			    "\"result\":null,\"log\":[[1,[1795199213,5],\"message\",\"hi\"]],"
			    "\"start_timestamp\":[1795199213,618777],\"exec_timestamp\":["
			    "1795199213,781219],"
			    "\"end_timestamp\":[1795199239,88978],\"priority\":0}],\"start_"
			    "timestamp\":[1795199213,618777],"
			    "\"end_timestamp\":[1795199239,88997],\"received_timestamp\":["
			    "1795199212,856669]}"));
	json *log = NULL, *back;
	struct job *j = NULL;
	char *want, *got;

	assert_ok(job_from_file(f->a, file, &j, &log, &e), &e);
	assert_ok(queue_import(f->d, j, log, &e), &e);
	json_put(log);
	assert_ok(queue_load(f->d, f->a, 252, &j, &e), &e);
	assert_ok(queue_log_by_op(f->d, 252, 1, &log, &e), &e);
	back = json_own(f->a, job_to_file(j, log));
	json_put(log);
	want = json_dump_sorted(file);
	got = json_dump_sorted(back);
	assert_string_equal(got, want);
	free(want);
	free(got);
	assert_int_equal(add(f, THREE)->id, 253);
	assert_int_equal(job_from_file(f->a, json_own(f->a, parse("{\"id\":1}")), &j, &log, &e),
			 -1);
	assert_string_equal(e.cls, JobFileCorrupted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_dependencies),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_filter_order),
		cmocka_unit_test(test_filter_check),
		cmocka_unit_test(test_rate_limits),
		cmocka_unit_test(test_fields),
		cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waiting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_runs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_secrets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
