/*
 * durable [ROUNDS]: the median time in ms, as a client sees it, of a change of the configuration (a job filter) by the
 * master of this node: committed, and acknowledged by as many candidates as it takes.
 */
#include "src/client/client.h"

#include "lib/base/clock.h"
#include "lib/base/parse.h"

#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static json *filter(const char *uuid, int64_t priority)
{
	return json_pack("[s, I, [], s, [[s, s, i]]]", uuid, priority, "CONTINUE", "bench", "", 1);
}

int main(int argc, char **argv)
{
	struct err e = ERR_NONE;
	struct luxi_client *c = NULL;
	int64_t rounds = 200;
	json *uuid = NULL;
	double *ms;

	if (argc > 1 && (parse_int(argv[1], &rounds) < 0 || rounds < 1))
		return 2;
	ms = xcalloc((size_t)rounds, sizeof(*ms));
	if (luxi_open(&c, &e) < 0 || luxi_call(c, LUXI_ReplaceFilter, filter(NULL, 1), &uuid, &e) < 0) {
		fprintf(stderr, "durable: %s\n", err_msg(&e));
		return 1;
	}
	for (int64_t i = 0; i < rounds; i++) {
		double start = clock_mono();
		json *same = NULL;

		if (luxi_call(c, LUXI_ReplaceFilter, filter(json_str(uuid), i % 90), &same, &e) < 0) {
			fprintf(stderr, "durable: %s\n", err_msg(&e));
			return 1;
		}
		ms[i] = (clock_mono() - start) * 1000;
		json_put(same);
	}
	qsort(ms, (size_t)rounds, sizeof(*ms), compare);
	printf("%.2f\n", ms[rounds / 2]);
	luxi_call(c, LUXI_DeleteFilter, json_pack("[O]", uuid), NULL, NULL);
	json_put(uuid);
	luxi_closep(&c);
	free(ms);
	return 0;
}
