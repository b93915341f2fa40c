/*
 * OP_TEST_DELAY: sleep, on the master, on nodes, with and without locks (upstream: LUTestDelay).
 * OP_TEST_JQUEUE: tell somebody where the opcode is, and wait for him (upstream: LUTestJqueue).
 */
#include "src/lu/lu.h"

#include "lib/base/clock.h"
#include "lib/net/net.h"

#include <sys/socket.h>
#include <unistd.h>

#define DELAY_TEST "delay-test" /* type of the log entry that has the socket's name */

struct delay {
	struct strs nodes; /* UUIDs */
};

static int delay_check(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_test_delay *op = op_;

	(void)lu;
	if (op->duration < 0)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "The duration must not be negative");
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
	return op->on_master ? lu_sleep(lu, op->duration, e) : 0;
}

static bool readable(struct luctx *lu, int fd, double until)
{
	return lu_wait(lu, fd, until - clock_mono()) > 0;
}

/*
 * Upstream's _InterruptibleDelay: the log has the name of a socket; who connects there and says
 * something (or hangs up) ends the delay. *RET_STOP: somebody did.
 */
static int delay_socket(struct luctx *lu, const struct op_test_delay *op, bool *ret_stop, struct err *e)
{
	double start = clock_mono(), until = start + op->duration;
	const char *path = path_in(lu->a, PATH_SOCKET_DIR, "delay-%d", (int)getpid());
	int fd CLEANUP(closep) = unix_listen(path, 0600, (uid_t)-1, (gid_t)-1);
	int peer CLEANUP(closep) = -1;
	char c;

	if (fd < 0)
		return err_sys(e, fd, "Can't listen on %s", path);
	lu_log_typed(lu, DELAY_TEST, json_pack("[s]", path));
	if (readable(lu, fd, until))
		peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	unlink(path);
	if (peer < 0)
		return 0;
	lu_log(lu, "Received connection, time to go is %d", (int)(until - clock_mono()));
	if (!readable(lu, peer, until) || recv(peer, &c, 1, MSG_DONTWAIT) < 0)
		return 0;
	lu_log(lu, "Interrupted, time spent waiting: %d", (int)(clock_mono() - start));
	*ret_stop = true;
	return 0;
}

static int delay_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_test_delay *op = op_;
	int64_t times = op->repeat > 0 ? op->repeat : 1;
	bool stop = false;

	(void)ret;
	for (int64_t i = 0; i < times && !stop; i++) {
		if (op->repeat)
			lu_info(lu, "Test delay iteration %d/%d", (int)i, (int)op->repeat - 1);
		if (op->interruptible)
			TRY(delay_socket(lu, op, &stop, e));
		else
			TRY(delay_once(lu, op, e));
	}
	return 0;
}

const struct lu lu_test_delay = {
	.state_size = sizeof(struct delay), .check_args = delay_check, .expand = delay_expand,
	.exec = delay_exec,
};

/* --- OP_TEST_JQUEUE --- */

#define CONNECT_TIMEOUT 20.0 /* less than clients wait for a job's change: do they notice? */
#define CONFIRM_TIMEOUT 60.0

/*
 * The log has the name of a socket, POINT and ARG (taken over); who connects there keeps the opcode waiting
 * until he hangs up.
 */
static int notify(struct luctx *lu, const char *cls, const char *point, json *arg, struct err *e)
{
	const char *path = path_in(lu->a, PATH_SOCKET_DIR, "jqueue-%d", (int)getpid());
	int fd CLEANUP(closep) = unix_listen(path, 0600, (uid_t)-1, (gid_t)-1);
	int peer CLEANUP(closep) = -1;
	json *message = json_pack("[s, s, o]", path, point, arg);
	char c;

	if (fd < 0) {
		json_put(message);
		return err_sys(e, fd, "Can't listen on %s", path);
	}
	lu_log_typed(lu, ELOG_JQUEUE_TEST, message);
	if (readable(lu, fd, clock_mono() + CONNECT_TIMEOUT))
		peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	unlink(path);
	if (peer < 0)
		return err_set(e, cls, NULL, "Client didn't connect in time (timed out)");
	if (!readable(lu, peer, clock_mono() + CONFIRM_TIMEOUT) || recv(peer, &c, 1, MSG_DONTWAIT) < 0)
		return err_set(e, cls, NULL, "Client failed to confirm notification (timed out)");
	return 0;
}

static int jqueue_expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_test_jqueue *op = op_;

	if (op->notify_waitlock)
		TRY(notify(lu, ERR_PREREQ, JQT_EXPANDNAMES, NULL, e));
	lu_info(lu, "Expanding names");
	/* just to have one */
	lu_need(lu, LOCK_NODE, lu->cluster->master_node, false);
	return 0;
}

static int jqueue_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_test_jqueue *op = op_;
	const struct strs *messages = &op->log_messages;

	if (op->notify_exec)
		TRY(notify(lu, ERR_EXEC, JQT_EXEC, NULL, e));
	lu_info(lu, "Executing");
	if (messages->n)
		TRY(notify(lu, ERR_EXEC, JQT_STARTMSG, json_new_int((int64_t)messages->n), e));
	for (size_t i = 0; i < messages->n; i++) {
		lu_info(lu, "Sending log message %zu", i + 1);
		lu_log(lu, JQT_MSGPREFIX "%s", messages->v[i]);
		TRY(notify(lu, ERR_EXEC, JQT_LOGMSG, json_new_int((int64_t)i + 1), e));
	}
	if (op->fail)
		return err_set(e, ERR_EXEC, NULL, "Opcode failure was requested");
	*ret = json_new_bool(true);
	return 0;
}

const struct lu lu_test_jqueue = { .expand = jqueue_expand, .exec = jqueue_exec };
