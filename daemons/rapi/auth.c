/* The users file: "name password [options]", reread when it changes. */
#include "daemons/rapi/rapi.h"

#include "lib/base/log.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define REALM "Ganeti Remote API"
#define FILE_MAX (1024 * 1024)

struct user {
	char *name, *password;
	char *options; /* comma separated */
};

struct users {
	char *file;
	struct timespec mtime;
	off_t size;
	struct user *v;
	size_t n, cap;
};

static void clear(struct users *u)
{
	for (size_t i = 0; i < u->n; i++) {
		free(u->v[i].name);
		explicit_bzero(u->v[i].password, strlen(u->v[i].password));
		free(u->v[i].password);
		free(u->v[i].options);
	}
	u->n = 0;
}

struct users *users_new(const char *file)
{
	struct users *u = xcalloc(1, sizeof(*u));

	u->file = xstrdup(file);
	u->size = -1;
	return u;
}

void users_free(struct users *u)
{
	if (!u)
		return;
	clear(u);
	free(u->v);
	free(u->file);
	free(u);
}

/* The next word of the line, or NULL. Ends it in place. */
static char *word(char **p)
{
	char *start;

	while (isspace((unsigned char)**p))
		(*p)++;
	if (!**p)
		return NULL;
	start = *p;
	while (**p && !isspace((unsigned char)**p))
		(*p)++;
	if (**p)
		*(*p)++ = '\0';
	return start;
}

static void parse(struct users *u, char *text)
{
	char *line, *next = text;

	while ((line = next) && *line) {
		char *name, *password, *options;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		name = word(&line);
		if (!name || *name == '#')
			continue;
		password = word(&line);
		options = line; /* all the rest */
		if (!password) {
			log_warn("%s: user '%s' has no password", u->file, name);
			continue;
		}
		GROW(u->v, u->n, u->cap);
		u->v[u->n++] = (struct user){ xstrdup(name), xstrdup(password),
					      xstrdup(options) };
	}
}

static void reload(struct users *u)
{
	struct stat st;
	char *text = NULL;
	size_t n;
	int r;

	if (stat(u->file, &st) < 0) {
		clear(u);
		u->size = -1;
		return;
	}
	if (u->size == st.st_size && u->mtime.tv_sec == st.st_mtim.tv_sec &&
	    u->mtime.tv_nsec == st.st_mtim.tv_nsec)
		return;
	r = fs_read(u->file, FILE_MAX, &text, &n);
	if (r < 0) {
		log_error("can't read %s: %s", u->file, strerror(-r));
		return;
	}
	clear(u);
	parse(u, text);
	explicit_bzero(text, n);
	free(text);
	u->size = st.st_size;
	u->mtime = st.st_mtim;
}

static bool password_ok(struct arena *a, const struct user *u, const char *given)
{
	const char *want = u->password;

	if (*want != '{')
		return secret_eq(want, given);
	if (!strncasecmp(want, "{CLEARTEXT}", 11))
		return secret_eq(want + 11, given);
	if (!strncasecmp(want, "{HA1}", 5)) {
		char *hash = hash_md5_hex(a, arena_printf(a, "%s:" REALM ":%s", u->name, given));

		return secret_eq(hash, str_lower(a, want + 5));
	}
	/* never as it stands: who could read the hash could log in with it */
	log_warn("The password of user '%s' has an unknown scheme", u->name);
	return false;
}

static bool option_matches(struct arena *a, const char *options, const char *access)
{
	struct strs have = strs_split(a, options, ','), want = strs_split(a, access, ',');

	for (size_t i = 0; i < have.n; i++)
		if (strs_has(&want, str_strip(a, have.v[i])))
			return true;
	return false;
}

/* The user the request proves to be, or NULL. */
static const struct user *identify(struct users *u, struct arena *a, const char *header)
{
	const struct user *found = NULL;
	void *raw;
	char *text, *colon;
	size_t n;

	if (strncasecmp(header, "Basic ", 6) != 0 || base64_decode(a, header + 6, &raw, &n) < 0)
		return NULL;
	text = arena_strndup(a, raw, n);
	colon = strchr(text, ':');
	if (!colon)
		return NULL;
	*colon = '\0';
	for (size_t i = 0; i < u->n; i++)
		if (strcmp(u->v[i].name, text) == 0)
			found = &u->v[i];
	return found && password_ok(a, found, colon + 1) ? found : NULL;
}

int users_check(struct users *u, const struct http_req *r, struct arena *a, const char *access,
		bool required)
{
	const char *header = http_header(r, "Authorization");
	const struct user *who;

	if (!access && !required && !header)
		return 0;
	reload(u);
	who = header ? identify(u, a, header) : NULL;
	if (!who)
		return 401;
	/* upstream: "write" includes "read" only where a resource lists both */
	return access && !option_matches(a, who->options, access) ? 403 : 0;
}
