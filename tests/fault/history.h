/*
 * Histories: what clients did to a master, what they were told, and whether all that is true in the
 * end. A history is a file with a JSON dict a line:
 *
 *	{"n": "3.17", "do": "tags", ...}      about to be asked for; n is unique, "client.number"
 *	{"n": "3.17", "ack": [12]}            acknowledged: numbers of jobs, or another answer
 *	{"n": "3.17", "end": [12, "success"]} the end of a job, as the client was told
 *	{"n": "3.17", "lost": "..."}          the connection broke: it may have happened or not
 *	{"n": "3.17", "refused": "..."}       an error: it must not have happened
 *	{"n": "3.17", "wrong": "..."}         the client itself saw something that must not be
 *
 * Clients that come later have higher numbers. Each opcode carries its operation's n in its reason
 * trail, so that jobs are found whose number nobody was told.
 */
#ifndef TESTS_FAULT_HISTORY_H
#define TESTS_FAULT_HISTORY_H
#include "src/client/client.h"

#define MARK "history" /* source in reason trails */
#define TAG_PREFIX "hist."

/* Client NUMBER works until FOLDER/stop exists and appends to FOLDER/NUMBER.history (six digits). */
int load(const char *folder, int number, int64_t seed);
/* All histories of FOLDER against the master and its files; 0 = everything is right. */
int check(const char *folder, bool job_files);

bool job_is_final(const char *status);

#endif
