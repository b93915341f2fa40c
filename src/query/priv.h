/* Shared inside src/query: field rows, resources, the context of one query. */
#ifndef SRC_QUERY_PRIV_H
#define SRC_QUERY_PRIV_H
#include "lib/base/map.h"
#include "src/query/query.h"

#include <string.h>

struct qctx;
struct qfield;

/* What a field needs besides the object: an answer of its node, and in it or besides ... */
enum { QN_LIVE = 1, QN_CONSOLE = 2, QN_STORAGE = 4, QN_HV = 8, QN_OPS = 16 /* a job's opcodes */ };

/* Value of a field of OBJ (a new reference in RET, left alone unless QRS_NORMAL). */
typedef enum qstatus (*qgetter)(struct qctx *c, const void *obj, const struct qfield *f, json **ret);

struct qfield {
	const char *name, *title;
	enum qkind kind;
	qgetter get;
	int need;
	bool hostname;         /* "=" also matches the name without its domain */
	bool timestamp;        /* [s, us]; filters compare the seconds */
	const char *key;       /* for getters that serve several fields */
	size_t index;          /* of a family member */
	const char *doc;
};

/* Rows under construction: families and parameters add many. */
struct qrows {
	struct qfield *v;
	size_t n, cap;
};
void qrows_add(struct qrows *r, const struct qfield *f);
void qrows_family(struct qrows *r, const char *name, const char *title, size_t count,
		  const struct qfield *proto);
/* One field "<prefix><param>" for each row of a record, unless there is one of that name. */
void qrows_params(struct qrows *r, const char *prefix, const struct record *rec, qgetter get);

struct qresource {
	const char *name;
	const char *key;                /* the field names are matched against */
	bool op_only;                   /* upstream answers it to opcodes only, not on the socket */
	const struct record *(*record)(void); /* of the objects; NULL = none */
	void (*rows)(struct qrows *r);
	/* All objects, or those called NAMES (unknown ones fail as upstream) when given; in order. */
	int (*collect)(struct qctx *c, const struct strs *names, const void ***ret, size_t *ret_n,
		       struct err *e);
	/* Where there may be a million: call FN with one after the other, each gone when it returns, instead. NEED: of
	 * the fields and the filter. May be NULL. */
	int (*each)(struct qctx *c, int need, int (*fn)(const void *obj, void *arg, struct err *e), void *arg,
		    struct err *e);
	/* Fetch what NEED says for these objects (may be NULL). */
	int (*fetch)(struct qctx *c, const void *const *v, size_t n, int need, struct err *e);
};
extern const struct qresource qres_instance, qres_node, qres_group, qres_network, qres_job,
	qres_lock, qres_filter, qres_export, qres_os, qres_extstorage, qres_cluster;
const struct qresource *qresource_find(const char *name);
/* Field rows of a resource, in natural order of names. */
const struct qfield *qresource_fields(const struct qresource *r, size_t *ret_n);
const struct qfield *qresource_field(const struct qresource *r, const char *name);

struct qctx {
	struct query_env *q;
	struct arena *a;
	struct snapshot *s;
	const struct qresource *res;
	struct map *live;      /* node UUID -> struct rpc_answer of the live call */
	struct map *running;   /* instance name -> where it runs */
	struct map *console;   /* instance name -> json */
	struct beparams be;    /* backend parameters of an instance without own ones */
	bool has_be;
	bool many;             /* nodes: so many that what belongs to them is counted in one pass */
	bool polls;            /* calls to nodes tell us now and then that they go on */
	bool archived;         /* jobs: the archived ones too, for they can be told apart */
};

/* --- common.c --- */
enum qstatus own_field(struct qctx *c, const void *obj, const struct qfield *f, json **ret);
enum qstatus q_str(const char *s, json **ret);  /* QRS_UNAVAIL for NULL */
const char *q_node_name(struct qctx *c, const char *uuid);
const char *q_group_name(struct qctx *c, const char *uuid);
json *q_names(struct qctx *c, enum obj_kind k, const struct strs *uuids); /* list of names */
struct rpc_node q_rpc_node(const struct node *n);
/* Objects of a kind by uuid, all or by name. */
int q_collect(struct qctx *c, enum obj_kind k, const struct strs *names, const void ***ret,
	      size_t *ret_n, struct err *e);

/* --- plugins.c, os.c: things on the nodes' disks --- */
enum qstatus plugin_field(struct qctx *c, const void *obj, const struct qfield *f, json **ret); /* .key of JSON */
/* Ask all nodes that can have instances; their UUIDs in the order of the answers. */
int q_plugins(struct qctx *c, enum rpc rpc, struct strs *ret_uuids, struct rpc_answer **ret,
	      struct err *e);
/* Those called NAMES, sorted. */
void q_plugins_named(struct qctx *c, const struct map *all, const struct strs *names,
		     const void ***ret, size_t *ret_n);
json *q_common(const json *x, const json *y); /* what is in both lists */

/* --- filter.c: the filter language --- */
struct qfilter;
/* NULL filter matches all. Errors: ParameterError texts as upstream. */
int qfilter_compile(struct arena *a, const struct qresource *r, const json *j,
		    struct qfilter **ret, struct err *e);
/* Names the filter limits the key field to; false when it does not only do that. */
bool qfilter_names(const struct qfilter *f, struct arena *a, struct strs *ret);
int qfilter_needs(const struct qfilter *f);
/* 1 = matches, 0, -1 */
int qfilter_match(const struct qfilter *f, struct qctx *c, const void *obj, struct err *e);

#define QROW(nm, ttl, knd, gt, ...)                                                         \
	qrows_add(r, &(const struct qfield){ .name = nm, .title = ttl, .kind = knd, .get = gt, \
					     __VA_ARGS__ });
#define QROWS(nm, ttl, cnt, knd, gt, ...)                                                  \
	qrows_family(r, nm, ttl, cnt,                                                      \
		     &(const struct qfield){ .kind = knd, .get = gt, __VA_ARGS__ });

#endif
