/*
 * An existing cluster moves here, or back: config.data and the job queue's files of any version become the
 * database, and the other way round (upstream's tool of the same purpose: cfgupgrade). The daemons do not run
 * meanwhile. The database appears complete or not at all.
 */
#include "src/site/priv.h"

#include "lib/base/clock.h"
#include "lib/base/parse.h"
#include "lib/net/net.h"
#include "src/queue/queue.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONFIG_MAX (1ull << 30)
#define JOB_FILE_MAX (64u << 20)

struct import {
	const struct site_import *o;
	struct site_imported *r;
	struct arena *a;
	const char *db, *tmp; /* the database, and the one that is being filled */
	json *data;           /* of config.data */
	json *ssconf;         /* the values of the new configuration; NULL = stay as they are */
	json *virt;           /* what site_aside_start() has to make; NULL = nothing */
};

/* The directory may be another one than where the daemons look; the names in it are the same. */
static char *file_in(const struct import *m, enum path id)
{
	return arena_printf(m->a, "%s%s", m->o->dir, path_of(id) + strlen(path_of(PATH_DATA_DIR)));
}

static bool at_home(const struct import *m)
{
	return strcmp(m->o->dir, path_of(PATH_DATA_DIR)) == 0;
}

static void note(struct import *m, struct strs *to, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void note(struct import *m, struct strs *to, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strs_add(m->a, to, arena_vprintf(m->a, fmt, ap));
	va_end(ap);
}

static void remove_database(const struct import *m, const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		unlink(arena_printf(m->a, "%s%s", path, suffixes[i]));
}

/* --- before anything is changed --- */
static int check_master(struct import *m, struct err *e)
{
	const char *text, *name;

	if (site_get(m->a, arena_printf(m->a, "%s/ssconf_%s", m->o->dir, ssconf_name(SSCONF_master_node)), &text,
		     e) < 0)
		return -1;
	name = str_strip(m->a, text);
	if (strcmp(name, env_hostname()) == 0)
		return 0;
	note(m, &m->r->warnings,
	     "Warning: ssconf says master node is '%s', but this machine's name is '%s'; this tool must be run on"
	     " the master node",
	     name, env_hostname());
	return m->o->ignore_hostname ? 0 : err_plain(e, "Aborting due to hostname mismatch");
}

/* Of the old version, or of ours: what it does now would be lost. */
static int check_stopped(const struct import *m, struct err *e)
{
	struct luxi_client *c CLEANUP(luxi_closep) = NULL;

	if (!at_home(m) || luxi_open_within(0, &c, NULL) < 0)
		return 0;
	return err_plain(e, "The master daemon is running; stop the daemons of all nodes first");
}

static int check(struct import *m, struct err *e)
{
	static const enum path needed[] = { PATH_CONFIG_FILE, PATH_NODED_CERT_FILE, PATH_SSH_KNOWN_HOSTS_FILE };

	if (check_master(m, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!fs_exists(file_in(m, needed[i])))
			return err_plain(e, "%s does not seem to be a Ganeti configuration directory", m->o->dir);
	return check_stopped(m, e);
}

static int read_json(const struct import *m, const char *path, size_t max, json **ret, struct err *e)
{
	char *text CLEANUP(freep) = NULL;
	size_t n;
	int r = fs_read(path, max, &text, &n);

	(void)m;
	if (r < 0)
		return err_sys(e, r, "Can't read %s", path);
	if (json_parse(text, n, ret, e) < 0)
		return err_prefix(e, "%s", path);
	return 0;
}

static int read_config(struct import *m, struct err *e)
{
	json *data;
	int64_t v;

	if (read_json(m, file_in(m, PATH_CONFIG_FILE), CONFIG_MAX, &data, e) < 0)
		return -1;
	m->data = json_own(m->a, data);
	v = json_get_int(data, "version", -1);
	if (v < 0)
		return err_plain(e, "Unable to determine configuration version");
	if (json_has(json_get(data, "cluster"), "config_version"))
		return err_plain(e, "Inconsistent configuration: found config_version in configuration file");
	note(m, &m->r->infos, "Found configuration version %d (%d.%d.%d)", (int)v, (int)(v / 1000000),
	     (int)(v / 10000 % 100), (int)(v % 10000));
	return 0;
}

/* The master may call the node agents with the certificate it has; clusters of 2.10 and before had none. */
static int trust_master(struct import *m, struct err *e)
{
	const char *file = file_in(m, PATH_NODED_CLIENT_CERT_FILE), *pem, *digest;
	json *cluster = json_get(m->data, "cluster"), *certs = json_get(cluster, "candidate_certs");
	const char *master = json_get_str(cluster, "master_node");

	if (!at_home(m) || !master || m->o->dry_run)
		return 0;
	if (!fs_exists(file) && site_make_client_cert(env_hostname(), 1, e) < 0)
		return -1;
	if (site_get(m->a, file, &pem, e) < 0)
		return -1;
	digest = cert_digest(m->a, pem, e);
	if (!digest)
		return -1;
	if (!json_is(certs, JSON_DICT)) {
		certs = json_new_dict();
		json_set(cluster, "candidate_certs", certs);
	}
	json_set(certs, master, json_new_str(digest));
	return 0;
}

/* --- jobs --- */

/* job-N: N. 0 = something else. */
static int64_t number_of(const char *name)
{
	int64_t id = 0;

	return str_starts(name, "job-") && parse_int(name + strlen("job-"), &id) == 0 && id > 0 ? id : 0;
}

/* One that cannot be read stays where it is and is told of; the rest of the queue moves without it. */
static int add_job(struct import *m, struct db *d, const char *path, int64_t id, bool archived, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *file CLEANUP(json_putp) = NULL, *log CLEANUP(json_putp) = NULL;
	struct err why CLEANUP(err_clear) = ERR_NONE;
	enum job_status known;
	struct job *j;
	int rc;

	if (read_json(m, path, JOB_FILE_MAX, &file, &why) < 0 || job_from_file(a, file, &j, &log, &why) < 0 ||
	    (j->id != id && err_plain(&why, "it is job %lld", (long long)j->id) < 0)) {
		note(m, &m->r->warnings, "Job file %s is left out: %s", path, err_msg(&why));
		return 0;
	}
	rc = queue_status(d, id, &known, e);
	if (rc < 0)
		return -1;
	if (rc == 1) {
		note(m, &m->r->warnings, "Job file %s is left out: there was one of that number", path);
		return 0;
	}
	j->archived = archived;
	if (queue_import(d, j, log, e) < 0)
		return err_prefix(e, "Job %lld", (long long)id);
	*(archived ? &m->r->archived : &m->r->jobs) += 1;
	if (job_status_of(j) == job_status_running)
		note(m, &m->r->warnings, "Job %lld was running; it will be an error", (long long)id);
	return 0;
}

static int add_jobs(struct import *m, struct db *d, const char *dir, bool archived, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs names;

	if (fs_list(a, dir, &names) < 0)
		return 0; /* no queue */
	for (size_t i = 0; i < names.n; i++) {
		int64_t id = number_of(names.v[i]);

		if (id && add_job(m, d, arena_printf(a, "%s/%s", dir, names.v[i]), id, archived, e) < 0)
			return -1;
	}
	return 0;
}

static int add_archive(struct import *m, struct db *d, struct err *e)
{
	const char *dir = file_in(m, PATH_JOB_QUEUE_ARCHIVE_DIR);
	struct strs parts;

	if (fs_list(m->a, dir, &parts) < 0)
		return 0;
	for (size_t i = 0; i < parts.n; i++)
		if (add_jobs(m, d, arena_printf(m->a, "%s/%s", dir, parts.v[i]), true, e) < 0)
			return -1;
	return 0;
}

/* Numbers go on where they were, even when the newest jobs are gone. */
static int add_flags(struct import *m, struct db *d, struct err *e)
{
	const char *file = file_in(m, PATH_JOB_QUEUE_SERIAL_FILE), *text;
	int64_t serial;

	if (fs_exists(file)) {
		if (site_get(m->a, file, &text, e) < 0)
			return -1;
		if (parse_int(str_strip(m->a, text), &serial) < 0 || serial < 0)
			return err_plain(e, "%s does not hold a number", file);
		if (queue_serial_at_least(d, serial, e) < 0)
			return -1;
	}
	return queue_flag_set(d, "drained", fs_exists(file_in(m, PATH_JOB_QUEUE_DRAIN_FILE)), e);
}

static int fill_queue(struct import *m, struct db *d, struct err *e)
{
	if (db_migrate(d, "queue", queue_schema, queue_schema_n, e) < 0 || db_begin(d, true, e) < 0)
		return -1;
	if (add_jobs(m, d, file_in(m, PATH_QUEUE_DIR), false, e) < 0 || add_archive(m, d, e) < 0 ||
	    add_flags(m, d, e) < 0) {
		db_rollback(d);
		return -1;
	}
	return db_commit(d, e);
}

/* --- the database --- */

/* Live migration by libvirt wants certificates that upstream's clusters have not. */
static void plan_virt(struct import *m, struct snapshot *s)
{
	const struct cluster *c = snap_cluster(s);
	const struct node *n = snap_node(s, c->master_node);

	if (n && !env_virtual() && strs_has(&c->enabled_hypervisors, enum_name(&enum_hypervisor, hypervisor_kvm)) &&
	    !fs_exists(path_of(PATH_VIRT_CA_KEY)))
		m->virt = json_own(m->a, json_pack("{s:s, s:s, s:s, s:b}", "ca_of", c->cluster_name, "name", n->name,
						   "ip", n->primary_ip, "install", 1));
}

static void make_virt(struct import *m)
{
	struct site_aside virt CLEANUP(site_aside_drop) = { 0 };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *nothing CLEANUP(json_putp) = NULL;

	if (m->virt && (site_aside_start(json_ref(m->virt), &virt, &e) < 0 || site_aside_wait(&virt, &nothing, &e) < 0))
		note(m, &m->r->warnings, "No certificates for live migration were made: %s", err_msg(&e));
}

static int fill(struct import *m, struct err *e)
{
	struct config *c CLEANUP(config_closep) = NULL;
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;

	if (config_create(m->tmp, m->data, e) < 0 || config_open(m->tmp, DB_WRITE, &c, e) < 0 ||
	    fill_queue(m, config_db(c), e) < 0)
		return -1;
	if (snapshot_open(c, &s, e) < 0)
		return -1;
	if (at_home(m) && !m->o->dry_run) {
		if (config_ssconf(s, &m->ssconf, e) < 0)
			return -1;
		json_own(m->a, m->ssconf);
		plan_virt(m, s);
	}
	return m->o->no_verify ? 0 : config_verify(s, m->a, &m->r->errors, e);
}

/* The node agent here learns from ssconf whose calls it takes. Owners: the daemons have users of their own. */
static int finish(struct import *m, struct err *e)
{
	if (!m->ssconf)
		return 0;
	make_virt(m);
	return ssconf_write(m->ssconf, false, e) < 0 ? -1 : env_ensure_dirs(e);
}

static void warn_of_instances(struct import *m)
{
	size_t n = 0;

	json_each(json_get(m->data, "instances"), uuid, i) {
		(void)uuid;
		n += str_eq(json_get_str(i, "admin_state"), "up") || json_get_bool(i, "admin_up", false);
	}
	if (n)
		note(m, &m->r->warnings,
		     "%zu instances are marked as up. Those still running under the old daemons are not known to"
		     " the new ones: shut them down with the old version, or end their processes, before the"
		     " daemons start",
		     n);
}

int site_import(const struct site_import *o, struct arena *a, struct site_imported *ret, struct err *e)
{
	struct import m = { .o = o, .r = ret, .a = a };

	*ret = (struct site_imported){ 0 };
	m.db = file_in(&m, PATH_CONFIG_DB);
	m.tmp = arena_printf(a, "%s.import", m.db);
	if (check(&m, e) < 0)
		return -1;
	if (fs_exists(m.db)) {
		ret->already = true;
		return 0;
	}
	if (read_config(&m, e) < 0 || trust_master(&m, e) < 0)
		return -1;
	remove_database(&m, m.tmp);
	if (fill(&m, e) < 0 ||
	    (!o->dry_run && link(m.tmp, m.db) < 0 && err_sys(e, errno, "Can't create %s", m.db) < 0)) {
		remove_database(&m, m.tmp);
		return -1;
	}
	remove_database(&m, m.tmp);
	warn_of_instances(&m);
	return finish(&m, e);
}

/* --- the way back --- */
static int keep_aside(const struct import *m, const char *path, struct err *e)
{
	time_t now = time(NULL);
	struct tm tm;
	char stamp[40];

	strftime(stamp, sizeof(stamp), "%Y-%m-%d_%H_%M_%S", localtime_r(&now, &tm));
	if (rename(path, arena_printf(m->a, "%s.backup-%s.%s", path, stamp, random_hex(m->a, 4))) < 0 && errno != ENOENT)
		return err_sys(e, errno, "Can't rename %s", path);
	return 0;
}

static int export_all(const struct import *m, json **ret, struct err *e)
{
	struct config *c CLEANUP(config_closep) = NULL;
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	int rc;

	/* writing, to bring everything from the log into the file, which is about to be renamed */
	if (config_open(m->db, DB_WRITE, &c, e) < 0)
		return -1;
	rc = snapshot_open(c, &s, e);
	if (rc == 0)
		rc = config_export(s, ret, e);
	snapshot_freep(&s);
	return rc;
}

int site_export_old(const struct site_import *o, struct arena *a, struct site_imported *ret, struct err *e)
{
	struct import m = { .o = o, .r = ret, .a = a };
	json *data CLEANUP(json_putp) = NULL;
	char *text CLEANUP(freep) = NULL;
	const char *file;

	*ret = (struct site_imported){ 0 };
	m.db = file_in(&m, PATH_CONFIG_DB);
	file = file_in(&m, PATH_CONFIG_FILE);
	if (check_master(&m, e) < 0 || check_stopped(&m, e) < 0)
		return -1;
	if (!fs_exists(m.db))
		return err_plain(e, "There is no %s: nothing to go back from", m.db);
	if (export_all(&m, &data, e) < 0 || config_downgrade(data, e) < 0)
		return -1;
	if (o->dry_run)
		return 0;
	text = json_dump(data);
	if (keep_aside(&m, file, e) < 0 || site_put(file, text, 0600, e) < 0 || keep_aside(&m, m.db, e) < 0)
		return -1;
	remove_database(&m, m.db);
	return at_home(&m) ? env_ensure_dirs(e) : 0;
}
