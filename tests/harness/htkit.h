/*
 * Invented clusters. Traits:
 *	drbd        only DRBD instances            shared      only shared storage
 *	uniform     equal nodes, few sizes         skewed      few nodes carry most instances
 *	tags        exclusion tags                 locations   failure domains, desired locations, migration tags
 *	offline     some nodes are offline         full        little is left free
 *	spindles    exclusive storage              forthcoming some instances are forthcoming
 *	groups=N    node groups                    tight       a narrow policy
 *	standby     every fourth node is down and may come up
 *	bandwidth   networks of different speed
 *	pools       instances apart and together (with locations, by their domains too)
 *	soft        what pools say is a matter of the score
 *	overcommit  memory is promised one and a half times
 */
#ifndef TESTS_HARNESS_HTKIT_H
#define TESTS_HARNESS_HTKIT_H
#include "lib/base/str.h"

#define HTKIT_NODES_MAX 20000
#define HTKIT_INSTS_MAX 200000

/* NODES 0: size and traits are drawn from the seed too. TRAITS may be NULL. */
void htkit_cluster(struct str *ret, uint64_t seed, int nodes, int insts, const struct strs *traits);

#endif
