/* What running jobs have taken but not committed yet. In the master's memory, and saved with the job: a job
 * that is gone took nothing with it. */
#include "src/config/priv.h"

#include <string.h>

#include "lib/base/map.h"
#include "lib/base/parse.h"
#include "lib/sys/sys.h"

#define MAC_TRIES 128

struct reservations {
	struct map *owner; /* "kind value" -> job number, as a pointer */
};

struct reservations *reservations_new(void)
{
	struct reservations *r = xcalloc(1, sizeof(*r));

	r->owner = map_new();
	return r;
}

void reservations_free(struct reservations *r)
{
	if (!r)
		return;
	map_free(r->owner, free);
	free(r);
}

/* True when JOB has it now or had it already. */
static bool take(struct reservations *r, int64_t job, const char *kind, const char *value)
{
	char *key CLEANUP(freep) = xasprintf("%s %s", kind, value);
	int64_t *owner = map_get(r->owner, key);

	if (owner)
		return *owner == job;
	owner = xmalloc(sizeof(*owner));
	*owner = job;
	map_put(r->owner, key, owner);
	return true;
}

static bool taken(const struct reservations *r, const char *kind, const char *value)
{
	char *key CLEANUP(freep) = xasprintf("%s %s", kind, value);

	return map_has(r->owner, key);
}

void reservations_drop(struct reservations *r, int64_t job)
{
	size_t pos = 0;
	const char *key;
	void *owner;

	while (map_next(r->owner, &pos, &key, &owner)) {
		if (*(int64_t *)owner != job)
			continue;
		map_del(r->owner, key);
		free(owner);
	}
}

/* --- saving with the job --- */
json *reservations_held(const struct reservations *r, int64_t job)
{
	json *out = json_new_array();
	const char *key;
	void *owner;

	for (size_t pos = 0; map_next(r->owner, &pos, &key, &owner);)
		if (*(int64_t *)owner == job)
			json_append(out, json_new_str(key));
	return out;
}

void reservations_restore(struct reservations *r, int64_t job, const json *held)
{
	json_items (held, i, key) {
		int64_t *owner = json_str(key) && !map_has(r->owner, json_str(key)) ?
					 xmalloc(sizeof(*owner)) :
					 NULL;

		if (!owner)
			continue;
		*owner = job;
		map_put(r->owner, json_str(key), owner);
	}
}

/* Does an object of the configuration have it? 1, 0 or -1. */
static int claimed(struct config *c, enum link_role role, const char *value, struct err *e)
{
	int64_t n = 0;

	if (db_get_int(c->db, &n, e, "SELECT count(*) FROM link WHERE role = ? AND value = ?", "is", (int)role,
		       value) < 0)
		return config_error(e);
	return n > 0;
}

/* --- MAC addresses --- */
int reserve_mac(struct reservations *r, struct config *c, int64_t job, const char *mac,
		struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *lower = str_lower(a, mac);
	int used = claimed(c, CLAIM_MAC, lower, e);

	if (used < 0)
		return -1;
	if (used || !take(r, job, "mac", lower))
		return err_set(e, ReservationError, NULL, "mac already in use");
	return 0;
}

int reserve_mac_generate(struct reservations *r, struct config *c, int64_t job, const char *prefix,
			 struct arena *a, const char **ret, struct err *e)
{
	for (int i = 0; i < MAC_TRIES; i++) {
		unsigned char b[3];
		const char *mac;
		int used;

		if (random_bytes(b, sizeof(b)) < 0)
			return config_fail(e, "Can't get random numbers");
		mac = str_lower(a, arena_printf(a, "%s:%02x:%02x:%02x", prefix, b[0], b[1], b[2]));
		if (taken(r, "mac", mac))
			continue;
		used = claimed(c, CLAIM_MAC, mac, e);
		if (used < 0)
			return -1;
		if (used)
			continue;
		take(r, job, "mac", mac);
		*ret = mac;
		return 0;
	}
	return err_set(e, ConfigurationError, NULL, "Can't generate unique MAC");
}

/* --- addresses of networks, logical volumes --- */
int reserve_ip(struct reservations *r, struct config *c, int64_t job, const char *network, const char *ip,
	       struct err *e)
{
	char *value CLEANUP(freep) = xasprintf("%s/%s", network, ip);
	int used = claimed(c, CLAIM_IP, value, e);

	if (used < 0)
		return -1;
	if (used)
		return err_set(e, ReservationError, NULL, "IP address already in use");
	if (!take(r, job, "ip", value))
		return err_set(e, ReservationError, NULL, "IP address already reserved");
	return 0;
}

int reserve_lv(struct reservations *r, struct config *c, int64_t job, const char *volume, struct err *e)
{
	int used = claimed(c, CLAIM_LV, volume, e);

	if (used < 0)
		return -1;
	if (used || !take(r, job, "lv", volume))
		return err_set(e, ReservationError, NULL, "LV '%s' already in use", volume);
	return 0;
}

/* --- DRBD minors --- */

/* The smallest one that neither a disk nor a running job has on that node. */
static int free_minor(struct reservations *r, struct config *c, struct arena *a, const char *node, int64_t *ret,
		      struct err *e)
{
	for (int64_t n = 0;; n++) {
		const char *value = arena_printf(a, "%s/%lld", node, (long long)n);
		int used = taken(r, "minor", value) ? 1 : claimed(c, CLAIM_MINOR, value, e);

		if (used < 0)
			return -1;
		if (!used) {
			*ret = n;
			return 0;
		}
	}
}

int reserve_minors(struct reservations *r, struct config *c, int64_t job, const struct strs *nodes, json **ret,
		   struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *out CLEANUP(json_putp) = json_new_array();

	for (size_t i = 0; i < nodes->n; i++)
		for (size_t k = 0; k < i; k++)
			if (str_eq(nodes->v[i], nodes->v[k]))
				return err_set(e, ReservationError, NULL, "Duplicate nodes detected in list '%s'",
					       strs_join(a, nodes, ", "));
	for (size_t i = 0; i < nodes->n; i++) {
		int64_t n;

		if (free_minor(r, c, a, nodes->v[i], &n, e) < 0)
			return -1;
		take(r, job, "minor", arena_printf(a, "%s/%lld", nodes->v[i], (long long)n));
		json_append(out, json_new_int(n));
	}
	*ret = STEAL(out);
	return 0;
}

/* --- ports --- */
int reserve_port(struct reservations *r, struct config *c, int64_t job, int64_t *ret, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const struct cluster *cluster;
	const char *text;
	int64_t port;
	void *obj;

	if (db_get_text(c->db, a, &text, e, "SELECT json FROM object WHERE kind = 'cluster'", "") !=
		    1 ||
	    obj_parse_text(a, OBJ_CLUSTER, text, &obj, e) < 0)
		return config_error(e);
	cluster = obj;
	json_items(cluster->tcpudp_port_pool, i, v) {
		const char *name = arena_printf(a, "%lld", (long long)json_int(v, 0));

		if (!taken(r, "port", name)) {
			take(r, job, "port", name);
			*ret = json_int(v, 0);
			return 0;
		}
	}
	for (port = cluster->highest_used_port + 1; port < LAST_CONSOLE_PORT; port++) {
		const char *name = arena_printf(a, "%lld", (long long)port);

		if (!taken(r, "port", name)) {
			take(r, job, "port", name);
			*ret = port;
			return 0;
		}
	}
	return err_set(e, ConfigurationError, NULL,
		       "The highest used port is greater than %d. Aborting.", LAST_CONSOLE_PORT);
}

/* --- names --- */
int reserve_name(struct reservations *r, int64_t job, const char *kind, const char *name,
		 struct err *e)
{
	char *key CLEANUP(freep) = xasprintf("name %s", kind);

	if (!take(r, job, key, name))
		return err_set(e, ReservationError, NULL, "%s name '%s' is reserved by another job",
			       kind, name);
	return 0;
}
