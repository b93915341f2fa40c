/* Errors to text and exit codes, as upstream's FormatError. */
#include "cli/common/common.h"

#include <stdio.h>
#include <string.h>

static void hooks_abort(const struct err *e, struct str *out)
{
	json *list CLEANUP(json_putp) = NULL;

	str_add(out, "Failure: hooks execution failed:");
	if (json_parse(err_msg(e), strlen(err_msg(e)), &list, NULL) < 0)
		str_addf(out, "\n  %s", err_msg(e));
	json_items(list, i, item) {
		const char *node = json_str(json_at(item, 0)), *script = json_str(json_at(item, 1));
		const char *text = json_str(json_at(item, 2));

		str_addf(out, "\n  node: %s, script: %s", node ? node : "?", script ? script : "?");
		if (text && *text)
			str_addf(out, ", output: %s", text);
		else
			str_add(out, " (no output)");
	}
}

static void resolver(const struct err *e, struct str *out)
{
	str_addf(out, strcmp(err_msg(e), env_hostname()) == 0 ?
			      "Failure: can't resolve my own hostname ('%s')" :
			      "Failure: can't resolve hostname '%s'",
		 err_msg(e));
}

static void no_master(const struct err *e, struct str *out)
{
	str_add(out, "Cannot communicate with ");
	if (strcmp(err_msg(e), path_of(PATH_MASTER_SOCKET)) == 0)
		str_add(out, "the master daemon");
	else if (strcmp(err_msg(e), path_of(PATH_QUERY_SOCKET)) == 0)
		str_add(out, "the config daemon");
	else
		str_addf(out, "socket '%s'", err_msg(e));
	str_add(out, ".\nIs the process running and listening for connections?");
}

/* The first class that fits decides; "%s" stands for the message. */
static const struct {
	const char *cls, *text;
} texts[] = {
	{ HooksFailure, "Failure: hooks general failure: %s" },
	{ OpExecError, "Failure: command execution error:\n%s" },
	{ TagError, "Failure: invalid tag(s) given:\n%s" },
	{ JobQueueDrainError,
	  "Failure: the job queue is marked for drain and doesn't accept new requests" },
	{ JobQueueFull, "Failure: the job queue is full and doesn't accept new job submissions until "
			"old jobs are archived" },
	{ TypeEnforcementError, "Parameter Error: %s" },
	{ ParameterError, "Failure: unknown/wrong parameter name '%s'" },
	{ TimeoutError, "Timeout while talking to the master daemon. Jobs might have been submitted "
			"and will continue to run even if the call timed out. Useful commands in this "
			"situation are \"gnt-job list\", \"gnt-job cancel\" and \"gnt-job watch\". "
			"Error:\n%s" },
	{ PermissionError, "It seems you don't have permissions to connect to the master daemon.\n"
			   "Please retry as a different user." },
	{ ProtocolError, "Unhandled protocol error while talking to the master daemon:\n%s" },
	{ JobLost, "Error checking job status: %s" },
	{ QueryFilterParseError, "Error while parsing query filter: %s" },
	{ GenericError, "Unhandled Ganeti error: %s" },
};

static void by_class(const struct err *e, struct str *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *s = texts[i].text, *at = strstr(s, "%s");

		if (!errclass_is_a(e->cls, texts[i].cls))
			continue;
		if (!at) {
			str_add(out, s);
			return;
		}
		str_addn(out, s, (size_t)(at - s));
		str_add(out, err_msg(e));
		str_add(out, at + 2);
		return;
	}
	/* plain errors come from the system: files, processes */
	str_addf(out, "Error: %s", err_msg(e));
}

int cli_format_error(const struct err *e, struct str *out)
{
	int exit_code = EXIT_FAILURE;

	if (errclass_is_a(e->cls, JobSubmittedException)) {
		str_addf(out, "JobID: %s", err_msg(e));
		return EXIT_SUCCESS;
	}
	if (errclass_is_a(e->cls, ConfigurationError)) {
		str_addf(out, "Corrupt configuration file: %s\nAborting.", err_msg(e));
		exit_code = 2;
	} else if (errclass_is_a(e->cls, HooksAbort)) {
		hooks_abort(e, out);
	} else if (errclass_is_a(e->cls, ResolverError)) {
		resolver(e, out);
	} else if (errclass_is_a(e->cls, OpPrereqError)) {
		str_add(out, "Failure: prerequisites not met for this operation:\n");
		if (e->code)
			str_addf(out, "error type: %s, error details:\n", e->code);
		str_add(out, err_msg(e));
	} else if (errclass_is_a(e->cls, NoMasterError)) {
		no_master(e, out);
	} else {
		by_class(e, out);
	}
	while (out->len && out->p[out->len - 1] == '\n')
		str_trim(out, out->len - 1);
	return exit_code;
}

/* The code point at *S, which moves on; bytes that are no UTF-8 stand for themselves. */
static unsigned next_char(const unsigned char **s)
{
	const unsigned char *p = *s;
	unsigned c = *p, n = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

	*s = p + 1;
	if (!n)
		return c;
	c &= 0x3fu >> n;
	for (unsigned i = 1; i <= n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return *p;
		c = c << 6 | (p[i] & 0x3f);
	}
	*s = p + 1 + n;
	return c;
}

const char *cli_safe(struct arena *a, const char *text)
{
	struct str out CLEANUP(str_free) = { 0 };

	for (const unsigned char *p = (const unsigned char *)text; *p;) {
		unsigned c = next_char(&p);

		if (c == '\t')
			str_add(&out, "\\t");
		else if (c == '\n')
			str_add(&out, "\\n");
		else if (c == '\r')
			str_add(&out, "\\r");
		else if (c >= 0x10000)
			str_addf(&out, "\\U%08x", c);
		else if (c >= 0x100)
			str_addf(&out, "\\u%04x", c);
		else if (c < 0x20 || c >= 0x7f)
			str_addf(&out, "\\x%02x", c);
		else
			str_addc(&out, (char)c);
	}
	return arena_strdup(a, str_get(&out));
}
