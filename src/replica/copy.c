/* Whole copies: made from a snapshot, received in chunks, checked, and moved into place. */
#include "src/replica/priv.h"

#include "lib/base/fault.h"
#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/net/net.h"

#define PIECE (1u << 20)
#define SUFFIX ".copy"

/* A digest over pieces, each hashed together with the digest so far: no file is too large for it. */
static char *digest_of(struct arena *a, int fd, struct err *e)
{
	char *buf CLEANUP(freep) = xcalloc(1, PIECE + 64);
	char *sum = arena_strdup(a, "");
	off_t at = 0;

	for (;;) {
		size_t head = strlen(sum);
		ssize_t n;

		memcpy(buf, sum, head);
		n = pread(fd, buf + head, PIECE, at);
		if (n < 0) {
			err_sys(e, errno, "Can't read a copy of the database");
			return NULL;
		}
		if (n == 0)
			return sum;
		at += n;
		sum = hash_sha1_hex(a, buf, head + (size_t)n);
	}
}

int replica_copy(struct db *d, const char *file, struct replica_pos *ret, char **ret_digest, int64_t *ret_size,
		 struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct db *copy CLEANUP(db_closep) = NULL;
	struct replica_state s;
	struct stat st;
	int fd CLEANUP(closep) = -1;
	char *sum;
	int rc;

	if (db_backup(d, file, e) < 0 || db_open(file, DB_READ, &copy, e) < 0)
		return -1;
	rc = replica_read(copy, &s, e);
	/* what is wrong here must not get to others */
	if (rc == 1 && replica_verify(copy, e) < 0)
		rc = -1;
	db_closep(&copy);
	if (rc != 1)
		return rc < 0 ? -1 : err_plain(e, "The database has no log of its changes");
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, errno, "Can't read %s", file);
	sum = digest_of(a, fd, e);
	if (!sum)
		return -1;
	*ret = s.last;
	*ret_size = st.st_size;
	*ret_digest = xstrdup(sum);
	return 0;
}

static int write_all(int fd, const char *p, size_t n, int64_t at)
{
	while (n) {
		ssize_t w = pwrite(fd, p, n, at);

		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
		at += w;
	}
	return 0;
}

/* Is what came a database with a log, and whole? */
static int check(struct arena *a, int fd, const char *file, const char *digest, struct err *e)
{
	struct db *d CLEANUP(db_closep) = NULL;
	struct replica_state s;
	const char *sum = digest_of(a, fd, e);

	if (!sum)
		return -1;
	if (strcmp(sum, digest) != 0)
		return err_plain(e, "The copy of the database was damaged on its way");
	if (db_open(file, DB_READ, &d, e) < 0)
		return -1;
	return replica_read(d, &s, e) == 1 ? 0 : err_plain(e, "The copy of the database is not one");
}

static int sync_dir(const char *path)
{
	char *dir CLEANUP(freep) = xstrdup(path);
	char *slash = strrchr(dir, '/');
	int fd CLEANUP(closep) = -1;

	if (slash)
		*slash = '\0';
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/*
 * The side files of the old database must never meet the new one, so the old one goes first. Between that and
 * the rename there is no database here: a copy that gets lost so is made again.
 */
static int move_into_place(const char *path, const char *file, struct err *e)
{
	static const char *const sides[] = { "", "-wal", "-shm" };

	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		char *old CLEANUP(freep) = xasprintf("%s%s", path, sides[i]);

		if (unlink(old) < 0 && errno != ENOENT)
			return err_sys(e, errno, "Can't remove %s", old);
	}
	if (FAULT(replica_replace))
		return err_plain(e, "fault point");
	if (sync_dir(path) < 0 || rename(file, path) < 0 || sync_dir(path) < 0)
		return err_sys(e, errno, "Can't put %s in place", path);
	return 0;
}

void replica_copy_drop(const char *path)
{
	static const char *const names[] = { "", ".new", SUFFIX };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *file CLEANUP(freep) = xasprintf("%s%s", path, names[i]);

		if (unlink(file) < 0 && errno != ENOENT)
			log_error("Can't remove %s: %s", file, strerror(errno));
	}
}

int replica_receive(const char *path, int64_t offset, const void *data, size_t n, const char *digest,
		    uid_t owner, gid_t group, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *file = arena_printf(a, "%s" SUFFIX, path);
	int fd CLEANUP(closep) = open(file, O_RDWR | O_CREAT | O_CLOEXEC | (offset ? 0 : O_TRUNC), 0600);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, errno, "Can't write %s", file);
	if (st.st_size != offset)
		return err_plain(e, "The copy of the database has %lld bytes, what came begins at %lld",
				 (long long)st.st_size, (long long)offset);
	if (FAULT(replica_receive))
		return err_plain(e, "fault point");
	r = write_all(fd, data, n, offset);
	if (r < 0)
		return err_sys(e, r, "Can't write %s", file);
	if (!digest)
		return 0;
	if (fsync(fd) < 0 || ((owner != (uid_t)-1 || group != (gid_t)-1) && fchown(fd, owner, group) < 0))
		return err_sys(e, errno, "Can't write %s", file);
	if (check(a, fd, file, digest, e) < 0 || move_into_place(path, file, e) < 0) {
		unlink(file);
		return -1;
	}
	return 0;
}
