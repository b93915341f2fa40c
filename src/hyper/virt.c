/* libvirt: connection, lifecycle, lists. Domains are transient: nothing is left when they stop. */
#include "src/hyper/virt.h"


static virConnectPtr the_conn;

static void no_stderr(void *opaque, virErrorPtr error)
{
	(void)opaque;
	(void)error; /* libvirt prints every error by default; ours go to the caller */
}

int virt_err(struct err *e, const char *fmt, ...)
{
	const virError *v = virGetLastError();
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	err_set(e, HypervisorError, NULL, "%s: %s", text,
		v && v->message ? v->message : "unknown libvirt error");
	free(text);
	return -1;
}

virConnectPtr virt_conn(struct err *e)
{
	const char *missing = virt_lib_load();

	if (missing) {
		err_set(e, HypervisorError, NULL, "Can't use libvirt: %s", missing);
		return NULL;
	}
	if (the_conn && virConnectIsAlive(the_conn) == 1)
		return the_conn;
	if (the_conn)
		virConnectClose(the_conn);
	virSetErrorFunc(NULL, no_stderr);
	the_conn = virConnectOpen("qemu:///system");
	if (!the_conn)
		virt_err(e, "Can't connect to libvirtd (is it running?)");
	return the_conn;
}

void virt_domain_free(virDomainPtr *d)
{
	if (*d)
		virDomainFree(*d);
	*d = NULL;
}

/* Did the last call fail because the domain is no more? Transient ones vanish between any two calls. */
static bool ended(void)
{
	return virGetLastErrorCode() == VIR_ERR_NO_DOMAIN;
}

int virt_domain(const char *name, virDomainPtr *ret, struct err *e)
{
	virConnectPtr c = virt_conn(e);
	bool gone;

	if (!c)
		return -1;
	*ret = virDomainLookupByName(c, name);
	if (!*ret)
		return ended() ? 0 : virt_err(e, "Can't look up %s", name);
	if (virt_domain_is_ours(*ret))
		return 1;
	gone = ended();
	virt_domain_free(ret);
	return gone ? 0
		    : err_set(e, HypervisorError, NULL,
			      "The libvirt domain %s was not made by this cluster; rename or remove it",
			      name);
}

bool virt_domain_is_ours(virDomainPtr d)
{
	char *m = virDomainGetMetadata(d, VIR_DOMAIN_METADATA_ELEMENT, VIRT_XMLNS, 0);
	bool ours = m != NULL;

	free(m);
	return ours;
}

bool virt_domain_active(virDomainPtr d)
{
	return virDomainIsActive(d) == 1;
}

/* Our running domains; RET is a NULL-terminated array to be freed by free_domains(). */
static int our_domains(virDomainPtr **ret, struct err *e)
{
	virConnectPtr c = virt_conn(e);
	virDomainPtr *v;
	int n, k = 0;

	if (!c)
		return -1;
	n = virConnectListAllDomains(c, &v, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
	if (n < 0)
		return virt_err(e, "Can't list the instances");
	for (int i = 0; i < n; i++) {
		if (virt_domain_is_ours(v[i]))
			v[k++] = v[i];
		else
			virDomainFree(v[i]);
	}
	v[k] = NULL;
	*ret = v;
	return 0;
}

static void free_domains(virDomainPtr *v)
{
	for (virDomainPtr *d = v; d && *d; d++)
		virDomainFree(*d);
	free(v);
}

int virt_list(struct arena *a, struct strs *ret, struct err *e)
{
	virDomainPtr *v;

	if (our_domains(&v, e) < 0)
		return -1;
	*ret = (struct strs){ 0 };
	for (virDomainPtr *d = v; *d; d++)
		strs_add(a, ret, arena_strdup(a, virDomainGetName(*d)));
	strs_sort(ret);
	free_domains(v);
	return 0;
}

static int domain_info(struct arena *a, virDomainPtr d, struct hv_info *ret, struct err *e)
{
	const char *name = virDomainGetName(d); /* now: every call of libvirt forgets the last error */
	virDomainInfo info;

	if (virDomainGetInfo(d, &info) < 0)
		return ended() ? 0 : virt_err(e, "Can't get the state of %s", name);
	*ret = (struct hv_info){
		.name = arena_strdup(a, name),
		.memory_mib = (int64_t)(info.memory / 1024),
		.vcpus = info.nrVirtCpu,
		.state = info.state == VIR_DOMAIN_SHUTOFF || info.state == VIR_DOMAIN_CRASHED,
		.time = (double)info.cpuTime / 1e9,
	};
	return 1;
}

int virt_info(struct arena *a, const char *name, struct hv_info *ret, struct err *e)
{
	virDomainPtr d CLEANUP(virt_domain_free) = NULL;
	int r = virt_domain(name, &d, e);

	if (r <= 0)
		return r;
	return virt_domain_active(d) ? domain_info(a, d, ret, e) : 0;
}

int virt_all_info(struct arena *a, struct hv_info **ret, size_t *ret_n, struct err *e)
{
	virDomainPtr *v;
	size_t n = 0, k = 0;

	if (our_domains(&v, e) < 0)
		return -1;
	while (v[n])
		n++;
	*ret = ARENA_ARRAY(a, struct hv_info, n);
	for (size_t i = 0; i < n; i++)
		if (domain_info(a, v[i], &(*ret)[k], NULL) == 1)
			k++; /* one that ended meanwhile is left out */
	*ret_n = k;
	free_domains(v);
	return 0;
}

int virt_start(const char *name, const char *xml, bool paused, struct err *e)
{
	virConnectPtr c = virt_conn(e);
	virDomainPtr d CLEANUP(virt_domain_free) = NULL;

	if (!c)
		return -1;
	d = virDomainCreateXML(c, xml, paused ? VIR_DOMAIN_START_PAUSED : 0);
	return d ? 0 : virt_err(e, "Failed to start instance %s", name);
}

int virt_destroy(const char *name, struct err *e)
{
	virDomainPtr d CLEANUP(virt_domain_free) = NULL;
	int r = virt_domain(name, &d, e);

	if (r <= 0)
		return r;
	if (virDomainDestroy(d) < 0 && virGetLastErrorCode() != VIR_ERR_OPERATION_INVALID && !ended())
		return virt_err(e, "Failed to stop instance %s", name);
	return 0;
}

int virt_version(struct arena *a, const char **ret_json, struct err *e)
{
	virConnectPtr c = virt_conn(e);
	unsigned long v;

	if (!c)
		return -1;
	if (virConnectGetVersion(c, &v) < 0)
		return virt_err(e, "Can't get the version of the hypervisor");
	*ret_json = arena_printf(a, "[%lu,%lu,%lu]", v / 1000000, v / 1000 % 1000, v % 1000);
	return 0;
}

int virt_major_version(void)
{
	virConnectPtr c = virt_conn(NULL);
	unsigned long v;

	return c && virConnectGetVersion(c, &v) == 0 ? (int)(v / 1000000) : 0;
}
