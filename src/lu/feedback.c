/* The job log, with the prefixes upstream's LogInfo, LogWarning and LogStep use. */
#include "src/lu/lu.h"

#include "lib/base/log.h"

#define LOG_TIMEOUT (30.0 * 86400) /* for a job that is watched, enough candidates have to have it */

/* A lost log line is no reason to stop a job half way: it goes to the worker's own log. */
void lu_log_typed(struct luctx *lu, const char *type, json *message)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	char *text CLEANUP(freep) = json_dump(message);
	json *args = json_pack("{s:i, s:s, s:o}", "op", (int)lu->index, "type", type, "message",
			       message);

	if (wconf_call(lu->wconf, "log", args, LOG_TIMEOUT, NULL, &e) < 0)
		log_warn("Job log entry %s was lost: %s", text, err_msg(&e));
}

__attribute__((format(printf, 3, 0)))
static void feedback(struct luctx *lu, const char *prefix, const char *fmt, va_list ap)
{
	char *text CLEANUP(freep) = xvasprintf(fmt, ap);
	char *line CLEANUP(freep) = xasprintf("%s%s", prefix, text);

	lu_log_typed(lu, "message", json_new_str(line));
}

void lu_log(struct luctx *lu, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	feedback(lu, "", fmt, ap);
	va_end(ap);
}

void lu_info(struct luctx *lu, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	feedback(lu, " - INFO: ", fmt, ap);
	va_end(ap);
}

void lu_warn(struct luctx *lu, const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	feedback(lu, " - WARNING: ", fmt, ap);
	va_end(ap);
	if (hint)
		lu_log(lu, "      Hint: %s", hint);
}

void lu_step(struct luctx *lu, int n, int of, const char *fmt, ...)
{
	char *prefix CLEANUP(freep) = xasprintf("STEP %d/%d ", n, of);
	va_list ap;

	va_start(ap, fmt);
	feedback(lu, prefix, fmt, ap);
	va_end(ap);
}
