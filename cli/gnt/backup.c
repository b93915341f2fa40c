/* gnt-backup: what rows cannot say. import is like gnt-instance add. */
#include "cli/gnt/gnt.h"

int cmd_backup_list(struct cli *c, struct err *e)
{
	struct strs fields = cli_fields(c);

	return cli_list_filtered(c, &fields, filter_any("node", cli_opt(c, "nodes")), e);
}
