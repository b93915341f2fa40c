/* Checks of nodes, instances and hypervisors that many LUs share, with upstream's messages. */
#include "src/lu/lu.h"

int lu_check_node_online(struct luctx *lu, const struct node *n, const char *msg, struct err *e)
{
	(void)lu;
	if (!n->offline)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_STATE, "%s: %s", msg ? msg : "Can't use offline node",
		       n->name);
}

int lu_check_node_not_drained(struct luctx *lu, const struct node *n, struct err *e)
{
	(void)lu;
	if (!n->drained)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_STATE, "Can't use drained node %s", n->name);
}

int lu_check_node_vm_capable(struct luctx *lu, const struct node *n, struct err *e)
{
	(void)lu;
	if (n->vm_capable)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_STATE, "Can't use non-vm_capable node %s", n->name);
}

int lu_check_instance_online(struct luctx *lu, const struct instance *i, struct err *e)
{
	(void)lu;
	if (i->admin_state != admin_state_offline)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_STATE,
		       "Instance '%s' is marked to be %s, can't use instance from outside %s, %s states",
		       i->name, enum_name(&enum_admin_state, i->admin_state),
		       enum_name(&enum_admin_state, admin_state_down),
		       enum_name(&enum_admin_state, admin_state_up));
}

int lu_check_hv_enabled(struct luctx *lu, int hypervisor, struct err *e)
{
	const struct strs *on = &lu->cluster->enabled_hypervisors;
	const char *name = enum_name(&enum_hypervisor, hypervisor);

	if (strs_has(on, name))
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_STATE,
		       "Selected hypervisor (%s) not enabled in the cluster (%s)", name,
		       strs_join(lu->a, on, ", "));
}
