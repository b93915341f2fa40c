/* OP_CLUSTER_CONFIG_QUERY: selected settings, in the order asked for. */
#include "src/lu/lu.h"
#include "src/queue/queue.h"

#include "lib/base/parse.h"

#include <string.h>

static int drained(struct luctx *lu, json **ret, struct err *e)
{
	bool on;

	TRY(queue_flag_get(config_db(lu->config), "drained", &on, e));
	*ret = json_new_bool(on);
	return 0;
}

/* The end of the watcher's pause, or null. */
static json *watcher_pause(struct luctx *lu)
{
	char *text CLEANUP(freep) = NULL;
	double t;
	int64_t i;

	if (fs_read(path_of(PATH_WATCHER_PAUSEFILE), 64, &text, NULL) < 0)
		return NULL;
	if (parse_int(str_strip(lu->a, text), &i) == 0)
		return json_new_int(i);
	return parse_float(str_strip(lu->a, text), &t) == 0 ? json_new_float(t) : NULL;
}

static int one(struct luctx *lu, const char *field, json **ret, struct err *e)
{
	const struct node *master = snap_node(lu->snap, lu->cluster->master_node);

	if (strcmp(field, "cluster_name") == 0)
		*ret = json_new_str(lu->cluster->cluster_name);
	else if (strcmp(field, "master_node") == 0)
		*ret = json_new_str(master ? master->name : NULL);
	else if (strcmp(field, "drain_flag") == 0)
		return drained(lu, ret, e);
	else if (strcmp(field, "watcher_pause") == 0)
		*ret = watcher_pause(lu);
	else if (strcmp(field, "volume_group_name") == 0)
		*ret = json_new_str(lu->cluster->volume_group_name);
	else
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Unknown output fields selected: %s", field);
	return 0;
}

static int exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_cluster_config_query *op = op_;
	json *out = json_own(lu->a, json_new_array()), *v;

	for (size_t i = 0; i < op->output_fields.n; i++) {
		v = NULL;
		TRY(one(lu, op->output_fields.v[i], &v, e));
		json_append(out, v);
	}
	*ret = json_ref(out);
	return 0;
}

const struct lu lu_cluster_config_query = { .exec = exec };
