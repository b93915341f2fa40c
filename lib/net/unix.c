#include "lib/net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* "folder/name" as an address. A name that does not fit is reached through its opened folder,
 * which RET_DIRFD keeps open (-1 when not needed). */
static int make_addr(const char *path, struct sockaddr_un *ret, int *ret_dirfd)
{
	const char *slash = strrchr(path, '/');
	char *dir CLEANUP(freep) = NULL;
	int n;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*ret_dirfd = -1;
	if (strlen(path) < sizeof(ret->sun_path)) {
		memcpy(ret->sun_path, path, strlen(path) + 1);
		return 0;
	}
	if (!slash)
		return -ENAMETOOLONG;
	dir = xstrndup(path, (size_t)(slash - path));
	*ret_dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_dirfd < 0)
		return -errno;
	n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", *ret_dirfd,
		     slash + 1);
	return n < (int)sizeof(ret->sun_path) ? 0 : -ENAMETOOLONG;
}

int unix_listen(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	/* made under another name and moved into place: clients never meet a half-made one */
	char *tmp CLEANUP(freep) = xasprintf("%s.%d", path, (int)getpid());
	int dirfd CLEANUP(closep) = -1;
	struct sockaddr_un sa;
	mode_t old;
	int r = make_addr(tmp, &sa, &dirfd), fd;

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(tmp);
	old = umask(0177);
	r = bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : 0;
	umask(old);
	if (r == 0 && ((uid != (uid_t)-1 || gid != (gid_t)-1) && lchown(tmp, uid, gid) < 0))
		r = -errno;
	if (r == 0 && (chmod(tmp, mode) < 0 || listen(fd, SOMAXCONN) < 0 || rename(tmp, path) < 0))
		r = -errno;
	if (r < 0) {
		unlink(tmp);
		close(fd);
		return r;
	}
	return fd;
}

int unix_connect(const char *path, double timeout)
{
	struct timeval tv = { (time_t)timeout, (suseconds_t)(fmod(timeout, 1) * 1e6) };
	int dirfd CLEANUP(closep) = -1;
	struct sockaddr_un sa;
	int r = make_addr(path, &sa, &dirfd), fd;

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* connect() waits only where the queue of the listener is full, and honours this */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	while (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		if (errno == EINTR)
			continue;
		r = errno == EAGAIN ? -ETIMEDOUT : -errno;
		close(fd);
		return r;
	}
	tv = (struct timeval){ 0, 0 };
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	return fd;
}

int unix_peer(int fd, uid_t *ret_uid, gid_t *ret_gid, pid_t *ret_pid)
{
	struct ucred c;
	socklen_t n = sizeof(c);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) < 0)
		return -errno;
	if (ret_uid)
		*ret_uid = c.uid;
	if (ret_gid)
		*ret_gid = c.gid;
	if (ret_pid)
		*ret_pid = c.pid;
	return 0;
}
