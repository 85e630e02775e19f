/*
 * loop.h - the one event loop: timers, descriptors, signals, work for later (libuv behind it).
 *
 * One thread runs the loop and owns every object here; only loop_post() may be called from other
 * threads. A callback is short (<= 10 ms). Callbacks may start, stop and free anything, also
 * themselves: freed objects are closed by libuv in a later turn. Times come from the clock that
 * was injected, so tests move it with loop_advance() and never sleep.
 *
 * One turn: wait for descriptors, run their callbacks, then timers that were started with
 * ms <= 0 before the turn ended, then what was deferred. What those start or defer belongs to the
 * next turn, so nothing here can starve the descriptors.
 */
#pragma once

#include "base/clock.h"
#include "base/err.h"

struct loop;
struct timer;
struct watch;
struct sigwatch;

typedef void (*loop_cb)(void *arg);

/*
 * clock NULL = the system's; timers then run on CLOCK_BOOTTIME, so that a limit is kept over a
 * suspend of the machine. SIGPIPE is ignored by the process from here on. Errors: ERR_IO.
 */
int loop_new(struct loop **ret, const struct clock *clock, struct err *e);

/* Runs until every handle is closed; aborts when a timer, watch, child or queue was not freed. */
void loop_free(struct loop *l);
DEFINE_CLEANUP(struct loop *, loop_free)

void loop_run(struct loop *l);  /* until loop_stop(); blocking */
void loop_stop(struct loop *l); /* from the loop's thread */

/*
 * One turn, blocking when `wait` and nothing is ready. False when nothing is left to wait for
 * (timers of an injected clock do not count: only loop_advance() fires them).
 */
bool loop_once(struct loop *l, bool wait);

int64_t loop_now_ms(const struct loop *l);  /* boot clock */
int64_t loop_wall_ms(const struct loop *l); /* unix time */

/*
 * Run fn(arg) at the end of this turn, in order. For frees and for completions that must not come
 * from inside start.
 */
void loop_defer(struct loop *l, loop_cb fn, void *arg);

/* As loop_defer, from any thread; wakes the loop. */
void loop_post(struct loop *l, loop_cb fn, void *arg);

/*
 * Tell of every callback that took longer than ms; fn is its address (for addr2line), the time is
 * the clock's on the wall, so also what the machine took away. ms 0 = no more.
 */
typedef void (*loop_slow_cb)(void *arg, uintptr_t fn, int64_t ms);
void loop_watchdog(struct loop *l, int64_t ms, loop_slow_cb fn, void *arg);

/* A one-shot timer. timer_start re-arms; ms <= 0 means the next turn, whatever the clock. */
struct timer *timer_new(struct loop *l, loop_cb fn, void *arg);
void timer_start(struct timer *t, int64_t ms);
void timer_stop(struct timer *t);
bool timer_active(const struct timer *t);
void timer_free(struct timer *t); /* NULL is fine */

/* As timer_new, always on the system's clock: for libraries that have a clock of their own. */
struct timer *timer_new_real(struct loop *l, loop_cb fn, void *arg);

/* With an injected clock: fire what is due now (call after moving the clock). */
void loop_advance(struct loop *l);

/* WATCH_HANGUP: the peer has closed or half-closed, even when nobody reads. */
enum { WATCH_READ = 1, WATCH_WRITE = 2, WATCH_HANGUP = 4 };
typedef void (*watch_cb)(void *arg, int events);

/*
 * Watch a descriptor that can be polled (level-triggered; it becomes non-blocking). On an error
 * of the descriptor all wanted events are reported once and watching stops until the next
 * watch_set(). Stop or free the watch BEFORE the descriptor is closed, or libuv aborts.
 */
struct watch *watch_new(struct loop *l, int fd, watch_cb fn, void *arg);
void watch_set(struct watch *w, int events); /* 0 = none */
void watch_free(struct watch *w);            /* NULL is fine */

typedef void (*sig_cb)(void *arg, int signo);
struct sigwatch *sigwatch_new(struct loop *l, int signo, sig_cb fn, void *arg);
void sigwatch_free(struct sigwatch *s); /* NULL is fine */
