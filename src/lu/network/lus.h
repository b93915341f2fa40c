/* Shared by the units of networks. */
#ifndef SRC_LU_NETWORK_LUS_H
#define SRC_LU_NETWORK_LUS_H
#include "src/lu/lu.h"

/* --- network.c --- */
/* The variables of network hooks: those of N that are set (upstream: _BuildNetworkHookEnv). */
void network_hook_env(const struct network *n, json *env);

/* --- pool.c: addresses set aside for others than instances, as bits of the object. AddressPoolError's texts, plain. --- */
bool pool_is_used(const struct network *n, const char *ip); /* by an instance */
/* Set aside, or not any more. */
int pool_reserve(struct luctx *lu, struct network *n, const char *ip, struct err *e);
int pool_release(struct luctx *lu, struct network *n, const char *ip, struct err *e);
/* Gateways are in their networks. */
int pool_check_gateways(const struct network *n, struct err *e);

#endif
