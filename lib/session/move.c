/*
 * move.c - the one setter of a session's state, and what entering a state starts.
 */
#include "session/impl.h"

#include "codec/json.h"

#define TO(x) (1u << STATE_##x)

static const struct {
	const char *word;
	unsigned next;
} states[] = {
#define X(c, word, next) [c] = {word, next},
#include "session/state.tbl.h"
#undef X
};

const char *session_state_name(enum session_state s)
{
	return states[s].word;
}

bool session_may(const struct session *s, enum session_state to)
{
	return states[s->state].next & (1u << to);
}

/* The states in which containers and networks are meant to exist. */
bool state_wants_up(enum session_state st)
{
	return st == STATE_STARTING || st == STATE_READY || st == STATE_PAUSED ||
	       st == STATE_GRADING || st == STATE_RESETTING;
}

static bool bringing_up(const struct session *s)
{
	return s->state == STATE_STARTING || s->state == STATE_RESETTING;
}

/* --- entering states --- */

void session_startup_over(void *arg)
{
	struct session *s = arg;
	const struct err *away = &s->m->engine_error;

	if (away->code) { /* that no service became ready says nothing of the lab */
		session_fail(s, away->code, "not ready within %s: %s",
			str_human_ms(s->lab->startup_ms), away->text);
		return;
	}
	for (size_t i = 0; i < s->n_slots; i++) {
		struct slot *slot = &s->slots[i];

		if (slot->kind != SLOT_CONTAINER || !slot_wanted(s, slot) ||
			slot->state == SERVICE_READY || slot->state == SERVICE_DONE)
			continue;
		fail_with_log(s, slot, ERR_TIMEOUT, "service '%s' was not ready within %s: %s",
			slot->name, str_human_ms(s->lab->startup_ms),
			slot->note ? slot->note : "it says nothing");
		return;
	}
	session_fail(s, ERR_TIMEOUT, "not ready within %s", str_human_ms(s->lab->startup_ms));
}

static void enter_bring_up(struct session *s)
{
	s->startup_started_ms = loop_now_ms(s->m->loop);
	for (size_t i = 0; i < s->n_slots; i++) {
		if (s->state == STATE_STARTING) /* a reset has detached what is to run again */
			s->slots[i].completed = false;
		s->slots[i].restarts = s->slots[i].errors = 0;
		s->slots[i].wants = s->slots[i].freezes = 0;
	}
	images_make(s); /* goes on to converge(); the deadline starts when the images are there */
}

static void enter_ready(struct session *s, enum session_state from)
{
	int64_t now = loop_wall_ms(s->m->loop);

	timer_stop(s->startup);
	if (from == STATE_STARTING || from == STATE_RESETTING) {
		s->startup_took_ms = loop_now_ms(s->m->loop) - s->startup_started_ms;
		s->ready_ms = now;
		s->expires_ms = now + MIN(s->lab->expires_ms, s->m->config.max_expires_ms);
		s->extended = 0;
		s->warned = 0;
	}
	s->activity_ms = now; /* the idle timer starts at allocation to the learner */
	str_set(&s->activity, session_state_name(from));
}

static void enter_down(struct session *s)
{
	struct err e = ERR_NONE;

	err_set(&e, ERR_STATE, "the session is %s", session_state_name(s->state));
	timer_stop(s->startup);
	s->failing = NULL;
	images_stop(s);
	waiters_fail(s, &e);
	execs_close_learners(s, "the lab was stopped");
	s->keep_until_ms = loop_wall_ms(s->m->loop) + s->lab->keep_ms;
}

static void tell(struct session *s, enum session_state from, const char *cause)
{
	_cleanup_buf_ struct buf b = BUF(4096);
	struct json_writer w;

	json_begin(&w, &b, false);
	json_object(&w, NULL);
	json_put_str(&w, "state", session_state_name(s->state));
	json_put_str(&w, "from", session_state_name(from));
	json_put_str(&w, "cause", cause ? cause : "");
	if (s->state == STATE_FAILED)
		json_put_str(&w, "kind", err_kind(s->failed_as));
	if (s->state == STATE_READY && (from == STATE_STARTING || from == STATE_RESETTING))
		json_put_int(&w, "took_ms", s->startup_took_ms);
	json_end(&w);
	session_emit(s, "state", buf_str(&b));
}

void session_move(struct session *s, enum session_state to, const char *cause)
{
	enum session_state from = s->state;

	if (!session_may(s, to)) {
		log_error("session", "%s: no move from %s to %s", s->name, session_state_name(from),
			session_state_name(to));
		abort();
	}
	s->state = to;
	s->waking = false;
	str_set(&s->cause, cause);
	cause = s->cause; /* it may have been the old one, which is freed */
	if (to == STATE_READY)
		enter_ready(s, from);
	else if (to == STATE_STOPPED || to == STATE_FAILED || to == STATE_ENDING)
		enter_down(s);
	session_commit(s);
	log_info("session", "%s: %s -> %s%s%s", s->name, session_state_name(from),
		session_state_name(to), cause ? ": " : "", cause ? cause : "");
	tell(s, from, cause);
	if (to == STATE_STARTING || to == STATE_RESETTING)
		enter_bring_up(s);
	killpoint("after-move");
	converge(s);
	limits_arm(s->m);
	if (bringing_up(s) != (from == STATE_STARTING || from == STATE_RESETTING))
		sessions_admit(s->m);
}

void session_fail(struct session *s, enum err_code code, const char *fmt, ...)
{
	va_list ap;
	struct err e = ERR_NONE;

	va_start(ap, fmt);
	err_setv(&e, code, fmt, ap);
	va_end(ap);
	if (!session_may(s, STATE_FAILED) || s->m->stopped)
		return; /* what ends with the daemon has not failed */
	s->failed_as = code;
	session_move(s, STATE_FAILED, e.text);
}

/* --- admission --- */

static int64_t memory_in_use(const struct sessions *m)
{
	int64_t sum = 0;

	for (size_t i = 0; i < m->n; i++)
		if (state_wants_up(m->items[i]->state))
			sum += m->items[i]->lab->memory;
	return sum;
}

void sessions_admit(struct sessions *m)
{
	const struct engine_info *info = engine_info(m->engine);
	int bring_ups = 0;

	if (!m->probed || m->stopped)
		return; /* nothing is known of the engine yet: stay queued */
	for (size_t i = 0; i < m->n; i++)
		bring_ups += bringing_up(m->items[i]);
	for (size_t i = 0; i < m->n && bring_ups < MAX(info->cores, 1); i++) {
		struct session *s = m->items[i];

		if (s->state != STATE_QUEUED)
			continue;
		if (info->memory && s->lab->memory > info->memory) {
			session_fail(s, ERR_CAPACITY,
				"the lab needs %s of memory and the engine has %s",
				str_human_size(s->lab->memory), str_human_size(info->memory));
			continue;
		}
		if (info->memory && memory_in_use(m) + s->lab->memory > info->memory)
			return; /* first come, first served: nobody overtakes */
		bring_ups++;
		session_move(s, STATE_STARTING, NULL);
	}
}
