/* Histories against the final state: the judge. */
#include "tests/fault/history.h"

#include "lib/base/clock.h"
#include "lib/base/map.h"
#include "src/config/config.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT 120.0
#define CHUNK 500
#define SHOWN 40
#define FILES_WAIT 15.0

enum fate { NOT_THERE, THERE, EITHER }; /* what must be so in the end */

struct group {
	const char *kind, *name;
	json *tags;
	enum fate fate;
};

struct op {
	const char *n, *what;
	json *begin, *ack, *canceled;
	bool lost, refused;
};

struct judge {
	struct arena *a;
	struct luxi_client *c;
	struct map *ops;   /* n -> struct op, in order of each client */
	json *ends;        /* list of [id, status] */
	struct map *jobs;  /* decimal id -> row {id, status, archived, opstatus, marks} */
	struct map *marks; /* mark -> row */
	struct map *groups, *instances, *filters; /* -> struct group; -> enum fate + 1 */
	size_t wrong, acked, checked;
};

static void wrong(struct judge *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void wrong(struct judge *g, const char *fmt, ...)
{
	va_list ap;

	if (g->wrong++ >= SHOWN)
		return;
	va_start(ap, fmt);
	fputs("wrong: ", stdout);
	vprintf(fmt, ap);
	putchar('\n');
	va_end(ap);
}

static json *call(struct judge *g, enum luxi method, json *args)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *ret = NULL;

	if (luxi_call(g->c, method, args, &ret, &e) < 0)
		wrong(g, "%s: %s", luxi_name(method), err_msg(&e));
	return json_own(g->a, ret);
}

static const char *key_of(struct judge *g, int64_t id)
{
	return arena_printf(g->a, "%" PRId64, id);
}

/* --- reading histories --- */
static void take_line(struct judge *g, json *line)
{
	const char *n = json_get_str(line, "n");
	struct op *op = map_get(g->ops, n ? n : "");

	if (json_get(line, "do")) {
		op = ARENA_NEW(g->a, struct op);
		op->n = n;
		op->what = json_get_str(line, "do");
		op->begin = line;
		map_put(g->ops, n, op);
	} else if (json_get(line, "wrong")) {
		wrong(g, "client, operation %s: %s", n, json_get_str(line, "wrong"));
	} else if (!op) {
		wrong(g, "a history speaks of operation %s that never began", n);
	} else if (json_has(line, "ack")) {
		op->ack = json_get(line, "ack");
		g->acked++;
	} else if (json_has(line, "end")) {
		json_append(g->ends, json_ref(json_get(line, "end")));
	} else if (json_has(line, "canceled")) {
		op->canceled = json_get(line, "canceled");
	} else if (json_has(line, "lost")) {
		op->lost = true;
	} else if (json_has(line, "refused")) {
		op->refused = true;
	}
}

static void read_history(struct judge *g, const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t cap = 0;
	ssize_t len;

	if (!f) {
		wrong(g, "can't read %s", path);
		return;
	}
	while ((len = getline(&text, &cap, f)) > 0) {
		json *line = NULL;

		if (json_parse(text, (size_t)len, &line, NULL) < 0)
			wrong(g, "%s: a line can't be read: %s", path, text);
		else
			take_line(g, json_own(g->a, line));
	}
	free(text);
	fclose(f);
}

static int read_all(struct judge *g, const char *folder)
{
	struct strs names;

	if (fs_list(g->a, folder, &names) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (str_ends(names.v[i], ".history"))
			read_history(g, arena_printf(g->a, "%s/%s", folder, names.v[i]));
	return 0;
}

/* --- jobs --- */
static const char *mark_of(const json *op)
{
	json_items (json_get(op, "reason"), i, r)
		if (str_eq(json_str(json_at(r, 0)), MARK))
			return json_str(json_at(r, 1));
	return NULL;
}

static void take_job(struct judge *g, const json *v)
{
	int64_t id = json_int(json_at(v, 0), 0);
	const char *status = json_str(json_at(v, 1));
	json *row;

	if (!status || map_has(g->jobs, key_of(g, id)))
		return;
	row = json_own(g->a, json_pack("{s:I, s:s, s:O, s:O}", "id", id, "status", status,
				       "archived", json_at(v, 2), "opstatus", json_at(v, 4)));
	map_put(g->jobs, key_of(g, id), row);
	if (!job_is_final(status))
		wrong(g, "job %" PRId64 " has not ended, it is %s", id, status);
	json_items (json_at(v, 3), i, op) {
		const char *mark = mark_of(op);
		const json *other = mark ? map_put(g->marks, mark, row) : NULL;

		if (other)
			wrong(g, "jobs %" PRId64 " and %" PRId64 " are both of operation %s", id,
			      json_get_int(other, "id", 0), mark);
	}
}

static void ask_jobs(struct judge *g, json *ids)
{
	json *rows = call(g, LUXI_QueryJobs,
			  json_pack("[o, [s, s, s, s, s]]", ids, "id", "status", "archived", "ops",
				    "opstatus"));

	json_items (rows, i, row)
		take_job(g, row);
}

/* Those that are not archived, and all that anybody was told of. */
static void read_jobs(struct judge *g)
{
	json *missing = json_new_array();
	struct op *op;

	ask_jobs(g, NULL);
	for (size_t pos = 0; map_next(g->ops, &pos, NULL, (void **)&op);)
		json_items (op->ack, i, id) {
			if (json_is(id, JSON_INT) && !map_has(g->jobs, key_of(g, json_int(id, 0))))
				json_append(missing, json_ref(id));
			if (json_len(missing) == CHUNK) {
				ask_jobs(g, missing);
				missing = json_new_array();
			}
		}
	if (json_len(missing))
		ask_jobs(g, missing);
	else
		json_put(missing);
}

static bool has_jobs(const struct op *op)
{
	static const char *const kinds[] = { "noop", "tags", "untag", "add", "remove" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_eq(op->what, kinds[i]))
			return true;
	return false;
}

/* The job of part PART of an operation, wherever it was heard of. */
static json *job_of(struct judge *g, const struct op *op, int part)
{
	return map_get(g->marks, arena_printf(g->a, "%s.%d", op->n, part));
}

static void check_jobs(struct judge *g)
{
	struct op *op;

	for (size_t pos = 0; map_next(g->ops, &pos, NULL, (void **)&op);) {
		if (!has_jobs(op))
			continue;
		json_items (op->ack, i, id) {
			json *row = map_get(g->jobs, key_of(g, json_int(id, 0)));

			if (!json_int(id, 0)) /* that part was refused */
				continue;
			g->checked++;
			if (!row)
				wrong(g, "job %" PRId64 " of operation %s was acknowledged and is lost",
				      json_int(id, 0), op->n);
			else if (job_of(g, op, (int)i) != row && job_of(g, op, 0) != row)
				wrong(g, "job %" PRId64 " is not that of operation %s",
				      json_int(id, 0), op->n);
		}
		if (op->refused && job_of(g, op, 0))
			wrong(g, "operation %s was refused, and there is a job of it", op->n);
	}
	json_items (g->ends, k, end) {
		json *row = map_get(g->jobs, key_of(g, json_int(json_at(end, 0), 0)));

		g->checked++;
		if (row && !str_eq(json_get_str(row, "status"), json_str(json_at(end, 1))))
			wrong(g, "job %" PRId64 " had ended as %s and now is %s",
			      json_int(json_at(end, 0), 0), json_str(json_at(end, 1)),
			      json_get_str(row, "status"));
	}
	for (size_t pos = 0; map_next(g->ops, &pos, NULL, (void **)&op);) {
		json *row = op->canceled ? map_get(g->jobs, key_of(g, json_int(op->canceled, 0))) : NULL;

		if (row && !str_eq(json_get_str(row, "status"), "canceled"))
			wrong(g, "job %" PRId64 " was canceled and now is %s",
			      json_int(op->canceled, 0), json_get_str(row, "status"));
	}
}

/* --- what must be there --- */
static enum fate after(const char *status, enum fate before, enum fate wanted)
{
	if (!status)
		return before; /* there is no such job, so it had no effect */
	return str_eq(status, "success") ? wanted : EITHER;
}

static const char *part_status(struct judge *g, const struct op *op, int part)
{
	json *row = job_of(g, op, part);

	return row ? json_str(json_at(json_get(row, "opstatus"), (size_t)part)) : NULL;
}

static void take_group(struct judge *g, const struct op *op, json *tags, int part)
{
	const char *key = json_str(json_at(tags, 0)), *status = part_status(g, op, part);
	struct group *group = map_get(g->groups, key);

	if (!group) {
		group = ARENA_NEW(g->a, struct group);
		group->kind = json_get_str(op->begin, "kind");
		group->name = json_get_str(op->begin, "name");
		group->tags = tags;
		map_put(g->groups, key, group);
	}
	group->fate = after(status, group->fate, str_eq(op->what, "tags") ? THERE : NOT_THERE);
}

static void put_fate(struct judge *g, struct map *m, const char *name, enum fate fate)
{
	enum fate *p = map_get(m, name);

	if (!p)
		map_put(m, name, p = ARENA_NEW(g->a, enum fate));
	*p = fate;
}

static enum fate get_fate(const struct map *m, const char *name)
{
	const enum fate *p = map_get(m, name);

	return p ? *p : NOT_THERE;
}

static void take_op(struct judge *g, const struct op *op)
{
	const char *name = json_get_str(op->begin, "name"), *uuid = json_get_str(op->begin, "uuid");

	if (str_eq(op->what, "tags") || str_eq(op->what, "untag")) {
		json_items (json_get(op->begin, "groups"), i, tags)
			take_group(g, op, tags, (int)i);
	} else if (str_eq(op->what, "add") || str_eq(op->what, "remove")) {
		put_fate(g, g->instances, name,
			 after(part_status(g, op, 0), get_fate(g->instances, name),
			       str_eq(op->what, "add") ? THERE : NOT_THERE));
	} else if (str_eq(op->what, "filter") && op->ack) {
		put_fate(g, g->filters, json_str(op->ack), THERE);
	} else if (str_eq(op->what, "unfilter") && !op->refused) {
		put_fate(g, g->filters, uuid, op->ack ? NOT_THERE : EITHER);
	} else if (str_eq(op->what, "archive") && op->ack) {
		json *row = map_get(g->jobs, key_of(g, json_get_int(op->begin, "job", 0)));

		g->checked++;
		if (!json_get_bool(row, "archived", false))
			wrong(g, "job %" PRId64 " was archived and is not any more",
			      json_get_int(op->begin, "job", 0));
	}
}

/* --- is it? --- */
static struct strs tags_of(struct judge *g, struct map *cache, const char *kind, const char *name)
{
	const char *key = arena_printf(g->a, "%s/%s", kind, name);
	json *tags = map_get(cache, key);

	if (!tags) {
		tags = call(g, LUXI_QueryTags, json_pack("[s, s]", kind, name));
		map_put(cache, key, tags);
	}
	return json_strs(g->a, tags);
}

static void check_tags(struct judge *g)
{
	struct map *cache CLEANUP(map_freep) = map_new(), *known CLEANUP(map_freep) = map_new();
	struct group *group;
	const char *key;
	json *tags;

	for (size_t pos = 0; map_next(g->groups, &pos, NULL, (void **)&group);) {
		struct strs have = tags_of(g, cache, group->kind, group->name);
		size_t there = 0, all = json_len(group->tags);

		g->checked++;
		json_items (group->tags, i, tag) {
			there += strs_has(&have, json_str(tag));
			map_put(known, json_str(tag), group);
		}
		key = json_str(json_at(group->tags, 0));
		if (there != 0 && there != all)
			wrong(g, "half applied: %zu of the %zu tags with %s", there, all, key);
		else if (group->fate == THERE && there == 0)
			wrong(g, "tag %s was acknowledged and is lost", key);
		else if (group->fate == NOT_THERE && there)
			wrong(g, "tag %s should not be there", key);
	}
	for (size_t pos = 0; map_next(cache, &pos, &key, (void **)&tags);)
		json_items (tags, i, tag)
			if (str_starts(json_str(tag), TAG_PREFIX) && !map_has(known, json_str(tag)))
				wrong(g, "tag %s of %s comes from nowhere", json_str(tag), key);
}

static void check_names(struct judge *g, const char *what, const struct map *fates,
			const struct strs *have, bool closed)
{
	const enum fate *fate;
	const char *name;

	for (size_t pos = 0; map_next(fates, &pos, &name, (void **)&fate);) {
		g->checked++;
		if (*fate == THERE && !strs_has(have, name))
			wrong(g, "%s %s was acknowledged and is lost", what, name);
		if (*fate == NOT_THERE && strs_has(have, name))
			wrong(g, "%s %s should not be there", what, name);
	}
	for (size_t i = 0; closed && i < have->n; i++)
		if (!map_has(fates, have->v[i]))
			wrong(g, "%s %s comes from nowhere", what, have->v[i]);
}

static struct strs first_column(struct judge *g, const json *rows)
{
	struct strs out = { 0 };

	json_items (rows, i, row)
		strs_add(g->a, &out, json_str(json_at(row, 0)));
	return out;
}

static void check_objects(struct judge *g)
{
	struct strs have = first_column(
		g, call(g, LUXI_QueryInstances, json_pack("[[], [s], b]", "name", 0)));

	check_names(g, "instance", g->instances, &have, true);
	have = first_column(g, call(g, LUXI_QueryFilters, json_pack("[n, [s]]", "uuid")));
	check_names(g, "filter", g->filters, &have, false);
}

/* --- the master's own view --- */
static void check_locks(struct judge *g)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *request CLEANUP(json_putp) = json_pack("{s:s, s:[]}", "method", "locks", "args");
	json *reply CLEANUP(json_putp) = NULL;
	int fd CLEANUP(closep) = unix_connect(path_of(PATH_MASTERD_CONTROL), TIMEOUT);
	char *text CLEANUP(freep) = NULL;

	if (fd < 0 || luxi_write(fd, request, TIMEOUT, &e) < 0 ||
	    luxi_read(fd, &reply, TIMEOUT, &e) < 0) {
		wrong(g, "the master's control socket: %s", err_msg(&e));
		return;
	}
	text = json_dump(json_get(reply, "result"));
	if (json_len(json_get(reply, "result")))
		wrong(g, "locks are held or wanted: %s", text);
}

static void check_config(struct judge *g)
{
	struct config *c CLEANUP(config_closep) = NULL;
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct strs errors = { 0 };
	const char *text = NULL;

	if (config_open(path_of(PATH_CONFIG_DB), DB_READ, &c, &e) < 0 ||
	    db_get_text(config_db(c), g->a, &text, &e, "PRAGMA integrity_check", "") < 0 ||
	    snapshot_open(c, &s, &e) < 0 || config_verify(s, g->a, &errors, &e) < 0) {
		wrong(g, "the database: %s", err_msg(&e));
	} else {
		if (!str_eq(text, "ok"))
			wrong(g, "the database: %s", text);
		for (size_t i = 0; i < errors.n; i++)
			wrong(g, "the configuration: %s", errors.v[i]);
	}
	snapshot_freep(&s);
}

/* --- the queue directory --- */
/* What is wrong with the file of a job, or NULL. */
static const char *file_wrong(struct judge *g, const json *row)
{
	int64_t id = json_get_int(row, "id", 0);
	const char *path = json_get_bool(row, "archived", false) ?
				   path_in(g->a, PATH_JOB_QUEUE_ARCHIVE_DIR, "%" PRId64 "/job-%" PRId64,
					   id / QUEUE_ARCHIVE_PER_DIR, id) :
				   path_in(g->a, PATH_QUEUE_DIR, "job-%" PRId64, id);
	char *text CLEANUP(freep) = NULL;
	json *file CLEANUP(json_putp) = NULL;
	size_t n;

	if (fs_read(path, 64 << 20, &text, &n) < 0 || json_parse(text, n, &file, NULL) < 0)
		return arena_printf(g->a, "job %" PRId64 " has no file %s", id, path);
	json_items (json_get(file, "ops"), i, op) {
		const char *status = json_str(json_at(json_get(row, "opstatus"), i));

		if (!str_eq(json_get_str(op, "status"), status))
			return arena_printf(g->a, "opcode %zu of job %" PRId64
						  " is %s, and something else in its file",
					    i, id, status);
	}
	return NULL;
}

/* Files follow a moment later, and what could not be written is tried again after some seconds. */
static void check_files(struct judge *g)
{
	double end = clock_mono() + FILES_WAIT;
	const json *row;

	for (size_t pos = 0; map_next(g->jobs, &pos, NULL, (void **)&row);) {
		const char *why;

		g->checked++;
		while ((why = file_wrong(g, row)) && clock_mono() < end)
			usleep(50000);
		if (why)
			wrong(g, "%s", why);
	}
}

int check(const char *folder, bool job_files)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct map *maps[6];
	struct judge g = { .a = a, .ends = json_own(a, json_new_array()) };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct op *op;

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		maps[i] = map_new();
	g.ops = maps[0], g.jobs = maps[1], g.marks = maps[2];
	g.groups = maps[3], g.instances = maps[4], g.filters = maps[5];
	if (read_all(&g, folder) < 0 || luxi_open(&g.c, &e) < 0) {
		wrong(&g, "%s: %s", folder, err_msg(&e));
	} else {
		read_jobs(&g);
		check_jobs(&g);
		for (size_t pos = 0; map_next(g.ops, &pos, NULL, (void **)&op);)
			take_op(&g, op);
		check_tags(&g);
		check_objects(&g);
		check_locks(&g);
		check_config(&g);
		if (job_files)
			check_files(&g);
	}
	luxi_closep(&g.c);
	printf("%zu operations, %zu acknowledged, %zu jobs, %zu statements checked: %zu wrong\n",
	       map_count(g.ops), g.acked, map_count(g.jobs), g.checked, g.wrong);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		map_free(maps[i], NULL);
	return g.wrong ? 1 : 0;
}
