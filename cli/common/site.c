/* What happens outside of jobs is done by a program of its own; see cli/tools/site.c. */
#include "cli/common/common.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TIMEOUT 1800.0 /* the operator may have to type passwords */
#define RESULT_MAX (1 << 20)

/* The error the tool left in FD, or one about how it ended. */
static int failure(int fd, const struct run_result *r, struct err *e)
{
	char *text CLEANUP(freep) = xcalloc(1, RESULT_MAX);
	char *why CLEANUP(freep) = NULL;
	json *j CLEANUP(json_putp) = NULL;
	ssize_t n = pread(fd, text, RESULT_MAX - 1, 0);

	if (n > 0 && json_parse(text, (size_t)n, &j, NULL) == 0)
		return err_from_json(j, e);
	why = run_fail_reason(r);
	return err_set(e, ERR_EXEC, NULL, "%s %s", path_of(PATH_SITE_TOOL), why);
}

int cli_site(struct cli *c, const char *operation, json *args, struct err *e)
{
	int fd CLEANUP(closep) = memfd_create("result", 0);
	const int keep[] = { fd, -1 };
	struct run_result r CLEANUP(run_result_free) = { 0 };
	char *input CLEANUP(freep) = json_dump(args);
	const char *argv[] = { path_of(PATH_SITE_TOOL), operation, arena_printf(c->a, "%d", fd), NULL };
	struct run run = { .argv = argv, .env = (const char *const *)environ, .input = input,
			   .input_len = strlen(input), .inherit_stdio = true, .keep_fds = keep,
			   .timeout = TIMEOUT };

	json_put(args);
	if (fd < 0)
		return err_plain(e, "no memory for a file");
	TRY(run_cmd(&run, &r, e));
	if (r.status == EXIT_SITE_SAID)
		return 1;
	return r.status == 0 ? 0 : failure(fd, &r, e);
}
