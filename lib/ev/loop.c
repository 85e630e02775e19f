/*
 * loop.c - the event loop over libuv.
 *
 * Timers are ours, not libuv's: a sorted list per clock, and for the system's clock one timerfd
 * on CLOCK_BOOTTIME that is set at most once a turn, before the loop sleeps. So a test's clock and
 * the real one share every line, stopping a timer costs nothing, and a limit that ran out while
 * the machine was suspended fires on resume (libuv's own timers stand still meanwhile). New
 * timers are mostly the latest ones: insertion looks from the end.
 */
#include "ev/loop-uv.h"

#include "base/list.h"
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct call {
	loop_cb fn;
	void *arg;
};

struct calls {
	struct call *items;
	size_t n, cap;
};

/* The timers of one clock. fd is -1 for an injected clock. */
struct timers {
	struct list armed; /* sorted by due */
	struct clock clock;
	int fd;
	int64_t fd_due; /* what fd is set to; 0 = not set */
	uv_poll_t *poll;
};

struct timer {
	struct list link; /* in timers->armed or loop->soon */
	struct loop *loop;
	struct timers *timers;
	int64_t due;
	loop_cb fn;
	void *arg;
};

struct watch {
	uv_poll_t uv;
	struct loop *loop;
	watch_cb fn;
	void *arg;
	int events;
};

struct sigwatch {
	uv_signal_t uv;
	struct loop *loop;
	sig_cb fn;
	void *arg;
};

struct loop {
	uv_loop_t uv;
	uv_async_t wake;
	struct timers injected, real;
	struct timers *timers; /* the one that timer_new() uses */
	struct list soon;      /* timers for the next turn */
	struct calls deferred, spare;
	pthread_mutex_t lock; /* of posted */
	struct calls posted;
	int live; /* objects that their owners have to free */
	int held; /* reasons to wait that libuv does not see */
	bool running, stopped;
	int64_t slow_us; /* 0 = nobody asks how long callbacks take */
	loop_slow_cb slow;
	void *slow_arg;
};

static _Noreturn void broken(const char *what, int code)
{
	log_error("loop", "%s: %s", what, code ? uv_strerror(code) : "broken promise");
	abort();
}

static void free_handle(uv_handle_t *h)
{
	free(h);
}

uv_loop_t *loop_uv(struct loop *l)
{
	return &l->uv;
}

void loop_count(struct loop *l, int change)
{
	l->live += change;
}

/* The wake-up handle keeps the loop waiting exactly while somebody may post. */
static void hold_wake(struct loop *l)
{
	if (l->running || l->held > 0)
		uv_ref((uv_handle_t *)&l->wake);
	else
		uv_unref((uv_handle_t *)&l->wake);
}

void loop_hold(struct loop *l, int change)
{
	l->held += change;
	hold_wake(l);
}

/* --- how long callbacks take ------------------------------------------------------------------ */

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static int64_t call_begin(const struct loop *l)
{
	return l->slow_us ? now_us() : 0;
}

static void call_end(struct loop *l, int64_t began_us, uintptr_t fn)
{
	int64_t took_us = l->slow_us ? now_us() - began_us : 0;

	if (l->slow_us && began_us && took_us > l->slow_us)
		l->slow(l->slow_arg, fn, took_us / 1000);
}

void loop_watchdog(struct loop *l, int64_t ms, loop_slow_cb fn, void *arg)
{
	l->slow_us = ms * 1000;
	l->slow = fn;
	l->slow_arg = arg;
}

static void call(struct loop *l, loop_cb fn, void *arg)
{
	int64_t began = call_begin(l);

	fn(arg);
	call_end(l, began, (uintptr_t)fn);
}

/* --- calls: deferred and posted --------------------------------------------------------------- */

static void calls_add(struct calls *c, loop_cb fn, void *arg)
{
	ARRAY_GROW(c->items, c->n, c->cap);
	c->items[c->n++] = (struct call){fn, arg};
}

static void take_posted(struct loop *l)
{
	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < l->posted.n; i++)
		calls_add(&l->deferred, l->posted.items[i].fn, l->posted.items[i].arg);
	l->posted.n = 0;
	pthread_mutex_unlock(&l->lock);
}

static void on_wake(uv_async_t *h)
{
	take_posted(h->data);
}

/* Run what is there now; what the calls defer belongs to the next turn. */
static void run_deferred(struct loop *l)
{
	struct calls now = l->deferred;

	l->deferred = l->spare;
	for (size_t i = 0; i < now.n; i++)
		call(l, now.items[i].fn, now.items[i].arg);
	now.n = 0;
	l->spare = now;
}

void loop_defer(struct loop *l, loop_cb fn, void *arg)
{
	calls_add(&l->deferred, fn, arg);
}

void loop_post(struct loop *l, loop_cb fn, void *arg)
{
	pthread_mutex_lock(&l->lock);
	calls_add(&l->posted, fn, arg);
	pthread_mutex_unlock(&l->lock);
	uv_async_send(&l->wake);
}

/* --- timers ----------------------------------------------------------------------------------- */

static struct timer *timer_make(struct loop *l, struct timers *q, loop_cb fn, void *arg)
{
	struct timer *t = NEW(struct timer);

	*t = (struct timer){.loop = l, .timers = q, .fn = fn, .arg = arg};
	list_init(&t->link);
	loop_count(l, 1);
	return t;
}

struct timer *timer_new(struct loop *l, loop_cb fn, void *arg)
{
	return timer_make(l, l->timers, fn, arg);
}

struct timer *timer_new_real(struct loop *l, loop_cb fn, void *arg)
{
	return timer_make(l, &l->real, fn, arg);
}

void timer_start(struct timer *t, int64_t ms)
{
	struct list *after;

	list_unlink(&t->link);
	if (ms <= 0) {
		list_append(&t->loop->soon, &t->link);
		return;
	}
	t->due = clock_boot_ms(&t->timers->clock) + ms;
	for (after = t->timers->armed.prev; after != &t->timers->armed; after = after->prev)
		if (container_of(after, struct timer, link)->due <= t->due)
			break;
	list_append(after->next, &t->link);
}

void timer_stop(struct timer *t)
{
	list_unlink(&t->link);
}

bool timer_active(const struct timer *t)
{
	return !list_empty(&t->link);
}

void timer_free(struct timer *t)
{
	if (!t)
		return;
	list_unlink(&t->link);
	loop_count(t->loop, -1);
	free(t);
}

/* `now` stands still meanwhile, so a timer that re-arms itself cannot keep us here. */
static void timers_fire(struct timers *q)
{
	int64_t now = clock_boot_ms(&q->clock);
	struct timer *t;

	while ((t = list_first(&q->armed, struct timer, link)) && t->due <= now) {
		list_unlink(&t->link);
		call(t->loop, t->fn, t->arg);
	}
}

static void fire_soon(struct loop *l)
{
	struct list now;
	struct timer *t;

	list_take(&now, &l->soon);
	while ((t = list_first(&now, struct timer, link))) {
		list_unlink(&t->link);
		call(t->loop, t->fn, t->arg);
	}
}

static void on_timerfd(uv_poll_t *h, int status, int events)
{
	struct timers *q = h->data;
	uint64_t expirations;

	if (read(q->fd, &expirations, sizeof(expirations)) == sizeof(expirations))
		q->fd_due = 0;
	timers_fire(q);
}

/* Before sleeping: see that the descriptor fires not later than the first timer. */
static void timers_arm(struct timers *q)
{
	struct timer *t = list_first(&q->armed, struct timer, link);

	if (!t) {
		uv_unref((uv_handle_t *)q->poll);
		return;
	}
	uv_ref((uv_handle_t *)q->poll);
	if (q->fd_due && q->fd_due <= t->due)
		return;
	struct itimerspec at = {
		.it_value = {t->due / 1000, t->due % 1000 * 1000000},
	};
	if (timerfd_settime(q->fd, TFD_TIMER_ABSTIME, &at, NULL) < 0)
		broken("cannot set the timer", -errno);
	q->fd_due = t->due;
}

static int timers_init(struct timers *q, const struct clock *clock, uv_loop_t *uv, struct err *e)
{
	*q = (struct timers){.clock = *clock, .fd = -1};
	list_init(&q->armed);
	if (!uv)
		return 0;
	q->fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (q->fd < 0)
		return err_sys(e, ERR_IO, "cannot make a timer");
	q->poll = NEW(uv_poll_t);
	int r = uv_poll_init(uv, q->poll, q->fd);
	if (r == 0)
		r = uv_poll_start(q->poll, UV_READABLE, on_timerfd);
	if (r < 0)
		broken("cannot watch the timer", r);
	q->poll->data = q;
	return 0;
}

static void timers_done(struct timers *q)
{
	if (q->fd < 0)
		return;
	uv_close((uv_handle_t *)q->poll, free_handle);
	close(q->fd);
}

void loop_advance(struct loop *l)
{
	timers_fire(l->timers);
}

/* --- the loop --------------------------------------------------------------------------------- */

int loop_new(struct loop **ret, const struct clock *clock, struct err *e)
{
	struct loop *l = NEW(struct loop);
	int r = uv_loop_init(&l->uv);

	if (r < 0) {
		free(l);
		return err_set(e, ERR_IO, "cannot make an event loop: %s", uv_strerror(r));
	}
	r = timers_init(&l->real, &clock_system, &l->uv, e);
	if (r < 0) {
		(void)uv_loop_close(&l->uv);
		free(l);
		return r;
	}
	r = uv_async_init(&l->uv, &l->wake, on_wake);
	if (r < 0)
		broken("cannot make a wake-up handle", r);
	l->wake.data = l;
	l->timers = &l->real;
	if (clock) {
		(void)timers_init(
			&l->injected, clock, NULL, NULL); /* cannot fail without a descriptor */
		l->timers = &l->injected;
	}
	list_init(&l->soon);
	pthread_mutex_init(&l->lock, NULL);
	hold_wake(l);
	signal(SIGPIPE, SIG_IGN);
	*ret = l;
	return 0;
}

static bool pending(const struct loop *l)
{
	return l->deferred.n > 0 || !list_empty(&l->soon);
}

bool loop_once(struct loop *l, bool wait)
{
	timers_arm(&l->real);
	int more = uv_run(&l->uv, wait && !pending(l) ? UV_RUN_ONCE : UV_RUN_NOWAIT);

	fire_soon(l);
	run_deferred(l);
	return more || pending(l) || uv_loop_alive(&l->uv) || !list_empty(&l->real.armed);
}

void loop_run(struct loop *l)
{
	l->running = true;
	hold_wake(l);
	for (l->stopped = false; !l->stopped;)
		(void)loop_once(l, true);
	l->running = false;
	hold_wake(l);
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	for (take_posted(l); l->deferred.n > 0; take_posted(l))
		run_deferred(l);
	if (l->live != 0) {
		log_error("loop", "%d timers, watches, queues or children were not freed", l->live);
		abort();
	}
	uv_close((uv_handle_t *)&l->wake, NULL);
	timers_done(&l->real);
	while (uv_loop_close(&l->uv) == UV_EBUSY)
		uv_run(&l->uv, UV_RUN_ONCE);
	pthread_mutex_destroy(&l->lock);
	free(l->deferred.items);
	free(l->spare.items);
	free(l->posted.items);
	free(l);
}

int64_t loop_now_ms(const struct loop *l)
{
	return clock_boot_ms(&l->timers->clock);
}

int64_t loop_wall_ms(const struct loop *l)
{
	return clock_wall_ms(&l->timers->clock);
}

/* --- descriptors ------------------------------------------------------------------------------ */

static int to_uv(int events)
{
	return (events & WATCH_READ ? UV_READABLE : 0) | (events & WATCH_WRITE ? UV_WRITABLE : 0) |
	       (events & WATCH_HANGUP ? UV_DISCONNECT : 0);
}

static void on_poll(uv_poll_t *h, int status, int uv_events)
{
	struct watch *w = h->data;
	struct loop *l = w->loop;
	watch_cb fn = w->fn;
	int events = (uv_events & UV_READABLE ? WATCH_READ : 0) |
		     (uv_events & UV_WRITABLE ? WATCH_WRITE : 0) |
		     (uv_events & UV_DISCONNECT ? WATCH_HANGUP : 0);

	if (status < 0) { /* libuv has stopped; the owner finds the error by reading or writing */
		events = w->events;
		w->events = 0;
	}
	if (!events)
		return;
	int64_t began = call_begin(l);
	fn(w->arg, events);
	call_end(l, began, (uintptr_t)fn);
}

struct watch *watch_new(struct loop *l, int fd, watch_cb fn, void *arg)
{
	struct watch *w = NEW(struct watch);
	int r = uv_poll_init(&l->uv, &w->uv, fd);

	if (r < 0)
		broken("cannot watch a descriptor", r);
	w->uv.data = w;
	w->loop = l;
	w->fn = fn;
	w->arg = arg;
	loop_count(l, 1);
	return w;
}

void watch_set(struct watch *w, int events)
{
	if (w->events == events)
		return;
	w->events = events;
	int r = events ? uv_poll_start(&w->uv, to_uv(events), on_poll) : uv_poll_stop(&w->uv);
	if (r < 0)
		broken("cannot watch a descriptor", r);
}

static void free_watch(uv_handle_t *h)
{
	free(h->data);
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	loop_count(w->loop, -1);
	uv_close((uv_handle_t *)&w->uv, free_watch);
}

/* --- signals ---------------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *h, int signo)
{
	struct sigwatch *s = h->data;

	s->fn(s->arg, signo);
}

struct sigwatch *sigwatch_new(struct loop *l, int signo, sig_cb fn, void *arg)
{
	struct sigwatch *s = NEW(struct sigwatch);
	int r = uv_signal_init(&l->uv, &s->uv);

	if (r == 0)
		r = uv_signal_start(&s->uv, on_signal, signo);
	if (r < 0)
		broken("cannot watch a signal", r);
	s->uv.data = s;
	s->loop = l;
	s->fn = fn;
	s->arg = arg;
	loop_count(l, 1);
	return s;
}

static void free_sigwatch(uv_handle_t *h)
{
	free(h->data);
}

void sigwatch_free(struct sigwatch *s)
{
	if (!s)
		return;
	loop_count(s->loop, -1);
	uv_close((uv_handle_t *)&s->uv, free_sigwatch);
}
