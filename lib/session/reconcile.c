/*
 * reconcile.c - what the engine has against what the rows say.
 *
 * One listing of everything with our label: at the start, on reconnect, after any unclear outcome,
 * and every 30 s. Events only bring it forward. A listing that is not whole says nothing. Absence
 * counts only for rows that were open before the listing began and have nothing in flight.
 *
 * That a session is gone is proved by a listing of this session alone: what a stop costs does not
 * grow with what else there is.
 */
#include "session/impl.h"

#include <inttypes.h>

#define LIST_EVERY_MS 30000

static void list_now(void *arg);

static struct object *object_by_id(struct sessions *m, int64_t id)
{
	for (size_t i = 0; i < m->n; i++) {
		struct object *o;

		list_for_each(o, &m->items[i]->objects, link)
			if (o->id == id)
				return o;
	}
	return NULL;
}

/* --- what is there --- */

static void orphan_removed(void *arg, const struct engine_result *r)
{
	char *name = arg;

	if (r->outcome != ENGINE_DONE)
		log_warn("session", "orphan %s could not be removed yet: %s", name, r->err.text);
	free(name);
}

/* A labelled object without an open row: nobody owns it. Names are never reused, so this is safe.
 */
static void remove_orphan(struct sessions *m, const struct engine_object *t)
{
	struct engine_turn turn = {CLASS_GC, 0};
	char *name = xstrdup(t->name);

	log_info("session", "removing %s: no row owns it", t->name);
	if (t->kind == OBJECT_CONTAINER)
		container_remove(m->engine, turn, t->id, orphan_removed, name);
	else if (t->kind == OBJECT_NETWORK)
		network_remove(m->engine, turn, t->id, orphan_removed, name);
	else
		volume_remove(m->engine, turn, t->name, orphan_removed, name);
}

static struct slot *slot_of(struct object *o)
{
	for (size_t i = 0; i < o->session->n_slots; i++)
		if (o->session->slots[i].object == o)
			return &o->session->slots[i];
	return NULL;
}

/*
 * Its create was sent and the answer lost. How far a container was set up is not known: it goes,
 * and is never called live, or a restart would take it for a whole one.
 */
static void adopt_unknown(struct object *o, const struct engine_object *t)
{
	struct slot *slot = slot_of(o);

	if (o->kind != SLOT_CONTAINER) {
		journal_live(o, t->id);
		return;
	}
	if (slot)
		slot->object = NULL;
	str_set(&o->engine_id, t->id);
	o->state = OBJ_LIVE;
	journal_remove(o);
}

/* A step of a build, or somebody's own container of one of our images: it has the image's labels.
 */
bool object_inherits(const struct engine_object *t)
{
	return streq(t->role, "image");
}

static void seen(struct sessions *m, const struct engine_object *t)
{
	struct object *o = object_by_id(m, t->intent);
	struct slot *slot;

	if (!o || o->state == OBJ_GONE) {
		remove_orphan(m, t);
		return;
	}
	o->absent = 0;
	if (o->in_flight)
		return;
	o->removed = false; /* it was said to be gone, but it is there: remove it again */
	if (o->state == OBJ_INTENT || o->state == OBJ_UNKNOWN)
		adopt_unknown(o, t);
	slot = slot_of(o);
	if (!slot || o->kind != SLOT_CONTAINER || slot->busy || o->state != OBJ_LIVE)
		return;
	if (slot->running != t->running || (slot->running && slot->paused != t->paused)) {
		slot->paused = t->paused;
		converge_adopt(o->session, slot);
	}
}

/* --- what is not there --- */

static void unseen(struct object *o)
{
	struct session *s = o->session;

	if (o->state != OBJ_LIVE) {
		journal_gone(o);
		return;
	}
	if (++o->absent < 2)
		return;
	emit_words(s, "warning", "text", "an object of the lab vanished from the engine", "object",
		o->name, NULL);
	journal_gone(o);
}

static bool in_listing(const struct engine_listing *l, int64_t id)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->objects[i].intent == id)
			return true;
	return false;
}

static void all_seen(struct sessions *m, const struct engine_listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!object_inherits(&l->objects[i]))
			seen(m, &l->objects[i]);
}

static void all_unseen(struct session *s, const struct engine_listing *l, int64_t began)
{
	struct object *o, *tmp;

	s->converging = true; /* rows go while the list is walked; converge once at the end */
	list_for_each_safe(o, tmp, &s->objects, link)
		if (!o->in_flight && o->state != OBJ_GONE && o->opened_at < began &&
			!in_listing(l, o->id))
			unseen(o);
	s->converging = false;
}

/* --- of one session --- */

struct visit {
	struct sessions *m;
	int64_t session, began;
};

static void visited(void *arg, const struct engine_listing *l)
{
	struct visit v = *(struct visit *)arg;
	struct session *s = sessions_by_id(v.m, v.session);

	free(arg);
	if (l->err.code != 0) {
		reconcile_soon(v.m); /* it knows what to do about an engine that is away */
	} else if (s) {
		all_seen(v.m, l);
		all_unseen(s, l, v.began);
		converge(s);
	}
}

void reconcile_session(struct session *s)
{
	struct visit *v = NEW(struct visit);

	*v = (struct visit){s->m, s->id, ++s->m->lists};
	engine_list(s->m->engine, store_install(s->m->store), s->name, visited, v);
}

/* --- the round --- */

static bool later_epoch(struct sessions *m, const struct engine_listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->objects[i].epoch > store_epoch(m->store))
			return true;
	return false;
}

static void engine_away(struct sessions *m, const struct err *e)
{
	if (m->engine_error.code == 0) {
		m->engine_error_ms = loop_now_ms(m->loop);
		log_warn("session", "the engine does not answer: %s", e->text);
	}
	m->engine_error = *e;
}

static void converge_all(struct sessions *m)
{
	/* a session may leave the list while it converges */
	for (size_t i = m->n; i-- > 0;)
		if (i < m->n)
			converge(m->items[i]);
}

static void first_listing_done(struct sessions *m)
{
	m->reconciled = true;
	for (size_t i = 0; i < m->n; i++)
		if (state_wants_up(m->items[i]->state) && !m->items[i]->images_ready)
			images_make(m->items[i]); /* then the containers are adopted */
}

static void listed(void *arg, const struct engine_listing *l)
{
	struct sessions *m = arg;

	m->listing = false;
	if (m->stopped)
		return;
	if (l->err.code != 0) {
		engine_away(m, &l->err);
		m->probed = false;
		timer_start(m->list_timer, 1000);
		return;
	}
	m->engine_error = ERR_NONE;
	if (later_epoch(m, l)) {
		m->quarantined = true;
		log_error("session",
			"the engine holds objects of a later epoch than this database: it was "
			"restored or replaced; nothing is removed. Put the newer database back");
		return;
	}
	all_seen(m, l);
	for (size_t i = 0; i < m->n; i++)
		all_unseen(m->items[i], l, m->list_began);
	if (!m->reconciled)
		first_listing_done(m);
	converge_all(m);
	sessions_admit(m);
	timer_start(m->list_timer, m->list_again ? 0 : LIST_EVERY_MS);
	m->list_again = false;
}

static void probed(void *arg, const struct engine_result *r)
{
	struct sessions *m = arg;

	m->probing = false;
	if (m->stopped)
		return;
	if (r->outcome != ENGINE_DONE) {
		engine_away(m, &r->err);
		timer_start(m->list_timer, 1000);
		return;
	}
	m->probed = true;
	list_now(m);
}

static void list_now(void *arg)
{
	struct sessions *m = arg;

	if (m->stopped || m->quarantined || m->probing)
		return;
	if (m->listing) {
		m->list_again = true;
		return;
	}
	if (!m->probed) {
		m->probing = true;
		engine_probe(m->engine, probed, m);
		return;
	}
	m->listing = true;
	m->list_began = ++m->lists;
	engine_list(m->engine, store_install(m->store), NULL, listed, m);
}

/* At once, but once for everything that asks in the same turn. */
void reconcile_soon(struct sessions *m)
{
	if (m->listing)
		m->list_again = true;
	else if (!m->stopped)
		timer_start(m->list_timer, m->engine_error.code ? 1000 : 0);
}

static void event(void *arg, const struct engine_event *ev)
{
	struct sessions *m = arg;

	if (ev->kind == EVENT_CONNECTED || ev->kind == EVENT_LOST) {
		if (ev->kind == EVENT_LOST)
			m->probed = false; /* it may come back as another version */
		reconcile_soon(m);
		return;
	}
	for (size_t i = 0; i < m->n; i++)
		for (size_t k = 0; k < m->items[i]->n_slots; k++) {
			struct slot *slot = &m->items[i]->slots[k];

			if (!slot->object || !str_same(slot->object->engine_id, ev->container))
				continue;
			if (ev->kind == EVENT_OOM)
				emit_words(m->items[i], "warning", "service", slot->name, "text",
					"the service ran out of its memory", NULL);
			else
				converge_died(m->items[i], slot, ev->exit_code);
			return;
		}
}

void reconcile_start(struct sessions *m)
{
	home_guard(m);
	m->list_timer = timer_new(m->loop, list_now, m);
	engine_events(m->engine, store_install(m->store), event, m);
	timer_start(m->list_timer, 0);
}

void reconcile_stop(struct sessions *m)
{
	timer_free(TAKE(m->list_timer));
}
