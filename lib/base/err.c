#include "lib/base/err.h"

#include <string.h>

static void set(struct err *e, const char *cls, const char *code, int errnum, char *msg)
{
	err_clear(e);
	e->cls = cls;
	e->code = code;
	e->errnum = errnum;
	e->msg = msg;
}

int (err_set)(struct err *e, const char *cls, const char *code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	set(e, cls, code, 0, xvasprintf(fmt, ap));
	va_end(ap);
	return -1;
}

int (err_plain)(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	set(e, NULL, NULL, 0, xvasprintf(fmt, ap));
	va_end(ap);
	return -1;
}

int (err_sys)(struct err *e, int errnum, const char *fmt, ...)
{
	va_list ap;
	char *text;

	if (!e)
		return -1;
	if (errnum < 0)
		errnum = -errnum;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	set(e, NULL, NULL, errnum, xasprintf("%s: %s", text, strerror(errnum)));
	free(text);
	return -1;
}

int (err_prefix)(struct err *e, const char *fmt, ...)
{
	va_list ap;
	char *text, *msg;

	if (!e)
		return -1;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	msg = xasprintf("%s: %s", text, err_msg(e));
	free(text);
	free(e->msg);
	e->msg = msg;
	return -1;
}

int (err_move)(struct err *to, struct err *from)
{
	if (to && to != from) {
		err_clear(to);
		*to = *from;
		*from = ERR_NONE;
	} else if (!to) {
		err_clear(from);
	}
	return -1;
}

void err_clear(struct err *e)
{
	if (!e)
		return;
	free(e->msg);
	*e = ERR_NONE;
}

const char *err_msg(const struct err *e)
{
	return e && e->msg ? e->msg : "unknown error";
}

bool err_is(const struct err *e, const char *cls)
{
	return e->msg && e->cls && strcmp(e->cls, cls) == 0;
}
