/* IPv4 networks and the places of addresses in them. */
#include "src/model/model.h"

#include "lib/base/parse.h"

#include <arpa/inet.h>
#include <string.h>

/* A /16 has 65,536 addresses; upstream takes no larger ones either. */
#define NETWORK_BITS_MIN 16
#define NETWORK_BITS_MAX 30

int ip4_parse(const char *text, uint32_t *ret)
{
	struct in_addr in;

	if (!text || inet_pton(AF_INET, text, &in) != 1)
		return -1;
	*ret = ntohl(in.s_addr);
	return 0;
}

/* Any number of bits. */
static int parse(const char *text, uint32_t *ret_ip, int64_t *ret_bits)
{
	const char *slash = text ? strchr(text, '/') : NULL;
	char addr[INET_ADDRSTRLEN] = "";

	if (!slash || (size_t)(slash - text) >= sizeof(addr))
		return -1;
	memcpy(addr, text, (size_t)(slash - text));
	if (ip4_parse(addr, ret_ip) < 0 || parse_int(slash + 1, ret_bits) < 0 || *ret_bits < 0 ||
	    *ret_bits > 32)
		return -1;
	return 0;
}

int net4_parse(const char *text, uint32_t *ret_base, uint32_t *ret_size)
{
	uint32_t ip, size;
	int64_t bits;

	if (parse(text, &ip, &bits) < 0 || bits < NETWORK_BITS_MIN || bits > NETWORK_BITS_MAX)
		return -1;
	size = 1u << (32 - bits);
	*ret_base = ip & ~(size - 1);
	*ret_size = size;
	return 0;
}

int net4_check(const char *text, struct err *e)
{
	uint32_t ip;
	int64_t bits;

	if (parse(text, &ip, &bits) < 0)
		return err_plain(e, "'%s' is not an IPv4 network", text ? text : "");
	if (bits < NETWORK_BITS_MIN)
		return err_plain(e,
				 "A big network with %lld host(s) is currently not supported. please specify "
				 "at most a /%d network",
				 1LL << (32 - bits), NETWORK_BITS_MIN);
	if (bits > NETWORK_BITS_MAX)
		return err_plain(e,
				 "A network with only %lld host(s) is too small, please specify at least a "
				 "/%d network",
				 1LL << (32 - bits), NETWORK_BITS_MAX);
	if (ip & ((1u << (32 - bits)) - 1))
		return err_plain(e, "%s has host bits set", text);
	return 0;
}

int64_t net4_place(const char *network, const char *ip)
{
	uint32_t base, size, addr;

	if (net4_parse(network, &base, &size) < 0 || ip4_parse(ip, &addr) < 0 || addr < base ||
	    addr - base >= size)
		return -1;
	return addr - base;
}

const char *net4_address(struct arena *a, const char *network, size_t place)
{
	uint32_t base, size;
	struct in_addr addr;
	char text[INET_ADDRSTRLEN];

	if (net4_parse(network, &base, &size) < 0 || place >= size)
		return NULL;
	addr.s_addr = htonl(base + (uint32_t)place);
	inet_ntop(AF_INET, &addr, text, sizeof(text));
	return arena_strdup(a, text);
}
