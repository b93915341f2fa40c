/*
 * prepare-node-join, node-daemon-setup: run on a new node over ssh by gnt-node add, JSON on standard input.
 * One program, named by how it is called.
 */
#include "src/site/site.h"

#include <stdio.h>
#include <string.h>

#define INPUT_MAX (16u << 20)

static int read_input(json **ret, struct err *e)
{
	struct str s CLEANUP(str_free) = { 0 };
	char buf[16384];
	size_t n;

	while ((n = fread(buf, 1, sizeof(buf), stdin)) > 0) {
		str_addn(&s, buf, n);
		if (s.len > INPUT_MAX)
			return err_plain(e, "Too much input");
	}
	return json_parse(str_get(&s), s.len, ret, e);
}

static int with_input(int (*fn)(const json *data, struct err *e), struct err *e)
{
	json *data CLEANUP(json_putp) = NULL;

	if (read_input(&data, e) < 0)
		return -1;
	if (!json_is(data, JSON_DICT))
		return err_plain(e, "The input is not a JSON object");
	return fn(data, e);
}

static int run(const char *name, struct err *e)
{
	if (strcmp(name, "prepare-node-join") == 0)
		return with_input(site_prepare_join, e);
	if (strcmp(name, "node-daemon-setup") == 0)
		return with_input(site_setup_agent, e);
	return err_plain(e, "this program is called by other names");
}

int main(int argc, char **argv)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "";

	if (run(name, &e) == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "%s: %s\n", name, err_msg(&e));
	return EXIT_FAILURE;
}
