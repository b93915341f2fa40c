#include "lib/sys/sys.h"

#include <string.h>

#include <errno.h>
#include <sys/random.h>

int random_bytes(void *buf, size_t n)
{
	char *p = buf;

	while (n) {
		ssize_t k = getrandom(p, n, 0);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

/* A machine that cannot give random bytes must not go on with predictable ones. */
static void must_random(void *buf, size_t n)
{
	if (random_bytes(buf, n) < 0)
		abort();
}

static char *hex(char *to, const unsigned char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*to++ = digits[p[i] >> 4];
		*to++ = digits[p[i] & 15];
	}
	return to;
}

char *uuid_new(struct arena *a)
{
	unsigned char b[16];
	char *s = arena_alloc(a, 37), *p = s;

	must_random(b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* version 4 */
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	p = hex(p, b, 4);
	*p++ = '-';
	p = hex(p, b + 4, 2);
	*p++ = '-';
	p = hex(p, b + 6, 2);
	*p++ = '-';
	p = hex(p, b + 8, 2);
	*p++ = '-';
	hex(p, b + 10, 6);
	return s;
}

bool uuid_ok(const char *s)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (strlen(s) != strlen(form))
		return false;
	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'x' ? !strchr("0123456789abcdef", s[i]) : s[i] != '-')
			return false;
	return true;
}

char *random_hex(struct arena *a, size_t bytes)
{
	unsigned char *b = arena_alloc(a, bytes);
	char *s = arena_alloc(a, 2 * bytes + 1);

	must_random(b, bytes);
	hex(s, b, bytes);
	return s;
}
