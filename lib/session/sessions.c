/*
 * sessions.c - all sessions of this daemon: loading, opening, finding, changing.
 */
#include "codec/json.h"
#include "base/fsutil.h"
#include "base/id.h"
#include "lab/catalog.h"
#include "session/impl.h"

#include <inttypes.h>

#define DEFAULT_MAX_SESSIONS 8
#define DEFAULT_MAX_EXPIRES_MS (12 * 3600000)
#define DEFAULT_SUBNETS "10.213.0.0/16"
#define KEEP_LOST_MS (7 * 24 * 3600000LL)

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

static struct session *session_new(struct sessions *m)
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
	free(m->lab_fetch);
	free(m->subnets_text);
	free(m);
}

/* --- loading --- */

struct loading {
	struct sessions *m;
	struct err err;
};

static bool state_parse(const char *word, enum session_state *ret)
{
	for (int i = 0; i < STATE_COUNT_; i++)
		if (streq(session_state_name((enum session_state)i), word)) {
			*ret = (enum session_state)i;
			return true;
		}
	return false;
}

/*
 * Without its definition nothing can be made of a session and nothing be asked of it. What it has
 * in the engine is known from its rows, and can be removed.
 */
static void lose(struct session *s, const struct row_session *r, const struct err *why)
{
	struct lab *l = NEW(struct lab);

	l->slug = xstrdup(r->lab);
	l->title = xstrdup(r->lab);
	str_set(&l->version, r->version);
	(void)snprintf(l->digest, sizeof(l->digest), "%s", r->digest);
	if (r->variant) { /* it stays what it is for a day when it can be read */
		l->variants = NEW(struct lab_variant);
		l->n_variants = 1;
		l->variants->id = xstrdup(r->variant);
	}
	l->entry = l->grading_by = -1;
	l->keep_ms = KEEP_LOST_MS;
	s->lab = l;
	s->lost = strf("its definition cannot be read: %s", why->text);
}

static void load_definition(struct session *s, const struct row_session *r)
{
	_cleanup_free_ char *path = snapshot_path(s->m, s->digest, r->lab);
	struct problems problems = {0};
	struct err e = ERR_NONE;

	if (lab_load_variant(&s->lab, path, r->variant, &problems, &e) < 0)
		lose(s, r, &e);
	problems_done(&problems);
}

static void load_session(void *arg, const struct row_session *r)
{
	struct loading *l = arg;

	if (l->err.code != 0)
		return;
	struct session *s = session_new(l->m);
	s->id = r->id;
	s->name = xstrdup(r->name);
	s->source = xstrdup(r->source);
	s->digest = xstrdup(r->digest);
	str_set(&s->commit, r->commit);
	memcpy(s->seed, r->seed, SEED_BYTES);
	s->gen = r->gen;
	s->created_ms = r->created_ms;
	s->ready_ms = r->ready_ms;
	s->expires_ms = r->expires_ms;
	s->keep_until_ms = r->keep_until_ms;
	s->activity_ms = r->activity_ms;
	str_set(&s->activity, r->activity);
	str_set(&s->cause, r->cause);
	s->extended = r->extended;
	s->tainted = r->tainted;
	if (!state_parse(r->state, &s->state))
		err_set(&l->err, ERR_STATE, "session '%s' has the unknown state '%s'", r->name,
			r->state);
	load_definition(s, r);
	plan_slots(s);
}

static bool kind_parse(const char *word, enum slot_kind *ret)
{
	*ret = streq(word, "network")  ? SLOT_NETWORK
	       : streq(word, "volume") ? SLOT_VOLUME
				       : SLOT_CONTAINER;
	return *ret != SLOT_CONTAINER || streq(word, "container");
}

static void load_object(void *arg, const struct row_object *r)
{
	struct loading *l = arg;
	struct session *s = sessions_by_id(l->m, r->session);
	_cleanup_(json_freep) struct json *spec = NULL;
	struct object *o;

	if (l->err.code != 0 || !s)
		return; /* objects of a session that is gone are orphans: the first listing removes
			   them */
	o = NEW(struct object);
	o->id = r->id;
	o->session = s;
	o->gen = r->gen;
	o->slot = xstrdup(r->slot);
	o->name = xstrdup(r->name);
	str_set(&o->engine_id, r->engine_id);
	o->epoch = r->epoch;
	o->tries = (int)r->tries;
	list_append(&s->objects, &o->link);
	if (!object_state_parse(r->state, &o->state) || !kind_parse(r->kind, &o->kind) ||
		json_parse(&spec, r->spec, strlen(r->spec), &l->err) < 0) {
		err_set(&l->err, ERR_STATE, "the row of '%s' is damaged", r->name);
		return;
	}
	str_set(&o->subnet, json_str(json_get(spec, "subnet")));
	o->filled = json_bool(json_get(spec, "filled"), false);
	if (o->subnet)
		subnets_mark(l->m->subnets, o->subnet);
	plan_attach(s, o);
	for (size_t i = 0; i < s->n_slots; i++)
		if (s->slots[i].object == o)
			o->role = slot_role(s, &s->slots[i]);
	if (!o->role)
		o->role = "leaving";
}

static void fail_lost(struct session *s)
{
	enum session_state from = s->state;

	log_error("session", "'%s' is failed: %s", s->name, s->lost);
	if (from == STATE_ENDING || from == STATE_GONE)
		return; /* it needs no definition for that */
	if (from != STATE_STOPPED && from != STATE_FAILED)
		s->keep_until_ms = loop_wall_ms(s->m->loop) + s->lab->keep_ms;
	s->state = STATE_FAILED;
	str_set(&s->cause, s->lost);
	session_commit(s);
	if (from != STATE_FAILED)
		emit_words(s, "state", "state", session_state_name(s->state), "from",
			session_state_name(from), "cause", s->cause, "kind", err_kind(ERR_INVALID),
			NULL);
}

/* What a restart means for a state: a grade is over (its row becomes aborted); a bring-up goes on.
 */
static void resume_state(struct session *s)
{
	if (s->lost)
		return fail_lost(s);
	if (s->state != STATE_GRADING)
		return;
	s->state = STATE_READY;
	session_commit(s);
}

int sessions_start(struct sessions *m, struct err *e)
{
	struct loading l = {m, ERR_NONE};
	const struct store_loader to = {.arg = &l, .session = load_session, .object = load_object};
	int r = store_load(m->store, &to, e);

	if (r < 0)
		return r;
	if (l.err.code != 0)
		return err_copy(e, &l.err);
	snapshots_sweep(m);
	m->rewrite = timer_new(m->loop, journal_rewrite, m);
	for (size_t i = 0; i < m->n; i++)
		resume_state(m->items[i]);
	m->tick = timer_new(m->loop, limits_tick, m);
	limits_arm(m);
	reconcile_start(m);
	return 0;
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

static const char *repository_of(const struct session *s)
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
		.repository = repository_of(s),
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

/* --- changing --- */

static void wrong_state(struct session *s, const char *verb, session_done done, void *arg)
{
	struct err e = ERR_NONE;

	if (s->lost)
		err_set(&e, ERR_STATE,
			"'%s' cannot be %s: %s; 'lab stop --discard %s' removes it", s->name, verb,
			s->lost, s->name);
	else
		err_set(&e, ERR_STATE, "'%s' is %s and cannot be %s", s->name,
			session_state_name(s->state), verb);
	sessions_refuse(s->m, done, arg, &e);
}

void session_pause(struct session *s, const char *rule, session_done done, void *arg)
{
	if (s->state == STATE_READY)
		session_move(s, STATE_PAUSED, rule);
	else if (s->state != STATE_PAUSED)
		return wrong_state(s, "paused", done, arg);
	s->waking = false;
	converge(s);
	session_answer(s, done, arg);
}

void session_resume(struct session *s, session_done done, void *arg)
{
	if (s->lost)
		return wrong_state(s, "resumed", done, arg);
	if (s->state == STATE_PAUSED) {
		s->waking = true; /* ready means that everything answers: converge() goes on */
		converge(s);
	} else if (s->state == STATE_STOPPED || s->state == STATE_FAILED) {
		for (size_t i = 0; i < s->n_slots; i++)
			if (s->slots[i].state == SERVICE_FAILED)
				s->slots[i].state =
					s->slots[i].object ? SERVICE_CREATED : SERVICE_ABSENT;
		s->startup_took_ms = 0;
		session_move(s, STATE_QUEUED, NULL);
		sessions_admit(s->m);
	} else if (s->state == STATE_GRADING || s->state == STATE_ENDING ||
		   s->state == STATE_GONE) {
		return wrong_state(s, "resumed", done, arg);
	}
	session_answer(s, done, arg);
}

void session_stop(struct session *s, bool discard, const char *rule, session_done done, void *arg)
{
	s->answers++; /* one that has nothing left would be forgotten before it is answered */
	if (discard && s->state != STATE_ENDING && s->state != STATE_GONE)
		session_move(s, STATE_ENDING, rule);
	else if (!discard && session_may(s, STATE_STOPPED))
		session_move(s, STATE_STOPPED, rule);
	session_answer(s, done, arg);
	if (--s->answers == 0)
		converge(s);
}

static bool shared(const struct lab *l, int service, int volume)
{
	for (size_t i = 0; i < l->n_services; i++)
		for (size_t k = 0; (int)i != service && k < l->services[i].n_mounts; k++)
			if (l->services[i].mounts[k].volume == volume)
				return true;
	return false;
}

void slot_leave(struct slot *slot)
{
	if (slot->object)
		journal_disown(slot->object);
	slot_detach(slot);
}

static void tell_shared(struct session *s, const char *service, const struct buf *names)
{
	_cleanup_free_ char *text = strf(
		"stays as it is, because other services mount it: volume %s", buf_str(names));

	if (names->len)
		emit_words(s, "warning", "service", service, "text", text, NULL);
}

/*
 * Its container and what only it can have written. A volume that others mount is theirs, too: they
 * run on, and who has filled it (a one-shot service) would have to run again.
 */
static void detach_service(struct session *s, int service)
{
	const struct lab_service *v = &s->lab->services[service];
	char **paths = image_paths(s, service);
	_cleanup_buf_ struct buf stay = BUF(4096);

	slot_leave(plan_service(s, service));
	for (size_t i = 0; i < v->n_mounts; i++) {
		const char *name = s->lab->volumes[v->mounts[i].volume].name;

		if (v->mounts[i].read_only)
			continue;
		if (shared(s->lab, service, v->mounts[i].volume))
			(void)buf_addf(&stay, "%s'%s'", stay.len ? ", " : "", name); /* fits */
		else
			slot_leave(plan_slot(s, SLOT_VOLUME, name));
	}
	for (size_t k = 0; paths && paths[k]; k++) {
		_cleanup_free_ char *name = strf("%s.%zu", v->name, k);
		struct slot *slot = plan_slot(s, SLOT_VOLUME, name);

		if (slot)
			slot_leave(slot);
	}
	tell_shared(s, v->name, &stay);
}

void session_reset(struct session *s, int service, session_done done, void *arg)
{
	if (s->lost || !session_may(s, STATE_RESETTING))
		return wrong_state(s, "reset", done, arg);
	if (service < 0) {
		s->gen++;
		for (size_t i = 0; i < s->n_slots; i++)
			slot_detach(&s->slots[i]);
	} else {
		detach_service(s, service);
	}
	execs_close_learners(s, "the lab is reset");
	session_move(s, STATE_RESETTING, NULL);
	session_answer(s, done, arg);
}

void session_extend(struct session *s, int64_t by_ms, session_done done, void *arg)
{
	const struct lab *l = s->lab;
	struct err e = ERR_NONE;

	if (s->state != STATE_READY && s->state != STATE_PAUSED)
		return wrong_state(s, "extended", done, arg);
	if (s->extended >= l->extend_max)
		err_set(&e, ERR_QUOTA, "no extension of '%s' is left (%d of %d used)", s->name,
			l->extend_max, l->extend_max);
	else if (by_ms > l->extend_by_ms)
		err_set(&e, ERR_QUOTA, "'%s' can be extended by at most %s at a time", s->name,
			str_human_ms(l->extend_by_ms));
	if (e.code != 0)
		return sessions_refuse(s->m, done, arg, &e);
	s->extended++;
	s->expires_ms += by_ms ? by_ms : l->extend_by_ms;
	while (s->warned > 0 &&
		s->expires_ms - l->warn_ms[s->warned - 1] > loop_wall_ms(s->m->loop))
		s->warned--;
	emit_words(s, "limit", "rule", "extend", "action", "extended", NULL);
	limits_arm(s->m);
	session_answer(s, done, arg);
}

/* Rows of activity are written with the next change of the session, at the latest by its limits. */
void session_touch(struct session *s, const char *source)
{
	s->activity_ms = loop_wall_ms(s->m->loop);
	str_set(&s->activity, source);
}

void session_hold(struct session *s)
{
	s->holds++;
}

void session_unhold(struct session *s)
{
	if (s->holds > 0)
		s->holds--;
	s->activity_ms = loop_wall_ms(s->m->loop); /* the timer stood still */
	limits_arm(s->m);
}

int session_begin_grade(struct session *s, struct err *e)
{
	if (s->state != STATE_READY)
		return err_set(e, ERR_STATE, "'%s' is %s: a grade needs a lab that is ready",
			s->name, session_state_name(s->state));
	session_hold(s);
	session_move(s, STATE_GRADING, NULL);
	execs_close_learners(s, "a grade has begun: shells are held until it ends");
	return 0;
}

void session_end_grade(struct session *s)
{
	session_unhold(s);
	if (s->state == STATE_GRADING)
		session_move(s, STATE_READY, NULL);
}

/* --- opening --- */

struct opening {
	struct sessions *m;
	char *slug, *key, *folder, *repository, *commit, *variant;
	bool exact;
	unsigned char seed[SEED_BYTES];
	struct lab *lab;
	struct err err;
	session_done done;
	void *arg;
};

static void opening_free(struct opening *o)
{
	lab_free(o->lab);
	free(o->slug);
	free(o->key);
	free(o->folder);
	free(o->repository);
	free(o->commit);
	free(o->variant);
	free(o);
}

/* Copy the definition, and load the copy, which the session keeps. */
static int copy(struct opening *o, const struct lab *found, const char *to, struct err *e)
{
	_cleanup_free_ char *path = snapshot_path(o->m, found->digest, found->slug);
	struct problems problems = {0};
	int r = catalog_snapshot(found, to, e);

	if (r == 0)
		r = lab_load_variant(&o->lab, path, o->variant, &problems, e);
	problems_done(&problems);
	return r;
}

/* On an io thread: find, check and copy. A copy that is there and damaged is made anew. */
static void open_run(void *arg)
{
	struct opening *o = arg;
	struct problems problems = {0};
	_cleanup_(lab_freep) struct lab *found = NULL;

	if (catalog_load(o->folder, o->slug, &found, &problems, &o->err) == 0 &&
		(!o->variant || lab_variant(found, o->variant, &o->err) >= 0)) {
		_cleanup_free_ char *to = strf("%s/labs/%s", o->m->state_dir, found->digest);

		if (copy(o, found, to, &o->err) < 0 && fs_is_dir(to) &&
			fs_remove_tree(to, &o->err) == 0) {
			o->err = ERR_NONE;
			(void)copy(o, found, to, &o->err); /* o->err tells */
		}
	}
	problems_done(&problems);
}

/* Two repositories may have a lab of the same name. */
static struct session *existing(struct sessions *m, const char *slug, const char *repository)
{
	if (m->config.several)
		return NULL;
	for (size_t i = 0; i < m->n; i++)
		if (streq(m->items[i]->lab->slug, slug) &&
			str_same(repository_of(m->items[i]), repository) &&
			m->items[i]->state != STATE_ENDING && m->items[i]->state != STATE_GONE)
			return m->items[i];
	return NULL;
}

/* Going on with a session, which is what it is. commit, variant: NULL = whichever it has. */
static void go_on(struct session *s, const char *commit, const char *variant, session_done done,
	void *arg)
{
	const char *has = lab_variant_id(s->lab);
	struct err e = ERR_NONE;

	if (commit && !str_same(commit, s->commit))
		err_set(&e, ERR_STATE,
			"'%s' is of commit %.12s: with --fresh it is discarded and %.12s started",
			s->name, s->commit ? s->commit : "-", commit);
	else if (variant && !str_same(variant, has))
		err_set(&e, ERR_STATE,
			"'%s' runs %s%s%s: 'lab start %s --variant %s --fresh' discards it and "
			"starts '%s'",
			s->name, has ? "as the variant '" : "without a variant", has ? has : "",
			has ? "'" : "", s->lab->slug, variant, variant);
	if (e.code)
		sessions_refuse(s->m, done, arg, &e);
	else
		session_resume(s, done, arg);
}

static char *unique_name(struct sessions *m, const char *slug)
{
	char tail[5], *name;

	for (;;) {
		id_random(tail, 4);
		name = strf("%s-%s", slug, tail);
		if (!sessions_by_name(m, name))
			return name;
		free(name);
	}
}

static void open_done(void *arg);

static void chosen(void *arg, int variant, const struct err *e)
{
	struct opening *o = arg;
	struct sessions *m = o->m;

	if (variant >= 0 && !m->stopped) {
		o->variant = xstrdup(o->lab->variants[variant].id);
		lab_free(TAKE(o->lab));
		if (worker_submit(m->io, open_run, open_done, o, &o->err) == 0)
			return;
	} else {
		err_copy(&o->err, e);
	}
	m->openings--;
	sessions_refuse(m, o->done, o->arg, &o->err);
	opening_free(o);
}

static void open_done(void *arg)
{
	struct opening *o = arg;
	struct sessions *m = o->m;
	struct session *s = existing(m, o->slug, o->repository);

	if (o->err.code == 0 && !s && !o->variant && o->lab->n_variants) {
		variant_choose(m->engine, o->lab, chosen, o);
		return;
	}
	m->openings--;
	if (o->err.code == 0 && s) { /* two starts at once: the second resumes the first's */
		go_on(s, o->exact ? o->commit : NULL, o->variant, o->done, o->arg);
	} else if (o->err.code != 0) {
		sessions_refuse(m, o->done, o->arg, &o->err);
	} else {
		char *name = unique_name(m, o->slug);

		s = session_new(m);
		s->id = store_next_id(m->store);
		s->name = name;
		s->lab = TAKE(o->lab);
		s->source = o->repository ? strf("repo/%s", o->repository) : xstrdup(m->labs);
		s->commit = TAKE(o->commit);
		s->digest = xstrdup(s->lab->digest);
		memcpy(s->seed, o->seed, SEED_BYTES);
		s->gen = 1;
		s->created_ms = s->activity_ms = loop_wall_ms(m->loop);
		s->state = STATE_QUEUED;
		plan_slots(s);
		session_commit(s);
		emit_words(s, "state", "state", "queued", "from", "", "cause", "", NULL);
		session_answer(s, o->done, o->arg);
		sessions_admit(m);
	}
	opening_free(o);
}

static size_t counted(const struct sessions *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += m->items[i]->state != STATE_ENDING && m->items[i]->state != STATE_STOPPED;
	return n;
}

void sessions_open(
	struct sessions *m, const struct start_options *opt, session_done done, void *arg)
{
	struct session *s = existing(m, opt->lab, opt->repository);
	struct err e = ERR_NONE;

	if (s && !opt->fresh) {
		go_on(s, opt->exact ? opt->commit : NULL, opt->variant, done, arg);
		return;
	}
	if (s && s->state == STATE_GRADING) {
		wrong_state(s, "discarded now", done, arg);
		return;
	}
	if (s)
		session_stop(s, true, "start --fresh", NULL, NULL);
	if ((int64_t)counted(m) >= m->config.max_sessions) {
		err_set(&e, ERR_QUOTA,
			"%zu labs are live, which is the most: stop one with 'lab stop'",
			counted(m));
		sessions_refuse(m, done, arg, &e);
		return;
	}
	struct opening *o = NEW(struct opening);
	o->m = m;
	o->slug = xstrdup(opt->lab);
	o->folder = xstrdup(opt->folder ? opt->folder : m->labs);
	str_set(&o->repository, opt->repository);
	str_set(&o->commit, opt->commit);
	str_set(&o->variant, opt->variant);
	o->exact = opt->exact;
	o->done = done;
	o->arg = arg;
	if (opt->seed)
		memcpy(o->seed, opt->seed, SEED_BYTES);
	else
		random_bytes(o->seed, SEED_BYTES);
	m->openings++;
	if (worker_submit(m->io, open_run, open_done, o, &e) < 0) {
		m->openings--;
		sessions_refuse(m, done, arg, &e);
		opening_free(o);
	}
}

/* --- clean-up by hand --- */

struct gc {
	struct sessions *m;
	bool apply;
	int64_t older_ms;
	void (*item)(void *arg, const struct gc_item *i);
	void (*done)(void *arg, const struct err *e);
	void *arg;
};

static bool owned(struct sessions *m, int64_t intent)
{
	for (size_t i = 0; i < m->n; i++) {
		struct object *o;

		list_for_each(o, &m->items[i]->objects, link)
			if (o->id == intent)
				return true;
	}
	return false;
}

static void gc_listed(void *arg, const struct engine_listing *l)
{
	struct gc *g = arg;
	struct sessions *m = g->m;
	int64_t now = loop_wall_ms(m->loop);

	for (size_t i = 0; i < l->n; i++)
		if (!object_inherits(&l->objects[i]) && !owned(m, l->objects[i].intent))
			g->item(g->arg, &(struct gc_item){l->objects[i].kind, l->objects[i].name,
						l->objects[i].session, "no session owns it"});
	for (size_t i = m->n; i-- > 0;) {
		struct session *s = m->items[i];

		if ((s->state != STATE_STOPPED && s->state != STATE_FAILED) ||
			now - s->activity_ms < g->older_ms)
			continue;
		g->item(g->arg, &(struct gc_item){OBJECT_VOLUME, s->name, s->name,
					"volumes of a lab that is not running"});
		if (g->apply)
			session_stop(s, true, "gc", NULL, NULL);
	}
	if (g->apply)
		reconcile_soon(m); /* which removes orphans */
	g->done(g->arg, &l->err);
	free(g);
}

void sessions_gc(struct sessions *m, bool apply, int64_t older_ms,
	void (*item)(void *arg, const struct gc_item *i),
	void (*done)(void *arg, const struct err *e), void *arg)
{
	struct gc *g = NEW(struct gc);

	*g = (struct gc){m, apply, older_ms, item, done, arg};
	engine_list(m->engine, store_install(m->store), NULL, gc_listed, g);
}
