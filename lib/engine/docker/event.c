/*
 * event.c - the engine's event stream: main processes that ended, memory that ran out.
 *
 * Events are a hint (the engine drops them for slow listeners and keeps 256), so every new
 * connection and every break is told too, and the owner lists again. Only containers carry labels
 * in events; nothing else is asked for.
 *
 * An engine may also come and go between two tries of the stream. So a call that finds nobody is
 * told like a break, once until the engine has answered again, and an answer to a probe opens the
 * stream at once. Unless the last try was answered, too: what is refused, or cut as soon as it is
 * open, is tried less and less often, since each try makes the owner list.
 */
#include "engine/docker/docker.h"
#include "base/str.h"

#define BACKOFF_MIN_MS 200
#define BACKOFF_MAX_MS 5000

struct events {
	struct docker *d;
	char *path;
	void (*fn)(void *arg, const struct engine_event *ev);
	void *arg;
	struct docker_op *op; /* the stream, or NULL while waiting */
	struct json_stream *json;
	struct timer *retry;
	int64_t backoff_ms;
	int64_t answered_ms; /* boot; 0 = the last try found nobody */
	bool lost; /* that was told, and nothing good was heard since */
};

/* The stream's operation; it may outlive the subscription by a moment. */
struct event_op {
	struct docker_op op;
	struct events *ev; /* NULL: nobody listens any more */
};

static void tell(struct events *ev, enum engine_event_kind kind)
{
	ev->fn(ev->arg, &(struct engine_event){.kind = kind});
}

/* Both shapes: `Action` and `Actor.ID`, before API 1.52 also `status` and `id`. */
static int on_document(void *arg, const struct json *doc, struct err *e)
{
	struct events *ev = arg;
	const char *action =
		json_str_or(json_get(doc, "Action"), json_str(json_get(doc, "status")));
	const struct json *actor = json_get(doc, "Actor");
	const char *id = json_str_or(json_get(actor, "ID"), json_str(json_get(doc, "id")));
	struct engine_event event = {.container = id};
	int64_t code;

	if (!action || !id || (!streq(action, "die") && !streq(action, "oom")))
		return 0;
	ev->backoff_ms = BACKOFF_MIN_MS;
	event.kind = streq(action, "die") ? EVENT_DIED : EVENT_OOM;
	if (str_int(json_str_or(json_path(actor, "Attributes.exitCode"), ""), 0, 255, &code,
		    NULL) == 0)
		event.exit_code = (int)code;
	ev->fn(ev->arg, &event);
	return 0;
}

static int on_head(void *op, int status, struct err *e)
{
	struct events *ev = container_of((struct docker_op *)op, struct event_op, op)->ev;

	if (!ev)
		return 0;
	ev->answered_ms = loop_now_ms(ev->d->engine.loop);
	if (status != 200)
		return 0;
	ev->lost = false;
	tell(ev, EVENT_CONNECTED);
	return 0;
}

static int64_t on_data(void *op, const char *p, size_t n, struct err *e)
{
	struct events *ev = container_of((struct docker_op *)op, struct event_op, op)->ev;
	int r = ev ? json_stream_feed(ev->json, p, n, e) : ERR_CANCELED;

	return r < 0 ? r : (int64_t)n;
}

static void retry_later(struct events *ev)
{
	timer_start(ev->retry, ev->backoff_ms);
	ev->backoff_ms = MIN(ev->backoff_ms * 2, BACKOFF_MAX_MS);
}

void events_doubt(struct events *ev)
{
	if (!ev || ev->lost)
		return;
	ev->lost = true;
	tell(ev, EVENT_LOST);
}

void events_answered(struct events *ev)
{
	if (!ev)
		return;
	ev->lost = false;
	if (ev->answered_ms)
		return;
	ev->backoff_ms = BACKOFF_MIN_MS;
	if (!ev->op)
		timer_start(ev->retry, 0);
}

/* The first failure is told too: it answers the question whether the engine is there. */
static void stream_end(struct docker_op *op, const struct engine_result *r)
{
	struct events *ev = container_of(op, struct event_op, op)->ev;

	if (!ev)
		return;
	ev->op = NULL;
	ev->d->versioned = false; /* who answers next may be another one */
	if (ev->answered_ms && loop_now_ms(ev->d->engine.loop) - ev->answered_ms >= BACKOFF_MAX_MS)
		ev->backoff_ms = BACKOFF_MIN_MS;
	retry_later(ev);
	events_doubt(ev);
}

static void connect_stream(void *arg)
{
	struct events *ev = arg;
	struct event_op *op =
		op_new(ev->d, sizeof(*op), NULL, NULL, "cannot listen to the engine's events");

	ev->answered_ms = 0;
	json_stream_free(ev->json);
	ev->json = json_stream_new(on_document, ev);
	op->ev = ev;
	op->op.end = stream_end;
	ev->op = &op->op;
	op_call(&op->op,
		(struct call){
			.method = "GET",
			.path = xstrdup(ev->path),
			.on_head = on_head,
			.on_data = on_data,
			.endless = true,
		},
		op_end_reply);
}

static char *events_path(const char *install)
{
	_cleanup_free_ char *label = strf("labd.install=%s", install), *escaped = NULL;
	_cleanup_buf_ struct buf b = BUF(4096);
	struct json_writer w;

	json_begin(&w, &b, false);
	json_object(&w, NULL);
	json_put_strv(&w, "type", (char *[]){(char *)"container", NULL});
	json_put_strv(&w, "event", (char *[]){(char *)"die", (char *)"oom", NULL});
	json_put_strv(&w, "label", (char *[]){label, NULL});
	json_end(&w);
	escaped = http_escape(buf_str(&b));
	return strf("/events?filters=%s", escaped);
}

void docker_events(struct engine *g, const char *install,
	void (*fn)(void *arg, const struct engine_event *ev), void *arg)
{
	struct docker *d = docker_of(g);
	struct events *ev = NEW(struct events);

	events_free(TAKE(d->events));
	ev->d = d;
	ev->path = events_path(install);
	ev->fn = fn;
	ev->arg = arg;
	ev->backoff_ms = BACKOFF_MIN_MS;
	ev->retry = timer_new(g->loop, connect_stream, ev);
	d->events = ev;
	connect_stream(ev);
}

void events_free(struct events *ev)
{
	if (!ev)
		return;
	if (ev->op) {
		container_of(ev->op, struct event_op, op)->ev = NULL;
		engine_cancel(&ev->op->base);
	}
	timer_free(ev->retry);
	json_stream_free(ev->json);
	free(ev->path);
	free(ev);
}
