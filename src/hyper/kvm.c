/* The KVM class: filled parameters to a libvirt domain and the files tools know from upstream. */
#include "src/hyper/virt.h"

#include <errno.h>
#include <unistd.h>

#define KVM_DIR "kvm-hypervisor"

static bool kvm_usable(void)
{
	return access("/dev/kvm", R_OK | W_OK) == 0;
}

/* "" means: hardware virtualisation if this node has it */
static bool wants_kvm(const struct hv_kvm *p)
{
	return str_eq(p->kvm_flag, "enabled") || (!str_eq(p->kvm_flag, "disabled") && kvm_usable());
}

static int read_secret(struct arena *a, const char *path, const char **ret, struct err *e)
{
	char *text CLEANUP(freep) = NULL;
	size_t n;
	int r;

	*ret = NULL;
	if (!path || !*path)
		return 0;
	r = fs_read(path, 256, &text, &n);
	if (r < 0)
		return err_set(e, HypervisorError, NULL, "Failed to open password file %s: %s",
			       path, strerror(-r));
	*ret = str_strip(a, text);
	return 0;
}

static int describe(struct arena *a, const struct hv_instance *i, const struct hv_disk *disks,
		    size_t n, struct xml_kvm *x, struct err *e)
{
	const struct hv_kvm *p = hv_params(a, hypervisor_kvm, i->hvparams, e);

	if (!p)
		return -1;
	*x = (struct xml_kvm){ .i = i,
			       .p = p,
			       .disks = disks,
			       .n_disks = n,
			       .use_kvm = wants_kvm(p),
			       .use_vhost = access("/dev/vhost-net", R_OK | W_OK) == 0 &&
					    wants_kvm(p),
			       .odd_memory = !wants_kvm(p) && virt_major_version() < 9 };
	if (read_secret(a, p->vnc_password_file, &x->vnc_password, e) < 0)
		return -1;
	return read_secret(a, p->spice_password_file, &x->spice_password, e);
}

static int make_dirs(struct arena *a, struct err *e)
{
	static const char *const dirs[] = { "ctrl", "conf", "pid", "nic", "migration" };

	for (size_t k = 0; k < ARRAY_SIZE(dirs); k++) {
		int r = fs_mkdirs(path_in(a, PATH_RUN_DIR, KVM_DIR "/%s", dirs[k]), 0775);

		if (r < 0)
			return err_sys(e, r, "Can't create the %s directory", dirs[k]);
	}
	return 0;
}

/* pid/<name>, which monitoring tools read; libvirt's own file is beside its state */
static void publish_pid(struct arena *a, const char *name)
{
	const char *from = arena_printf(a, "/run/libvirt/qemu/%s.pid", name);
	const char *to = path_in(a, PATH_RUN_DIR, KVM_DIR "/pid/%s", name);
	struct fs_attr attr = { .mode = 0644, .uid = (uid_t)-1, .gid = (gid_t)-1 };
	char *pid CLEANUP(freep) = NULL;
	size_t n;

	if (fs_read(from, 64, &pid, &n) == 0)
		fs_write_atomic(to, pid, n, &attr);
}

static int kvm_cleanup(struct arena *a, const char *name, struct err *e)
{
	unlink(path_in(a, PATH_RUN_DIR, KVM_DIR "/pid/%s", name));
	unlink(path_in(a, PATH_RUN_DIR, KVM_DIR "/ctrl/%s.serial", name));
	return nics_down(a, name, e);
}

static int kvm_start(struct arena *a, const struct hv_instance *i, const struct hv_disk *disks,
		     size_t n, bool paused, struct err *e)
{
	virDomainPtr d CLEANUP(virt_domain_free) = NULL;
	struct xml_kvm x;
	const char *xml;
	int r;

	if (describe(a, i, disks, n, &x, e) < 0 || xml_kvm_domain(a, &x, &xml, e) < 0 ||
	    make_dirs(a, e) < 0)
		return -1;
	if (str_eq(x.p->kvm_flag, "enabled") && !kvm_usable())
		return err_set(e, HypervisorError, NULL,
			       "kvm_flag is enabled, but /dev/kvm is not usable on this node");
	r = virt_domain(i->name, &d, e);
	if (r < 0)
		return -1;
	if (r == 1 && virt_domain_active(d))
		return err_set(e, HypervisorError, NULL,
			       "Failed to start instance %s: already running", i->name);
	if (nics_up(a, i, (int)x.p->virtio_net_queues, x.p->vnet_hdr, NIC_CONFIGURE_ALL, e) < 0)
		return -1;
	if (virt_start(i->name, xml, paused, e) < 0) {
		kvm_cleanup(a, i->name, NULL);
		return -1;
	}
	publish_pid(a, i->name);
	return 0;
}

static int kvm_stop(struct arena *a, const struct hv_instance *i, bool force, bool retry,
		    struct err *e)
{
	const struct hv_kvm *p = hv_params(a, hypervisor_kvm, i->hvparams, e);
	virDomainPtr d CLEANUP(virt_domain_free) = NULL;
	int r;

	(void)retry; /* asking again helps: a guest that is still booting misses the first one */
	if (!p)
		return -1;
	if (force || !p->acpi) {
		if (virt_destroy(i->name, e) < 0)
			return -1;
		return kvm_cleanup(a, i->name, e);
	}
	r = virt_domain(i->name, &d, e);
	if (r <= 0)
		return r;
	if (virDomainShutdownFlags(d, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN) < 0 &&
	    virt_domain_active(d))
		return virt_err(e, "Failed to stop instance %s", i->name);
	return 0;
}

static int kvm_reboot(struct arena *a, const struct hv_instance *i, const struct hv_disk *disks,
		      size_t n, struct err *e)
{
	virDomainPtr d CLEANUP(virt_domain_free) = NULL;
	int r = virt_domain(i->name, &d, e);

	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(e, HypervisorError, NULL,
			       "Failed to reboot instance %s: not running", i->name);
	if (virt_destroy(i->name, e) < 0 || kvm_cleanup(a, i->name, e) < 0)
		return -1;
	return kvm_start(a, i, disks, n, false, e);
}

static int kvm_balloon(struct arena *a, const struct hv_instance *i, int64_t mib, struct err *e)
{
	virDomainPtr d CLEANUP(virt_domain_free) = NULL;
	int r = virt_domain(i->name, &d, e);

	(void)a;
	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(e, HypervisorError, NULL,
			       "Failed to balloon memory for %s: not running", i->name);
	if (virDomainSetMemoryFlags(d, (unsigned long)mib * 1024, VIR_DOMAIN_AFFECT_LIVE) < 0)
		return virt_err(e, "Failed to balloon memory for %s", i->name);
	return 0;
}

static int kvm_list(struct arena *a, const json *hvparams, struct strs *ret, struct err *e)
{
	(void)hvparams;
	return virt_list(a, ret, e);
}

static int kvm_info(struct arena *a, const char *name, const json *hvparams, struct hv_info *ret,
		    struct err *e)
{
	(void)hvparams;
	return virt_info(a, name, ret, e);
}

static int kvm_all_info(struct arena *a, const json *hvparams, struct hv_info **ret, size_t *ret_n,
			struct err *e)
{
	(void)hvparams;
	return virt_all_info(a, ret, ret_n, e);
}

static int kvm_node_info(struct arena *a, const json *hvparams, json **ret, struct err *e)
{
	const char *version;

	(void)hvparams;
	if (virt_version(a, &version, e) < 0)
		return -1;
	*ret = hv_node_info(version);
	return 0;
}

static bool emulator_exists(const struct hv_kvm *p)
{
	if (str_eq(p->kvm_path, "/usr/bin/kvm"))
		return fs_exists("/usr/bin/kvm") || fs_exists("/usr/bin/qemu-system-x86_64");
	return fs_exists(p->kvm_path);
}

static int kvm_verify(struct arena *a, const json *hvparams, const char **ret_problem,
		      struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;
	const struct hv_kvm *p = hv_params(a, hypervisor_kvm, hvparams, e);
	const char *version;

	if (!p)
		return -1;
	*ret_problem = NULL;
	if (!emulator_exists(p))
		*ret_problem = arena_printf(a, "The KVM binary ('%s') does not exist", p->kvm_path);
	else if (virt_version(a, &version, &why) < 0)
		*ret_problem = arena_strdup(a, err_msg(&why));
	return 0;
}

static int must_exist(const char *name, const char *path, struct err *e)
{
	if (!path || !*path || strstr(path, "://") || fs_exists(path))
		return 0;
	return err_set(e, HypervisorError, NULL,
		       "Parameter '%s' fails validation: not found or not a file"
		       " (current value: '%s')",
		       name, path);
}

static int kvm_validate(struct arena *a, const json *hvparams, struct err *e)
{
	const struct hv_kvm *p = hv_params(a, hypervisor_kvm, hvparams, e);
	const struct record *r = rec_hv_kvm();

	if (!p)
		return -1;
	for (size_t k = 0; k < r->n; k++) {
		const struct field *f = &r->fields[k];
		const char *v = json_get_str(hvparams, field_wire(f));

		/* rows say which parameters name files (their hint mentions existence) */
		if (f->hint && strstr(f->hint, "exist") && strcmp(field_wire(f), "kvm_path") != 0 &&
		    must_exist(field_wire(f), v, e) < 0)
			return -1;
	}
	if (!emulator_exists(p))
		return must_exist("kvm_path", p->kvm_path, e);
	if (p->use_chroot || str_eq(p->security_model, "pool"))
		return err_set(e, HypervisorError, NULL,
			       "%s is not available with libvirt, which confines guests itself",
			       p->use_chroot ? "use_chroot" : "security_model=pool");
	return 0;
}

/* upstream: serial console over ssh, else SPICE, else VNC, else a message */
static int kvm_console(struct arena *a, const struct hv_instance *i, const struct node *primary,
		       json **ret, struct err *e)
{
	const struct hv_kvm *p = hv_params(a, hypervisor_kvm, i->hvparams, e);
	const char *ctrl = path_in(a, PATH_RUN_DIR, KVM_DIR "/ctrl/%s", i->name);

	if (!p)
		return -1;
	if (p->serial_console) {
		*ret = json_pack("{s:s, s:s, s:s, s:s, s:[s,s,s,s,s,s]}", "instance", i->name,
				 "kind", "ssh", "host", primary->name, "user", "root", "command",
				 path_of(PATH_KVM_CONSOLE_WRAPPER), "/usr/bin/socat", i->name,
				 arena_printf(a, "%s.monitor", ctrl),
				 "STDIO,raw,echo=0,escape=0x1d",
				 arena_printf(a, "UNIX-CONNECT:%s.serial", ctrl));
		/* upstream names it only where it is not the usual one */
		if (primary->ndparams.has_ssh_port && primary->ndparams.ssh_port != 22)
			json_set(*ret, "port", json_new_int(primary->ndparams.ssh_port));
		return 0;
	}
	if (p->spice_bind && *p->spice_bind) {
		*ret = json_pack("{s:s, s:s, s:s, s:I}", "instance", i->name, "kind", "spice",
				 "host", p->spice_bind, "port", i->network_port);
		return 0;
	}
	if (p->vnc_bind_address && *p->vnc_bind_address && p->vnc_bind_address[0] != '/') {
		bool any = str_eq(p->vnc_bind_address, "0.0.0.0");

		*ret = json_pack("{s:s, s:s, s:s, s:I, s:I}", "instance", i->name, "kind", "vnc",
				 "host", any ? primary->name : p->vnc_bind_address, "port",
				 i->network_port, "display", i->network_port - VNC_BASE_PORT);
		return 0;
	}
	*ret = json_pack("{s:s, s:s, s:o}", "instance", i->name, "kind", "msg", "message",
			 json_new_str(arena_printf(
				 a, "No serial shell for instance %s; see its VNC console",
				 i->name)));
	return 0;
}

/* --- migration --- */

static int kvm_migration_info(struct arena *a, const struct hv_instance *i, json **ret,
			      struct err *e)
{
	virDomainPtr d CLEANUP(virt_domain_free) = NULL;
	int r = virt_domain(i->name, &d, e);

	(void)a;
	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(e, HypervisorError, NULL, "Instance %s is not running", i->name);
	*ret = json_new_str(""); /* libvirtd passes on all that is needed */
	return 0;
}

static int kvm_accept(struct arena *a, const struct hv_instance *i, const json *info,
		      const char *target_ip, const struct hv_disk *disks, size_t n, struct err *e)
{
	const struct hv_kvm *p = hv_params(a, hypervisor_kvm, i->hvparams, e);

	(void)info;
	(void)target_ip;
	(void)disks;
	(void)n;
	if (!p || virt_accept_check(i, e) < 0 || make_dirs(a, e) < 0)
		return -1;
	/* A switched interface may be connected before the guest runs here: it must be, so that
	 * the announcement of its address at the switch-over gets out. A route must not. */
	return nics_up(a, i, (int)p->virtio_net_queues, p->vnet_hdr, NIC_CONFIGURE_SWITCHED, e);
}

static int kvm_migrate(struct arena *a, const char *cluster_name, const struct hv_instance *i,
		       const char *target_ip, bool live, struct err *e)
{
	const struct hv_kvm *p = hv_params(a, hypervisor_kvm, i->hvparams, e);

	(void)cluster_name;
	if (!p)
		return -1;
	return virt_migrate_start(a, i, target_ip, live, (int)p->migration_bandwidth,
				  (int)p->migration_downtime, (int)p->migration_port, e);
}

static int kvm_migration_status(struct arena *a, const struct hv_instance *i,
				struct hv_migration *ret, struct err *e)
{
	return virt_migration_status(a, i->name, ret, e);
}

static int kvm_finalize_src(struct arena *a, const struct hv_instance *i, bool success, bool live,
			    struct err *e)
{
	(void)live;
	if (virt_finalize_src(a, i->name, success, e) < 0)
		return -1;
	return success ? kvm_cleanup(a, i->name, e) : 0;
}

static int kvm_finalize_dst(struct arena *a, const struct hv_instance *i, const json *info,
			    bool success, struct err *e)
{
	(void)info;
	if (!success) {
		if (virt_destroy(i->name, e) < 0)
			return -1;
		return kvm_cleanup(a, i->name, e);
	}
	for (size_t k = 0; k < i->nics.n; k++)
		if (i->nics.v[k].nicparams.mode == nic_mode_routed &&
		    nic_script(a, i, k, true, e) < 0)
			return -1;
	publish_pid(a, i->name);
	return 0;
}

/* --- hot-plugging --- */

static int kvm_hotplug_supported(struct arena *a, const struct hv_instance *i, struct err *e)
{
	virDomainPtr d CLEANUP(virt_domain_free) = NULL;
	int r = virt_domain(i->name, &d, e);

	(void)a;
	if (r < 0)
		return -1;
	if (r == 0 || !virt_domain_active(d))
		return err_set(e, HypervisorError, NULL, "Instance is probably down");
	return 0;
}

static int plug_nic(struct arena *a, virDomainPtr d, const struct xml_kvm *x, const char *action,
		    const struct nic *n, size_t seq, struct err *e)
{
	const char *xml = xml_kvm_nic(a, x, n), *tap = nic_tap_name(a, n);

	if (!str_eq(action, "hotadd")) { /* hotmod is remove and add, as upstream */
		if (virt_unplug(a, d, xml_kvm_nic_alias(a, n->uuid), e) < 0)
			return -1;
		nic_script(a, x->i, seq, false, NULL);
		nic_unplugged(a, x->i->name, tap);
	}
	if (str_eq(action, "hotremove"))
		return nic_tap_remove(tap, e);
	if (nic_tap_create(tap, (int)x->p->virtio_net_queues, x->p->vnet_hdr, e) < 0)
		return -1;
	if (nic_plugged(a, x->i, seq, e) == 0 && nic_script(a, x->i, seq, true, e) == 0) {
		if (virDomainAttachDeviceFlags(d, xml, VIR_DOMAIN_AFFECT_LIVE) == 0)
			return 0;
		virt_err(e, "Can't add the interface %s", n->uuid);
		nic_script(a, x->i, seq, false, NULL);
	}
	nic_unplugged(a, x->i->name, tap);
	nic_tap_remove(tap, NULL);
	return -1;
}

static int plug_disk(struct arena *a, virDomainPtr d, const struct xml_kvm *x, const char *action,
		     const struct hv_disk *disk, struct err *e)
{
	size_t letter;

	if (!str_eq(action, "hotadd") &&
	    virt_unplug(a, d, xml_kvm_disk_alias(a, disk->disk->uuid), e) < 0)
		return -1;
	if (str_eq(action, "hotremove"))
		return 0;
	if (!disk->path)
		return err_set(e, HotplugError, NULL, "The disk has no device");
	if (virt_free_letter(a, d, xml_kvm_disk_prefix(x->p), &letter, e) < 0)
		return -1;
	if (virDomainAttachDeviceFlags(d, xml_kvm_disk(a, x, letter, disk), VIR_DOMAIN_AFFECT_LIVE) < 0)
		return virt_err(e, "Can't add the disk %s", disk->disk->uuid);
	return 0;
}

static int kvm_hotplug(struct arena *a, const struct hv_instance *i, const char *action,
		       const char *type, const json *device, const json *extra, int64_t seq,
		       struct err *e)
{
	virDomainPtr d CLEANUP(virt_domain_free) = NULL;
	struct hv_instance with;
	struct xml_kvm x;
	int r;

	if (describe(a, i, NULL, 0, &x, e) < 0)
		return -1;
	r = virt_domain(i->name, &d, e);
	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(e, HotplugError, NULL, "Instance %s is not running", i->name);
	if (seq < 0 || seq >= MAX_DISKS)
		return err_set(e, HotplugError, NULL, "Invalid device position %lld",
			       (long long)seq);
	if (str_eq(type, "nic")) {
		/* the script environment looks the NIC up by its position */
		if (hv_instance_with_nic(a, i, (json *)device, (size_t)seq, &with, e) < 0)
			return -1;
		x.i = &with;
		return plug_nic(a, d, &x, action, &with.nics.v[seq], (size_t)seq, e);
	}
	if (str_eq(type, "disk")) {
		struct disk *disk = ARENA_NEW(a, struct disk);
		/* extra: [device link, uri] */
		struct hv_disk hd = { .disk = disk, .path = json_str(json_at(extra, 0)) };

		if (type_disk.parse(&type_disk, a, (json *)device, disk, e) < 0)
			return -1;
		return plug_disk(a, d, &x, action, &hd, e);
	}
	return err_set(e, HotplugError, NULL, "Unknown device type '%s'", type);
}

const struct hv_class hv_class_kvm = {
	.type = hypervisor_kvm,
	.list = kvm_list,
	.info = kvm_info,
	.all_info = kvm_all_info,
	.start = kvm_start,
	.stop = kvm_stop,
	.cleanup = kvm_cleanup,
	.reboot = kvm_reboot,
	.balloon = kvm_balloon,
	.node_info = kvm_node_info,
	.verify = kvm_verify,
	.validate = kvm_validate,
	.console = kvm_console,
	.migration_info = kvm_migration_info,
	.accept = kvm_accept,
	.migrate = kvm_migrate,
	.migration_status = kvm_migration_status,
	.finalize_src = kvm_finalize_src,
	.finalize_dst = kvm_finalize_dst,
	.hotplug_supported = kvm_hotplug_supported,
	.hotplug = kvm_hotplug,
};
