/* Luxi requests: whatever the bytes, an error with a message or a typed request whose opcodes, written
 * out, read back the same. */
#include "daemons/masterd/masterd.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_opcode(struct arena *a, json *in)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *full = NULL, *again = NULL;

	if (request_opcode(a, in, &full, &e) < 0) {
		assert(e.msg && *e.msg);
		return;
	}
	if (request_opcode(a, full, &again, &e) < 0)
		abort();
	assert(json_equal(full, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *args = NULL, *own CLEANUP(json_putp) = NULL;
	enum luxi method;
	void *typed;

	if (n > 100000)
		return 0;
	if (request_parse((const char *)data, n, &method, &args, &own, &e) < 0) {
		assert(e.msg && *e.msg);
		return 0;
	}
	if (request_args(a, method, args, &typed, &e) < 0)
		assert(e.msg && *e.msg);
	json_items(json_at(args, 0), i, op) {
		check_opcode(a, op);
		json_items(op, k, inner) /* jobs of SubmitManyJobs */
			check_opcode(a, inner);
	}
	return 0;
}
