/*
 * gnt-site OPERATION FD: the part of gnt-cluster init, gnt-cluster destroy and gnt-node add that runs
 * outside of jobs. A program of its own so that the gnt-* commands, most of which only talk to the
 * master, need neither SQLite nor OpenSSL. Arguments are a JSON dict on standard input; an error is
 * written to descriptor FD as on the wire.
 */
#include "src/site/site.h"

#include "lib/base/parse.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INPUT_MAX (16u << 20)

static int read_input(json **ret, struct err *e)
{
	struct str s CLEANUP(str_free) = { 0 };
	char buf[16384];
	size_t n;

	while ((n = fread(buf, 1, sizeof(buf), stdin)) > 0 && s.len < INPUT_MAX)
		str_addn(&s, buf, n);
	return json_parse(str_get(&s), s.len, ret, e);
}

static int join(const json *args, struct err *e)
{
	const struct site_join j = {
		.name = json_get_str(args, "name"),
		.ip = json_get_str(args, "ip"),
		.ssh_port = (int)json_get_int(args, "ssh_port", 22),
		.ssh_key_check = json_get_bool(args, "ssh_key_check", true),
		.force_join = json_get_bool(args, "force_join", false),
		.verbose = json_get_bool(args, "verbose", false),
		.no_node_setup = json_get_bool(args, "no_node_setup", false),
	};

	return site_join_node(&j, e);
}

/* 1 = what is wrong was printed. RET: a result to be written where errors go; NULL = none */
static int run(const char *operation, json **ret, struct err *e)
{
	json *args CLEANUP(json_putp) = NULL;

	*ret = NULL;

	if (read_input(&args, e) < 0)
		return -1;
	if (strcmp(operation, "init") == 0)
		return site_init(args, e);
	if (strcmp(operation, "destroy") == 0)
		return site_destroy_finish(json_get_str(args, "master"), e);
	if (strcmp(operation, "failover") == 0)
		return site_failover(json_get_bool(args, "no_voting", false),
				     json_get_bool(args, "ignore_offline", true), e);
	if (strcmp(operation, "join") == 0)
		return join(args, e);
	if (strcmp(operation, "virt") == 0)
		return site_aside_work(args, ret, e);
	return err_plain(e, "unknown operation '%s'", operation);
}

static bool tell(int fd, json *j)
{
	json *own CLEANUP(json_putp) = j;
	char *s CLEANUP(freep) = json_dump(own);
	size_t n = strlen(s);

	return write(fd, s, n) == (ssize_t)n;
}

int main(int argc, char **argv)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *result;
	int64_t fd;
	int rc;

	if (argc != 3 || parse_int(argv[2], &fd) < 0) {
		fprintf(stderr, "gnt-site is run by gnt-cluster and gnt-node\n");
		return EXIT_FAILURE;
	}
	rc = run(argv[1], &result, &e);
	if (rc > 0)
		return EXIT_SITE_SAID;
	if (rc == 0)
		return !result || tell((int)fd, result) ? EXIT_SUCCESS : EXIT_FAILURE;
	if (!tell((int)fd, err_to_json(&e)))
		fprintf(stderr, "gnt-site: %s\n", err_msg(&e));
	return EXIT_FAILURE;
}
