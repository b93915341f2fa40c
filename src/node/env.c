/* Environments and look-up of the programs that handlers run. */
#include "src/node/priv.h"

#include <string.h>
#include <sys/stat.h>

void env_add(struct env_list *l, const char *key, const char *fmt, ...)
{
	va_list ap;
	char *value;

	va_start(ap, fmt);
	value = arena_vprintf(l->a, fmt, ap);
	va_end(ap);
	if (l->n + 2 > l->cap) {
		const char **v = ARENA_ARRAY(l->a, const char *, (l->cap + 8) * 2);

		for (size_t i = 0; i < l->n; i++)
			v[i] = l->v[i];
		l->v = v;
		l->cap = (l->cap + 8) * 2;
	}
	l->v[l->n++] = arena_printf(l->a, "%s=%s", key, value);
	l->v[l->n] = NULL;
}

struct env_list env_clean(struct arena *a)
{
	struct env_list l = { .a = a };

	for (const char *const *v = env_of_programs(a); *v; v++) {
		size_t n = strcspn(*v, "=");

		env_add(&l, arena_strndup(a, *v, n), "%s", *v + n + 1);
	}
	return l;
}

const char *run_output(struct arena *a, const struct run_result *r)
{
	return arena_printf(a, "%s%s", r->out, r->err);
}

const char *find_plugin(struct arena *a, const char *dirs, const char *name, mode_t type)
{
	struct strs l = strs_split(a, dirs, ':');
	struct stat st;

	if (!is_plugin_name(name))
		return NULL;
	for (size_t i = 0; i < l.n; i++) {
		const char *path = arena_printf(a, "%s/%s", l.v[i], name);

		if (stat(path, &st) == 0 && (st.st_mode & S_IFMT) == type)
			return path;
	}
	return NULL;
}
