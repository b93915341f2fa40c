/* What a tag may look like. */
#include "src/model/model.h"

#include <ctype.h>
#include <string.h>

/* The next character of valid UTF-8 text. */
static unsigned next_char(const char **p)
{
	const unsigned char *s = (const unsigned char *)*p;
	unsigned c = *s++;
	int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

	if (more)
		c &= 0x3fu >> more;
	for (; more && *s; more--)
		c = c << 6 | (*s++ & 0x3f);
	*p = (const char *)s;
	return c;
}

/* Upstream: [\w.+*\/:@-]. Letters of other scripts count; punctuation, symbols and spaces do not. */
static bool allowed(unsigned c)
{
	if (c < 0x80)
		return isalnum((int)c) || strchr("_.+*/:@-", (int)c);
	return c >= 0xc0 && c != 0xd7 && c != 0xf7 && (c < 0x2000 || c > 0x2bff) &&
	       (c < 0x3000 || c > 0x303f) && (c < 0xd800 || c > 0xf8ff) && c < 0xfff0;
}

int tag_check(const char *tag, struct err *e)
{
	size_t n = 0;
	bool ok = true;

	for (const char *p = tag; *p; n++)
		ok &= allowed(next_char(&p));
	if (n > MAX_TAG_LEN)
		return err_set(e, TagError, NULL, "Tag too long (>%d characters)", MAX_TAG_LEN);
	if (!n)
		return err_set(e, TagError, NULL, "Tags cannot be empty");
	if (!ok)
		return err_set(e, TagError, NULL, "Tag contains invalid characters");
	return 0;
}
