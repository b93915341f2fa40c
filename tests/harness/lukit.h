/*
 * Logical units on a real configuration with pretended nodes. lu_run() and everything below it is the product;
 * the calls to the master and to nodes are answered here (linker option --wrap, see tests/lu/local.mk). The nodes
 * keep what the units make on them - disks, guests - so a test can ask what is left. Calls can be made to fail.
 */
#ifndef TESTS_HARNESS_LUKIT_H
#define TESTS_HARNESS_LUKIT_H
#include "src/lu/lu.h"
#include "tests/harness/confkit.h"

struct lukit {
	struct confkit k;
	struct reservations *reservations;
	struct rpc_client *rpc; /* never used */
	json *log;              /* texts */
	json *calls;            /* ["name node", ...] in order */
	json *hook_env;         /* of the last hooks_runner call in the pre phase */
	json *submitted;        /* jobs */
	struct map *things;     /* "file node path", "dir node path", "guest node name", "incoming node name" */
	int64_t jobs;           /* made so far */
};

enum lukit_how {
	LUKIT_BEFORE, /* the call does not reach the node */
	LUKIT_AFTER,  /* it does, but the answer gets lost */
};

void lukit_new(struct lukit *l, int nodes);
void lukit_free(struct lukit *l);
void lukit_clear(struct lukit *l); /* no instances, disks, things and faults any more; quicker than a new kit */
/* Run an opcode: JSON text with ' for ". On success *RET (may be NULL) is its result, owned by the kit. */
int lukit_run(struct lukit *l, const char *op, json **ret, struct err *e);
/* The same for tests: it must succeed, or fail with that class, code (NULL: any) and text. */
void lukit_must(struct lukit *l, const char *op, json **ret);
void lukit_must_not(struct lukit *l, const char *op, const char *cls, const char *code, const char *msg);
/* Fixtures: a kit of three nodes in *STATE. */
int lukit_setup(void **state);
int lukit_teardown(void **state);
/* The COUNTth call (from 0, over all names) of the next lukit_run() fails; with FOREVER all later ones to the
 * same node, too. -1: none. */
void lukit_fail_nth(struct lukit *l, int count, enum lukit_how how, bool forever);
/* Calls RPC (to NODE, NULL = any) fail with MSG until lukit_fail_none(). NULL MSG: of the kind ANSWER instead. */
void lukit_fail(struct lukit *l, enum rpc rpc, const char *node, const char *msg);
void lukit_answer(struct lukit *l, enum rpc rpc, const char *answer);
void lukit_fail_none(struct lukit *l);
int lukit_calls(const struct lukit *l); /* made by the last run */
/* How many things of a kind ("file", "guest", ...) there are on NODE (NULL = anywhere). */
int lukit_count(const struct lukit *l, const char *kind, const char *node);
void lukit_put(struct lukit *l, const char *kind, const char *node, const char *name);
bool lukit_logged(const struct lukit *l, const char *text);
/* Errors of the configuration; files, directories and guests no instance accounts for. NULL = all is well.
 * Owned by the kit. */
const char *lukit_problems(struct lukit *l);
/* An object as JSON, owned by the kit; NULL = none. */
json *lukit_instance(struct lukit *l, const char *name);

#endif
