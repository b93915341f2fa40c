/* Names of hosts and instances, and short forms of them. */
#include "src/model/model.h"

#include <string.h>
#include <strings.h>

#define NAME_MAX_LEN 255

/* Upstream: utils.MatchNameComponent without regard to case. */
int name_match(const struct strs *names, const char *name)
{
	size_t n = strlen(name);
	int found = -1, equal = -1;
	bool many = false, many_equal = false;

	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->v[i], name) == 0)
			return (int)i;
	for (size_t i = 0; i < names->n; i++) {
		const char *s = names->v[i];

		if (strncasecmp(s, name, n) != 0 || (s[n] && s[n] != '.'))
			continue;
		many |= found >= 0;
		found = (int)i;
		if (!s[n]) {
			many_equal |= equal >= 0;
			equal = (int)i;
		}
	}
	if (equal >= 0 && !many_equal)
		return equal;
	return many ? -2 : found;
}

int name_normalize(struct arena *a, const char *name, const char **ret, struct err *e)
{
	char *s = str_lower(a, name);
	size_t n = strlen(s);

	if (!n || n > NAME_MAX_LEN ||
	    strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._-") != n || strstr(s, "..") ||
	    *s == '.')
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid hostname '%s'", s);
	if (s[n - 1] == '.')
		s[n - 1] = '\0';
	*ret = s;
	return 0;
}
