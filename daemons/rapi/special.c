/* Resources rows cannot describe. */
#include "daemons/rapi/rapi.h"

#include "lib/base/parse.h"

#include <string.h>

#define WAIT_SECONDS 10 /* upstream's limit for one wait request */

static const char *path_name(struct rcall *c, const char *key)
{
	return json_get_str(c->path, key);
}

static void pass_on(struct rcall *c, json *result)
{
	rapi_reply(c, json_ref(result));
}

static void features(struct rcall *c)
{
	json *out = json_new_array();

	for (const char *const *f = rapi_features(); *f; f++)
		json_append(out, json_new_str(*f));
	rapi_reply(c, out);
}

/* --- cluster --- */

static void info_done(struct rcall *c, json *result)
{
	json *out = json_merge(json_new_dict(), result);

	/* names this interface had before the parameters were renamed */
	json_set(out, "vg_name", json_ref(json_get(result, "volume_group_name")));
	json_set(out, "drbd_helper", json_ref(json_get(result, "drbd_usermode_helper")));
	rapi_reply(c, out);
}

static void os_list(struct rcall *c, json *result)
{
	json *out = json_new_array();

	json_items(json_at(result, 0), i, os) {
		const char *name = json_str(json_at(os, 0));
		json *variants = json_at(os, 1);

		if (!json_len(variants))
			json_append(out, json_new_str(name));
		json_items(variants, k, v)
			json_append(out, json_new_str(arena_printf(c->a, "%s+%s", name,
								   json_str(v))));
	}
	rapi_reply(c, out);
}

/* --- waiting for a job of our own (OS list) --- */

static void job_step(struct rcall *c, json *result);

static void job_results(struct rcall *c, json *result)
{
	json *row = json_at(result, 0), *results = json_at(row, 1);

	if (str_eq(json_str(json_at(row, 0)), "success")) {
		os_list(c, results);
	} else {
		struct err e CLEANUP(err_clear) = ERR_NONE;

		err_from_json(json_at(results, 0), &e);
		rapi_fail_err(c, &e);
	}
}

static void job_look(struct rcall *c)
{
	rapi_ask(c, LUXI_WaitForJobChange,
		 json_pack("[I, [s], O, O, i]", c->job, "status", json_at(c->then_args, 0),
			   json_at(c->then_args, 1), WAIT_SECONDS),
		 job_step);
}

static void job_step(struct rcall *c, json *result)
{
	json *info = json_at(result, 0), *log = json_at(result, 1);
	int status = enum_value(&enum_job_status, json_str(json_at(info, 0)));

	if (status == job_status_success || status == job_status_error ||
	    status == job_status_canceled) {
		rapi_ask(c, LUXI_QueryJobs, json_pack("[[I], [s, s]]", c->job, "status", "opresult"),
			 job_results);
		return;
	}
	/* what was seen, status and log, so that the next answer waits for news */
	if (info) {
		json *serial = json_len(log) ? json_at(json_at(log, json_len(log) - 1), 0) :
					       json_at(c->then_args, 1);

		c->then_args = json_own(c->a, json_pack("[O, O]", info, serial));
	}
	job_look(c);
}

static void job_started(struct rcall *c, json *result)
{
	c->job = json_int(result, 0);
	job_look(c);
}

static void os(struct rcall *c)
{
	json *fixed = json_own(c->a, json_pack("{s:[s, s], s:[]}", "output_fields", "name",
					       "variants", "names"));
	json *op = rapi_opcode(c, OP_os_diagnose, fixed, NULL, NULL);

	if (op)
		rapi_ask(c, LUXI_SubmitJob, json_pack("[[o]]", op), job_started);
}

/* --- nodes --- */

static const struct {
	const char *letter, *name;
} roles[] = {
	{ "M", "master" }, { "C", "master-candidate" }, { "D", "drained" },
	{ "O", "offline" }, { "R", "regular" },
};

static void role_shown(struct rcall *c, json *result)
{
	const char *letter = json_str(json_at(json_at(result, 0), 0));

	for (size_t i = 0; letter && i < ARRAY_SIZE(roles); i++)
		if (str_eq(letter, roles[i].letter)) {
			rapi_reply(c, json_new_str(roles[i].name));
			return;
		}
	rapi_fail(c->req, 404, NULL);
}

static void role_put(struct rcall *c)
{
	const char *role = json_str(c->body);
	json *fixed = json_own(c->a, json_new_dict()), *op;

	if (!role) {
		rapi_fail(c->req, 400, "Body contents must be a string");
		return;
	}
	if (str_eq(role, "regular")) {
		json_set(fixed, "master_candidate", json_new_bool(false));
		json_set(fixed, "offline", json_new_bool(false));
		json_set(fixed, "drained", json_new_bool(false));
	} else if (str_eq(role, "master-candidate")) {
		json_set(fixed, "master_candidate", json_new_bool(true));
		json_set(fixed, "offline", NULL);
		json_set(fixed, "drained", NULL);
	} else if (str_eq(role, "drained") || str_eq(role, "offline")) {
		json_set(fixed, "master_candidate", NULL);
		json_set(fixed, "offline", str_eq(role, "offline") ? json_new_bool(true) : NULL);
		json_set(fixed, "drained", str_eq(role, "drained") ? json_new_bool(true) : NULL);
	} else {
		rapi_failf(c, 400, "Can't set '%s' role", role);
		return;
	}
	op = rapi_opcode(c, c->row->op, fixed, NULL, NULL);
	if (op)
		rapi_submit(c, json_pack("[o]", op));
}

static void node_migrate(struct rcall *c)
{
	const char *mode = http_query(c->req, "mode", 0);
	json *fixed = json_own(c->a, json_new_dict()), *op;

	/* "live" is older than "mode" */
	if (!mode && http_query(c->req, "live", 0))
		mode = rapi_query_int(c, "live", 1) ? "live" : "non-live";
	if (mode)
		json_set(fixed, "mode", json_new_str(mode));
	op = rapi_opcode(c, c->row->op, fixed, c->body, NULL);
	if (op)
		rapi_submit(c, json_pack("[o]", op));
}

/* --- instances --- */

static void instance_create(struct rcall *c)
{
	json *body, *op;
	int64_t version;

	if (!json_is(c->body, JSON_DICT)) {
		rapi_failf(c, 400, "Body contents: Type is '%s', but 'dict' is expected",
			   json_kind_name(c->body));
		return;
	}
	version = json_get_int(c->body, "__version__", 0);
	if (version == 0) {
		rapi_fail(c->req, 400,
			  "Instance creation request version 0 is no longer supported");
		return;
	}
	if (version != 1) {
		rapi_failf(c, 400, "Unsupported request data version %lld", (long long)version);
		return;
	}
	body = json_own(c->a, json_merge(json_new_dict(), c->body));
	json_del(body, "__version__");
	op = rapi_opcode(c, c->row->op, NULL, body, c->row->rename);
	if (op)
		rapi_submit(c, json_pack("[o]", op));
}

/* stop, reinstall and (unless told not to) start */
static void reinstall(struct rcall *c)
{
	json *fixed = json_own(c->a, json_new_dict()), *re, *stop, *up = NULL;
	const char *os_type = json_get_str(c->body, "os");
	bool start = json_get_bool(c->body, "start", true);

	if (!c->body) {
		os_type = http_query(c->req, "os", 0);
		start = rapi_query_int(c, "nostartup", 0) == 0;
	}
	json_each(c->body, key, v) {
		(void)v;
		if (strcmp(key, "os") && strcmp(key, "start") && strcmp(key, "osparams")) {
			rapi_failf(c, 400, "Unknown body parameter '%s'", key);
			return;
		}
	}
	json_set(fixed, "os_type", json_new_str(os_type));
	json_set(fixed, "osparams", json_ref(json_get(c->body, "osparams")));
	stop = json_own(c->a, rapi_opcode(c, OP_instance_shutdown, NULL, NULL, NULL));
	re = stop ? json_own(c->a, rapi_opcode(c, OP_instance_reinstall, fixed, NULL, NULL)) : NULL;
	if (re && start)
		up = json_own(c->a, rapi_opcode(c, OP_instance_startup, NULL, NULL, NULL));
	if (!re || (start && !up))
		return;
	if (up)
		rapi_submit(c, json_pack("[O, O, O]", stop, re, up));
	else
		rapi_submit(c, json_pack("[O, O]", stop, re));
}

/* "0,2" or a list, to a list of numbers; NULL after an answered error */
static json *disk_numbers(struct rcall *c, const json *given)
{
	json *out;
	struct strs parts;

	if (!json_str(given))
		return json_ref((json *)given); /* checked with the other parameters */
	out = json_new_array();
	parts = strs_split(c->a, json_str(given), ',');
	for (size_t i = 0; i < parts.n; i++) {
		int64_t v;

		if (parse_int(parts.v[i], &v) < 0) {
			json_put(out);
			rapi_failf(c, 400, "Invalid disk index passed: %s", parts.v[i]);
			return NULL;
		}
		json_append(out, json_new_int(v));
	}
	return out;
}

static void replace_disks(struct rcall *c)
{
	static const char *const from_query[] = { "mode", "disks", "remote_node", "iallocator" };
	json *body = json_own(c->a, json_merge(json_new_dict(), c->body)), *op;

	if (!c->body)
		for (size_t i = 0; i < ARRAY_SIZE(from_query); i++) {
			const char *v = http_query(c->req, from_query[i], 0);

			if (v)
				json_set(body, from_query[i], json_new_str(v));
		}
	if (json_get(body, "disks")) {
		json *disks = disk_numbers(c, json_get(body, "disks"));

		if (!disks)
			return;
		json_set(body, "disks", disks);
	}
	op = rapi_opcode(c, c->row->op, NULL, body, NULL);
	if (op)
		rapi_submit(c, json_pack("[o]", op));
}

static void console_done(struct rcall *c, json *result)
{
	json *row = json_at(result, 0), *console = json_at(row, 0);

	if (!row)
		rapi_fail(c->req, 404, NULL);
	else if (!console)
		rapi_fail(c->req, 503, "Instance console unavailable");
	else
		rapi_reply(c, json_ref(console));
}

static void multi_alloc(struct rcall *c)
{
	json *body, *ops = json_own(c->a, json_new_array()), *op;
	json *instances = json_get(c->body, "instances");

	if (!json_is(instances, JSON_ARRAY)) {
		rapi_fail(c->req, 400, "Request is missing required 'instances' field in body");
		return;
	}
	json_items(instances, i, inst) {
		json *one = rapi_opcode(c, OP_instance_create, NULL, inst,
					"os=os_type name=instance_name");

		if (!one)
			return;
		json_append(ops, one);
	}
	body = json_own(c->a, json_merge(json_new_dict(), c->body));
	json_set(body, "instances", json_ref(ops));
	op = rapi_opcode(c, c->row->op, NULL, body, NULL);
	if (op)
		rapi_submit(c, json_pack("[o]", op));
}

/* --- queries --- */

static struct strs comma_list(struct rcall *c, const char *text)
{
	struct strs l = strs_split(c->a, text, ',');

	for (size_t i = 0; i < l.n; i++)
		l.v[i] = str_strip(c->a, l.v[i]);
	return l;
}

static void query(struct rcall *c)
{
	const char *what = path_name(c, "query_resource");
	const char *text = http_query(c->req, "fields", 0);
	json *filter = json_get(c->body, "qfilter"), *fields;

	if (!filter)
		filter = json_get(c->body, "filter");
	if (enum_value(&enum_query_resource, what) < 0) {
		rapi_fail(c->req, 404, NULL);
		return;
	}
	if (json_is(json_get(c->body, "fields"), JSON_ARRAY)) {
		fields = json_ref(json_get(c->body, "fields"));
	} else if (text) {
		struct strs l = comma_list(c, text);

		fields = json_new_strs(&l);
	} else {
		rapi_fail(c->req, 400, "Missing 'fields' query argument");
		return;
	}
	rapi_ask(c, LUXI_Query, json_pack("[s, o, O]", what, fields, filter), pass_on);
}

static void query_fields(struct rcall *c)
{
	const char *text = http_query(c->req, "fields", 0);
	json *fields = NULL;

	if (text) {
		struct strs l = comma_list(c, text);

		fields = json_new_strs(&l);
	}
	rapi_ask(c, LUXI_QueryFields,
		 json_pack("[s, o]", path_name(c, "query_resource"), fields), pass_on);
}

/* --- jobs --- */

static bool job_of(struct rcall *c)
{
	if (parse_int(path_name(c, "job_id"), &c->job) == 0)
		return true;
	rapi_failf(c, 400, "Invalid job ID '%s'", path_name(c, "job_id"));
	return false;
}

static void jobs_done(struct rcall *c, json *result)
{
	bool bulk = rapi_query_int(c, "bulk", 0) != 0;
	json *out = json_new_array();

	json_items(result, i, row) {
		int64_t id = json_int(json_at(row, 0), 0);

		json_append(out, bulk ? rapi_map_fields(c, rapi_fields("job")->bulk, row) :
					json_pack("{s:I, s:s}", "id", id, "uri",
						  arena_printf(c->a, "/2/jobs/%lld",
							       (long long)id)));
	}
	rapi_reply(c, out);
}

static void jobs(struct rcall *c)
{
	bool bulk = rapi_query_int(c, "bulk", 0) != 0;
	struct strs fields = rapi_names(c->a, bulk ? rapi_fields("job")->bulk : "id");

	rapi_ask(c, LUXI_QueryJobs, json_pack("[n, o]", json_new_strs(&fields)), jobs_done);
}

static void job_done(struct rcall *c, json *result)
{
	if (!json_at(result, 0))
		rapi_fail(c->req, 404, NULL);
	else
		rapi_reply(c, rapi_map_fields(c, rapi_fields("job")->one, json_at(result, 0)));
}

static void job(struct rcall *c)
{
	struct strs fields = rapi_names(c->a, rapi_fields("job")->one);

	if (job_of(c))
		rapi_ask(c, LUXI_QueryJobs, json_pack("[[I], o]", c->job, json_new_strs(&fields)),
			 job_done);
}

static void waited(struct rcall *c, json *result)
{
	if (!json_is(result, JSON_ARRAY)) /* "nochange" */
		rapi_reply(c, NULL);
	else
		rapi_reply(c, json_pack("{s:O, s:O}", "job_info", json_at(result, 0), "log_entries",
					json_at(result, 1)));
}

static void job_wait(struct rcall *c)
{
	json *fields = json_get(c->body, "fields");

	if (!job_of(c))
		return;
	if (!json_is(fields, JSON_ARRAY)) {
		rapi_fail(c->req, 400, "The 'fields' parameter should be a list");
		return;
	}
	rapi_ask(c, LUXI_WaitForJobChange,
		 json_pack("[I, O, O, O, i]", c->job, fields,
			   json_get(c->body, "previous_job_info"),
			   json_get(c->body, "previous_log_serial"), WAIT_SECONDS),
		 waited);
}

/* --- filter rules --- */

static void filter_replace(struct rcall *c)
{
	json *b = c->body;

	if (!json_is(b, JSON_DICT)) {
		rapi_failf(c, 400, "Body contents: Type is '%s', but 'dict' is expected",
			   json_kind_name(b));
		return;
	}
	rapi_ask(c, LUXI_ReplaceFilter,
		 json_pack("[s, I, o, O, o]", path_name(c, "filter_uuid"),
			   json_get_int(b, "priority", 0),
			   json_get(b, "predicates") ? json_ref(json_get(b, "predicates")) :
						       json_new_array(),
			   json_get(b, "action"),
			   json_get(b, "reason") ? json_ref(json_get(b, "reason")) :
						   json_new_array()),
		 pass_on);
}

void rapi_special(struct rcall *c)
{
	switch (c->row->special) {
	case RAPI_plain:
		abort();
	case RAPI_null:
		rapi_reply(c, NULL);
		break;
	case RAPI_version:
		rapi_reply(c, json_new_int(RAPI_VERSION));
		break;
	case RAPI_features:
		features(c);
		break;
	case RAPI_info:
		rapi_ask(c, LUXI_QueryClusterInfo, json_new_array(), info_done);
		break;
	case RAPI_os:
		os(c);
		break;
	case RAPI_role_get:
		rapi_ask(c, LUXI_QueryNodes,
			 json_pack("[[s], [s], b]", path_name(c, "node_name"), "role", 0),
			 role_shown);
		break;
	case RAPI_role_put:
		role_put(c);
		break;
	case RAPI_instance_create:
		instance_create(c);
		break;
	case RAPI_reinstall:
		reinstall(c);
		break;
	case RAPI_replace_disks:
		replace_disks(c);
		break;
	case RAPI_node_migrate:
		node_migrate(c);
		break;
	case RAPI_console:
		rapi_ask(c, LUXI_QueryInstances,
			 json_pack("[[s], [s], b]", path_name(c, "instance_name"), "console", 0),
			 console_done);
		break;
	case RAPI_multi_alloc:
		multi_alloc(c);
		break;
	case RAPI_query:
		query(c);
		break;
	case RAPI_query_fields:
		query_fields(c);
		break;
	case RAPI_job_cancel:
		if (job_of(c))
			rapi_ask(c, LUXI_CancelJob, json_pack("[I, b]", c->job, 0), pass_on);
		break;
	case RAPI_job:
		job(c);
		break;
	case RAPI_jobs:
		jobs(c);
		break;
	case RAPI_job_wait:
		job_wait(c);
		break;
	case RAPI_filter_replace:
		filter_replace(c);
		break;
	case RAPI_filter_delete:
		rapi_ask(c, LUXI_DeleteFilter, json_pack("[s]", path_name(c, "filter_uuid")),
			 pass_on);
		break;
	}
}
