/*
 * load.c - what the store has of the sessions of an earlier daemon, and how they go on.
 */
#include "codec/json.h"
#include "lab/catalog.h"
#include "session/impl.h"

#define KEEP_LOST_MS (7 * 24 * 3600000LL)

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
	s->warned = (int)MIN(r->warned, (int64_t)s->lab->n_warn);
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
