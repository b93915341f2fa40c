/* Errors of the whole configuration. Upstream: ConfigWriter.VerifyConfig; its texts. */
#include "src/config/priv.h"

#include <string.h>

#include "lib/base/map.h"

struct check {
	struct snapshot *s;
	struct db *d;
	struct arena *a; /* the caller's: messages */
	struct strs errs;
	const struct cluster *cluster;
	struct nicparams nic; /* of the cluster */
	struct map *ips;   /* address (with link and network) -> struct strs of owners */
	struct arena *tmp; /* lives as long as the check */
	size_t candidates, possible, nodes;
};

static void complain(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void complain(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strs_add(c->a, &c->errs, arena_vprintf(c->a, fmt, ap));
	va_end(ap);
}

/* --- addresses --- */
static void add_ip(struct check *c, const char *ip, const char *owner)
{
	struct strs *l = map_get(c->ips, ip);

	if (!l) {
		l = ARENA_NEW(c->tmp, struct strs);
		map_put(c->ips, ip, l);
	}
	strs_add(c->tmp, l, owner);
}

static const char *link_kind(nic_mode_t mode)
{
	return mode == nic_mode_bridged ? "bridge" : mode == nic_mode_openvswitch ? "ovs" : "route";
}

static void instance_ips(struct check *c, struct arena *a, const struct instance *i)
{
	for (size_t k = 0; k < i->nics.n; k++) {
		const struct nic *n = &i->nics.v[k];
		struct nicparams p;

		if (!n->ip)
			continue;
		p = n->nicparams;
		record_fill(rec_nicparams(), &p, &c->nic);
		add_ip(c,
		       arena_printf(a, "%s:%s/%s/%s", link_kind(p.mode), p.link, n->ip,
				    n->network ? n->network : "None"),
		       arena_printf(c->tmp, "instance:%s/nic:%zu", i->name, k));
	}
}

static void node_ips(struct check *c, const struct node *n)
{
	add_ip(c, n->primary_ip, arena_printf(c->tmp, "node:%s/primary", n->name));
	if (!str_eq(n->primary_ip, n->secondary_ip))
		add_ip(c, n->secondary_ip, arena_printf(c->tmp, "node:%s/secondary", n->name));
}

static void report_ips(struct check *c)
{
	size_t pos = 0;
	const char *ip;
	void *l;

	while (map_next(c->ips, &pos, &ip, &l))
		if (((struct strs *)l)->n > 1)
			complain(c, "IP address %s is used by multiple owners: %s", ip,
				 strs_join(c->tmp, l, ", "));
}

/* --- objects one by one --- */
static void check_disk_names(struct check *c, struct arena *a, const struct instance *i)
{
	struct strs wrong = { 0 };

	for (size_t k = 0; k < i->disks.n; k++) {
		const char *name = NULL, *expected = arena_printf(a, "disk/%zu", k);

		if (db_get_text(c->d, a, &name, NULL,
				"SELECT json_extract(json, '$.iv_name') FROM object WHERE uuid = ?",
				"s", i->disks.v[k]) != 1)
			continue; /* a dangling link; reported as such */
		if (!str_eq(name, expected))
			strs_add(a, &wrong,
				 arena_printf(a, "name of disk %zu should be '%s', but is '%s'", k,
					      expected, name ? name : ""));
	}
	if (wrong.n)
		complain(c, "Instance '%s' has wrongly named disks: %s", i->name,
			 strs_join(a, &wrong, "; "));
}

static void check_row(struct check *c, struct arena *a, enum obj_kind k, const char *uuid,
		      const char *text)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct strs errs = { 0 };
	void *obj;

	if (obj_parse_text(a, k, text, &obj, &e) < 0) {
		complain(c, "%s %s is not valid: %s", kind_info(k)->label, uuid, err_msg(&e));
		return;
	}
	check_object(a, k, obj, &c->nic, &errs);
	for (size_t i = 0; i < errs.n; i++)
		complain(c, "%s", errs.v[i]);
	if (k == OBJ_NODE) {
		const struct node *n = obj;

		node_ips(c, n);
		c->nodes++;
		c->candidates += n->master_candidate;
		c->possible += !n->offline && !n->drained && n->master_capable;
	} else if (k == OBJ_INSTANCE) {
		instance_ips(c, a, obj);
		check_disk_names(c, a, obj);
	}
}

static int check_kind(struct check *c, enum obj_kind k, struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	int rc;

	if (db_query(c->d, &s, e,
		     "SELECT uuid, json FROM object WHERE kind = ? ORDER BY name, id", "s",
		     obj_kind_name(k)) < 0)
		return -1;
	while ((rc = db_step(s, e)) == 1) {
		struct arena *a CLEANUP(arena_freep) = arena_new();

		check_row(c, a, k, db_text(s, 0), db_text(s, 1));
	}
	return rc;
}

/* --- all objects together, by the index --- */
static int check_dangling(struct check *c, struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	int rc;

	if (db_query(c->d, &s, e,
		     "SELECT l.role, coalesce(o.name, o.uuid), l.value, t.kind FROM link l"
		     " JOIN object o ON o.id = l.owner LEFT JOIN object t ON t.uuid = l.value"
		     " WHERE l.role <= ?",
		     "i", (int)LINK_LAST) < 0)
		return -1;
	while ((rc = db_step(s, e)) == 1) {
		enum link_role role = (enum link_role)db_int(s, 0);

		if (!str_eq(db_text(s, 3), obj_kind_name(link_target(role))))
			complain(c, "%s", link_dangling(c->a, role, db_text(s, 1), db_text(s, 2)));
	}
	return rc;
}

static const char *duplicate(struct check *c, enum link_role role, const char *value,
			     const char *owners)
{
	switch (role) {
	case LINK_DISK:
		return arena_printf(c->a, "disk '%s' is attached to several instances: %s", value,
				    owners);
	case CLAIM_MAC:
		return arena_printf(c->a, "MAC address %s is used by several instances: %s", value,
				    owners);
	case CLAIM_MINOR:
		return arena_printf(c->a, "DRBD minor %s is assigned to several disks: %s", value,
				    owners);
	case CLAIM_LV:
		return arena_printf(c->a, "logical volume %s is used by several disks: %s", value, owners);
	default:
		return NULL; /* addresses and ports have their own, richer messages */
	}
}

static int check_duplicates(struct check *c, struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	int rc;

	if (db_query(c->d, &s, e,
		     "SELECT l.role, l.value, group_concat(coalesce(o.name, o.uuid), ', ')"
		     " FROM link l JOIN object o ON o.id = l.owner WHERE l.role = ? OR l.role > ?"
		     " GROUP BY l.role, l.value HAVING count(*) > 1",
		     "ii", (int)LINK_DISK, (int)LINK_LAST) < 0)
		return -1;
	while ((rc = db_step(s, e)) == 1) {
		const char *text =
			duplicate(c, (enum link_role)db_int(s, 0), db_text(s, 1), db_text(s, 2));

		if (text)
			complain(c, "%s", text);
	}
	return rc;
}

/* Used ports in order, with their owners as upstream names them. */
static int check_ports(struct check *c, struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	int64_t highest = 0;
	struct map *used CLEANUP(map_freep) = map_new();
	int rc;

	if (db_query(c->d, &s, e,
		     "SELECT l.value, count(*), group_concat(CASE o.kind WHEN 'instance' THEN"
		     " o.name || '/network port' ELSE o.uuid || '/drbd disk' END, ', ')"
		     " FROM link l JOIN object o ON o.id = l.owner WHERE l.role = ?"
		     " GROUP BY l.value ORDER BY CAST(l.value AS INTEGER)",
		     "i", (int)CLAIM_PORT) < 0)
		return -1;
	while ((rc = db_step(s, e)) == 1) {
		highest = db_int(s, 0);
		if (db_int(s, 1) > 1)
			complain(c, "tcp/udp port %s has duplicates: %s", db_text(s, 0),
				 db_text(s, 2));
		map_put(used, db_text(s, 0), c);
	}
	if (rc < 0)
		return -1;
	json_items(c->cluster->tcpudp_port_pool, i, v) {
		const char *port = arena_printf(c->tmp, "%lld", (long long)json_int(v, 0));

		if (map_has(used, port))
			complain(c, "tcp/udp port %s has duplicates: cluster/port marked as free",
				 port);
		map_put(used, port, c);
		highest = json_int(v, 0) > highest ? json_int(v, 0) : highest;
	}
	if (highest > c->cluster->highest_used_port)
		complain(c, "Highest used port mismatch, saved %lld, computed %lld",
			 (long long)c->cluster->highest_used_port, (long long)highest);
	return 0;
}

static void check_candidates(struct check *c)
{
	const struct node *master = snap_node(c->s, c->cluster->master_node);
	size_t target = (size_t)c->cluster->candidate_pool_size;

	if (master && !master->master_candidate)
		complain(c, "Master node is not a master candidate");
	target = c->possible < target ? c->possible : target;
	if (c->candidates < target)
		complain(c, "Not enough master candidates: actual %zu, target %zu", c->candidates,
			 target);
}

int config_verify(struct snapshot *s, struct arena *a, struct strs *ret, struct err *e)
{
	struct arena *tmp CLEANUP(arena_freep) = arena_new();
	struct map *ips CLEANUP(map_freep) = map_new();
	struct check c = { .s = s, .d = snapshot_db(s), .a = a, .cluster = snap_cluster(s),
			   .ips = ips, .tmp = tmp };

	c.nic = fill_nic(tmp, c.cluster, NULL);
	add_ip(&c, c.cluster->master_ip, "cluster_ip");
	for (int k = 0; k < OBJ_KINDS; k++)
		if (check_kind(&c, k, e) < 0)
			return config_error(e);
	if (check_dangling(&c, e) < 0 || check_duplicates(&c, e) < 0 || check_ports(&c, e) < 0)
		return config_error(e);
	check_candidates(&c);
	report_ips(&c);
	*ret = c.errs;
	return 0;
}
