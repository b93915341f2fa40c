/* OP_TEST_DELAY: sleep, on the master, on nodes, with and without locks (upstream: LUTestDelay). */
#include "src/lu/lu.h"

#include <errno.h>
#include <time.h>

struct delay {
	struct strs nodes; /* UUIDs */
};

static int delay_check(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_test_delay *op = op_;

	(void)lu;
	if (op->duration < 0)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "The duration must not be negative");
	if (op->interruptible)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Delays that can be interrupted are not supported");
	return 0;
}

static int delay_expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_test_delay *op = op_;
	const bool by_uuid = op->has_on_node_uuids && op->on_node_uuids.n;
	const struct strs *wanted = by_uuid ? &op->on_node_uuids : &op->on_nodes;
	struct delay *st = lu->state;
	const struct node *n;

	for (size_t i = 0; i < wanted->n; i++) {
		TRY(snap_find_node(lu->snap, wanted->v[i], &n, e));
		strs_add(lu->a, &st->nodes, arena_strdup(lu->a, n->uuid));
	}
	if (op->no_locks)
		return 0;
	for (size_t i = 0; i < st->nodes.n; i++)
		lu_need(lu, LOCK_NODE, st->nodes.v[i], false);
	if (op->on_master)
		lu_need(lu, LOCK_NODE, lu->cluster->master_node, false);
	return 0;
}

static void nap(double seconds)
{
	struct timespec t = { .tv_sec = (time_t)seconds };

	t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static int delay_once(struct luctx *lu, const struct op_test_delay *op, struct err *e)
{
	const struct delay *st = lu->state;
	struct rpc_node *nodes = ARENA_ARRAY(lu->a, struct rpc_node, st->nodes.n + 1);
	struct rpc_answer *answers;

	if (st->nodes.n) {
		for (size_t i = 0; i < st->nodes.n; i++)
			nodes[i] = lu_rpc_node(lu, st->nodes.v[i]);
		TRY(rpc_multi(lu->rpc, lu->a, RPC_test_delay, nodes, st->nodes.n,
			      json_pack("[f]", op->duration), NULL, op->duration + 5, &answers, e));
		for (size_t i = 0; i < st->nodes.n; i++)
			if (answers[i].offline || answers[i].failed)
				return err_set(e, ERR_EXEC, NULL,
					       "Failure during rpc call to node %s: %s",
					       nodes[i].name, answers[i].error);
	}
	if (op->on_master)
		nap(op->duration);
	return 0;
}

static int delay_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_test_delay *op = op_;

	(void)ret;
	if (!op->repeat)
		return delay_once(lu, op, e);
	for (int64_t i = 0; i < op->repeat; i++) {
		lu_info(lu, "Test delay iteration %d/%d", (int)i, (int)op->repeat - 1);
		TRY(delay_once(lu, op, e));
	}
	return 0;
}

const struct lu lu_test_delay = {
	.state_size = sizeof(struct delay), .check_args = delay_check, .expand = delay_expand,
	.exec = delay_exec,
};
