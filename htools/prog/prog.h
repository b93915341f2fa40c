/* The programs: one binary named by how it is called. */
#ifndef HTOOLS_PROG_PROG_H
#define HTOOLS_PROG_PROG_H
#include "htools/algo/algo.h"
#include "htools/io/io.h"
#include "src/schema/options.h"

#define HTOOLS_VERSION "(ganeti) version " RELEASE_VERSION /* in comments and reasons of jobs */

struct htool {
	struct arena *a;
	const char *name;
	const struct program_row *row;
	json *opts;       /* by dest, defaults included */
	struct strs args;
	int verbose;
};
/* What a program is: its exit code, or -1 with the text behind "Error: " (exit 1). */
typedef int (*htool_fn)(struct htool *t, struct err *e);
int hail_main(struct htool *t, struct err *e);
int hbal_main(struct htool *t, struct err *e);
int hcheck_main(struct htool *t, struct err *e);
int hinfo_main(struct htool *t, struct err *e);
int hspace_main(struct htool *t, struct err *e);
int hroller_main(struct htool *t, struct err *e);
int harep_main(struct htool *t, struct err *e);
int hscan_main(struct htool *t, struct err *e);
int hsqueeze_main(struct htool *t, struct err *e);

/* --- hbal.c: what hcheck simulates with --- */
/* Moves until nothing gets better (upstream: iterateDepth), printed if SHOW. Their number; RET is malloc'ed. */
int htool_balance(const struct htool *t, struct ht_cluster *c, const struct ht_view *v, double min_score, bool show,
		  struct ht_placement **ret);
int htool_name_width(const struct ht_cluster *c, const struct ht_view *v, bool nodes); /* of aliases */

/* --- explain.c --- */
/* What was weighed for move P; C is as before it, PACE as after it. */
void htool_explain(const struct htool *t, const struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o,
		   const struct ht_pace *pace, const struct ht_placement *p);

/* --- getopt.c: Haskell's GetOpt over the rows --- */
/* RET 0: go on. 1: end with exit code *RET_EXIT (help, version and errors are printed). */
int htool_options(struct htool *t, const struct strs *argv, int *ret_exit);

/* --- common.c --- */
const json *htool_opt(const struct htool *t, const char *dest);
const char *htool_str(const struct htool *t, const char *dest);
bool htool_flag(const struct htool *t, const char *dest);
int64_t htool_int(const struct htool *t, const char *dest);
json *htool_number(double v); /* as upstream writes it: 10, not 10.0 */
double htool_float(const struct htool *t, const char *dest);
int64_t htool_static_mem(const struct htool *t); /* --static-kvm-node-memory */
struct strs htool_list(const struct htool *t, const char *dest);
/* "This program doesn't take any arguments." */
int htool_no_args(const struct htool *t, struct err *e);
/* From the backend named by the options, with warnings shown. */
int htool_read(struct htool *t, struct ht_cluster **ret, struct err *e);
void htool_show_warnings(const struct strs *warnings);
/* --offline, --max-cpu and --min-disk (upstream: setNodeStatus). */
int htool_set_status(struct htool *t, struct ht_cluster *c, struct err *e);
void htool_policy_line(const struct ht_cluster *c); /* "Loaded cluster ipolicy: ..." */
void htool_algo_opts(const struct htool *t, struct ht_algo_opts *ret);
void htool_print_nodes(const struct htool *t, const char *what, const struct ht_cluster *c, const struct ht_view *v);
void htool_print_insts(const struct htool *t, const char *what, const struct ht_cluster *c, const struct ht_view *v);
/* -X: the moves in sets of jobs, as upstream's annotations want it; a set's text begins with DESCR and ends with
 * its instances. Set of move i: SET[i]. Each append to V. */
struct htool_sets {
	struct ht_jobset *v;
	size_t n, cap;
};
void htool_sets_clear(struct htool_sets *s);
void htool_add_set(struct htool_sets *s, json *jobs, const char *descr); /* takes JOBS over; DESCR stays the caller's */
void htool_add_moves(struct htool *t, struct htool_sets *s, const char *descr, const struct ht_cluster *c,
		     const struct ht_placement *p, int n, const int *set, int n_sets);
/* If -X was given. COMMENT: what is done, the version is added. RET_DONE: as of ht_exec(). */
int htool_exec(struct htool *t, const struct htool_sets *s, const char *comment, size_t *ret_done, struct err *e);
/* -C: on stdout under MSG, or as a script. */
int htool_commands(const struct htool *t, const char *msg, const char *cmds, struct err *e);
/* -S */
int htool_save(const struct htool *t, const struct ht_cluster *c, const char *ext, const char *what, struct err *e);
void out_str(const struct str *s); /* to stdout */
void out(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- dump.c: hail -v --- */
/* To stderr. C is that of Q, or another one. */
void htool_dump(const struct htool *t, const struct ht_cluster *c, const struct ht_request *q, bool of_request);

/* --- places.c: hail --explain; everything accepts NULL, which is what one gets without that option --- */
struct places;
struct places *htool_places_new(struct htool *t, struct ht_cluster *c);
/* Instances that leave their nodes: set what A and O tell. */
void htool_places_watch(struct places *x, struct ht_algo_opts *o, struct ht_alloc_opts *a);
/* Around each call that looks for a place for I (in GROUP, or NULL). */
void htool_places_start(struct places *x, struct ht_alloc_opts *a, const struct ht_inst *i, const char *group);
void htool_places_end(struct places *x, struct ht_alloc_opts *a, const struct ht_alloc *chosen);
void htool_places_print(const struct places *x);

#endif
