/* list-tags, add-tags, remove-tags of every kind of object. */
#include "cli/common/common.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TAGS_FILE_MAX (16u << 20)

/* The first argument names the object, except for the cluster's own tags. */
static const char *take_name(struct cli *c)
{
	const char *name;

	if (strcmp(c->cmd->what, "cluster") == 0 || !c->args.n)
		return "";
	name = c->args.v[0];
	c->args.v++;
	c->args.n--;
	return name;
}

static int read_stdin(char **ret, struct err *e)
{
	struct str s CLEANUP(str_free) = { 0 };
	char buf[4096];
	size_t n;

	while ((n = fread(buf, 1, sizeof(buf), stdin)) > 0 && s.len <= TAGS_FILE_MAX)
		str_addn(&s, buf, n);
	if (s.len > TAGS_FILE_MAX)
		return err_plain(e, "too much input");
	*ret = str_steal(&s);
	return 0;
}

/* --from: one tag a line. */
static int more_tags(struct cli *c, struct err *e)
{
	const char *file = cli_str(c, "tags_source");
	char *text CLEANUP(freep) = NULL;
	struct strs lines;
	size_t n;
	int r;

	if (!file)
		return 0;
	if (strcmp(file, "-") == 0) {
		TRY(read_stdin(&text, e));
	} else {
		r = fs_read(file, TAGS_FILE_MAX, &text, &n);
		if (r < 0)
			return err_sys(e, r, "cannot read '%s'", file);
	}
	n = strlen(text);
	if (n && text[n - 1] == '\n')
		text[n - 1] = 0;
	lines = strs_split(c->a, text, '\n');
	for (size_t i = 0; i < lines.n && *text; i++)
		strs_add(c->a, &c->args, str_strip(c->a, lines.v[i]));
	return 0;
}

int cli_list_tags(struct cli *c, struct err *e)
{
	const char *name = take_name(c);
	struct strs tags;
	json *list;

	TRY(cli_call(c, LUXI_QueryTags, json_pack("[s, s]", c->cmd->what, name), &list, e));
	if (cli_flag(c, "json")) {
		cli_json(list);
		return EXIT_SUCCESS;
	}
	tags = json_strs(c->a, list);
	strs_sort(&tags);
	for (size_t i = 0; i < tags.n; i++)
		cli_out("%s", tags.v[i]);
	return EXIT_SUCCESS;
}

static int change(struct cli *c, enum opcode code, const char *none, struct err *e)
{
	json *op = op_new(c, code);

	op_set(op, "kind", json_new_str(c->cmd->what));
	op_set(op, "name", json_new_str(take_name(c)));
	TRY(more_tags(c, e));
	if (!c->args.n)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "%s", none);
	op_set(op, "tags", json_new_strs(&c->args));
	TRY(cli_submit(c, op, NULL, e));
	return EXIT_SUCCESS;
}

int cli_add_tags(struct cli *c, struct err *e)
{
	return change(c, OP_tags_set, "No tags to be added", e);
}

int cli_remove_tags(struct cli *c, struct err *e)
{
	return change(c, OP_tags_del, "No tags to be removed", e);
}
