/* What the rows of this folder point at. Each returns the exit code, or -1 with E set. */
#ifndef CLI_GNT_GNT_H
#define CLI_GNT_GNT_H
#include "cli/common/common.h"

/* --- cluster.c, cluster_init.c, cluster_info.c, cluster_tools.c, epo.c --- */
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
int cmd_cluster_rename(struct cli *c, struct err *e);
int cmd_cluster_master_failover(struct cli *c, struct err *e);
int cmd_cluster_verify_disks(struct cli *c, struct err *e);
int cmd_cluster_watcher(struct cli *c, struct err *e);
int cmd_cluster_renew_crypto(struct cli *c, struct err *e);
int cmd_cluster_upgrade(struct cli *c, struct err *e);
int cmd_cluster_show_ispecs_cmd(struct cli *c, struct err *e);
int cmd_cluster_epo(struct cli *c, struct err *e);
/* Options of dicts by name, and of states, to what opcodes take. */
int coerce_states(struct cli *c, struct err *e);
int coerce_diskparams(struct cli *c, struct err *e);
/* --hypervisor-parameters hypervisor:key=value,... */
int coerce_hvparams(struct cli *c, struct err *e);

/* --- node.c, node_moves.c, node_oob.c, node_storage.c --- */
int cmd_node_add(struct cli *c, struct err *e);
int cmd_node_info(struct cli *c, struct err *e);
int cmd_node_modify(struct cli *c, struct err *e);
int cmd_node_powercycle(struct cli *c, struct err *e);
int cmd_node_restricted_command(struct cli *c, struct err *e);
int cmd_node_evacuate(struct cli *c, struct err *e);
int cmd_node_migrate(struct cli *c, struct err *e);
int cmd_node_failover(struct cli *c, struct err *e);
int cmd_node_power(struct cli *c, struct err *e);
int cmd_node_health(struct cli *c, struct err *e);
int cmd_node_volumes(struct cli *c, struct err *e);
int cmd_node_list_storage(struct cli *c, struct err *e);
int cmd_node_modify_storage(struct cli *c, struct err *e);
int cmd_node_repair_storage(struct cli *c, struct err *e);
int cmd_node_list_drbd(struct cli *c, struct err *e);

/* --- instance.c, instance_disks.c, instance_modify.c, instance_info.c --- */
int cmd_instance_add(struct cli *c, struct err *e);
int cmd_instance_migrate(struct cli *c, struct err *e);
int cmd_instance_failover(struct cli *c, struct err *e);
int cmd_instance_reinstall(struct cli *c, struct err *e);
int cmd_instance_remove(struct cli *c, struct err *e);
int cmd_instance_rename(struct cli *c, struct err *e);
int cmd_instance_modify(struct cli *c, struct err *e);
int cmd_instance_console(struct cli *c, struct err *e);
int cmd_instance_info(struct cli *c, struct err *e);
int cmd_instance_batch_create(struct cli *c, struct err *e);
int cmd_instance_replace_disks(struct cli *c, struct err *e);
int cmd_instance_grow_disk(struct cli *c, struct err *e);
int cmd_instance_recreate_disks(struct cli *c, struct err *e);
int cmd_instance_activate_disks(struct cli *c, struct err *e);
int cmd_backup_import(struct cli *c, struct err *e);
/* --migration-mode and --non-live become one option, mode. */
int migration_mode(struct cli *c, struct err *e);
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
int cmd_os_modify(struct cli *c, struct err *e);

/* --- group.c --- */
int cmd_group_add(struct cli *c, struct err *e);
int cmd_group_info(struct cli *c, struct err *e);
int cmd_group_modify(struct cli *c, struct err *e);
int cmd_group_show_ispecs_cmd(struct cli *c, struct err *e);
const char *group_format(struct arena *a, const char *field, const json *v);
/* " --ipolicy-bounds-specs min:.../max:..." and, of a cluster, " --ipolicy-std-specs ..." */
const char *ispecs_options(struct cli *c, const json *policy, bool cluster);

/* --- network.c --- */
int cmd_network_add(struct cli *c, struct err *e);
int cmd_network_connect(struct cli *c, struct err *e);
int cmd_network_disconnect(struct cli *c, struct err *e);
int cmd_network_info(struct cli *c, struct err *e);
int cmd_network_modify(struct cli *c, struct err *e);
const char *network_format(struct arena *a, const char *field, const json *v);

/* --- filter.c --- */
int cmd_filter_replace(struct cli *c, struct err *e);
int cmd_filter_info(struct cli *c, struct err *e);
int cmd_filter_delete(struct cli *c, struct err *e);

/* --- storage.c --- */
int cmd_storage_diagnose(struct cli *c, struct err *e);
int cmd_storage_info(struct cli *c, struct err *e);

/* --- backup.c --- */
int cmd_backup_list(struct cli *c, struct err *e);

/* --- debug.c, testqueue.c --- */
int cmd_debug_delay(struct cli *c, struct err *e);
int cmd_debug_submit_job(struct cli *c, struct err *e);
int cmd_debug_locks(struct cli *c, struct err *e);
int cmd_debug_iallocator(struct cli *c, struct err *e);
int cmd_debug_test_jobqueue(struct cli *c, struct err *e);
int cmd_debug_wconfd(struct cli *c, struct err *e);
int cmd_debug_metad(struct cli *c, struct err *e);
const char *lock_format(struct arena *a, const char *field, const json *v);

#endif
