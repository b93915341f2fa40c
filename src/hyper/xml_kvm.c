/* KVM parameters to a libvirt domain. Pure: everything the host has to say comes in struct xml_kvm. */
#include "src/hyper/virt.h"
#include "src/hyper/xml.h"

#include "lib/base/parse.h"

static bool given(const char *s)
{
	return s && *s;
}

static const char *disk_bus(const char *disk_type)
{
	if (str_eq(disk_type, "paravirtual"))
		return "virtio";
	if (str_starts(disk_type, "scsi"))
		return "scsi";
	if (str_eq(disk_type, "ide") || str_eq(disk_type, "sd"))
		return disk_type;
	return NULL; /* mtd, pflash: no libvirt equivalent */
}

/* upstream: "default" means no host cache where another node may open the same data */
static const char *disk_cache(const struct hv_kvm *p, const struct disk *d)
{
	if (!str_eq(p->disk_cache, "default"))
		return p->disk_cache;
	return d->dev_type == disk_template_file ? NULL : "none";
}

const char *xml_kvm_disk_prefix(const struct hv_kvm *p)
{
	const char *bus = disk_bus(p->disk_type);

	return str_eq(bus, "virtio") ? "vd" : str_eq(bus, "ide") ? "hd" : "sd";
}

const char *xml_kvm_disk_alias(struct arena *a, const char *uuid)
{
	return arena_printf(a, "ua-disk-%s", uuid);
}

const char *xml_kvm_nic_alias(struct arena *a, const char *uuid)
{
	return arena_printf(a, "ua-nic-%s", uuid);
}

static void add_disk(struct str *out, const struct xml_kvm *x, size_t index,
		     const struct hv_disk *d)
{
	const struct hv_kvm *p = x->p;
	const char *bus = disk_bus(p->disk_type), *cache = disk_cache(p, d->disk);
	bool file = d->disk->dev_type == disk_template_file ||
		    d->disk->dev_type == disk_template_sharedfile ||
		    d->disk->dev_type == disk_template_gluster;

	xml_addf(out, "<disk type='%s' device='disk'><driver name='qemu' type='raw'",
		 file ? "file" : "block");
	if (cache)
		xml_addf(out, " cache='%s'", cache);
	if (given(p->disk_aio) && (str_eq(p->disk_aio, "threads") || str_eq(cache, "none")))
		xml_addf(out, " io='%s'", p->disk_aio); /* native and io_uring need direct I/O */
	if (given(p->disk_discard))
		xml_addf(out, " discard='%s'", p->disk_discard);
	xml_addf(out, "/><source %s='%s'/><target dev='%s", file ? "file" : "dev", d->path,
		 xml_kvm_disk_prefix(p));
	str_addc(out, (char)('a' + index));
	xml_addf(out, "' bus='%s'/>", bus);
	if (d->disk->mode == disk_mode_ro)
		str_add(out, "<readonly/>");
	xml_addf(out, "<alias name='ua-disk-%s'/></disk>", d->disk->uuid);
}

const char *xml_kvm_disk(struct arena *a, const struct xml_kvm *x, size_t index,
			 const struct hv_disk *d)
{
	struct str out CLEANUP(str_free) = { 0 };

	add_disk(&out, x, index, d);
	return arena_strdup(a, str_get(&out));
}

static void add_nic(struct arena *a, struct str *out, const struct xml_kvm *x, const struct nic *n)
{
	const struct hv_kvm *p = x->p;
	bool virtio = str_eq(p->nic_type, "paravirtual");

	xml_addf(out,
		 "<interface type='ethernet'><mac address='%s'/>"
		 "<target dev='%s' managed='no'/><model type='%s'/>",
		 n->mac, nic_tap_name(a, n), virtio ? "virtio" : p->nic_type);
	if (virtio) {
		xml_addf(out, "<driver name='%s'", x->use_vhost && p->vhost_net ? "vhost" : "qemu");
		if (p->virtio_net_queues > 1)
			xml_addf(out, " queues='%lld'", (long long)p->virtio_net_queues);
		str_add(out, "/>");
	}
	if (!strstr(p->boot_order, "network"))
		str_add(out, "<rom enabled='no'/>"); /* its start costs seconds under emulation */
	xml_addf(out, "<alias name='ua-nic-%s'/></interface>", n->uuid);
}

const char *xml_kvm_nic(struct arena *a, const struct xml_kvm *x, const struct nic *n)
{
	struct str out CLEANUP(str_free) = { 0 };

	add_nic(a, &out, x, n);
	return arena_strdup(a, str_get(&out));
}

static int add_boot(struct arena *a, struct str *out, const struct hv_kvm *p, struct err *e)
{
	struct strs order = strs_split(a, p->boot_order, ',');

	xml_addf(out, "<os><type arch='x86_64' machine='%s'>hvm</type>",
		 given(p->machine_version) ? p->machine_version : "pc");
	if (given(p->kernel_path)) {
		struct str args CLEANUP(str_free) = { 0 };

		if (given(p->root_path))
			str_addf(&args, "root=%s ", p->root_path);
		str_add(&args, p->kernel_args ? p->kernel_args : "");
		if (p->serial_console)
			str_addf(&args, " console=ttyS0,%lld", (long long)p->serial_speed);
		xml_addf(out, "<kernel>%s</kernel>", p->kernel_path);
		if (given(p->initrd_path))
			xml_addf(out, "<initrd>%s</initrd>", p->initrd_path);
		xml_addf(out, "<cmdline>%s</cmdline>", str_get(&args));
	}
	for (size_t i = 0; i < order.n; i++) {
		static const char *const map[][2] = {
			{ "disk", "hd" }, { "cdrom", "cdrom" }, { "network", "network" },
			{ "floppy", "fd" },
		};
		size_t k;

		for (k = 0; k < ARRAY_SIZE(map); k++)
			if (str_eq(order.v[i], map[k][0]))
				break;
		if (k == ARRAY_SIZE(map))
			return err_set(e, HypervisorError, NULL, "Unknown boot device '%s'",
				       order.v[i]);
		xml_addf(out, "<boot dev='%s'/>", map[k][1]);
	}
	str_add(out, "</os>");
	return 0;
}

/* cpu_type: a model, "host", with ",+feature" or ",-feature" after it (commas may be escaped) */
static void add_cpu(struct arena *a, struct str *out, const struct xml_kvm *x)
{
	const struct hv_kvm *p = x->p;
	bool topology = p->cpu_sockets || p->cpu_cores || p->cpu_threads;
	struct strs parts = { 0 };

	if (given(p->cpu_type)) {
		struct str plain CLEANUP(str_free) = { 0 };

		for (const char *s = p->cpu_type; *s; s++)
			if (*s != '\\')
				str_addc(&plain, *s);
		parts = strs_split(a, str_get(&plain), ',');
	} else if (!topology) {
		return;
	}
	if (parts.n && str_eq(parts.v[0], "host"))
		xml_addf(out, "<cpu mode='%s' check='none'>",
			 x->use_kvm ? "host-passthrough" : "maximum");
	else if (parts.n)
		xml_addf(out,
			 "<cpu mode='custom' match='exact' check='none'>"
			 "<model fallback='allow'>%s</model>",
			 parts.v[0]);
	else
		str_add(out, "<cpu>");
	if (topology)
		xml_addf(out, "<topology sockets='%lld' cores='%lld' threads='%lld'/>",
			 (long long)(p->cpu_sockets ? p->cpu_sockets : 1),
			 (long long)(p->cpu_cores ? p->cpu_cores : 1),
			 (long long)(p->cpu_threads ? p->cpu_threads : 1));
	for (size_t i = 1; i < parts.n; i++)
		if (parts.v[i][0] == '+' || parts.v[i][0] == '-')
			xml_addf(out, "<feature policy='%s' name='%s'/>",
				 parts.v[i][0] == '+' ? "force" : "disable", parts.v[i] + 1);
	str_add(out, "</cpu>");
}

/* cpu_mask: "all", one mask for all processors, or one per processor separated by colons */
static void add_pinning(struct arena *a, struct str *out, const struct xml_kvm *x)
{
	struct strs masks;

	if (!given(x->p->cpu_mask) || str_eq(x->p->cpu_mask, "all"))
		return;
	masks = strs_split(a, x->p->cpu_mask, ':');
	str_add(out, "<cputune>");
	for (int64_t v = 0; v < x->i->be.vcpus; v++) {
		const char *mask = masks.n == 1 ? masks.v[0] :
				   (size_t)v < masks.n ? masks.v[v] : "all";

		if (!str_eq(mask, "all"))
			xml_addf(out, "<vcpupin vcpu='%lld' cpuset='%s'/>", (long long)v, mask);
	}
	str_add(out, "</cputune>");
}

static void add_graphics(struct str *out, const struct xml_kvm *x)
{
	const struct hv_kvm *p = x->p;
	bool vnc = given(p->vnc_bind_address), spice = given(p->spice_bind);
	static const char *const models[][2] = { { "std", "vga" }, { "vmware", "vmvga" } };
	const char *model = p->vga;

	if (vnc && p->vnc_bind_address[0] == '/') {
		xml_addf(out, "<graphics type='vnc' socket='%s/%s.vnc'", p->vnc_bind_address,
			 x->i->name);
	} else if (vnc) {
		xml_addf(out, "<graphics type='vnc' port='%lld' autoport='no' listen='%s'",
			 (long long)x->i->network_port, p->vnc_bind_address);
	}
	if (vnc) {
		if (given(p->keymap))
			xml_addf(out, " keymap='%s'", p->keymap);
		if (x->vnc_password)
			xml_addf(out, " passwd='%s'", x->vnc_password);
		str_add(out, "/>");
	}
	if (spice) {
		xml_addf(out, "<graphics type='spice' %s='%lld' autoport='no' listen='%s'",
			 p->spice_use_tls ? "tlsPort" : "port", (long long)x->i->network_port,
			 p->spice_bind);
		if (x->spice_password)
			xml_addf(out, " passwd='%s'", x->spice_password);
		str_add(out, ">");
		if (given(p->spice_image_compression))
			xml_addf(out, "<image compression='%s'/>", p->spice_image_compression);
		if (given(p->spice_jpeg_wan_compression))
			xml_addf(out, "<jpeg compression='%s'/>", p->spice_jpeg_wan_compression);
		if (given(p->spice_zlib_glz_wan_compression))
			xml_addf(out, "<zlib compression='%s'/>",
				 p->spice_zlib_glz_wan_compression);
		xml_addf(out, "<playback compression='%s'/>",
			 p->spice_playback_compression ? "on" : "off");
		if (given(p->spice_streaming_video))
			xml_addf(out, "<streaming mode='%s'/>", p->spice_streaming_video);
		str_add(out, "</graphics>");
		if (p->spice_use_vdagent)
			str_add(out, "<channel type='spicevmc'><target type='virtio' "
				     "name='com.redhat.spice.0'/></channel>");
	}
	for (size_t k = 0; k < ARRAY_SIZE(models); k++)
		if (str_eq(model, models[k][0]))
			model = models[k][1];
	if (!given(model))
		model = spice ? "qxl" : vnc ? "vga" : "none";
	xml_addf(out, "<video><model type='%s'/></video>", model);
}

/* A CD: a file or a URL */
static int add_cdrom(struct arena *a, struct str *out, const char *image, const char *dev,
		     const char *bus, struct err *e)
{
	const char *rest = strstr(image, "://"), *slash;

	if (!given(image))
		return 0;
	if (!rest) {
		xml_addf(out,
			 "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>"
			 "<source file='%s'/>",
			 image);
	} else {
		const char *scheme = arena_strndup(a, image, (size_t)(rest - image));
		const char *host, *colon;
		int64_t port = str_eq(scheme, "https") ? 443 : str_eq(scheme, "ftp") ? 21 : 80;

		slash = strchr(rest + 3, '/');
		if (!slash)
			return err_set(e, HypervisorError, NULL, "Invalid image URL '%s'", image);
		host = arena_strndup(a, rest + 3, (size_t)(slash - rest - 3));
		colon = strrchr(host, ':');
		if (colon) {
			if (parse_int(colon + 1, &port) < 0)
				return err_set(e, HypervisorError, NULL, "Invalid image URL '%s'",
					       image);
			host = arena_strndup(a, host, (size_t)(colon - host));
		}
		xml_addf(out,
			 "<disk type='network' device='cdrom'><driver name='qemu' type='raw'/>"
			 "<source protocol='%s' name='%s'><host name='%s' port='%lld'/></source>",
			 scheme, slash + 1, host, (long long)port);
	}
	xml_addf(out, "<target dev='%s' bus='%s'/><readonly/></disk>", dev, bus);
	return 0;
}

static int add_media(struct arena *a, struct str *out, const struct hv_kvm *p, struct err *e)
{
	bool q35 = given(p->machine_version) && strstr(p->machine_version, "q35");
	const char *bus = given(p->cdrom_disk_type) ? disk_bus(p->cdrom_disk_type) : NULL;
	bool scsi;

	if (!bus || str_eq(bus, "virtio")) /* a virtio CD does not exist: upstream uses ide, too */
		bus = q35 ? "sata" : "ide";
	scsi = !str_eq(bus, "ide");
	if (add_cdrom(a, out, p->cdrom_image_path, scsi ? "sdy" : "hdc", bus, e) < 0 ||
	    add_cdrom(a, out, p->cdrom2_image_path, scsi ? "sdz" : "hdd", bus, e) < 0)
		return -1;
	if (given(p->floppy_image_path))
		xml_addf(out,
			 "<disk type='file' device='floppy'><driver name='qemu' type='raw'/>"
			 "<source file='%s'/><target dev='fda' bus='fdc'/></disk>",
			 p->floppy_image_path);
	return 0;
}

static int add_devices(struct arena *a, struct str *out, const struct xml_kvm *x, struct err *e)
{
	const struct hv_kvm *p = x->p;
	static const char *const controllers[][2] = {
		{ "lsi", "lsilogic" }, { "megasas", "megasas" }, { "virtio-scsi-pci", "virtio-scsi" },
	};

	str_add(out, "<devices>");
	if (given(p->kvm_path) && !str_eq(p->kvm_path, "/usr/bin/kvm"))
		xml_addf(out, "<emulator>%s</emulator>", p->kvm_path);
	if (!disk_bus(p->disk_type))
		return err_set(e, HypervisorError, NULL,
			       "Disk type '%s' can't be used with libvirt", p->disk_type);
	for (size_t k = 0; k < x->n_disks; k++)
		add_disk(out, x, k, &x->disks[k]);
	if (add_media(a, out, p, e) < 0)
		return -1;
	if (str_starts(p->disk_type, "scsi"))
		for (size_t k = 0; k < ARRAY_SIZE(controllers); k++)
			if (str_eq(p->scsi_controller_type, controllers[k][0]))
				xml_addf(out, "<controller type='scsi' index='0' model='%s'/>",
					 controllers[k][1]);
	for (size_t k = 0; k < x->i->nics.n; k++)
		add_nic(a, out, x, &x->i->nics.v[k]);
	if (p->serial_console)
		xml_addf(out,
			 "<serial type='unix'><source mode='bind' path='%s'/>"
			 "<target port='0'/></serial>",
			 path_in(a, PATH_RUN_DIR, "kvm-hypervisor/ctrl/%s.serial", x->i->name));
	if (given(p->usb_mouse) || given(p->vnc_bind_address))
		xml_addf(out, "<input type='%s' bus='usb'/>",
			 given(p->usb_mouse) ? p->usb_mouse : "tablet");
	else
		str_add(out, "<controller type='usb' model='none'/>");
	if (p->use_guest_agent)
		str_add(out, "<channel type='unix'><target type='virtio' "
			     "name='org.qemu.guest_agent.0'/></channel>");
	if (given(p->soundhw))
		xml_addf(out, "<sound model='%s'/>", str_eq(p->soundhw, "hda") ? "ich6" : p->soundhw);
	add_graphics(out, x);
	str_add(out, "<memballoon model='virtio'/></devices>");
	return 0;
}

/*
 * QEMU before 9.0 loses writes of emulated processors while it migrates, and guests hang afterwards: when it
 * collects the dirty bits of memory whose size is a multiple of 256 KiB, it does not tell the processors that
 * they have to set them again. The way without that short cut is taken for odd sizes, which libvirt does not
 * offer.
 */
static void add_odd_memory(struct str *out, int64_t mib)
{
	int64_t kib = mib * 1024 + 8;

	xml_addf(out,
		 "<qemu:arg value='-object'/><qemu:arg value='memory-backend-ram,id=ganeti.ram,size=%lldk'/>"
		 "<qemu:arg value='-machine'/><qemu:arg value='memory-backend=ganeti.ram'/>"
		 "<qemu:arg value='-m'/><qemu:arg value='size=%lldk'/>",
		 (long long)kib, (long long)kib);
}

/* Split like a shell: upstream passes kvm_extra through shlex. Quotes and backslashes only. */
static int add_extra(struct str *out, const char *extra, struct err *e)
{
	struct str word CLEANUP(str_free) = { 0 };
	char quote = 0;
	bool in_word = false;

	for (const char *s = extra;; s++) {
		if (!*s && quote)
			return err_set(e, HypervisorError, NULL, "Unbalanced quotes in kvm_extra");
		if (!quote && (!*s || *s == ' ' || *s == '\t')) {
			if (in_word)
				xml_addf(out, "<qemu:arg value='%s'/>", str_get(&word));
			str_trim(&word, 0);
			in_word = false;
			if (!*s)
				break;
			continue;
		}
		in_word = true;
		if (quote && *s == quote)
			quote = 0;
		else if (!quote && (*s == '\'' || *s == '"'))
			quote = *s;
		else if (*s == '\\' && quote != '\'' && s[1])
			str_addc(&word, *++s);
		else
			str_addc(&word, *s);
	}
	return 0;
}

static void add_usb(struct str *out, const char *usb)
{
	for (const char *s = usb; *s;) {
		size_t n = strcspn(s, ", ");

		if (n) {
			char *one CLEANUP(freep) = xstrndup(s, n);

			xml_addf(out, "<qemu:arg value='-usbdevice'/><qemu:arg value='%s'/>", one);
		}
		s += n + strspn(s + n, ", ");
	}
}

/* What libvirt has no words for. */
static int add_command_line(struct str *out, const struct xml_kvm *x, struct err *e)
{
	struct str args CLEANUP(str_free) = { 0 };

	if (x->odd_memory && !given(x->p->mem_path))
		add_odd_memory(&args, x->i->be.maxmem);
	if (given(x->p->kvm_extra) && add_extra(&args, x->p->kvm_extra, e) < 0)
		return -1;
	if (given(x->p->usb_devices))
		add_usb(&args, x->p->usb_devices);
	if (args.len)
		str_addf(out, "<qemu:commandline>%s</qemu:commandline>", str_get(&args));
	return 0;
}

int xml_kvm_domain(struct arena *a, const struct xml_kvm *x, const char **ret, struct err *e)
{
	const struct hv_instance *i = x->i;
	const struct hv_kvm *p = x->p;
	struct str out CLEANUP(str_free) = { 0 };

	xml_addf(&out,
		 "<domain type='%s' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
		 "<name>%s</name><uuid>%s</uuid>",
		 x->use_kvm ? "kvm" : "qemu", i->name, i->uuid);
	xml_addf(&out,
		 "<metadata><ganeti:instance xmlns:ganeti='" VIRT_XMLNS "' os='%s'/></metadata>",
		 i->os);
	xml_addf(&out, "<memory unit='MiB'>%lld</memory>", (long long)i->be.maxmem);
	if (given(p->mem_path))
		str_add(&out, "<memoryBacking><hugepages/></memoryBacking>");
	xml_addf(&out, "<vcpu>%lld</vcpu>", (long long)i->be.vcpus);
	add_pinning(a, &out, x);
	if (add_boot(a, &out, p, e) < 0)
		return -1;
	str_add(&out, p->acpi ? "<features><acpi/><apic/></features>" :
				"<features><apic/></features>");
	add_cpu(a, &out, x);
	xml_addf(&out,
		 "<clock offset='%s'/><on_poweroff>destroy</on_poweroff>"
		 "<on_reboot>%s</on_reboot><on_crash>destroy</on_crash>",
		 p->use_localtime ? "localtime" : "utc",
		 str_eq(p->reboot_behavior, "exit") ? "destroy" : "restart");
	if (add_devices(a, &out, x, e) < 0)
		return -1;
	if (add_command_line(&out, x, e) < 0)
		return -1;
	str_add(&out, "</domain>");
	*ret = arena_strdup(a, str_get(&out));
	return 0;
}
