#include "lib/base/log.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static struct {
	char *program, *file, *context;
	int fd;
	dev_t dev; /* of the open file */
	ino_t ino;
	bool to_stderr, to_syslog;
	enum log_level level;
} the = { .fd = -1, .to_stderr = true, .level = LOG_LEVEL_INFO };

int log_reopen(void)
{
	struct stat st;
	int fd;

	if (!the.file)
		return 0;
	if (the.fd >= 0 && stat(the.file, &st) == 0 && st.st_dev == the.dev && st.st_ino == the.ino)
		return 0;
	fd = open(the.file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	closep(&the.fd);
	the.fd = fd;
	if (fstat(fd, &st) == 0) {
		the.dev = st.st_dev;
		the.ino = st.st_ino;
	}
	return 0;
}

int log_open(const char *program, const char *file, bool also_stderr)
{
	free(the.program);
	free(the.file);
	the.program = xstrdup(program);
	the.file = file ? xstrdup(file) : NULL;
	the.to_stderr = also_stderr;
	return log_reopen();
}

void log_to_syslog(void)
{
	openlog(the.program ? the.program : "ganeti", LOG_PID, LOG_DAEMON);
	the.to_syslog = true;
}

void log_set_level(enum log_level level)
{
	the.level = level;
}

enum log_level log_get_level(void)
{
	return the.level;
}

void log_set_context(const char *text)
{
	free(the.context);
	the.context = text ? xstrdup(text) : NULL;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = { "DEBUG", "INFO", "WARNING", "ERROR" };
	static const int priorities[] = { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR };
	double now = clock_real();
	time_t secs = (time_t)now;
	struct tm tm;
	char stamp[32], *text, *line;
	va_list ap;
	int saved = errno, n;

	if (level < the.level)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' && *p != '\t')
			*p = ' '; /* one event, one line; no escape sequences in logs */
	localtime_r(&secs, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", &tm);
	line = xasprintf("%s,%03d: %s pid=%d%s%s %s %s\n", stamp, (int)((now - (double)secs) * 1000),
			 the.program ? the.program : "ganeti", (int)getpid(),
			 the.context ? " " : "", the.context ? the.context : "", names[level],
			 text);
	n = (int)strlen(line);
	if (the.fd >= 0)
		(void)!write(the.fd, line, (size_t)n);
	if (the.to_stderr)
		(void)!write(2, line, (size_t)n);
	if (the.to_syslog)
		syslog(priorities[level], "%s%s%s", the.context ? the.context : "",
		       the.context ? " " : "", text);
	free(line);
	free(text);
	errno = saved;
}
