/* What the tools compute: moves, balancing, allocation, evacuation, capacity. Pure. */
#ifndef HTOOLS_ALGO_ALGO_H
#define HTOOLS_ALGO_ALGO_H
#include "htools/core/htools.h"

struct ht_watch;
struct ht_algo_opts {
	bool disk_moves, inst_moves;   /* kinds of moves that are allowed */
	bool restricted_migration, ignore_soft_errors, evac_mode;
	double min_gain, min_gain_limit;
	double avoid_long_solutions;   /* see ht_pace_allows(); 0: off */
	int64_t long_solution_threshold; /* seconds */
	double avoid_disk_moves;       /* moves that copy disks must gain so many times more than others; 0: off */
	int64_t gains_max;             /* how many bounds of gains are kept; 0: as usual (tests) */
	bool capacity;                 /* look at global N+1 redundancy */
	bool accept_existing;
	struct ht_set ignore_groups;   /* ... but not in these */
	const struct strs *restrict_to; /* NULL: all nodes */
	const struct ht_watch *watch;  /* told about instances that leave their nodes; or NULL */
};
extern const struct ht_algo_opts ht_algo_defaults;

/* --- moves.c --- */
enum ht_move_kind {
	HT_FAILOVER,        /* f */
	HT_FAILOVER_TO,     /* fa:node, shared storage */
	HT_REPLACE_PRI,     /* f r:node f */
	HT_REPLACE_SEC,     /* r:node */
	HT_REPLACE_FAILOVER,/* r:node f */
	HT_FAILOVER_REPLACE,/* f r:node */
};
struct ht_move {
	enum ht_move_kind kind;
	int node; /* HT_NONE for HT_FAILOVER */
};
/* What a move makes of the nodes it touches. */
struct ht_outcome {
	int n;
	int node[3];
	struct ht_state s[3];
	int pri, sec;      /* of the instance, afterwards */
	int64_t loc_score;
};
/* The same; where it fails REFUSED says what was tried. */
enum ht_fail ht_move_why(const struct ht_cluster *c, const struct ht_inst *i, struct ht_move m, bool force, struct ht_refusal *refused,
			 struct ht_outcome *ret);
enum ht_fail ht_move_try(const struct ht_cluster *c, const struct ht_inst *i, struct ht_move m, bool force, struct ht_outcome *ret);
/* The same, and do it (journalled). Unchanged where it fails. */
enum ht_fail ht_move_do(struct ht_cluster *c, int inst, struct ht_move m, bool force);
/* Put what ht_move_try() found in place. */
void ht_move_apply(struct ht_cluster *c, int inst, const struct ht_outcome *o);

/* --- pace.c --- */
/* How long a move takes, in seconds, by the bandwidth between its nodes. */
double ht_move_seconds(const struct ht_cluster *c, const struct ht_inst *i, struct ht_move m);
/* A solution may take THRESHOLD seconds; if it takes N times as long, it must bring the score FACTOR * N times nearer to its
 * optimum than it was at the START (distances from OPTIMUM). */
struct ht_pace {
	bool on;
	double threshold, factor, start, optimum;
	double elapsed; /* by the moves that were chosen */
};
void ht_pace_start(struct ht_pace *p, const struct ht_algo_opts *o, double score, double optimum);
/* May a move that takes SECONDS come next, if SCORE is what it leads to? A smaller score may whatever a larger one may. */
bool ht_pace_allows(const struct ht_pace *p, double score, double seconds);

/* --- balance.c (hbal) --- */
struct ht_placement {
	int inst, pri, sec;      /* afterwards */
	int old_pri, old_sec;
	struct ht_move move;
	double score;            /* afterwards */
	double seconds;          /* that it takes (estimated) */
};
struct ht_balancer;
/* Works on C within V, which must outlive it. */
struct ht_balancer *ht_balancer_new(struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o);
void ht_balancer_free(struct ht_balancer *b);
double ht_balancer_score(const struct ht_balancer *b);
const struct ht_pace *ht_balancer_pace(const struct ht_balancer *b);
/* The best next move, applied. False: none is good enough (upstream: tryBalance). */
bool ht_balancer_step(struct ht_balancer *b, struct ht_placement *ret);
/* Candidates scored so far, exactly and by bound: for benchmarks and tests. */
struct ht_balance_counts {
	uint64_t bounded, exact, full;
};
struct ht_balance_counts ht_balancer_counts(const struct ht_balancer *b);
/* The same answer without any shortcut: for tests. PACE: where it has got to; it goes on. */
bool ht_balance_brute(struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o, struct ht_pace *pace,
		      struct ht_placement *ret);
/* Go on? (upstream: doNextBalance) MAX < 0: no limit. */
static inline bool ht_balance_more(double score, int done, int max, double min_score)
{
	return (max < 0 || done < max) && score > min_score;
}

/* --- explain.c --- */
struct ht_candidate {
	struct ht_move move;
	enum ht_fail fail;   /* HT_OK: possible */
	struct ht_why why;
	double score;        /* afterwards, where possible */
	double seconds;
};
/* All moves of INST within V as it is, in upstream's order; malloc'ed. */
int ht_candidates(const struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o, int inst, struct ht_candidate **ret);
/* "f r:node1", as in a solution */
void ht_move_text(struct str *out, const struct ht_cluster *c, struct ht_move m);

/* --- jobs.c: moves as texts and opcodes --- */
/* "  1. inst pri:sec => pri:sec score a=f r:node" without newline. */
void ht_solution_line(struct str *out, const struct ht_cluster *c, const struct ht_placement *p, int pos, int inst_width, int node_width);
/* Sets of moves that share no node: RET_SET[i] is the number of the set of move i (upstream: splitJobs). */
void ht_split_jobs(const struct ht_cluster *c, const struct ht_placement *p, int n, int *ret_set, int *ret_n_sets);
/* The shell lines of all sets (upstream: formatCmds). */
void ht_format_jobs(struct str *out, const struct ht_cluster *c, const struct ht_placement *p, int n, const int *set, int n_sets,
		    bool full_names);
/* The opcodes of one move, as a list. */
json *ht_move_opcodes(const struct ht_cluster *c, int inst, struct ht_move m);

/* --- nplus1.c --- */
/* Could all instances leave NODE within its group? (upstream: canEvacuateNode) Leaves C as it was. */
bool ht_can_evacuate(struct ht_cluster *c, const struct ht_view *v, int node);
/* ... each node of V (upstream: redundant) */
bool ht_redundant(struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o);

/* May these nodes be lost at once, that is, is there room elsewhere among the online nodes of their group to bring up all that
 * runs on them? Leaves C as it was. */
bool ht_can_lose(struct ht_cluster *c, const struct ht_view *v, const int *nodes, int n);

/* --- redundancy.c (hcheck --redundancy) --- */
/* What cluster tags "htools:nlocation:KIND" name, sorted. */
struct strs ht_location_kinds(const struct ht_cluster *c, struct arena *a);
/* How many nodes (KIND NULL), or failure domains of KIND, a group can lose one after the other: any could be lost, the largest
 * is, and balancing empties it. RET -1: instances are on offline nodes. Returns -1 where it has no domain of KIND. */
int ht_redundancy(struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o, const char *kind, int *ret);

/* --- n1.c --- */
/* Redundancy with one more instance: prepared when first asked, then cheap where all instances are on DRBD. C must not
 * change meanwhile. */
struct ht_n1;
struct ht_n1 *ht_n1_new(struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o);
void ht_n1_free(struct ht_n1 *n);
void ht_n1_set_redundant(struct ht_n1 *n); /* C is, without it; says who asked before */
bool ht_n1_base(struct ht_n1 *n); /* without it */
bool ht_n1_never(struct ht_n1 *n, const struct ht_inst *i, int index); /* sure to be false wherever it goes? */
/* I on PRI and SEC, where ht_alloc_try() found that it fits (upstream: allocGlobalN1). INDEX: it is to become
 * this instance, which still is where it was; HT_NONE: it is new. */
bool ht_n1_with(struct ht_n1 *n, const struct ht_inst *i, int index, int pri, int sec);

/* The first node whose instances could not all be brought up elsewhere then; HT_NONE. */
int ht_n1_blocked(struct ht_n1 *n, const struct ht_inst *i, int index, int pri, int sec);

/* --- alloc.c --- */
/* Where a new instance may go: each PRI, for two nodes with each SEC of its group (upstream: AllocNodes). */
struct ht_targets {
	int count; /* nodes that are needed: 1 or 2 */
	int *pri, *sec, n_pri, n_sec;
};
/* The online nodes of V (upstream: genAllocNodes). */
int ht_targets_init(struct ht_targets *t, const struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o,
		    int count, bool drop_unallocable, struct err *e);
void ht_targets_free(struct ht_targets *t);

/* What is known of single nodes, for copies of one instance: C changes only by each being placed where ht_alloc_try() says. */
struct ht_trials *ht_trials_new(void);
void ht_trials_free(struct ht_trials *t);

struct ht_alloc_opts {
	const struct ht_algo_opts *o;
	struct ht_n1 *n1;   /* NULL: redundancy does not matter */
	int index;          /* of the instance, when it is no new one; else HT_NONE */
	bool dedicated;     /* score by lost allocations instead */
	bool bare_log;      /* of a place in one group: without its name */
	int only_group;     /* the only group that ht_place_new() looks at, or HT_NONE */
	bool only_possible; /* find out whether there is a place, or why not; no scores */
	struct ht_trials *trials; /* or NULL */
	/* Told of each group that may be chosen, where tags tell distances. */
	void (*seen_group)(const struct ht_alloc_opts *a, int group, double score, double distance);
	/* Told of each candidate (with why it is none): maybe twice, the second time for redundancy. */
	void (*seen)(const struct ht_alloc_opts *a, int pri, int sec, enum ht_fail f, double score);
	void *arg;
};
/* How many of the smallest instances of each size a placement takes the room of, and the disk space left. */
enum { HT_LOST_MAX = 32 };
struct ht_lost {
	int64_t v[HT_LOST_MAX], disk;
	int n;
};
struct ht_alloc { /* upstream: AllocSolution */
	int64_t fails[HT_N_FAIL], n_fails, n_ok;
	bool found;
	int pri, sec;
	double score;
	struct ht_lost lost; /* dedicated.c */
};
int ht_alloc_try(const struct ht_cluster *c, const struct ht_view *v, const struct ht_alloc_opts *a, const struct ht_inst *i,
		 const struct ht_targets *t, struct ht_alloc *ret, struct err *e);
/* The same for clusters of dedicated nodes (upstream: Dedicated.findAllocation). */
void ht_alloc_dedicated(const struct ht_cluster *c, const struct ht_alloc_opts *a, const struct ht_inst *i, const struct ht_targets *t,
			struct ht_alloc *ret);
/* Put a copy of I where there is room for it (journalled); its index. */
int ht_alloc_place(struct ht_cluster *c, const struct ht_inst *i, const char *name, int pri, int sec, bool force);

/* --- refused.c --- */
/* What keeps I from PRI and SEC, where ht_alloc_try() failed with F: as long as the cluster is as it was then. */
void ht_place_why(struct ht_cluster *c, const struct ht_alloc_opts *a, const struct ht_inst *i, int pri, int sec, enum ht_fail f,
		  struct ht_why *ret);

/* --- place.c: answers to requests for places --- */
struct ht_place { /* upstream: AllocSolution with its log */
	struct ht_alloc a;
	bool dedicated;
	bool chosen_by_distance; /* the group, among others */
	double distance;         /* of the group, see ht_distances(); 0 where there are no such tags */
	struct strs log;
};
/* Does every group that counts (GROUP NULL: all that are allocable) have nodes with exclusive storage only? */
bool ht_is_dedicated(const struct ht_cluster *c, const char *group);
/* A place for I in GROUP, or in the best group (NULL). -1 with upstream's reasons; a place in one group may also
 * just not be found, which the log tells. */
int ht_place_new(struct ht_cluster *c, const struct ht_alloc_opts *a, const struct ht_inst *i, int count, const char *group,
		 struct arena *mem, struct ht_place *ret, struct err *e);
/* The best group of WANTED for instance INDEX, were it new. */
int ht_place_group(struct ht_cluster *c, const struct ht_alloc_opts *a, int index, const struct ht_list *wanted, int *ret, struct err *e);
/* A secondary for instance INDEX, which becomes one on DRBD; ht_place_secondary_apply() makes it so. */
int ht_place_secondary(struct ht_cluster *c, const struct ht_alloc_opts *a, int index, struct arena *mem, struct ht_place *ret,
		       struct err *e);
void ht_place_secondary_apply(struct ht_cluster *c, const struct ht_alloc_opts *a, int index, const struct ht_place *p);

enum ht_evac_mode { HT_EVAC_PRIMARY, HT_EVAC_SECONDARY, HT_EVAC_ALL };
struct ht_evac { /* upstream: EvacSolution */
	struct ht_evac_one {
		int inst;
		const char *failed;      /* NULL: moved */
		int group, pri, sec;     /* sec HT_NONE: it has none */
		json *job;
	} *v;
	size_t n;
};
/* What is told: an instance starts; each place that was tried, with the scores of its group before and after; where it went.
 * LEAVING: by node: instances leave it; or NULL. */
struct ht_watch {
	void (*start)(void *arg, int inst);
	void (*seen)(void *arg, int pri, int sec, enum ht_fail f, const struct ht_why *why, double before, double score);
	void (*end)(void *arg, const struct ht_evac_one *x, const bool *leaving);
	void *arg;
};
/* In the arena. AWAY: true: to other groups, those of TARGETS if there are any; false: from nodes as MODE says. */
void ht_evac_nodes(struct ht_cluster *c, const struct ht_algo_opts *o, const struct ht_list *insts, enum ht_evac_mode mode,
		   struct arena *mem, struct ht_evac *ret);
void ht_evac_groups(struct ht_cluster *c, const struct ht_alloc_opts *a, const struct ht_list *insts, const struct ht_list *targets,
		    struct arena *mem, struct ht_evac *ret);

/* --- space.c (hspace) --- */
struct ht_space {
	int64_t fails[HT_N_FAIL];
	int first, n; /* the instances that were added */
};
/* As many copies of I as fit, up to LIMIT (< 0: no limit); FIRST: index of the first instance that counts
 * (upstream: iterateAlloc). */
int ht_space_fill(struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o, const struct ht_targets *t,
		  const struct ht_inst *i, int64_t limit, struct ht_space *s, struct err *e);
/* The same, and smaller ones when it does not fit any more (upstream: tieredAlloc). */
int ht_space_tiered(struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o, const struct ht_targets *t,
		    const struct ht_inst *i, int64_t limit, struct ht_space *s, struct err *e);

/* --- evac.c --- */
/* Make the move of kind KIND to the node of AVAIL where group GROUP scores best. That node, or -1 with reasons added to
 * WHY (may be NULL). */
int ht_evac_to_best(struct ht_cluster *c, int inst, enum ht_move_kind kind, bool force, int group, const int *avail, int n,
		    struct str *why);
/* Move INST to nodes of AVAIL (in this order) of group GROUP. 0 with the moves made in RET_MOVES (at most 4,
 * RET_N), or -1 with upstream's text and C as it was (upstream: nodeEvacInstance). */
int ht_evac_inst(struct ht_cluster *c, const struct ht_algo_opts *o, int inst, enum ht_evac_mode mode, int group, const int *avail, int n_avail, struct ht_move ret_moves[4], int *ret_n, struct err *e);

/* --- roll.c (hroller) --- */
struct ht_roll_opts {
	const bool *in;            /* per node: is it to be in a group? */
	bool offline_maintenance;  /* only the two nodes of an instance exclude each other */
	bool ignore_non_redundant, full_evacuation;
};
/* Which nodes exclude each other, and ways to group them; NULL: there is no node. */
struct ht_roll_plan *ht_roll_plan(const struct ht_cluster *c, const struct ht_roll_opts *o);
void ht_roll_plan_free(struct ht_roll_plan *p);
void ht_roll_show_graph(struct str *out, const struct ht_roll_plan *p);
void ht_roll_show_stats(struct str *out, const struct ht_roll_plan *p);
struct ht_roll_move {
	int inst, pri, sec; /* HT_NONE: it has no secondary */
};
struct ht_roll {
	struct ht_roll_group {
		struct ht_list nodes; /* in this order */
		struct ht_roll_move *moves;
		int n_moves, seq;
	} *v;
	int n, cap;
};
/* In the order in which upstream complains. */
enum ht_roll_fail { HT_ROLL_OK, HT_ROLL_NON_REDUNDANT, HT_ROLL_MIGRATE, HT_ROLL_SECONDARIES };
/* The groups of the smallest colouring, the largest first, the master last. C is left as it was. */
enum ht_roll_fail ht_roll(struct ht_cluster *c, const struct ht_roll_opts *o, const struct ht_roll_plan *p, struct ht_roll *ret);
void ht_roll_clear(struct ht_roll *r);

/* --- squeeze.c (hsqueeze) --- */
struct ht_squeeze {
	struct ht_inst inst; /* there must be room for it on every node */
	bool use_load;       /* ... and no node may work harder than it has processors (measured load) */
};
/* Nodes that may be powered down, those with most instances first, and nodes that are down and may come up. */
void ht_squeeze_candidates(const struct ht_cluster *c, struct ht_list *ret_off, struct ht_list *ret_on);
/* The master knows no sizes of nodes that are down: take them to be as large as the smallest node of the group that
 * is up. (To upstream they are nothing, so that there never is enough room while one is down.) */
void ht_squeeze_guess(struct ht_cluster *c);
bool ht_squeeze_room(const struct ht_cluster *c, const struct ht_squeeze *o);
/* Those that can be down at once (upstream: greedyOfflineNodes). */
void ht_squeeze_offline(struct ht_cluster *c, const struct ht_squeeze *o, const struct ht_list *candidates, struct ht_list *ret);
/* As few as possible from the front that make enough room; false: all, and they are not enough. */
bool ht_squeeze_online(struct ht_cluster *c, const struct ht_squeeze *o, const struct ht_list *candidates, struct ht_list *ret);
/* Mark the nodes and balance: the moves, malloc'ed, and how many. */
int ht_squeeze_apply(struct ht_cluster *c, const int *nodes, int n, bool offline, struct ht_placement **ret);

/* --- repair.c (harep) --- */
/* From the least destructive to the most. */
enum ht_repair_type { HT_REPAIR_FIX_STORAGE, HT_REPAIR_MIGRATE, HT_REPAIR_FAILOVER, HT_REPAIR_REINSTALL };
const char *ht_repair_show(enum ht_repair_type t); /* upstream's name */
enum { HT_REPAIR_NONE = -1, HT_REPAIR_ENOPERM, HT_REPAIR_SUCCESS, HT_REPAIR_FAILURE };
struct ht_repair { /* one attempt, as a tag tells it */
	enum ht_repair_type type;
	const char *uuid, *tag;
	int64_t time; /* seconds */
	int64_t *jobs;
	size_t n_jobs, seq;
	int result;
};
enum ht_repair_kind { HT_REPAIR_HEALTHY, HT_REPAIR_NEEDED, HT_REPAIR_PENDING, HT_REPAIR_FAILED };
struct ht_repair_state {
	enum ht_repair_kind kind;
	bool has; /* LAST is there */
	struct ht_repair last;
	struct strs remove; /* tags that are superseded */
};
struct ht_repair_policy {
	enum { HT_REPAIR_NOT_ENABLED, HT_REPAIR_ENABLED, HT_REPAIR_SUSPENDED, HT_REPAIR_SUSPENDED_UNTIL } kind;
	enum ht_repair_type max;
	int64_t until;
};
/* What the tags of the instance say, or else those of its group, or else those of the cluster. */
struct ht_repair_policy ht_repair_policy(const struct ht_cluster *c, const struct ht_inst *i, int64_t now);
bool ht_repair_parse(struct arena *a, const char *tag, struct ht_repair *ret);
void ht_repair_tag(struct arena *a, struct ht_repair *r); /* sets r->tag */
/* From the tags of I. Fails where two repairs are under way. */
int ht_repair_state(struct arena *a, const struct ht_inst *i, struct ht_repair_state *ret, struct err *e);
/* R comes next; the tag of what was before is to be removed. */
void ht_repair_next(struct arena *a, struct ht_repair_state *s, enum ht_repair_kind kind, const struct ht_repair *r);
/* The opcodes of one job that mends what offline nodes broke; NULL: nothing is broken, or that cannot be mended. */
json *ht_repair_detect(const struct ht_cluster *c, const struct ht_inst *i, enum ht_repair_type *ret);

#endif
