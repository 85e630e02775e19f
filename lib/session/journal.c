/*
 * journal.c - intent committed, then effect, then record: the rows behind every engine object.
 *
 *   intent --2xx--> live --decided--> deleting --2xx, and a listing agrees--> gone
 *     |  \--clean refusal--> gone
 *     \--answer lost--> unknown --a listing shows it--> live (networks, volumes) or deleting
 *                                 (containers: how far they were set up is not known)
 *                                 --a listing lacks it--> gone
 *
 * A row's id is the label labd.intent and part of the name, so a name is never used twice and "did
 * it happen?" is one filter.
 */
#include "codec/json.h"
#include "session/impl.h"

#include <inttypes.h>

static const char *const state_words[] = {"intent", "unknown", "live", "deleting", "gone"};
static const char *const kind_words[] = {"network", "volume", "container"};

const char *object_state_name(enum object_state s)
{
	return state_words[s];
}

bool object_state_parse(const char *word, enum object_state *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(state_words); i++)
		if (streq(state_words[i], word)) {
			*ret = (enum object_state)i;
			return true;
		}
	return false;
}

struct engine_turn session_turn(const struct session *s)
{
	enum engine_class class = s->state == STATE_RESETTING ? CLASS_RESET
		: s->state == STATE_STOPPED || s->state == STATE_FAILED ? CLASS_STOP
		: s->state == STATE_ENDING ? CLASS_TEARDOWN : CLASS_USER;

	return (struct engine_turn){class, s->id};
}

/* --- rows --- */

static void add_row(struct tx *t, const struct object *o)
{
	_cleanup_buf_ struct buf spec = BUF(4096);
	struct json_writer w;

	json_begin(&w, &spec, false);
	json_object(&w, NULL);
	if (o->subnet)
		json_put_str(&w, "subnet", o->subnet);
	if (o->filled)
		json_put_bool(&w, "filled", true);
	json_end(&w);
	tx_object(t, &(struct row_object){
		.id = o->id,
		.session = o->session->id,
		.gen = o->gen,
		.kind = kind_words[o->kind],
		.role = o->role,
		.slot = o->slot,
		.name = o->name,
		.engine_id = o->engine_id,
		.state = object_state_name(o->state),
		.spec = buf_str(&spec),
		.epoch = o->epoch,
		.tries = o->tries,
		.changed_ms = loop_wall_ms(o->session->m->loop),
		.last_error = o->last_error,
	});
}

static void commit_row(struct object *o, store_done done)
{
	struct tx *t = tx_new(o->session->m->store);

	add_row(t, o);
	tx_commit(t, done, o);
}

static void saved(void *arg, const struct err *err)
{
	struct object *o = arg;

	o->saving--;
	o->unsaved = err->code != 0;
	if (o->unsaved && o->session->m->rewrite)
		timer_start(o->session->m->rewrite, RETRY_COMMIT_MS);
	else if (o->state == OBJ_GONE)
		converge(o->session); /* which frees it */
}

/* When the daemon goes down nobody is left to be told. */
void journal_save(struct object *o)
{
	bool stopped = o->session->m->stopped;

	o->saving += !stopped;
	commit_row(o, stopped ? NULL : saved);
}

void journal_rewrite(void *arg)
{
	struct sessions *m = arg;

	for (size_t i = 0; i < m->n; i++) {
		struct object *o;

		session_commit(m->items[i]);
		list_for_each(o, &m->items[i]->objects, link)
			if (o->unsaved && !o->saving)
				journal_save(o);
	}
}

static void filled_committed(void *arg, const struct err *err)
{
	struct object *o = arg;

	o->in_flight = false;
	if (err->code != 0) {
		o->filled = false;
		o->retry_at_ms = loop_now_ms(o->session->m->loop) + RETRY_COMMIT_MS;
	}
	converge(o->session);
}

void journal_filled(struct object *o)
{
	o->filled = o->in_flight = true;
	commit_row(o, filled_committed);
}

/* A generation that no session has. */
void journal_disown(struct object *o)
{
	o->gen = 0;
	journal_save(o);
}

bool engine_said_no(const struct engine_result *r)
{
	static const int unheard[] = {
		ERR_UNREACHABLE, ERR_CANCELED, ERR_TIMEOUT, ERR_UNKNOWN, ERR_PROTO, ERR_IO};

	for (size_t i = 0; i < ARRAY_SIZE(unheard); i++)
		if (r->err.code == unheard[i])
			return false;
	return r->outcome == ENGINE_REFUSED;
}

struct object *journal_open(struct session *s, struct slot *slot)
{
	struct object *o = NEW(struct object);

	o->id = store_next_id(s->m->store);
	o->session = s;
	o->gen = s->gen;
	o->kind = slot->kind;
	o->slot = xstrdup(slot->name);
	o->role = slot_role(s, slot);
	o->name = strf("lab-%s-%s-%" PRId64, s->name, slot->name, o->id);
	o->epoch = store_epoch(s->m->store);
	o->opened_at = s->m->lists;
	list_append(&s->objects, &o->link);
	slot->object = o;
	return o;
}

void object_free(struct object *o)
{
	list_unlink(&o->link);
	free(o->slot);
	free(o->name);
	free(o->engine_id);
	free(o->last_error);
	free(o->subnet);
	free(o);
}

static struct slot *slot_of(struct object *o)
{
	for (size_t i = 0; i < o->session->n_slots; i++)
		if (o->session->slots[i].object == o)
			return &o->session->slots[i];
	return NULL;
}

void journal_live(struct object *o, const char *engine_id)
{
	o->state = OBJ_LIVE;
	o->absent = 0;
	str_set(&o->engine_id, engine_id);
	journal_save(o);
	killpoint("after-record");
}

/* The row is closed; converge() frees the object when nothing is in flight for it. Call it last. */
void journal_gone(struct object *o)
{
	struct session *s = o->session;
	struct slot *slot = slot_of(o);

	o->state = OBJ_GONE;
	journal_save(o);
	if (slot) {
		slot->object = NULL;
		if (slot->kind == SLOT_CONTAINER)
			probe_stop(slot);
		slot->running = slot->paused = false;
		if (slot->kind == SLOT_CONTAINER && slot->state != SERVICE_FAILED)
			slot->state = SERVICE_ABSENT;
	}
	if (o->kind == SLOT_NETWORK && o->subnet)
		subnets_give(s->m->subnets, o->subnet);
	converge(s); /* which frees it */
}

/* --- creating --- */

static void refused(struct object *o, const struct engine_result *r)
{
	struct session *s = o->session;
	struct slot *slot = slot_of(o);
	bool again = (o->kind == SLOT_NETWORK && r->err.code == ERR_CAPACITY) || !engine_said_no(r);
	struct err e;

	err_set(&e, ERR_ENGINE, "'%s' could not be made: %s", o->slot, r->err.text);
	if (r->err.code == ERR_CAPACITY) /* the block overlaps with something of the host: it stays
					    marked, the next one is tried */
		free(TAKE(o->subnet));
	else if (slot && again)
		slot_again(s, slot, &r->err);
	journal_gone(o);
	if (slot && !again && state_wants_up(s->state)) /* nobody misses what left its place */
		slot_fail(s, slot, &e);
}

static void created(void *arg, const struct engine_result *r)
{
	struct object *o = arg;
	struct session *s = o->session;
	struct slot *slot = slot_of(o);

	killpoint("after-reply");
	o->in_flight = false;
	o->opened_at = s->m->lists; /* a listing that began before says nothing of it */
	if (r->outcome == ENGINE_DONE) {
		journal_live(o, r->id);
		if (slot)
			slot->errors = 0;
		if (slot && slot->kind == SLOT_CONTAINER)
			slot->state = SERVICE_CREATED;
		converge(s);
	} else if (r->outcome == ENGINE_REFUSED) {
		refused(o, r);
	} else {
		o->state = OBJ_UNKNOWN;
		str_set(&o->last_error, r->err.text);
		journal_save(o);
		if (slot)
			slot_again(s, slot, &r->err);
		else
			reconcile_soon(s->m);
	}
}

static void create_network(struct object *o)
{
	struct session *s = o->session;
	_cleanup_free_ char *gateway = subnet_address(o->subnet, 1);
	char bridge[16];

	/* the class of egress is in the name, so the operator's host rules can be static */
	(void)snprintf(bridge, sizeof(bridge), "lab-%c%08x", s->lab->internet ? 'i' : 'n',
		(unsigned)(o->id & 0xffffffff));
	struct network_spec spec = {
		.name = o->name,
		.labels = plan_labels(s, o),
		.subnet = o->subnet,
		.gateway = gateway,
		.bridge = bridge,
		.internal = !s->lab->internet,
	};
	network_create(s->m->engine, session_turn(s), &spec, created, o);
}

static void send_create(struct object *o, struct slot *slot)
{
	struct session *s = o->session;

	if (o->kind == SLOT_NETWORK) {
		create_network(o);
	} else if (o->kind == SLOT_VOLUME) {
		volume_create(s->m->engine, session_turn(s),
			&(struct volume_spec){o->name, plan_labels(s, o)}, created, o);
	} else {
		struct container_spec spec;
		struct container_plan *p = plan_container(s, slot, o, &spec);
		struct engine_turn turn = session_turn(s);

		if (slot->wants)
			turn.class = CLASS_CHECK;
		container_create(s->m->engine, turn, &spec, created, o);
		plan_container_free(p);
	}
	killpoint("after-send");
}

static void intent_committed(void *arg, const struct err *err)
{
	struct object *o = arg;
	struct session *s = o->session;
	struct slot *slot = slot_of(o);

	killpoint("after-intent");
	if (err->code == 0 && slot && slot_wanted(s, slot)) {
		send_create(o, slot);
		return;
	}
	/* not wanted any more, or not durable: nothing was sent, so nothing is there */
	o->in_flight = false;
	if (slot && err->code != 0)
		slot_fail(s, slot, err);
	journal_gone(o);
}

void journal_create(struct object *o, struct slot *slot)
{
	killpoint("before-intent");
	o->state = OBJ_INTENT;
	o->in_flight = true;
	commit_row(o, intent_committed);
}

/* --- removing --- */

/* Some removal of this session is still on its way: the last one asks for the listing, once for
 * all. */
static bool removing(const struct session *s)
{
	struct object *o;

	list_for_each(o, &s->objects, link)
		if (o->in_flight && o->state == OBJ_DELETING)
			return true;
	return false;
}

static void removed(void *arg, const struct engine_result *r)
{
	struct object *o = arg;
	struct session *s = o->session;
	struct slot *slot = slot_of(o);

	killpoint("after-reply");
	o->in_flight = false;
	o->opened_at = s->m->lists; /* only a listing begun from now on says something */
	if (r->outcome == ENGINE_DONE) {
		o->removed = true;
		if (slot) { /* the place is free: a new object may follow while the listing is
			       awaited */
			slot->object = NULL;
			slot->running = slot->paused = false;
			if (slot->kind == SLOT_CONTAINER && slot->state != SERVICE_DONE)
				slot->state = SERVICE_ABSENT;
		}
	} else {
		o->tries++;
		o->retry_at_ms = loop_now_ms(s->m->loop) + MIN(500 << MIN(o->tries, 6), 30000);
		str_set(&o->last_error, r->err.text);
		journal_save(o);
		reconcile_soon(s->m);
	}
	converge(s); /* which may remove what had to wait for this */
	if (!removing(s))
		reconcile_session(s);
}

static void removal_committed(void *arg, const struct err *err)
{
	struct object *o = arg;
	struct session *s = o->session;

	killpoint("after-intent");
	if (err->code != 0) {
		o->in_flight = false;
		o->retry_at_ms = loop_now_ms(s->m->loop) + RETRY_COMMIT_MS;
		converge(s); /* which waits until then */
		return;
	}
	if (o->kind == SLOT_CONTAINER)
		container_remove(s->m->engine, session_turn(s),
			o->engine_id ? o->engine_id : o->name, removed, o);
	else if (o->kind == SLOT_NETWORK)
		network_remove(s->m->engine, session_turn(s), o->engine_id, removed, o);
	else
		volume_remove(s->m->engine, session_turn(s), o->name, removed, o);
	killpoint("after-send");
}

void journal_remove(struct object *o)
{
	struct slot *slot = slot_of(o);

	if (o->in_flight || o->removed || o->state == OBJ_GONE || o->state == OBJ_INTENT ||
		o->state == OBJ_UNKNOWN || o->retry_at_ms > loop_now_ms(o->session->m->loop))
		return;
	if (slot && slot->kind == SLOT_CONTAINER)
		probe_stop(slot);
	killpoint("before-intent");
	o->state = OBJ_DELETING;
	o->in_flight = true;
	commit_row(o, removal_committed);
}
