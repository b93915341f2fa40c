/* Tap devices and network scripts, with upstream's environment (KVM: kvm-ifup, kvm-ifdown). */
#include "src/hyper/priv.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define NIC_DIR "kvm-hypervisor/nic"
#define SCRIPT_TIMEOUT 60
#define TAP_TEXT_MAX 64

char *nic_tap_name(struct arena *a, const struct nic *n)
{
	char hex[12];
	size_t k = 0;

	for (const char *p = n->uuid; *p && k < sizeof(hex) - 1; p++)
		if (isxdigit((unsigned char)*p))
			hex[k++] = *p;
	hex[k] = '\0';
	return arena_printf(a, "gnt%s", hex); /* 14 of the 15 characters a name may have */
}

/*
 * A bridge takes the lowest address of its ports for its own: the tap's must be high, or the node's
 * address changes with every instance and its peers lose it for minutes.
 */
static int set_high_address(int fd, struct ifreq *r)
{
	if (ioctl(fd, SIOCGIFHWADDR, r) < 0)
		return -errno;
	r->ifr_hwaddr.sa_data[0] = (char)0xfe;
	return ioctl(fd, SIOCSIFHWADDR, r) < 0 ? -errno : 0;
}

static int set_up(const char *name)
{
	struct ifreq r = { 0 };
	int fd CLEANUP(closep) = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int failed;

	if (fd < 0)
		return -errno;
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	failed = set_high_address(fd, &r);
	if (failed)
		return failed;
	if (ioctl(fd, SIOCGIFFLAGS, &r) < 0)
		return -errno;
	r.ifr_flags = (short)(r.ifr_flags | IFF_UP);
	return ioctl(fd, SIOCSIFFLAGS, &r) < 0 ? -errno : 0;
}

static int tap_set(const char *name, int flags, int persist)
{
	struct ifreq r = { 0 };
	int fd CLEANUP(closep) = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	r.ifr_flags = (short)flags;
	if (ioctl(fd, TUNSETIFF, &r) < 0)
		return -errno;
	return ioctl(fd, TUNSETPERSIST, persist) < 0 ? -errno : 0;
}

static int tap_flags(int queues, bool vnet_hdr)
{
	return IFF_TAP | IFF_NO_PI | (vnet_hdr ? IFF_VNET_HDR : 0) |
	       (queues > 1 ? IFF_MULTI_QUEUE : 0);
}

int nic_tap_create(const char *name, int queues, bool vnet_hdr, struct err *e)
{
	int r;

	if (if_nametoindex(name))
		nic_tap_remove(name, NULL); /* left over; it may have other flags */
	r = tap_set(name, tap_flags(queues, vnet_hdr), 1);
	if (r == 0)
		r = set_up(name);
	if (r < 0)
		return err_set(e, HypervisorError, NULL, "Failed to allocate TAP device %s: %s",
			       name, strerror(-r));
	return 0;
}

int nic_tap_remove(const char *name, struct err *e)
{
	int r;

	if (!if_nametoindex(name))
		return 0;
	/* the flags have to match those of the device */
	for (int multi = 0; multi < 2; multi++)
		for (int hdr = 1; hdr >= 0; hdr--) {
			r = tap_set(name, tap_flags(multi + 1, hdr), 0);
			if (r == 0)
				return 0;
		}
	return err_set(e, HypervisorError, NULL, "Failed to remove TAP device %s: %s", name,
		       strerror(-r));
}

static void env_add(struct arena *a, struct strs *env, const char *name, const char *value)
{
	if (value)
		strs_add(a, env, arena_printf(a, "%s=%s", name, value));
}

/* upstream: hv_base.ConfigureNIC; a NIC's netinfo gives the NETWORK_* variables */
static const char *const *script_env(struct arena *a, const struct hv_instance *i, size_t index)
{
	const struct nic *n = &i->nics.v[index];
	const json *netinfo = json_get(json_at(i->nics_json, index), "netinfo");
	struct strs env = { 0 };
	static const char *const keys[][2] = {
		{ "NETWORK_NAME", "name" },	  { "NETWORK_SUBNET", "network" },
		{ "NETWORK_GATEWAY", "gateway" }, { "NETWORK_SUBNET6", "network6" },
		{ "NETWORK_GATEWAY6", "gateway6" }, { "NETWORK_MAC_PREFIX", "mac_prefix" },
		{ "NETWORK_UUID", "uuid" },
	};

	env_add(a, &env, "PATH", "/sbin:/usr/sbin:/bin:/usr/bin:/usr/local/sbin:/usr/local/bin");
	env_add(a, &env, "INSTANCE", i->name);
	env_add(a, &env, "MAC", n->mac);
	env_add(a, &env, "MODE", enum_name(&enum_nic_mode, (int)n->nicparams.mode));
	env_add(a, &env, "INTERFACE", nic_tap_name(a, n));
	env_add(a, &env, "INTERFACE_INDEX", arena_printf(a, "%zu", index));
	env_add(a, &env, "INTERFACE_UUID", n->uuid);
	env_add(a, &env, "INTERFACE_NAME", n->name);
	env_add(a, &env, "TAGS", strs_join(a, &i->tags, " "));
	env_add(a, &env, "IP", n->ip);
	env_add(a, &env, "LINK", n->nicparams.link);
	if (n->nicparams.mode == nic_mode_bridged)
		env_add(a, &env, "BRIDGE", n->nicparams.link);
	env_add(a, &env, "VLAN", n->nicparams.vlan);
	env_add(a, &env, "ROOTDIR", env_virtual() ? env_add_root(a, "/") : NULL);
	for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
		env_add(a, &env, keys[k][0], json_get_str(netinfo, keys[k][1]));
	if (netinfo) {
		struct strs tags = json_strs(a, json_get(netinfo, "tags"));

		env_add(a, &env, "NETWORK_TAGS", strs_join(a, &tags, " "));
	}
	strs_add(a, &env, NULL);
	return env.v;
}

static int run_script(const char *script, const char *const *env, const char *what, struct err *e)
{
	const char *argv[] = { script, NULL };
	struct run r = { .argv = argv, .env = env, .timeout = SCRIPT_TIMEOUT };
	struct run_result res CLEANUP(run_result_free) = { 0 };
	char *reason CLEANUP(freep) = NULL;

	if (run_cmd(&r, &res, e) < 0)
		return err_prefix(e, "%s", what);
	if (res.status == 0)
		return 0;
	reason = run_fail_reason(&res);
	return err_set(e, HypervisorError, NULL, "%s: %s failed: %s: %s%s", what, script, reason,
		       res.out, res.err);
}

int nic_script(struct arena *a, const struct hv_instance *i, size_t index, bool up, struct err *e)
{
	const char *script = path_of(up ? PATH_KVM_IFUP : PATH_KVM_IFDOWN);
	const char *tap = nic_tap_name(a, &i->nics.v[index]);

	return run_script(script, script_env(a, i, index),
			  arena_printf(a, "Failed to configure interface %s of %s", tap, i->name),
			  e);
}

/* What nics_down() needs later, without the instance: the tap (upstream's file, read by others)
 * and the environment of the down script. Files are called by the number AS. */
static int remember(struct arena *a, const struct hv_instance *i, size_t index, size_t as,
		    struct err *e)
{
	const char *dir = path_in(a, PATH_RUN_DIR, NIC_DIR "/%s", i->name);
	const char *tap = nic_tap_name(a, &i->nics.v[index]);
	struct fs_attr attr = { .mode = 0644, .uid = (uid_t)-1, .gid = (gid_t)-1 };
	struct str env CLEANUP(str_free) = { 0 };
	int r = fs_mkdirs(dir, 0755);

	for (const char *const *v = script_env(a, i, index); *v; v++)
		str_addf(&env, "%s\n", *v);
	if (r == 0)
		r = fs_write_atomic(arena_printf(a, "%s/%zu", dir, as), tap, strlen(tap), &attr);
	attr.mode = 0600;
	if (r == 0)
		r = fs_write_atomic(arena_printf(a, "%s/env-%zu", dir, as), str_get(&env),
				    env.len, &attr);
	return r < 0 ? err_sys(e, r, "Can't remember interface %s", tap) : 0;
}

/* Interfaces keep their files when one before them goes, so the number may not be free. */
int nic_plugged(struct arena *a, const struct hv_instance *i, size_t index, struct err *e)
{
	size_t as = index;

	while (fs_exists(path_in(a, PATH_RUN_DIR, NIC_DIR "/%s/%zu", i->name, as)))
		as++;
	return remember(a, i, index, as, e);
}

void nic_unplugged(struct arena *a, const char *name, const char *tap)
{
	const char *dir = path_in(a, PATH_RUN_DIR, NIC_DIR "/%s", name);
	struct strs files;

	if (fs_list(a, dir, &files) < 0)
		return;
	for (size_t k = 0; k < files.n; k++) {
		const char *path = arena_printf(a, "%s/%s", dir, files.v[k]);
		char *text CLEANUP(freep) = NULL;

		if (!isdigit((unsigned char)files.v[k][0]) ||
		    fs_read(path, TAP_TEXT_MAX, &text, NULL) < 0 || !str_eq(text, tap))
			continue;
		unlink(path);
		unlink(arena_printf(a, "%s/env-%s", dir, files.v[k]));
	}
}

static bool configure_now(const struct nic *n, enum nic_when when)
{
	switch (when) {
	case NIC_TAP_ONLY:
		return false;
	case NIC_CONFIGURE_SWITCHED:
		return n->nicparams.mode != nic_mode_routed;
	default:
		return true;
	}
}

int nics_up(struct arena *a, const struct hv_instance *i, int queues, bool vnet_hdr,
	    enum nic_when when, struct err *e)
{
	for (size_t k = 0; k < i->nics.n; k++) {
		const struct nic *n = &i->nics.v[k];

		if (nic_tap_create(nic_tap_name(a, n), queues, vnet_hdr, e) < 0 ||
		    remember(a, i, k, k, e) < 0 ||
		    (configure_now(n, when) && nic_script(a, i, k, true, e) < 0)) {
			nics_down(a, i->name, NULL);
			return -1;
		}
	}
	return 0;
}

static int one_down(struct arena *a, const char *dir, const char *index, struct err *e)
{
	char *tap CLEANUP(freep) = NULL, *env CLEANUP(freep) = NULL;
	size_t n;
	int r;

	if (fs_read(arena_printf(a, "%s/%s", dir, index), TAP_TEXT_MAX, &tap, &n) < 0)
		return 0;
	if (fs_read(arena_printf(a, "%s/env-%s", dir, index), 65536, &env, &n) == 0) {
		struct strs lines;

		if (n && env[n - 1] == '\n')
			env[n - 1] = '\0';
		lines = strs_split(a, env, '\n');
		strs_add(a, &lines, NULL);
		if (run_script(path_of(PATH_KVM_IFDOWN), lines.v,
			       "Failed to take an interface down", e) < 0)
			log_warn("%s", err_msg(e)); /* the tap goes in any case */
	}
	r = nic_tap_remove(tap, e);
	return r;
}

int nics_down(struct arena *a, const char *name, struct err *e)
{
	const char *dir = path_in(a, PATH_RUN_DIR, NIC_DIR "/%s", name);
	struct err local CLEANUP(err_clear) = ERR_NONE;
	struct strs files;
	int failed = 0;

	if (fs_list(a, dir, &files) < 0)
		return 0;
	for (size_t k = 0; k < files.n; k++)
		if (isdigit((unsigned char)files.v[k][0]) &&
		    one_down(a, dir, files.v[k], &local) < 0)
			failed = -1;
	if (failed)
		return err_move(e, &local);
	fs_remove_tree(dir);
	return 0;
}
