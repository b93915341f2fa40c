#include "daemons/rapi/rapi.h"

#include <stdio.h>
#include <string.h>

static const struct {
	int status;
	const char *message, *explain;
} phrases[] = {
	{ 400, "Bad Request", "Bad request syntax or unsupported method" },
	{ 401, "Unauthorized", "No permission -- see authorization schemes" },
	{ 403, "Forbidden", "Request forbidden -- authorization will not help" },
	{ 404, "Not Found", "Nothing matches the given URI" },
	{ 405, "Method Not Allowed", "Specified method is invalid for this resource" },
	{ 406, "Not Acceptable", "URI not available in preferred format" },
	{ 408, "Request Timeout", "Request timed out; try again later" },
	{ 409, "Conflict", "Request conflict" },
	{ 411, "Length Required", "Client must specify Content-Length" },
	{ 412, "Precondition Failed", "Precondition in headers is false" },
	{ 413, "Request Entity Too Large", "Entity is too large" },
	{ 414, "Request-URI Too Long", "URI is too long" },
	{ 415, "Unsupported Media Type", "Entity body in unsupported format" },
	{ 417, "Expectation Failed", "Expect condition could not be satisfied" },
	{ 431, "Request Header Fields Too Large",
	  "The server is unwilling to process the request because its header fields are too large" },
	{ 500, "Internal Server Error", "Server got itself in trouble" },
	{ 501, "Not Implemented", "Server does not support this operation" },
	{ 502, "Bad Gateway", "Invalid responses from another server/proxy" },
	{ 503, "Service Unavailable", "The server cannot process the request due to a high load" },
	{ 504, "Gateway Timeout", "The gateway server did not receive a timely response" },
	{ 505, "HTTP Version Not Supported", "Cannot fulfill request" },
};

static void send_json(struct http_req *r, int status, json *j)
{
	char *text CLEANUP(freep) = json_dump(j);
	struct str body CLEANUP(str_free) = { 0 };

	str_addf(&body, "%s\n", text);
	json_put(j);
	http_reply(r, status, "application/json", body.p, body.len);
}

void rapi_reply(struct rcall *c, json *value)
{
	send_json(c->req, 200, value);
}

static char *html_escape(const char *s)
{
	struct str out = { 0 };

	for (; *s; s++) {
		if (*s == '&')
			str_add(&out, "&amp;");
		else if (*s == '<')
			str_add(&out, "&lt;");
		else if (*s == '>')
			str_add(&out, "&gt;");
		else if (*s == '"')
			str_add(&out, "&quot;");
		else if (*s == '\'')
			str_add(&out, "&#x27;");
		else
			str_addc(&out, *s);
	}
	return str_steal(&out);
}

static json *error_json(int status, const char *message)
{
	char *text CLEANUP(freep) = NULL;
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(phrases) && phrases[i].status != status)
		i++;
	text = html_escape(message ? message : phrases[i].message);
	return json_pack("{s:i, s:s, s:s}", "code", status, "message", text, "explain",
			 phrases[i].explain);
}

char *rapi_error_body(struct arena *a, int status, const char **ret_type)
{
	json *j CLEANUP(json_putp) = error_json(status, NULL);

	*ret_type = "application/json";
	return arena_printf(a, "%s\n", json_dump_in(a, j));
}

void rapi_fail(struct http_req *r, int status, const char *message)
{
	if (status == 401)
		http_set_header(r, "WWW-Authenticate", "Basic realm=\"Ganeti Remote API\"");
	send_json(r, status, error_json(status, message));
}

void rapi_failf(struct rcall *c, int status, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	rapi_fail(c->req, status, text);
	free(text);
}

/* What the master cannot do now, in the words of upstream's program. */
static int unable(const struct err *e, const char **ret_text)
{
	*ret_text = err_msg(e);
	if (e->cls == JobQueueFull) {
		*ret_text = "Job queue is full, needs archiving";
		return 503;
	}
	if (e->cls == JobQueueDrainError || str_eq(err_msg(e), "Queue drained")) {
		*ret_text = "Job queue is drained, cannot submit";
		return 503;
	}
	if (str_eq(e->cls, "NoMasterError") || str_eq(e->cls, "ProtocolError"))
		return 502;
	return str_eq(e->cls, "TimeoutError") ? 504 : 500;
}

void rapi_fail_err(struct rcall *c, const struct err *e)
{
	const char *text = err_msg(e);
	int status;

	if (!e->cls) /* the master could not read the request */
		status = str_starts(text, "Failed to parse request") ? 400 : 500;
	else if (e->cls == OpPrereqError)
		status = e->code == ECODE_NOENT ? 404 : 400;
	else
		status = unable(e, &text);
	rapi_fail(c->req, status, status == 404 ? NULL : text);
}
