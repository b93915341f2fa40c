#include "lib/sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The value of the line "NAME: 123 kB" in whole MiB, or -1. */
static int64_t mem_line(const char *text, const char *name)
{
	size_t n = strlen(name);
	long long kb;

	for (const char *p = text; *p; p = *p ? p + 1 : p) {
		if (strncmp(p, name, n) == 0 && p[n] == ':' && sscanf(p + n + 1, "%lld", &kb) == 1)
			return kb / 1024;
		p = strchrnul(p, '\n');
	}
	return -1;
}

int proc_meminfo(struct meminfo *ret)
{
	/* each one rounded down before they are summed, as upstream does */
	static const char *const free_parts[] = { "MemFree", "Buffers", "Cached" };
	char *text CLEANUP(freep) = NULL;
	struct meminfo m = { 0 };
	int r = fs_read("/proc/meminfo", 1 << 20, &text, NULL);

	if (r < 0)
		return r;
	m.total_mib = mem_line(text, "MemTotal");
	if (m.total_mib < 0)
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(free_parts); i++) {
		int64_t v = mem_line(text, free_parts[i]);

		if (v < 0)
			return -EBADMSG;
		m.free_mib += v;
	}
	*ret = m;
	return 0;
}

int proc_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (int)n : 1;
}

int proc_start_time(pid_t pid, int64_t *ret)
{
	char path[40], *text CLEANUP(freep) = NULL, state;
	long long start;
	const char *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (fs_read(path, 4096, &text, NULL) < 0)
		return -ESRCH;
	p = strrchr(text, ')'); /* the name may hold anything */
	if (!p || sscanf(p + 1,
			 " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
			 " %*s %lld",
			 &state, &start) != 2)
		return -EBADMSG;
	if (state == 'Z' || state == 'X')
		return -ESRCH;
	*ret = start;
	return 0;
}

char *proc_boot_id(struct arena *a)
{
	char *text CLEANUP(freep) = NULL;

	if (fs_read("/proc/sys/kernel/random/boot_id", 128, &text, NULL) < 0)
		return arena_strdup(a, "");
	text[strcspn(text, "\n")] = '\0';
	return arena_strdup(a, text);
}
