/* A client that changes things, waits for its jobs, and writes down what it was told. */
#include "tests/fault/history.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE 300.0 /* for one job; longer only if something hangs */
#define GROUPS_MAX 16
#define INSTANCES 2
#define AUDIT_EVERY 25
#define RECENT 24
#define NODES 3
#define NAME_SIZE 64

/* Some tags that come and go together. */
enum presence { ABSENT, PRESENT, UNKNOWN };
struct group {
	json *tags;
	enum presence state;
};

struct client {
	struct luxi_client *c;
	int number, n, history;
	uint64_t rng;
	char stop[4096];
	const char *kind, *name; /* of the object it tags */
	struct group groups[GROUPS_MAX];
	size_t n_groups;
	enum presence instances[INSTANCES];
	char filter[64]; /* UUID of its rule, or empty */
	struct {
		int64_t id;
		const char *status; /* final one, static, or NULL */
	} recent[RECENT];
	size_t n_recent;
	int64_t last_ended; /* job to archive, 0 = none */
	bool broken;        /* the connection broke since the last audit */
};

static uint64_t draw(struct client *k, uint64_t below)
{
	k->rng ^= k->rng << 13;
	k->rng ^= k->rng >> 7;
	k->rng ^= k->rng << 17;
	return k->rng % below;
}

bool job_is_final(const char *status)
{
	return str_eq(status, "success") || str_eq(status, "error") || str_eq(status, "canceled");
}

/* A final status as a text that stays. */
static const char *final_name(const char *status)
{
	return str_eq(status, "success") ? "success" : str_eq(status, "error") ? "error" : "canceled";
}

/* --- the history --- */
static void note(struct client *k, json *line)
{
	char *text CLEANUP(freep) = NULL;
	char n[40];

	snprintf(n, sizeof(n), "%d.%d", k->number, k->n);
	json_set(line, "n", json_new_str(n));
	text = json_dump(line);
	json_put(line);
	if (dprintf(k->history, "%s\n", text) < 0) {
		perror("history");
		exit(2);
	}
}

static void wrong(struct client *k, const char *text)
{
	note(k, json_pack("{s:s}", "wrong", text));
}

/* --- asking --- */
enum answer { ANSWERED, REFUSED, LOST };

/* What became of it is not known. */
static bool is_lost(const struct err *e)
{
	return err_is(e, ConnectionClosedError) || err_is(e, TimeoutError) || err_is(e, ProtocolError) || !e->cls ||
	       str_starts(err_msg(e), "The change is stored on too few master candidates");
}

static enum answer ask(struct client *k, enum luxi method, json *args, json **ret, struct err *e)
{
	if (!k->c && luxi_open(&k->c, e) < 0) {
		json_put(args);
		k->broken = true;
		return LOST;
	}
	if (luxi_call(k->c, method, args, ret, e) == 0)
		return ANSWERED;
	if (!is_lost(e))
		return REFUSED;
	luxi_closep(&k->c);
	k->broken = true;
	return LOST;
}

/* Something that changes nothing and is asked until somebody answers. */
static json *ask_again(struct client *k, enum luxi method, json *args)
{
	double end = clock_mono() + PATIENCE;
	json *own CLEANUP(json_putp) = args;

	for (;;) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		json *ret = NULL;

		if (ask(k, method, json_clone(own), &ret, &e) == ANSWERED)
			return ret;
		if (err_is(&e, JobLost))
			return NULL;
		if (clock_mono() > end) {
			wrong(k, err_msg(&e));
			exit(1);
		}
		usleep(20000);
	}
}

/* A change; what became of it goes into the history. */
static enum answer change(struct client *k, enum luxi method, json *args, json **ret)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	enum answer a = ask(k, method, args, ret, &e);

	if (a != ANSWERED)
		note(k, json_pack("{s:s}", a == LOST ? "lost" : "refused", err_msg(&e)));
	return a;
}

/* --- jobs --- */
static json *opcode(struct client *k, const char *id, int part, json *more)
{
	char n[48];
	json *op = json_pack("{s:s}", "OP_ID", id);

	snprintf(n, sizeof(n), "%d.%d.%d", k->number, k->n, part);
	json_set(op, "reason", json_pack("[[s, s, i]]", MARK, n, 1));
	json_merge(op, more);
	json_put(more);
	return op;
}

static json *noop(struct client *k, int part, double seconds)
{
	return opcode(k, "OP_TEST_DELAY", part,
		      json_pack("{s:f, s:b, s:b}", "duration", seconds, "on_master", 1, "no_locks", 1));
}

static void remember(struct client *k, int64_t id, const char *status)
{
	size_t i = k->n_recent++ % RECENT;

	k->recent[i].id = id;
	k->recent[i].status = status;
}

/* Its final status, or NULL. */
static const char *wait_end(struct client *k, int64_t id)
{
	double end = clock_mono() + PATIENCE;
	json *prev CLEANUP(json_putp) = NULL;

	while (clock_mono() < end) {
		json *r CLEANUP(json_putp) = ask_again(
			k, LUXI_WaitForJobChange,
			json_pack("[I, [s], O, n, i]", id, "status", prev, 20));
		const char *status = json_str(json_at(json_at(r, 0), 0));

		if (!r || !status) {
			if (json_is(r, JSON_STRING))
				continue;
			wrong(k, "a job that was acknowledged is not there");
			return NULL;
		}
		if (job_is_final(status)) {
			note(k, json_pack("{s:[I, s]}", "end", id, status));
			remember(k, id, final_name(status));
			k->last_ended = id;
			return final_name(status);
		}
		json_put(prev);
		prev = json_ref(json_at(r, 0));
	}
	wrong(k, "a job does not end");
	return NULL;
}

/* Submit OPS (taken over) as one job and wait: its final status; NULL when it was not acknowledged. */
static const char *run(struct client *k, json *ops, bool *ret_lost)
{
	json *id CLEANUP(json_putp) = NULL;
	enum answer a = change(k, LUXI_SubmitJob, json_pack("[o]", ops), &id);

	*ret_lost = a == LOST;
	if (a != ANSWERED)
		return NULL;
	note(k, json_pack("{s:[O]}", "ack", id));
	return wait_end(k, json_int(id, 0));
}

/* --- tags --- */
static json *tag_op(struct client *k, const char *id, int part, const json *tags)
{
	return opcode(k, id, part,
		      json_pack("{s:s, s:s, s:O}", "kind", k->kind, "name", k->name, "tags", tags));
}

static json *new_tags(struct client *k, int part)
{
	json *tags = json_new_array();

	for (int i = 0; i < 3; i++) {
		char t[64];

		snprintf(t, sizeof(t), TAG_PREFIX "%d.%d.%d.%d", k->number, k->n, part, i);
		json_append(tags, json_new_str(t));
	}
	return tags;
}

static enum presence after(const char *status, bool lost, enum presence before, enum presence wanted)
{
	if (str_eq(status, "success"))
		return wanted;
	return status || lost ? UNKNOWN : before;
}

/* The group is forgotten by the client when its fate is not known; the checker remembers. */
static void add_group(struct client *k, json *tags, enum presence p)
{
	if (p == PRESENT && k->n_groups < GROUPS_MAX)
		k->groups[k->n_groups++] = (struct group){ tags, p };
	else
		json_put(tags);
}

static void do_tags(struct client *k, int parts)
{
	json *ops = json_new_array(), *all = json_new_array();
	json *tags[2] = { NULL, NULL };
	const char *status;
	bool lost;

	if (k->n_groups + (size_t)parts > GROUPS_MAX) {
		json_put(ops);
		json_put(all);
		return;
	}
	for (int i = 0; i < parts; i++) {
		tags[i] = new_tags(k, i);
		json_append(all, json_ref(tags[i]));
		json_append(ops, tag_op(k, "OP_TAGS_SET", i, tags[i]));
	}
	note(k, json_pack("{s:s, s:s, s:s, s:o}", "do", "tags", "kind", k->kind, "name", k->name,
			  "groups", all));
	status = run(k, ops, &lost);
	for (int i = 0; i < parts; i++)
		add_group(k, tags[i], after(status, lost, ABSENT, PRESENT));
}

static void do_untag(struct client *k)
{
	size_t i = draw(k, k->n_groups ? k->n_groups : 1);
	struct group *g = &k->groups[i];
	const char *status;
	bool lost;

	if (!k->n_groups)
		return;
	note(k, json_pack("{s:s, s:s, s:s, s:[O]}", "do", "untag", "kind", k->kind, "name",
			  k->name, "groups", g->tags));
	status = run(k, json_pack("[o]", tag_op(k, "OP_TAGS_DEL", 0, g->tags)), &lost);
	if (after(status, lost, PRESENT, ABSENT) == PRESENT)
		return;
	json_put(g->tags);
	*g = k->groups[--k->n_groups];
}

/* --- instances --- */
/* Clients that work at the same time have different last digits. */
static void instance_name(const struct client *k, size_t i, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "inst%d.example.com", k->number % 10 * 10 + (int)i + 1);
}

static void look_for_instances(struct client *k)
{
	json *names CLEANUP(json_putp) =
		ask_again(k, LUXI_QueryInstances, json_pack("[[], [s], b]", "name", 0));

	for (size_t i = 0; i < INSTANCES; i++) {
		char name[NAME_SIZE];

		instance_name(k, i, name);
		k->instances[i] = ABSENT;
		json_items (names, m, row)
			if (str_eq(json_str(json_at(row, 0)), name))
				k->instances[i] = PRESENT;
	}
}

static void do_instance(struct client *k)
{
	size_t i = draw(k, INSTANCES);
	bool add = k->instances[i] != PRESENT, file = draw(k, 2);
	char name[NAME_SIZE], node[64];
	json *op;
	const char *status;
	bool lost;

	instance_name(k, i, name);
	snprintf(node, sizeof(node), "node%d.example.com", (int)draw(k, NODES) + 1);
	if (add) {
		op = opcode(k, "OP_INSTANCE_CREATE", 0,
			    json_pack("{s:s, s:s, s:s, s:s, s:s, s:[], s:b, s:b, s:b, s:b}",
				      "instance_name", name, "mode", "create", "disk_template",
				      file ? "file" : "diskless", "os_type", "tiny+default",
				      "pnode", node, "nics", "ip_check", 0, "name_check", 0,
				      "start", 0, "no_install", 1));
		json_set(op, "disks", file ? json_pack("[{s:i}]", "size", 4) : json_new_array());
		if (file)
			json_set(op, "file_driver", json_new_str("loop"));
	} else {
		op = opcode(k, "OP_INSTANCE_REMOVE", 0,
			    json_pack("{s:s, s:b, s:i}", "instance_name", name, "ignore_failures", 0,
				      "shutdown_timeout", 5));
	}
	note(k, json_pack("{s:s, s:s}", "do", add ? "add" : "remove", "name", name));
	status = run(k, json_pack("[o]", op), &lost);
	k->instances[i] = after(status, lost, k->instances[i], add ? PRESENT : ABSENT);
	if (k->instances[i] == UNKNOWN)
		look_for_instances(k);
}

/* --- the rest --- */
static void do_noop(struct client *k)
{
	bool lost;

	note(k, json_pack("{s:s}", "do", "noop"));
	run(k, json_pack("[o]", noop(k, 0, 0)), &lost);
}

static void do_many(struct client *k)
{
	json *ids CLEANUP(json_putp) = NULL;
	json *acked CLEANUP(json_putp) = json_new_array();

	note(k, json_pack("{s:s}", "do", "noop"));
	if (change(k, LUXI_SubmitManyJobs,
		   json_pack("[[[o], [o], [o]]]", noop(k, 0, 0), noop(k, 1, 0), noop(k, 2, 0)),
		   &ids) != ANSWERED)
		return;
	/* one that was refused keeps its place: the third job is the third part */
	json_items (ids, i, pair)
		json_append(acked, json_boolean(json_at(pair, 0), false) ? json_ref(json_at(pair, 1)) : json_new_int(0));
	note(k, json_pack("{s:O}", "ack", acked));
	json_items (acked, m, id)
		if (json_int(id, 0))
			wait_end(k, json_int(id, 0));
}

static void do_cancel(struct client *k)
{
	json *id CLEANUP(json_putp) = NULL, *r CLEANUP(json_putp) = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;

	note(k, json_pack("{s:s}", "do", "noop"));
	if (change(k, LUXI_SubmitJob, json_pack("[[o]]", noop(k, 0, 0.05)), &id) != ANSWERED)
		return;
	note(k, json_pack("{s:[O]}", "ack", id));
	if (ask(k, LUXI_CancelJob, json_pack("[O, b]", id, 0), &r, &e) == ANSWERED &&
	    json_boolean(json_at(r, 0), false))
		note(k, json_pack("{s:O}", "canceled", id));
	wait_end(k, json_int(id, 0));
}

static void do_archive(struct client *k)
{
	json *r CLEANUP(json_putp) = NULL;
	int64_t id = k->last_ended;

	if (!id)
		return;
	k->last_ended = 0;
	for (size_t i = 0; i < RECENT; i++) /* what an audit could not see any more */
		if (k->recent[i].id == id)
			k->recent[i].id = 0;
	note(k, json_pack("{s:s, s:I}", "do", "archive", "job", id));
	if (change(k, LUXI_ArchiveJob, json_pack("[I]", id), &r) == ANSWERED && json_boolean(r, false))
		note(k, json_pack("{s:[]}", "ack"));
}

static void do_filter(struct client *k)
{
	json *r CLEANUP(json_putp) = NULL;

	if (k->filter[0]) {
		note(k, json_pack("{s:s, s:s}", "do", "unfilter", "uuid", k->filter));
		if (change(k, LUXI_DeleteFilter, json_pack("[s]", k->filter), &r) == ANSWERED)
			note(k, json_pack("{s:[]}", "ack"));
		k->filter[0] = '\0';
		return;
	}
	note(k, json_pack("{s:s}", "do", "filter"));
	if (change(k, LUXI_ReplaceFilter,
		   json_pack("[n, i, [[s, [s, s, s]]], s, [[s, s, i]]]", 5, "reason", "=", "source",
			     "nobody", "CONTINUE", MARK, "", 1),
		   &r) != ANSWERED ||
	    !json_str(r))
		return;
	note(k, json_pack("{s:O}", "ack", r));
	snprintf(k->filter, sizeof(k->filter), "%s", json_str(r));
}

/* --- is it still there? --- */
static void audit_jobs(struct client *k)
{
	for (size_t i = 0; i < RECENT; i++) {
		json *r CLEANUP(json_putp) = NULL;
		const char *status;

		if (!k->recent[i].id)
			continue;
		r = ask_again(k, LUXI_QueryJobs, json_pack("[[I], [s]]", k->recent[i].id, "status"));
		status = json_str(json_at(json_at(r, 0), 0));
		if (!str_eq(status, k->recent[i].status)) {
			char text[200];

			snprintf(text, sizeof(text), "job %" PRId64 " had ended as %s and now is %s",
				 k->recent[i].id, k->recent[i].status, status ? status : "lost");
			wrong(k, text);
		}
	}
}

static void audit_tags(struct client *k)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *r CLEANUP(json_putp) =
		ask_again(k, LUXI_QueryTags, json_pack("[s, s]", k->kind, k->name));
	struct strs tags = json_strs(a, r);

	for (size_t i = 0; i < k->n_groups; i++)
		json_items (k->groups[i].tags, m, tag)
			if (!strs_has(&tags, json_str(tag)))
				wrong(k, arena_printf(a, "tag %s is gone", json_str(tag)));
}

static void audit(struct client *k)
{
	k->broken = false;
	audit_jobs(k);
	audit_tags(k);
}

/* --- --- */
static void step(struct client *k)
{
	uint64_t p = draw(k, 100);

	k->n++;
	if (p < 30)
		do_noop(k);
	else if (p < 52)
		do_tags(k, 1);
	else if (p < 60)
		do_tags(k, 2);
	else if (p < 74)
		do_untag(k);
	else if (p < 82)
		do_many(k);
	else if (p < 86)
		do_archive(k);
	else if (p < 90)
		do_cancel(k);
	else if (p < 95)
		do_filter(k);
	else
		do_instance(k);
	if (k->broken || k->n % AUDIT_EVERY == 0)
		audit(k);
}

int load(const char *folder, int number, int64_t seed)
{
	static const struct {
		const char *kind, *name;
	} objects[] = { { "cluster", "" },
			{ "node", "node1.example.com" },
			{ "node", "node2.example.com" },
			{ "node", "node3.example.com" } };
	struct client k = { .number = number,
			    .rng = (uint64_t)seed * 1000003 + (uint64_t)number * 7919 + 1,
			    .kind = objects[number % 4].kind,
			    .name = objects[number % 4].name };
	char *path CLEANUP(freep) = xasprintf("%s/%06d.history", folder, number);

	snprintf(k.stop, sizeof(k.stop), "%s/stop", folder);
	k.history = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (k.history < 0) {
		perror(path);
		return 2;
	}
	look_for_instances(&k); /* of clients before */
	while (access(k.stop, F_OK) != 0)
		step(&k);
	audit(&k);
	luxi_closep(&k.c);
	for (size_t i = 0; i < k.n_groups; i++)
		json_put(k.groups[i].tags);
	close(k.history);
	return 0;
}
