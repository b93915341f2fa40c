/* New jobs. */
#include "daemons/masterd/masterd.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <inttypes.h>

bool queue_open(struct master *m)
{
	bool drained = false;

	if (queue_flag_get(m->db, "drained", &drained, NULL) < 0)
		return false;
	return !drained;
}

/* In the transaction that what is submitted needs anyway: one of its own would cost more than the look. */
static int check_open(struct master *m, struct err *e)
{
	if (turn_begin(m, e) < 0)
		return -1;
	if (!queue_open(m))
		return err_set(e, GenericError, NULL, "Queue drained");
	return 0;
}

/* A job that was accepted in this turn and starts to live when it is stored. */
struct newborn {
	struct arena *a;
	struct job *j;
};

static void born(struct master *m, const struct err *failed, void *arg)
{
	struct newborn *n = arg;

	m->unborn--;
	if (failed) {
		arena_free(n->a);
	} else {
		log_info("New job with id %" PRId64 ", summary: %s", n->j->id,
			 n->j->n ? opcode_summary(n->a, n->j->ops[0].input) : "no opcodes");
		m->count.jobs++;
		if (!m->unborn) /* the last one of this turn */
			mirror_serial(m, n->j->id);
		jobs_new(m, n->a, n->j);
	}
	free(n);
}

/* OPS: checked opcodes. */
static int add(struct master *m, const json *ops, int64_t *ret_id, struct err *e)
{
	struct arena *a;
	struct newborn *n;
	struct job *j;

	if (m->pending + m->unborn >= m->pending_max)
		return err_set(e, JobQueueFull, NULL, "The job queue is full");
	if (json_len(ops) == 0)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "A job needs at least one opcode");
	if (turn_begin(m, e) < 0)
		return -1;
	a = arena_new();
	if (queue_add(m->db, a, ops, clock_real(), &j, e) < 0) {
		arena_free(a);
		return -1;
	}
	n = xcalloc(1, sizeof(*n));
	*n = (struct newborn){ a, j };
	*ret_id = j->id;
	m->unborn++;
	turn_after(m, born, n);
	return 0;
}

/* Check a job's opcodes; RET is a list, arena-owned. Plain errors are those of parsing. */
static int check_ops(struct arena *a, const json *ops, json **ret, struct err *e)
{
	*ret = json_own(a, json_new_array());
	if (!json_is(ops, JSON_ARRAY))
		return err_plain(e, "Unable to read JSArray");
	json_items (ops, i, in) {
		json *op;

		if (request_opcode(a, in, &op, e) < 0)
			return -1;
		json_append(*ret, json_ref(op));
	}
	return 0;
}

static void name_request(enum luxi method, struct err *e)
{
	if (!e->cls)
		err_prefix(e, "Failed to parse request: %s", luxi_name(method));
}

void submit_job(struct master *m, struct luxi_conn *c, const json *ops, enum luxi method)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *checked;
	int64_t id;

	if (check_ops(a, ops, &checked, &e) < 0)
		name_request(method, &e);
	else if ((method != LUXI_SubmitJob || check_open(m, &e) == 0) &&
		 add(m, checked, &id, &e) == 0) {
		luxi_ok_after(m, c, json_new_int(id));
		return;
	}
	luxi_fail(c, &e);
}

int submit_list(struct master *m, const json *jobs, enum luxi method, json **ret, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *checked = json_own(a, json_new_array());
	json *out = json_new_array();

	/* a request with a mistake in it does nothing, as upstream */
	json_items (jobs, i, ops) {
		struct err why CLEANUP(err_clear) = ERR_NONE;
		json *list;

		if (check_ops(a, ops, &list, &why) == 0) {
			json_append(checked, json_ref(list));
		} else if (why.cls) {
			json_append(checked, json_new_str(err_msg(&why)));
		} else {
			json_put(out);
			name_request(method, &why);
			return err_move(e, &why);
		}
	}
	if (check_open(m, e) < 0) {
		json_put(out);
		return -1;
	}
	json_items (checked, k, ops) {
		struct err why CLEANUP(err_clear) = ERR_NONE;
		int64_t id;

		if (json_str(ops))
			json_append(out, json_pack("[b, O]", 0, ops));
		else if (add(m, ops, &id, &why) < 0)
			json_append(out, json_pack("[b, s]", 0, err_msg(&why)));
		else
			json_append(out, json_pack("[b, I]", 1, id));
	}
	*ret = out;
	return 0;
}

void submit_many(struct master *m, struct luxi_conn *c, const json *jobs)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *ids;

	if (submit_list(m, jobs, LUXI_SubmitManyJobs, &ids, &e) < 0)
		luxi_fail(c, &e);
	else
		luxi_ok_after(m, c, ids);
}
