/*
 * Which files of the queue directory have to follow what is about to be committed: a list on disk for the next master,
 * should this one be killed in between. What is done is forgotten, on disk a bit later: when nothing is left, or the
 * list is full.
 */
#include "daemons/masterd/masterd.h"

#include "lib/base/log.h"
#include "lib/base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define NAME "mirror"
#define LIST_MAX (64u << 10) /* of more, all jobs are looked at */

static struct {
	int fd;
	size_t size;
	struct map *left; /* number of a job -> what is not done, enum intent */
} list = { .fd = -1 };

static void reopen(void)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *path = path_in(a, PATH_QUEUE_DIR, NAME);

	closep(&list.fd);
	list.fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (list.fd < 0)
		log_error("Can't open %s: %s", path, strerror(errno));
	else
		list.size = (size_t)lseek(list.fd, 0, SEEK_END);
}

/* What was wanted for each of them is not known. */
int intents_start(void)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	char *text CLEANUP(freep) = NULL;
	int r = fs_read(path_in(a, PATH_QUEUE_DIR, NAME), LIST_MAX + JOB_KEY, &text, NULL);
	struct strs ids = r == 0 ? strs_split(a, text, '\n') : (struct strs){ 0 };
	char buf[JOB_KEY];
	int64_t id;

	list.left = map_new();
	for (size_t i = 0; i < ids.n; i++)
		if (parse_int(ids.v[i], &id) == 0)
			map_put(list.left, job_key(id, buf), (void *)(uintptr_t)(INTENT_WRITE | INTENT_ARCHIVE));
	reopen();
	return r == -ENOENT ? 0 : r;
}

/* Only what is not done: is there room then? */
static bool rewrite(void)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs left = intents_left(a);
	const char *text = strs_join(a, &left, "\n");
	size_t n = strlen(text);

	if (n >= LIST_MAX / 2 || fs_write_atomic(path_in(a, PATH_QUEUE_DIR, NAME), text, n, NULL) < 0)
		return false;
	reopen();
	return list.fd >= 0;
}

bool intents_add(int64_t id, enum intent what)
{
	char text[JOB_KEY + 1] = "\n";
	const char *key = job_key(id, text + 1);
	size_t n = strlen(text);

	if (list.size + n > LIST_MAX && !rewrite())
		return false;
	if (list.fd < 0 || write(list.fd, text, n) != (ssize_t)n)
		return false;
	list.size += n;
	map_put(list.left, key, (void *)((uintptr_t)map_get(list.left, key) | what));
	return true;
}

void intents_done(int64_t id, unsigned what)
{
	char buf[JOB_KEY];
	const char *key = job_key(id, buf);
	uintptr_t left = (uintptr_t)map_get(list.left, key);

	if (left & ~(uintptr_t)what)
		map_put(list.left, key, (void *)(left & ~(uintptr_t)what));
	else if (left)
		map_del(list.left, key);
}

bool intents_has(int64_t id, enum intent what)
{
	char buf[JOB_KEY];

	return (uintptr_t)map_get(list.left, job_key(id, buf)) & what;
}

struct strs intents_left(struct arena *a)
{
	struct strs ret = { 0 };
	const char *id;

	for (size_t pos = 0; map_next(list.left, &pos, &id, NULL);)
		strs_add(a, &ret, arena_strdup(a, id));
	return ret;
}

void intents_forget(void)
{
	map_free(list.left, NULL);
	list.left = map_new();
	if (list.fd < 0)
		reopen();
	if (list.fd < 0)
		return;
	if (ftruncate(list.fd, 0) < 0)
		log_error("Can't empty the list of job files to be written: %s", strerror(errno));
	else
		list.size = 0;
}

void intents_end(void)
{
	closep(&list.fd);
	map_freep(&list.left);
}
