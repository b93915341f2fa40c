/* Jobs as rows. */
#include "src/queue/priv.h"

#include "lib/base/fault.h"
#include "lib/base/parse.h"

#include <inttypes.h>
#include <string.h>

const char *const queue_schema[] = {
	/* input: list of opcodes, written once; state: list of what changes, see ops_state() */
	"CREATE TABLE job(id INTEGER PRIMARY KEY, status INTEGER NOT NULL,"
	" archived INTEGER NOT NULL DEFAULT 0, received REAL NOT NULL, start REAL NOT NULL,"
	" end REAL NOT NULL, input TEXT NOT NULL, state TEXT NOT NULL);"
	"CREATE INDEX job_live ON job(status) WHERE archived = 0;"
	"CREATE TABLE job_log(job INTEGER NOT NULL, serial INTEGER NOT NULL, op INTEGER NOT NULL,"
	" time REAL NOT NULL, type TEXT NOT NULL, message TEXT NOT NULL);"
	"CREATE UNIQUE INDEX job_log_of ON job_log(job, serial);"
	"CREATE TABLE queue_value(name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL);"
	"INSERT INTO queue_value(name, value) VALUES('serial', 0)",
	/* listing and archiving by age must not look at what is archived already */
	"CREATE INDEX job_here ON job(id) WHERE archived = 0;"
	"CREATE INDEX job_ended ON job(end) WHERE archived = 0 AND status >= 4",
	/* processes that run jobs, see struct job_run */
	"CREATE TABLE job_run(job INTEGER PRIMARY KEY, nonce TEXT NOT NULL, place TEXT NOT NULL,"
	" pid INTEGER NOT NULL, started INTEGER NOT NULL, call INTEGER NOT NULL, answer TEXT,"
	" held TEXT)",
	/* with a declared key: changes of others are not in the log of src/replica */
	"ALTER TABLE job_log RENAME TO job_log_old; DROP INDEX job_log_of;"
	"CREATE TABLE job_log(job INTEGER NOT NULL, serial INTEGER NOT NULL, op INTEGER NOT NULL,"
	" time REAL NOT NULL, type TEXT NOT NULL, message TEXT NOT NULL, PRIMARY KEY(job, serial));"
	"INSERT INTO job_log SELECT * FROM job_log_old; DROP TABLE job_log_old;",
	/* the most urgent of those that wait, whatever their number */
	"ALTER TABLE job ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;"
	"UPDATE job SET priority = coalesce(json_extract(state, '$[0][2]'), 0)"
	" WHERE archived = 0 AND status = 0;"
	"CREATE INDEX job_waiting ON job(priority, id) WHERE archived = 0 AND status = 0",
	/* not those that wait, which are in job_waiting, and not those that have ended */
	"DROP INDEX job_live; CREATE INDEX job_begun ON job(id) WHERE archived = 0 AND status BETWEEN 1 AND 3",
};
/* what indices say as a number: the final states are the last ones of the enumeration */
_Static_assert(job_status_canceled == 4 && job_status_queued == 0, "indices job_ended, job_waiting, job_begun");
#define WAITING "job INDEXED BY job_waiting WHERE archived = 0 AND status = 0"
#define BEGUN "job INDEXED BY job_begun WHERE archived = 0 AND status BETWEEN 1 AND 3"
const size_t queue_schema_n = ARRAY_SIZE(queue_schema);

/* --- progress of the opcodes --- */
static json *ops_state(const struct job *j)
{
	json *out = json_new_array();

	for (size_t i = 0; i < j->n; i++) {
		const struct job_op *op = &j->ops[i];

		json_append(out,
			    json_pack("[s, O, i, f, f, f]", enum_name(&enum_job_status, op->status),
				      op->result, op->priority, op->start, op->exec, op->end));
	}
	return out;
}

static int read_state(struct job_op *op, const json *s, struct err *e)
{
	int status = enum_value(&enum_job_status, json_str(json_at(s, 0)));

	if (status < 0)
		return err_set(e, JobFileCorrupted, NULL, "Can't load job file");
	op->status = (enum job_status)status;
	op->result = json_at(s, 1);
	op->priority = (int)json_int(json_at(s, 2), PRIO_NORMAL);
	op->start = json_float(json_at(s, 3), 0);
	op->exec = json_float(json_at(s, 4), 0);
	op->end = json_float(json_at(s, 5), 0);
	return 0;
}

/* --- adding --- */
static int next_id(struct db *d, int64_t *ret, struct err *e)
{
	if (db_exec(d, e, "UPDATE queue_value SET value = value + 1 WHERE name = 'serial'", "") < 0)
		return -1;
	return queue_serial(d, ret, e);
}

int queue_serial(struct db *d, int64_t *ret, struct err *e)
{
	int rc = db_get_int(d, ret, e, "SELECT value FROM queue_value WHERE name = 'serial'", "");

	if (rc == 0)
		err_set(e, JobQueueError, NULL, "The job queue has no serial number");
	return rc == 1 ? 0 : -1;
}

int queue_serial_at_least(struct db *d, int64_t id, struct err *e)
{
	return db_exec(d, e, "UPDATE queue_value SET value = max(value, ?) WHERE name = 'serial'",
		       "I", id);
}

static int64_t number(const json *j)
{
	int64_t v = 0;

	if (json_str(j))
		return parse_int(json_str(j), &v) < 0 ? 0 : v;
	return json_int(j, 0);
}

/* -n becomes this job's number minus n. */
static void resolve_depends(json *op, int64_t id)
{
	json *old = json_get(op, "depends"), *out;

	if (!json_is(old, JSON_ARRAY))
		return;
	out = json_new_array();
	json_items (old, i, dep) {
		int64_t n = number(json_at(dep, 0));

		json_append(out, json_pack("[I, O]", n < 0 ? id + n : n, json_at(dep, 1)));
	}
	json_set(op, "depends", out);
}

static json *stored_inputs(const struct job *j)
{
	json *out = json_new_array();

	for (size_t i = 0; i < j->n; i++)
		json_append(out, job_input_stored(j->ops[i].input));
	return out;
}

static int insert(struct db *d, const struct job *j, struct err *e)
{
	json *input CLEANUP(json_putp) = stored_inputs(j);
	json *state CLEANUP(json_putp) = ops_state(j);
	char *input_text CLEANUP(freep) = json_dump(input);
	char *state_text CLEANUP(freep) = json_dump(state);

	return db_exec(d, e,
		       "INSERT INTO job(id, status, archived, received, start, end, input, state, priority)"
		       " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
		       "Iiifffssi", j->id, (int)job_status_of(j), (int)j->archived, j->received,
		       j->start, j->end, input_text, state_text, job_priority(j));
}

int queue_add(struct db *d, struct arena *a, const json *ops, double now, struct job **ret,
	      struct err *e)
{
	struct job *j = ARENA_NEW(a, struct job);

	if (next_id(d, &j->id, e) < 0)
		return -1;
	j->received = now;
	j->n = json_len(ops);
	j->ops = ARENA_ARRAY(a, struct job_op, j->n);
	for (size_t i = 0; i < j->n; i++) {
		struct job_op *op = &j->ops[i];

		op->input = json_own(a, json_clone(json_at(ops, i)));
		op->priority = (int)json_get_int(op->input, "priority", PRIO_NORMAL);
		resolve_depends(op->input, j->id);
		reason_extend(op->input, j->id, i, now);
	}
	if (FAULT(queue_add))
		return err_plain(e, "fault point");
	if (insert(d, j, e) < 0)
		return -1;
	*ret = j;
	return 0;
}

int queue_import(struct db *d, const struct job *j, const json *log, struct err *e)
{
	if (insert(d, j, e) < 0)
		return -1;
	json_items (log, i, entries)
		json_items (entries, k, entry) {
			char *text CLEANUP(freep) = json_dump(json_at(entry, 3));
			json *at = json_at(entry, 1);
			double t =
				json_float(json_at(at, 0), 0) + json_float(json_at(at, 1), 0) / 1e6;

			if (db_exec(d, e,
				    "INSERT INTO job_log(job, serial, op, time, type, message)"
				    " VALUES(?, ?, ?, ?, ?, ?)",
				    "IIIfss", j->id, json_int(json_at(entry, 0), 0), (int64_t)i, t,
				    json_str(json_at(entry, 2)), text) < 0)
				return -1;
		}
	return queue_serial_at_least(d, j->id, e);
}

/* --- reading and progress --- */
int queue_column(struct arena *a, struct db_stmt *s, int col, json **ret, struct err *e)
{
	const char *text = db_text(s, col);
	json *j = NULL;

	if (text && json_parse(text, strlen(text), &j, e) < 0)
		return -1;
	*ret = j ? json_own(a, j) : NULL;
	return 0;
}

static int read_job(struct db_stmt *s, struct arena *a, struct job *j, struct err *e)
{
	json *input = NULL, *state = NULL;

	if (queue_column(a, s, 4, &input, e) < 0 || queue_column(a, s, 5, &state, e) < 0)
		return -1;
	j->archived = db_int(s, 0);
	j->received = db_float(s, 1);
	j->start = db_float(s, 2);
	j->end = db_float(s, 3);
	j->n = json_len(input);
	j->ops = ARENA_ARRAY(a, struct job_op, j->n);
	for (size_t i = 0; i < j->n; i++) {
		j->ops[i].input = json_at(input, i);
		j->secrets_lost |= job_input_lost(j->ops[i].input);
		if (read_state(&j->ops[i], json_at(state, i), e) < 0)
			return -1;
	}
	return 0;
}

int queue_load(struct db *d, struct arena *a, int64_t id, struct job **ret, struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	struct job *j;
	int rc;

	if (db_query(d, &s, e,
		     "SELECT archived, received, start, end, input, state FROM job WHERE id = ?",
		     "I", id) < 0)
		return -1;
	rc = db_step(s, e);
	if (rc < 0)
		return -1;
	*ret = NULL;
	if (rc == 0)
		return 0;
	j = ARENA_NEW(a, struct job);
	j->id = id;
	if (read_job(s, a, j, e) < 0)
		return -1;
	*ret = j;
	return 0;
}

static int each_row(struct db_stmt *s, bool ops, int (*fn)(const struct job *j, void *arg, struct err *e), void *arg,
		    struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = NULL;
	struct job_op all = { 0 };
	struct job j = { .n = 1, .ops = &all };

	if (ops) {
		a = arena_new();
		if (read_job(s, a, &j, e) < 0)
			return -1;
	} else {
		j.archived = db_int(s, 0);
		j.received = db_float(s, 1);
		j.start = db_float(s, 2);
		j.end = db_float(s, 3);
		all.status = (enum job_status)db_int(s, 4);
		all.priority = (int)db_int(s, 5);
	}
	j.id = db_int(s, 6);
	return fn(&j, arg, e);
}

int queue_each(struct db *d, bool archived, bool ops, int (*fn)(const struct job *j, void *arg, struct err *e),
	       void *arg, struct err *e)
{
	/* the number is in the text for the sake of the index */
	static const char *const sql[2][2] = {
		{ "SELECT archived, received, start, end, status, priority, id FROM job WHERE archived = 0 ORDER BY id",
		  "SELECT archived, received, start, end, status, priority, id FROM job ORDER BY id" },
		{ "SELECT archived, received, start, end, input, state, id FROM job WHERE archived = 0 ORDER BY id",
		  "SELECT archived, received, start, end, input, state, id FROM job ORDER BY id" },
	};
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	int rc;

	if (db_query(d, &s, e, sql[ops][archived], "") < 0)
		return -1;
	while ((rc = db_step(s, e)) == 1)
		if (each_row(s, ops, fn, arg, e) < 0)
			return -1;
	return rc;
}

int queue_save(struct db *d, const struct job *j, struct err *e)
{
	json *state CLEANUP(json_putp) = ops_state(j);
	char *text CLEANUP(freep) = json_dump(state);

	if (FAULT(queue_save))
		return err_plain(e, "fault point");
	return db_exec(d, e,
		       "UPDATE job SET status = ?, start = ?, end = ?, state = ?, priority = ? WHERE id = ?",
		       "iffsiI", (int)job_status_of(j), j->start, j->end, text, job_priority(j), j->id);
}

int queue_next(struct db *d, int64_t after, int64_t *ret, bool *ret_archived, struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	int rc;

	if (db_query(d, &s, e, "SELECT id, archived FROM job WHERE id > ? ORDER BY id LIMIT 1", "I", after) < 0)
		return -1;
	rc = db_step(s, e);
	if (rc == 1) {
		*ret = db_int(s, 0);
		*ret_archived = db_int(s, 1);
	}
	return rc;
}

int queue_status(struct db *d, int64_t id, enum job_status *ret, struct err *e)
{
	int64_t v = 0;
	int rc = db_get_int(d, &v, e, "SELECT status FROM job WHERE id = ?", "I", id);

	if (rc == 1)
		*ret = (enum job_status)v;
	return rc;
}

/* --- log --- */
int queue_log(struct db *d, int64_t id, size_t op, double now, const char *type,
	      const json *message, int64_t *ret_serial, struct err *e)
{
	char *text CLEANUP(freep) = json_dump(message);
	int64_t serial = 0;

	if (FAULT(queue_log))
		return err_plain(e, "fault point");
	if (db_get_int(d, &serial, e,
		       "SELECT coalesce(max(serial), 0) + 1 FROM job_log WHERE job = ?", "I",
		       id) < 0 ||
	    db_exec(d, e,
		    "INSERT INTO job_log(job, serial, op, time, type, message)"
		    " VALUES(?, ?, ?, ?, ?, ?)",
		    "IIIfss", id, serial, (int64_t)op, now, type, text) < 0)
		return -1;
	if (ret_serial)
		*ret_serial = serial;
	return 0;
}

static int log_entry(struct db_stmt *s, json **ret, struct err *e)
{
	const char *text = db_text(s, 3);
	json *message = NULL;

	if (json_parse(text, strlen(text), &message, e) < 0)
		return -1;
	*ret = json_pack("[I, o, s, o]", db_int(s, 0), job_time(db_float(s, 1)), db_text(s, 2),
			 message);
	return 0;
}

int queue_log_since(struct db *d, int64_t id, int64_t after, json **ret, struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	json *out CLEANUP(json_putp) = json_new_array(), *entry;
	size_t size = 0;
	int rc = 0;

	if (db_query(d, &s, e,
		     "SELECT serial, time, type, message FROM job_log"
		     " WHERE job = ? AND serial > ? ORDER BY serial LIMIT ?",
		     "III", id, after, (int64_t)QUEUE_LOG_ENTRIES) < 0)
		return -1;
	while (size < QUEUE_LOG_BYTES && (rc = db_step(s, e)) == 1) {
		size += strlen(db_text(s, 3));
		if (log_entry(s, &entry, e) < 0)
			return -1;
		json_append(out, entry);
	}
	if (rc < 0)
		return -1;
	*ret = STEAL(out);
	return 0;
}

int queue_log_by_op(struct db *d, int64_t id, size_t n, json **ret, struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	json *out CLEANUP(json_putp) = json_new_array(), *entry;
	int rc;

	for (size_t i = 0; i < n; i++)
		json_append(out, json_new_array());
	if (db_query(d, &s, e,
		     "SELECT serial, time, type, message, op FROM job_log"
		     " WHERE job = ? ORDER BY serial",
		     "I", id) < 0)
		return -1;
	while ((rc = db_step(s, e)) == 1) {
		int64_t op = db_int(s, 4);

		if (op < 0 || (size_t)op >= n)
			continue;
		if (log_entry(s, &entry, e) < 0)
			return -1;
		json_append(json_at(out, (size_t)op), entry);
	}
	if (rc < 0)
		return -1;
	*ret = STEAL(out);
	return 0;
}

/* --- lists --- */
static int ids(struct db *d, struct db_stmt **s, struct arena *a, int64_t **ret, size_t *ret_n,
	       struct err *e)
{
	int64_t *v CLEANUP(freep) = NULL;
	size_t n = 0, cap = 0;
	int rc;

	(void)d;
	while ((rc = db_step(*s, e)) == 1) {
		GROW(v, n, cap);
		v[n++] = db_int(*s, 0);
	}
	if (rc < 0)
		return -1;
	*ret = arena_dup(a, v ? (void *)v : "", n * sizeof(*v));
	*ret_n = n;
	return 0;
}

int queue_ids(struct db *d, struct arena *a, bool archived, int64_t **ret, size_t *ret_n,
	      struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;

	/* the number is in the text for the sake of the index */
	if (db_query(d, &s, e,
		     archived ? "SELECT id FROM job WHERE archived = 1 ORDER BY id" :
				"SELECT id FROM job WHERE archived = 0 ORDER BY id",
		     "") < 0)
		return -1;
	return ids(d, &s, a, ret, ret_n, e);
}

int queue_pending(struct db *d, struct arena *a, int64_t **ret, size_t *ret_n, struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;

	if (db_query(d, &s, e, "SELECT id FROM " WAITING " UNION ALL SELECT id FROM " BEGUN
		     " ORDER BY 1", "") < 0)
		return -1;
	return ids(d, &s, a, ret, ret_n, e);
}

int queue_started(struct db *d, struct arena *a, int64_t **ret, size_t *ret_n, struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;

	if (db_query(d, &s, e,
		     "SELECT id FROM " BEGUN
		     /* between two opcodes they look like those that wait */
		     " UNION SELECT job FROM job_run WHERE EXISTS (SELECT 1 FROM job WHERE id = job_run.job"
		     " AND archived = 0 AND status < 4) ORDER BY 1", "") < 0)
		return -1;
	return ids(d, &s, a, ret, ret_n, e);
}

int queue_waiting(struct db *d, struct arena *a, int priority, int64_t id, int64_t last, size_t max,
		  int64_t **ret, size_t *ret_n, int *ret_priority, struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	int rc;

	*ret = ARENA_ARRAY(a, int64_t, max);
	*ret_n = 0;
	if (db_query(d, &s, e,
		     "SELECT id, priority FROM " WAITING
		     " AND (priority, id) > (?, ?) AND id <= ? ORDER BY priority, id LIMIT ?",
		     "iIII", priority, id, last, (int64_t)max) < 0)
		return -1;
	while ((rc = db_step(s, e)) == 1) {
		(*ret)[(*ret_n)++] = db_int(s, 0);
		*ret_priority = (int)db_int(s, 1);
	}
	return rc;
}

int queue_count_pending(struct db *d, size_t *ret, struct err *e)
{
	int64_t n = 0;

	if (db_get_int(d, &n, e, "SELECT (SELECT count(*) FROM " WAITING ") +"
			 " (SELECT count(*) FROM " BEGUN ")", "") < 0)
		return -1;
	*ret = (size_t)n;
	return 0;
}

int queue_ended(struct db *d, struct arena *a, double before, size_t max, int64_t **ret,
		size_t *ret_n, struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;

	if (db_query(d, &s, e,
		     "SELECT id FROM job WHERE archived = 0 AND status >= 4 AND end < ?"
		     " ORDER BY end, id LIMIT ?",
		     "fI", before, (int64_t)max) < 0)
		return -1;
	return ids(d, &s, a, ret, ret_n, e);
}

int queue_archive(struct db *d, int64_t id, bool *ret_done, struct err *e)
{
	if (FAULT(queue_archive))
		return err_plain(e, "fault point");
	if (db_exec(d, e,
		    "UPDATE job SET archived = 1 WHERE id = ? AND archived = 0 AND status >= ?",
		    "Ii", id, (int)job_status_canceled) < 0)
		return -1;
	*ret_done = db_changes(d) == 1;
	return 0;
}

/* --- flags --- */
int queue_flag_get(struct db *d, const char *name, bool *ret, struct err *e)
{
	int64_t v = 0;

	if (db_get_int(d, &v, e, "SELECT value FROM queue_value WHERE name = ?", "s", name) < 0)
		return -1;
	*ret = v != 0;
	return 0;
}

int queue_flag_set(struct db *d, const char *name, bool v, struct err *e)
{
	return db_exec(d, e,
		       "INSERT INTO queue_value(name, value) VALUES(?, ?)"
		       " ON CONFLICT(name) DO UPDATE SET value = excluded.value",
		       "si", name, (int)v);
}
