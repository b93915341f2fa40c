/* Network interfaces: addresses by netlink. */
#include "src/node/priv.h"

#include "lib/net/net.h"

#include <errno.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void sock_free(struct nl_sock **s)
{
	if (*s)
		nl_socket_free(*s);
}

static struct nl_sock *sock_open(void)
{
	struct nl_sock *s = nl_socket_alloc();

	if (s && nl_connect(s, NETLINK_ROUTE) < 0) {
		nl_socket_free(s);
		return NULL;
	}
	return s;
}

/* libnl's codes as far as callers tell them apart */
static int to_errno(int r)
{
	switch (-r) {
	case 0:
		return 0;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_NOADDR:
	case NLE_OBJ_NOTFOUND:
		return -EADDRNOTAVAIL;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_NODEV:
		return -ENODEV;
	default:
		return -EIO;
	}
}

bool bridge_exists(const char *name)
{
	struct nl_sock *s CLEANUP(sock_free) = sock_open();
	struct rtnl_link *link = NULL;
	bool found;

	if (env_virtual())
		return true; /* nothing is connected to anything there */
	if (!s || rtnl_link_get_kernel(s, 0, name, &link) < 0)
		return false;
	found = str_eq(rtnl_link_get_type(link), "bridge");
	rtnl_link_put(link);
	return found;
}

static struct rtnl_addr *addr_make(const char *dev, const char *ip, int prefix)
{
	struct nl_addr *local = NULL;
	struct rtnl_addr *addr;
	int index = (int)if_nametoindex(dev);

	if (!index || nl_addr_parse(ip, AF_UNSPEC, &local) < 0)
		return NULL;
	addr = rtnl_addr_alloc();
	rtnl_addr_set_ifindex(addr, index);
	nl_addr_set_prefixlen(local, prefix);
	rtnl_addr_set_local(addr, local);
	nl_addr_put(local);
	return addr;
}

int netif_addr_add(const char *dev, const char *ip, int prefix, const char *label)
{
	struct nl_sock *s CLEANUP(sock_free) = sock_open();
	struct rtnl_addr *addr = addr_make(dev, ip, prefix);
	int r;

	if (!addr)
		return -ENODEV;
	if (label)
		rtnl_addr_set_label(addr, label);
	/* never a source address of the node's own traffic (upstream: preferred_lft 0) */
	rtnl_addr_set_valid_lifetime(addr, UINT32_MAX);
	rtnl_addr_set_preferred_lifetime(addr, 0);
	r = s ? to_errno(rtnl_addr_add(s, addr, NLM_F_EXCL)) : -EIO;
	rtnl_addr_put(addr);
	return r;
}

int netif_addr_del(const char *dev, const char *ip, int prefix)
{
	struct nl_sock *s CLEANUP(sock_free) = sock_open();
	struct rtnl_addr *addr = addr_make(dev, ip, prefix);
	int r;

	if (!addr)
		return -ENODEV;
	r = s ? to_errno(rtnl_addr_delete(s, addr, 0)) : -EIO;
	rtnl_addr_put(addr);
	return r;
}

int netif_has_addr(const char *dev, const char *ip, int prefix)
{
	struct nl_sock *s CLEANUP(sock_free) = sock_open();
	struct nl_addr *local = NULL;
	struct nl_cache *cache = NULL;
	struct rtnl_addr *found;
	int index = (int)if_nametoindex(dev);

	if (!index)
		return -ENODEV;
	if (!s || nl_addr_parse(ip, AF_UNSPEC, &local) < 0)
		return -EINVAL;
	nl_addr_set_prefixlen(local, prefix);
	if (rtnl_addr_alloc_cache(s, &cache) < 0) {
		nl_addr_put(local);
		return -EIO;
	}
	found = rtnl_addr_get(cache, index, local);
	nl_addr_put(local);
	if (found)
		rtnl_addr_put(found);
	nl_cache_free(cache);
	return found ? 1 : 0;
}
