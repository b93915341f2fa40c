/*
 * luxireplay CASE.json BINDIR: run a gnt-* command against a scripted master and compare what it prints,
 * byte for byte, with what was recorded on a real cluster. A case is a dict:
 *
 *	argv      the command; its first word is looked up in BINDIR
 *	exit, stdout, stderr   what is expected; @VAR@ stands for LOCALSTATEDIR
 *	env       {"NAME": "value"}, optional; $DIR in a value is the working directory
 *	no_socket true: do not tell where the master is
 *	files     {"name": "content"} made in the working directory, optional; @VAR@ as above
 *	rules     [{method, args, result | error}]: the answer to a request; without args any will do
 *	jobs      {"12": {status, opstatus, opresult, oplog, ...}}: answers WaitForJobChange and QueryJobs
 *	submit    ids that submitted jobs get, in order; a text refuses the job
 *	ops       [[opcode, ...], ...]: the jobs that have to be submitted. Compared with defaults filled
 *	          in on both sides, without debug level, reason and priority 0
 *	reason    [[source, text], ...]: the reason trail of the first opcode, optional
 */
#include "lib/wire/wire.h"
#include "src/schema/schema.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIME_LIMIT 20.0

struct replay {
	struct arena *a;
	json *c;         /* the case */
	json *submitted; /* list of jobs */
	size_t next_id;
	bool done, failed;
	int status;
};

static void complain(struct replay *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void complain(struct replay *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("# ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	r->failed = true;
}

static json *job_field(const json *job, const char *id, const char *field)
{
	if (strcmp(field, "id") == 0)
		return json_new_int(atoll(id));
	return json_ref(json_get(job, field));
}

static json *wait_for_change(struct replay *r, const json *args)
{
	const json *first = json_at(args, 0); /* 3.0's client sends text */
	const char *id = json_str(first) ? json_str(first) :
					   arena_printf(r->a, "%lld", (long long)json_int(first, 0));
	const json *job = json_get(json_get(r->c, "jobs"), id), *logs = json_get(job, "oplog");
	int64_t seen = json_int(json_at(args, 3), -1);
	json *entries;

	if (!job)
		return json_pack("[b, [s, [s]]]", 0, "JobLost", "Can't load job file");
	entries = json_new_array();
	json_items(logs, i, log)
		json_items(log, k, entry)
			if (json_int(json_at(entry, 0), 0) > seen)
				json_append(entries, json_ref(entry));
	return json_pack("[b, [[O], o]]", 1, json_get(job, "status"), entries);
}

static json *query_jobs(struct replay *r, const json *args)
{
	json *rows = json_new_array();

	json_items(json_at(args, 0), i, want) {
		const char *id = json_str(want) ? json_str(want) :
						  arena_printf(r->a, "%lld", (long long)json_int(want, 0));
		json *row = json_new_array();

		json_items(json_at(args, 1), k, field)
			json_append(row, job_field(json_get(json_get(r->c, "jobs"), id), id,
						   json_str(field)));
		json_append(rows, row);
	}
	return json_pack("[b, o]", 1, rows);
}

/* [ok, id or message] for the next job */
static json *submit_one(struct replay *r, const json *ops)
{
	json *id = json_at(json_get(r->c, "submit"), r->next_id++);

	json_append(r->submitted, json_ref((json *)ops));
	if (!id)
		complain(r, "more jobs submitted than expected");
	return json_pack("[b, O]", !json_str(id), id);
}

static json *submit(struct replay *r, const char *method, const json *args)
{
	json *answers;

	if (strcmp(method, "SubmitManyJobs") != 0) {
		json *one = submit_one(r, json_at(args, 0)), *answer;

		answer = json_pack("[O, O]", json_at(one, 0), json_at(one, 1));
		json_put(one);
		return answer;
	}
	answers = json_new_array();
	json_items(json_at(args, 0), i, ops)
		json_append(answers, submit_one(r, ops));
	return json_pack("[b, o]", 1, answers);
}

static json *by_rule(struct replay *r, const char *method, const json *args)
{
	json_items(json_get(r->c, "rules"), i, rule) {
		if (!str_eq(json_get_str(rule, "method"), method) ||
		    (json_has(rule, "args") && !json_equal(json_get(rule, "args"), args)))
			continue;
		if (json_has(rule, "error"))
			return json_pack("[b, O]", 0, json_get(rule, "error"));
		return json_pack("[b, O]", 1, json_get(rule, "result"));
	}
	return NULL;
}

/* [success, result] */
static json *answer(struct replay *r, const char *method, const json *args)
{
	json *found = by_rule(r, method, args);

	if (found)
		return found;
	if (strcmp(method, "WaitForJobChange") == 0)
		return wait_for_change(r, args);
	if (strcmp(method, "QueryJobs") == 0)
		return query_jobs(r, args);
	if (str_starts(method, "Submit"))
		return submit(r, method, args);
	complain(r, "no answer to %s%s", method, json_dump_in(r->a, args));
	return json_pack("[b, s]", 0, "Failed to parse request: not in the script");
}

static void request(struct luxi_conn *conn, const char *text, size_t n, void *arg)
{
	json *q CLEANUP(json_putp) = NULL, *result CLEANUP(json_putp) = NULL;
	struct replay *r = arg;

	if (json_parse(text, n, &q, NULL) < 0 || !json_get_str(q, "method")) {
		complain(r, "a request is no JSON: %.*s", (int)n, text);
		result = json_pack("[b, s]", 0, "Failed to parse request");
	} else {
		result = answer(r, json_get_str(q, "method"), json_get(q, "args"));
	}
	luxi_reply(conn, json_pack("{s:O, s:O}", "success", json_at(result, 0), "result",
				   json_at(result, 1)));
}

static void ended(pid_t pid, int status, void *arg)
{
	struct replay *r = arg;

	(void)pid;
	r->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	r->done = true;
}

static const char *with_var(struct replay *r, const char *text)
{
	const char *at = strstr(text, "@VAR@");

	return at ? arena_printf(r->a, "%.*s%s%s", (int)(at - text), text, LOCALSTATEDIR,
				 with_var(r, at + strlen("@VAR@"))) :
		    text;
}

static void compare(struct replay *r, const char *what, const char *file, const char *expected)
{
	const char *wanted = with_var(r, expected);
	char *got CLEANUP(freep) = NULL;
	size_t n, at = 0;

	if (fs_read(file, 64 << 20, &got, &n) < 0)
		got = xstrdup("");
	if (strcmp(got, wanted) == 0)
		return;
	while (got[at] && got[at] == wanted[at])
		at++;
	complain(r, "%s differs at byte %zu", what, at);
	printf("--- wanted\n%s\n--- got\n%s\n---\n", wanted, got);
}

static json *normalised(struct replay *r, const json *op);

/* The opcodes inside of OP: OP_INSTANCE_MULTI_ALLOC has some. */
static void normalise_inner(struct replay *r, json *op)
{
	json *list = json_get(op, "instances"), *out;

	if (!json_has(json_at(list, 0), "OP_ID"))
		return;
	out = json_new_array();
	json_items(list, i, inner)
		json_append(out, json_ref(normalised(r, inner)));
	json_set(op, "instances", out);
}

/* Defaults filled in, without what is the same for every opcode. */
static json *normalised(struct replay *r, const json *op)
{
	json *plain = json_own(r->a, json_clone(op)), *out;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	enum opcode code;
	void *parsed;

	json_set(plain, "reason", json_new_array());
	json_del(plain, "debug_level");
	if (!json_get_bool(plain, "dry_run", false))
		json_del(plain, "dry_run");
	if (opcode_parse(r->a, plain, &code, &parsed, &e) < 0) {
		complain(r, "opcode %s: %s", json_dump_in(r->a, op), err_msg(&e));
		return plain;
	}
	out = json_own(r->a, opcode_emit(code, parsed, false));
	normalise_inner(r, out);
	return out;
}

static void print_difference(const json *want, const json *got)
{
	char *w CLEANUP(freep) = json_dump_sorted(want), *g CLEANUP(freep) = json_dump_sorted(got);

	printf("--- wanted\n%s\n--- got\n%s\n---\n", w, g);
}

static void compare_ops(struct replay *r)
{
	json *wanted = json_get(r->c, "ops");

	if (!wanted)
		return;
	if (json_len(wanted) != json_len(r->submitted))
		complain(r, "%zu jobs submitted, %zu wanted", json_len(r->submitted),
			 json_len(wanted));
	json_items(r->submitted, i, job)
		json_items(job, k, op) {
			json *got = normalised(r, op);
			json *want = normalised(r, json_at(json_at(wanted, i), k));

			if (json_equal(got, want))
				continue;
			complain(r, "job %zu opcode %zu differs", i, k);
			print_difference(want, got);
		}
}

static void compare_reason(struct replay *r)
{
	json *wanted = json_get(r->c, "reason");
	json *got = json_get(json_at(json_at(r->submitted, 0), 0), "reason");

	if (wanted && json_len(wanted) != json_len(got))
		complain(r, "reason trail is %s", json_dump_in(r->a, got));
	json_items(wanted, i, w)
		for (size_t k = 0; k < 2; k++)
			if (!json_equal(json_at(w, k), json_at(json_at(got, i), k)))
				complain(r, "reason trail is %s", json_dump_in(r->a, got));
}

/* The child's environment: a fixed one, the socket, and what the case adds. */
static const char *const *environment(struct replay *r, const char *dir, const char *socket)
{
	struct strs env = { 0 };

	strs_add(r->a, &env, "TZ=UTC");
	strs_add(r->a, &env, "LC_ALL=C");
	strs_add(r->a, &env, arena_printf(r->a, "PATH=%s", getenv("PATH")));
	if (!json_get_bool(r->c, "no_socket", false))
		strs_add(r->a, &env, arena_printf(r->a, "FORCE_LUXI_SOCKET=%s", socket));
	json_each(json_get(r->c, "env"), name, v) {
		const char *value = json_str(v), *rest = value + strlen("$DIR");

		if (str_starts(value, "$DIR"))
			strs_add(r->a, &env, arena_printf(r->a, "%s=%s%s", name, dir, rest));
		else
			strs_add(r->a, &env, arena_printf(r->a, "%s=%s", name, value));
	}
	strs_add(r->a, &env, NULL);
	return env.v;
}

static void make_files(struct replay *r)
{
	json_each(json_get(r->c, "files"), key, v) {
		const char *name = str_starts(key, "@VAR@") ?
					   arena_printf(r->a, ".%s%s", LOCALSTATEDIR,
							key + strlen("@VAR@")) :
					   key;
		struct fs_attr attr = { .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1 };
		const char *slash = strrchr(name, '/');

		if (slash)
			fs_mkdirs(arena_strndup(r->a, name, (size_t)(slash - name)), 0700);
		if (fs_write_atomic(name, json_str(v), json_str_len(v), &attr) < 0)
			complain(r, "cannot write %s", name);
	}
}

static void run(struct replay *r, const char *dir, const char *bindir)
{
	struct strs argv = json_strs(r->a, json_get(r->c, "argv"));
	const char *socket = arena_printf(r->a, "%s/s", dir);
	const char *out = arena_printf(r->a, "%s/out", dir), *err = arena_printf(r->a, "%s/err", dir);
	FILE *fout = fopen(out, "we"), *ferr = fopen(err, "we");
	struct ev *ev = ev_new();
	int fd = unix_listen(socket, 0600, (uid_t)-1, (gid_t)-1);
	struct luxi_server *server = luxi_server_new(ev, fd, 10, request, r);
	struct run child = { .env = environment(r, dir, socket), .cwd = dir, .new_session = true };
	const char *wanted;
	pid_t pid;

	argv.v[0] = arena_printf(r->a, "%s/%s", bindir, argv.v[0]);
	strs_add(r->a, &argv, NULL);
	child.argv = argv.v;
	child.stdout_fd = fileno(fout);
	child.stderr_fd = fileno(ferr);
	pid = run_start(&child);
	if (pid < 0) {
		complain(r, "%s does not start", argv.v[0]);
	} else {
		ev_child(ev, pid, ended, r);
		if (!ev_run_until(ev, &r->done, TIME_LIMIT)) {
			complain(r, "still running after %.0f s", TIME_LIMIT);
			kill(pid, SIGKILL);
			ev_run_until(ev, &r->done, 5);
		}
	}
	fclose(fout);
	fclose(ferr);
	luxi_server_free(server);
	ev_free(ev);
	if (r->status != json_get_int(r->c, "exit", 0))
		complain(r, "exit code %d, wanted %lld", r->status,
			 (long long)json_get_int(r->c, "exit", 0));
	wanted = json_get_str(r->c, "stdout");
	compare(r, "stdout", out, wanted ? wanted : "");
	wanted = json_get_str(r->c, "stderr");
	compare(r, "stderr", err, wanted ? wanted : "");
	compare_ops(r);
	compare_reason(r);
}

int main(int argc, char **argv)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct replay r = { .a = a };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	char dir[] = "/tmp/luxireplay.XXXXXX";
	char *text CLEANUP(freep) = NULL;
	size_t n;

	if (argc != 3 || fs_read(argv[1], 64 << 20, &text, &n) < 0) {
		fprintf(stderr, "usage: luxireplay CASE.json BINDIR\n");
		return 2;
	}
	if (json_parse(text, n, &r.c, &e) < 0) {
		printf("# %s: %s\n", argv[1], err_msg(&e));
		return 1;
	}
	json_own(a, r.c);
	r.submitted = json_own(a, json_new_array());
	if (!mkdtemp(dir) || chdir(dir) < 0)
		return 2;
	make_files(&r);
	run(&r, dir, argv[2]);
	fs_remove_tree(dir);
	return r.failed;
}
