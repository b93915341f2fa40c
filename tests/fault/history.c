/*
 * history load FOLDER NUMBER SEED: one client, until FOLDER/stop exists.
 * history check FOLDER [moved]: what all clients were told against what there is. "moved": another node was the
 * master before, whose job files are there. Exit code 1: something is
 * wrong, and the lines say what.
 */
#include "tests/fault/history.h"

#include "lib/base/parse.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	int64_t number, seed;

	if (argc == 5 && str_eq(argv[1], "load") && parse_int(argv[3], &number) == 0 &&
	    parse_int(argv[4], &seed) == 0)
		return load(argv[2], (int)number, seed);
	if (argc == 3 && str_eq(argv[1], "check"))
		return check(argv[2], true);
	if (argc == 4 && str_eq(argv[1], "check") && str_eq(argv[3], "moved"))
		return check(argv[2], false);
	fputs("Usage: history load FOLDER NUMBER SEED | history check FOLDER [moved]\n", stderr);
	return 2;
}
