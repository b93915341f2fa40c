/* Defaults. */
#include "htools/algo/algo.h"

const struct ht_algo_opts ht_algo_defaults = {
	.disk_moves = true,
	.inst_moves = true,
	.min_gain = 1e-2,
	.min_gain_limit = 1e-1,
	.long_solution_threshold = 1000,
	.capacity = true,
};
