/*
 * events.c - what happens to a session, told to whoever listens and kept for who comes later.
 *
 * Every event but progress is a row of the store; the last 256 of a session also stay in memory, so
 * that a client that follows a start never waits for the disk.
 */
#include "codec/json.h"
#include "session/impl.h"

#include <stdarg.h>

void sessions_listen(struct sessions *m, session_event_cb fn, void *arg)
{
	ARRAY_GROW(m->listeners, m->n_listeners, m->cap_listeners);
	m->listeners[m->n_listeners++] = (struct listener){fn, arg};
}

/* The place is only cleared: somebody may be unlistening from inside an event. */
void sessions_unlisten(struct sessions *m, session_event_cb fn, void *arg)
{
	for (size_t i = 0; i < m->n_listeners; i++)
		if (m->listeners[i].fn == fn && m->listeners[i].arg == arg)
			m->listeners[i].fn = NULL;
}

static void compact(struct sessions *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_listeners; i++)
		if (m->listeners[i].fn)
			m->listeners[n++] = m->listeners[i];
	m->n_listeners = n;
}

static void keep(struct session *s, const struct session_event *ev)
{
	if (s->n_kept == s->cap_kept && s->cap_kept < KEPT_EVENTS) {
		s->cap_kept = s->cap_kept ? 2 * s->cap_kept : 16;
		s->kept = xrealloc_array(s->kept, s->cap_kept, sizeof(*s->kept));
		memset(s->kept + s->n_kept, 0, (s->cap_kept - s->n_kept) * sizeof(*s->kept));
		s->kept_at = s->n_kept; /* it was full, and so began at 0 */
	}
	struct kept_event *k = &s->kept[s->kept_at];

	free(k->kind);
	free(k->data);
	*k = (struct kept_event){ev->id, ev->at_ms, xstrdup(ev->kind), xstrdup(ev->data)};
	s->kept_at = (s->kept_at + 1) % s->cap_kept;
	s->n_kept = MIN(s->n_kept + 1, s->cap_kept);
}

void session_emit(struct session *s, const char *kind, const char *data)
{
	struct session_event ev = {
		store_next_id(s->m->store), s->id, s->name, loop_wall_ms(s->m->loop), kind, data};
	if (!streq(kind, "progress")) { /* lines of a build are for who watches now */
		struct tx *t = tx_new(s->m->store);

		tx_event(t, &(struct row_event){
			ev.id, ev.session, ev.at_ms, ev.kind, ev.data, NULL});
		tx_commit(t, NULL, NULL);
	}
	keep(s, &ev);
	if (s->m->emitting++ == 0)
		compact(s->m);
	for (size_t i = 0; i < s->m->n_listeners; i++)
		if (s->m->listeners[i].fn)
			s->m->listeners[i].fn(s->m->listeners[i].arg, &ev);
	s->m->emitting--;
}

void session_replay(struct session *s, int64_t after, session_event_cb fn, void *arg)
{
	size_t from = s->n_kept == s->cap_kept ? s->kept_at : 0;

	for (size_t i = 0; i < s->n_kept; i++) {
		const struct kept_event *k = &s->kept[(from + i) % s->cap_kept];

		if (k->id > after)
			fn(arg, &(struct session_event){
					k->id, s->id, s->name, k->at_ms, k->kind, k->data});
	}
}

void events_done(struct session *s)
{
	for (size_t i = 0; i < s->n_kept; i++) {
		free(s->kept[i].kind);
		free(s->kept[i].data);
	}
	free(s->kept);
}

void emit_words(struct session *s, const char *kind, ...)
{
	_cleanup_buf_ struct buf b = BUF(256 * 1024);
	struct json_writer w;
	const char *key;
	va_list ap;

	json_begin(&w, &b, false);
	json_object(&w, NULL);
	va_start(ap, kind);
	while ((key = va_arg(ap, const char *)))
		json_put_str(&w, key, va_arg(ap, const char *));
	va_end(ap);
	json_end(&w);
	session_emit(s, kind, buf_str(&b));
}
