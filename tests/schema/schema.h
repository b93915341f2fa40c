/* The rows against upstream's published interface; see README here. */
#ifndef TESTS_SCHEMA_SCHEMA_H
#define TESTS_SCHEMA_SCHEMA_H
#include "lib/base/arena.h"
#include "lib/json/json.h"
#include "src/schema/schema.h"

struct compare {
	struct arena *a;
	json *dump;        /* of schema_dump --json */
	const char *dir;   /* with reference/ */
	json *types;       /* upstream's named types */
	struct rule {
		char *pattern, *reason;
		size_t used;
	} *rules;          /* allowed differences */
	size_t n_rules;
	size_t compared, differences;
	size_t digest; /* of what the differences are */
	/* to see whether all of the reference is compared: nothing is printed or allowed, no types are probed */
	bool trial;
	size_t leaf, leaves; /* the one to change; counted while loading */
	char *changed;       /* where it is */
};

/* --- compare.c --- */
json *reference(struct compare *c, const char *name); /* reference/NAME.json, or the program ends */
/* A difference at PATH, unless a rule allows it. */
void differs(struct compare *c, const char *path, const json *have, const json *want);
/* Is all of WANT in HAVE, are lists of named things the same lists? Keys that begin with ~ are notes. */
void same(struct compare *c, const char *path, const json *have, const json *want);
/* Neither has keys the other has not. */
void same_keys(struct compare *c, const char *path, const json *have, const json *want);

/* --- probe.c --- */
/* Does a field take the values that upstream's type takes, and no others? */
void probe(struct compare *c, const char *path, const struct field *f, const json *type, bool required);

#endif
