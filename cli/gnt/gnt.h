/* What the rows of this folder point at. Each returns the exit code, or -1 with E set. */
#ifndef CLI_GNT_GNT_H
#define CLI_GNT_GNT_H
#include "cli/common/common.h"

/* --- cluster.c, cluster_init.c, cluster_info.c --- */
int cmd_cluster_init(struct cli *c, struct err *e);
int cmd_cluster_destroy(struct cli *c, struct err *e);
int cmd_cluster_info(struct cli *c, struct err *e);
int cmd_cluster_version(struct cli *c, struct err *e);
int cmd_cluster_getmaster(struct cli *c, struct err *e);
int cmd_cluster_master_ping(struct cli *c, struct err *e);
int cmd_cluster_verify(struct cli *c, struct err *e);
int cmd_cluster_modify(struct cli *c, struct err *e);
int cmd_cluster_queue(struct cli *c, struct err *e);
int cmd_cluster_redist_conf(struct cli *c, struct err *e);
int cmd_cluster_search_tags(struct cli *c, struct err *e);

/* --- node.c --- */
int cmd_node_add(struct cli *c, struct err *e);
int cmd_node_info(struct cli *c, struct err *e);
int cmd_node_modify(struct cli *c, struct err *e);

/* --- instance.c, instance_modify.c, instance_info.c --- */
int cmd_instance_add(struct cli *c, struct err *e);
int cmd_instance_migrate(struct cli *c, struct err *e);
int cmd_instance_failover(struct cli *c, struct err *e);
int cmd_instance_reinstall(struct cli *c, struct err *e);
int cmd_instance_remove(struct cli *c, struct err *e);
int cmd_instance_rename(struct cli *c, struct err *e);
int cmd_instance_modify(struct cli *c, struct err *e);
int cmd_instance_console(struct cli *c, struct err *e);
int cmd_instance_info(struct cli *c, struct err *e);
/* "Modified instance X" and what the opcode says it changed. */
void print_changes(struct cli *c, const char *what, const json *changes);

/* --- job.c --- */
int cmd_job_list(struct cli *c, struct err *e);
int cmd_job_info(struct cli *c, struct err *e);
int cmd_job_watch(struct cli *c, struct err *e);
int cmd_job_wait(struct cli *c, struct err *e);
int cmd_job_cancel(struct cli *c, struct err *e);
int cmd_job_change_priority(struct cli *c, struct err *e);
int cmd_job_archive(struct cli *c, struct err *e);
int cmd_job_autoarchive(struct cli *c, struct err *e);
const char *job_format(struct arena *a, const char *field, const json *v);

/* --- os.c --- */
int cmd_os_list(struct cli *c, struct err *e);
int cmd_os_diagnose(struct cli *c, struct err *e);
int cmd_os_info(struct cli *c, struct err *e);

/* --- misc.c --- */
int cmd_debug_delay(struct cli *c, struct err *e);
int cmd_debug_submit_job(struct cli *c, struct err *e);
int cmd_debug_locks(struct cli *c, struct err *e);
int cmd_backup_list(struct cli *c, struct err *e);
const char *lock_format(struct arena *a, const char *field, const json *v);
const char *group_format(struct arena *a, const char *field, const json *v);
const char *network_format(struct arena *a, const char *field, const json *v);

#endif
