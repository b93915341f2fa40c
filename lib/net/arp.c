/* ARP: is an address taken, and who has it now. */
#include "lib/net/net.h"

#include "lib/base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* RFC 5227, but with shorter waits: the addresses are on one site */
#define PROBES 3
#define PROBE_WAIT 0.12

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
