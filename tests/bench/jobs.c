/*
 * Figures of the job queue, printed as one number:
 *	jobs rate N OPCODE          jobs a second: N submitted one by one, until the last has ended
 *	jobs one N OPCODE           milliseconds from the submission of a job until its end is known: median
 *	jobs ask N METHOD ARGS      milliseconds of a request: 99th percentile
 *	jobs many N OPCODE          N submitted at once; prints nothing
 * "%d" in OPCODE becomes a number that each job has for itself, "%k" one of 1 to 20.
 */
#include "src/client/client.h"

#include "lib/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static _Noreturn void die(const struct err *e)
{
	fprintf(stderr, "jobs: %s\n", err_msg(e));
	exit(1);
}

static json *parse(const char *text)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *j;

	if (json_parse(text, strlen(text), &j, &e) < 0)
		die(&e);
	return j;
}

static json *call(struct luxi_client *c, enum luxi method, json *args)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *ret;

	if (luxi_call(c, method, args, &ret, &e) < 0)
		die(&e);
	return ret;
}

/* The opcodes of a job. */
static json *ops(const char *text, int64_t number)
{
	struct str s CLEANUP(str_free) = { 0 };

	str_addc(&s, '[');
	for (; *text; text++) {
		bool own = strncmp(text, "%d", 2) == 0, shared = strncmp(text, "%k", 2) == 0;

		if (own || shared)
			str_addf(&s, "%" PRId64, own ? number : number % 20 + 1);
		else
			str_addc(&s, *text);
		text += own || shared;
	}
	str_addc(&s, ']');
	return parse(str_get(&s));
}

static int64_t submit(struct luxi_client *c, const char *text, int64_t number)
{
	json *id CLEANUP(json_putp) =
		call(c, LUXI_SubmitJob, json_pack("[o]", ops(text, number)));

	return json_int(id, 0);
}

/* Until no job is in the master's memory. */
static void wait_for_all(void)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	int fd CLEANUP(closep) = unix_connect(path_of(PATH_MASTERD_CONTROL), 10);
	json *ask CLEANUP(json_putp) = json_pack("{s:s, s:[]}", "method", "stats", "args");
	int64_t left = 1;

	if (fd < 0) {
		err_sys(&e, fd, "control socket");
		die(&e);
	}
	while (left) {
		json *reply CLEANUP(json_putp) = NULL;

		if (luxi_write(fd, ask, 10, &e) < 0 || luxi_read(fd, &reply, 60, &e) < 0)
			die(&e);
		left = json_get_int(json_get(reply, "result"), "jobs_live", 0);
		if (left)
			nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_part(double *v, int n, double part)
{
	qsort(v, (size_t)n, sizeof(*v), by_value);
	printf("%.1f\n", v[(int)((n - 1) * part)] * 1e3);
}

static void rate(struct luxi_client *c, int n, const char *op)
{
	double start = clock_mono();

	for (int i = 0; i < n; i++)
		submit(c, op, i);
	wait_for_all();
	printf("%.0f\n", n / (clock_mono() - start));
}

static void one(struct luxi_client *c, int n, const char *op)
{
	double *v CLEANUP(freep) = xcalloc((size_t)n, sizeof(*v));

	for (int i = 0; i < n; i++) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		json *results = NULL;
		double start = clock_mono();

		if (job_wait(c, submit(c, op, i), NULL, NULL, NULL, &results, &e) < 0)
			die(&e);
		json_put(results);
		v[i] = clock_mono() - start;
	}
	print_part(v, n, 0.5);
}

static void ask(struct luxi_client *c, int n, const char *method, const char *args)
{
	double *v CLEANUP(freep) = xcalloc((size_t)n, sizeof(*v));

	for (int i = 0; i < n; i++) {
		double start = clock_mono();

		json_put(call(c, (enum luxi)luxi_find(method), parse(args)));
		v[i] = clock_mono() - start;
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
	print_part(v, n, 0.99);
}

static void many(struct luxi_client *c, int n, const char *op)
{
	json *jobs = json_new_array();

	for (int i = 0; i < n; i++)
		json_append(jobs, ops(op, i));
	json_put(call(c, LUXI_SubmitManyJobs, json_pack("[o]", jobs)));
}

int main(int argc, char **argv)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct luxi_client *c CLEANUP(luxi_closep) = NULL;
	int n = argc > 2 ? atoi(argv[2]) : 0;

	if (argc < 4 || n <= 0) {
		fputs("Usage: jobs rate|one|many N OPCODE | jobs ask N METHOD ARGS\n", stderr);
		return 1;
	}
	if (luxi_open(&c, &e) < 0)
		die(&e);
	if (str_eq(argv[1], "rate"))
		rate(c, n, argv[3]);
	else if (str_eq(argv[1], "one"))
		one(c, n, argv[3]);
	else if (str_eq(argv[1], "many"))
		many(c, n, argv[3]);
	else if (str_eq(argv[1], "ask") && argc > 4)
		ask(c, n, argv[3], argv[4]);
	return 0;
}
