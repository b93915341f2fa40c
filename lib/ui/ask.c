/* Questions to the person at the terminal. */
#include "lib/ui/ui.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define QUESTION_WIDTH 70

bool ui_color(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

static void print_question(FILE *tty, const char *text, const struct ui_choice *choices, size_t n)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs lines = strs_split(a, text, '\n');

	for (size_t i = 0; i < lines.n; i++) {
		struct str s CLEANUP(str_free) = { 0 };

		if (*lines.v[i] == ' ') /* lists keep their layout */
			str_add(&s, lines.v[i]);
		else
			ui_wrap(&s, lines.v[i], QUESTION_WIDTH, 0);
		fprintf(tty, "%s\n", str_get(&s));
	}
	for (size_t i = 0; i < n; i++)
		fprintf(tty, i + 1 < n ? "%s/" : "[%s]/?: ", choices[i].key);
	fflush(tty);
}

size_t ui_ask(const char *text, const struct ui_choice *choices, size_t n)
{
	FILE *tty = fopen("/dev/tty", "r+e");
	struct arena *a CLEANUP(arena_freep) = arena_new();
	size_t answer = n - 1;
	char line[64];

	if (!tty)
		return answer;
	for (;;) {
		const char *word;
		size_t i;

		print_question(tty, text, choices, n);
		if (!fgets(line, sizeof(line), tty))
			break;
		word = str_lower(a, str_strip(a, line));
		for (i = 0; i < n; i++)
			if (strcmp(choices[i].key, word) == 0)
				break;
		if (i < n) {
			answer = i;
			break;
		}
		if (strcmp(word, "?") != 0)
			continue;
		for (i = 0; i < n; i++)
			fprintf(tty, " %s - %s\n", choices[i].key, choices[i].doc);
		fputc('\n', tty);
	}
	fclose(tty);
	return answer;
}

bool ui_confirm(const char *text)
{
	static const struct ui_choice yes_no[] = {
		{ "y", "Perform the operation" },
		{ "n", "Do not perform the operation" },
	};

	return ui_ask(text, yes_no, ARRAY_SIZE(yes_no)) == 0;
}

const char *ui_nearest(const char *word, const struct strs *names)
{
	/* one slip in three letters */
	size_t best = strlen(word) / 3 + 1;
	const char *found = NULL;

	for (size_t i = 0; i < names->n; i++) {
		size_t d = str_distance(word, names->v[i]);

		if (d < best) {
			best = d;
			found = names->v[i];
		}
	}
	/* or the beginning of just one */
	for (size_t i = 0; !found && i < names->n; i++)
		if (*word && str_starts(names->v[i], word)) {
			for (size_t k = i + 1; k < names->n; k++)
				if (str_starts(names->v[k], word))
					return NULL;
			return names->v[i];
		}
	return found;
}
