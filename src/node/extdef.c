/* Providers of external storage on disk. Upstream: DiagnoseExtStorage */
#include "src/node/priv.h"

#include <sys/stat.h>

static const struct {
	const char *name;
	bool required, script;
} files[] = {
	{ "create", true, true }, { "remove", true, true },           { "grow", true, true },
	{ "attach", true, true }, { "detach", true, true },           { "setinfo", true, true },
	{ "verify", true, true }, { "snapshot", false, true },        { "open", false, true },
	{ "close", false, true }, { "parameters.list", true, false },
};

static int check(struct arena *a, const char *name, const char *dir, json **ret_parameters,
		 struct err *e)
{
	const char *path = NULL;
	struct stat st;

	if (!is_plugin_name(name) || stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_plain(e,
				 "Directory for External Storage Provider %s not found in search "
				 "path",
				 name);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		TRY(plugin_file(a, dir, files[i].name, files[i].required, files[i].script, &path,
				e));
	return plugin_parameters(a, "EXT", path, ret_parameters, e); /* the last of them */
}

/* [name, path, status, message, parameters] */
static json *row(struct arena *a, const char *name, const char *dir)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *parameters = NULL;
	bool good = check(a, name, dir, &parameters, &e) == 0;

	return json_pack("[s, s, b, s, o]", name, env_strip_root(a, dir), good,
			 good ? "" : err_msg(&e), good ? json_ref(parameters) : json_new_array());
}

int node_extstorage_diagnose(struct node_ctx *ctx, const struct rpc_extstorage_diagnose *args,
			     json **ret, struct err *e)
{
	struct strs dirs = strs_split(ctx->a, path_of(PATH_ES_SEARCH_DIRS), ':');

	(void)args;
	(void)e;
	*ret = json_new_array();
	for (size_t i = 0; i < dirs.n; i++) {
		struct strs names = { 0 };

		if (fs_list(ctx->a, dirs.v[i], &names) < 0)
			continue;
		for (size_t k = 0; k < names.n; k++)
			json_append(*ret,
				    row(ctx->a, names.v[k],
					arena_printf(ctx->a, "%s/%s", dirs.v[i], names.v[k])));
	}
	return 0;
}
