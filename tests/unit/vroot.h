/* A virtual root in a temporary directory, for tests of what touches the file system. */
#ifndef TESTS_UNIT_VROOT_H
#define TESTS_UNIT_VROOT_H
#include "tests/unit/unit.h"

#include "src/env/env.h"

/* Make the root, its directories and enter it. */
static inline int vroot_setup(void **state)
{
	char *dir = xstrdup("/tmp/ganeti-test.XXXXXX");
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (!mkdtemp(dir))
		return -1;
	setenv("GANETI_ROOTDIR", dir, 1);
	setenv("GANETI_HOSTNAME", "node1.example.com", 1);
	if (env_ensure_dirs(&e) < 0)
		fail_msg("%s", err_msg(&e));
	*state = dir;
	return 0;
}

static inline int vroot_teardown(void **state)
{
	fs_remove_tree(*state);
	free(*state);
	return 0;
}

static inline void vroot_write(const char *path, const char *text, mode_t mode)
{
	struct fs_attr attr = { .mode = mode, .uid = (uid_t)-1, .gid = (gid_t)-1 };
	char *dir CLEANUP(freep) = xstrdup(path);

	*strrchr(dir, '/') = '\0';
	assert_int_equal(fs_mkdirs(dir, 0755), 0);
	assert_int_equal(fs_write_atomic(path, text, strlen(text), &attr), 0);
}

#endif
