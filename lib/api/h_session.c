/*
 * h_session.c - sessions: list, start, look, pause, resume, stop, reset, extend.
 *
 * A change is answered when the wish is durable; the events after its id tell how it goes.
 */
#include "api/impl.h"

#define KEYS_KEPT 64

void h_sessions(struct api *a, struct request *r, const struct match *m)
{
	struct buf out = BUF(ANSWER_MAX);
	struct json_writer w;

	json_begin(&w, &out, false);
	json_object(&w, NULL);
	json_put_str(&w, "schema", "labyard/sessions/v1");
	json_array(&w, "sessions");
	for (size_t i = 0; i < sessions_count(a->sessions); i++) {
		struct session_info info;

		session_info(sessions_at(a->sessions, i), &info);
		if (info.state != STATE_GONE)
			view_session(&w, NULL, sessions_at(a->sessions, i), a->grader, 0);
	}
	json_end(&w);
	json_end(&w);
	reply_json(r, 200, &out);
}

void h_session(struct api *a, struct request *r, const struct match *m)
{
	struct session *s = ask_session(a, r, m);

	if (s)
		reply_session(a, r, 200, s, 0);
}

/* --- changes --- */

struct change {
	struct api *api;
	struct request *request;
	int64_t id;
	char *key;        /* of a start, or NULL */
	int64_t since_ms; /* of a start: a session that is younger was made by it */
	int64_t session;  /* of another definition */
};

static struct change *change_new(struct api *a, struct request *r)
{
	struct change *c = NEW(struct change);

	*c = (struct change){
		.api = a, .request = request_ref(r), .id = store_next_id(a->store)};
	return c;
}

static void change_free(struct change *c)
{
	request_unref(c->request);
	free(c->key);
	free(c);
}

/* The daemon may be going down: nothing but the request may be touched before it is seen to live.
 */
static void changed(void *arg, struct session *s, const struct err *e)
{
	struct change *c = arg;

	if (request_gone(c->request))
		;
	else if (e->code != 0)
		reply_problem(c->request, e);
	else if (!s)
		reply_error(c->request, ERR_NOT_FOUND, "the session is gone");
	else
		reply_session(c->api, c->request, 200, s, c->id);
	change_free(c);
}

void h_session_pause(struct api *a, struct request *r, const struct match *m)
{
	struct session *s = ask_session(a, r, m);

	if (s)
		session_pause(s, NULL, changed, change_new(a, r));
}

void h_session_resume(struct api *a, struct request *r, const struct match *m)
{
	struct session *s = ask_session(a, r, m);

	if (s)
		session_resume(s, changed, change_new(a, r));
}

void h_session_stop(struct api *a, struct request *r, const struct match *m)
{
	static const char *const known[] = {"discard", NULL};
	struct session *s = ask_session(a, r, m);
	struct body b;

	if (!s)
		return;
	body_open(&b, r, known);
	bool discard = body_flag(&b, "discard");
	if (body_good(&b, r))
		session_stop(s, discard, NULL, changed, change_new(a, r));
	body_done(&b);
}

void h_session_reset(struct api *a, struct request *r, const struct match *m)
{
	static const char *const known[] = {"service", NULL};
	struct session *s = ask_session(a, r, m);
	struct session_info info;
	int service = -1;
	struct body b;

	if (!s)
		return;
	session_info(s, &info);
	body_open(&b, r, known);
	const char *name = body_str(&b, "service", 64);
	if (name)
		service = learner_service(info.lab, name, "reset", &b.err);
	if (body_good(&b, r))
		session_reset(s, service, changed, change_new(a, r));
	body_done(&b);
}

/* --- another definition --- */

static bool may_redefine(void *arg, struct err *e)
{
	struct change *c = arg;

	if (request_gone(c->request))
		err_set(e, ERR_CANCELED, "nobody asks any more");
	else if (!grader_dismiss(c->api->grader, c->session))
		err_set(e, ERR_STATE, "a check or a grade runs");
	return e->code == 0;
}

void h_session_redefine(struct api *a, struct request *r, const struct match *m)
{
	struct session *s = ask_session(a, r, m);
	struct session_info info;
	struct change *c;

	if (!s)
		return;
	if (!sessions_config(a->sessions)->several) {
		reply_error(r, ERR_FORBIDDEN,
			"a lab keeps the definition that it was started with: 'lab preview' shows "
			"one that changes");
		return;
	}
	session_info(s, &info);
	c = change_new(a, r);
	c->session = info.id;
	session_redefine(s, may_redefine, changed, c);
}

void h_session_extend(struct api *a, struct request *r, const struct match *m)
{
	static const char *const known[] = {"by_ms", NULL};
	struct session *s = ask_session(a, r, m);
	struct body b;

	if (!s)
		return;
	body_open(&b, r, known);
	int64_t by_ms = body_int(&b, "by_ms", 0, 0);
	if (body_good(&b, r))
		session_extend(s, by_ms, changed, change_new(a, r));
	body_done(&b);
}

/* --- starting --- */

/* Answered again when the key comes again. */
struct start {
	int64_t change;
	char session[];
};

static void remember(struct api *a, const char *key, const char *session, int64_t change)
{
	struct start *new = xcalloc(1, sizeof(*new) + strlen(session) + 1);
	const char *oldest;
	size_t i = 0;

	if (map_len(a->starts) >= KEYS_KEPT && map_each(a->starts, &i, &oldest, NULL)) {
		_cleanup_free_ char *name = xstrdup(oldest);

		map_remove(a->starts, name);
	}
	new->change = change;
	strcpy(new->session, session); /* fits */
	map_put(a->starts, key, new);
}

static void started(void *arg, struct session *s, const struct err *e)
{
	struct change *c = arg;
	struct session_info info;

	if (request_gone(c->request) || e->code != 0 || !s) {
		changed(c, s, e);
		return;
	}
	session_info(s, &info);
	if (c->key)
		remember(c->api, c->key, info.name, c->id);
	reply_session(c->api, c->request, info.created_ms >= c->since_ms ? 201 : 200, s,
		c->id);
	change_free(c);
}

static void start(struct api *a, struct request *r, const struct start_options *o)
{
	const struct start *known = o->key ? map_get(a->starts, o->key) : NULL;
	struct session *s = known ? sessions_by_name(a->sessions, known->session) : NULL;
	const struct err *away = sessions_engine_error(a->sessions, NULL);
	struct change *c;

	if (s) {
		reply_session(a, r, 200, s, known->change);
		return;
	}
	if (away->code != 0) {
		reply_problem(r, away);
		return;
	}
	c = change_new(a, r);
	c->since_ms = loop_wall_ms(a->loop);
	str_set(&c->key, o->key);
	sessions_open(a->sessions, o, started, c);
}

void h_session_start(struct api *a, struct request *r, const struct match *m)
{
	static const char *const known[] = {"lab", "fresh", "seed", "variant", NULL};
	struct start_options o = {0};
	unsigned char seed[SEED_BYTES];
	struct lab_place at = {0};
	struct body b;

	if (!ask_key(r, &o.key))
		return;
	body_open(&b, r, known);
	const char *lab = body_str(&b, "lab", LAB_NAME_MAX);
	o.fresh = body_flag(&b, "fresh");
	o.variant = body_str(&b, "variant", 32);
	o.seed = body_seed(&b, "seed", seed) ? seed : NULL;
	if (!lab)
		err_set(b.err.code ? NULL : &b.err, ERR_USAGE, "the body names no lab");
	if (body_good(&b, r) && ask_lab(a, r, lab, &at)) {
		o.lab = at.slug;
		o.folder = at.folder;
		o.repository = at.repo;
		o.commit = at.commit;
		o.exact = at.exact;
		start(a, r, &o);
	}
	lab_place_done(&at);
	body_done(&b);
}
