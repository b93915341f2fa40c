/* Where things are, and the virtual cluster that moves them. */
#include "src/env/priv.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FQDN_MAX 256

static const struct path_row rows[PATH_COUNT] = {
#define PATH(id, where, ...) [PATH_##id] = { .location = where, ##__VA_ARGS__ },
#include "src/env/paths.def"
#undef PATH
};

const struct path_row *path_row(enum path id)
{
	return &rows[id];
}

/* A virtual cluster that is set up wrongly must not touch the real paths. */
static void __attribute__((noreturn)) bad_environment(const char *text)
{
	fprintf(stderr, "%s\n", text);
	exit(EXIT_FAILURE);
}

const char *env_root(void)
{
	static char *root, *from;
	const char *env = getenv("GANETI_ROOTDIR");
	size_t n;

	if (!env || !*env)
		return "";
	if (from && strcmp(from, env) == 0)
		return root;
	n = strlen(env);
	while (n > 1 && env[n - 1] == '/')
		n--;
	free(from);
	free(root);
	from = xstrdup(env);
	root = xstrndup(env, n);
	if (!fs_is_norm_abs(root) || n < 2)
		bad_environment("The root directory in GANETI_ROOTDIR must be an absolute,"
				" normalized path");
	return root;
}

bool env_virtual(void)
{
	return *env_root() != '\0';
}

/* A program, and where it was installed to? Lists of directories are for the administrator. */
static bool is_program(const char *location)
{
	if (strchr(location, ':'))
		return false;
	return fs_is_below(location, PKGLIBDIR) || fs_is_below(location, PKGDATADIR) ||
	       strcmp(location, PKGDATADIR) == 0;
}

/* LOCATION as it is on this machine, malloc'ed. Every part of a list of directories moves. */
static char *place(const struct path_row *row)
{
	const char *lib = getenv("GANETI_LIBDIR");
	struct str s CLEANUP(str_free) = { 0 };

	if (row->fixed || !env_virtual())
		return xstrdup(row->location);
	if (is_program(row->location)) {
		if (lib && fs_is_below(row->location, PKGLIBDIR))
			return xasprintf("%s%s", lib, row->location + strlen(PKGLIBDIR));
		return xstrdup(row->location);
	}
	for (const char *p = row->location; *p; p++) {
		if (p == row->location || p[-1] == ':')
			str_add(&s, env_root());
		str_addc(&s, *p);
	}
	return str_steal(&s);
}

const char *path_of(enum path id)
{
	static char *cache[PATH_COUNT];
	static char *cached_for;
	const char *root = env_root();

	if (!cached_for || strcmp(cached_for, root) != 0) {
		for (int i = 0; i < PATH_COUNT; i++) {
			free(cache[i]);
			cache[i] = NULL;
		}
		free(cached_for);
		cached_for = xstrdup(root);
	}
	if (!cache[id])
		cache[id] = place(&rows[id]);
	return cache[id];
}

char *path_in(struct arena *a, enum path dir, const char *fmt, ...)
{
	va_list ap;
	char *name;

	va_start(ap, fmt);
	name = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return arena_printf(a, "%s/%s", path_of(dir), name);
}

char *env_add_root(struct arena *a, const char *path)
{
	return arena_printf(a, "%s%s", env_root(), path);
}

char *env_strip_root(struct arena *a, const char *path)
{
	const char *root = env_root();

	if (*root && strcmp(path, root) == 0)
		return arena_strdup(a, "/");
	return arena_strdup(a, *root && fs_is_below(path, root) ? path + strlen(root) : path);
}

const char *env_hosts_file(void)
{
	return env_virtual() ? path_of(PATH_ETC_HOSTS) : NULL;
}

/* The full name of NAME as the system's resolver has it, as Python's getfqdn() finds it. */
static char *full_name(const char *name)
{
	struct addrinfo hints = { .ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char *full;

	if (strchr(name, '.') || getaddrinfo(name, NULL, &hints, &found) != 0)
		return xstrdup(name);
	full = xstrdup(found->ai_canonname && strchr(found->ai_canonname, '.') ?
			       found->ai_canonname :
			       name);
	freeaddrinfo(found);
	return full;
}

const char *env_hostname(void)
{
	static char *real, *known_as;
	const char *env = getenv("GANETI_HOSTNAME");
	char name[FQDN_MAX] = "";

	if (env_virtual()) {
		if (!env || !*env)
			bad_environment("GANETI_ROOTDIR is set, but GANETI_HOSTNAME is not");
		return env;
	}
	if (gethostname(name, sizeof(name) - 1) < 0 || !*name)
		snprintf(name, sizeof(name), "localhost");
	if (!known_as || strcmp(known_as, name) != 0) {
		free(real);
		free(known_as);
		known_as = xstrdup(name);
		real = full_name(name);
	}
	return real;
}
