/*
 * h_event.c - events as a stream: of one session from memory, of all from the database.
 *
 * A follower listens before it reads the past, and holds back what happens meanwhile, so that
 * nothing is lost or sent twice at the seam. One that reads too slowly is cut; it can come back
 * with Last-Event-ID.
 */
#include "api/impl.h"

#include <inttypes.h>

#define HELD_MAX 1000

struct held {
	int64_t id;
	char *kind, *json;
};

struct follower {
	struct api *api;
	struct request *request;
	int64_t session; /* 0 = all */
	int64_t after;   /* the last id that was sent */
	bool follow, reading;
	struct held *held;
	size_t n_held, cap_held;
	int refs; /* the request and a query that runs */
};

static void unref(struct follower *f)
{
	if (--f->refs)
		return;
	for (size_t i = 0; i < f->n_held; i++) {
		free(f->held[i].kind);
		free(f->held[i].json);
	}
	free(f->held);
	request_unref(f->request);
	free(f);
}

static void on_event(void *arg, const struct session_event *ev);

static void gone(void *arg)
{
	struct follower *f = arg;

	if (f->follow)
		sessions_unlisten(f->api->sessions, on_event, f);
	api_closed(f->api);
	unref(f);
}

static void send(struct follower *f, int64_t id, const char *kind, const char *json)
{
	char text[24];

	if (id <= f->after)
		return;
	f->after = id;
	(void)snprintf(text, sizeof(text), "%" PRId64, id);
	if (request_sse_send(f->request, kind, text, json, NULL) < 0)
		request_end(f->request, false);
}

static void hold(struct follower *f, int64_t id, const char *kind, const char *json)
{
	if (f->n_held == HELD_MAX) {
		request_end(f->request, false);
		return;
	}
	ARRAY_GROW(f->held, f->n_held, f->cap_held);
	f->held[f->n_held++] = (struct held){id, xstrdup(kind), xstrdup(json)};
}

static void pass_on(struct follower *f, const struct session_event *ev, bool now)
{
	_cleanup_buf_ struct buf json = BUF(1 << 20);
	struct json_writer w;

	json_begin(&w, &json, false);
	view_event(&w, ev);
	if (json.full)
		return;
	if (now)
		send(f, ev->id, ev->kind, buf_str(&json));
	else
		hold(f, ev->id, ev->kind, buf_str(&json));
}

static void on_event(void *arg, const struct session_event *ev)
{
	struct follower *f = arg;
	struct session_info info;
	struct session *s;

	if ((f->session && ev->session != f->session) || request_gone(f->request))
		return;
	pass_on(f, ev, !f->reading);
	if (!f->session || f->reading || !streq(ev->kind, "state"))
		return;
	s = sessions_by_id(f->api->sessions, ev->session);
	if (s)
		session_info(s, &info);
	if (!s || info.state == STATE_GONE)
		request_end(f->request, true);
}

static void replayed(void *arg, const struct session_event *ev)
{
	pass_on(arg, ev, true);
}

static struct follower *open_follower(
	struct api *a, struct request *r, int64_t session, int64_t after, bool follow)
{
	struct follower *f = NEW(struct follower);

	*f = (struct follower){.api = a,
		.request = request_ref(r),
		.session = session,
		.after = after,
		.follow = follow,
		.refs = 1};
	request_sse(r, NULL, NULL);
	api_opened(a);
	request_on_gone(r, gone, f);
	if (follow)
		sessions_listen(a->sessions, on_event, f);
	return f;
}

/* after=, else Last-Event-ID, else what is given. */
static bool ask_after(struct request *r, int64_t *after)
{
	const char *last = request_header(r, "Last-Event-ID");

	if (!request_query(r, "after") && last && str_int(last, 0, INT64_MAX, after, NULL) == 0)
		return true;
	return ask_int(r, "after", 0, INT64_MAX, after);
}

void h_session_events(struct api *a, struct request *r, const struct match *m)
{
	struct session *s = ask_session(a, r, m);
	struct session_info info;
	int64_t after = 0;
	bool follow;

	if (!s || !ask_flag(r, "follow", &follow) || !ask_after(r, &after))
		return;
	session_info(s, &info);
	struct follower *f = open_follower(a, r, info.id, after, follow);
	session_replay(s, after, replayed, f);
	if (!follow)
		request_end(r, true);
}

/* --- of all sessions --- */

static void row(void *arg, const struct row_event *e)
{
	struct follower *f = arg;

	if (!request_gone(f->request))
		pass_on(f,
			&(struct session_event){e->id, e->session, e->session_name, e->at_ms,
				e->kind, e->data},
			true);
}

static void read_past(void *arg, const struct err *err)
{
	struct follower *f = arg;

	f->reading = false;
	if (!request_gone(f->request)) {
		for (size_t i = 0; i < f->n_held; i++)
			send(f, f->held[i].id, f->held[i].kind, f->held[i].json);
		if (err->code != 0 || !f->follow)
			request_end(f->request, err->code == 0);
	}
	unref(f);
}

void h_events(struct api *a, struct request *r, const struct match *m)
{
	static const struct store_rows rows = {.event = row, .done = read_past};
	int64_t after = -1, limit = 1000;
	bool follow;

	if (!ask_flag(r, "follow", &follow) || !ask_after(r, &after) ||
		!ask_int(r, "limit", 1, 1000, &limit))
		return;
	struct follower *f = open_follower(a, r, 0, MAX(after, INT64_C(0)), follow);
	if (after < 0 && follow)
		return;
	f->reading = true;
	f->refs++;
	store_query(a->store,
		&(struct store_query){.kind = after < 0 ? QUERY_LAST_EVENTS : QUERY_EVENTS,
			.after = f->after,
			.limit = (int)limit},
		&rows, f);
}
