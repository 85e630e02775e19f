/*
 * change.c - what users ask of a session: pause, resume, stop, reset, extend; and how a grade holds
 * it.
 */
#include "session/impl.h"

void session_refuse(struct session *s, const char *verb, session_done done, void *arg)
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
		return session_refuse(s, "paused", done, arg);
	s->waking = false;
	converge(s);
	session_answer(s, done, arg);
}

void session_resume(struct session *s, session_done done, void *arg)
{
	if (s->lost)
		return session_refuse(s, "resumed", done, arg);
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
		return session_refuse(s, "resumed", done, arg);
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
		return session_refuse(s, "reset", done, arg);
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
		return session_refuse(s, "extended", done, arg);
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
