/* clock.c - the system's clocks behind struct clock. */
#include "base/clock.h"

#include <time.h>

static int64_t now_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t boot_ms(void *arg)
{
	(void)arg;
	return now_ms(CLOCK_BOOTTIME);
}

static int64_t wall_ms(void *arg)
{
	(void)arg;
	return now_ms(CLOCK_REALTIME);
}

const struct clock clock_system = {boot_ms, wall_ms, NULL};
