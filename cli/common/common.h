/* Shared by the gnt-* programs: rows of commands, the context of a run, jobs, lists, formats. */
#ifndef CLI_COMMON_COMMON_H
#define CLI_COMMON_COMMON_H
#include "src/client/client.h"
#include "src/schema/options.h"

/* The one macro with a hidden return. */
#define TRY(call)                  \
	do {                       \
		if ((call) < 0)    \
			return -1; \
	} while (0)

/* --- rows --- */
enum arg_kind { ARG_END, ARG_ANY, ARG_INSTANCE, ARG_NODE, ARG_GROUP, ARG_NETWORK, ARG_JOB, ARG_FILE,
	ARG_COMMAND, ARG_HOST, ARG_OS, ARG_EXTSTORAGE, ARG_FILTER, ARG_CHOICE, ARG_SUGGEST };
struct arg_row {
	enum arg_kind kind;
	int min, max;        /* MAX 0 = no limit; only the last row may have none */
	const char *choices; /* comma separated, to complete and (ARG_CHOICE) documented in the usage */
	const char *param;   /* opcode parameter it becomes (commands with .op) */
};
struct cli;
struct command {
	const char *name, *usage, *doc;
	struct arg_row args[4];
	const struct option_row *const *opts; /* NULL-terminated, with the common ones */
	/* The exit code, or -1 with E set. */
	int (*run)(struct cli *c, struct err *e);

	const char *what;       /* resource of list and list-fields; kind of object of tag commands */
	const char *fields;     /* default fields of list, comma separated */
	const char *joined;     /* fields holding lists that print as "a,b" */
	const char *name_field; /* field the arguments of list are compared with; NULL = name */
	bool numeric;           /* ... and they are numbers */
	/* Text of a field, NULL = the usual one. In the arena. */
	const char *(*format)(struct arena *a, const char *field, const json *v);

	bool has_op;
	enum opcode op;      /* what it is about; cli_run_op(): parameters come from options and arguments by name */
	const char *need, *need_text; /* option that has to be given, and the message without it */
	const char *confirm; /* asked first; %s is the first argument */
	const char *unless;  /* the flag that answers it; NULL = force */
	/* The opcode submits jobs: what is said when all or not all ended well. %n is how many did not. */
	const char *done, *failed;
	bool todo;           /* refuses after its checks: what it needs is not there yet */
	bool raw_args;       /* words after the first argument are never options */
	bool env_override;   /* more leading options in $GNT_PROGRAM_COMMAND */
};
#define ARG_ONE(kind_) { .kind = ARG_##kind_, .min = 1, .max = 1 }
#define ARG_SOME(kind_) { .kind = ARG_##kind_, .min = 1 }
#define ARG_MANY(kind_) { .kind = ARG_##kind_ }
#define OPCODE_OF(id) .has_op = true, .op = OP_##id
struct program {
	const char *name; /* gnt-instance */
	const struct command *commands;
	size_t n;
	const char *aliases; /* "start=startup,stop=shutdown" */
};
/* The programs (cli/gnt/programs.c), ends with a NULL name. */
extern const struct program programs[];

/* --- main.c --- */
struct cli {
	struct arena *a;
	const struct program *prog;
	const struct command *cmd;
	const char *word;  /* the command as typed, for the reason trail */
	json *opts;        /* by dest, defaults included */
	struct strs args;
	struct luxi_client *luxi; /* opened by the first call */
	bool log_open;     /* with --debug */
};
int cli_main(int argc, char **argv);
const struct command *program_command(const struct program *p, const char *name); /* aliases too */
bool command_missing(const struct command *cmd); /* is what it needs not there yet? */

const json *cli_opt(const struct cli *c, const char *dest);
const char *cli_str(const struct cli *c, const char *dest);
bool cli_flag(const struct cli *c, const char *dest);
/* A line to stdout/stderr, flushed. A reader that is gone ends the program. */
void cli_out(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void cli_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void cli_write(const struct str *s);   /* as it is */
void cli_json(const json *v);          /* what --json prints */

/* --- error.c --- */
/* Upstream's FormatError: the text without a final newline, and the exit code. */
int cli_format_error(const struct err *e, struct str *out);
/* As upstream's SafeEncode: everything but printable ASCII as escapes. */
const char *cli_safe(struct arena *a, const char *text);

/* --- submit.c --- */
/* One call to the master. ARGS taken over, RET (may be NULL) in the arena. */
int cli_call(struct cli *c, enum luxi method, json *args, json **ret, struct err *e);
/* Its answer as it came, for luxi_answer(). */
int cli_call_text(struct cli *c, enum luxi method, json *args, struct str *ret, struct err *e);
/* A new opcode without parameters; in the arena. */
json *op_new(struct cli *c, enum opcode op);
/* Set a parameter (V taken over). A name that the opcode does not have is a programming error. */
void op_set(json *op, const char *param, json *v);
void op_set_ref(json *op, const char *param, const json *v); /* new reference; null: not set */
/* Parameters from all options whose dest is one. */
void op_from_opts(struct cli *c, json *op);
/* debug level, dry run, priority, reason trail: what every submitted opcode gets. */
void op_generic(struct cli *c, json *op);
/* Submit as a job of its own, wait, print its messages. RET (may be NULL): its result, in the arena. */
int cli_exec(struct cli *c, json *op, json **ret, struct err *e);
/* The same, but --submit ends here with JobSubmittedException. */
int cli_submit(struct cli *c, json *op, json **ret, struct err *e);
/* The same with a job of several opcodes: OPS is a list, taken over. */
int cli_submit_job(struct cli *c, json *ops, json **ret_results, struct err *e);
/* The command is its opcode: options and arguments by name, confirmation, jobs it submitted. */
int cli_run_op(struct cli *c, struct err *e);
/* Wait for the jobs that an opcode submitted, RESULT is what it said about them; .done or .failed. */
int cli_follow(struct cli *c, const json *result, struct err *e);
/* The answer to .confirm of the row; yes without one, or with the flag that says so. */
bool cli_agreed(struct cli *c);
/* A line of a job's log. */
void cli_message(double when, const json *msg);
/* Wait for job ID, printing its messages (QUIET: not). */
int cli_wait(struct cli *c, int64_t id, bool quiet, json **ret_results, struct err *e);

/* --- jobs.c: several jobs at once (upstream: JobExecutor) --- */
struct jobs;
struct jobs *jobs_new(struct cli *c, bool verbose);
/* OPS: list of opcodes, taken over. NAME (may be NULL) is what the job works on. */
void jobs_queue(struct jobs *j, const char *name, json *ops);
/* Jobs the master submitted: list of [ok, id or message]. */
void jobs_add_ids(struct jobs *j, const json *ids);
int jobs_submit(struct jobs *j, bool each, struct err *e);
struct job_result {
	bool ok;
	const json *results; /* of the opcodes */
	const char *error;   /* text */
};
/* Submit what is not yet, wait for all. RESULTS in order of queueing. */
int jobs_wait(struct jobs *j, struct job_result **ret, size_t *ret_n, struct err *e);
/* Wait, or with --submit only print the ids. Sets whether all are well. */
int jobs_wait_or_show(struct jobs *j, bool wait, bool *ret_ok, struct err *e);

/* --- listing.c --- */
int cli_list(struct cli *c, struct err *e);        /* the whole list command */
int cli_list_fields(struct cli *c, struct err *e);
/* List with an additional filter (taken over, may be NULL). */
int cli_list_filtered(struct cli *c, struct strs *fields, json *filter, struct err *e);
struct strs cli_fields(struct cli *c); /* -o and the row's default */
/* How a value that is not there prints; STATUS is not the normal one. */
const char *cli_state(int64_t status, bool verbose);
/* The old plain table of strings. */
void cli_table(const struct ui_column *cols, size_t n, const struct strs *cells,
	       const char *separator, bool headers);
/* Print a query result {fields, data} as list does. */
void cli_print_query(struct cli *c, const json *result, bool headers);

/* --- filter.c: pure --- */
/* The textual filter language to the lists that Query takes. Errors: QueryFilterParseError. */
int filter_parse(const char *text, json **ret, struct err *e);
/* Names or one filter text; NULL for no names. */
int filter_make(const struct strs *names, bool force, const char *name_field, bool numeric, json **ret,
		struct err *e);
/* [|, [==, field, v], ...]; NULL without values. */
json *filter_any(const char *field, const json *values);
/* Python's re.escape() and upstream's glob rules for host names. */
const char *filter_glob(struct arena *a, const char *glob);

/* --- many.c: commands on a selection of instances --- */
/* Names by --node, --tags, ... and the arguments. */
int many_select(struct cli *c, struct strs *ret, struct err *e);
bool many_confirm(struct cli *c, const struct strs *names, const char *what, const char *text,
		  const char *extra);
/* One job of .op for each selected instance. */
int cli_many(struct cli *c, struct err *e);

/* --- params.c: parameters typed in by people --- */
/* Coerce by the rows; DFLT: the word "default" passes. Replaces the option's value. */
int params_hv(struct cli *c, const json *in, bool dflt, json **ret, struct err *e);
int params_record(struct cli *c, const struct record *r, const json *in, bool dflt, json **ret,
		  struct err *e);
int params_be(struct cli *c, const json *in, bool dflt, json **ret, struct err *e);
int params_disk(struct cli *c, const json *in, json **ret, struct err *e);
/* [[key, dict], ...] as dict; later ones win. In the arena. */
json *params_pairs(struct cli *c, const json *pairs);
/* --disk-state type/name:key=value as {type: {name: {...}}}. */
int params_disk_state(struct cli *c, const json *pairs, json **ret, struct err *e);
/* The instance policy of --ipolicy-* and --specs-*; FILL: complete (init). DFLT: bounds may be "default". */
int params_ipolicy(struct cli *c, bool fill, bool dflt, json **ret, struct err *e);
/* "1000-2000,3000" to [[1000, 2000], [3000, 3000]], sorted. */
int params_uids(struct cli *c, const char *text, json **ret, struct err *e);
int params_timespec(const char *text, int64_t *ret_seconds, struct err *e);
/* Comma separated words as a list. */
json *params_words(struct cli *c, const char *text);

/* --- mods.c: --net and --disk --- */
/* New devices: [[index, dict], ...] to a list of dicts. */
int mods_nics(struct cli *c, const json *pairs, json **ret, struct err *e);
int mods_disks(struct cli *c, const json *pairs, json **ret, struct err *e);
/* Disks to make again: [[index, dict], ...] with numbers. */
int mods_recreate(struct cli *c, const json *pairs, json **ret, struct err *e);
/* Changes: [[ident, dict], ...] to [[action, ident, dict], ...]. */
int mods_changes(struct cli *c, const json *pairs, json **ret, struct err *e);
int mods_disk_changes(struct cli *c, const json *pairs, json **ret, struct err *e);

/* --- info.c: what the info commands share; everything in the arena --- */
/* Own values as they are, others as "default (x)"; sorted (upstream: FormatParamsDictInfo). */
json *info_params(struct cli *c, const json *own, const json *actual);
/* Cluster (EFFECTIVE NULL) or group policy. */
json *info_ipolicy(struct cli *c, const json *policy, const json *effective);
json *info_text(struct cli *c, const json *v);     /* str(), integers in Roman with --roman */
char *info_number(struct cli *c, int64_t v);
json *info_join(struct cli *c, const json *list);  /* "a, b" */
json *info_time(struct cli *c, const json *seconds);
void info_print(struct cli *c, const json *tree);
/* "2026-11-20 17:55:48.400410" of [s, us]; "?" or NULL as said */
const char *info_timestamp(struct arena *a, const json *ts);

/* --- tags.c --- */
int cli_list_tags(struct cli *c, struct err *e);
int cli_add_tags(struct cli *c, struct err *e);
int cli_remove_tags(struct cli *c, struct err *e);

/* --- nodes.c: online nodes, ssh to them --- */
struct target {
	const char *name, *ip;
	int ssh_port;
};
/* Of NODES (empty: all) in GROUP (may be NULL). Says on stderr which are skipped. */
int nodes_online(struct cli *c, const json *nodes, const char *group, bool skip_master,
		 struct target **ret, size_t *ret_n, struct err *e);
struct strs ssh_command(struct cli *c, const char *cluster, const char *host, int port, bool tty,
			const char *command);
int cli_cluster_name(struct cli *c, const char **ret, struct err *e);
int cmd_command(struct cli *c, struct err *e);
int cmd_copyfile(struct cli *c, struct err *e);

/* --- site.c --- */
/* Run site_init(), site_join_node() or site_destroy_finish() in gnt-site. ARGS taken over. */
int cli_site(struct cli *c, const char *operation, json *args, struct err *e);

/* --- complete.c --- */
int complete_names(const char *kind);  /* --complete KIND: words for the shell, one a line */
void complete_script(struct str *out); /* the bash completion of all programs */

#endif
