/*
 * converge.c - the next steps from what a session wants to what exists.
 *
 * converge() is called after every change and every completion. It looks at each slot once and
 * starts what can be started now; it never waits. Order follows from conditions alone: a container
 * is made when its networks and volumes are there, started when its volumes are filled and what it
 * depends on is ready; networks and volumes go when no container that is leaving uses them.
 */
#include "session/impl.h"

#define MAX_RESTARTS 5 /* during a bring-up */
#define MAX_ERRORS   5 /* of the engine in a row, for one slot */

bool slot_wanted(const struct session *s, const struct slot *slot)
{
	const struct lab_service *v =
		slot->kind == SLOT_CONTAINER ? &s->lab->services[slot->index] : NULL;

	if (slot->kind == SLOT_VOLUME && slot->object && s->state != STATE_ENDING)
		return true; /* work survives a stop and a failure */
	if (!state_wants_up(s->state) || !s->images_ready)
		return false;
	if (!v)
		return slot->kind != SLOT_VOLUME || !plan_idle((struct session *)s, slot);
	if (!v->keep_running && slot->completed)
		return slot->object != NULL; /* it has run; its container stays for the logs */
	return v->when == WHEN_SESSION || slot->wants > 0;
}

const char *service_state_name(enum service_state st)
{
	static const char *const words[] = {
		"absent", "created", "started", "ready", "done", "failed"};

	return words[st];
}

static void slot_set(struct session *s, struct slot *slot, enum service_state st)
{
	if (slot->state == st)
		return;
	slot->state = st;
	if (st == SERVICE_READY || st == SERVICE_DONE)
		str_set(&slot->note, NULL);
	emit_words(s, "service", "service", slot->name, "state", service_state_name(st), NULL);
}

/* --- conditions --- */

static bool object_live(const struct slot *slot)
{
	return slot && slot->object && slot->object->state == OBJ_LIVE;
}

static bool parts_exist(struct session *s, const struct lab_service *v, int service)
{
	char **paths = image_paths(s, service);
	bool all = true;

	for (size_t i = 0; all && i < v->n_networks; i++)
		all = object_live(
			plan_slot(s, SLOT_NETWORK, s->lab->networks[v->networks[i]].name));
	for (size_t i = 0; all && i < v->n_mounts; i++)
		all = object_live(
			plan_slot(s, SLOT_VOLUME, s->lab->volumes[v->mounts[i].volume].name));
	if (all && v->role == ROLE_HIDDEN) {
		_cleanup_free_ char *name = strf("%s.lab", v->name);

		all = object_live(plan_slot(s, SLOT_VOLUME, name));
	}
	for (size_t k = 0; all && paths && paths[k]; k++) {
		_cleanup_free_ char *name = strf("%s.%zu", v->name, k);
		struct slot *slot = plan_slot(s, SLOT_VOLUME, name);

		all = !slot || object_live(slot);
	}
	return all;
}

/* An older container of this service still leaves: it has the service's name and address. */
static bool predecessor(const struct session *s, const struct slot *slot)
{
	struct object *o;

	list_for_each(o, &s->objects, link)
		if (o->kind == SLOT_CONTAINER && o != slot->object && !o->removed &&
			o->state != OBJ_GONE && streq(o->slot, slot->name))
			return true;
	return false;
}

static bool dependencies_hold(struct session *s, const struct lab_service *v)
{
	for (size_t i = 0; i < v->n_depends; i++) {
		const struct slot *on = plan_service(s, v->depends[i].service);
		enum lab_condition c = v->depends[i].condition;
		bool holds = c == DEPENDS_COMPLETED ? on->completed
			     : c == DEPENDS_HEALTHY
				     ? on->state == SERVICE_READY
				     : on->state == SERVICE_STARTED || on->state == SERVICE_READY ||
					       on->completed;

		if (!holds)
			return false;
	}
	return true;
}

static bool due(const struct session *s, int64_t at_ms)
{
	return at_ms <= loop_now_ms(s->m->loop);
}

/*
 * What a call has done is not known, or the engine was away: a listing tells, then it is tried
 * again. An engine that answers, and always with an error, is not waited for.
 */
void slot_again(struct session *s, struct slot *slot, const struct err *why)
{
	bool answered = why->code == ERR_ENGINE || why->code == ERR_NO_SPACE;

	str_set(&slot->note, why->text);
	slot->restart_at_ms = loop_now_ms(s->m->loop) + (answered ? 250 << slot->errors : 1000);
	reconcile_soon(s->m);
	if (answered && ++slot->errors > MAX_ERRORS && state_wants_up(s->state)) {
		struct err e;

		err_set(&e, why->code, "'%s': %s", slot->name, why->text);
		slot_fail(s, slot, &e);
	}
}

/* --- what happened to a container --- */

static void one_shot_ended(struct session *s, struct slot *slot, int exit_code)
{
	if (exit_code == 0) {
		slot->completed = true;
		slot_set(s, slot, SERVICE_DONE);
		return;
	}
	slot_set(s, slot, SERVICE_FAILED);
	fail_with_log(
		s, slot, ERR_ENGINE, "service '%s' ended with exit code %d", slot->name, exit_code);
}

static void restart_later(struct session *s, struct slot *slot, int exit_code)
{
	bool bring_up = s->state == STATE_STARTING || s->state == STATE_RESETTING;

	slot->restarts++;
	if (bring_up && slot->restarts > MAX_RESTARTS) {
		slot_set(s, slot, SERVICE_FAILED);
		fail_with_log(s, slot, ERR_ENGINE,
			"service '%s' ended %d times, last with exit code %d", slot->name,
			slot->restarts, exit_code);
		return;
	}
	slot->restart_at_ms = loop_now_ms(s->m->loop) + MIN(100 << MIN(slot->restarts, 7), 10000);
	_cleanup_free_ char *note = strf("its program ended with exit code %d", exit_code);
	str_set(&slot->note, note);
	slot_set(s, slot, SERVICE_CREATED);
}

/* Started again it would not be new. */
static void thrown_away_ended(struct session *s, struct slot *slot, int exit_code)
{
	struct err e;

	err_set(&e, ERR_STATE, "service '%s' ended with exit code %d", slot->name, exit_code);
	slot_set(s, slot, SERVICE_FAILED);
	slot_fail(s, slot, &e);
}

void converge_died(struct session *s, struct slot *slot, int exit_code)
{
	if (slot->busy) { /* the completion of the running call looks again */
		slot->died = true;
		slot->died_code = exit_code;
		return;
	}
	if (!slot->running)
		return;
	slot->running = slot->paused = false;
	probe_stop(slot);
	if (!slot_wanted(s, slot) || slot->recreate)
		slot_set(s, slot, SERVICE_CREATED);
	else if (!s->lab->services[slot->index].keep_running)
		one_shot_ended(s, slot, exit_code);
	else if (s->lab->services[slot->index].when == WHEN_REPLAY)
		thrown_away_ended(s, slot, exit_code);
	else
		restart_later(s, slot, exit_code);
	converge(s);
}

/* --- calls for one container --- */

struct call {
	struct sessions *m;
	struct session *session;
	struct object *object;
	void (*then)(struct session *s, struct slot *slot, const struct engine_result *r);
};

static struct slot *slot_of(struct session *s, const struct object *o)
{
	for (size_t i = 0; i < s->n_slots; i++)
		if (s->slots[i].object == o)
			return &s->slots[i];
	return NULL;
}

/* Its end was told while a call for it ran. */
static void died_meanwhile(struct session *s, struct slot *slot)
{
	bool died = slot->died;

	slot->died = false;
	if (died && slot->running)
		converge_died(s, slot, slot->died_code);
}

static void call_done(void *arg, const struct engine_result *r)
{
	struct call c = *(struct call *)arg;
	struct slot *slot = slot_of(c.session, c.object);

	free(arg);
	killpoint("after-reply");
	c.object->in_flight = false;
	if (slot) {
		slot->busy = false;
		c.then(c.session, slot, r);
		died_meanwhile(c.session, slot);
	}
	converge(c.session);
}

/* Mark the slot as busy; the returned argument goes with call_done to the engine. */
static struct call *call(struct session *s, struct slot *slot,
	void (*then)(struct session *, struct slot *, const struct engine_result *))
{
	struct call *c = NEW(struct call);

	*c = (struct call){s->m, s, slot->object, then};
	slot->busy = slot->object->in_flight = true;
	killpoint("after-intent");
	return c;
}

static struct engine_turn turn_for(const struct session *s, const struct slot *slot)
{
	struct engine_turn t = session_turn(s);

	if (slot->wants)
		t.class = CLASS_CHECK;
	return t;
}

static void running_now(struct session *s, struct slot *slot)
{
	const struct lab_service *v = &s->lab->services[slot->index];

	slot->running = true;
	slot->errors = 0;
	slot->started_ms = loop_wall_ms(s->m->loop);
	slot_set(s, slot, SERVICE_STARTED);
	if (v->health)
		probe_start(s, slot);
	else if (v->keep_running)
		slot_set(s, slot, SERVICE_READY);
}

static void started(struct session *s, struct slot *slot, const struct engine_result *r)
{
	if (r->outcome == ENGINE_DONE) {
		running_now(s, slot);
	} else if (engine_said_no(r) && state_wants_up(s->state)) {
		struct err e;

		err_set(&e, ERR_ENGINE, "service '%s' could not be started: %s", slot->name,
			r->err.text);
		if (s->lab->services[slot->index].when == WHEN_SESSION)
			slot_set(s, slot, SERVICE_FAILED);
		slot_fail(s, slot, &e);
	} else {
		slot_again(s, slot, &r->err);
		converge_adopt(s, slot); /* unknown: look */
	}
}

static void stopped(struct session *s, struct slot *slot, const struct engine_result *r)
{
	slot->running = slot->paused = false;
	slot->died = false;
	probe_stop(slot);
	if (r->outcome == ENGINE_DONE || r->outcome == ENGINE_REFUSED)
		journal_remove(slot->object);
	else
		reconcile_soon(s->m);
}

/*
 * The kernel may fail to freeze processes that are busy, and do it the next time. Others stand
 * still meanwhile, so the next time is soon at first.
 */
static void freezer_done(
	struct session *s, struct slot *slot, bool now_paused, const struct engine_result *r)
{
	if (r->outcome == ENGINE_DONE) {
		slot->paused = now_paused;
		if (slot->misses)
			str_set(&slot->note, NULL);
		slot->misses = 0;
		return;
	}
	str_set(&slot->note, r->err.text);
	slot->restart_at_ms = loop_now_ms(s->m->loop) + (50 << MIN(slot->misses++, 4));
}

static void paused(struct session *s, struct slot *slot, const struct engine_result *r)
{
	freezer_done(s, slot, true, r);
}

static void unpaused(struct session *s, struct slot *slot, const struct engine_result *r)
{
	freezer_done(s, slot, false, r);
}

/* --- after a restart --- */

struct look {
	struct session *session;
	struct object *object;
};

static void adopt_running(struct session *s, struct slot *slot, const struct container_state *c)
{
	if (slot->state == SERVICE_ABSENT)
		execs_sweep(s, slot);
	slot->running = true;
	slot->paused = c->paused;
	slot->started_ms = c->started_wall_ms;
	slot_set(s, slot, SERVICE_STARTED);
	if (!s->lab->services[slot->index].health && s->lab->services[slot->index].keep_running)
		slot_set(s, slot, SERVICE_READY);
	else if (s->lab->services[slot->index].health)
		slot->probe_again = true; /* as soon as it is not paused */
}

static void looked(void *arg, const struct container_state *c)
{
	struct look k = *(struct look *)arg;
	struct slot *slot = slot_of(k.session, k.object);

	free(arg);
	k.object->in_flight = false;
	if (!slot)
		return converge(k.session);
	slot->busy = false;
	if (c->err.code == ERR_NOT_FOUND) {
		journal_gone(k.object);
	} else if (c->err.code != 0) {
		slot->restart_at_ms = loop_now_ms(k.session->m->loop) + 1000;
		reconcile_soon(k.session->m);
	} else if (c->running) {
		adopt_running(k.session, slot, c);
	} else if (c->started_wall_ms == 0) {
		slot_set(k.session, slot, SERVICE_CREATED);
	} else {
		slot->running = true; /* it was; let the one rule for ends decide */
		slot->died = false;
		converge_died(k.session, slot, c->exit_code);
	}
	died_meanwhile(k.session, slot);
	converge(k.session);
}

void converge_adopt(struct session *s, struct slot *slot)
{
	struct look *k;

	if (slot->busy || !slot->object || !slot->object->engine_id)
		return;
	k = NEW(struct look);
	*k = (struct look){s, slot->object};
	slot->busy = slot->object->in_flight = true;
	container_inspect(s->m->engine, slot->object->engine_id, false, looked, k);
}

/* --- one slot --- */

static void make(struct session *s, struct slot *slot)
{
	struct object *o;

	if (!due(s, slot->restart_at_ms))
		return;
	if (slot->kind == SLOT_NETWORK) {
		char *subnet = subnets_take(s->m->subnets);

		if (!subnet) {
			session_fail(s, ERR_CAPACITY,
				"no address range is left in '%s' for another network",
				s->m->config.subnets);
			return;
		}
		o = journal_open(s, slot);
		o->subnet = subnet;
	} else {
		o = journal_open(s, slot);
	}
	journal_create(o, slot);
}

/* Leaving containers use it still: wait for them. */
static bool still_used(const struct session *s)
{
	struct object *o;

	list_for_each(o, &s->objects, link)
		if (o->kind == SLOT_CONTAINER && !o->removed && o->state != OBJ_GONE) {
			struct slot *slot = slot_of((struct session *)s, o);

			if (!slot || !slot_wanted(s, slot) || slot->recreate)
				return true;
		}
	return false;
}

static void step_down_container(struct session *s, struct slot *slot)
{
	struct object *o = slot->object;

	if (o->in_flight || slot->busy || o->state != OBJ_LIVE)
		return;
	probe_stop(slot);
	if (slot->paused && s->state != STATE_ENDING && !slot->recreate) {
		if (due(s, slot->restart_at_ms))
			container_unpause(s->m->engine, turn_for(s, slot), o->engine_id, call_done,
				call(s, slot, unpaused));
	} else if (slot->running && s->state != STATE_ENDING) {
		container_stop(s->m->engine, turn_for(s, slot), o->engine_id,
			s->lab->services[slot->index].stop_grace_ms, call_done,
			call(s, slot, stopped));
	} else {
		journal_remove(o);
	}
}

static void step_pause(struct session *s, struct slot *slot)
{
	bool want = (s->state == STATE_PAUSED && !s->waking) || slot->freezes > 0;

	if (!slot->running || slot->paused == want || slot->state == SERVICE_DONE ||
		!due(s, slot->restart_at_ms))
		return;
	if (want)
		container_pause(s->m->engine, turn_for(s, slot), slot->object->engine_id, call_done,
			call(s, slot, paused));
	else
		container_unpause(s->m->engine, turn_for(s, slot), slot->object->engine_id,
			call_done, call(s, slot, unpaused));
}

static void step_container(struct session *s, struct slot *slot)
{
	const struct lab_service *v = &s->lab->services[slot->index];
	struct object *o = slot->object;

	if (!o) {
		slot->recreate = false;
		if (parts_exist(s, v, slot->index) && !predecessor(s, slot))
			make(s, slot);
		return;
	}
	if (o->in_flight || slot->busy || o->state != OBJ_LIVE)
		return;
	if (slot->state == SERVICE_CREATED && s->state != STATE_PAUSED) {
		if (slot->freezes > 0) /* its files are being read; what ended stays down */
			return;
		if (volumes_filled(s, slot) && !o->in_flight && dependencies_hold(s, v) &&
			due(s, slot->restart_at_ms))
			container_start(s->m->engine, turn_for(s, slot), o->engine_id, call_done,
				call(s, slot, started));
		return;
	}
	step_pause(s, slot);
	if (slot->probe_again && slot->running && !slot->paused && due(s, slot->restart_at_ms))
		probe_start(s, slot);
}

static void step(struct session *s, struct slot *slot)
{
	bool wanted = slot_wanted(s, slot);

	if (slot->kind == SLOT_CONTAINER && slot->object && (!wanted || slot->recreate))
		step_down_container(s, slot);
	else if (slot->kind == SLOT_CONTAINER && wanted)
		step_container(s, slot);
	else if (wanted && !slot->object && slot->kind != SLOT_CONTAINER)
		make(s, slot);
	else if (!wanted && slot->object && slot->kind != SLOT_CONTAINER && !still_used(s))
		journal_remove(slot->object);
}

/* --- the whole session --- */

/* What no slot points to goes: older generations, adopted leftovers. */
static void step_detached(struct session *s)
{
	struct object *o, *tmp;

	list_for_each_safe(o, tmp, &s->objects, link) {
		if (o->state == OBJ_GONE && !o->in_flight && !o->unsaved && !o->saving) {
			object_free(o);
			continue;
		}
		if (o->in_flight || o->removed || !due(s, o->retry_at_ms))
			continue;
		if (slot_of(s, o) && o->state != OBJ_DELETING)
			continue;
		if (o->kind == SLOT_CONTAINER || !still_used(s))
			journal_remove(o);
	}
}

static bool all_ready(const struct session *s)
{
	for (size_t i = 0; i < s->n_slots; i++) {
		const struct slot *slot = &s->slots[i];

		if (slot->kind == SLOT_CONTAINER && slot_wanted(s, slot) &&
			(slot->recreate || slot->busy || !object_live(slot) ||
				(slot->state != SERVICE_READY && slot->state != SERVICE_DONE)))
			return false;
	}
	return s->images_ready;
}

static void arm_later(struct session *s)
{
	int64_t now = loop_now_ms(s->m->loop), nearest = INT64_MAX;
	struct object *o;

	for (size_t i = 0; i < s->n_slots; i++)
		if (s->slots[i].restart_at_ms > now)
			nearest = MIN(nearest, s->slots[i].restart_at_ms);
	list_for_each(o, &s->objects, link)
		if (o->retry_at_ms > now && !o->removed)
			nearest = MIN(nearest, o->retry_at_ms);
	if (nearest != INT64_MAX)
		timer_start(s->later, nearest - now);
}

static bool empty(const struct session *s)
{
	return list_empty(&s->objects);
}

static bool any_paused(const struct session *s)
{
	for (size_t i = 0; i < s->n_slots; i++) {
		const struct slot *slot = &s->slots[i];

		if (slot->kind == SLOT_CONTAINER && slot->running && (slot->paused || slot->busy))
			return true;
	}
	return false;
}

static void settle(struct session *s)
{
	if (s->state == STATE_PAUSED && s->waking && !any_paused(s))
		session_move(s, STATE_READY, NULL);
	if ((s->state == STATE_STARTING || s->state == STATE_RESETTING) && all_ready(s))
		session_move(s, STATE_READY, NULL);
	else if (s->state == STATE_ENDING && empty(s))
		session_move(s, STATE_GONE, s->cause);
	if (s->state == STATE_GONE && !s->freeing && !s->planning && !s->answers)
		session_forget(s);
}

void converge(struct session *s)
{
	if (s->converging) {
		s->again = true;
		return;
	}
	if (s->freeing || s->m->stopped || s->m->quarantined || !s->m->reconciled)
		return;
	if (state_wants_up(s->state) && !s->images_ready)
		return; /* what should be there is not known yet */
	s->converging = true;
	do {
		s->again = false;
		for (size_t i = 0; i < s->n_slots; i++)
			step(s, &s->slots[i]);
		step_detached(s);
		waiters_check(s);
	} while (s->again);
	s->converging = false;
	arm_later(s);
	settle(s);
}
