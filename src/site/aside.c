/* What takes long is done by another process meanwhile: keys for migration certificates, libvirtd's restart. */
#include "src/site/priv.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESULT_MAX (1u << 20)

/* The error the process left, or one about how it ended. */
static int failure(const char *text, int status, struct err *e)
{
	json *j CLEANUP(json_putp) = NULL;

	if (*text && json_parse(text, strlen(text), &j, NULL) == 0)
		return err_from_json(j, e);
	return err_set(e, ERR_EXEC, NULL, "%s ended with status %d", path_of(PATH_SITE_TOOL),
		       WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

int site_aside_start(json *args, struct site_aside *ret, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	int fd = memfd_create("result", MFD_CLOEXEC);
	const int keep[] = { fd, -1 };
	char *input CLEANUP(freep) = json_dump(args);
	const char *argv[] = { path_of(PATH_SITE_TOOL), "virt", arena_printf(a, "%d", fd), NULL };
	struct run run = { .argv = argv, .env = env_of_programs(a), .input = input,
			   .input_len = strlen(input), .stderr_fd = STDERR_FILENO, .keep_fds = keep,
			   .death_signal = SIGTERM };
	pid_t pid;

	json_put(args);
	if (fd < 0)
		return err_sys(e, errno, "Can't make a file in memory");
	pid = run_start(&run);
	if (pid < 0) {
		close(fd);
		return err_sys(e, (int)pid, "Can't start %s", argv[0]);
	}
	*ret = (struct site_aside){ .pid = pid, .fd = fd };
	return 0;
}

int site_aside_wait(struct site_aside *s, json **ret, struct err *e)
{
	char *text CLEANUP(freep) = xcalloc(1, RESULT_MAX);
	int fd CLEANUP(closep) = s->fd, status = 0;
	ssize_t n;

	while (waitpid(s->pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, errno, "Can't wait for %s", path_of(PATH_SITE_TOOL));
	*s = (struct site_aside){ 0 };
	n = pread(fd, text, RESULT_MAX - 1, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return failure(n > 0 ? text : "", status, e);
	*ret = NULL;
	return n > 0 ? json_parse(text, (size_t)n, ret, e) : 0;
}

void site_aside_drop(struct site_aside *s)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *result = NULL;

	if (!s->pid)
		return;
	kill(s->pid, SIGTERM);
	if (site_aside_wait(s, &result, &e) == 0)
		json_put(result);
}

int site_aside_work(const json *args, json **ret, struct err *e)
{
	const char *ca_of = json_get_str(args, "ca_of"), *name = json_get_str(args, "name");
	json *bundle CLEANUP(json_putp) = NULL;

	if (ca_of && site_make_virt_ca(ca_of, e) < 0)
		return -1;
	if (name && site_virt_bundle(name, json_get_str(args, "ip"), &bundle, e) < 0)
		return -1;
	if (!json_get_bool(args, "install", false)) {
		*ret = STEAL(bundle);
		return 0;
	}
	*ret = NULL;
	if (bundle && site_install_virt_bundle(bundle, e) < 0)
		return -1;
	return site_daemon("reload-libvirt", NULL, e);
}
