/*
 * Syntax of filled hypervisor parameters: what can be told without looking at a node.
 * Upstream: BaseHypervisor.CheckParameterSyntax and its overrides. The kinds of values are
 * told apart by the hints of the rows.
 */
#include "src/model/model.h"

#include <arpa/inet.h>
#include <limits.h>
#include <string.h>

#include "lib/base/parse.h"

#define CPU_ALL "all"

static bool norm_abs_path(const json *v)
{
	const char *s = json_str(v);

	if (!s || *s != '/')
		return false;
	for (const char *p = s; *p;) {
		size_t n = strcspn(++p, "/");

		if (n == 0)
			return !s[1]; /* "/" alone */
		if ((n == 1 && *p == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += n;
	}
	return true;
}

static bool path_or_url(const json *v)
{
	static const char *const schemes[] = { "http://", "https://", "ftp://", "ftps://",
					       "tftp://" };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (str_starts(json_str(v), schemes[i]))
			return true;
	return norm_abs_path(v);
}

/* "0-3,5": numbers and ranges. */
static bool cpu_list(struct arena *a, const char *s)
{
	struct strs parts = strs_split(a, s, ',');

	for (size_t i = 0; i < parts.n; i++) {
		struct strs ends = strs_split(a, parts.v[i], '-');
		int64_t low, high;

		if (ends.n > 2 || parse_int(ends.v[0], &low) < 0 ||
		    parse_int(ends.v[ends.n - 1], &high) < 0 || low > high)
			return false;
	}
	return true;
}

static bool cpu_mask(const json *v)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	return cpu_list(a, json_str(v));
}

/* One list for each virtual processor: "all:1:2-3". */
static bool cpu_masks(const json *v)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs parts = strs_split(a, json_str(v), ':');

	for (size_t i = 0; i < parts.n; i++)
		if (*parts.v[i] && strcmp(parts.v[i], CPU_ALL) != 0 && !cpu_list(a, parts.v[i]))
			return false;
	return true;
}

static bool in_range(const json *v, int64_t min, int64_t max)
{
	int64_t n = json_int(v, INT64_MIN);

	return n >= min && n <= max;
}

static bool non_negative(const json *v)
{
	return in_range(v, 0, INT64_MAX);
}

static bool net_port(const json *v)
{
	return in_range(v, 1, 65534);
}

static bool cpu_weight(const json *v)
{
	return in_range(v, 1, 65535);
}

static bool net_queues(const json *v)
{
	return in_range(v, 1, 8);
}

static bool pci_slots(const json *v)
{
	return in_range(v, 0, 32);
}

static bool ip_version(const json *v)
{
	return json_int(v, 0) == 4 || json_int(v, 0) == 6;
}

static bool ip4(const json *v)
{
	return check_ip4(v, NULL) == 0;
}

static bool hvm_boot_order(const json *v)
{
	return strspn(json_str(v), "acdn") == strlen(json_str(v));
}

/* Rows whose hint or name says what the value has to look like. */
static const struct kind {
	const char *hint;  /* of the row, or NULL */
	const char *param; /* or the parameter */
	bool (*check)(const json *v); /* NULL: only the text differs */
	const char *text;
} kinds[] = {
	{ "absolute normalised path, must exist as regular file on node", NULL, norm_abs_path,
	  "must be an absolute normalized path" },
	{ "absolute normalised path of existing directory", NULL, norm_abs_path,
	  "must be an absolute normalized path" },
	{ "absolute normalised path", NULL, norm_abs_path, "must be an absolute normalized path" },
	{ "absolute normalised path of an existing file, or URL", NULL, path_or_url,
	  "must be an absolute normalized path or a URL" },
	{ "cpu mask", NULL, cpu_mask, "CPU mask definition is not well-formed" },
	{ "cpu masks per vcpu separated by ':'", NULL, cpu_masks,
	  "Multiple CPU mask definition is not well-formed" },
	{ "integer >= 0", NULL, non_negative, "cannot be negative" },
	{ NULL, "cpu_weight", cpu_weight, "invalid weight" },
	{ "integer 1..65534", NULL, net_port, "invalid port number" },
	{ "integer 1..8", NULL, net_queues, "invalid number of queues" },
	{ "integer 0..32", NULL, pci_slots, "must be between 0 and 32" },
	{ "0, 4 or 6", NULL, ip_version, "The SPICE IP version should be 4 or 6" },
	{ "IPv4 address", NULL, ip4, "VNC bind address is not a valid IP address" },
	{ "non-empty string of letters from 'acdn'", NULL, hvm_boot_order,
	  "Invalid boot order specified, must be one or more of [acdn]" },
	{ NULL, "migration_mode", NULL, "invalid migration mode" },
};

static const struct kind *kind_of(const struct field *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if ((kinds[i].param && strcmp(kinds[i].param, f->name) == 0) ||
		    (kinds[i].hint && str_eq(kinds[i].hint, f->hint)))
			return &kinds[i];
	return NULL;
}

static bool is_one_of(struct arena *a, const char *values, const json *v)
{
	struct strs l = strs_split(a, values, ',');

	return json_str(v) && strs_has(&l, json_str(v));
}

static bool empty(const json *v)
{
	return !v || (json_is(v, JSON_BOOL) && !json_boolean(v, false)) ||
	       (json_is(v, JSON_INT) && !json_int(v, 0)) || (json_str(v) && !*json_str(v));
}

/* As upstream prints it. */
static const char *shown(struct arena *a, const json *v)
{
	if (json_is(v, JSON_BOOL))
		return json_boolean(v, false) ? "True" : "False";
	return json_str(v) ? json_str(v) : json_dump_in(a, v);
}

static int wrong_value(struct arena *a, const struct field *f, const char *text, const json *v,
		       struct err *e)
{
	return err_set(e, HypervisorError, NULL,
		       "Parameter '%s' fails syntax check: %s (current value: '%s')", field_wire(f),
		       text, shown(a, v));
}

static int check_value(struct arena *a, const struct field *f, json *v, struct err *e)
{
	const struct kind *k = kind_of(f);

	if (!f->required && empty(v))
		return 0;
	if (empty(v))
		return err_set(e, HypervisorError, NULL,
			       "Parameter '%s' is required but is currently not defined",
			       field_wire(f));
	if (f->type->parse(f->type, a, v, arena_alloc(a, f->type->size), NULL) < 0)
		return wrong_value(a, f, arena_printf(a, "must be a %s", f->type->name), v, e);
	if (k && k->check && !k->check(v))
		return wrong_value(a, f, k->text, v, e);
	if (f->values && !is_one_of(a, f->values, v)) {
		struct strs l = strs_split(a, f->values, ',');

		return wrong_value(a, f,
				   k ? k->text :
				       arena_printf(a, "The value must be one of: %s",
						    strs_join(a, &l, ", ")),
				   v, e);
	}
	return 0;
}

static int bad(struct err *e, const char *text)
{
	return err_set(e, HypervisorError, NULL, "%s", text);
}

static bool set(const json *p, const char *name)
{
	return !empty(json_get(p, name));
}

static int check_serial(struct arena *a, const json *p, struct err *e)
{
	static const int speeds[] = { 75,    110,   300,   600,	  1200,	 1800,	 2400,	 4800,	 9600,
				      14400, 19200, 28800, 38400, 57600, 115200, 230400, 345600,
				      460800 };
	int64_t speed = json_get_int(p, "serial_speed", 0);
	struct strs l = { 0 };

	if (!set(p, "serial_console"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(speeds); i++) {
		if (speed == speeds[i])
			return 0;
		strs_add(a, &l, arena_printf(a, "%d", speeds[i]));
	}
	return err_set(e, HypervisorError, NULL,
		       "Invalid serial console speed, must be one of: %s", strs_join(a, &l, ", "));
}

static int check_spice(const json *p, struct err *e)
{
	static const char *const others[] = {
		"spice_ip_version",	       "spice_password_file",
		"spice_image_compression",     "spice_jpeg_wan_compression",
		"spice_zlib_glz_wan_compression", "spice_streaming_video",
		"spice_use_tls",
	};
	const char *to = json_get_str(p, "spice_bind");
	int64_t version = json_get_int(p, "spice_ip_version", 0);
	bool is4 = check_ip4(json_get(p, "spice_bind"), NULL) == 0;
	bool is6 = check_ip6(json_get(p, "spice_bind"), NULL) == 0;

	for (size_t i = 0; !set(p, "spice_bind") && i < ARRAY_SIZE(others); i++)
		if (set(p, others[i]))
			return err_set(e, HypervisorError, NULL,
				       "SPICE: %s requires spice_bind to be set", others[i]);
	if (!set(p, "spice_bind") || !version)
		return 0;
	if ((is4 && version != 4) || (is6 && version != 6))
		return err_set(e, HypervisorError, NULL,
			       "SPICE: Got an IPv%d address (%s), but the specified IP version is"
			       " %d",
			       is4 ? 4 : 6, to, (int)version);
	return 0;
}

static int check_kvm(struct arena *a, const json *p, struct err *e)
{
	bool user_model = str_eq(json_get_str(p, "security_model"), "user");

	if (set(p, "kernel_path") && !set(p, "root_path"))
		return bad(e, "Need a root partition for the instance, if a kernel is defined");
	if (set(p, "vnc_x509_verify") && !set(p, "vnc_x509_path"))
		return bad(e, "vnc_x509_path must be defined, if vnc_x509_verify is");
	if (check_serial(a, p, e) < 0)
		return -1;
	if (str_eq(json_get_str(p, "boot_order"), "cdrom") && !set(p, "cdrom_image_path"))
		return bad(e, "Cannot boot from cdrom without an ISO path");
	if (user_model && !set(p, "security_domain"))
		return bad(e, "A security domain (user to run kvm as) must be specified");
	if (!user_model && set(p, "security_domain"))
		return bad(e, "Cannot have a security domain when the security model is 'none' or"
			      " 'pool'");
	return check_spice(p, e);
}

int hv_check_syntax(int hypervisor, const json *hvparams, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const struct record *r = hvparams_record(hypervisor);

	json_each(hvparams, name, v) {
		(void)v;
		if (!record_field(r, name))
			return err_set(e, HypervisorError, NULL, "Parameter '%s' is not supported",
				       name);
	}
	for (size_t i = 0; i < r->n; i++) {
		const struct field *f = &r->fields[i];

		if (!json_has(hvparams, field_wire(f)))
			return err_set(e, HypervisorError, NULL, "Parameter '%s' is missing",
				       field_wire(f));
		if (check_value(a, f, json_get(hvparams, field_wire(f)), e) < 0)
			return -1;
	}
	return hypervisor == hypervisor_kvm ? check_kvm(a, hvparams, e) : 0;
}
