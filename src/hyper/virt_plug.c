/* Devices of a running domain. */
#include "src/hyper/virt.h"

#include "lib/base/clock.h"

#include <time.h>

/* The guest has to let go of the device: its kernel may be busy, or not there yet. */
#define UNPLUG_TIMEOUT 60.0
#define POLL_NS 50000000L

/* -1, or whether the running domain's description contains TEXT */
static int describes(virDomainPtr d, const char *text, struct err *e)
{
	char *xml CLEANUP(freep) = virDomainGetXMLDesc(d, 0);

	if (!xml)
		return virt_err(e, "Can't read the description of a domain");
	return strstr(xml, text) ? 1 : 0;
}

int virt_unplug(struct arena *a, virDomainPtr d, const char *alias, struct err *e)
{
	const char *text = arena_printf(a, "<alias name='%s'/>", alias);
	const struct timespec pause = { 0, POLL_NS };
	double end = clock_mono() + UNPLUG_TIMEOUT;
	int there = describes(d, text, e);

	if (there < 0)
		return -1;
	if (!there)
		return err_set(e, HotplugError, NULL, "Device %s not found", alias);
	if (virDomainDetachDeviceAlias(d, alias, VIR_DOMAIN_AFFECT_LIVE) < 0)
		return virt_err(e, "Can't remove device %s", alias);
	while ((there = describes(d, text, e)) > 0 && clock_mono() < end)
		nanosleep(&pause, NULL);
	if (there > 0)
		err_set(e, HotplugError, NULL, "Device %s should have been removed but is still there",
			alias);
	return there ? -1 : 0;
}

int virt_free_letter(struct arena *a, virDomainPtr d, const char *prefix, size_t *ret, struct err *e)
{
	for (size_t i = 0; i < 26; i++) {
		int used = describes(d, arena_printf(a, "<target dev='%s%c'", prefix, (int)('a' + i)), e);

		if (used < 0)
			return -1;
		if (!used) {
			*ret = i;
			return 0;
		}
	}
	return err_set(e, HotplugError, NULL, "The instance has too many disks");
}
