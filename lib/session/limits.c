/*
 * limits.c - what ends by itself: expiry with warnings, idle rules, the keep time of volumes.
 *
 * One timer for the nearest limit of any session. Every automatic action names its rule in an
 * event. A wall clock that jumps by more than five minutes between two ticks moves no session: the
 * tick only takes the new time and waits for the next one.
 */
#include "session/impl.h"

#include "codec/json.h"

#define JUMP_MS (5 * 60000)
#define LONGEST_MS 60000 /* look at least once a minute: clocks and the store may change */

static bool idle_rules(const struct session *s)
{
	return s->state == STATE_READY && s->holds == 0;
}

/* The next automatic action of a session: time, rule and what will happen; 0 = none. */
void limits_next(const struct session *s, int64_t *when, const char **rule, const char **action)
{
	const struct lab *l = s->lab;
	bool up = s->state == STATE_READY || s->state == STATE_PAUSED;
	const struct {
		bool holds;
		int64_t at;
		const char *rule, *action;
	} rows[] = {
		{up, s->expires_ms, "expires", "stop"},
		{idle_rules(s) && l->pause_after_ms, s->activity_ms + l->pause_after_ms,
			"idle.pause_after", "pause"},
		{up && s->holds == 0 && l->stop_after_ms, s->activity_ms + l->stop_after_ms,
			"idle.stop_after", "stop"},
		{s->state == STATE_STOPPED || s->state == STATE_FAILED, s->keep_until_ms, "keep",
			"remove"},
	};

	*when = 0;
	*rule = *action = "";
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].holds && (!*when || rows[i].at < *when)) {
			*when = rows[i].at;
			*rule = rows[i].rule;
			*action = rows[i].action;
		}
}

static int64_t next_warning(const struct session *s)
{
	if ((s->state != STATE_READY && s->state != STATE_PAUSED) ||
		(size_t)s->warned >= s->lab->n_warn)
		return 0;
	return s->expires_ms - s->lab->warn_ms[s->warned];
}

void limits_arm(struct sessions *m)
{
	int64_t now = loop_wall_ms(m->loop), nearest = now + LONGEST_MS;

	for (size_t i = 0; i < m->n; i++) {
		const char *rule, *action;
		int64_t at, warn = next_warning(m->items[i]);

		limits_next(m->items[i], &at, &rule, &action);
		if (at)
			nearest = MIN(nearest, at);
		if (warn)
			nearest = MIN(nearest, warn);
	}
	if (m->tick)
		timer_start(m->tick, MAX(nearest - now, (int64_t)10));
}

/* --- work that holds the idle timer --- */

struct sample {
	struct sessions *m;
	int64_t session, cpu_ns;
	size_t left;
};

static void sampled(void *arg, const struct container_stats *c)
{
	struct sample *p = arg;
	struct session *s = sessions_by_id(p->m, p->session);

	if (c->err.code == 0)
		p->cpu_ns += c->cpu_ns;
	if (--p->left)
		return;
	if (s) {
		int64_t now = loop_now_ms(p->m->loop), span = now - s->cpu_at_ms;
		int64_t allowed = s->lab->cpu_milli * s->lab->busy_cpu_bp / 10000; /* milli-cores */

		s->sampling = false;
		if (s->cpu_at_ms && span > 0 && p->cpu_ns > s->cpu_ns &&
			(p->cpu_ns - s->cpu_ns) / span > allowed * 1000)
			session_touch(s, "work in the lab");
		s->cpu_at_ms = now;
		s->cpu_ns = p->cpu_ns;
	}
	free(p);
}

/* Sampled only when the idle rule comes near: nobody polls sessions that are in use. */
static void sample_work(struct session *s)
{
	struct sample *p;
	size_t n = 0;

	if (s->sampling)
		return;
	for (size_t i = 0; i < s->n_slots; i++)
		n += s->slots[i].kind == SLOT_CONTAINER && s->slots[i].running &&
		     s->lab->services[s->slots[i].index].role == ROLE_LEARNER;
	if (!n)
		return;
	s->sampling = true;
	p = NEW(struct sample);
	*p = (struct sample){s->m, s->id, 0, n};
	for (size_t i = 0; i < s->n_slots; i++)
		if (s->slots[i].kind == SLOT_CONTAINER && s->slots[i].running &&
			s->lab->services[s->slots[i].index].role == ROLE_LEARNER)
			container_stats(s->m->engine, s->slots[i].object->engine_id, sampled, p);
}

/* --- the tick --- */

static void warn(struct session *s)
{
	_cleanup_buf_ struct buf b = BUF(4096);
	struct json_writer w;

	json_begin(&w, &b, false);
	json_object(&w, NULL);
	json_put_str(&w, "rule", "expires");
	json_put_int(&w, "left_ms", s->lab->warn_ms[s->warned++]);
	json_put_str(&w, "text", "the session ends soon; 'lab extend' gives more time");
	json_end(&w);
	session_emit(s, "limit", buf_str(&b));
	session_commit(s); /* nobody is warned again after a restart */
}

static void act(struct session *s, const char *rule, const char *action)
{
	_cleanup_free_ char *last = strf("last activity %s: %s",
		str_human_ms(loop_wall_ms(s->m->loop) - s->activity_ms),
		s->activity ? s->activity : "none");

	emit_words(s, "limit", "rule", rule, "action", action, "text", last, NULL);
	if (streq(action, "pause"))
		session_pause(s, rule, NULL, NULL);
	else
		session_stop(s, streq(action, "remove"), rule, NULL, NULL);
}

static void tick_session(struct session *s, int64_t now)
{
	const char *rule, *action;
	int64_t at, near = s->activity_ms + s->lab->pause_after_ms - s->lab->busy_over_ms;

	if (idle_rules(s) && s->lab->pause_after_ms && now >= near)
		sample_work(s);
	if (next_warning(s) && now >= next_warning(s))
		warn(s);
	limits_next(s, &at, &rule, &action);
	if (at && now >= at)
		act(s, rule, action);
}

void limits_tick(void *arg)
{
	struct sessions *m = arg;
	int64_t now = loop_wall_ms(m->loop), boot = loop_now_ms(m->loop);
	int64_t jump = (now - m->tick_wall_ms) - (boot - m->tick_boot_ms);
	bool jumped = m->tick_wall_ms && (jump > JUMP_MS || jump < -JUMP_MS);

	m->tick_wall_ms = now;
	m->tick_boot_ms = boot;
	for (size_t i = m->n; i-- > 0 && !jumped;)
		if (i < m->n)
			tick_session(m->items[i], now);
	limits_arm(m);
}
