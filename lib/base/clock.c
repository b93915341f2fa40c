#include "lib/base/clock.h"

#include "lib/base/fault.h"

#include <time.h>

static double frozen = -1;

static double read_clock(clockid_t id)
{
	struct timespec ts;

	if (frozen >= 0)
		return frozen;
	clock_gettime(id, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

double clock_real(void)
{
#ifdef ENABLE_FAULT
	return read_clock(CLOCK_REALTIME) + fault_skew();
#else
	return read_clock(CLOCK_REALTIME);
#endif
}

double clock_mono(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

void clock_freeze(double t)
{
	frozen = t;
}
