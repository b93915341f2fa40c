/*
 * Figures of the configuration store: config [NODES [INSTANCES]], by default 10,000 and 100,000.
 * Fails when a change of one object costs more than a millisecond of processor time; what it takes on
 * top of that is the disk's (measured too).
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/parse.h"
#include "tests/harness/confkit.h"

#define BATCH 1000
#define ROUNDS 300
#define COMMIT_BUDGET_MS 1.0 /* processor time of a one-object commit, median */

static struct confkit k;

static void __attribute__((noreturn)) die(const struct err *e)
{
	fprintf(stderr, "%s\n", err_msg(e));
	exit(1);
}

static void commit(json *changes, json **ret)
{
	struct err e = ERR_NONE;

	if (config_commit(k.c, changes, NULL, NULL, ret, &e) < 0)
		die(&e);
	json_put(changes);
}

static struct snapshot *look(void)
{
	struct err e = ERR_NONE;
	struct snapshot *s;

	if (snapshot_open(k.c, &s, &e) < 0)
		die(&e);
	return s;
}

/* Instance I with one disk, spread over the nodes. */
static void add_instance(json *changes, int i, int nodes)
{
	json *inst = confkit_instance(&k, i, i % nodes + 1);

	json_append(json_get(inst, "disks"), json_new_str(confkit_uuid(&k, 8, i)));
	confkit_change(changes, "add", "disk", confkit_disk(&k, i, i % nodes + 1));
	confkit_change(changes, "add", "instance", inst);
}

static void fresh_arena(void)
{
	arena_free(k.a);
	k.a = arena_new();
}

static void load(int nodes, int instances)
{
	double t = clock_mono();

	for (int i = 1; i <= instances;) {
		json *changes = json_new_array();

		for (int n = 0; n < BATCH && i <= instances; n++, i++)
			add_instance(changes, i, nodes);
		commit(changes, NULL);
		fresh_arena();
	}
	t = clock_mono() - t;
	printf("load %d instances with disks, %d at a time: %.1f s (%.0f objects/s)\n", instances,
	       BATCH, t, 2 * instances / t);
}

static int by_value(const void *x, const void *y)
{
	double d = *(const double *)x - *(const double *)y;

	return d < 0 ? -1 : d > 0;
}

struct timing {
	double ms[ROUNDS], cpu[ROUNDS], t, c;
	int n;
};

static double cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void start(struct timing *m)
{
	m->c = cpu();
	m->t = clock_mono();
}

static void stop(struct timing *m)
{
	m->ms[m->n] = (clock_mono() - m->t) * 1e3;
	m->cpu[m->n++] = (cpu() - m->c) * 1e3;
}

/* Median of the processor time. */
static double report(const char *what, struct timing *m)
{
	size_t n = (size_t)m->n;

	qsort(m->ms, n, sizeof(*m->ms), by_value);
	qsort(m->cpu, n, sizeof(*m->cpu), by_value);
	printf("%-36s p50 %7.3f ms  p99 %7.3f ms  processor p50 %6.3f ms\n", what, m->ms[n / 2],
	       m->ms[n * 99 / 100], m->cpu[n / 2]);
	return m->cpu[n / 2];
}

/* What the disk takes for one write that is safe. */
static void bench_disk(void)
{
	char *path CLEANUP(freep) = xasprintf("%s/probe", k.dir);
	int fd CLEANUP(closep) = open(path, O_RDWR | O_CREAT, 0600);
	char block[4096] = { 0 };
	struct timing m = { .n = 0 };

	while (m.n < ROUNDS) {
		start(&m);
		if (pwrite(fd, block, sizeof(block), m.n * (off_t)sizeof(block)) < 0 ||
		    fdatasync(fd) < 0)
			exit(1);
		stop(&m);
	}
	report("(4 KiB written and made durable)", &m);
}

static double bench_update(int instances)
{
	struct timing m = { .n = 0 };

	for (int i = 0; i < ROUNDS; i++) {
		struct snapshot *s = look();
		const char *uuid = confkit_uuid(&k, 7, 1 + i * 7919 % instances);
		json *o = json_clone(snap_json(s, OBJ_INSTANCE, uuid)), *changes = json_new_array();

		snapshot_free(s);
		json_set(o, "os", json_new_str(i % 2 ? "noop" : "tiny"));
		confkit_change(changes, "update", "instance", o);
		json_put(o);
		start(&m);
		commit(changes, NULL);
		stop(&m);
	}
	return report("update one instance", &m);
}

static double bench_add(int nodes, int instances)
{
	struct timing m = { .n = 0 };

	for (int i = 0; i < ROUNDS; i++) {
		json *changes = json_new_array();

		add_instance(changes, instances + 1 + i, nodes);
		start(&m);
		commit(changes, NULL);
		stop(&m);
	}
	return report("add an instance with a disk", &m);
}

static void bench_remove(int instances)
{
	struct timing m = { .n = 0 };

	for (int i = 0; i < ROUNDS; i++) {
		json *changes = json_new_array();

		for (int kind = 7; kind <= 8; kind++) {
			json *uuid = json_new_str(confkit_uuid(&k, kind, instances + 1 + i));

			confkit_change(changes, "remove", kind == 7 ? "instance" : "disk", uuid);
			json_put(uuid);
		}
		start(&m);
		commit(changes, NULL);
		stop(&m);
	}
	report("remove an instance with its disk", &m);
}

static void bench_lookup(int instances)
{
	struct timing m = { .n = 0 };

	for (int i = 0; i < ROUNDS; i++) {
		struct err e = ERR_NONE;
		const struct instance *inst;
		const struct disk **disks;
		size_t n;
		struct snapshot *s;

		start(&m);
		s = look();
		if (snap_find_instance(s, arena_printf(k.a, "inst%d", 1 + i * 7919 % instances),
				       &inst, &e) < 0 ||
		    snap_instance_disks(s, inst, &disks, &n, &e) < 0)
			die(&e);
		snap_node_primaries(s, inst->primary_node);
		snapshot_free(s);
		stop(&m);
	}
	report("snapshot, find by short name, disks", &m);
}

static void bench_whole(void)
{
	struct snapshot *s = look();
	struct str text = { 0 };
	struct err e = ERR_NONE;
	json *values;
	struct strs l;
	double t = clock_mono();

	l = snap_uuids(s, OBJ_INSTANCE);
	for (size_t i = 0; i < l.n; i++)
		snap_instance(s, l.v[i]);
	printf("parse all %zu instances: %.2f s\n", l.n, clock_mono() - t);
	snapshot_free(s);
	s = look();
	t = clock_mono();
	if (config_export_text(s, &text, &e) < 0)
		die(&e);
	printf("export as config.data: %.2f s, %.0f MB\n", clock_mono() - t, text.len / 1e6);
	str_free(&text);
	t = clock_mono();
	if (config_ssconf(s, &values, &e) < 0)
		die(&e);
	json_put(values);
	printf("all ssconf values: %.2f s\n", clock_mono() - t);
	t = clock_mono();
	if (config_verify(s, k.a, &l, &e) < 0)
		die(&e);
	printf("verify everything: %.2f s, %zu errors\n", clock_mono() - t, l.n);
	for (size_t i = 0; i < l.n && i < 3; i++)
		printf("  %s\n", l.v[i]);
	snapshot_free(s);
}

static int number(int argc, char **argv, int i, int dflt)
{
	int64_t v = dflt;

	if (argc > i && (parse_int(argv[i], &v) < 0 || v < 1))
		exit(2);
	return (int)v;
}

int main(int argc, char **argv)
{
	int nodes = number(argc, argv, 1, 10000), instances = number(argc, argv, 2, 100000);
	double update, add;
	struct rusage ru;
	struct stat st;

	confkit_new(&k, nodes);
	load(nodes, instances);
	if (stat(k.path, &st) == 0)
		printf("database: %.0f MB\n", (double)st.st_size / 1e6);
	bench_disk();
	update = bench_update(instances);
	add = bench_add(nodes, instances);
	bench_remove(instances);
	bench_lookup(instances);
	getrusage(RUSAGE_SELF, &ru);
	printf("most memory so far: %ld MB\n", ru.ru_maxrss / 1024);
	bench_whole();
	getrusage(RUSAGE_SELF, &ru);
	printf("most memory: %ld MB\n", ru.ru_maxrss / 1024);
	confkit_free(&k);
	if (update <= COMMIT_BUDGET_MS && add <= COMMIT_BUDGET_MS)
		return 0;
	printf("FAILED: a commit takes more than %.0f ms of processor time\n", COMMIT_BUDGET_MS);
	return 1;
}
