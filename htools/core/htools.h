/*
 * The cluster as the allocation tools see it: plain arrays indexed by small numbers, no I/O, no clock, no
 * randomness. Folder README: layout, invariants and what a move costs.
 *
 * Numbers are upstream's to the bit: integers are 64-bit MiB, ratios are double and computed in the same
 * order, because scores are compared and printed with all their digits.
 */
#ifndef HTOOLS_CORE_HTOOLS_H
#define HTOOLS_CORE_HTOOLS_H
#include "lib/base/map.h"
#include "lib/base/str.h"
#include "src/schema/schema.h"

#define HT_NONE (-1) /* no node, no instance, no spindles */
#define HT_TAG_LOCATION "htools:nlocation:" /* of the cluster: node tags that begin so name failure domains */

/* --- values --- */
struct ht_util { /* dynamic load of an instance, or the sum on a node */
	double cpu, mem, dsk, net;
};
struct ht_spec { /* one end of what a policy allows */
	int64_t mem, cpus, disk, disks, nics, spindles;
};
struct ht_minmax {
	struct ht_spec min, max;
};
struct ht_policy {
	struct ht_minmax *minmax;
	size_t n_minmax;
	struct ht_spec std;
	enum disk_template *templates; /* in the order given */
	size_t n_templates;
	double vcpu_ratio, spindle_ratio;
	double memory_ratio; /* MiB that may be promised for each real one; 1 unless memory is over-committed */
};
extern const struct ht_policy ht_policy_default;
/* Does memory_ratio change anything? (no number does not) */
static inline bool ht_scales_memory(const struct ht_policy *p)
{
	return p->memory_ratio >= 0 && p->memory_ratio < 1e6 && p->memory_ratio != 1;
}

/* A growing list of numbers; the last is upstream's first (both prepend), see ht_list_each(). */
struct ht_list {
	int *v;
	int n, cap;
};
/* Sorted, without duplicates. */
struct ht_set {
	int *v;
	int n, cap;
};
/* How often each key occurs; only keys that do. */
struct ht_counts {
	struct ht_count {
		int64_t key;
		int64_t count;
	} *v;
	int n, cap;
};
/* Memory that must be free when another node fails: by that node, largest first (upstream: PeerMap). */
struct ht_peers {
	struct ht_peer {
		int node;
		int64_t mem;
	} *v;
	int n, cap;
};

/* Run of an instance as it was reported. */
enum ht_status {
	HT_RUNNING, HT_ERROR_DOWN, HT_ADMIN_DOWN, HT_ADMIN_OFFLINE, HT_ERROR_UP, HT_NODE_DOWN,
	HT_NODE_OFFLINE, HT_WRONG_NODE, HT_USER_DOWN,
};
const char *ht_status_name(enum ht_status s);
int ht_status_parse(const char *name); /* -1 when unknown */

/* How the disks of an instance get to another node. */
enum ht_mirror { HT_MIRROR_NONE, HT_MIRROR_INTERNAL /* DRBD */, HT_MIRROR_EXTERNAL };

/* Why an instance does not fit. */
enum ht_fail {
	HT_OK = -1,
	HT_FAIL_MEM, HT_FAIL_DISK, HT_FAIL_CPU, HT_FAIL_N1, HT_FAIL_TAGS, HT_FAIL_MIG, HT_FAIL_DISK_COUNT,
	HT_FAIL_SPINDLES, HT_FAIL_INTERNAL, HT_N_FAIL,
};
const char *ht_fail_name(enum ht_fail f); /* upstream's, "FailMem" */

/* --- groups --- */
struct ht_group {
	const char *name, *uuid;
	enum alloc_policy alloc;
	struct ht_policy policy;
	struct strs tags, networks;
};

/* --- instances --- */
enum { HT_NIC_MAC, HT_NIC_IP, HT_NIC_MODE, HT_NIC_LINK, HT_NIC_BRIDGE, HT_NIC_NETWORK, HT_N_NIC };
struct ht_disk {
	int64_t size, spindles; /* HT_NONE: not known */
};
struct ht_inst {
	const char *name, *alias; /* the alias is without the domain that all names share */
	int64_t mem, dsk, vcpus, spindle_use;
	struct ht_disk *disks;
	size_t n_disks;
	enum ht_status status;
	enum disk_template tmpl;
	bool movable, auto_balance, forthcoming;
	int pri, sec;          /* node, or HT_NONE */
	struct ht_util util;
	int64_t loc_score;     /* failure domains that its two nodes share */
	struct strs tags;
	struct ht_list excl;   /* exclusion tags (ids), in the order of the tags, with repetitions */
	struct ht_set wanted;  /* desired locations (ids) */
	int *pools, n_pools;   /* pool.c: those it is in */
	const struct ht_set *home; /* domains of the node where they count it as primary; NULL: nowhere */
	struct strs networks;  /* UUIDs, of its NICs */
	struct ht_nic {
		const char *v[HT_N_NIC]; /* NULL: not told */
	} *nics;               /* as a request to an allocator tells them */
	size_t n_nics;
};
bool ht_inst_running(const struct ht_inst *i);
static inline bool ht_inst_online(const struct ht_inst *i) { return i->status != HT_ADMIN_OFFLINE; }
/* Does it use memory now, on its primary node? */
static inline bool ht_inst_uses_mem(const struct ht_inst *i)
{
	return !i->forthcoming && (i->status == HT_RUNNING || i->status == HT_ERROR_UP || i->status == HT_WRONG_NODE ||
				   i->status == HT_NODE_DOWN || i->status == HT_NODE_OFFLINE);
}
/* Is memory kept for it on the secondary? */
static inline bool ht_inst_uses_sec_mem(const struct ht_inst *i) { return ht_inst_online(i) && i->auto_balance; }
/* Does it take disk space of its nodes? */
static inline bool ht_inst_local_disk(const struct ht_inst *i)
{
	return i->tmpl == disk_template_drbd || i->tmpl == disk_template_plain;
}
static inline bool ht_inst_has_sec(const struct ht_inst *i) { return i->tmpl == disk_template_drbd; }
enum ht_mirror ht_template_mirror(enum disk_template t);
bool ht_template_movable(enum disk_template t);      /* to a third node without copying by hand */
int64_t ht_inst_spindles(const struct ht_inst *i);   /* of its disks; HT_NONE when not known */
/* Does it keep to POLICY? (upstream: instMatchesPolicy) */
enum ht_fail ht_inst_fits_policy(const struct ht_inst *i, const struct ht_policy *p, bool excl_storage);
/* Make I smaller in what failed (upstream: shrinkByType). 0, or -1 when that is at its minimum. Disks must
 * not be shared with another instance. */
int ht_inst_shrink(struct ht_inst *i, enum ht_fail f);

/* --- nodes --- */
/* Haskell's truncate and floor to Int: what does not fit is the smallest integer. */
static inline int64_t hs_truncate(double v)
{
	return v > -9.2e18 && v < 9.2e18 ? (int64_t)v : INT64_MIN;
}
static inline int64_t hs_floor(double v)
{
	int64_t i = hs_truncate(v);

	return v < (double)i ? i - 1 : i;
}
/* What instances change on a node. Small, so that a candidate move works on copies of two or three of
 * these and leaves the cluster alone. */
struct ht_state {
	int64_t i_mem;              /* memory of instances (recorded) */
	int64_t r_mem;              /* kept for the failure of the worst other node */
	int64_t f_mem_forth;
	int64_t f_dsk, f_dsk_forth; /* free disk */
	int64_t u_cpu, u_cpu_forth; /* virtual processors in use */
	int64_t f_spn, f_spn_forth; /* free spindles (exclusive storage) */
	int64_t loc_score;
	int64_t conflicts;          /* pairs of primaries that should not meet (exclusion tags) */
	int32_t n_pri, n_sec;       /* without forthcoming ones */
	bool fail_n1;
	double p_mem, p_mem_forth, p_dsk, p_dsk_forth, p_rem, p_cpu, p_cpu_forth;
	double used_spn, used_spn_forth; /* spindles in use (without exclusive storage) */
	struct ht_util load, load_forth;
};
struct ht_node {
	struct ht_state s;
	double t_mem, t_dsk, t_cpu, cpu_speed;
	int64_t n_mem, f_mem, x_mem;   /* of the node itself; reported free; not accounted for */
	int64_t n_cpu, t_spn;
	int64_t lo_dsk, hi_cpu;        /* limits from m_dsk and the policy */
	int64_t lo_mem;                /* free memory stays above it; below 0 where memory is over-committed */
	double mem_base;               /* what free memory is a part of */
	double m_dsk, hi_spn;
	const struct ht_policy *policy;
	int group;
	bool offline, master, excl_storage, migrates_free /* no migration restriction of its own */;
	bool kvm;                      /* hypervisor known and KVM */
	bool n_mem_set;                /* n_mem is what the administrator says */
	double rss;                    /* load.mem is measured: pages, times this (--mem-weight); 0: it is not */
	struct ht_list pri, sec;       /* without forthcoming ones */
	struct ht_counts tags;         /* exclusion tags of primaries, with forthcoming ones */
	struct ht_counts pairs;        /* location/exclusion tag pairs (ht_pair()) of primaries */
	struct ht_peers peers;
	struct ht_set mig, rmig, loc;  /* tag ids */
	const struct ht_pools *pools;  /* of the cluster; NULL: no tag says anything of pools */
	struct ht_set *domains;        /* by kind, see pool.c */
	int *nets, n_nets;             /* bandwidth.c: networks it is in (tag ids) */
	struct ht_speed {
		int tag;
		int64_t mbit;
	} *speeds;                     /* to nodes in such networks */
	int n_speeds;
	const char *name, *alias;
	struct strs ntags;
};
/* Is what is reserved on N for I as secondary the same whether it keeps A or B for I's primary already? */
static inline bool ht_same_reserve(const struct ht_node *n, const struct ht_inst *i, int64_t a, int64_t b)
{
	int64_t need = ht_inst_uses_sec_mem(i) ? i->mem : 0;

	return a == b || (a + need <= n->s.r_mem && b + need <= n->s.r_mem);
}
static inline int64_t ht_pair(int loc, int excl) { return (int64_t)loc << 32 | (uint32_t)excl; }

/* --- the cluster --- */
struct ht_cluster {
	struct arena *a;          /* names, tags, policies */
	struct ht_group *groups;
	struct ht_node *nodes;
	struct ht_inst *insts;
	int n_groups, n_nodes, n_insts, cap_insts;
	int base;                 /* number printed for the first node and group (simulation: 1) */
	struct strs tags;
	struct ht_policy policy;
	struct map *names;        /* interned tags: text -> id + 1 */
	struct ht_pools *pools;   /* or NULL */
	struct ht_distance {
		int a, b;         /* groups */
		double cost;
	} *distances;
	int n_distances;
	struct strs bad_tags;     /* what is wrong with tags that are passed over */
	struct ht_journal *journal;
};
struct ht_cluster *ht_cluster_new(void);
void ht_cluster_free(struct ht_cluster *c);
void ht_cluster_freep(struct ht_cluster **c);
int ht_tag_id(struct ht_cluster *c, const char *tag); /* interned */
/* Building, before ht_merge(): zeroed records with upstream's defaults. The pointers are valid until the
 * next call. */
struct ht_group *ht_add_group(struct ht_cluster *c, const char *name, const char *uuid);
struct ht_node *ht_add_node(struct ht_cluster *c, const char *name);
struct ht_inst *ht_add_inst(struct ht_cluster *c, const char *name);
/* Sizes of a node once its fields are set: free and percent values, limits. */
void ht_node_init(struct ht_node *n);
void ht_node_set_policy(struct ht_node *n, const struct ht_policy *p);
void ht_node_set_max_cpu(struct ht_cluster *c, struct ht_node *n, double ratio);
void ht_node_set_min_disk(struct ht_node *n, double ratio);
int ht_find_node(const struct ht_cluster *c, const char *name);  /* exact name or alias; HT_NONE */
int ht_find_inst(const struct ht_cluster *c, const char *name);
int ht_find_group(const struct ht_cluster *c, const char *name); /* name or UUID; -2: several */
/* The canonical name for what a user typed: exact, or a unique prefix up to a dot. Index, or HT_NONE. */
int ht_lookup_node(const struct ht_cluster *c, const char *text);
int ht_lookup_inst(const struct ht_cluster *c, const char *text);

/* Some nodes and instances of the cluster, by ascending index: the unit algorithms work on. */
struct ht_view {
	int *nodes, *insts;
	int n_nodes, n_insts;
	int group; /* HT_NONE: all */
};
void ht_view_all(const struct ht_cluster *c, struct ht_view *ret);
/* One view for each group that has nodes, by index (upstream: splitCluster). malloc'ed, freed by ht_views_free(). */
struct ht_view *ht_views(const struct ht_cluster *c, int *ret_n);
void ht_view_free(struct ht_view *v);
void ht_views_free(struct ht_view *v, int n);

/* --- merge.c: from loaded records to a cluster that can be computed with --- */
struct ht_merge_opts {
	const struct strs *excl_tags;        /* prefixes, complete */
	const struct strs *select, *exclude; /* instances */
	struct strs util_names;              /* dynamic load: names and, in step, values */
	const struct ht_util *util;
	bool ignore_util;                    /* all load is zero (and UTIL is not looked at) */
};
/* Fails with upstream's text. */
int ht_merge(struct ht_cluster *c, const struct ht_merge_opts *o, struct err *e);
/* Which tags of I, which is not in the cluster, mean something in it (lists are the caller's). */
void ht_inst_tags(struct ht_cluster *c, struct ht_inst *i);
/* Memory and N+1 state from the records; warnings about what is missing, in upstream's order, then about tags. */
void ht_update_missing(struct ht_cluster *c, int64_t static_kvm_mem, struct arena *a, struct strs *ret_warnings);
/* Memory is worth FACTOR times as much among the loads (upstream: scaleMemoryWeight). */
void ht_scale_mem_load(struct ht_cluster *c, double factor);
/* "domain" that all names of nodes and instances end with, starting with a dot; "" */
const char *ht_common_suffix(const struct ht_cluster *c, struct arena *a);
/* Primary and secondary in different groups? (those are never moved) */
bool ht_inst_split(const struct ht_cluster *c, const struct ht_inst *i);

/* --- node.c: arithmetic of adding and removing instances ---
 * All on a state S of node N that may differ from N->s; tags and peers are those of N (of the cluster as it
 * is). LOC: the instance's location score as it will be, resp. as it was. `conflicts` is left to the caller,
 * see ht_conflicts_add(). S is unchanged where they fail. */
int64_t ht_free_mem(const struct ht_node *n, const struct ht_state *s);  /* upstream: unallocatedMem */
/* Measured memory as a part of what the node has for instances; load of another kind is taken as it is. */
#define HT_PAGES_PER_MIB 256.0
static inline double ht_mem_load(const struct ht_node *n, double mem)
{
	return n->rss > 0 ? mem / ((n->t_mem - (double)n->n_mem) * HT_PAGES_PER_MIB) : mem;
}
/* Is more in use, as measured, than there is? */
static inline bool ht_mem_exceeded(const struct ht_node *n, double mem)
{
	return n->rss > 0 && ht_mem_load(n, mem) > n->rss;
}
/* More that may be promised. */
static inline int64_t ht_spare_mem(const struct ht_node *n, const struct ht_state *s)
{
	return ht_free_mem(n, s) - n->lo_mem;
}
int64_t ht_avail_mem(const struct ht_node *n, const struct ht_state *s);
int64_t ht_avail_disk(const struct ht_node *n, const struct ht_state *s);
int64_t ht_avail_cpu(const struct ht_node *n, const struct ht_state *s);
enum ht_fail ht_state_add_pri(const struct ht_node *n, struct ht_state *s, const struct ht_inst *i, int64_t loc, bool force);
/* The same from state FROM to TO, which is undefined where they fail. KEPT: memory kept on N for the primary already. */
enum ht_fail ht_try_pri(const struct ht_node *n, const struct ht_state *from, struct ht_state *to, const struct ht_inst *i,
			int64_t loc, bool force);
enum ht_fail ht_try_sec(const struct ht_node *n, const struct ht_state *from, struct ht_state *to, const struct ht_inst *i,
			int64_t kept, bool only_role, bool force);
/* PRI: the node the memory is kept for. ONLY_ROLE: look at no disk space (the data is there already). */
enum ht_fail ht_state_add_sec(const struct ht_node *n, struct ht_state *s, const struct ht_inst *i, int pri, bool only_role, bool force);
void ht_state_del_pri(const struct ht_node *n, struct ht_state *s, const struct ht_inst *i, int64_t loc);
void ht_state_del_sec(const struct ht_node *n, struct ht_state *s, const struct ht_inst *i, int pri);
/* How `conflicts` of N changes when I comes to it, or leaves it. */
int64_t ht_conflicts_add(const struct ht_node *n, const struct ht_inst *i);
int64_t ht_conflicts_del(const struct ht_node *n, const struct ht_inst *i);
/* Locations in common of two nodes (B may be HT_NONE): the location score of a DRBD instance on them. */
int64_t ht_shared_locations(const struct ht_cluster *c, int a, int b);
/* May instances migrate from node A to node B? */
bool ht_may_migrate(const struct ht_node *a, const struct ht_node *b);
enum ht_fail ht_node_health(const struct ht_node *n); /* does it keep to its policy? */

/* --- pool.c: instances that stay apart or together by failure domain --- */
void ht_pools_init(struct ht_cluster *c); /* once tags and nodes are known; before instances have roles */
void ht_pools_free(struct ht_cluster *c);
void ht_pools_clone(struct ht_cluster *to, const struct ht_cluster *c); /* TO has nodes and instances, with their roles */
void ht_pools_of(struct ht_cluster *c, struct ht_inst *i);              /* by its tags */
void ht_pool_count(struct ht_cluster *c, int pool, const struct ht_set *domains, int sign); /* a primary more, or less */
/* Is N no place for I as primary? A place that violates less than where it is now is one. */
bool ht_pools_refuse(const struct ht_node *n, const struct ht_inst *i);
/* How many others it meets, or does not meet, against the rules, where it is. */
int64_t ht_pools_violated(const struct ht_cluster *c, const struct ht_inst *i);
bool ht_pools_shared(const struct ht_inst *a, const struct ht_inst *b);
bool ht_pools_have(const struct ht_cluster *c, bool soft);              /* rules of this sort */
/* Pairs of instances that violate soft rules, at least one of them in V; and what I adds by going from FROM (or HT_NONE) to TO. */
int64_t ht_pools_score(const struct ht_cluster *c, const struct ht_view *v);
int64_t ht_pools_gain(const struct ht_cluster *c, const struct ht_inst *i, int from, int to);
struct ht_pool_why {
	const char *tag, *kind;
	bool together;
	int64_t n; /* others; 0: nothing is violated */
};
struct ht_pool_why ht_pools_why(const struct ht_node *n, const struct ht_inst *i); /* the first pool that N is no place for */

/* Add to BY_GROUP how many others I (number INDEX, or HT_NONE) is to be together with are in each group; once for each rule. */
void ht_pools_together(const struct ht_cluster *c, const struct ht_inst *i, int index, double *by_group);

/* --- distance.c --- */
void ht_distances_init(struct ht_cluster *c); /* once groups and tags are known */
/* How far each group is from where instance I (number INDEX, or HT_NONE) is and from those it is to be together with: the
 * sum of the distances. */
void ht_distances(const struct ht_cluster *c, const struct ht_inst *i, int index, double *ret);

/* --- bandwidth.c --- */
void ht_bandwidth_tags(struct ht_cluster *c); /* once all tags are known */
int64_t ht_bandwidth(const struct ht_node *from, const struct ht_node *to); /* Mbit/s: 100 where no tag tells */

/* --- why.c --- */
/* What was tried and failed: NODE in state S as primary or secondary, or migrating from FROM to it. */
struct ht_refusal {
	enum ht_role { HT_ROLE_PRI, HT_ROLE_SEC, HT_ROLE_MIGRATES } role;
	int node, from;
	struct ht_state s;
	int64_t kept;
	bool force, only_role;
};
struct ht_why {
	const char *limit; /* "memory", "n+1", "vcpu-ratio", "exclusion-tag"... */
	int node;          /* whose */
	char text[200];
};
/* The first limit that stands in the way. */
enum ht_fail ht_why(const struct ht_cluster *c, const struct ht_inst *i, const struct ht_refusal *r, struct ht_why *ret);

/* --- cluster.c: changes that stay, with a way back --- */
/* Put state S of node N in place, and the role of instance I in its lists. */
void ht_link_pri(struct ht_cluster *c, int node, int inst);
void ht_link_sec(struct ht_cluster *c, int node, int inst, int pri);
void ht_unlink_pri(struct ht_cluster *c, int node, int inst);
void ht_unlink_sec(struct ht_cluster *c, int node, int inst, int pri);
/* A new instance (copied; disks shared) without nodes; its index. */
int ht_new_inst(struct ht_cluster *c, const struct ht_inst *i, const char *name);
/* Everything after ht_mark() is undone by ht_rollback(), in any depth. ht_commit() keeps it; the outermost
 * one forgets. Nodes and instances are saved when the algorithms change them: call ht_touch_*() first. */
size_t ht_mark(struct ht_cluster *c);
void ht_rollback(struct ht_cluster *c, size_t mark);
void ht_commit(struct ht_cluster *c, size_t mark);
void ht_touch_node(struct ht_cluster *c, int node);
void ht_touch_inst(struct ht_cluster *c, int inst);
/* A copy with a life of its own (it shares nothing). */
struct ht_cluster *ht_cluster_clone(const struct ht_cluster *c);

/* --- metrics.c: the score --- */
/* Columns with a standard deviation over the online nodes. */
enum ht_col {
	HT_C_MEM, HT_C_DSK, HT_C_RES, HT_C_CPU, HT_C_LCPU, HT_C_LMEM, HT_C_LDSK, HT_C_LNET, HT_C_SPN,
	HT_C_MEM_F, HT_C_DSK_F, HT_C_CPU_F, HT_C_SPN_F, HT_N_COL,
};
/* All parts of the score, in upstream's order. */
enum ht_part {
	HT_P_MEM, HT_P_DSK, HT_P_N1, HT_P_RES, HT_P_OFF_ALL, HT_P_OFF_PRI, HT_P_CPU, HT_P_LCPU, HT_P_LMEM,
	HT_P_LDSK, HT_P_LNET, HT_P_TAGS, HT_P_SPN, HT_P_MEM_F, HT_P_DSK_F, HT_P_CPU_F, HT_P_SPN_F,
	HT_P_LOC, HT_P_LOC_EXCL, HT_P_RES_TOTAL, HT_P_POOLS /* ours: last, 0 without tags */, HT_N_PART,
};
struct ht_part_row {
	const char *name;
	double weight;
	int col; /* enum ht_col, or -1: a sum */
};
extern const struct ht_part_row ht_parts[HT_N_PART];
void ht_columns(const struct ht_node *n, const struct ht_state *s, double ret[HT_N_COL]);
/* What a node in state S adds to the parts that are sums; SIGN -1 takes it away. */
void ht_add_sums(const struct ht_node *n, const struct ht_state *s, double *sums, double sign);
/* The parts over the nodes of V, and their weighted sum (upstream: compDetailedCV, compCV). Returns how many
 * nodes are online: without any there are no parts, and the score is 0. */
int ht_score_parts(const struct ht_cluster *c, const struct ht_view *v, double ret[HT_N_PART]);
double ht_score(const struct ht_cluster *c, const struct ht_view *v);
double ht_score_of(const double parts[HT_N_PART]);
/* What the score cannot fall below because memory is kept for failures (upstream: optimalCVScore). */
double ht_score_optimum(const struct ht_cluster *c, const struct ht_view *v);
/* Statistics that are updated by one node's change, with upstream's rounding (upstream: updateStatistics);
 * what allocation on pairs of nodes is scored with. */
struct ht_stats {
	double n, sum[HT_N_COL], var[HT_N_COL];
	double sums[HT_N_PART]; /* of parts that are sums */
};
void ht_stats_init(struct ht_stats *st, const struct ht_cluster *c, const struct ht_view *v);
void ht_stats_update(struct ht_stats *st, const struct ht_node *n, const struct ht_state *from, const struct ht_state *to);
double ht_stats_score(const struct ht_stats *st);
/* The same score as after another ht_stats_update() and with LOC more location score, without changing ST: costs
 * only the columns that differ. ROOTS: the deviations of ST. */
void ht_stats_roots(const struct ht_stats *st, double ret[HT_N_COL]);
double ht_stats_score_with(const struct ht_stats *st, const double roots[HT_N_COL], const struct ht_node *n,
			   const struct ht_state *from, const struct ht_state *to, double loc);
/* How HT_P_LOC_EXCL grows when I becomes a primary of NODE. */
int64_t ht_pairs_gain(const struct ht_cluster *c, const struct ht_view *v, int node, const struct ht_inst *i);

/* --- totals.c --- */
struct ht_totals { /* upstream: CStats */
	int64_t f_mem, f_dsk, f_spn, a_mem, a_dsk, a_cpu, m_mem, m_dsk, m_cpu, i_mem, i_dsk, i_spn, i_cpu;
	double t_mem, t_dsk, t_spn, t_cpu;
	int64_t v_cpu;
	double n_cpu;
	int64_t x_mem, n_mem;
	double score;
	int64_t n_inst;
};
void ht_totals(const struct ht_cluster *c, const struct ht_view *v, struct ht_totals *ret);
/* Online nodes that fail N+1, and how many instances are on them (upstream: computeBadItems). Both may be
 * NULL; the list is the caller's to free. */
void ht_bad_items(const struct ht_cluster *c, const struct ht_view *v, struct ht_list *ret_nodes, int *ret_n_insts);

/* --- print.c: tables and texts as upstream's tools print them --- */
/* FIELDS empty: the usual ones; a first "+" adds to these. */
void ht_print_nodes(struct str *out, const struct ht_cluster *c, const struct ht_view *v, const struct strs *fields);
void ht_print_insts(struct str *out, const struct ht_cluster *c, const struct ht_view *v);
void ht_print_parts(struct str *out, const char *indent, const struct ht_cluster *c, const struct ht_view *v);
/* Haskell's show: */
const char *ht_template_show(enum disk_template t);
void ht_print_policy(struct str *out, const struct ht_policy *p);
void ht_print_group(struct str *out, const struct ht_cluster *c, int group);
/* Rows of cells, N columns each; the first row is the header (upstream: printTable). */
void ht_print_table(struct str *out, const char *indent, const struct strs *cells, size_t n, const bool *numeric);

/* --- text.c: numbers and lists as Haskell prints and reads them --- */
/* printf("%.*f"): rounds the shortest decimal form, half to even; NaN, Infinity. PREC < 0: all digits. */
void hs_fixed(struct str *out, double v, int prec);
void hs_fixed_w(struct str *out, double v, int width, int prec); /* padded on the left */
void hs_general(struct str *out, double v, int prec);            /* printf("%.*g") */
void hs_show_double(struct str *out, double v);                  /* show: 4.0, 1.0e-2 */
void hs_show_str(struct str *out, const char *s);                /* show: quotes and escapes */
void hs_show_strs(struct str *out, const struct strs *l);        /* ["a","b"] */
/* `reads`: the value and where it ended. False: no parse. */
bool hs_reads_int(const char *s, int64_t *ret, const char **ret_rest);
bool hs_reads_double(const char *s, double *ret, const char **ret_rest);
bool hs_reads_bool(const char *s, bool *ret, const char **ret_rest);
/* tryRead: all of S, or upstream's message beginning with WHAT. */
int hs_read_int(const char *what, const char *s, int64_t *ret, struct err *e);
int hs_read_double(const char *what, const char *s, double *ret, struct err *e);
int hs_read_bool(const char *what, const char *s, bool *ret, struct err *e);
/* sepSplit: "" gives no part, unlike strs_split(). */
struct strs hs_split(struct arena *a, const char *s, char sep);
/* "10g" to MiB (upstream: parseUnit, which rounds down). */
int hs_parse_unit(const char *s, int64_t *ret, struct err *e);
/* KEY=value line for shells, quoted where needed (upstream: printKeys). */
void ht_print_key(struct str *out, const char *prefix, const char *key, const char *value);

/* --- list.c: the containers above --- */
void ht_list_push(struct ht_list *l, int v);
bool ht_list_del(struct ht_list *l, int v); /* the first in upstream's order */
void ht_list_copy(struct ht_list *to, const struct ht_list *from);
void ht_set_add(struct ht_set *s, int v);
int ht_set_common(const struct ht_set *a, const struct ht_set *b); /* how many are in both */
bool ht_set_within(const struct ht_set *a, const struct ht_set *b);
int64_t ht_counts_get(const struct ht_counts *c, int64_t key);
void ht_counts_add(struct ht_counts *c, int64_t key);
void ht_counts_del(struct ht_counts *c, int64_t key);
int64_t ht_peers_get(const struct ht_peers *p, int node);
void ht_peers_set(struct ht_peers *p, int node, int64_t mem);
void ht_peers_del(struct ht_peers *p, int node);
/* Walk a list in upstream's order: the newest first. */
#define ht_list_each(l, x) \
	for (int ht_i_ = (l)->n - 1, x; ht_i_ >= 0 && (x = (l)->v[ht_i_], true); ht_i_--)

#endif
