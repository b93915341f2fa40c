/* Network interfaces of instances: from opcode parameters to objects (upstream: _ComputeNics and its friends). */
#include "src/lu/lu.h"

#include <ctype.h>
#include <string.h>

#define WCONF_TIMEOUT 60.0

static bool is_word(const char *s, const char *word)
{
	return s && strcasecmp(s, word) == 0;
}

/* --- MAC addresses --- */
static int normal_mac(struct arena *a, const char *mac, const char **ret, struct err *e)
{
	char *low = str_lower(a, mac);
	size_t n = strlen(low);

	for (size_t i = 0; i < n; i++)
		if (i % 3 == 2 ? low[i] != ':' : !isxdigit((unsigned char)low[i]))
			n = 0;
	if (n != 17)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid MAC address '%s'", mac);
	*ret = low;
	return 0;
}

static int generate_mac(struct luctx *lu, const char *network_uuid, const char **ret, struct err *e)
{
	const struct network *net = network_uuid ? snap_network(lu->snap, network_uuid) : NULL;
	const char *prefix = net && net->mac_prefix && *net->mac_prefix ? net->mac_prefix :
									  lu->cluster->mac_prefix;
	json *answer = NULL;

	TRY(wconf_call(lu->wconf, "generate_mac", json_pack("{s:s}", "prefix", prefix), WCONF_TIMEOUT,
		       &answer, e));
	json_own(lu->a, answer);
	*ret = json_get_str(answer, "mac");
	return *ret ? 0 : err_set(e, ProgrammerError, NULL, "The master sent no MAC address");
}

int lu_nic_mac(struct luctx *lu, const char *network_uuid, const char *given, const char **ret,
	       struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;

	if (!given || str_eq(given, "auto") || str_eq(given, "generate"))
		return generate_mac(lu, network_uuid, ret, e);
	TRY(normal_mac(lu->a, given, ret, e));
	if (!strs_has(&lu->macs, *ret) &&
	    wconf_call(lu->wconf, "reserve_mac", json_pack("{s:s}", "mac", *ret), WCONF_TIMEOUT, NULL,
		       &why) == 0) {
		strs_add(lu->a, &lu->macs, *ret);
		return 0;
	}
	if (why.cls && !err_is(&why, ReservationError))
		return err_move(e, &why);
	return err_set(e, ERR_PREREQ, ECODE_NOTUNIQUE, "MAC address %s already in use in cluster", *ret);
}

int lu_nics_macs(struct luctx *lu, nic_list_t *nics, struct err *e)
{
	for (size_t i = 0; i < nics->n; i++) {
		struct nic *n = &nics->v[i];

		if (!n->mac)
			TRY(generate_mac(lu, n->network, &n->mac, e));
		n->has_mac = true;
	}
	return 0;
}

/* --- parameters --- */
static bool digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char)s[i]))
			return false;
	return n > 0;
}

/* "10" is ".10"; ".10", ".10:20" and ":10:20" pass (upstream: _CheckVLANArguments). */
static int normal_vlan(struct arena *a, const char *vlan, const char **ret, struct err *e)
{
	struct strs parts;

	if (digits(vlan, strlen(vlan))) {
		*ret = arena_printf(a, ".%s", vlan);
		return 0;
	}
	*ret = vlan;
	parts = strs_split(a, vlan + 1, ':');
	for (size_t i = 0; i < parts.n; i++)
		if ((*vlan != '.' && *vlan != ':') || !digits(parts.v[i], strlen(parts.v[i])))
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Specified VLAN parameter is invalid : %s", vlan);
	return 0;
}

/* Text of a NIC parameter (numbers are accepted); NULL when missing, null or "none". */
static const char *param(struct luctx *lu, const json *d, const char *key)
{
	json *v = json_get(d, key);

	if (!v || is_word(json_str(v), "none"))
		return NULL;
	return json_str(v) ? json_str(v) : json_dump_in(lu->a, v);
}

int lu_nic_params(struct luctx *lu, const json *d, struct nicparams *p, struct err *e)
{
	const char *mode = param(lu, d, "mode"), *link = param(lu, d, "link");
	const char *bridge = param(lu, d, "bridge"), *vlan = param(lu, d, "vlan");
	int m;

	if (bridge && link)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Cannot pass 'bridge' and 'link' at the same time");
	if (!link)
		link = bridge;
	if (mode && !str_eq(mode, "auto")) {
		m = enum_value(&enum_nic_mode, mode);
		if (m < 0 || m == nic_mode_pool)
			return err_set(e, ConfigurationError, NULL, "Invalid NIC mode '%s'", mode);
		p->mode = (nic_mode_t)m;
		p->has_mode = true;
	}
	if (link && *link) {
		p->link = link;
		p->has_link = true;
	}
	if (vlan && *vlan) {
		TRY(normal_vlan(lu->a, vlan, &p->vlan, e));
		p->has_vlan = true;
	}
	return 0;
}

int lu_nic_params_check(const struct nicparams *filled, struct err *e)
{
	if (filled->mode == nic_mode_bridged && (!filled->link || !*filled->link))
		return err_set(e, ConfigurationError, NULL, "Missing bridged NIC link");
	return 0;
}

int lu_nic_ip_check(const char *ip, bool has_network, struct err *e)
{
	if (is_word(ip, "pool")) {
		if (!has_network)
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "if ip=pool, parameter network must be passed too");
		return 0;
	}
	if (!addr_is_ip(ip))
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid IP address '%s'", ip);
	return 0;
}

static int new_ip(struct luctx *lu, const json *d, const char *default_ip, struct nic *n, struct err *e)
{
	const char *ip = param(lu, d, "ip");

	if (is_word(ip, "auto")) {
		if (!default_ip)
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "IP address set to auto but name checks have been skipped");
		ip = default_ip;
	} else if (ip) {
		TRY(lu_nic_ip_check(ip, n->network, e));
	}
	n->ip = ip;
	n->has_ip = ip != NULL;
	return 0;
}

static int new_nic(struct luctx *lu, const json *d, const char *default_ip, struct nic *n, struct err *e)
{
	const char *net_name = param(lu, d, "network"), *mac = param(lu, d, "mac");
	const struct network *net;
	struct nicparams filled;

	TRY(lu_nic_params(lu, d, &n->nicparams, e));
	n->has_nicparams = true;
	if (net_name) {
		if (n->nicparams.has_mode || n->nicparams.has_link)
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "If network is given, no mode or link is allowed to be passed");
		TRY(snap_find_network(lu->snap, net_name, &net, e));
		n->network = arena_strdup(lu->a, net->uuid);
		n->has_network = true;
	}
	TRY(new_ip(lu, d, default_ip, n, e));
	filled = fill_nic(lu->a, lu->cluster, &n->nicparams);
	if (filled.mode == nic_mode_routed && !n->ip && !n->network)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Routed nic mode requires an ip address if not attached to a network");
	TRY(lu_nic_params_check(&filled, e));
	/* left out here: made up by lu_nics_macs(), once more is known to be right */
	if (mac && !str_eq(mac, "auto") && !str_eq(mac, "generate"))
		TRY(lu_nic_mac(lu, n->network, mac, &n->mac, e));
	n->name = param(lu, d, "name");
	n->has_name = n->name != NULL;
	n->uuid = uuid_new(lu->a);
	n->has_uuid = true;
	return 0;
}

int lu_nics_new(struct luctx *lu, const json *dicts, const char *default_ip, nic_list_t *ret, struct err *e)
{
	nic_list_t out = { .n = json_len(dicts) };
	const char **names = ARENA_ARRAY(lu->a, const char *, out.n + 1);

	if (out.n > MAX_NICS)
		return err_set(e, ERR_PREREQ, ECODE_STATE,
			       "Instance has too many network interfaces (%d), cannot add more", MAX_NICS);
	out.v = ARENA_ARRAY(lu->a, struct nic, out.n + 1);
	json_items(dicts, i, d) {
		TRY(new_nic(lu, d, default_ip, &out.v[i], e));
		names[i] = out.v[i].name;
	}
	TRY(lu_check_device_names("NIC", names, out.n, e));
	*ret = out;
	return 0;
}

static int no_netparams(struct luctx *lu, const struct network *net, const char *node_uuid, struct err *e)
{
	return err_set(e, ERR_PREREQ, ECODE_INVAL,
		       "No netparams found for network %s. Probably not connected to node's %s nodegroup",
		       net->name, lu_node_name(lu, node_uuid));
}

static int place_ip(struct luctx *lu, struct nic *n, const struct network *net, size_t idx, bool conflicts_check,
		    struct err *e)
{
	int got;

	if (!is_word(n->ip, "pool")) {
		got = lu_net_take(lu, net, n->ip, conflicts_check, e);
		if (!got)
			err_set(e, ERR_PREREQ, ECODE_NOTUNIQUE,
				"IP address %s already in use or does not belong to network %s", n->ip,
				net->name);
		return got > 0 ? 0 : -1;
	}
	got = lu_net_pick(lu, net, &n->ip, e);
	if (!got)
		err_set(e, ERR_PREREQ, ECODE_STATE,
			"Unable to get a free IP for NIC %zu from the address pool", idx);
	if (got <= 0)
		return -1;
	lu_info(lu, "Chose IP %s from network %s", n->ip, net->name);
	return 0;
}

int lu_nic_place(struct luctx *lu, struct nic *n, size_t idx, const char *node_uuid, bool conflicts_check,
		 struct err *e)
{
	const struct network *net = n->network ? snap_network(lu->snap, n->network) : NULL;
	int found;

	if (!net)
		return n->ip && conflicts_check ? lu_net_conflict(lu, n->ip, node_uuid, e) : 0;
	found = lu_net_nicparams(lu, net, node_uuid, &n->nicparams, e);
	if (found <= 0)
		return found < 0 ? -1 : no_netparams(lu, net, node_uuid, e);
	n->has_nicparams = true;
	lu_info(lu, "NIC/%zu inherits netparams ['%s', '%s', '%s']", idx, n->nicparams.link,
		enum_name(&enum_nic_mode, n->nicparams.mode), n->nicparams.vlan ? n->nicparams.vlan : "");
	return n->ip ? place_ip(lu, n, net, idx, conflicts_check, e) : 0;
}

int lu_check_device_names(const char *kind, const char *const *names, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (!names[i])
			continue;
		if (digits(names[i], strlen(names[i])))
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Invalid name '%s'. Purely numeric %s names are not allowed",
				       names[i], kind);
		for (size_t k = 0; k < i; k++)
			if (str_eq(names[i], names[k]))
				return err_set(e, ERR_PREREQ, ECODE_NOTUNIQUE,
					       "%s name '%s' already used", kind, names[i]);
	}
	return 0;
}
