#include "tests/fuzz/peer.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address;
static socklen_t address_len;

struct peer {
	int fd;
	const char *data;
	size_t left;
	bool done;
	struct str *ret;
	struct ev_fd *watch;
};

/* Of the abstract kind: leaves no file behind, however the fuzzer ends. */
int peer_listen(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	address_len = sizeof(address);
	if (fd < 0 || bind(fd, (struct sockaddr *)&(struct sockaddr_un){ .sun_family = AF_UNIX },
			   sizeof(sa_family_t)) < 0 || /* the kernel picks the name */
	    listen(fd, 16) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &address_len) < 0)
		abort();
	return fd;
}

static int peer_connect(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, address_len) < 0)
		abort();
	return fd;
}

static void send_some(struct peer *p, size_t n)
{
	ssize_t k = n ? send(p->fd, p->data, n, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

	if (k < 0 && errno != EAGAIN) { /* it has refused us already */
		p->left = 0;
	} else if (k > 0) {
		p->data += k;
		p->left -= (size_t)k;
	}
	if (!p->left) {
		shutdown(p->fd, SHUT_WR);
		ev_fd_set(p->watch, EV_FD_READ);
	}
}

static void on_peer(int fd, int what, void *arg)
{
	struct peer *p = arg;
	char buf[4096];
	ssize_t k;

	if (what & EV_FD_WRITE)
		send_some(p, p->left);
	if (!(what & EV_FD_READ))
		return;
	k = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (k > 0)
		str_addn(p->ret, buf, (size_t)k);
	else if (k == 0 || errno != EAGAIN)
		p->done = true;
}

void peer_exchange(struct ev *ev, const void *data, size_t n, size_t cut, struct str *ret)
{
	struct peer p = { .data = data, .left = n, .ret = ret };

	p.fd = peer_connect();
	p.watch = ev_fd_new(ev, "peer", p.fd, EV_FD_READ, on_peer, &p);
	if (cut < n) {
		const bool never = false;

		send_some(&p, cut);
		ev_run_until(ev, &never, 0.0001);
	}
	if (p.left)
		ev_fd_set(p.watch, EV_FD_READ | EV_FD_WRITE);
	else
		send_some(&p, 0);
	if (!ev_run_until(ev, &p.done, 5))
		abort(); /* the server forgot us */
	ev_fd_free(p.watch);
	close(p.fd);
}
