/* Shared inside src/queue. */
#ifndef SRC_QUEUE_PRIV_H
#define SRC_QUEUE_PRIV_H
#include "src/queue/queue.h"

json *job_input_stored(const json *op); /* what may be written to disk, new reference */
bool job_input_lost(const json *op);    /* did storing take something away? */
/* A column of JSON, arena-owned; NULL where there is none. */
int queue_column(struct arena *a, struct db_stmt *s, int col, json **ret, struct err *e);

#endif
