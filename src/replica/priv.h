/* Shared inside src/replica. */
#ifndef SRC_REPLICA_PRIV_H
#define SRC_REPLICA_PRIV_H
#include "src/replica/replica.h"

#define LOG_ROWS 10000         /* entries kept, about */
#define LOG_BYTES (32 << 20)   /* and bytes in all */
#define LOG_ROUND 64           /* older ones are removed after that many */

#endif
