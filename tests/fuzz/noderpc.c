/*
 * Node RPC arguments: "<call> <JSON>". Decoded by their rows and run in a virtual root with the fake
 * hypervisor; the answer has to be valid JSON of the right form. Calls that run programs named by
 * the caller, or only wait, are decoded but not run.
 */
#include "lib/base/log.h"
#include "src/env/env.h"
#include "src/node/node.h"
#include "src/rpc/rpc.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char root[] = "/tmp/ganeti-fuzz.XXXXXX";

static void clean_up(void)
{
	fs_remove_tree(root);
}

static void set_up(void)
{
	static const char paths[] = "/srv/ganeti\n";

	if (!mkdtemp(root))
		abort();
	setenv("GANETI_ROOTDIR", root, 1);
	atexit(clean_up);
	setenv("GANETI_LIBDIR", root, 1); /* no installed program is run */
	setenv("GANETI_HOSTNAME", "node1.example.com", 1);
	log_set_level(LOG_LEVEL_ERROR);
	log_open("fuzz", "/dev/null", false);
	if (env_ensure_dirs(NULL) < 0)
		abort();
	{
		struct arena *a CLEANUP(arena_freep) = arena_new();
		const char *file = path_of(PATH_FILE_STORAGE_PATHS_FILE);
		char *dir = arena_strdup(a, file);

		*strrchr(dir, '/') = '\0';
		fs_mkdirs(dir, 0755);
		fs_mkdirs(env_add_root(a, "/srv/ganeti"), 0755);
		fs_write_atomic(file, paths, strlen(paths), NULL);
	}
}

static bool may_run(enum rpc rpc, const json *args)
{
	const json *checks = json_at(args, 0);

	switch (rpc) {
	case RPC_run_oob:
	case RPC_test_delay:
	case RPC_restricted_command: /* sleeps after a wrong name */
	case RPC_blockdev_remove:    /* tries again for half a minute */
	case RPC_blockdev_wipe:      /* may write a terabyte */
	case RPC_upload_file:
	case RPC_upload_file_single: /* fsync */
		return false;
	case RPC_node_verify:
	case RPC_node_verify_light:
		return !json_has(checks, "node-net-test") && !json_has(checks, "master-ip");
	case RPC_instance_shutdown:
	case RPC_instance_reboot:
		return rpc_limit(rpc, args) <= RPC_TMO_NORMAL;
	default:
		return true;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a CLEANUP(arena_freep) = NULL;
	struct node_ctx ctx = { 0 };
	json *args CLEANUP(json_putp) = NULL, *answer CLEANUP(json_putp) = NULL;
	json *back CLEANUP(json_putp) = NULL;
	const uint8_t *space = memchr(data, ' ', n);
	char *text CLEANUP(freep) = NULL;
	int rpc;

	if (!space || n > 20000)
		return 0;
	if (!getenv("GANETI_ROOTDIR"))
		set_up();
	a = ctx.a = arena_new();
	rpc = rpc_find(arena_strndup(a, (const char *)data, (size_t)(space - data)));
	if (rpc < 0 || json_parse((const char *)space + 1, n - (size_t)(space - data) - 1, &args,
				  NULL) < 0)
		return 0;
	if (!may_run((enum rpc)rpc, args)) {
		const struct record *r = rpc_record((enum rpc)rpc);

		record_parse_list(r, a, args, arena_alloc(a, r->size), NULL, NULL);
		return 0;
	}
	answer = node_execute(&ctx, (enum rpc)rpc, args);
	text = json_dump(answer);
	assert(json_parse(text, strlen(text), &back, NULL) == 0);
	assert(json_len(back) == 2 && json_is(json_at(back, 0), JSON_BOOL));
	assert(json_boolean(json_at(back, 0), false) || json_str(json_at(back, 1)));
	return 0;
}
