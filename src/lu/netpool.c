/*
 * Addresses of networks. The bit strings of a network object say which are used; the store keeps them when
 * NICs change. Between choosing an address and the commit the job has it reserved in the master.
 */
#include "src/lu/lu.h"

#include <string.h>

#define WCONF_TIMEOUT 60.0

static bool used(const struct network *net, size_t pos)
{
	const char *ext = net->ext_reservations;

	return net->reservations[pos] == '1' || (ext && pos < strlen(ext) && ext[pos] == '1');
}

/* 1 = ours until the job ends, 0 = another job has it, -1 */
static int reserve(struct luctx *lu, const struct network *net, const char *ip, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;

	if (wconf_call(lu->wconf, "reserve_ip", json_pack("{s:s, s:s}", "network", net->uuid, "ip", ip),
		       WCONF_TIMEOUT, NULL, &why) == 0)
		return 1;
	return err_is(&why, ReservationError) ? 0 : err_move(e, &why);
}

int lu_net_pick(struct luctx *lu, const struct network *net, const char **ret, struct err *e)
{
	size_t n = net->reservations ? strlen(net->reservations) : 0;

	for (size_t pos = 0; pos < n; pos++) {
		const char *ip = used(net, pos) ? NULL : net4_address(lu->a, net->network, pos);
		int got = ip ? reserve(lu, net, ip, e) : 0;

		if (got > 0)
			*ret = ip;
		if (got)
			return got;
	}
	return 0;
}

int lu_net_take(struct luctx *lu, const struct network *net, const char *ip, bool conflicts_check, struct err *e)
{
	int64_t pos = net4_place(net->network, ip);

	if (pos < 0 || !net->reservations || (size_t)pos >= strlen(net->reservations) ||
	    net->reservations[pos] == '1' || (conflicts_check && used(net, (size_t)pos)))
		return 0;
	return reserve(lu, net, ip, e);
}

int lu_net_conflict(struct luctx *lu, const char *ip, const char *node_uuid, struct err *e)
{
	const struct node *node = snap_node(lu->snap, node_uuid);
	const struct nodegroup *g = snap_group(lu->snap, node->group);

	json_each(g->networks, uuid, params) {
		const struct network *net = snap_network(lu->snap, uuid);

		(void)params;
		if (net && net4_place(net->network, ip) >= 0)
			return err_set(e, ERR_PREREQ, ECODE_STATE,
				       "The requested IP address (%s) belongs to network %s, but the "
				       "target NIC does not.",
				       ip, net->name);
	}
	return 0;
}

int lu_net_nicparams(struct luctx *lu, const struct network *net, const char *node_uuid, struct nicparams *p,
		     struct err *e)
{
	const struct node *node = snap_node(lu->snap, node_uuid);
	const struct nodegroup *g = snap_group(lu->snap, node->group);
	json *params = json_get(g->networks, net->uuid);

	if (!json_len(params))
		return 0;
	if (record_parse(rec_nicparams(), lu->a, json_own(lu->a, json_clone(params)), p,
			 REC_NO_DEFAULTS | REC_IGNORE_UNKNOWN, NULL, e) < 0)
		return err_prefix(e, "Parameters of network %s", net->name);
	return 1;
}
