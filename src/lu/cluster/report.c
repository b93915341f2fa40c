/* Findings of cluster verification as lines of the job log (upstream: _VerifyErrors). */
#include "src/lu/cluster/lus.h"
#include "src/schema/list/lists.h"

__attribute__((format(printf, 5, 0)))
static void report(struct finder *f, enum finding_kind kind, enum cv_errcode code, const char *item,
		   const char *fmt, va_list ap)
{
	const char *name = enum_name(&enum_cv_errcode, code), *type = cv_item_type(code);
	const char *text = arena_vprintf(f->lu->a, fmt, ap);
	const char *level = kind == FIND_WARNING || strs_has(f->ignore, name) ? "WARNING" : "ERROR";

	if (f->codes)
		lu_log(f->lu, "  - %s:%s:%s:%s:%s", level, name, type, item ? item : "None", text);
	else
		lu_log(f->lu, "  - %s: %s %s: %s", level, type, item ? item : "", text);
	if (*level == 'E')
		f->bad = true;
}

bool find_kind_if(struct finder *f, bool cond, enum finding_kind kind, enum cv_errcode code,
		  const char *item, const char *fmt, ...)
{
	va_list ap;

	if (cond || f->simulate) {
		va_start(ap, fmt);
		report(f, kind, code, item, fmt, ap);
		va_end(ap);
	}
	return cond;
}

bool find_if(struct finder *f, bool cond, enum cv_errcode code, const char *item, const char *fmt, ...)
{
	va_list ap;

	if (cond || f->simulate) {
		va_start(ap, fmt);
		report(f, FIND_ERROR, code, item, fmt, ap);
		va_end(ap);
	}
	return cond;
}
