/* Shared by the units of clusters. */
#ifndef SRC_LU_CLUSTER_LUS_H
#define SRC_LU_CLUSTER_LUS_H
#include "src/lu/lu.h"

/* --- params_new.c --- */
/* The cluster object as OP would have it, from the present one; in lu->a. NOTES: what to tell the user. */
int cluster_params_new(struct luctx *lu, const struct op_cluster_set_params *op, struct cluster *ret,
		       struct strs *notes, struct err *e);
/* --- report.c: findings of verification --- */
struct finder {
	struct luctx *lu;
	bool simulate, codes, verbose;
	const struct strs *ignore; /* codes that are only warnings */
	bool bad;
};
enum finding_kind { FIND_ERROR, FIND_WARNING };
/* Report when COND holds, or all findings are simulated. ITEM may be NULL. Returns COND. */
bool find_if(struct finder *f, bool cond, enum cv_errcode code, const char *item, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
bool find_kind_if(struct finder *f, bool cond, enum finding_kind kind, enum cv_errcode code, const char *item,
		  const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* [[source, hypervisor, parameters], ...] of cluster, OSes and instances; arena (upstream: _GetAllHypervisorParameters). */
json *verify_all_hvparams(struct luctx *lu);

/* --- verify_group.c, verify_files.c, verify_node.c, verify_inst.c --- */
struct node_image {
	const struct node *n;
	const struct rpc_answer *answer;
	bool rpc_fail, hyp_fail, os_fail;
	struct strs running; /* names of instances */
	json *os;            /* name -> list of the node's entries */
};
struct group_check {
	struct luctx *lu;
	struct finder f;
	const struct nodegroup *group;
	struct node_image *nodes; /* of the group */
	size_t n_nodes;
	struct strs node_uuids, instances; /* of the group; instances by primary node */
	struct strs bridges, scripts;
	struct lu_files files;
	double asked, answered;
	json *disk_status; /* instance uuid -> node name -> [[success, status], ...] */
	int non_redundant, non_balanced, offline_instances, offline_nodes, drained_nodes;
};
struct node_image *verify_image(struct group_check *g, const char *node_uuid);
void verify_certificates(struct group_check *g);
/* NODES/ANSWERS: of the group and of those asked for their files only. */
void verify_files(struct group_check *g, const struct node *const *nodes, const struct rpc_answer *const *answers, size_t n);
void verify_nodes(struct group_check *g);
/* Ask for the state of the disks of the group's instances. */
int verify_ask_disks(struct group_check *g, struct err *e);
int verify_instances(struct group_check *g, struct err *e);
/* --- verify_strays.c: files that are no disk of any instance --- */
json *verify_storage_dirs(const struct group_check *g, bool file, bool shared);
int verify_strays(struct group_check *g, struct err *e);

#endif
