/*
 * query2: fields, filters, results over a config snapshot, the job queue and live node data.
 * Runs in query workers; read only.
 */
#ifndef SRC_QUERY_QUERY_H
#define SRC_QUERY_QUERY_H
#include "src/config/config.h"
#include "src/queue/queue.h"
#include "src/rpc/rpc.h"

enum qkind { QK_UNKNOWN, QK_TEXT, QK_BOOL, QK_NUMBER, QK_FLOAT, QK_UNIT, QK_TIMESTAMP, QK_OTHER };
enum qstatus { QRS_NORMAL, QRS_UNKNOWN, QRS_NODATA, QRS_UNAVAIL, QRS_OFFLINE };

struct query_env {
	struct arena *a;
	struct config *config;
	struct rpc_client *rpc;  /* for live fields */
	const json *locks;       /* locks_dump() of the master, for the lock resource; may be NULL */
	const json *waits;       /* why jobs wait, by id (daemons/masterd/waits.c); may be NULL */
	double now;
};
/* The luxi methods that read: Query, QueryFields, QueryJobs, QueryInstances, QueryNodes, QueryGroups,
 * QueryNetworks, QueryExports, QueryFilters, QueryTags, QueryClusterInfo, QueryConfigValues.
 * ARGS as sent (a list). The result is appended to OUT as JSON text, which has part of it when the query
 * fails. Errors have upstream's class and text. */
int query_luxi(struct query_env *q, enum luxi method, json *args, struct str *out, struct err *e);
/* The same for opcodes OP_QUERY and OP_QUERY_FIELDS, and RAPI's /2/query. */
int query_run(struct query_env *q, const char *what, const struct strs *fields, const json *filter, json **ret, struct err *e);
int query_fields(struct query_env *q, const char *what, const struct strs *fields, json **ret, struct err *e); /* FIELDS NULL = all */

#endif
