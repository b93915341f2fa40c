/* mkhtools SEED [NODES INSTANCES [TRAIT...]]: an invented cluster on stdout, see htkit.h. */
#include "tests/harness/htkit.h"

#include "lib/base/parse.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct str s CLEANUP(str_free) = { 0 };
	struct strs traits = { 0 };
	int64_t v[3] = { 0, 0, 0 };

	for (int i = 1; i < argc; i++) {
		if (i > 3)
			strs_add(a, &traits, argv[i]);
		else if (parse_int(argv[i], &v[i - 1]) < 0)
			return 2;
	}
	if (argc < 2 || v[1] < 0 || v[1] > HTKIT_NODES_MAX || v[2] < 0 || v[2] > HTKIT_INSTS_MAX)
		return 2;
	htkit_cluster(&s, (uint64_t)v[0], (int)v[1], (int)v[2], &traits);
	fwrite(str_get(&s), 1, s.len, stdout);
	return 0;
}
