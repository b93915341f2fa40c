/* Instances: what they use, what policies say about them. */
#include "htools/core/htools.h"

#include <string.h>

static const char *const status_names[] = {
	[HT_RUNNING] = "running",
	[HT_ERROR_DOWN] = "ERROR_down",
	[HT_ADMIN_DOWN] = "ADMIN_down",
	[HT_ADMIN_OFFLINE] = "ADMIN_offline",
	[HT_ERROR_UP] = "ERROR_up",
	[HT_NODE_DOWN] = "ERROR_nodedown",
	[HT_NODE_OFFLINE] = "ERROR_nodeoffline",
	[HT_WRONG_NODE] = "ERROR_wrongnode",
	[HT_USER_DOWN] = "USER_down",
};

const char *ht_status_name(enum ht_status s)
{
	return status_names[s];
}

int ht_status_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(status_names); i++)
		if (strcmp(status_names[i], name) == 0)
			return (int)i;
	return -1;
}

const char *ht_fail_name(enum ht_fail f)
{
	static const char *const names[HT_N_FAIL] = {
		"FailMem", "FailDisk", "FailCPU", "FailN1", "FailTags", "FailMig", "FailDiskCount",
		"FailSpindles", "FailInternal",
	};

	return names[f];
}

/* upstream: isRunning */
bool ht_inst_running(const struct ht_inst *i)
{
	return i->status == HT_RUNNING || i->status == HT_ERROR_UP;
}

enum ht_mirror ht_template_mirror(enum disk_template t)
{
	switch (t) {
	case disk_template_file:
	case disk_template_plain:
		return HT_MIRROR_NONE;
	case disk_template_drbd:
		return HT_MIRROR_INTERNAL;
	default:
		return HT_MIRROR_EXTERNAL;
	}
}

bool ht_template_movable(enum disk_template t)
{
	return t != disk_template_diskless && t != disk_template_file && t != disk_template_plain;
}

int64_t ht_inst_spindles(const struct ht_inst *i)
{
	int64_t sum = 0;

	for (size_t k = 0; k < i->n_disks; k++) {
		if (i->disks[k].spindles == HT_NONE)
			return HT_NONE;
		sum += i->disks[k].spindles;
	}
	return sum;
}

static int cmp(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* Is I on the side WHICH (-1 below, 1 above) of SPEC in anything? (upstream: instCompareISpec) */
static enum ht_fail compare_spec(int which, const struct ht_inst *i, const struct ht_spec *spec, bool excl)
{
	if (cmp(i->mem, spec->mem) == which)
		return HT_FAIL_MEM;
	for (size_t k = 0; k < i->n_disks; k++)
		if (cmp(i->disks[k].size, spec->disk) == which)
			return HT_FAIL_DISK;
	if (cmp(i->vcpus, spec->cpus) == which)
		return HT_FAIL_CPU;
	if (excl) {
		int64_t sp = ht_inst_spindles(i);

		if (sp == HT_NONE || cmp(sp, spec->spindles) == which)
			return HT_FAIL_SPINDLES;
	} else if (cmp(i->spindle_use, spec->spindles) == which) {
		return HT_FAIL_SPINDLES;
	}
	if (i->tmpl != disk_template_diskless && cmp((int64_t)i->n_disks, spec->disks) == which)
		return HT_FAIL_DISK_COUNT;
	return HT_OK;
}

enum ht_fail ht_inst_fits_policy(const struct ht_inst *i, const struct ht_policy *p, bool excl)
{
	enum ht_fail f = HT_OK;

	/* upstream folds from the right: the failure reported is that of the first pair */
	for (size_t k = p->n_minmax; k-- > 0;) {
		f = compare_spec(-1, i, &p->minmax[k].min, excl);
		if (f == HT_OK)
			f = compare_spec(1, i, &p->minmax[k].max, excl);
		if (f == HT_OK)
			break;
	}
	if (f != HT_OK)
		return f;
	for (size_t k = 0; k < p->n_templates; k++)
		if (p->templates[k] == i->tmpl)
			return HT_OK;
	return HT_FAIL_DISK;
}

enum { UNIT_MEM = 64, UNIT_DISK = 256, UNIT_CPU = 1, UNIT_SPINDLE = 1 };

int ht_inst_shrink(struct ht_inst *i, enum ht_fail f)
{
	switch (f) {
	case HT_FAIL_MEM:
		if (i->mem - UNIT_MEM < UNIT_MEM)
			return -1;
		i->mem -= UNIT_MEM;
		return 0;
	case HT_FAIL_DISK:
		for (size_t k = 0; k < i->n_disks; k++)
			if (i->disks[k].size - UNIT_DISK < UNIT_DISK)
				return -1;
		for (size_t k = 0; k < i->n_disks; k++)
			i->disks[k].size -= UNIT_DISK;
		i->dsk -= (int64_t)i->n_disks * UNIT_DISK;
		return 0;
	case HT_FAIL_CPU:
		if (i->vcpus - UNIT_CPU < UNIT_CPU)
			return -1;
		i->vcpus -= UNIT_CPU;
		return 0;
	case HT_FAIL_SPINDLES:
		if (i->n_disks != 1 || i->disks[0].spindles == HT_NONE ||
		    i->disks[0].spindles - UNIT_SPINDLE < UNIT_SPINDLE)
			return -1;
		i->disks[0].spindles -= UNIT_SPINDLE;
		return 0;
	default:
		return -1;
	}
}
