/*
 * waiters.c - "tell me when these services are ready (or paused, or thawed)": what grading builds
 * on.
 */
#include "session/impl.h"

#define FREEZE_MS 10000
#define THAW_MS   60000 /* what is frozen for longer is lost for this judging */

static void waiter_free(void *arg)
{
	struct waiter *w = arg;

	timer_free(w->timer);
	free(w->services);
	free(w);
}

static void answer(struct waiter *w, const struct err *e)
{
	struct session *s = w->session;

	list_unlink(&w->link);
	timer_stop(w->timer); /* it may be due in this turn */
	loop_defer(s->m->loop, waiter_free, w);
	if (w->done)
		w->done(w->arg, s, e);
}

static bool arrived(const struct session *s, const struct waiter *w, const struct slot *slot)
{
	if (w->what == AWAIT_PAUSED) /* busy: it may be just starting */
		return slot->paused || (!slot->running && !slot->busy);
	if (w->what == AWAIT_THAWED)
		return !slot->running || (!slot->paused && !slot->busy) || s->state == STATE_PAUSED;
	/* As in all_ready(): one that is leaving has its old state until it is gone. */
	return !slot->recreate && !slot->busy && slot->object && slot->object->state == OBJ_LIVE &&
	       (slot->state == SERVICE_READY || slot->state == SERVICE_DONE) && !slot->paused;
}

/* The first service that has not arrived, or NULL. */
static struct slot *missing(struct session *s, const struct waiter *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct slot *slot = plan_service(s, w->services[i]);

		if (!slot || !arrived(s, w, slot))
			return slot;
	}
	return NULL;
}

/* What the engine has not done is not the fault of the service. */
static const char *engine_at_fault(const struct session *s, const struct slot *slot)
{
	if (s->m->engine_error.code != 0)
		return s->m->engine_error.text;
	if (slot && (slot->recreate || !slot->object || slot->object->state != OBJ_LIVE))
		return "its container was not made";
	return NULL;
}

static void overdue(void *arg)
{
	static const char *const words[] = {"ready", "paused", "unpaused"};
	struct waiter *w = arg;
	struct slot *slot = missing(w->session, w);
	const char *fault = engine_at_fault(w->session, slot);
	struct err e = ERR_NONE;

	err_set(&e, fault ? ERR_UNREACHABLE : ERR_TIMEOUT,
		"service '%s' did not become %s in time: %s", slot ? slot->name : "?",
		words[w->what],
		fault                ? fault
		: slot && slot->note ? slot->note
				     : "it says nothing");
	answer(w, &e);
}

void waiters_check(struct session *s)
{
	struct waiter *w, *tmp;

	list_for_each_safe(w, tmp, &s->waiters, link)
		if (!missing(s, w))
			answer(w, &ERR_NONE);
}

void waiters_fail_slot(struct session *s, const struct slot *slot, const struct err *e)
{
	struct waiter *w, *tmp;

	list_for_each_safe(w, tmp, &s->waiters, link)
		if (missing(s, w) == slot)
			answer(w, e);
}

void waiters_fail(struct session *s, const struct err *e)
{
	struct waiter *w, *tmp;

	list_for_each_safe(w, tmp, &s->waiters, link)
		answer(w, e);
}

static void kick(void *arg)
{
	struct session *s = arg;
	struct err e = ERR_NONE;

	converge(s);
	if (s->m->stopped) { /* nothing will be done any more */
		err_set(&e, ERR_CANCELED, "the daemon is going down");
		waiters_fail(s, &e);
	}
}

/* The first look comes in the next turn, so that done() is never called from inside the start. */
static void wait_for(struct session *s, const int *services, size_t n, enum awaited what,
	int64_t deadline_ms, session_done done, void *arg)
{
	struct waiter *w = NEW(struct waiter);

	w->session = s;
	w->services = (int *)(void *)xmemdup(services, n * sizeof(int));
	w->n = n;
	w->what = what;
	w->done = done;
	w->arg = arg;
	w->timer = timer_new(s->m->loop, overdue, w);
	timer_start(w->timer, deadline_ms);
	list_append(&s->waiters, &w->link);
	loop_defer(s->m->loop, kick, s);
}

void session_want(struct session *s, int service, session_done ready, void *arg)
{
	plan_service(s, service)->wants++;
	wait_for(s, &service, 1, AWAIT_READY, s->lab->startup_ms, ready, arg);
}

void session_unwant(struct session *s, int service)
{
	struct slot *slot = plan_service(s, service);
	struct err e = ERR_NONE;

	if (slot && slot->wants > 0)
		slot->wants--;
	if (slot && s->lab->services[service].when == WHEN_REPLAY) {
		plan_throw_away(s, service);
		err_set(&e, ERR_CANCELED, "nobody wants '%s' any more", slot->name);
		waiters_fail_slot(s, slot, &e);
	}
	loop_defer(s->m->loop, kick, s);
}

void session_recreate(struct session *s, const int *services, size_t n, int64_t deadline_ms,
	session_done done, void *arg)
{
	for (size_t i = 0; i < n; i++) {
		struct slot *slot = plan_service(s, services[i]);

		slot->recreate = true;
		slot->restarts = 0;
		slot->restart_at_ms = 0;
	}
	wait_for(s, services, n, AWAIT_READY, deadline_ms, done, arg);
}

void session_freeze(struct session *s, const int *services, size_t n, session_done done, void *arg)
{
	for (size_t i = 0; i < n; i++)
		plan_service(s, services[i])->freezes++;
	wait_for(s, services, n, AWAIT_PAUSED, FREEZE_MS, done, arg);
}

void session_thaw(struct session *s, const int *services, size_t n, session_done done, void *arg)
{
	for (size_t i = 0; i < n; i++) {
		struct slot *slot = plan_service(s, services[i]);

		if (slot && slot->freezes > 0)
			slot->freezes--;
	}
	if (done)
		wait_for(s, services, n, AWAIT_THAWED, THAW_MS, done, arg);
	else
		loop_defer(s->m->loop, kick, s);
}
