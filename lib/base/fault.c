/* Fault points: what is armed, and what happens then. */
#include "lib/base/fault.h"

#include "lib/base/log.h"
#include "lib/base/parse.h"
#include "lib/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ACTION_MAX 64
#define FOLDER_VARIABLE "GANETI_FAULTS"

enum what { OFF, FAIL, CRASH, STOP, DELAY, SKEW, WHATS };
static const char *const whats[WHATS] = { "off", "fail", "crash", "stop", "delay", "skew" };

struct action {
	enum what what;
	double arg;
	int64_t nth; /* time it happens; 0 = always */
	bool elsewhere; /* it is another program's */
};

static struct point {
	const char *name, *programs, *doc;
	bool can_fail;
	uint64_t hits;
	char text[ACTION_MAX]; /* armed here with that, or empty */
	uint64_t armed_at;     /* hits by then */
} points[FAULTS] = {
#define FAULT_POINT(name, programs, can_fail, doc) { #name, programs, doc, can_fail, 0, "", 0 },
#include "lib/base/fault.def"
#undef FAULT_POINT
};

bool fault_enabled(void)
{
#ifdef ENABLE_FAULT
	return true;
#else
	return false;
#endif
}

/* "crash", "fail always", "delay 0.5 @2" */
static int parse(const char *text, struct action *ret)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs words = strs_split(a, str_strip(a, text), ' ');
	struct action out = { .nth = 1 };
	size_t i = 1;
	int k = 0;

	while (k < WHATS && !str_eq(whats[k], words.v[0]))
		k++;
	if (k == WHATS)
		return -1;
	out.what = (enum what)k;
	if ((k == DELAY || k == SKEW) && (words.n < 2 || parse_float(words.v[i++], &out.arg) < 0))
		return -1;
	if (k == SKEW)
		out.nth = 0;
	for (; i < words.n; i++) {
		if (str_eq(words.v[i], "always"))
			out.nth = 0;
		else if (str_eq(words.v[i], "in") && i + 1 < words.n)
			out.elsewhere = !str_eq(words.v[++i], program_invocation_short_name);
		else if (words.v[i][0] != '@' || parse_int(words.v[i] + 1, &out.nth) < 0 || out.nth < 1)
			return -1;
	}
	*ret = out;
	return 0;
}

static bool act(const struct point *p, const struct action *a)
{
	struct timespec t = { (time_t)a->arg, (long)((a->arg - (double)(time_t)a->arg) * 1e9) };

	switch (a->what) {
	case FAIL:
		log_warn("Fault point %s: fails", p->name);
		return true;
	case CRASH:
		log_warn("Fault point %s: crash", p->name);
		kill(getpid(), SIGKILL);
		return true;
	case STOP:
		log_warn("Fault point %s: stop", p->name);
		kill(getpid(), SIGSTOP);
		return false;
	case DELAY:
		nanosleep(&t, NULL);
		return false;
	default:
		return false;
	}
}

/* --- armed by a file --- */
static int folder(void)
{
	static int fd = -2;
	const char *path;

	if (fd == -2) {
		path = getenv(FOLDER_VARIABLE);
		fd = path && *path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	}
	return fd;
}

static int read_file(const char *name, struct action *ret)
{
	int fd CLEANUP(closep) = openat(folder(), name, O_RDONLY | O_CLOEXEC);
	char buf[ACTION_MAX] = "";

	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) <= 0)
		return -1;
	buf[strcspn(buf, "\n")] = '\0';
	return parse(buf, ret);
}

/* Which time this is, counted by all processes together: a byte each in a file. */
static int64_t ordinal(const char *name)
{
	char *file CLEANUP(freep) = xasprintf("%s.hits", name);
	int fd CLEANUP(closep) =
		openat(folder(), file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, "+", 1) != 1)
		return 0;
	return lseek(fd, 0, SEEK_CUR);
}

static bool hit_by_file(const struct point *p)
{
	struct action a;
	int64_t n;

	if (folder() < 0 || read_file(p->name, &a) < 0 || a.what == SKEW ||
	    a.elsewhere)
		return false;
	n = ordinal(p->name);
	if (a.nth && (n != a.nth || unlinkat(folder(), p->name, 0) < 0))
		return false;
	return act(p, &a);
}

/* --- --- */
bool fault_hit(enum fault f)
{
	struct point *p = &points[f];
	struct action a;

	p->hits++;
	if (!p->text[0])
		return hit_by_file(p);
	if (parse(p->text, &a) < 0 || a.what == SKEW || a.elsewhere ||
	    (a.nth && p->hits - p->armed_at != (uint64_t)a.nth))
		return false;
	if (a.nth)
		p->text[0] = '\0';
	return act(p, &a);
}

double fault_skew(void)
{
	const struct point *p = &points[FAULT_clock];
	struct action a;

	if (p->text[0])
		return parse(p->text, &a) == 0 && a.what == SKEW ? a.arg : 0;
	return folder() >= 0 && read_file(p->name, &a) == 0 && a.what == SKEW ? a.arg : 0;
}

void fault_info(enum fault f, struct fault_info *ret)
{
	const struct point *p = &points[f];

	*ret = (struct fault_info){ p->name, p->programs, p->doc,
				    p->can_fail, p->hits, p->text[0] ? p->text : NULL };
}

int fault_arm(const char *name, const char *action, struct err *e)
{
	struct action a;
	size_t i = 0;

	while (i < FAULTS && !str_eq(points[i].name, name))
		i++;
	if (i == FAULTS)
		return err_plain(e, "There is no fault point '%s'", name ? name : "");
	if (!action || strlen(action) >= ACTION_MAX || parse(action, &a) < 0)
		return err_plain(e, "Actions: off, fail, crash, stop, delay SECONDS, skew SECONDS;"
				    " with @N or always");
	if (a.what == FAIL && !points[i].can_fail)
		return err_plain(e, "Fault point '%s' can't fail", name);
	snprintf(points[i].text, sizeof(points[i].text), "%s", a.what == OFF ? "" : action);
	points[i].armed_at = points[i].hits;
	return 0;
}
