/* Addresses of a network that are set aside for others than instances. */
#include "src/lu/network/lus.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

bool pool_is_used(const struct network *n, const char *ip)
{
	int64_t place = net4_place(n->network, ip);

	return place >= 0 && n->reservations && (size_t)place < strlen(n->reservations) &&
	       n->reservations[place] == '1';
}

/* The bits, ours to change; the store makes them when a network is added. */
static char *bits_of(struct luctx *lu, const struct network *n)
{
	uint32_t base, size;
	char *bits;

	if (n->ext_reservations && *n->ext_reservations)
		return arena_strdup(lu->a, n->ext_reservations);
	if (net4_parse(n->network, &base, &size) < 0)
		return NULL;
	bits = arena_alloc(lu->a, size + 1);
	memset(bits, '0', size);
	bits[size] = '\0';
	return bits;
}

static int mark(struct luctx *lu, struct network *n, const char *ip, char value, struct err *e)
{
	int64_t place = net4_place(n->network, ip);
	char *bits = bits_of(lu, n);

	if (place < 0 || !bits || (size_t)place >= strlen(bits))
		return err_plain(e, "%s does not contain %s", n->network, ip);
	if (bits[place] == value)
		return err_plain(e,
				 value == '1' ? "IP %s is already externally reserved" :
						"IP %s is not externally reserved",
				 ip);
	bits[place] = value;
	LU_SET(n, ext_reservations, bits);
	return 0;
}

int pool_reserve(struct luctx *lu, struct network *n, const char *ip, struct err *e)
{
	return mark(lu, n, ip, '1', e);
}

int pool_release(struct luctx *lu, struct network *n, const char *ip, struct err *e)
{
	return mark(lu, n, ip, '0', e);
}

static bool in_net6(const char *network, const char *ip)
{
	const char *slash = strchr(network, '/');
	unsigned char net[16], addr[16];
	char text[INET6_ADDRSTRLEN] = "";
	size_t bits, i;

	if (!slash || (size_t)(slash - network) >= sizeof(text))
		return false;
	memcpy(text, network, (size_t)(slash - network));
	bits = strtoul(slash + 1, NULL, 10);
	if (inet_pton(AF_INET6, text, net) != 1 || inet_pton(AF_INET6, ip, addr) != 1 || bits > 128)
		return false;
	if (addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80) /* link-local ones are good everywhere */
		return true;
	for (i = 0; i < bits / 8; i++)
		if (net[i] != addr[i])
			return false;
	return bits % 8 == 0 || (net[i] ^ addr[i]) >> (8 - bits % 8) == 0;
}

int pool_check_gateways(const struct network *n, struct err *e)
{
	if (n->gateway && net4_place(n->network, n->gateway) < 0)
		return err_plain(e, "%s does not contain %s", n->network, n->gateway);
	if (n->network6 && n->gateway6 && !in_net6(n->network6, n->gateway6))
		return err_plain(e, "%s does not contain %s", n->network6, n->gateway6);
	return 0;
}
