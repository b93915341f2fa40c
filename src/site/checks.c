/* What has to be true before a cluster is made here. Texts are those of upstream's InitCluster. */
#include "src/site/priv.h"

#include "lib/net/net.h"

#include <errno.h>
#include <net/if.h>
#include <regex.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define PING_TIMEOUT 5.0
#define MAC_PREFIX_RE "^[0-9a-f]{2}:[0-9a-f]{2}:[0-9a-f]{2}$"

/* An option this version does not know must not be lost silently. */
static int check_keys(const json *opts, struct err *e)
{
	static const char *const known[] = {
		"cluster_name", "mac_prefix", "master_netmask", "master_netdev", "file_storage_dir",
		"shared_file_storage_dir", "gluster_storage_dir", "candidate_pool_size",
		"ssh_key_type", "ssh_key_bits", "secondary_ip", "vg_name", "beparams", "nicparams",
		"ndparams", "hvparams", "diskparams", "enabled_hypervisors", "modify_etc_hosts",
		"modify_ssh_setup", "maintain_node_health", "drbd_helper", "uid_pool",
		"default_iallocator", "default_iallocator_params", "primary_ip_version", "ipolicy",
		"prealloc_wipe_disks", "use_external_mip_script", "hv_state", "disk_state",
		"enabled_disk_templates", "install_image", "zeroing_image", "compression_tools",
		"enabled_user_shutdown",
	};

	json_each(opts, key, v) {
		bool found = false;

		(void)v;
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			found = found || strcmp(known[i], key) == 0;
		if (!found)
			return err_set(e, ProgrammerError, NULL, "Unknown option '%s' of cluster init",
				       key);
	}
	return 0;
}

static int check_lists(struct site_plan *p, struct err *e)
{
	if (!p->hypervisors.n)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Enabled hypervisors list must contain at least one member");
	if (!p->templates.n)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Enabled disk templates list must contain at least one member");
	for (size_t i = 0; i < p->hypervisors.n; i++) {
		if (enum_value(&enum_hypervisor, p->hypervisors.v[i]) < 0)
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Enabled hypervisors contains invalid entries: %s",
				       p->hypervisors.v[i]);
		if (hypervisor_check_supported(p->hypervisors.v[i], e) < 0)
			return -1;
	}
	for (size_t i = 0; i < p->templates.n; i++) {
		if (enum_value(&enum_disk_template, p->templates.v[i]) < 0)
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Enabled disk templates list contains invalid entries: %s",
				       p->templates.v[i]);
		if (template_check_supported(p->templates.v[i], e) < 0)
			return -1;
	}
	return 0;
}

static int resolve(struct site_plan *p, const char *name, const char **ret_name, const char **ret_ip,
		   struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;
	int family = p->ip_version == 6 ? AF_INET6 : AF_INET;

	if (resolve_name(p->a, env_hosts_file(), name, family, ret_name, ret_ip, &why) < 0)
		return err_set(e, ERR_PREREQ, ECODE_RESOLVER,
			       "The given name (%s) does not resolve: %s", name, err_msg(&why));
	return 0;
}

static int check_this_host(struct site_plan *p, struct err *e)
{
	if (resolve(p, env_hostname(), &p->node_name, &p->node_ip, e) < 0)
		return -1;
	/* the nodes of a virtual cluster share the loopback device */
	if (!env_virtual() && (str_starts(p->node_ip, "127.") || str_eq(p->node_ip, "::1")))
		return err_set(e, ERR_PREREQ, ECODE_ENVIRON,
			       "This host's IP (%s) resolves to a loopback address. Please fix DNS or %s.",
			       p->node_ip, path_of(PATH_ETC_HOSTS));
	if (!addr_is_local(p->node_ip))
		return err_set(e, ERR_PREREQ, ECODE_ENVIRON,
			       "Inconsistency: this host's name resolves to %s,\nbut this ip address does "
			       "not belong to this host",
			       p->node_ip);
	return 0;
}

/* Connecting to an address that nobody has takes seconds; asking the link for it does not. */
static bool cluster_ip_alive(const char *ip, const char *dev)
{
	if (dev && !addr_is_local(ip) && arp_probe(dev, ip) == 0)
		return false;
	return tcp_ping(ip, rpc_port(), PING_TIMEOUT, true, NULL);
}

static int check_addresses(const json *opts, struct site_plan *p, struct err *e)
{
	const char *second = json_get_str(opts, "secondary_ip");
	const json *mask = json_get(opts, "master_netmask");
	int bits = p->ip_version == 6 ? 128 : 32;

	if (resolve(p, json_get_str(opts, "cluster_name"), &p->cluster_name, &p->cluster_ip, e) < 0)
		return -1;
	if (cluster_ip_alive(p->cluster_ip, json_get_str(opts, "master_netdev")))
		return err_set(e, ERR_PREREQ, ECODE_NOTUNIQUE, "Cluster IP already active");
	if (second && !addr_is_ip4(second))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Secondary IP address (%s) has to be a valid IPv4 address.", second);
	if (second && !str_eq(second, p->node_ip) && !addr_is_local(second))
		return err_set(e, ERR_PREREQ, ECODE_ENVIRON,
			       "You gave %s as secondary IP, but it does not belong to this host.",
			       second);
	if (!second && p->ip_version == 6)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "A secondary IP must be given when using IPv6 primary");
	p->secondary_ip = second ? second : p->node_ip;
	p->netmask = json_int(mask, bits);
	if (mask && (!json_is(mask, JSON_INT) || p->netmask <= 0 || p->netmask > bits))
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "CIDR netmask (%s) not valid for IPv%d",
			       json_dump_in(p->a, mask), p->ip_version);
	return 0;
}

/* Upstream's CheckFileStoragePathAcceptance: the administrator names the allowed directories in a file. */
static int check_allowed(struct site_plan *p, const char *dir, struct err *e)
{
	const char *file = path_of(PATH_FILE_STORAGE_PATHS_FILE), *text = "";
	struct strs lines;

	if (fs_exists(file) && site_get(p->a, file, &text, e) < 0)
		return -1;
	lines = strs_split(p->a, text, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		const char *line = str_strip(p->a, lines.v[i]);

		if (*line == '/' && (strcmp(line, dir) == 0 || fs_is_below(dir, line)))
			return 0;
	}
	return err_set(e, ERR_PREREQ, ECODE_INVAL,
		       "Path '%s' is not acceptable for file storage: it is not below a directory "
		       "listed in %s",
		       dir, file);
}

static int storage_dir(const json *opts, struct site_plan *p, const char *template, const char *key,
		       const char *dflt, const char **ret, struct err *e)
{
	const char *given = json_get_str(opts, key), *dir = given ? given : dflt, *real;
	struct stat st;
	int r;

	*ret = given ? given : "";
	if (!strs_has(&p->templates, template))
		return 0;
	*ret = dir;
	if (!*dir || !fs_is_norm_abs(dir))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "File storage directory '%s' is not an absolute path", dir);
	if (check_allowed(p, dir, e) < 0)
		return -1;
	real = env_add_root(p->a, dir);
	r = fs_exists(real) ? 0 : fs_mkdirs(real, 0750);
	if (r < 0)
		return err_set(e, ERR_PREREQ, ECODE_ENVIRON,
			       "Cannot create file storage directory '%s': %s", real, strerror(-r));
	if (stat(real, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, ERR_PREREQ, ECODE_ENVIRON,
			       "The file storage directory '%s' is not a directory.", real);
	return 0;
}

static int check_storage(const json *opts, struct site_plan *p, struct err *e)
{
	struct arena *a = p->a;

	if (storage_dir(opts, p, "file", "file_storage_dir",
			env_strip_root(a, path_of(PATH_DEFAULT_FILE_STORAGE_DIR)), &p->file_dir, e) < 0)
		return -1;
	if (storage_dir(opts, p, "sharedfile", "shared_file_storage_dir",
			env_strip_root(a, path_of(PATH_DEFAULT_SHARED_FILE_STORAGE_DIR)),
			&p->shared_dir, e) < 0)
		return -1;
	p->gluster_dir = json_get_str(opts, "gluster_storage_dir");
	if (!p->gluster_dir)
		p->gluster_dir = env_strip_root(a, path_of(PATH_DEFAULT_GLUSTER_STORAGE_DIR));
	if (json_get_str(opts, "vg_name") && *json_get_str(opts, "vg_name"))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Volume groups are not supported by this version");
	if (json_get_str(opts, "drbd_helper") && *json_get_str(opts, "drbd_helper"))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "The DRBD helper is not supported by this version");
	return 0;
}

static int check_device(const json *opts, struct site_plan *p, struct err *e)
{
	const char *mode = json_get_str(json_get(opts, "nicparams"), "mode");
	bool ovs = mode && strcmp(mode, enum_name(&enum_nic_mode, nic_mode_openvswitch)) == 0;
	const char *dev = json_get_str(opts, "master_netdev");
	regex_t re;
	bool good;

	p->mac_prefix = json_get_str(opts, "mac_prefix");
	if (!p->mac_prefix)
		p->mac_prefix = "aa:00:00";
	if (regcomp(&re, MAC_PREFIX_RE, REG_EXTENDED | REG_NOSUB) != 0)
		abort();
	good = regexec(&re, p->mac_prefix, 0, NULL, 0) == 0;
	regfree(&re);
	if (!good)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid mac prefix given '%s'",
			       p->mac_prefix);
	p->netdev = dev ? dev : ovs ? "switch1" : "xen-br0";
	/* an Open vSwitch comes to life with its first node */
	if (!ovs && !if_nametoindex(p->netdev))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Invalid master netdev given (%s): 'Device \"%s\" does not exist.'",
			       p->netdev, p->netdev);
	return 0;
}

static int check_ssh(const json *opts, struct site_plan *p, struct err *e)
{
	p->ssh_setup = json_get_bool(opts, "modify_ssh_setup", true);
	p->etc_hosts = json_get_bool(opts, "modify_etc_hosts", true);
	p->ssh_type = json_get_str(opts, "ssh_key_type");
	if (!p->ssh_type)
		p->ssh_type = enum_name(&enum_ssh_key_type, ssh_key_type_rsa);
	p->ssh_bits = json_get_int(opts, "ssh_key_bits",
				   enum_value(&enum_ssh_key_type, p->ssh_type) == ssh_key_type_ecdsa ?
					   256 :
					   2048);
	if (enum_value(&enum_ssh_key_type, p->ssh_type) < 0)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid SSH key type '%s'", p->ssh_type);
	if (p->ssh_setup && env_virtual())
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "SSH can't be set up in a virtual cluster; use --no-ssh-init");
	return ssh_host_keys(p->a, &p->rsa_key, &p->dsa_key, e);
}

static int check_allocator(const json *opts, struct site_plan *p, struct err *e)
{
	const char *name = json_get_str(opts, "default_iallocator");
	struct strs dirs = strs_split(p->a, path_of(PATH_IALLOCATOR_SEARCH_DIRS), ':');

	if (!name || !*name)
		return 0;
	for (size_t i = 0; i < dirs.n; i++)
		if (!strchr(name, '/') &&
		    fs_exists(arena_printf(p->a, "%s/%s", dirs.v[i], name)))
			return 0;
	return err_set(e, ERR_PREREQ, ECODE_INVAL,
		       "Invalid default iallocator script '%s' specified", name);
}

static int check_users(struct err *e)
{
	static const enum daemon_user all[] = { USER_MASTERD, USER_CONFD, USER_RAPI };
	gid_t gid;

	if (env_virtual())
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		uid_t uid;

		if (user_ids(env_user(all[i]), &uid, &gid) < 0)
			return err_set(e, ERR_PREREQ, ECODE_ENVIRON,
				       "Required system user/group missing: %s", env_user(all[i]));
	}
	if (group_id(env_group(GROUP_DAEMONS), &gid) < 0)
		return err_set(e, ERR_PREREQ, ECODE_ENVIRON,
			       "Required system user/group missing: %s", env_group(GROUP_DAEMONS));
	return 0;
}

int site_check_init(const json *opts, struct site_plan *p, struct err *e)
{
	if (fs_exists(path_of(PATH_CONFIG_DB)) || fs_exists(path_of(PATH_CONFIG_FILE)))
		return err_set(e, ERR_PREREQ, ECODE_STATE, "Cluster is already initialised");
	p->hypervisors = json_strs(p->a, json_get(opts, "enabled_hypervisors"));
	p->templates = json_strs(p->a, json_get(opts, "enabled_disk_templates"));
	p->ip_version = (int)json_get_int(opts, "primary_ip_version", 4);
	if (p->ip_version != 4 && p->ip_version != 6)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid primary ip version: %d.",
			       p->ip_version);
	if (check_keys(opts, e) < 0 || check_lists(p, e) < 0 || check_this_host(p, e) < 0 ||
	    check_addresses(opts, p, e) < 0 || check_device(opts, p, e) < 0 ||
	    check_storage(opts, p, e) < 0 || check_ssh(opts, p, e) < 0 ||
	    check_allocator(opts, p, e) < 0)
		return -1;
	return check_users(e);
}
