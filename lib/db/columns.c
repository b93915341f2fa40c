/* The columns of tables, looked up once: the tables change by db_migrate() only. */
#include "lib/db/priv.h"

#include <string.h>

#include "lib/base/map.h"
#include "lib/base/str.h"

struct db_tables {
	struct map *by_name; /* struct columns, in A */
	struct arena *a;
};

void db_tables_free(struct db_tables *t)
{
	if (!t)
		return;
	map_free(t->by_name, NULL);
	arena_free(t->a);
	free(t);
}

static struct db_tables *tables(struct db *d)
{
	struct db_tables **t = db_tables(d);

	if (!*t) {
		*t = xcalloc(1, sizeof(**t));
		(*t)->by_name = map_new();
		(*t)->a = arena_new();
	}
	return *t;
}

static int look_up(struct db *d, struct arena *a, const char *table, struct columns *ret, struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	struct strs names = { 0 };
	struct str keys CLEANUP(str_free) = { 0 };
	int rc;

	if (db_query(d, &s, e, "SELECT name, pk FROM pragma_table_info(?) ORDER BY cid", "s", table) < 0)
		return -1;
	ret->has_key = false;
	while ((rc = db_step(s, e)) == 1) {
		strs_add(a, &names, arena_strdup(a, db_text(s, 0)));
		str_addc(&keys, (char)db_int(s, 1));
		ret->has_key |= db_int(s, 1) > 0;
	}
	ret->table = arena_strdup(a, table);
	ret->n = names.n;
	ret->names = names.v;
	ret->key = arena_dup(a, str_get(&keys), keys.len);
	return rc;
}

int db_has_column(struct db *d, const char *table, const char *column, struct err *e)
{
	const struct columns *c = db_columns(d, table, e);

	for (size_t i = 0; c && i < c->n; i++)
		if (strcmp(c->names[i], column) == 0)
			return 1;
	return c ? 0 : -1;
}

const struct columns *db_columns(struct db *d, const char *table, struct err *e)
{
	struct db_tables *t = tables(d);
	struct columns *c = map_get(t->by_name, table);

	if (c)
		return c;
	c = ARENA_NEW(t->a, struct columns);
	if (look_up(d, t->a, table, c, e) < 0)
		return NULL;
	map_put(t->by_name, table, c);
	return c;
}

void db_quote(struct str *s, const char *name)
{
	str_addc(s, '"');
	for (; *name; name++) {
		if (*name == '"')
			str_addc(s, '"');
		str_addc(s, *name);
	}
	str_addc(s, '"');
}
