/*
 * Invented clusters in the text format of htools; see htkit.h for the traits. The same arguments give the same cluster
 * for ever: recorded answers depend on it.
 */
#include "tests/harness/htkit.h"

#include "lib/base/parse.h"
#include <stdio.h>
#include <string.h>

static uint64_t state;
static struct str *out; /* what is being made */

/* splitmix64 */
static uint64_t next(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static int upto(int n) /* 0..n-1 */
{
	return (int)(next() % (uint64_t)n);
}

static bool chance(int percent)
{
	return upto(100) < percent;
}

struct traits {
	bool drbd, shared, uniform, skewed, tags, locations, offline, full, spindles, forthcoming, tight, standby, overcommit, bandwidth, pools, soft;
	int groups;
};
struct node {
	int64_t t_mem, n_mem, f_mem, t_dsk, f_dsk, t_cpu, t_spn, f_spn;
	int group;
	bool offline;
	int vcpus;
};
struct inst {
	int64_t mem, dsk, vcpus, spn;
	const char *status, *tmpl;
	int pri, sec;
	bool forthcoming;
};

static struct traits traits;
static struct node nodes[HTKIT_NODES_MAX];
static struct inst insts[HTKIT_INSTS_MAX];
static int n_nodes, n_insts;

static void make_nodes(void)
{
	static const int64_t mems[] = { 16384, 32768, 65536, 131072 };

	for (int i = 0; i < n_nodes; i++) {
		struct node *n = &nodes[i];
		int kind = traits.uniform ? 1 : upto(4);

		n->t_mem = mems[kind];
		n->n_mem = traits.uniform ? 1024 : 512 + upto(1024);
		n->t_dsk = (traits.uniform ? 1024 : 512 + upto(2048)) * (int64_t)1024;
		n->t_cpu = traits.uniform ? 16 : 8 << upto(3);
		n->t_spn = traits.spindles ? 8 + upto(24) : 1 + upto(4);
		n->f_mem = n->t_mem - n->n_mem;
		n->f_dsk = n->t_dsk;
		n->f_spn = traits.spindles ? n->t_spn : 0;
		n->group = i % traits.groups;
		n->offline = (traits.offline && chance(12)) || (traits.standby && i % 4 == 3);
	}
}

static const char *status_of(void)
{
	static const char *const other[] = { "ADMIN_down", "ADMIN_offline", "ERROR_down", "ERROR_up", "USER_down", "ERROR_wrongnode" };

	return traits.uniform || chance(85) ? "running" : other[upto(6)];
}

static const char *template_of(void)
{
	static const char *const any[] = { "drbd", "drbd", "drbd", "drbd", "plain", "ext", "rbd", "sharedfile", "file", "diskless",
					   "gluster", "blockdev" };

	return traits.drbd ? "drbd" : traits.shared ? "rbd" : any[upto(12)];
}

/* A node of group G (any if negative) other than NOT. */
static int pick(int g, int not)
{
	for (int tries = 0; tries < 1000; tries++) {
		int i = traits.skewed && chance(70) ? upto(n_nodes / 3 + 1) : upto(n_nodes);

		if (traits.standby && nodes[i].offline)
			continue;
		if (i != not && (g < 0 || nodes[i].group == g))
			return i;
	}
	return -1;
}

static bool uses_mem(const struct inst *i)
{
	return !i->forthcoming && (strcmp(i->status, "running") == 0 || strncmp(i->status, "ERROR_up", 8) == 0 ||
				   strcmp(i->status, "ERROR_wrongnode") == 0);
}

/* Take what the instance needs; false if there is not enough. */
static bool place(const struct inst *i)
{
	struct node *p = &nodes[i->pri], *s = i->sec >= 0 ? &nodes[i->sec] : NULL;
	bool local = strcmp(i->tmpl, "drbd") == 0 || strcmp(i->tmpl, "plain") == 0;
	int64_t keep = traits.overcommit ? (p->n_mem - p->t_mem) / 3 : traits.full ? 64 : 512, mem = uses_mem(i) ? i->mem : 0;

	if (p->f_mem - mem < keep || p->vcpus + i->vcpus > p->t_cpu * 4)
		return false;
	if (local && (p->f_dsk - i->dsk < 1024 || (s && s->f_dsk - i->dsk < 1024)))
		return false;
	if (local && traits.spindles && (p->f_spn < i->spn + 1 || (s && s->f_spn < i->spn + 1)))
		return false;
	p->f_mem -= mem;
	p->vcpus += (int)i->vcpus;
	if (local && !i->forthcoming) {
		p->f_dsk -= i->dsk;
		if (s)
			s->f_dsk -= i->dsk;
		if (traits.spindles) {
			p->f_spn -= i->spn;
			if (s)
				s->f_spn -= i->spn;
		}
	}
	return true;
}

static void make_insts(int wanted)
{
	for (int tries = 0; n_insts < wanted && tries < wanted * 20; tries++) {
		struct inst *i = &insts[n_insts];

		i->mem = traits.uniform ? 1024 << upto(2) : 128 * (1 + upto(32));
		i->dsk = traits.uniform ? 20480 : 1024 * (1 + upto(60)) + 128;
		i->vcpus = traits.uniform ? 1 : 1 + upto(4);
		i->spn = 1 + upto(2);
		i->status = status_of();
		i->tmpl = template_of();
		i->forthcoming = traits.forthcoming && chance(15);
		i->pri = pick(-1, -1);
		i->sec = strcmp(i->tmpl, "drbd") == 0 ? pick(chance(2) && traits.groups > 1 ? -1 : nodes[i->pri].group, i->pri) : -1;
		if (strcmp(i->tmpl, "drbd") == 0 && i->sec < 0)
			continue;
		if (place(i))
			n_insts++;
	}
}

/* --- printing --- */

static void print_node_tags(int i)
{
	if (traits.standby && i % 4 == 3)
		str_addf(out, "htools:standby:%s%s", i % 8 == 3 ? "auto" : "spare", traits.locations ? "," : "");
	if (traits.locations) {
		str_addf(out, "power:%d,rack:%d", i % 3, i % 5);
		if (chance(40))
			str_addf(out, ",hv:%s", chance(60) ? "old" : "new");
	}
	if (traits.bandwidth && i % 4)
		str_addf(out, "%snet:%s", traits.locations || (traits.standby && i % 4 == 3) ? "," : "", i % 4 == 1 ? "slow" : "fast");
}

static void print_inst_tags(void)
{
	const char *sep = "";

	if (traits.tags && chance(30)) {
		str_addf(out, "service:%d", upto(6));
		sep = ",";
	}
	if (traits.tags && chance(10)) {
		str_addf(out, "%sservice:%d", sep, upto(6));
		sep = ",";
	}
	if (traits.locations && chance(30))
		str_addf(out, "%spower:%d", sep, upto(3));
	else if (traits.pools && chance(60))
		str_addf(out, "%s%s:%d", sep, chance(50) ? "web" : "db", upto(4));
}

static void print_policy(const char *owner)
{
	str_addf(out, "%s|128,1,1024,1,1,1|%s|diskless,file,sharedfile,plain,blockdev,drbd,rbd,ext,gluster|%s|32.0%s\n", owner,
	       traits.tight ? "256,1,1024,1,1,1;4096,4,40960,1,1,2" : "128,1,1024,1,1,1;32768,8,1048576,16,8,12",
	       traits.tight ? "2.5" : "4.0", traits.overcommit ? "|1.5" : "");
}

static void print_cluster(void)
{
	for (int g = 0; g < traits.groups; g++)
		str_addf(out, "group%d|uuid-%d|%s||\n", g, g, g == 1 ? "last_resort" : "preferred");
	str_addf(out, "\n");
	for (int i = 0; i < n_nodes; i++) {
		const struct node *n = &nodes[i];

		str_addf(out, "node%d.example.com|%lld|%lld|%lld|%lld|%lld|%lld|%c|uuid-%d|%lld|", i, (long long)n->t_mem, (long long)n->n_mem,
		       (long long)(n->f_mem < 0 ? 0 : n->f_mem), (long long)n->t_dsk, (long long)n->f_dsk, (long long)n->t_cpu,
		       n->offline ? 'Y' : i == 0 ? 'M' : 'N', n->group, (long long)n->t_spn);
		print_node_tags(i);
		str_addf(out, "|%c|%lld|%d|%s\n", traits.spindles ? 'Y' : 'N', (long long)n->f_spn, traits.uniform ? 1 : 1 + upto(2),
		       traits.uniform || chance(80) ? "1.0" : "1.25");
	}
	str_addf(out, "\n");
	for (int i = 0; i < n_insts; i++) {
		const struct inst *x = &insts[i];

		str_addf(out, "inst%d.example.com|%lld|%lld|%lld|%s|%c|node%d.example.com|", i, (long long)x->mem, (long long)x->dsk,
		       (long long)x->vcpus, x->status, traits.uniform || chance(92) ? 'Y' : 'N', x->pri);
		if (x->sec >= 0)
			str_addf(out, "node%d.example.com", x->sec);
		str_addf(out, "|%s|", x->tmpl);
		print_inst_tags();
		if (traits.spindles)
			str_addf(out, "|1|%lld", (long long)x->spn);
		else
			str_addf(out, "|%d|-", traits.uniform ? 1 : 1 + upto(2));
		str_addf(out, "|%c\n", x->forthcoming ? 'Y' : 'N');
	}
	str_addf(out, "\n");
	if (traits.tags)
		str_addf(out, "htools:iextags:service\n");
	if (traits.soft)
		str_addf(out, "htools:soft-antiaffinity:rack:web\nhtools:soft-antiaffinity:node:db\nhtools:soft-affinity:power:db\n");
	else if (traits.pools)
		str_addf(out, "htools:antiaffinity:rack:web\nhtools:antiaffinity:node:db\nhtools:affinity:power:db\n");
	if (traits.locations)
		str_addf(out, "htools:nlocation:power\nhtools:nlocation:rack\nhtools:desiredlocation:power\nhtools:migration:hv\n"
		       "htools:allowmigration:hv:old::hv:new\n");
	if (traits.bandwidth)
		str_addf(out, "htools:bandwidth:net\nnet:none\nhtools:bandwidth:net:fast::net:fast::10000\n"
		       "htools:bandwidth:net:slow::net:fast::50\nhtools:bandwidth:net:slow::net:slow::20\n");
	str_addf(out, "\n");
	print_policy("");
	for (int g = 0; g < traits.groups; g++) {
		char owner[20];

		snprintf(owner, sizeof(owner), "group%d", g);
		print_policy(owner);
	}
}

static void set_trait(const char *t)
{
	const struct {
		const char *name;
		bool *to;
	} all[] = {
		{ "drbd", &traits.drbd }, { "shared", &traits.shared }, { "uniform", &traits.uniform }, { "skewed", &traits.skewed },
		{ "tags", &traits.tags }, { "locations", &traits.locations }, { "offline", &traits.offline }, { "full", &traits.full },
		{ "spindles", &traits.spindles }, { "forthcoming", &traits.forthcoming }, { "tight", &traits.tight },
		{ "standby", &traits.standby }, { "overcommit", &traits.overcommit },
		{ "bandwidth", &traits.bandwidth }, { "pools", &traits.pools },
		{ "soft", &traits.soft },
	};
	int64_t n;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (strcmp(all[i].name, t) == 0) {
			*all[i].to = true;
			return;
		}
	}
	if (strncmp(t, "groups=", 7) == 0 && parse_int(t + 7, &n) == 0 && n > 0) {
		traits.groups = (int)n;
		return;
	}
	fprintf(stderr, "mkhtools: unknown trait %s\n", t);
	exit(2);
}

static void draw_traits(void)
{
	static const char *const names[] = { "drbd", "shared", "uniform", "skewed", "tags", "locations", "offline", "full", "spindles",
					     "forthcoming", "tight" };
	static const int odds[] = { 35, 10, 30, 50, 35, 30, 25, 15, 12, 15, 15 };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (chance(odds[i]))
			set_trait(names[i]);
}

void htkit_cluster(struct str *ret, uint64_t seed, int wanted_nodes, int wanted_insts, const struct strs *wanted)
{
	out = ret;
	state = seed * 0x2545f4914f6cdd1du + 1;
	traits = (struct traits){ .groups = 1 };
	n_nodes = wanted_nodes;
	n_insts = 0;
	if (wanted_nodes == 0) {
		n_nodes = 2 + upto(19);
		wanted_insts = 1 + upto(n_nodes * 10);
		draw_traits();
	}
	for (size_t i = 0; wanted && i < wanted->n; i++)
		set_trait(wanted->v[i]);
	memset(nodes, 0, sizeof(nodes[0]) * (size_t)n_nodes);
	make_nodes();
	make_insts(wanted_insts);
	print_cluster();
}
