#include "lib/net/priv.h"

#include "lib/base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define DEAD_AFTER 45 /* seconds */

bool addr_is_ip4(const char *s)
{
	struct in_addr a;

	return inet_pton(AF_INET, s, &a) == 1;
}

bool addr_is_ip(const char *s)
{
	struct in6_addr a;

	return addr_is_ip4(s) || inet_pton(AF_INET6, s, &a) == 1;
}

int addr_make(const char *ip, int port, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	if (port < 0 || port > 65535)
		return -EINVAL;
	*ret = (struct sockaddr_storage){ 0 };
	if (ip && inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		*ret_len = sizeof(*v4);
		return 0;
	}
	if (ip && inet_pton(AF_INET6, ip, &v6->sin6_addr) != 1)
		return -EINVAL;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	*ret_len = sizeof(*v6);
	return 0;
}

void addr_peer(int fd, char *ret)
{
	struct sockaddr_storage ss = { 0 };
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&ss;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&ss;
	socklen_t n = sizeof(ss);

	*ret = '\0';
	if (getpeername(fd, (struct sockaddr *)&ss, &n) < 0)
		return;
	if (ss.ss_family == AF_INET)
		inet_ntop(AF_INET, &v4->sin_addr, ret, 64);
	else if (ss.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], ret, 64);
	else if (ss.ss_family == AF_INET6)
		inet_ntop(AF_INET6, &v6->sin6_addr, ret, 64);
}

int addr_port(int fd)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t n = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &n) < 0)
		return 0;
	if (ss.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&ss)->sin_port);
	return ss.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&ss)->sin6_port) : 0;
}

/*
 * A peer that lost power or its cable says nothing: calls have deadlines of up to hours, since the work they
 * wait for may take that long, but nobody should wait so long for a machine that is not there.
 */
static void find_dead_peers(int fd)
{
	const int idle = DEAD_AFTER / 3, pause = DEAD_AFTER / 6, count = 4;
	const unsigned int ms = DEAD_AFTER * 1000;

	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &pause, sizeof(pause));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

static int tcp_socket(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	if (fd < 0)
		return -errno;
	/* header and body are separate TLS records: with Nagle every answer takes 40 ms.
	 * Accepted sockets inherit it. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	find_dead_peers(fd);
	return fd;
}

int tcp_start_connect(const char *ip, int port, const char *source)
{
	struct sockaddr_storage ss;
	socklen_t n;
	int r = addr_make(ip, port, &ss, &n), fd;

	if (r < 0)
		return r;
	fd = tcp_socket(ss.ss_family);
	if (fd < 0)
		return fd;
	if (source) {
		struct sockaddr_storage from;
		socklen_t m;

		r = addr_make(source, 0, &from, &m);
		if (r == 0 && bind(fd, (struct sockaddr *)&from, m) < 0)
			r = -errno;
	}
	if (r == 0 && connect(fd, (struct sockaddr *)&ss, n) < 0 && errno != EINPROGRESS)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

static int listen_on(const struct sockaddr_storage *ss, socklen_t n)
{
	int fd = tcp_socket(ss->ss_family), on = 1, off = 0, r;

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ss->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (const struct sockaddr *)ss, n) < 0 || listen(fd, SOMAXCONN) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int tcp_listen(const char *ip, int port)
{
	struct sockaddr_storage ss;
	socklen_t n;
	int r = addr_make(ip, port, &ss, &n), fd;

	if (r < 0)
		return r;
	fd = listen_on(&ss, n);
	if (fd == -EAFNOSUPPORT && !ip) { /* a machine without IPv6 */
		addr_make("0.0.0.0", port, &ss, &n);
		fd = listen_on(&ss, n);
	}
	return fd;
}

bool tcp_ping(const char *ip, int port, double timeout, bool live_port_needed, const char *source)
{
	double end = clock_mono() + timeout;
	int fd = tcp_start_connect(ip, port, source), error = 0;
	socklen_t n = sizeof(error);

	if (fd < 0)
		return fd == -ECONNREFUSED && !live_port_needed;
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		double left = end - clock_mono();

		if (poll(&p, 1, left > 0 ? (int)(left * 1000) + 1 : 0) > 0)
			break;
		if (left <= 0) {
			close(fd);
			return false;
		}
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		error = errno;
	close(fd);
	return error == 0 || (error == ECONNREFUSED && !live_port_needed);
}

static bool same_ip(const struct sockaddr *sa, const struct sockaddr_storage *ss)
{
	if (!sa || sa->sa_family != ss->ss_family)
		return false;
	if (sa->sa_family == AF_INET)
		return ((const struct sockaddr_in *)sa)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)ss)->sin_addr.s_addr;
	return sa->sa_family == AF_INET6 &&
	       memcmp(&((const struct sockaddr_in6 *)sa)->sin6_addr,
		      &((const struct sockaddr_in6 *)ss)->sin6_addr, 16) == 0;
}

bool addr_is_local(const char *ip)
{
	struct sockaddr_storage ss;
	struct ifaddrs *list;
	bool found = false;
	socklen_t n;

	if (addr_make(ip, 0, &ss, &n) < 0)
		return false;
	if (ss.ss_family == AF_INET && strncmp(ip, "127.", 4) == 0)
		return true;
	if (getifaddrs(&list) < 0)
		return false;
	for (const struct ifaddrs *i = list; i && !found; i = i->ifa_next)
		found = same_ip(i->ifa_addr, &ss);
	freeifaddrs(list);
	return found;
}

const char *addr_of_interface(struct arena *a, const char *name)
{
	char text[INET6_ADDRSTRLEN];
	struct ifaddrs *list;
	const char *found = NULL;

	if (getifaddrs(&list) < 0)
		return NULL;
	for (struct ifaddrs *i = list; i; i = i->ifa_next) {
		const struct sockaddr *sa = i->ifa_addr;
		bool v4 = sa && sa->sa_family == AF_INET;
		const void *addr;

		if (!sa || !str_eq(i->ifa_name, name) || (!v4 && sa->sa_family != AF_INET6))
			continue;
		addr = v4 ? (const void *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr :
			    (const void *)&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
		if ((v4 || !found) && inet_ntop(sa->sa_family, addr, text, sizeof(text)))
			found = arena_strdup(a, text);
		if (v4)
			break;
	}
	freeifaddrs(list);
	return found;
}
