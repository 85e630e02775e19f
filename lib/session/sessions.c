/*
 * sessions.c - all sessions of this daemon: their rows, their life, finding them, what they are,
 * and answers that wait until it is durable.
 */
#include "session/impl.h"

#define DEFAULT_MAX_SESSIONS 8
#define DEFAULT_MAX_EXPIRES_MS (12 * 3600000)
#define DEFAULT_SUBNETS "10.213.0.0/16"

/* --- rows --- */

void session_row(const struct session *s, struct row_session *r)
{
	*r = (struct row_session){
		.id = s->id,
		.name = s->name,
		.lab = s->lab->slug,
		.source = s->source,
		.digest = s->digest,
		.commit = s->commit,
		.version = s->lab->version,
		.variant = lab_variant_id(s->lab),
		.state = session_state_name(s->state),
		.gen = s->gen,
		.created_ms = s->created_ms,
		.ready_ms = s->ready_ms,
		.expires_ms = s->expires_ms,
		.keep_until_ms = s->keep_until_ms,
		.activity_ms = s->activity_ms,
		.activity = s->activity,
		.extended = s->extended,
		.warned = s->warned,
		.cause = s->cause,
		.tainted = s->tainted,
		.ended_ms = s->state == STATE_GONE ? loop_wall_ms(s->m->loop) : 0,
	};
	memcpy(r->seed, s->seed, SEED_BYTES);
}

void session_save(struct session *s, struct tx *t)
{
	struct row_session r;

	session_row(s, &r);
	tx_session(t, &r);
}

static void saved(void *arg, const struct err *err)
{
	struct sessions *m = arg;

	if (err->code != 0 && m->rewrite)
		timer_start(m->rewrite, RETRY_COMMIT_MS);
}

void session_commit(struct session *s)
{
	struct tx *t = tx_new(s->m->store);

	session_save(s, t);
	tx_commit(t, s->m->stopped ? NULL : saved, s->m);
}

/* --- making and freeing --- */

static void later(void *arg)
{
	converge(arg);
}

struct session *session_new(struct sessions *m)
{
	struct session *s = NEW(struct session);

	s->m = m;
	list_init(&s->objects);
	list_init(&s->waiters);
	s->later = timer_new(m->loop, later, s);
	s->startup = timer_new(m->loop, session_startup_over, s);
	ARRAY_GROW(m->items, m->n, m->cap);
	m->items[m->n++] = s;
	return s;
}

void session_slots_free(struct session *s)
{
	for (size_t i = 0; i < s->n_slots; i++) {
		struct slot *slot = &s->slots[i];

		if (slot->kind == SLOT_CONTAINER)
			probe_stop(slot);
		free(slot->name);
		free(slot->fill);
		free(slot->note);
	}
	free(TAKE(s->slots));
	s->n_slots = 0;
}

void session_images_free(struct session *s)
{
	for (size_t i = 0; s->image_ids && i < s->images.n; i++) {
		free(s->image_ids[i]);
		strv_free(s->image_volumes[i]);
	}
	free(s->image_ids);
	free(s->image_volumes);
	lab_images_done(&s->images);
}

static void session_free(void *arg)
{
	struct session *s = arg;

	images_stop(s);
	session_slots_free(s);
	session_images_free(s);
	while (!list_empty(&s->objects))
		object_free(list_first(&s->objects, struct object, link));
	timer_free(s->later);
	timer_free(s->startup);
	events_done(s);
	lab_free(s->lab);
	free(s->name);
	free(s->source);
	free(s->commit);
	free(s->digest);
	free(s->activity);
	free(s->cause);
	free(s->lost);
	free(s);
}

void session_forget(struct session *s)
{
	struct sessions *m = s->m;
	size_t n = 0;

	s->freeing = true;
	for (size_t i = 0; i < m->n; i++)
		if (m->items[i] != s)
			m->items[n++] = m->items[i];
	m->n = n;
	snapshot_leave(s);
	loop_defer(m->loop, session_free, s);
	sessions_admit(m);
}

int sessions_new(struct sessions **ret, struct loop *l, struct store *store, struct engine *engine,
	struct worker *io, const struct sessions_config *c, struct err *e)
{
	struct sessions *m = NEW(struct sessions);

	m->loop = l;
	m->store = store;
	m->engine = engine;
	m->io = io;
	list_init(&m->execs);
	m->images_making = map_new(NULL);
	str_set(&m->labs, c->labs);
	str_set(&m->state_dir, c->state);
	str_set(&m->lab_fetch, c->lab_fetch);
	str_set(&m->subnets_text, c->subnets ? c->subnets : DEFAULT_SUBNETS);
	m->config = (struct sessions_config){
		.labs = m->labs,
		.state = m->state_dir,
		.lab_fetch = m->lab_fetch,
		.max_sessions = c->max_sessions ? c->max_sessions : DEFAULT_MAX_SESSIONS,
		.max_expires_ms = c->max_expires_ms ? c->max_expires_ms : DEFAULT_MAX_EXPIRES_MS,
		.subnets = m->subnets_text,
		.several = c->several,
	};
	m->subnets = subnets_new(m->subnets_text, e);
	if (!m->subnets) {
		sessions_free(m);
		return ERR_USAGE;
	}
	*ret = m;
	return 0;
}

static void session_still(struct session *s)
{
	struct err e = ERR_NONE;

	err_set(&e, ERR_CANCELED, "the daemon is going down");
	waiters_fail(s, &e);
	images_stop(s);
	for (size_t i = 0; i < s->n_slots; i++)
		if (s->slots[i].kind == SLOT_CONTAINER)
			probe_stop(&s->slots[i]);
}

void sessions_stop(struct sessions *m)
{
	if (m->stopped)
		return;
	m->stopped = true;
	for (size_t i = 0; i < m->n; i++)
		session_still(m->items[i]);
	reconcile_stop(m);
	timer_free(TAKE(m->tick));
	timer_free(TAKE(m->rewrite));
}

void sessions_free(struct sessions *m)
{
	if (!m)
		return;
	sessions_stop(m);
	for (size_t i = 0; i < m->n; i++)
		session_free(m->items[i]);
	free(m->items);
	free(m->listeners);
	subnets_free(m->subnets);
	map_free(m->images_making);
	free(m->labs);
	free(m->state_dir);
	free(m->left_last);
	free(m->lab_fetch);
	free(m->subnets_text);
	free(m);
}

/* --- finding --- */

struct session *sessions_by_id(struct sessions *m, int64_t id)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->items[i]->id == id)
			return m->items[i];
	return NULL;
}

struct session *sessions_by_name(struct sessions *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (streq(m->items[i]->name, name))
			return m->items[i];
	return NULL;
}

size_t sessions_count(const struct sessions *m)
{
	return m->n;
}

struct session *sessions_at(const struct sessions *m, size_t i)
{
	return i < m->n ? m->items[i] : NULL;
}

size_t sessions_live(const struct sessions *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += m->items[i]->state != STATE_STOPPED && m->items[i]->state != STATE_FAILED;
	return n;
}

const struct err *sessions_engine_error(const struct sessions *m, int64_t *since_ms)
{
	if (since_ms)
		*since_ms = m->engine_error_ms;
	return &m->engine_error;
}

bool sessions_quarantined(const struct sessions *m)
{
	return m->quarantined;
}

struct engine *sessions_engine(struct sessions *m)
{
	return m->engine;
}

struct store *sessions_store(struct sessions *m)
{
	return m->store;
}

struct loop *sessions_loop(struct sessions *m)
{
	return m->loop;
}

struct worker *sessions_io(struct sessions *m)
{
	return m->io;
}

const struct sessions_config *sessions_config(const struct sessions *m)
{
	return &m->config;
}

struct sessions *session_manager(struct session *s)
{
	return s->m;
}

/* --- what a session is --- */

const char *session_repository(const struct session *s)
{
	return str_starts(s->source, "repo/") ? s->source + strlen("repo/") : NULL;
}

static size_t queue_place(const struct session *s)
{
	size_t place = 1;

	if (s->state != STATE_QUEUED)
		return 0;
	for (size_t i = 0; i < s->m->n && s->m->items[i] != s; i++)
		place += s->m->items[i]->state == STATE_QUEUED;
	return place;
}

void session_info(const struct session *s, struct session_info *ret)
{
	*ret = (struct session_info){
		.id = s->id,
		.name = s->name,
		.cause = s->cause ? s->cause : "",
		.activity = s->activity ? s->activity : "",
		.repository = session_repository(s),
		.commit = s->commit,
		.lab = s->lab,
		.state = s->state,
		.gen = s->gen,
		.created_ms = s->created_ms,
		.ready_ms = s->ready_ms,
		.expires_ms = s->expires_ms,
		.keep_until_ms = s->keep_until_ms,
		.activity_ms = s->activity_ms,
		.extended = s->extended,
		.tainted = s->tainted,
		.queue_place = queue_place(s),
		.startup_started_ms = s->startup_started_ms,
		.startup_took_ms = s->startup_took_ms,
	};
	memcpy(ret->seed, s->seed, SEED_BYTES);
	limits_next(s, &ret->next_ms, &ret->next_rule, &ret->next_action);
	for (size_t i = 0; i < s->lab->n_services; i++) {
		enum service_state st = session_service(s, (int)i, NULL);

		if (s->lab->services[i].when != WHEN_SESSION)
			continue;
		ret->wanted++;
		ret->ready += st == SERVICE_READY || st == SERVICE_DONE;
	}
}

enum service_state session_service(const struct session *s, int service, const char **ret_note)
{
	const struct slot *slot = plan_service((struct session *)s, service);

	if (ret_note)
		*ret_note = slot && slot->note ? slot->note : "";
	return slot ? slot->state : SERVICE_ABSENT;
}

const char *session_container(const struct session *s, int service, int64_t *started_ms)
{
	const struct slot *slot = plan_service((struct session *)s, service);

	if (!slot || !slot->object || slot->object->state != OBJ_LIVE)
		return NULL;
	if (started_ms)
		*started_ms = slot->started_ms;
	return slot->object->engine_id;
}

const char *session_image(const struct session *s, int service)
{
	return s->image_ids ? s->image_ids[s->images.of_service[service]] : NULL;
}

const char *session_network_id(const struct session *s, int network)
{
	const struct slot *slot =
		plan_slot((struct session *)s, SLOT_NETWORK, s->lab->networks[network].name);

	return slot && slot->object ? slot->object->engine_id : NULL;
}

/* --- answers after durability --- */

struct answer {
	struct sessions *m;
	int64_t session;
	struct err err;
	session_done done;
	void *arg;
};

static void answer_now(void *arg)
{
	struct answer *a = arg;

	struct session *s = sessions_by_id(a->m, a->session);

	a->done(a->arg, s, &a->err);
	if (s && --s->answers == 0)
		converge(s); /* it may have waited for this to be forgotten */
	free(a);
}

static void answer_committed(void *arg, const struct err *err)
{
	killpoint("before-answer");
	((struct answer *)arg)->err = *err;
	answer_now(arg);
}

static struct answer *answer_new(
	struct sessions *m, struct session *s, session_done done, void *arg)
{
	struct answer *a = NEW(struct answer);

	*a = (struct answer){m, s ? s->id : 0, ERR_NONE, done, arg};
	if (s)
		s->answers++;
	return a;
}

void session_answer(struct session *s, session_done done, void *arg)
{
	struct tx *t;

	if (!done)
		return;
	t = tx_new(s->m->store);
	session_save(s, t);
	tx_commit(t, answer_committed, answer_new(s->m, s, done, arg));
}

void sessions_refuse(struct sessions *m, session_done done, void *arg, const struct err *e)
{
	struct answer *a;

	if (!done)
		return;
	a = answer_new(m, NULL, done, arg);
	a->err = *e;
	loop_defer(m->loop, answer_now, a);
}
