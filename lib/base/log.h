/* Logging with upstream's line format: "2026-01-02 03:04:05,678: program pid=123 INFO text". */
#ifndef LIB_BASE_LOG_H
#define LIB_BASE_LOG_H
#include "lib/base/mem.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/*
 * Open the log. FILE may be NULL (then only stderr, if asked for). The file is
 * reopened by log_reopen() (SIGHUP). Returns 0 or -errno.
 */
int log_open(const char *program, const char *file, bool also_stderr);
int log_reopen(void);
void log_to_syslog(void); /* from now on, besides the file */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* Text put after the pid on each line, e.g. "job 12"; NULL = none. Copied. */
void log_set_context(const char *text);

void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...)                                              \
	do {                                                        \
		if (log_get_level() == LOG_LEVEL_DEBUG)             \
			log_write(LOG_LEVEL_DEBUG, __VA_ARGS__);    \
	} while (0)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
