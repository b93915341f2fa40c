/*
 * hsqueeze: powers nodes down while few are enough, and up again. With -X it does what upstream's leaves out:
 * nodes are drained first, so that nothing new comes while they are emptied; on the way up they are powered, waited
 * for, and only then marked online, and the tag that marked them as standby is taken off.
 */
#include "htools/prog/prog.h"

#include "lib/base/clock.h"
#include "lib/net/net.h"
#include "src/rpc/rpc.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#define TAG_AUTO "htools:standby:auto"
#define WAKE_TIMEOUT 900.0
#define POWER_TIMEOUT 60
#define POWER_DELAY 2.0

struct squeeze {
	struct htool *t;
	struct ht_cluster *c;
	struct ht_placement *moves;
	int n_moves;
	struct htool_sets sets;
	struct strs names; /* of the nodes in question */
};

static int64_t scaled(double factor, int64_t v)
{
	double d = floor(factor * (double)v);

	return d >= 9e18 ? INT64_MAX / 2 : d <= -9e18 ? INT64_MIN / 2 : (int64_t)d;
}

/* FACTOR times the standard instance (upstream: instanceFromSpecAndFactor) */
static struct ht_squeeze want(const struct htool *t, const struct ht_cluster *c, const char *factor)
{
	double f = htool_float(t, factor);
	const struct ht_spec *std = &c->policy.std;

	return (struct ht_squeeze){ .inst = { .name = "targetInstance",
					      .alias = "targetInstance",
					      .mem = scaled(f, std->mem),
					      .vcpus = scaled(f, std->cpus),
					      .spindle_use = scaled(f, std->spindles),
					      .status = HT_RUNNING,
					      .tmpl = disk_template_ext,
					      .pri = HT_NONE,
					      .sec = HT_NONE },
				    .use_load = htool_flag(t, "mond") };
}

static void show_names(const struct squeeze *q, const char *what, const struct ht_list *l)
{
	struct strs names = { 0 };

	if (q->t->verbose < 2)
		return;
	for (int i = 0; i < l->n; i++)
		strs_add(q->t->a, &names, q->c->nodes[l->v[i]].name);
	out("%s: %s", what, strs_join(q->t->a, &names, ","));
}

static void take_names(struct squeeze *q, const struct ht_list *nodes)
{
	for (int i = 0; i < nodes->n; i++)
		strs_add(q->t->a, &q->names, q->c->nodes[nodes->v[i]].name);
}

/* --- what to do, for people --- */

static void jobs_text(struct str *s, const struct squeeze *q)
{
	int *set CLEANUP(freep) = xcalloc((size_t)q->n_moves + 1, sizeof(int)), n;

	ht_split_jobs(q->c, q->moves, q->n_moves, set, &n);
	ht_format_jobs(s, q->c, q->moves, q->n_moves, set, n, true);
}

static void off_text(struct str *s, const struct squeeze *q, const struct ht_list *nodes)
{
	jobs_text(s, q);
	str_add(s, "\necho Tagging Commands\n");
	for (int i = 0; i < nodes->n; i++)
		str_addf(s, "  gnt-node add-tags %s %s\n", q->c->nodes[nodes->v[i]].alias, TAG_AUTO);
	str_add(s, "\necho Power Commands\n");
	for (int i = 0; i < nodes->n; i++)
		str_addf(s, "  gnt-node power -f off %s\n", q->c->nodes[nodes->v[i]].alias);
}

static void on_text(struct str *s, const struct squeeze *q, const struct ht_list *nodes)
{
	str_add(s, "echo Power Commands\n");
	for (int i = 0; i < nodes->n; i++)
		str_addf(s, "  gnt-node power -f on %s\n", q->c->nodes[nodes->v[i]].alias);
	jobs_text(s, q);
}

/* --- and for the master --- */

static json *set_params(const char *node, const char *flag, bool value)
{
	return json_pack("{s:s,s:s,s:b,s:b,s:b}", "OP_ID", opcode_name(OP_node_set_params), "node_name", node, "force", 0, flag,
			 (int)value, "auto_promote", 1);
}

static json *power(const struct squeeze *q, enum oob_command command)
{
	return json_pack("{s:s,s:o,s:s,s:i,s:b,s:o}", "OP_ID", opcode_name(OP_oob_command), "node_names", json_new_strs(&q->names),
			 "command", enum_name(&enum_oob_command, (int)command), "timeout", POWER_TIMEOUT, "ignore_status", 0,
			 "power_delay", htool_number(POWER_DELAY));
}

static json *tags(enum opcode op, const char *node)
{
	return json_pack("{s:s,s:s,s:[s],s:s}", "OP_ID", opcode_name(op), "kind", enum_name(&enum_tag_kind, tag_kind_node), "tags",
			 TAG_AUTO, "name", node);
}

/* One job that sets FLAG of all nodes. */
static json *flag_all(const struct squeeze *q, const char *flag, bool value)
{
	json *job = json_new_array();

	for (size_t i = 0; i < q->names.n; i++)
		json_append(job, set_params(q->names.v[i], flag, value));
	return job;
}

static void add_set(struct squeeze *q, json *job, const char *descr)
{
	htool_add_set(&q->sets, json_append(json_new_array(), job), descr);
}

static void add_moves(struct squeeze *q)
{
	int *set CLEANUP(freep) = xcalloc((size_t)q->n_moves + 1, sizeof(int)), n;

	ht_split_jobs(q->c, q->moves, q->n_moves, set, &n);
	htool_add_moves(q->t, &q->sets, "Moving instances ", q->c, q->moves, q->n_moves, set, n);
}

static void off_sets(struct squeeze *q)
{
	json *job;

	add_set(q, flag_all(q, "drained", true), "Draining nodes");
	add_moves(q);
	for (size_t i = 0; i < q->names.n; i++)
		add_set(q, json_append(json_new_array(), tags(OP_tags_set, q->names.v[i])),
			arena_printf(q->t->a, "Tagging node %s with standby", q->names.v[i]));
	job = flag_all(q, "offline", true);
	add_set(q, json_append(job, power(q, oob_command_power_off)), "Powering off nodes");
}

/* Once they answer. */
static int wait_awake(void *arg, struct err *e)
{
	const struct squeeze *q = arg;
	struct luxi_client *l CLEANUP(luxi_closep) = NULL;
	json *answer CLEANUP(json_putp) = NULL, *filter = json_pack("[s]", "|");
	double end = clock_mono() + WAKE_TIMEOUT;

	for (size_t i = 0; i < q->names.n; i++)
		json_append(filter, json_pack("[s,s,s]", "=", "name", q->names.v[i]));
	if (ht_luxi_open(htool_str(q->t, "luxi"), &l, e) < 0 ||
	    luxi_call(l, LUXI_Query, json_pack("[s,[s,s],o]", "node", "name", "pip", filter), &answer, e) < 0)
		return -1;
	json_items(json_get(answer, "data"), i, row) {
		const char *name = json_str(json_at(json_at(row, 0), 1)), *ip = json_str(json_at(json_at(row, 1), 1));

		while (!ip || !tcp_ping(ip, rpc_port(), 1, true, NULL)) {
			if (!ip || clock_mono() > end)
				return err_plain(e, "node %s does not come up", name ? name : "?");
			usleep(500000);
		}
	}
	return 0;
}

static void on_sets(struct squeeze *q, const struct ht_list *nodes)
{
	add_set(q, json_append(json_new_array(), power(q, oob_command_power_on)), "Powering on nodes");
	add_set(q, flag_all(q, "offline", false), "Marking nodes online");
	q->sets.v[q->sets.n - 1].ready = wait_awake;
	q->sets.v[q->sets.n - 1].arg = q;
	for (int i = 0; i < nodes->n; i++) {
		const struct ht_node *n = &q->c->nodes[nodes->v[i]];

		if (strs_has(&n->ntags, TAG_AUTO))
			add_set(q, json_append(json_new_array(), tags(OP_tags_del, n->name)),
				arena_printf(q->t->a, "Removing the standby tag of node %s", n->name));
	}
	add_moves(q);
}

/* Where nodes were drained but are not down: they shall take instances again. */
static void undrain(struct squeeze *q)
{
	struct htool_sets back CLEANUP(htool_sets_clear) = { 0 };
	struct err why CLEANUP(err_clear) = ERR_NONE;

	htool_add_set(&back, json_append(json_new_array(), flag_all(q, "drained", false)), "Undraining nodes");
	if (htool_exec(q->t, &back, "condensing given up", NULL, &why) < 0)
		fprintf(stderr, "Warning: nodes stay drained: %s\n", err_msg(&why));
}

static int condense(struct squeeze *q, const struct ht_list *nodes, struct err *e)
{
	struct str s CLEANUP(str_free) = { 0 };
	size_t done;
	int rc;

	take_names(q, nodes);
	q->n_moves = ht_squeeze_apply(q->c, nodes->v, nodes->n, true, &q->moves);
	off_text(&s, q, nodes);
	if (htool_commands(q->t, "Commands to run:", str_get(&s), e) < 0)
		return -1;
	off_sets(q);
	rc = htool_exec(q->t, &q->sets, arena_printf(q->t->a, "condensing by %d nodes", nodes->n), &done, e);
	if (htool_flag(q->t, "exec") && htool_str(q->t, "luxi") && done < q->sets.n - 1)
		undrain(q);
	return rc < 0 ? -1 : htool_save(q->t, q->c, "squeezed", "after hsqueeze run", e);
}

static int expand(struct squeeze *q, const struct ht_list *nodes, bool enough, struct err *e)
{
	struct str s CLEANUP(str_free) = { 0 };

	if (q->t->verbose > 1 && !enough)
		out("Onlining all nodes will not yield enough capacity");
	take_names(q, nodes);
	q->n_moves = ht_squeeze_apply(q->c, nodes->v, nodes->n, false, &q->moves);
	on_text(&s, q, nodes);
	if (htool_commands(q->t, "Commands to run:", str_get(&s), e) < 0)
		return -1;
	if (nodes->n > 0)
		on_sets(q, nodes);
	if (htool_exec(q->t, &q->sets, arena_printf(q->t->a, "expanding by %d nodes", nodes->n), NULL, e) < 0)
		return -1;
	return htool_save(q->t, q->c, "squeezed", "after hsqueeze expansion", e);
}

static void header(const struct squeeze *q, const char *text, const struct ht_list *nodes)
{
	if (!htool_flag(q->t, "no_headers"))
		out("'%s'", text);
	for (int i = 0; nodes && i < nodes->n; i++)
		out("%s", q->c->nodes[nodes->v[i]].name);
}

static int squeeze(struct squeeze *q, struct err *e)
{
	struct ht_squeeze min = want(q->t, q->c, "minimal_resources"), target = want(q->t, q->c, "target_resources");
	struct ht_list off, on, chosen = { 0 };
	int rc = 0;

	ht_squeeze_candidates(q->c, &off, &on);
	show_names(q, "Offline candidates", &off);
	show_names(q, "Online candidates", &on);
	if (!ht_squeeze_room(q->c, &min)) {
		bool enough = ht_squeeze_online(q->c, &min, &on, &chosen);

		header(q, "Nodes to online", &chosen);
		rc = expand(q, &chosen, enough, e);
	} else {
		ht_squeeze_offline(q->c, &target, &off, &chosen);
		if (chosen.n > 0) {
			header(q, "Nodes to offline", &chosen);
			rc = condense(q, &chosen, e);
		} else {
			header(q, "No action", NULL);
			rc = htool_commands(q->t, "Commands to run:", "echo Nothing to do", e);
			if (rc == 0)
				rc = htool_save(q->t, q->c, "squeezed", "after hsqueeze doing nothing", e);
		}
	}
	free(off.v);
	free(on.v);
	free(chosen.v);
	return rc;
}

int hsqueeze_main(struct htool *t, struct err *e)
{
	struct ht_cluster *c CLEANUP(ht_cluster_freep) = NULL;
	struct squeeze q = { .t = t };
	int rc;

	if (htool_no_args(t, e) < 0 || htool_read(t, &c, e) < 0 ||
	    htool_save(t, c, "original", "before hsqueeze run", e) < 0)
		return -1;
	ht_squeeze_guess(c);
	q.c = c;
	rc = squeeze(&q, e);
	htool_sets_clear(&q.sets);
	free(q.moves);
	return rc;
}
