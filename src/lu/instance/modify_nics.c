/*
 * NIC modifications, worked out on a copy before anything is done (upstream: _VerifyNicModification,
 * _PrepareNicModification, _CreateNewNic, _ApplyNicMods).
 */
#include "src/lu/instance/priv.h"

#include <string.h>

#define NONE(s) ((s) ? (s) : "None")

struct change { /* of one NIC, while it is worked out */
	const json *params;
	struct nic *nic; /* changed in place; for a new one it starts empty */
	bool adding;
	const struct network *net; /* it will be in */
	const char *old_net, *old_ip;
};

/* "none" is how command lines write null. RET is NULL then; false when the key is not given. */
static bool given(struct luctx *lu, const json *params, const char *key, const char **ret)
{
	json *v = json_get(params, key);
	const char *s = json_str(v);

	if (!json_has(params, key))
		return false;
	*ret = !v || (s && strcasecmp(s, "none") == 0) ? NULL : s ? s : json_dump_in(lu->a, v);
	return true;
}

/* --- what may be asked for --- */
static int check_keys(const struct mod *m, struct err *e)
{
	static const char *const good[] = { "bridge", "ip", "link", "mac", "mode", "name", "network", "vlan" };

	json_each(m->params, key, v) {
		bool known = false;

		(void)v;
		for (size_t k = 0; k < ARRAY_SIZE(good); k++)
			known |= str_eq(key, good[k]);
		if (!known)
			return err_set(e, TypeEnforcementError, NULL, "Unknown parameter '%s'", key);
	}
	return 0;
}

static int verify(struct luctx *lu, const struct mod *m, struct err *e)
{
	const char *net = NULL, *ip = NULL, *mac = NULL, *link = NULL, *mode = NULL;

	if (m->action == MOD_ATTACH || m->action == MOD_DETACH)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "%s operation is not supported for NICs",
			       m->action == MOD_ATTACH ? "Attach" : "Detach");
	TRY(check_keys(m, e));
	given(lu, m->params, "network", &net);
	given(lu, m->params, "link", &link);
	given(lu, m->params, "mode", &mode);
	if (net && (link || mode))
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "If network is given mode or link should not");
	if (given(lu, m->params, "ip", &ip) && ip) {
		if (strcasecmp(ip, "pool") != 0)
			TRY(lu_nic_ip_check(ip, true, e));
		else if (m->action == MOD_ADD && !net)
			return err_set(e, ERR_PREREQ, ECODE_INVAL, "If ip=pool, parameter network cannot be none");
	}
	if (given(lu, m->params, "mac", &mac) && m->action == MOD_MODIFY) {
		if (!mac)
			return err_set(e, ERR_PREREQ, ECODE_INVAL, "Cannot unset the NIC MAC address");
		if (str_eq(mac, "auto"))
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "'auto' is not a valid MAC address when modifying an existing NIC");
	}
	return 0;
}

/* --- parameters --- */
static int new_network(struct luctx *lu, struct change *c, struct err *e)
{
	const char *name = c->old_net;

	given(lu, c->params, "network", &name);
	if (!name)
		return 0;
	return snap_find_network(lu->snap, name, &c->net, e);
}

static int check_bridge(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m, const char *link,
			const char *primary, struct err *e)
{
	struct rpc_answer r;
	const char *text;

	TRY(lu_ask(lu, RPC_bridges_exist, primary, json_pack("[[s]]", link), &r, e));
	if (!r.failed)
		return 0;
	text = arena_printf(lu->a, "Error checking bridges on node '%s': %s", r.node, r.error);
	if (!op->force)
		return err_set(e, ERR_PREREQ, ECODE_ENVIRON, "%s", text);
	strs_add(lu->a, &m->warnings, text);
	return 0;
}

/* The network's, or the given ones over those so far; stored filled, as upstream does. */
static int new_params(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m, struct change *c,
		      const char *primary, struct err *e)
{
	struct nicparams p = c->nic->nicparams;
	const char *ip = c->old_ip;
	int found;

	if (c->net) {
		found = lu_net_nicparams(lu, c->net, primary, &p, e);
		if (found < 0)
			return -1;
		if (!found)
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "No netparams found for the network %s, probably not connected", c->net->name);
	} else {
		TRY(lu_nic_params(lu, c->params, &p, e));
	}
	p = fill_nic(lu->a, lu->cluster, &p);
	TRY(lu_nic_params_check(&p, e));
	given(lu, c->params, "ip", &ip);
	if (p.mode == nic_mode_routed && !ip && !c->net)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Cannot set the NIC IP address to None on a routed NIC if not attached to a network");
	if (p.mode == nic_mode_bridged)
		TRY(check_bridge(lu, op, m, p.link, primary, e));
	if (p.mode == nic_mode_openvswitch)
		lu_info(lu, "OVS links are currently not checked for correctness");
	SET(*c->nic, nicparams, p);
	return 0;
}

/* --- MAC and address --- */
static const char *prefix_of(struct luctx *lu, const struct network *net)
{
	return net && net->mac_prefix && *net->mac_prefix ? net->mac_prefix : lu->cluster->mac_prefix;
}

static int new_mac(struct luctx *lu, struct change *c, struct err *e)
{
	const struct network *old = c->old_net ? snap_network(lu->snap, c->old_net) : NULL;
	const char *mac = NULL, *net = c->net ? c->net->uuid : NULL;
	bool asked = given(lu, c->params, "mac", &mac);

	if (!asked && !c->adding && str_eq(prefix_of(lu, old), prefix_of(lu, c->net)))
		return 0;
	TRY(lu_nic_mac(lu, net, mac, &c->nic->mac, e));
	c->nic->has_mac = true;
	return 0;
}

static int network_ip(struct luctx *lu, const struct op_instance_set_params *op, struct change *c, const char **ip,
		      struct err *e)
{
	int got;

	if (strcasecmp(*ip, "pool") == 0) {
		got = lu_net_pick(lu, c->net, ip, e);
		if (!got)
			err_set(e, ERR_PREREQ, ECODE_STATE, "Unable to get a free IP from the address pool");
		if (got <= 0)
			return -1;
		lu_info(lu, "Chose IP %s from network %s", *ip, c->net->name);
		return 0;
	}
	got = lu_net_take(lu, c->net, *ip, op->conflicts_check, e);
	if (!got)
		err_set(e, ERR_PREREQ, ECODE_NOTUNIQUE, "IP %s not available in network %s", *ip, c->net->name);
	if (got <= 0)
		return -1;
	lu_info(lu, "Reserving IP %s in network %s", *ip, c->net->name);
	return 0;
}

static int new_ip(struct luctx *lu, const struct op_instance_set_params *op, struct change *c, const char *primary,
		  struct err *e)
{
	const char *ip = c->old_ip, *net = c->net ? c->net->uuid : NULL, *ignored;

	given(lu, c->params, "ip", &ip);
	if (str_eq(ip, c->old_ip) && str_eq(net, c->old_net)) {
		if (c->old_net && (given(lu, c->params, "link", &ignored) || given(lu, c->params, "mode", &ignored)))
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Not allowed to change link or mode of a NIC that is connected to a network");
		return 0;
	}
	if (ip && net)
		TRY(network_ip(lu, op, c, &ip, e));
	else if (ip && strcasecmp(ip, "pool") == 0)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "ip=pool, but no network found");
	else if (ip && op->conflicts_check)
		TRY(lu_net_conflict(lu, ip, primary, e));
	c->nic->ip = ip;
	c->nic->has_ip = ip != NULL;
	return 0;
}

static int work_out(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m, struct change *c,
		    const char *primary, struct err *e)
{
	const char *name;

	TRY(new_network(lu, c, e));
	TRY(new_params(lu, op, m, c, primary, e));
	TRY(new_mac(lu, c, e));
	TRY(new_ip(lu, op, c, primary, e));
	c->nic->network = c->net ? arena_strdup(lu->a, c->net->uuid) : NULL;
	c->nic->has_network = c->net != NULL;
	if (given(lu, c->params, "name", &name)) {
		c->nic->name = name;
		c->nic->has_name = name != NULL;
	}
	return 0;
}

/* --- the three actions --- */
static void say(struct luctx *lu, struct nic_step *s, const char *key, const char *value)
{
	(void)lu;
	json_append(s->changes, json_pack("[s, s]", key, value));
}

static int add(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m, const struct mod *mod,
	       const char *primary, struct nic_step *s, struct err *e)
{
	nic_list_t *l = &m->new_nics;
	struct nic n = { .mac = NULL };
	struct change c = { .params = mod->params, .nic = &n, .adding = true };
	const char *net = NULL;

	TRY(mod_insert_at("NIC", mod, l->n, &s->idx, e));
	TRY(work_out(lu, op, m, &c, primary, e));
	SET(n, uuid, uuid_new(lu->a));
	memmove(&l->v[s->idx + 1], &l->v[s->idx], (l->n - s->idx) * sizeof(*l->v));
	l->v[s->idx] = n;
	l->n++;
	given(lu, mod->params, "network", &net);
	s->key = arena_printf(lu->a, "nic.%zu", s->idx);
	s->hotplug = "hotadd";
	say(lu, s, s->key,
	    arena_printf(lu->a, "add:mac=%s,ip=%s,mode=%s,link=%s,network=%s", n.mac, NONE(n.ip),
			 enum_name(&enum_nic_mode, n.nicparams.mode), n.nicparams.link, NONE(net)));
	s->nic = n;
	return 0;
}

static void say_changed(struct luctx *lu, struct nic_step *s, const char *what, const char *value)
{
	say(lu, s, arena_printf(lu->a, "nic.%s/%zu", what, s->idx), value);
}

static int change_one(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m,
		      const struct mod *mod, const char *primary, struct nic_step *s, struct err *e)
{
	struct nic *n = &m->new_nics.v[s->idx];
	struct change c = { .params = mod->params, .nic = n, .old_net = n->network, .old_ip = n->ip };
	const char *old_mac = n->mac, *net = NULL;

	TRY(work_out(lu, op, m, &c, primary, e));
	if (json_has(mod->params, "mac") || !str_eq(old_mac, n->mac))
		say_changed(lu, s, "mac", n->mac);
	if (json_has(mod->params, "ip"))
		say_changed(lu, s, "ip", n->ip);
	if (json_has(mod->params, "name"))
		say_changed(lu, s, "name", n->name);
	if (!str_eq(c.old_net, n->network)) {
		given(lu, mod->params, "network", &net);
		say_changed(lu, s, "network", net);
	}
	say_changed(lu, s, "link", n->nicparams.link);
	say_changed(lu, s, "mode", enum_name(&enum_nic_mode, n->nicparams.mode));
	say_changed(lu, s, "vlan", n->nicparams.vlan);
	s->key = arena_printf(lu->a, "nic/%zu", s->idx);
	s->hotplug = "hotmod";
	s->nic = *n;
	return 0;
}

static void drop(struct luctx *lu, struct modify *m, struct nic_step *s)
{
	nic_list_t *l = &m->new_nics;

	s->nic = l->v[s->idx];
	s->key = arena_printf(lu->a, "NIC/%zu", s->idx);
	s->hotplug = "hotremove";
	say(lu, s, s->key, "remove");
	l->n--;
	memmove(&l->v[s->idx], &l->v[s->idx + 1], (l->n - s->idx) * sizeof(*l->v));
}

static int find(struct luctx *lu, const struct modify *m, const struct mod *mod, size_t *ret, struct err *e)
{
	struct mod_item *v = ARENA_ARRAY(lu->a, struct mod_item, m->new_nics.n + 1);

	for (size_t k = 0; k < m->new_nics.n; k++)
		v[k] = (struct mod_item){ m->new_nics.v[k].uuid, m->new_nics.v[k].name };
	return mod_find("NIC", mod, v, m->new_nics.n, ret, e);
}

static int step(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m, const struct mod *mod,
		const char *primary, struct nic_step *s, struct err *e)
{
	s->changes = json_own(lu->a, json_new_array());
	TRY(verify(lu, mod, e));
	if (mod->action == MOD_ADD)
		return add(lu, op, m, mod, primary, s, e);
	TRY(find(lu, m, mod, &s->idx, e));
	if (mod->action == MOD_MODIFY)
		return change_one(lu, op, m, mod, primary, s, e);
	drop(lu, m, s);
	return 0;
}

/* The NICs as they are; strings in lu->a, because they outlive the snapshot. */
static int copy_nics(struct luctx *lu, const struct instance *i, size_t room, nic_list_t *ret, struct err *e)
{
	struct nic *v = ARENA_ARRAY(lu->a, struct nic, i->nics.n + room + 1);

	for (size_t k = 0; k < i->nics.n; k++) {
		json *j = json_own(lu->a, record_emit(rec_nic(), &i->nics.v[k], 0));

		TRY(record_parse(rec_nic(), lu->a, j, &v[k], 0, NULL, e));
	}
	*ret = (nic_list_t){ .n = i->nics.n, .v = v };
	return 0;
}

int modify_check_nics(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m, struct err *e)
{
	const struct instance *i;
	const char **names, *primary;

	TRY(inst_get(lu, &m->in, &i, e));
	primary = m->pnode ? m->pnode : arena_strdup(lu->a, i->primary_node);
	TRY(copy_nics(lu, i, m->n_nics, &m->new_nics, e));
	m->steps = ARENA_ARRAY(lu->a, struct nic_step, m->n_nics + 1);
	for (size_t k = 0; k < m->n_nics; k++)
		TRY(step(lu, op, m, &m->nics[k], primary, &m->steps[m->n_steps++], e));
	if (m->new_nics.n > MAX_NICS)
		return err_set(e, ERR_PREREQ, ECODE_STATE,
			       "Instance has too many network interfaces (%d), cannot add more", MAX_NICS);
	names = ARENA_ARRAY(lu->a, const char *, m->new_nics.n + 1);
	for (size_t k = 0; k < m->new_nics.n; k++)
		names[k] = m->new_nics.v[k].name;
	return m->n_nics ? lu_check_device_names("NIC", names, m->new_nics.n, e) : 0;
}
