/*
 * The node's own surroundings: file locations (prefix aware), ssconf, users.
 * Virtual cluster: GANETI_ROOTDIR is put before every path except those of programs, and
 * GANETI_HOSTNAME names the node. There, and only there, GANETI_LIBDIR stands for PKGLIBDIR, so that
 * tests find the programs of a build that is not installed.
 */
#ifndef SRC_ENV_ENV_H
#define SRC_ENV_ENV_H
#include "lib/sys/sys.h"
#include "src/schema/schema.h"

/* --- paths.c: rows in src/env/paths.def, PATH(ID, "default location", attributes) --- */
enum path {
#define PATH(id, location, ...) PATH_##id,
#include "src/env/paths.def"
#undef PATH
	PATH_COUNT
};
const char *path_of(enum path id); /* with the virtual root; lives as long as that stays the same */
char *path_in(struct arena *a, enum path dir, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));            /* DIR/<fmt> */
bool env_virtual(void);                                   /* inside a virtual cluster? */
const char *env_hostname(void);                           /* full name of this node */
/* With and without the virtual root: what is stored in configs has none. */
char *env_add_root(struct arena *a, const char *path);
char *env_strip_root(struct arena *a, const char *path);
const char *env_hosts_file(void); /* for resolve_name(): virtual root's etc/hosts or NULL */
/* virtual.c: environment for our own programs: run_clean_env() and what makes a virtual cluster. */
const char *const *env_of_programs(struct arena *a);
/* The same on another node of the virtual cluster: their directories are neighbours. */
const char *const *env_of_node(struct arena *a, const char *name);
/* dirs.c: create/repair all directories and file modes (upstream's ensure-dirs). Without root,
 * owners are left alone. */
int env_ensure_dirs(struct err *e);

/* --- daemon.c --- */
/* The options of daemon NAME (rows of daemons.def) in the arena: -1, go on. Otherwise the exit code: help
 * or version were printed, or what is wrong. */
int env_daemon_options(const char *name, int argc, char **argv, struct arena *a, json **ret);
void env_daemon_opts(const json *options, struct daemon_opts *d); /* what daemon_start() wants to know */
/* Where to listen by --bind and --interface; NULL = everywhere. The nodes of a virtual cluster share one
 * machine, so each listens on its own address only. */
int env_bind_address(struct arena *a, const json *options, const char **ret, struct err *e);

/* --- users.c --- */
enum daemon_user { USER_ROOT, USER_MASTERD, USER_CONFD, USER_RAPI, USER_METAD, GROUP_DAEMONS, GROUP_ADMIN };
/* "gnt-masterd", or "root" without a prefix. In a virtual cluster without root: the user we are. */
const char *env_user(enum daemon_user u);
const char *env_group(enum daemon_user u); /* there NULL: the user's own */

/* --- ssconf.c: rows SSCONF(id) in src/env/ssconf.def; a file holds the value and a newline --- */
enum ssconf {
#define SSCONF(id, ...) SSCONF_##id,
#include "src/env/ssconf.def"
#undef SSCONF
	SSCONF_COUNT
};
const char *ssconf_name(enum ssconf id); /* "master_node" */
int ssconf_find(const char *name);
/* Text without the final newline; a missing file fails with ConfigurationError. */
int ssconf_read(struct arena *a, enum ssconf id, const char **ret, struct err *e);
int ssconf_read_lines(struct arena *a, enum ssconf id, struct strs *ret, struct err *e);
/* VALUES: dict of name to text. Written under the ssconf lock; files that say the same already are
 * left alone. DRY_RUN checks names and sizes only. */
int ssconf_write(const json *values, bool dry_run, struct err *e);
/* Common look-ups. */
int ssconf_master(struct arena *a, const char **ret_name, const char **ret_my_name, struct err *e);
/* Not on the master: an error with the text upstream's tools print; *RET_EXIT (may be NULL) is
 * EXIT_NOTCLUSTER or EXIT_NOTMASTER, for daemons (tools exit with 1). */
int ssconf_check_master(int *ret_exit, struct err *e);

/* --- sshkeys.c: logins between nodes --- */
const char *sshkeys_authorized_file(struct arena *a); /* root's authorized_keys */
/* Let the owners of the public KEYS log in as root, or not any more. Other lines stay. */
int sshkeys_authorize(const struct strs *keys, bool allowed, struct err *e);
/* The public keys of all nodes: dict of node UUID to list of keys; empty without the file. Those who
 * change them take the lock first (an fd, to be closed). */
int sshkeys_lock(struct err *e);
int sshkeys_read(struct arena *a, json **ret, struct err *e);
int sshkeys_write(const json *keys, struct err *e);

#endif
