/* Text as roff. Everything that roff or a reader's copy and paste could take for something else is escaped. */
#include "cli/tools/dump.h"

#include <ctype.h>
#include <string.h>

#define WIDTH 78 /* of lines in the source; roff fills them again */

static void add_char(struct str *out, char c)
{
	if (c == '\\')
		str_add(out, "\\e");
	else if (c == '-')
		str_add(out, "\\-"); /* a plain one becomes a hyphen nobody can type */
	else if (c == '"')
		str_add(out, "\\(dq");
	else if (c == '\'')
		str_add(out, "\\(aq");
	else if (c == '^')
		str_add(out, "\\(ha");
	else if (c == '~')
		str_add(out, "\\(ti");
	else if (c == '`')
		str_add(out, "\\(ga");
	else
		str_addc(out, c);
}

static void add(struct str *out, const char *text)
{
	if (*text == '.')
		str_add(out, "\\&"); /* not a request */
	for (; *text; text++)
		add_char(out, *text);
}

void roff_text(struct str *out, const char *text)
{
	add(out, text);
	str_addc(out, '\n');
}

void roff_sentence(struct str *out, const char *doc)
{
	add(out, doc);
	str_add(out, str_ends(doc, ".") ? "\n" : ".\n");
}

void roff_line(struct str *out, const char *line)
{
	roff_text(out, *line ? line : " ");
}

void roff_code(struct str *out, const char *text)
{
	str_add(out, "\\fB\\%"); /* never hyphenated */
	for (; *text; text++) {
		add_char(out, *text);
		if (*text == ' ')
			str_add(out, "\\%");
	}
	str_add(out, "\\fR");
}

static bool part_of_option(char c)
{
	return isalnum((unsigned char)c) || c == '-';
}

void roff_usage(struct str *out, const char *usage)
{
	const char *p = usage;

	while (*p) {
		const char *end = *p == '<' ? strchr(p, '>') : NULL;
		bool start = p == usage || strchr(" [{(|", p[-1]);

		if (end) {
			str_add(out, "\\fI");
			for (p++; p < end; p++)
				add_char(out, *p);
			str_add(out, "\\fR");
			p++;
		} else if (*p == '-' && start) {
			str_add(out, "\\fB");
			for (; part_of_option(*p); p++)
				add_char(out, *p);
			str_add(out, "\\fR");
		} else {
			add_char(out, *p++);
		}
	}
}

/* The last space of LINE that leaves less than WIDTH before it, else the first one behind. */
static size_t fold_at(const char *line, size_t n)
{
	size_t at = 0;

	for (size_t i = 1; i < n; i++)
		if (line[i] == ' ' && line[i - 1] != ' ' && (i < WIDTH || !at))
			at = i;
	return at;
}

/* KEEP: the line must stay one (tags, examples), so its pieces are joined by backslashes. */
static void fold_line(struct str *out, const char *line, size_t n, bool keep)
{
	size_t at;

	while (n > WIDTH && (at = fold_at(line, n))) {
		str_addn(out, line, at + keep);
		str_add(out, keep ? "\\\n" : "\n");
		line += at + 1;
		n -= at + 1;
		if (!keep && (*line == '.' || *line == '\''))
			str_add(out, "\\&");
	}
	str_addn(out, line, n);
	str_addc(out, '\n');
}

void roff_fold(struct str *page)
{
	struct str out = { 0 };
	bool tag = false, example = false;

	for (const char *line = str_get(page); *line;) {
		size_t n = strcspn(line, "\n");
		bool macro = *line == '.';

		if (strncmp(line, ".E", 2) == 0)
			example = line[2] == 'X';
		if (macro)
			str_addf(&out, "%.*s\n", (int)n, line);
		else
			fold_line(&out, line, n, tag || example);
		tag = strncmp(line, ".TP", 3) == 0;
		line += n + (line[n] == '\n');
	}
	str_free(page);
	*page = out;
}
