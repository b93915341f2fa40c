/* OS definitions on disk: finding them and telling what is wrong with one. Upstream: DiagnoseOS */
#include "src/node/priv.h"

#include "lib/base/parse.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define API_FILE "ganeti_api_version"
#define VARIANTS_FILE "variants.list"
#define PARAMETERS_FILE "parameters.list"
#define FILE_MAX (1u << 20)

/* the versions of the interface spoken here */
static const int64_t known_versions[] = { 10, 15, 20 };

const char *os_name_only(struct arena *a, const char *name)
{
	return arena_strndup(a, name, strcspn(name, "+"));
}

const char *os_variant(struct arena *a, const char *name)
{
	const char *plus = strchr(name, '+');

	return plus ? arena_strndup(a, plus + 1, strcspn(plus + 1, "+")) : "";
}

static const char *errno_name(int n)
{
	const char *s = strerrorname_np(n < 0 ? -n : n);

	return s ? s : "unknown error";
}

/* Lines of a text as Python's splitlines() gives them: no empty one at the end. */
static struct strs lines_of(struct arena *a, const char *text)
{
	struct strs l = strs_split(a, text, '\n');

	if (l.n && !*l.v[l.n - 1])
		l.n--;
	return l;
}

static const char *version_list(struct arena *a, const struct os_def *os)
{
	struct strs l = { 0 };

	for (size_t i = 0; i < os->n_versions; i++)
		strs_add(a, &l, arena_printf(a, "%lld", (long long)os->versions[i]));
	return arena_printf(a, "[%s]", strs_join(a, &l, ", "));
}

static int read_versions(struct arena *a, const char *shown, struct os_def *os, struct err *e)
{
	const char *path = arena_printf(a, "%s/" API_FILE, os->path);
	char *text CLEANUP(freep) = NULL;
	struct strs l;
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return err_plain(e, "Required file '%s' not found under path %s: %s", API_FILE,
				 shown, errno_name(errno));
	if (!S_ISREG(st.st_mode))
		return err_plain(e, "File '%s' in %s is not a regular file", API_FILE, shown);
	r = fs_read(path, FILE_MAX, &text, NULL);
	if (r < 0)
		return err_plain(e, "Error while reading the API version file at %s: %s", path,
				 errno_name(r));
	l = lines_of(a, text);
	for (size_t i = 0; i < l.n; i++) {
		const char *line = str_strip(a, l.v[i]);
		int64_t v;

		if (parse_int(line, &v) < 0 || os->n_versions == ARRAY_SIZE(os->versions))
			return err_plain(e,
					 "API version(s) can't be converted to integer: invalid"
					 " literal for int() with base 10: '%s'",
					 line);
		os->versions[os->n_versions++] = v;
		for (size_t k = 0; k < ARRAY_SIZE(known_versions); k++)
			if (v == known_versions[k] && v > os->api)
				os->api = v;
	}
	if (!os->api)
		return err_plain(e,
				 "API version mismatch for path '%s': found %s, want"
				 " frozenset({10, 20, 15}).",
				 shown, version_list(a, os));
	return 0;
}

static int64_t highest(const struct os_def *os)
{
	int64_t max = 0;

	for (size_t i = 0; i < os->n_versions; i++)
		if (os->versions[i] > max)
			max = os->versions[i];
	return max;
}

int plugin_file(struct arena *a, const char *dir, const char *name, bool required, bool script,
		const char **ret, struct err *e)
{
	const char *path = arena_printf(a, "%s/%s", dir, name), *shown = env_strip_root(a, dir);
	struct stat st;

	*ret = NULL;
	if (stat(path, &st) < 0) {
		if (errno == ENOENT && !required)
			return 0;
		return err_plain(e, "File '%s' under path '%s' is missing (%s)", name, shown,
				 errno_name(errno));
	}
	if (!S_ISREG(st.st_mode))
		return err_plain(e, "File '%s' under path '%s' is not a regular file", name, shown);
	if (script && !(st.st_mode & S_IXUSR))
		return err_plain(e, "File '%s' under path '%s' is not executable", name, shown);
	*ret = path;
	return 0;
}

static int read_variants(struct arena *a, const char *path, struct os_def *os, struct err *e)
{
	char *text CLEANUP(freep) = NULL;
	struct strs l;
	int r = path ? fs_read(path, FILE_MAX, &text, NULL) : -ENOENT;

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_plain(e, "Error while reading the OS variants file at %s: %s", path,
				 errno_name(r));
	l = lines_of(a, text);
	for (size_t i = 0; i < l.n; i++) {
		const char *line = str_strip(a, l.v[i]);

		if (*line && *line != '#')
			strs_add(a, &os->variants, line);
	}
	return 0;
}

int plugin_parameters(struct arena *a, const char *kind, const char *path, json **ret, struct err *e)
{
	char *text CLEANUP(freep) = NULL;
	struct strs l;
	int r = path ? fs_read(path, FILE_MAX, &text, NULL) : 0;

	*ret = json_own(a, json_new_array());
	if (!path)
		return 0;
	if (r < 0)
		return err_plain(e, "Error while reading the %s parameters file at %s: %s", kind,
				 path, errno_name(r));
	l = lines_of(a, text);
	for (size_t i = 0; i < l.n; i++) {
		const char *line = str_strip(a, l.v[i]);
		size_t n = strcspn(line, " \t");

		if (*line)
			json_append(*ret, json_pack("[o, s]", json_new_strn(line, n),
						    line + n + strspn(line + n, " \t")));
	}
	return 0;
}

/* Upstream: _TryOSFromDisk. SHOWN: the directory as the master knows it. */
static int load(struct arena *a, const char *name, const char *dir, struct os_def **ret,
		struct err *e)
{
	struct os_def *os = ARENA_NEW(a, struct os_def);
	const char *shown = env_strip_root(a, dir), *variants = NULL, *parameters = NULL;

	os->name = name;
	os->path = dir;
	TRY(read_versions(a, shown, os, e));
	TRY(plugin_file(a, dir, "create", false, true, &os->create, e));
	TRY(plugin_file(a, dir, "create_untrusted", false, true, &os->create_untrusted, e));
	TRY(plugin_file(a, dir, "export", true, true, &os->export, e));
	TRY(plugin_file(a, dir, "import", true, true, &os->import, e));
	TRY(plugin_file(a, dir, "rename", true, true, &os->rename, e));
	if (highest(os) >= 15)
		TRY(plugin_file(a, dir, VARIANTS_FILE, false, false, &variants, e));
	if (highest(os) >= 20) {
		TRY(plugin_file(a, dir, "verify", true, true, &os->verify, e));
		TRY(plugin_file(a, dir, PARAMETERS_FILE, true, false, &parameters, e));
	}
	if (!os->create && !os->create_untrusted)
		return err_plain(e,
				 "A create script (trusted or untrusted) under path '%s' must exist",
				 shown);
	TRY(read_variants(a, variants, os, e));
	TRY(plugin_parameters(a, "OS", parameters, &os->parameters, e));
	*ret = os;
	return 0;
}

int os_find(struct arena *a, const char *name, struct os_def **ret, struct err *e)
{
	const char *dir = find_plugin(a, path_of(PATH_OS_SEARCH_DIRS), name, S_IFDIR);

	if (!dir)
		return err_plain(e, "Directory for OS %s not found in search path", name);
	return load(a, name, dir, ret, e);
}

static json *row(struct arena *a, const char *name, const char *dir)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *versions = json_new_array();
	const char *shown = env_strip_root(a, dir);
	struct os_def *os;
	struct stat st;
	int r;

	if (!is_plugin_name(name) || stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
		r = err_plain(&e, "Directory for OS %s not found in search path", name);
	else
		r = load(a, name, dir, &os, &e);
	if (r < 0)
		return json_pack("[s, s, b, s, [], [], o, b]", name, shown, 0, err_msg(&e),
				 versions, 1);
	for (size_t i = 0; i < os->n_versions; i++)
		json_append(versions, json_new_int(os->versions[i]));
	return json_pack("[s, s, b, s, o, O, o, b]", name, shown, 1, "",
			 json_new_strs(&os->variants), os->parameters, versions,
			 !os->create_untrusted);
}

json *os_diagnose(struct arena *a)
{
	struct strs dirs = strs_split(a, path_of(PATH_OS_SEARCH_DIRS), ':');
	json *rows = json_new_array();

	for (size_t i = 0; i < dirs.n; i++) {
		struct strs names = { 0 };

		if (fs_list(a, dirs.v[i], &names) < 0)
			continue;
		for (size_t k = 0; k < names.n; k++)
			if (*names.v[k] != '.')
				json_append(rows,
					    row(a, names.v[k],
						arena_printf(a, "%s/%s", dirs.v[i], names.v[k])));
	}
	return rows;
}
