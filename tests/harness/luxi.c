/*
 * luxi METHOD [ARGS-JSON]: one request to the master, the reply's result on standard output as
 * compact JSON; an error as the JSON sent, on standard error, with exit code 1.
 * luxi --raw TEXT...: each TEXT, and the end byte, as they are on one connection; replies one a
 * line. luxi --control METHOD [ARGS-JSON]: the same as the first, on the control socket.
 */
#include "src/client/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT 120.0

static int fail(const char *what, const struct err *e)
{
	fprintf(stderr, "luxi: %s: %s\n", what, err_msg(e));
	return 2;
}

static void print(const json *j, FILE *f)
{
	char *text CLEANUP(freep) = json_dump(j);

	fprintf(f, "%s\n", text);
}

static int read_one(int fd, json **ret, struct err *e)
{
	return luxi_read(fd, ret, TIMEOUT, e);
}

static int raw(int fd, char **texts)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	int n = 0;

	for (; texts[n]; n++)
		if (send(fd, texts[n], strlen(texts[n]), MSG_NOSIGNAL) < 0 ||
		    send(fd, "\3", 1, MSG_NOSIGNAL) < 0)
			return err_sys(&e, 1, "send"), fail("send", &e);
	for (int i = 0; i < n; i++) {
		json *reply CLEANUP(json_putp) = NULL;

		if (read_one(fd, &reply, &e) < 0)
			return fail("no reply", &e);
		print(reply, stdout);
	}
	return 0;
}

static int ask(int fd, const char *method, const char *args_text)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *args = NULL, *request CLEANUP(json_putp) = NULL, *reply CLEANUP(json_putp) = NULL;

	if (json_parse(args_text, strlen(args_text), &args, &e) < 0)
		return fail(args_text, &e);
	request = json_pack("{s:s, s:o}", "method", method, "args", args);
	if (luxi_write(fd, request, TIMEOUT, &e) < 0 || read_one(fd, &reply, &e) < 0)
		return fail(method, &e);
	if (!json_get_bool(reply, "success", false)) {
		print(json_get(reply, "result"), stderr);
		return 1;
	}
	print(json_get(reply, "result"), stdout);
	return 0;
}

static int send_stdin(int fd)
{
	char buf[65536];
	size_t n;

	while ((n = fread(buf, 1, sizeof(buf), stdin)) > 0)
		if (send(fd, buf, n, MSG_NOSIGNAL) < 0)
			return 0; /* it was cut off, which is fine */
	return 0;
}

int main(int argc, char **argv)
{
	const char *path = getenv("LUXI_SOCKET");
	bool control = argc > 1 && strcmp(argv[1], "--control") == 0;
	int shift = control ? 1 : 0, fd;
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (argc < 2 + shift) {
		fputs("Usage: luxi [--control] METHOD [ARGS] | --raw TEXT... | --send\n", stderr);
		return 2;
	}
	if (!path)
		path = path_of(control ? PATH_MASTERD_CONTROL : PATH_QUERY_SOCKET);
	fd = unix_connect(path, 10);
	if (fd < 0) {
		err_sys(&e, fd, "connect");
		return fail(path, &e);
	}
	if (strcmp(argv[1], "--send") == 0)
		return send_stdin(fd);
	if (strcmp(argv[1], "--raw") == 0)
		return raw(fd, argv + 2);
	return ask(fd, argv[1 + shift], argc > 2 + shift ? argv[2 + shift] : "[]");
}
