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
	rapi_reply(c, rapi_aliased(c, json_merge(json_new_dict(), result)));
}

static void os_list(struct rcall *c, json *result)
{
	json *out = json_new_array();

	json_items (json_at(result, 0), i, os) {
		const char *name = json_str(json_at(os, 0));
		json *variants = json_at(os, 1);

		if (!json_len(variants))
			json_append(out, json_new_str(name));
		json_items (variants, k, v)
			json_append(out,
				    json_new_str(arena_printf(c->a, "%s+%s", name, json_str(v))));
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
		rapi_ask(c, LUXI_QueryJobs,
			 json_pack("[[I], [s, s]]", c->job, "status", "opresult"), job_results);
		return;
	}
	/* what was seen, status and log, so that the next answer waits for news */
	if (info) {
		json *serial = json_len(log) ? json_at(json_at(log, json_len(log) - 1), 0)
					     : json_at(c->then_args, 1);

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
	json *fixed = json_own(
		c->a, json_pack("{s:[s, s], s:[]}", "output_fields", "name", "variants", "names"));
	json *op = rapi_opcode(c, OP_os_diagnose, fixed, NULL, NULL);

	if (op)
		rapi_ask(c, LUXI_SubmitJob, json_pack("[[o]]", op), job_started);
}

/* --- nodes --- */

static const struct {
	const char *letter, *name;
} roles[] = {
	{ "M", "master" },  { "C", "master-candidate" }, { "D", "drained" },
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
	json *fixed = json_own(c->a, json_new_dict());
	const char *role;

	if (!rapi_body_is(c, c->body, JSON_STRING, "Body contents"))
		return;
	role = json_str(c->body);
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
	rapi_submit_row(c, fixed, NULL);
}

/* Arguments in the query are the old way, and stand for a whole body. */
static void node_migrate(struct rcall *c)
{
	const char *mode = rapi_arg(c, "mode");
	json *body;

	if (rapi_arg(c, "live") && mode) {
		rapi_fail(c->req, 400, "Only one of 'live' and 'mode' should be passed");
		return;
	}
	if (rapi_arg(c, "live"))
		mode = rapi_flag(c, "live") ? "live" : "non-live";
	body = mode ? json_own(c->a, json_pack("{s:s}", "mode", mode)) : c->body;
	rapi_submit_row(c, NULL, body);
}

static void storage_modify(struct rcall *c)
{
	json *changes = json_new_dict();

	if (rapi_arg(c, "allocatable"))
		json_set(changes, "allocatable", json_new_bool(rapi_flag(c, "allocatable")));
	rapi_submit_row(c, json_own(c->a, json_pack("{s:o}", "changes", changes)), NULL);
}

/* --- instances --- */

/* The separator was a comma once and is a space since: both are understood here. */
static void usb_devices(json *body)
{
	json *hv = json_get(body, "hvparams"), *text;
	char *s CLEANUP(freep) = NULL;

	if (!json_str(json_get(hv, "usb_devices")))
		return;
	s = xstrdup(json_str(json_get(hv, "usb_devices")));
	for (char *p = s; *p; p++)
		*p = *p == ' ' ? ',' : *p;
	text = json_new_str(s);
	json_set(body, "hvparams", json_set(json_clone(hv), "usb_devices", text));
}

static void instance_create(struct rcall *c)
{
	json *body;
	int64_t version;

	if (!rapi_body_is(c, c->body, JSON_DICT, "Body contents"))
		return;
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
	usb_devices(body);
	rapi_submit_row(c, NULL, body);
}

static void instance_modify(struct rcall *c)
{
	json *body;

	if (!rapi_body_is(c, c->body, JSON_DICT, "Body contents"))
		return;
	body = json_own(c->a, json_merge(json_new_dict(), c->body));
	usb_devices(body);
	rapi_submit_row(c, NULL, body);
}

/* stop, reinstall and (unless told not to) start */
static void reinstall(struct rcall *c)
{
	json *fixed = json_own(c->a, json_new_dict()), *re, *stop, *up = NULL;
	const char *os_type = rapi_arg(c, "os");
	bool start = !rapi_flag(c, "nostartup");

	if (c->body) {
		if (os_type || rapi_arg(c, "nostartup")) {
			rapi_fail(c->req, 400, "Can't combine query and body parameters");
			return;
		}
		if (!json_is(c->body, JSON_DICT)) {
			rapi_fail(c->req, 400, "Invalid body contents, not a dictionary");
			return;
		}
		if (json_has(c->body, "start") &&
		    !rapi_body_is(c, json_get(c->body, "start"), JSON_BOOL, "'start' parameter"))
			return;
		start = json_get_bool(c->body, "start", true);
		json_set(fixed, "os_type", json_ref(json_get(c->body, "os")));
		json_set(fixed, "osparams", json_ref(json_get(c->body, "osparams")));
	} else {
		json_set(fixed, "os_type", json_new_str(os_type));
	}
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

		if (parse_int(str_strip(c->a, parts.v[i]), &v) < 0) {
			json_put(out);
			rapi_failf(c, 400,
				   "Invalid disk index passed: invalid literal for int() with base "
				   "10: '%s'",
				   parts.v[i]);
			return NULL;
		}
		json_append(out, json_new_int(v));
	}
	return out;
}

static void replace_disks(struct rcall *c)
{
	static const char *const from_query[] = { "mode", "disks", "remote_node", "iallocator" };
	json *body;

	if (c->body && !rapi_body_is(c, c->body, JSON_DICT, "Body contents"))
		return;
	body = json_own(c->a, json_merge(json_new_dict(), c->body));
	if (!c->body)
		for (size_t i = 0; i < ARRAY_SIZE(from_query); i++) {
			const char *v = rapi_arg(c, from_query[i]);

			if (v)
				json_set(body, from_query[i], json_new_str(v));
		}
	if (json_get(body, "disks") && !str_eq(json_get_str(body, "disks"), "")) {
		json *disks = disk_numbers(c, json_get(body, "disks"));

		if (!disks)
			return;
		json_set(body, "disks", disks);
	} else {
		json_del(body, "disks"); /* null, or "" */
	}
	rapi_submit_row(c, NULL, body);
}

static void console_done(struct rcall *c, json *result)
{
	json *row = json_at(result, 0), *console = json_at(row, 0);
	bool runs = json_boolean(json_at(row, 1), false);

	if (!row)
		rapi_fail(c->req, 404, NULL);
	else if (!console || !runs)
		rapi_fail(c->req, 503, "Instance console unavailable");
	else
		rapi_reply(c, json_ref(console));
}

static void multi_alloc(struct rcall *c)
{
	json *body, *ops = json_own(c->a, json_new_array());
	json *instances = json_get(c->body, "instances");

	if (!json_is(instances, JSON_ARRAY)) {
		rapi_fail(c->req, 400, "Request is missing required 'instances' field in body");
		return;
	}
	json_items (instances, i, inst) {
		json *one = rapi_inner_opcode(c, OP_instance_create, inst,
					      "os=os_type name=instance_name");

		if (!one)
			return;
		json_append(ops, one);
	}
	body = json_own(c->a, json_merge(json_new_dict(), c->body));
	json_set(body, "instances", json_ref(ops));
	rapi_submit_row(c, NULL, body);
}

/* --- queries --- */

static struct strs comma_list(struct rcall *c, const char *text)
{
	struct strs l = strs_split(c->a, text, ',');

	for (size_t i = 0; i < l.n; i++)
		l.v[i] = str_strip(c->a, l.v[i]);
	return l;
}

static bool resource_known(struct rcall *c)
{
	if (enum_value(&enum_query_resource, path_name(c, "query_resource")) >= 0)
		return true;
	rapi_fail(c->req, 404, NULL);
	return false;
}

static void query(struct rcall *c)
{
	bool put = strcmp(c->row->method, "PUT") == 0;
	const char *text = rapi_arg(c, "fields");
	json *filter = NULL, *fields = NULL;

	if (put) {
		if (!rapi_body_is(c, c->body, JSON_DICT, "Body contents"))
			return;
		filter = json_get(c->body, "qfilter");
		if (!filter)
			filter = json_get(c->body, "filter");
		fields = json_ref(json_get(c->body, "fields"));
	}
	if (!resource_known(c)) {
		json_put(fields);
		return;
	}
	if (!fields && text) {
		struct strs l = comma_list(c, text);

		fields = json_new_strs(&l);
	}
	if (fields)
		rapi_ask(c, LUXI_Query,
			 json_pack("[s, o, O]", path_name(c, "query_resource"), fields, filter),
			 pass_on);
	else
		rapi_fail(c->req, 400, "Missing 'fields' query argument");
}

static void query_fields(struct rcall *c)
{
	const char *text = rapi_arg(c, "fields");
	json *fields = NULL;

	if (!resource_known(c))
		return;
	if (text) {
		struct strs l = comma_list(c, text);

		fields = json_new_strs(&l);
	}
	rapi_ask(c, LUXI_QueryFields, json_pack("[s, o]", path_name(c, "query_resource"), fields),
		 pass_on);
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
	bool bulk = rapi_flag(c, "bulk");
	json *out = json_new_array();

	json_items (result, i, row) {
		int64_t id = json_int(json_at(row, 0), 0);

		json_append(out,
			    bulk ? rapi_map_fields(c, rapi_fields("job")->bulk, row)
				 : json_pack("{s:I, s:s}", "id", id, "uri",
					     arena_printf(c->a, "/2/jobs/%lld", (long long)id)));
	}
	rapi_reply(c, out);
}

static void jobs(struct rcall *c)
{
	bool bulk = rapi_flag(c, "bulk");
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
	json *fields = json_get(c->body, "fields"), *info = json_get(c->body, "previous_job_info"),
	     *serial = json_get(c->body, "previous_log_serial");

	if (!job_of(c))
		return;
	if (!json_has(c->body, "fields"))
		rapi_fail(c->req, 400, "Required parameter 'fields' is missing");
	else if (!json_is(fields, JSON_ARRAY))
		rapi_fail(c->req, 400, "The 'fields' parameter should be a list");
	else if (info && !json_is(info, JSON_ARRAY))
		rapi_fail(c->req, 400, "The 'previous_job_info' parameter should be a list");
	else if (serial && !json_is(serial, JSON_INT))
		rapi_fail(c->req, 400, "The 'previous_log_serial' parameter should be a number");
	else
		rapi_ask(c, LUXI_WaitForJobChange,
			 json_pack("[I, O, O, O, i]", c->job, fields, info, serial, WAIT_SECONDS),
			 waited);
}

/* --- filter rules --- */

/* The value of KEY, or what JSON says; a new reference. */
static json *or_default(const json *b, const char *key, json *dflt)
{
	if (!json_has(b, key))
		return dflt;
	json_put(dflt);
	return json_ref(json_get(b, key));
}

static bool filter_ok(struct rcall *c, const json *b)
{
	static const struct {
		const char *key;
		enum json_kind kind;
	} keys[] = {
		{ "priority", JSON_INT },
		{ "predicates", JSON_ARRAY },
		{ "reason", JSON_ARRAY },
		{ "action", JSON_NULL }, /* a string or a list: the master looks */
	};

	if (!json_is(b, JSON_DICT)) {
		rapi_fail(c->req, 400, "Invalid body contents, not a dictionary");
		return false;
	}
	json_each (b, key, v) {
		bool known = false;

		(void)v;
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			known |= strcmp(keys[i].key, key) == 0;
		if (known)
			continue;
		rapi_failf(
			c, 400,
			"Invalid body parameters: filter rule doesn't support the parameter '%s'",
			key);
		return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].kind != JSON_NULL && json_has(b, keys[i].key) &&
		    !rapi_body_is(c, json_get(b, keys[i].key), keys[i].kind,
				  arena_printf(c->a, "'%s' parameter", keys[i].key)))
			return false;
	return true;
}

static void filter_replace(struct rcall *c)
{
	const json *b = c->body;

	if (filter_ok(c, b))
		rapi_ask(c, LUXI_ReplaceFilter,
			 json_pack("[s, I, o, o, o]", path_name(c, "filter_uuid"),
				   json_get_int(b, "priority", 0),
				   or_default(b, "predicates", json_new_array()),
				   or_default(b, "action", json_new_str("CONTINUE")),
				   or_default(b, "reason", json_new_array())),
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
	case RAPI_instance_modify:
		instance_modify(c);
		break;
	case RAPI_storage_modify:
		storage_modify(c);
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
			 json_pack("[[s], [s, s], b]", path_name(c, "instance_name"), "console",
				   "oper_state", 0),
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
