/*
 * Logins by ssh between nodes. Two files: root's authorized_keys (who may log in here) and the list
 * of all nodes' public keys, "<node uuid> <key>" per line, which nodes keep that may become master
 * candidates. Upstream: ssh.py
 */
#include "src/env/priv.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (16u << 20)
#define LOCK_TIMEOUT 10

const char *sshkeys_authorized_file(struct arena *a)
{
	const struct passwd *pw = env_virtual() ? NULL : getpwuid(0);

	return env_add_root(a, arena_printf(a, "%s/.ssh/authorized_keys",
					    pw && pw->pw_dir ? pw->pw_dir : "/root"));
}

int sshkeys_lock(struct err *e)
{
	const char *path = path_of(PATH_SSH_KEYS_LOCK_FILE);
	int fd = lockfile_take(path, true, LOCK_TIMEOUT);

	return fd < 0 ? err_sys(e, fd, "Can't lock %s", path) : fd;
}

/* The text of a file; a missing one is empty. */
static int read_text(struct arena *a, const char *path, const char **ret, struct err *e)
{
	char *text CLEANUP(freep) = NULL;
	int r = fs_read(path, FILE_MAX, &text, NULL);

	if (r < 0 && r != -ENOENT)
		return err_sys(e, r, "Can't read %s", path);
	*ret = r < 0 ? "" : arena_strdup(a, text);
	return 0;
}

static int write_text(const char *path, const struct str *text, struct err *e)
{
	struct fs_attr attr = { .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1, .sync = true };
	int r = fs_write_atomic(path, str_get(text), text->len, &attr);

	return r < 0 ? err_sys(e, r, "Can't write %s", path) : 0;
}

/* The second word of a public key, which is what tells keys apart; "" when there is none. */
static const char *key_data(struct arena *a, const char *key)
{
	struct strs words = strs_split(a, str_strip(a, key), ' ');

	return words.n > 1 ? words.v[1] : "";
}

static bool has_word(const char *line, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = line; *word && (p = strstr(p, word)); p += n)
		if ((p == line || strchr(" \t", p[-1])) && strchr(" \t\r\n", p[n]))
			return true; /* strchr() finds the end of the text, too */
	return false;
}

/* Does a line of LINES hold KEY? */
static bool is_authorized(struct arena *a, const struct strs *lines, const char *key)
{
	const char *data = key_data(a, key);

	for (size_t i = 0; i < lines->n; i++)
		if (*lines->v[i] != '#' && has_word(lines->v[i], data))
			return true;
	return false;
}

static bool holds_any(struct arena *a, const char *line, const struct strs *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		if (has_word(line, key_data(a, keys->v[i])))
			return true;
	return false;
}

int sshkeys_authorize(const struct strs *keys, bool allowed, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct str out CLEANUP(str_free) = { 0 };
	const char *path = sshkeys_authorized_file(a), *text;
	char *dir = arena_strdup(a, path);
	struct strs lines;
	int r;

	*strrchr(dir, '/') = '\0';
	r = fs_mkdirs(dir, 0700);
	if (r < 0)
		return err_sys(e, r, "Can't create %s", dir);
	if (read_text(a, path, &text, e) < 0)
		return -1;
	lines = strs_split(a, text, '\n');
	if (lines.n && !*lines.v[lines.n - 1])
		lines.n--;
	for (size_t i = 0; i < lines.n; i++)
		if (allowed || *lines.v[i] == '#' || !holds_any(a, lines.v[i], keys))
			str_addf(&out, "%s\n", lines.v[i]);
	for (size_t i = 0; allowed && i < keys->n; i++) {
		const char *key = str_strip(a, keys->v[i]);

		if (!*key_data(a, key) || strchr(key, '\n'))
			return err_plain(e, "'%s' is not a public key", key);
		if (is_authorized(a, &lines, key))
			continue;
		str_addf(&out, "%s\n", key);
		strs_add(a, &lines, key);
	}
	return strcmp(str_get(&out), text) == 0 ? 0 : write_text(path, &out, e);
}

int sshkeys_read(struct arena *a, json **ret, struct err *e)
{
	json *keys = json_own(a, json_new_dict());
	const char *text;
	struct strs lines;

	if (read_text(a, path_of(PATH_SSH_PUB_KEYS), &text, e) < 0)
		return -1;
	lines = strs_split(a, text, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		const char *line = str_strip(a, lines.v[i]);
		size_t n = strcspn(line, " ");
		const char *id = arena_strndup(a, line, n);

		if (!*line || *line == '#' || !line[n])
			continue;
		if (!json_get(keys, id))
			json_set(keys, id, json_new_array());
		json_append(json_get(keys, id), json_new_str(str_strip(a, line + n)));
	}
	*ret = keys;
	return 0;
}

int sshkeys_write(const json *keys, struct err *e)
{
	struct str out CLEANUP(str_free) = { 0 };

	json_each(keys, id, list)
		json_items(list, i, key)
			if (json_str(key))
				str_addf(&out, "%s %s\n", id, json_str(key));
	return write_text(path_of(PATH_SSH_PUB_KEYS), &out, e);
}
