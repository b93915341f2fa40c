/* Repairs and the tags that record them (upstream: Harep). Tags of an instance:
 * ganeti:watcher:autorepair:pending:TYPE:UUID:TIME:JOB+JOB and ...:result:TYPE:UUID:TIME:RESULT:JOB+JOB. */
#include "htools/algo/algo.h"

#include <stdio.h>
#include <string.h>

#define TAG_ENABLED "ganeti:watcher:autorepair:"
#define TAG_PENDING TAG_ENABLED "pending:"
#define TAG_RESULT TAG_ENABLED "result:"
#define TAG_SUSPENDED TAG_ENABLED "suspend:"

/* From the least destructive to the most, in either. */
static const struct {
	const char *word, *shown;
} types[] = {
	{ "fix-storage", "ArFixStorage" },
	{ "migrate", "ArMigrate" },
	{ "failover", "ArFailover" },
	{ "reinstall", "ArReinstall" },
};
static const char *const results[] = { "enoperm", "success", "failure" };

const char *ht_repair_show(enum ht_repair_type t)
{
	return types[t].shown;
}

/* What follows PREFIX, whose last character may be missing at the end (upstream: chompPrefix). */
static const char *behind(const char *tag, const char *prefix)
{
	size_t n = strlen(prefix);

	if (strncmp(tag, prefix, n) == 0)
		return tag + n;
	return strlen(tag) == n - 1 && strncmp(tag, prefix, n - 1) == 0 ? tag + n - 1 : NULL;
}

static int type_of(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].word, word) == 0)
			return (int)i;
	return -1;
}

static int result_of(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(results); i++)
		if (strcmp(results[i], word) == 0)
			return (int)i;
	return -1;
}

/* --- may it be repaired? --- */

/* What TAGS say; false: nothing (upstream: getArPolicy). */
static bool policy_of(const struct strs *tags, int64_t now, struct ht_repair_policy *ret)
{
	bool forever = false;
	int least = -1;
	int64_t until = 0;

	for (size_t i = 0; i < tags->n; i++) {
		const char *enabled = behind(tags->v[i], TAG_ENABLED), *suspended = behind(tags->v[i], TAG_SUSPENDED);
		int type = enabled ? type_of(enabled) : -1;
		int64_t t;

		if (type >= 0 && (least < 0 || type < least))
			least = type;
		if (!suspended)
			continue;
		forever = forever || !*suspended;
		/* a second that has begun is not in the future any more */
		if (hs_read_int("", suspended, &t, NULL) == 0 && t > now && t > until)
			until = t;
	}
	*ret = (struct ht_repair_policy){ .kind = forever ? HT_REPAIR_SUSPENDED : until ? HT_REPAIR_SUSPENDED_UNTIL :
						  HT_REPAIR_ENABLED,
					  .until = until };
	if (least >= 0)
		ret->max = (enum ht_repair_type)least;
	return forever || until || least >= 0;
}

struct ht_repair_policy ht_repair_policy(const struct ht_cluster *c, const struct ht_inst *i, int64_t now)
{
	struct ht_repair_policy p;

	if (policy_of(&i->tags, now, &p) || policy_of(&c->groups[c->nodes[i->pri].group].tags, now, &p) ||
	    policy_of(&c->tags, now, &p))
		return p;
	return (struct ht_repair_policy){ .kind = HT_REPAIR_NOT_ENABLED };
}

/* --- tags --- */

static bool parse_ids(struct arena *a, const char *text, struct ht_repair *r)
{
	struct strs ids = hs_split(a, text, '+');

	r->n_jobs = ids.n;
	r->jobs = ARENA_ARRAY(a, int64_t, ids.n + 1);
	for (size_t i = 0; i < ids.n; i++)
		if (hs_read_int("", ids.v[i], &r->jobs[i], NULL) < 0 || r->jobs[i] < 0)
			return false;
	return true;
}

bool ht_repair_parse(struct arena *a, const char *tag, struct ht_repair *ret)
{
	const char *pending = behind(tag, TAG_PENDING), *done = behind(tag, TAG_RESULT);
	struct strs f = hs_split(a, pending ? pending : done ? done : "", ':');
	size_t n = pending ? 4 : 5;
	int type, result = HT_REPAIR_NONE;

	if (f.n != n)
		return false;
	type = type_of(f.v[0]);
	if (done)
		result = result_of(f.v[3]);
	if (type < 0 || (done && result < 0))
		return false;
	*ret = (struct ht_repair){ .type = (enum ht_repair_type)type, .uuid = f.v[1], .result = result, .tag = tag };
	return hs_read_int("", f.v[2], &ret->time, NULL) == 0 && parse_ids(a, f.v[n - 1], ret);
}

void ht_repair_tag(struct arena *a, struct ht_repair *r)
{
	struct str s CLEANUP(str_free) = { 0 };

	str_addf(&s, "%s%s:%s:%lld:", r->result < 0 ? TAG_PENDING : TAG_RESULT, types[r->type].word, r->uuid, (long long)r->time);
	if (r->result >= 0)
		str_addf(&s, "%s:", results[r->result]);
	for (size_t i = 0; i < r->n_jobs; i++)
		str_addf(&s, "%s%lld", i ? "+" : "", (long long)r->jobs[i]);
	r->tag = arena_strdup(a, str_get(&s));
}

/* --- the state of an instance --- */

static void retire_tag(struct arena *a, struct ht_repair_state *s)
{
	struct strs l = { 0 };

	if (!s->has)
		return;
	strs_add(a, &l, s->last.tag); /* the newest first */
	for (size_t i = 0; i < s->remove.n; i++)
		strs_add(a, &l, s->remove.v[i]);
	s->remove = l;
}

void ht_repair_next(struct arena *a, struct ht_repair_state *s, enum ht_repair_kind kind, const struct ht_repair *r)
{
	retire_tag(a, s);
	s->kind = kind;
	s->last = *r;
	s->has = true;
}

/* The attempts with one UUID, the one that counts last: results count more than none, failures most. */
static int by_result(const void *a, const void *b)
{
	const struct ht_repair *x = a, *y = b;

	if (x->result != y->result)
		return (x->result > y->result) - (x->result < y->result);
	if (x->time != y->time)
		return (x->time > y->time) - (x->time < y->time);
	return (x->seq > y->seq) - (x->seq < y->seq);
}

static int by_uuid(const void *a, const void *b)
{
	const struct ht_repair *x = a, *y = b;
	int diff = strcmp(x->uuid, y->uuid);

	return diff ? diff : (x->seq > y->seq) - (x->seq < y->seq);
}

struct task {
	struct ht_repair *v;
	size_t n, seq;
	int64_t first;
};

static int by_first(const void *a, const void *b)
{
	const struct task *x = a, *y = b;

	if (x->first != y->first)
		return (x->first > y->first) - (x->first < y->first);
	return (x->seq > y->seq) - (x->seq < y->seq);
}

/* upstream: arStatusCmp */
static int add_task(struct arena *a, const char *name, struct ht_repair_state *s, struct task *t, struct err *e)
{
	struct str newer CLEANUP(str_free) = { 0 }, older CLEANUP(str_free) = { 0 };
	const struct ht_repair *last;

	qsort(t->v, t->n, sizeof(*t->v), by_result);
	last = &t->v[t->n - 1];
	if (s->kind == HT_REPAIR_FAILED) /* the earliest failure stays */
		return 0;
	if (s->kind == HT_REPAIR_PENDING) {
		hs_show_str(&newer, last->tag);
		hs_show_str(&older, s->last.tag);
		return err_plain(e, "An unfinished repair was found in instance %s: found tag %s, but older pending tag %sexists.", name,
				 str_get(&newer), str_get(&older));
	}
	ht_repair_next(a, s,
		       last->result == HT_REPAIR_NONE ? HT_REPAIR_PENDING :
		       last->result == HT_REPAIR_FAILURE ? HT_REPAIR_FAILED : HT_REPAIR_HEALTHY,
		       last);
	return 0;
}

int ht_repair_state(struct arena *a, const struct ht_inst *i, struct ht_repair_state *ret, struct err *e)
{
	struct ht_repair *v = ARENA_ARRAY(a, struct ht_repair, i->tags.n + 1);
	struct task *tasks = ARENA_ARRAY(a, struct task, i->tags.n + 1);
	size_t n = 0, n_tasks = 0;

	*ret = (struct ht_repair_state){ .kind = HT_REPAIR_HEALTHY };
	for (size_t k = 0; k < i->tags.n; k++)
		if (ht_repair_parse(a, i->tags.v[k], &v[n])) {
			v[n].seq = n;
			n++;
		}
	if (n > 0)
		qsort(v, n, sizeof(*v), by_uuid);
	for (size_t k = 0; k < n; k++) {
		struct task *t = &tasks[n_tasks];

		if (n_tasks > 0 && strcmp(t[-1].v->uuid, v[k].uuid) == 0)
			t--;
		else
			*t = (struct task){ .v = &v[k], .seq = n_tasks++, .first = v[k].time };
		t->n++;
		t->first = v[k].time < t->first ? v[k].time : t->first;
	}
	if (n_tasks > 0)
		qsort(tasks, n_tasks, sizeof(*tasks), by_first);
	for (size_t k = 0; k < n_tasks; k++)
		if (add_task(a, i->name, ret, &tasks[k], e) < 0)
			return -1;
	return 0;
}

/* --- what is broken, and what mends it --- */

static json *recreate(const struct ht_inst *i)
{
	return json_pack("{s:s,s:s,s:[],s:[],s:s}", "OP_ID", opcode_name(OP_instance_recreate_disks), "instance_name", i->name,
			 "disks", "nodes", "iallocator", "hail");
}

static json *reinstall(const struct ht_inst *i)
{
	return json_pack("{s:s,s:s,s:b}", "OP_ID", opcode_name(OP_instance_reinstall), "instance_name", i->name, "force_variant", 0);
}

static json *failover(const struct ht_inst *i)
{
	return json_pack("{s:s,s:s,s:i,s:b,s:b,s:b}", "OP_ID", opcode_name(OP_instance_failover), "instance_name", i->name,
			 "shutdown_timeout", SHUTDOWN_TIMEOUT, "ignore_consistency", 0, "ignore_ipolicy", 0, "cleanup", 0);
}

static json *replace(const struct ht_inst *i)
{
	return json_pack("{s:s,s:s,s:b,s:b,s:s,s:[],s:s}", "OP_ID", opcode_name(OP_instance_replace_disks), "instance_name", i->name,
			 "early_release", 0, "ignore_ipolicy", 0, "mode",
			 enum_name(&enum_replace_disks_mode, replace_disks_mode_replace_new_secondary), "disks", "iallocator", "hail");
}

json *ht_repair_detect(const struct ht_cluster *c, const struct ht_inst *i, enum ht_repair_type *ret)
{
	bool two = ht_inst_has_sec(i) && i->sec != HT_NONE;
	bool pri = c->nodes[i->pri].offline, sec = two && c->nodes[i->sec].offline;
	json *l;

	if ((!two && i->tmpl != disk_template_plain) || (!pri && !sec))
		return NULL;
	l = json_new_array();
	if (pri && (sec || !two)) {
		*ret = HT_REPAIR_REINSTALL;
		json_append(l, recreate(i));
		json_append(l, reinstall(i));
	} else if (pri) {
		*ret = HT_REPAIR_FAILOVER;
		json_append(l, failover(i));
	} else {
		*ret = HT_REPAIR_FIX_STORAGE;
		json_append(l, replace(i));
	}
	return l;
}
