/* Running an allocator, and what it answers. */
#include "src/alloc/alloc.h"

#include <string.h>

static int bad_answer(struct err *e, const char *why)
{
	return err_set(e, ERR_EXEC, NULL, "Can't parse iallocator results: %s", why);
}

static bool names_only(const json *v)
{
	if (!json_is(v, JSON_ARRAY))
		return false;
	json_items(v, i, name)
		if (!json_str(name))
			return false;
	return true;
}

/* Two or three lists, for the types that answer with jobs. */
static bool lists(const json *v, size_t n)
{
	if (json_len(v) != n)
		return false;
	json_items(v, i, l)
		if (!json_is(l, JSON_ARRAY))
			return false;
	return true;
}

/* Is a successful RESULT what the request's type asks for? (upstream: ValidateResult) */
static int check_result(struct arena *a, const json *request, const json *result, struct err *e)
{
	int mode = enum_value(&enum_iallocator_mode, json_get_str(request, "type"));
	int64_t required = json_get_int(request, "required_nodes", 1);
	bool good = false, counts = false;

	switch (mode) {
	case iallocator_mode_allocate:
	case iallocator_mode_relocate:
		good = names_only(result);
		counts = true;
		break;
	case iallocator_mode_allocate_secondary:
		good = json_str(result) != NULL;
		break;
	case iallocator_mode_multi_allocate:
		good = lists(result, 2);
		break;
	case iallocator_mode_node_evacuate:
	case iallocator_mode_change_group:
		good = lists(result, 3);
		break;
	default:
		return err_set(e, ProgrammerError, NULL, "Unknown allocator request '%s'",
			       json_get_str(request, "type"));
	}
	if (!good)
		return err_set(e, ERR_EXEC, NULL,
			       "iallocator returned invalid result for '%s': %.500s",
			       json_get_str(request, "type"), json_dump_in(a, result));
	if (counts && (int64_t)json_len(result) != required)
		return err_set(e, ERR_EXEC, NULL,
			       "iallocator returned invalid number of nodes (%zu), required %lld",
			       json_len(result), (long long)required);
	return 0;
}

static int parse_answer(struct arena *a, const char *name, const json *request, const char *text,
			json **ret, const char **ret_info, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;
	json *answer, *result;

	if (json_parse(text, strlen(text), &answer, &why) < 0)
		return bad_answer(e, err_msg(&why));
	json_own(a, answer);
	if (!json_is(answer, JSON_DICT))
		return bad_answer(e, "not a dict");
	/* the name of old protocols */
	if (!json_has(answer, "result") && json_has(answer, "nodes"))
		json_set(answer, "result", json_ref(json_get(answer, "nodes")));
	if (!json_has(answer, "success"))
		return bad_answer(e, "missing key 'success'");
	if (!json_has(answer, "info"))
		return bad_answer(e, "missing key 'info'");
	if (!json_has(answer, "result"))
		return bad_answer(e, "missing key 'result'");
	if (!json_get_bool(answer, "success", false))
		return err_set(e, ERR_PREREQ, ECODE_NORES,
			       "Can't compute nodes using iallocator '%s': %s", name,
			       json_get_str(answer, "info"));
	result = json_get(answer, "result");
	if (check_result(a, request, result, e) < 0)
		return -1;
	*ret = result;
	if (ret_info)
		*ret_info = json_get_str(answer, "info");
	return 0;
}

int alloc_run(struct snapshot *s, struct rpc_client *rpc, struct arena *a, const char *name, json *data,
	      json *request, json **ret, const char **ret_info, struct err *e)
{
	const struct cluster *c = snap_cluster(s);
	const struct node *master = snap_node(s, c->master_node);
	struct rpc_node there = { .name = master->name, .ip = master->primary_ip };
	struct err why CLEANUP(err_clear) = ERR_NONE;
	char *text CLEANUP(freep) = NULL;
	json *out;

	json_set(data, "request", json_ref(request));
	text = json_dump(data);
	if (rpc_call(rpc, a, RPC_iallocator_runner, &there,
		     json_pack("[s, s, O]", name, text, c->default_iallocator_params), &out, &why) < 0)
		return err_set(e, ERR_EXEC, NULL, "Failure while running the iallocator script: %s",
			       err_msg(&why));
	if (!json_str(out))
		return bad_answer(e, "not a string");
	return parse_answer(a, name, request, json_str(out), ret, ret_info, e);
}
