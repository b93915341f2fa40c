/* gnt-filter: add, replace, info, delete. Filters are no opcodes: the master changes them at once. */
#include "cli/gnt/gnt.h"

#include "lib/base/clock.h"
#include "lib/base/parse.h"

#include <ctype.h>
#include <string.h>

#define RATE_LIMIT "RATE_LIMIT"

/* "RATE_LIMIT n" becomes [word, n]; everything else goes to the master as it is. */
static json *action(const char *text)
{
	const char *p = text + strlen(RATE_LIMIT);
	int64_t n = 0;

	if (!str_starts(text, RATE_LIMIT) || !isspace((unsigned char)*p))
		return json_new_str(text);
	while (isspace((unsigned char)*p))
		p++;
	if (!isdigit((unsigned char)*p))
		return json_new_str(text);
	for (; isdigit((unsigned char)*p) && n < INT64_MAX / 20; p++)
		n = n * 10 + (*p - '0');
	return json_pack("[s, I]", RATE_LIMIT, n);
}

int cmd_filter_replace(struct cli *c, struct err *e)
{
	const char *why = cli_str(c, "reason");
	json *reason = json_new_array(), *uuid;
	struct str s CLEANUP(str_free) = { 0 };

	if (why && *why)
		json_append(reason, json_pack("[s, s, I]", "gnt:user", why,
					      (int64_t)(clock_real() * 1e6) * 1000));
	TRY(cli_call(c, LUXI_ReplaceFilter,
		     json_pack("[s, O, O, o, o]", c->args.n ? c->args.v[0] : NULL,
			       cli_opt(c, "filter_priority"), cli_opt(c, "predicates"),
			       action(cli_str(c, "action")), reason),
		     &uuid, e));
	ui_text(&s, uuid);
	cli_out("%s", str_get(&s));
	return EXIT_SUCCESS;
}

int cmd_filter_info(struct cli *c, struct err *e)
{
	static const char *const titles[] = { "UUID", "  Watermark", "  Priority",
					      "  Predicates", "  Action", "  Reason trail" };
	json *rows, *list = json_own(c->a, json_new_array());
	struct strs fields = strs_split(c->a, "uuid,watermark,priority,predicates,action,reason_trail", ',');

	TRY(cli_call(c, LUXI_QueryFilters,
		     json_pack("[o, o]", json_new_strs(&c->args), json_new_strs(&fields)), &rows, e));
	json_items(rows, i, row) {
		json *d = json_new_dict();

		json_append(list, d);
		for (size_t k = 0; k < fields.n; k++) {
			json_set(d, fields.v[k], json_ref(json_at(row, k)));
			if (!cli_flag(c, "json"))
				cli_out("%s: %s", titles[k], json_str(info_text(c, json_at(row, k))));
		}
	}
	if (cli_flag(c, "json"))
		cli_json(list);
	return EXIT_SUCCESS;
}

int cmd_filter_delete(struct cli *c, struct err *e)
{
	TRY(cli_call(c, LUXI_DeleteFilter, json_pack("[s]", c->args.v[0]), NULL, e));
	return EXIT_SUCCESS;
}
