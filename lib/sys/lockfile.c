#include "lib/sys/priv.h"

#include "lib/base/clock.h"
#include "lib/base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Is the open file still what PATH names? A holder may have removed it while we waited. */
static bool still_there(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

int lockfile_take(const char *path, bool exclusive, double timeout)
{
	double end = clock_mono() + timeout;
	int op = (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB;
	long pause_ms = 1;
	int fd;

	for (;;) {
		/* not O_CREAT alone: in a sticky directory that is refused even to root for a file of
		 * another user (fs.protected_regular) */
		fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 && errno == ENOENT)
			fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0 && errno == EEXIST)
			continue; /* somebody was faster */
		if (fd < 0)
			return -errno;
		/* flock() has no timeout: ask again, less and less often (upstream: utils.Retry) */
		while (flock(fd, op) < 0) {
			int r = -errno;

			if (r == -EWOULDBLOCK && clock_mono() < end) {
				nanosleep(&(struct timespec){ .tv_nsec = pause_ms * 1000000 }, NULL);
				pause_ms = pause_ms < 50 ? pause_ms * 2 : 50;
			} else if (r != -EINTR) {
				close(fd);
				return r == -EWOULDBLOCK ? -ETIMEDOUT : r;
			}
		}
		if (still_there(fd, path))
			return fd;
		close(fd);
	}
}

int pidfile_write(int fd)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(fd, 0) < 0)
		return -errno;
	errno = EIO;
	return pwrite(fd, text, (size_t)n, 0) == n ? 0 : -errno;
}

int pidfile_take(const char *path)
{
	int fd, r;

	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			r = errno == EWOULDBLOCK ? -EBUSY : -errno;
			close(fd);
			return r;
		}
		if (still_there(fd, path))
			break;
		close(fd);
	}
	r = pidfile_write(fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

pid_t pidfile_alive(const char *path)
{
	int fd CLEANUP(closep) = open(path, O_RDONLY | O_CLOEXEC);
	char text[32];
	int64_t pid;
	ssize_t n;

	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_SH | LOCK_NB) == 0)
		return 0; /* nobody holds it: left behind by a dead process */
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return parse_int(text, &pid) == 0 && pid > 0 && pid < INT32_MAX ? (pid_t)pid : 0;
}
