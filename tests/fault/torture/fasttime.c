/*
 * fasttime.c - preloaded into labd: its boot clock goes FAST_TIME times faster.
 *
 * Deadlines, back-offs and the listing every 30 s are measured with CLOCK_BOOTTIME, and so become
 * short enough for a test to wait for each of them. The wall clock stays true.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

static int64_t speed = 1, from;

static int64_t ns_of(const struct timespec *t)
{
	return t->tv_sec * SECOND + t->tv_nsec;
}

static struct timespec timespec_of(int64_t ns)
{
	return (struct timespec){.tv_sec = ns / SECOND, .tv_nsec = ns % SECOND};
}

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("FAST_TIME");
	struct timespec t;

	syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &t);
	from = ns_of(&t);
	speed = text && atoll(text) > 0 ? atoll(text) : 1;
}

/* glibc's declarations have attributes that our definitions cannot repeat portably. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *t)
{
	int r = (int)syscall(SYS_clock_gettime, id, t);

	if (r == 0 && id == CLOCK_BOOTTIME && from)
		*t = timespec_of(from + (ns_of(t) - from) * speed);
	return r;
}

/* labd sets absolute times only. */
__attribute__((visibility("default"))) int timerfd_settime(
	int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
	struct itimerspec v = *value;

	if ((flags & TFD_TIMER_ABSTIME) && (v.it_value.tv_sec || v.it_value.tv_nsec))
		v.it_value = timespec_of(from + (ns_of(&v.it_value) - from) / speed);
	return (int)syscall(SYS_timerfd_settime, fd, flags, &v, old);
}
