/* Hypervisors and disk templates whose node side is written. The others keep their names on the wire. */
#include "src/model/model.h"

int hypervisor_check_supported(const char *name, struct err *e)
{
	int h = enum_value(&enum_hypervisor, name);

	if (h == hypervisor_kvm || h == hypervisor_fake)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_INVAL,
		       "Hypervisor '%s' is not supported by this version", name);
}

int template_check_supported(const char *name, struct err *e)
{
	int t = enum_value(&enum_disk_template, name);

	if (t == disk_template_diskless || t == disk_template_file || t == disk_template_sharedfile)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_INVAL,
		       "Disk template '%s' is not supported by this version", name);
}
