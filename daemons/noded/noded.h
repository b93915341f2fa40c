/* ganeti-noded: who may call (TLS), what is called (HTTP), and workers that do it. */
#ifndef DAEMONS_NODED_NODED_H
#define DAEMONS_NODED_NODED_H
#include "src/rpc/rpc.h"

#define NODED_BODY_MAX (64u << 20)
#define NODED_MESSAGE_MAX (256u << 20)

struct noded {
	struct ev *ev;
	bool ssl;
	const char *cert_file;  /* accepted as client certificate while there is no list of others */
	double max_time;        /* limit for every call, 0 = each row's own */
	struct tls_ctx *tls;
	struct http_server *server;
	struct pool *quick;     /* calls that must be answered soon */
	struct pool *slow;      /* all others: they never keep a quick one waiting */
	struct pool *in_order;  /* one process, for calls that must not overtake each other */
	struct call *calls;     /* without an answer */
	size_t busy;            /* that many */
	struct call *leaving;   /* to leave the cluster: waits for those under way, others are refused */
	struct ev_timer *leave; /* but not longer than this */
	struct ev_timer *quit;  /* the node left its cluster */
};

/* --- serve.c --- */
void noded_pools(struct noded *n, int max_workers);
void noded_handle(struct http_req *r, void *noded);
void noded_end(struct noded *n); /* with all that is under way */

/* --- access.c --- */
/* May the owner of the certificate DIGEST call? */
bool noded_may_call(struct arena *a, const char *cert_file, const char *digest);

#endif
