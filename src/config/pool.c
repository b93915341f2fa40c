/*
 * What the store keeps itself, because it follows from the instances and disks: the free console
 * ports of the cluster and the used addresses of networks. Their holders' serial numbers stay as they
 * are: a job that changes the cluster must not fail because another one took a port.
 */
#include "src/config/priv.h"

#include <string.h>

#include "lib/base/parse.h"

/* --- networks --- */
int pool_new_network(struct arena *a, struct network *n, struct err *e)
{
	uint32_t base, size;
	char *bits;

	if (net4_parse(n->network, &base, &size) < 0)
		return config_fail(e, "Network '%s' has invalid address range '%s'", n->name,
				   n->network);
	bits = arena_alloc(a, size + 1);
	memset(bits, '0', size);
	n->reservations = bits;
	n->has_reservations = true;
	if (n->has_ext_reservations)
		return 0;
	bits = arena_strdup(a, bits);
	bits[0] = bits[size - 1] = '1'; /* the network itself and broadcast */
	n->ext_reservations = bits;
	n->has_ext_reservations = true;
	return 0;
}

void pool_keep(enum obj_kind k, void *obj, const void *old)
{
	if (k == OBJ_CLUSTER) {
		struct cluster *c = obj;
		const struct cluster *o = old;

		c->tcpudp_port_pool = o->tcpudp_port_pool;
		c->has_tcpudp_port_pool = o->has_tcpudp_port_pool;
		c->highest_used_port = o->highest_used_port;
		c->has_highest_used_port = o->has_highest_used_port;
	} else if (k == OBJ_NETWORK) {
		struct network *n = obj;
		const struct network *o = old;

		if (str_eq(n->network, o->network)) {
			n->reservations = o->reservations;
			n->has_reservations = o->has_reservations;
		}
	}
}

/* VALUE is "network/address". Of another network, or not an address: false. */
static bool in_network(const char *value, const char *uuid, const char **ret_ip)
{
	size_t n = strlen(uuid);

	if (strncmp(value, uuid, n) != 0 || value[n] != '/')
		return false;
	*ret_ip = value + n + 1;
	return true;
}

static int mark(const struct network *n, char *bits, uint32_t base, uint32_t size, const char *ip,
		char mark, struct err *e)
{
	uint32_t addr;

	if (ip4_parse(ip, &addr) < 0 || addr < base || addr - base >= size) {
		if (mark == '0')
			return 0;
		return config_fail(e, "Address '%s' is outside of network '%s'", ip, n->name);
	}
	bits[addr - base] = mark;
	return 0;
}

static int update_network(struct db *d, struct arena *a, const char *uuid,
			  const struct pool_change *p, double now, struct err *e)
{
	struct network *n;
	struct row row;
	uint32_t base, size;
	const char *ip;
	char *bits;
	void *obj;
	int rc = row_find(d, a, uuid, &row, e);

	if (rc != 1 || row.kind != OBJ_NETWORK)
		return rc < 0 ? -1 : 0; /* removed together with its last user */
	if (obj_parse_text(a, OBJ_NETWORK, row.json, &obj, e) < 0)
		return -1;
	n = obj;
	if (net4_parse(n->network, &base, &size) < 0 || !n->reservations ||
	    strlen(n->reservations) != size)
		return config_fail(e, "Network '%s' has an invalid address pool", n->name);
	bits = arena_strdup(a, n->reservations);
	for (size_t i = 0; i < p->removed.n; i++)
		if (p->removed.v[i].role == CLAIM_IP &&
		    in_network(p->removed.v[i].value, uuid, &ip) &&
		    mark(n, bits, base, size, ip, '0', e) < 0)
			return -1;
	for (size_t i = 0; i < p->added.n; i++)
		if (p->added.v[i].role == CLAIM_IP && in_network(p->added.v[i].value, uuid, &ip) &&
		    mark(n, bits, base, size, ip, '1', e) < 0)
			return -1;
	n->reservations = bits;
	n->mtime = now;
	return row_write(d, OBJ_NETWORK, n, row.id, NULL, NULL, e);
}

static void networks_of(struct arena *a, struct strs *l, const struct links *links)
{
	for (size_t i = 0; i < links->n; i++) {
		const char *v = links->v[i].value, *uuid;

		if (links->v[i].role != CLAIM_IP)
			continue;
		uuid = arena_strndup(a, v, (size_t)(strchr(v, '/') - v));
		if (!strs_has(l, uuid))
			strs_add(a, l, uuid);
	}
}

/* --- ports --- */
static bool port_of(const struct link *l, int64_t *ret)
{
	return l->role == CLAIM_PORT && parse_int(l->value, ret) == 0 &&
	       *ret >= FIRST_CONSOLE_PORT && *ret <= LAST_CONSOLE_PORT;
}

static bool in_pool(const json *pool, int64_t port)
{
	json_items(pool, i, v) {
		if (json_int(v, -1) == port)
			return true;
	}
	return false;
}

static void pool_put(json *pool, int64_t port)
{
	if (!in_pool(pool, port))
		json_append(pool, json_new_int(port));
}

/* Nobody else has the port (configurations from elsewhere may have duplicates). */
static bool unclaimed(struct db *d, const char *port)
{
	int64_t n = 0;

	return db_get_int(d, &n, NULL, "SELECT count(*) FROM link WHERE role = ? AND value = ?",
			  "is", (int)CLAIM_PORT, port) == 1 && n == 0;
}

static json *without_used(struct arena *a, const json *pool, const struct links *added)
{
	json *out = json_own(a, json_new_array());

	json_items(pool, i, v) {
		bool used = false;
		int64_t port;

		for (size_t k = 0; k < added->n; k++)
			used |= port_of(&added->v[k], &port) && port == json_int(v, -1);
		if (!used)
			json_append(out, json_ref(v));
	}
	return out;
}

static int update_ports(struct db *d, struct arena *a, const struct pool_change *p, double now,
			struct err *e)
{
	int64_t id, port, highest;
	const char *text;
	struct cluster *c;
	json *pool;
	void *obj;

	if (db_get_int(d, &id, e, "SELECT id FROM object WHERE kind = 'cluster'", "") != 1 ||
	    db_get_text(d, a, &text, e, "SELECT json FROM object WHERE id = ?", "I", id) != 1 ||
	    obj_parse_text(a, OBJ_CLUSTER, text, &obj, e) < 0)
		return -1;
	c = obj;
	pool = json_own(a, json_clone(c->tcpudp_port_pool));
	for (size_t i = 0; i < p->removed.n; i++)
		if (port_of(&p->removed.v[i], &port) && unclaimed(d, p->removed.v[i].value))
			pool_put(pool, port);
	highest = c->highest_used_port;
	for (size_t i = 0; i < p->added.n; i++) {
		if (!port_of(&p->added.v[i], &port))
			continue;
		/* those skipped are reserved by running jobs, or were by some that failed */
		while (highest < port)
			if (++highest < port && highest >= FIRST_CONSOLE_PORT)
				pool_put(pool, highest);
	}
	c->tcpudp_port_pool = without_used(a, pool, &p->added);
	c->has_tcpudp_port_pool = true;
	c->highest_used_port = highest;
	c->has_highest_used_port = true;
	c->mtime = now;
	return row_write(d, OBJ_CLUSTER, c, id, NULL, NULL, e);
}

static bool has_ports(const struct links *l)
{
	int64_t port;

	for (size_t i = 0; i < l->n; i++)
		if (port_of(&l->v[i], &port))
			return true;
	return false;
}

int pool_update(struct db *d, struct arena *a, const struct pool_change *p, double now,
		struct err *e)
{
	struct strs networks = { 0 };

	networks_of(a, &networks, &p->removed);
	networks_of(a, &networks, &p->added);
	for (size_t i = 0; i < networks.n; i++)
		if (update_network(d, a, networks.v[i], p, now, e) < 0)
			return -1;
	if (!has_ports(&p->added) && !has_ports(&p->removed))
		return 0;
	return update_ports(d, a, p, now, e);
}
