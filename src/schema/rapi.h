/* The REST resources as a table (rows in rapi.def). */
#ifndef SRC_SCHEMA_RAPI_H
#define SRC_SCHEMA_RAPI_H
#include "src/schema/schema.h"

/* What rows cannot say; each is a function of the REST daemon. */
enum rapi_special {
	RAPI_plain, /* rows say everything */
	RAPI_null, RAPI_version, RAPI_features, RAPI_info, RAPI_os, RAPI_role_get, RAPI_role_put,
	RAPI_instance_create, RAPI_instance_modify, RAPI_reinstall, RAPI_replace_disks,
	RAPI_node_migrate, RAPI_storage_modify, RAPI_console, RAPI_multi_alloc, RAPI_query, RAPI_query_fields, RAPI_job_cancel, RAPI_job, RAPI_jobs,
	RAPI_job_wait, RAPI_filter_replace, RAPI_filter_delete,
};

struct rapi_row {
	const char *method, *path;
	const char *access;    /* user options that admit, comma separated; NULL = everybody */
	int op;                /* enum opcode, -1 = none */
	enum rapi_special special;
	const char *query, *need, *item, *rename, *fixed, *forbidden, *alias, *tags, *list;
	bool no_body;          /* a body is not looked at */
	const char *reason;    /* last part of the reason trail's source */
	const char *doc;
};
const struct rapi_row *rapi_rows(size_t *ret_n);

struct rapi_fields {
	const char *resource, *key;
	const char *bulk, *one; /* names separated by spaces */
};
const struct rapi_fields *rapi_fields(const char *resource);
const char *const *rapi_features(void); /* NULL-terminated */

#endif
