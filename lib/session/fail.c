/*
 * fail.c - what could not be brought up: who is told, and what a service said last.
 */
#include "session/impl.h"

#define TAIL_LINES 12
#define AGAIN_MS   1000

struct last_words {
	struct sessions *m;
	int64_t session;
	char *service, *cause;
	enum err_code code;
	struct buf log;
};

static bool collect(void *arg, int stream, const char *p, size_t n)
{
	struct last_words *w = arg;

	(void)buf_add(&w->log, p, MIN(n, w->log.max - w->log.len)); /* what does not fit is cut */
	return true;
}

static void collected(void *arg, const struct engine_result *r)
{
	struct last_words *w = arg;
	struct session *s = sessions_by_id(w->m, w->session);

	if (s && s->failing == w) { /* else it was stopped meanwhile, and may be up again */
		s->failing = NULL;
		if (w->log.len)
			emit_words(s, "log", "service", w->service, "text", buf_str(&w->log), NULL);
		session_fail(s, w->code, "%s", w->cause);
	}
	free(w->service);
	free(w->cause);
	buf_done(&w->log);
	free(w);
}

void fail_with_log(struct session *s, struct slot *slot, enum err_code code, const char *fmt, ...)
{
	char cause[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(cause, sizeof(cause), fmt, ap);
	va_end(ap);
	if (s->failing)
		return;
	if (!slot->object || !slot->object->engine_id) {
		session_fail(s, code, "%s", cause);
		return;
	}
	struct last_words *w = NEW(struct last_words);
	s->failing = w;
	w->m = s->m;
	w->session = s->id;
	w->service = xstrdup(slot->name);
	w->cause = xstrdup(cause);
	w->code = code;
	buf_init(&w->log, 8192);
	container_logs(
		s->m->engine, slot->object->engine_id, false, TAIL_LINES, 0, collect, collected, w);
}

static bool only_graders_want(const struct session *s, const struct slot *slot)
{
	return slot->kind == SLOT_CONTAINER &&
	       s->lab->services[slot->index].when != WHEN_SESSION;
}

/* A learner loses no running lab because a check could not be asked. */
void slot_fail(struct session *s, struct slot *slot, const struct err *why)
{
	struct slot *user = plan_user(s, slot);

	if (!only_graders_want(s, user)) {
		session_fail(s, why->code, "%s", why->text);
		return;
	}
	str_set(&user->note, why->text);
	slot->restart_at_ms = user->restart_at_ms =
		loop_now_ms(s->m->loop) + AGAIN_MS; /* while somebody still wants it */
	waiters_fail_slot(s, user, why);
}
