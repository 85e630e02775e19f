/*
 * clock.h - two clocks, injected so that tests own the time.
 *
 * boot: CLOCK_BOOTTIME in ms; timers, limits and idle rules. wall: unix time in ms; display only.
 */
#pragma once

#include "base/util.h"

struct clock {
	int64_t (*boot_ms)(void *arg);
	int64_t (*wall_ms)(void *arg);
	void *arg;
};

extern const struct clock clock_system;

static inline int64_t clock_boot_ms(const struct clock *c)
{
	return c->boot_ms(c->arg);
}

static inline int64_t clock_wall_ms(const struct clock *c)
{
	return c->wall_ms(c->arg);
}
