/* Sets of disk templates. */
#include "src/model/model.h"

bool template_is_filebased(disk_template_t t)
{
	return t == disk_template_file || t == disk_template_sharedfile ||
	       t == disk_template_gluster;
}

bool template_is_ext_mirrored(disk_template_t t)
{
	return t == disk_template_diskless || t == disk_template_sharedfile ||
	       t == disk_template_blockdev || t == disk_template_rbd || t == disk_template_ext ||
	       t == disk_template_gluster;
}

bool template_is_int_mirrored(disk_template_t t)
{
	return t == disk_template_drbd;
}

bool template_is_mirrored(disk_template_t t)
{
	return template_is_int_mirrored(t) || template_is_ext_mirrored(t);
}

const char *instance_template(const struct disk *const *disks, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (disks[i]->dev_type != disks[0]->dev_type)
			return "mixed";
	return enum_name(&enum_disk_template, n ? disks[0]->dev_type : disk_template_diskless);
}
