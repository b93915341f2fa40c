/* Network interfaces: addresses by netlink, duplicates by ARP. */
#include "src/node/priv.h"

#include "lib/base/clock.h"
#include "lib/net/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* RFC 5227, but with shorter waits: a cluster's addresses are on one site */
#define PROBES 3
#define PROBE_WAIT 0.12

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

/* --- ARP --- */

struct arp {
	int fd;
	struct sockaddr_ll to;
	struct ether_arp packet;
};

static void arp_close(struct arp *x)
{
	closep(&x->fd);
}

static int arp_open(struct arp *x, const char *dev, const char *ip)
{
	struct ifreq hw = { 0 };

	memset(x, 0, sizeof(*x));
	x->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ARP));
	if (x->fd < 0)
		return -errno;
	snprintf(hw.ifr_name, sizeof(hw.ifr_name), "%s", dev);
	x->to = (struct sockaddr_ll){ .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP),
				      .sll_ifindex = (int)if_nametoindex(dev),
				      .sll_halen = ETH_ALEN };
	memset(x->to.sll_addr, 0xff, ETH_ALEN);
	if (!x->to.sll_ifindex)
		return -ENODEV;
	if (ioctl(x->fd, SIOCGIFHWADDR, &hw) < 0 ||
	    bind(x->fd, (struct sockaddr *)&x->to, sizeof(x->to)) < 0)
		return -errno;
	if (hw.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return -EAFNOSUPPORT;
	x->packet.arp_hrd = htons(ARPHRD_ETHER);
	x->packet.arp_pro = htons(ETHERTYPE_IP);
	x->packet.arp_hln = ETH_ALEN;
	x->packet.arp_pln = 4;
	x->packet.arp_op = htons(ARPOP_REQUEST);
	memcpy(x->packet.arp_sha, hw.ifr_hwaddr.sa_data, ETH_ALEN);
	return inet_pton(AF_INET, ip, x->packet.arp_tpa) == 1 ? 0 : -EINVAL;
}

static bool arp_send(struct arp *x)
{
	return sendto(x->fd, &x->packet, sizeof(x->packet), 0, (struct sockaddr *)&x->to,
		      sizeof(x->to)) == sizeof(x->packet);
}

/* Somebody else said that the address is theirs? */
static bool arp_answered(const struct arp *x)
{
	struct ether_arp p;

	while (recv(x->fd, &p, sizeof(p), 0) == sizeof(p))
		if (memcmp(p.arp_spa, x->packet.arp_tpa, 4) == 0 &&
		    memcmp(p.arp_sha, x->packet.arp_sha, ETH_ALEN) != 0)
			return true;
	return false;
}

int arp_probe(const char *dev, const char *ip)
{
	struct arp x CLEANUP(arp_close);
	int r = arp_open(&x, dev, ip);

	for (int i = 0; r == 0 && i < PROBES; i++) {
		double end = clock_mono() + PROBE_WAIT, left;

		if (!arp_send(&x))
			return -errno;
		while ((left = end - clock_mono()) > 0) {
			struct pollfd p = { .fd = x.fd, .events = POLLIN };

			if (poll(&p, 1, (int)(left * 1000) + 1) > 0 && arp_answered(&x))
				return 1;
		}
	}
	return r;
}

void arp_announce(const char *dev, const char *ip)
{
	struct arp x CLEANUP(arp_close);

	if (arp_open(&x, dev, ip) < 0)
		return;
	memcpy(x.packet.arp_spa, x.packet.arp_tpa, 4);
	/* again, since one packet may be lost while the interface settles */
	arp_send(&x);
	arp_send(&x);
}
