#include "lib/net/priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <string.h>
#include <strings.h>

#define HOSTS_MAX (4u << 20)

static bool family_fits(int family, const char *ip)
{
	if (family == AF_INET)
		return addr_is_ip4(ip);
	return addr_is_ip(ip) && (family != AF_INET6 || !addr_is_ip4(ip));
}

/* The name with a domain among those of one line, else the first (upstream: socket.getfqdn). */
static const char *best_name(const struct strs *words)
{
	for (size_t i = 1; i < words->n; i++)
		if (strchr(words->v[i], '.'))
			return words->v[i];
	return words->v[1];
}

static struct strs words_of(struct arena *a, char *line)
{
	struct strs l = { 0 };
	char *save = NULL;

	line[strcspn(line, "#\r")] = '\0';
	for (char *w = strtok_r(line, " \t", &save); w; w = strtok_r(NULL, " \t", &save))
		strs_add(a, &l, w);
	return l;
}

/* Look NAME (or an address) up in a file like /etc/hosts. */
static bool from_file(struct arena *a, const char *file, const char *name, int family,
		      const char **ret_name, const char **ret_ip)
{
	char *text CLEANUP(freep) = NULL;
	char *save = NULL, *copy;

	if (fs_read(file, HOSTS_MAX, &text, NULL) < 0)
		return false;
	copy = arena_strdup(a, text);
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct strs w = words_of(a, line);

		if (w.n < 2 || !family_fits(family, w.v[0]))
			continue;
		for (size_t i = 0; i < w.n; i++) {
			if (strcasecmp(w.v[i], name) != 0)
				continue;
			*ret_name = best_name(&w);
			*ret_ip = w.v[0];
			return true;
		}
	}
	return false;
}

/* At most a dozen seconds, whatever resolv.conf says. */
static void limit_resolver(void)
{
#ifdef __GLIBC__
	if (res_init() == 0) {
		_res.retrans = 2;
		_res.retry = 2;
	}
#endif
}

static const char *reverse(struct arena *a, const struct addrinfo *ai)
{
	char host[NI_MAXHOST];

	if (getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof(host), NULL, 0, NI_NAMEREQD) != 0)
		return NULL;
	return arena_strdup(a, host);
}

static const char *ip_text(struct arena *a, const struct addrinfo *ai)
{
	char buf[INET6_ADDRSTRLEN];
	const void *p = ai->ai_family == AF_INET6
				? (const void *)&((struct sockaddr_in6 *)ai->ai_addr)->sin6_addr
				: (const void *)&((struct sockaddr_in *)ai->ai_addr)->sin_addr;

	return arena_strdup(a, inet_ntop(ai->ai_family, p, buf, sizeof(buf)));
}

int resolve_name(struct arena *a, const char *hosts_file, const char *name, int family,
		 const char **ret_name, const char **ret_ip, struct err *e)
{
	struct addrinfo hints = { .ai_family = family,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_CANONNAME };
	struct addrinfo *list = NULL;
	const char *full, *ip;
	int r;

	if (hosts_file && from_file(a, hosts_file, name, family, ret_name, ret_ip))
		return 0;
	limit_resolver();
	r = getaddrinfo(name, NULL, &hints, &list);
	if (r != 0) {
		err_plain(e, "The given name (%s) does not resolve: %s", name,
			  r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
		return -1;
	}
	ip = ip_text(a, list);
	full = addr_is_ip(name) || !list->ai_canonname ? NULL : arena_strdup(a, list->ai_canonname);
	if (!full || !strchr(full, '.')) {
		const char *again = NULL, *unused;

		if (!from_file(a, "/etc/hosts", full ? full : ip, family, &again, &unused))
			again = reverse(a, list);
		if (again && (!full || strchr(again, '.')))
			full = again;
	}
	freeaddrinfo(list);
	*ret_name = full ? full : arena_strdup(a, name);
	*ret_ip = ip;
	return 0;
}
