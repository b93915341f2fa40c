/* The newest term a node has heard of, in a small file. */
#include "src/replica/priv.h"

#include <errno.h>
#include <string.h>

#include "lib/base/parse.h"
#include "lib/sys/sys.h"

#define FILE_MAX 1024

int replica_term_parse(struct arena *a, const char *text, struct replica_term *ret)
{
	char *copy = arena_strdup(a, text), *space = strchr(copy, ' ');
	int64_t term;

	if (!space)
		return -1;
	*space++ = '\0';
	space[strcspn(space, "\n")] = '\0';
	if (parse_int(copy, &term) < 0 || term < 1 || !*space || strchr(space, ' '))
		return -1;
	*ret = (struct replica_term){ term, space };
	return 0;
}

int replica_term_read(struct arena *a, const char *path, struct replica_term *ret, struct err *e)
{
	char *text CLEANUP(freep) = NULL;
	int r = fs_read(path, FILE_MAX, &text, NULL);

	*ret = (struct replica_term){ 0, "" };
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_sys(e, r, "Can't read %s", path);
	return replica_term_parse(a, text, ret) == 0 ? 0 : err_plain(e, "%s is damaged", path);
}

int replica_term_write(const char *path, const struct replica_term *t, struct err *e)
{
	char *text CLEANUP(freep) = xasprintf("%lld %s\n", (long long)t->term, t->master);
	struct fs_attr attr = { .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1, .sync = true };
	int r = fs_write_atomic(path, text, strlen(text), &attr);

	return r < 0 ? err_sys(e, r, "Can't write %s", path) : 0;
}
