/*
 * The master's database on other nodes: a log of changesets in the database itself, applied in order to
 * copies of it, and whole copies for those that can't follow. Used by the master, its replica worker and the
 * node agent; no network here. Guarantees and invariants: see README.
 */
#ifndef SRC_REPLICA_REPLICA_H
#define SRC_REPLICA_REPLICA_H
#include "lib/db/db.h"
#include "lib/json/json.h"

/* The place of an entry in the log: its number, and the term of the master that wrote it. */
struct replica_pos {
	int64_t term, serial;
};
/* Which of two is the newer one: < 0, 0, > 0. */
int replica_cmp(struct replica_pos a, struct replica_pos b);

/*
 * A candidate's copy is never newer than the database of its master, which is on disk first: if it is, the
 * database has lost something. (What a forced master left behind is of an earlier term.)
 */
struct replica_state;
bool replica_lacks(const struct replica_state *mine, struct replica_pos copy);

struct replica_state {
	int64_t term;            /* of the master this database belongs to */
	struct replica_pos last; /* the newest entry */
	struct replica_pos base; /* the last one that is not kept */
	int64_t bytes;           /* of all that are kept */
	bool columns;            /* tables have those for digests: not so in copies of an older version */
	bool has_digest;
	uint64_t digest;         /* of all rows that are logged */
	int64_t seal;            /* digest of these numbers */
};

struct replica_entry {
	struct replica_pos pos;
	const void *changes;
	size_t n;
	bool has_digest;
	uint64_t digest; /* of all rows afterwards */
};

/* --- log.c: the master's end --- */
/*
 * Tables of the log; to be called when all other parts of the database are up to date. Whoever follows a
 * database whose tables were changed by that needs a whole copy: the log starts anew then.
 */
int replica_init(struct db *d, struct err *e);
/* 1, 0 = not a database with a log, -1 */
int replica_read(struct db *d, struct replica_state *ret, struct err *e);
/*
 * At the start of each write transaction, and right before its commit: the log gets an entry unless nothing
 * was changed. RET, in A: that entry, or only where the newest one is. After a rollback: replica_forget().
 */
void replica_begin(struct db *d);
int replica_end(struct db *d, struct arena *a, struct replica_entry *ret, struct err *e);
void replica_forget(struct db *d);
/*
 * Is everything what was written? Reads all; errors say what is wrong, which is noted as damage (db_found_damage()).
 * A database of an older version, without a digest, passes; it gets one by replica_init().
 */
int replica_verify(struct db *d, struct err *e);
/* Begin to act in TERM (not below the present one). A transaction of its own. */
int replica_set_term(struct db *d, int64_t term, struct err *e);
/* What the administrator should know about the copies, a list of texts; not part of any copy. */
int replica_note(struct db *d, const json *status, struct err *e);
int replica_notes(struct db *d, struct arena *a, json **ret, struct err *e); /* arena */

/* --- log.c: following --- */
/*
 * Entries after AFTER, at most MAX and about BYTES of them, in the arena. 1 = found (maybe none: AFTER is the
 * newest), 0 = the log does not go back that far, or its entry AFTER is of another term; -1.
 */
int replica_entries(struct db *d, struct arena *a, struct replica_pos after, size_t max, size_t bytes,
		    struct replica_entry **ret, size_t *ret_n, struct err *e);
/*
 * Apply entries that follow AFTER in one transaction. 1 = done, on disk; 0 = this copy is at another place
 * (RET says where) and nothing was done; 2 = it differs from the master's, E says how; -1. RET: where it is.
 */
int replica_apply(struct db *d, struct replica_pos after, const struct replica_entry *v, size_t n,
		  struct replica_pos *ret, struct err *e);

/* The arguments of the call that brings entries to a candidate. */
json *replica_append_args(struct arena *a, struct replica_pos after, const struct replica_entry *v, size_t n);

/* --- copy.c: whole copies, in chunks --- */
/*
 * A chunk of a copy that is being received beside the database at PATH. OFFSET 0 starts anew; any other has to
 * be where the last one ended. With DIGEST (SHA-1 of all, as hex), it was the last one: the copy is checked and
 * replaces the database. The caller has closed the old one; OWNER and GROUP -1 = as they are.
 */
int replica_receive(const char *path, int64_t offset, const void *data, size_t n, const char *digest,
		    uid_t owner, gid_t group, struct err *e);
/* A consistent copy of D for sending, at FILE. RET: where it stands. */
int replica_copy(struct db *d, const char *file, struct replica_pos *ret, char **ret_digest, int64_t *ret_size,
		 struct err *e);
/* Remove the copy at PATH, and what is left of one that was being made or received there. */
void replica_copy_drop(const char *path);

/* --- term.c: what every node keeps of the newest term it has heard of --- */
struct replica_term {
	int64_t term;       /* 0 = of none */
	const char *master; /* in that term; arena */
};
int replica_term_read(struct arena *a, const char *path, struct replica_term *ret, struct err *e);
int replica_term_write(const char *path, const struct replica_term *t, struct err *e); /* on disk when it returns */
/* "<term> <master>", as in the file and in the header of calls. 0 or -1 */
int replica_term_parse(struct arena *a, const char *text, struct replica_term *ret);

#endif
