/*
 * stage.c - main and the phases: actions, stimulus, watching, end.
 *
 * A stage judges the checks of one phase. While it is watched, checks with `eventually` or
 * `always_for` are asked again and again; when those are decided and `least` is over (or `most`
 * is), the others are asked once, and the stage ends. Main has no watching: everything is asked
 * once.
 *
 * Files are captured before all stimuli, for the frozen checks of main and of phases that do not
 * capture again; a phase that does so captures when its watching is over, before they are asked.
 */
#include "grade/impl.h"

#include "lab/draw.h"

#include <inttypes.h>

static void stage_end(struct run *r);
static void next_phase(struct run *r);
static bool capture_for(struct run *r, int phase);

static const struct lab_phase *phase_of(const struct run *r)
{
	return r->phase < 0 ? NULL : &r->lab->phases[r->phase];
}

static bool temporal(const struct item *it)
{
	return it->check->eventually_ms || it->check->always_for_ms;
}

/* --- watching --- */

/* May it be asked now? An open need of this or an earlier stage has to settle first. */
static bool may_ask(struct run *r, struct item *it)
{
	_cleanup_free_ char *why = NULL;
	enum need_state st = item_needs(r, it, &why);

	if (st == NEED_UNMET) {
		judge_skip(&it->j, "needs", why);
		item_decide(it);
		return false;
	}
	if (st == NEED_MET)
		return true;
	for (size_t i = 0; i < it->check->n_needs; i++) {
		const struct lab_need *n = &it->check->needs[i];
		const struct item *on = n->check < 0 ? NULL : run_item(r, n->task, n->check);

		if (on && on->state != ITEM_DECIDED && on->check->phase <= r->phase)
			return false; /* it will be settled in this stage */
	}
	if (!r->grade) /* a quick run has one stage: needs settle in it */
		return false;
	return true;
}

struct tally {
	bool asking, temporal_open, once_open;
	int64_t next_ms; /* when something wants to be asked again */
};

static void visit(struct run *r, struct item *it, int64_t now, struct tally *t)
{
	bool now_allowed = r->phase < 0 || temporal(it) || r->last_part;

	if (it->check->phase != r->phase || it->state == ITEM_DECIDED)
		return;
	if (it->state == ITEM_WAITING && now_allowed && it->next_ms <= now &&
		!(r->replay && it->check->vantage == VANTAGE_REPLAY) && may_ask(r, it))
		item_ask(r, it);
	if (it->state == ITEM_DECIDED)
		return;
	t->asking |= it->state == ITEM_ASKING;
	if (temporal(it))
		t->temporal_open = true;
	else
		t->once_open = true;
	if (it->state == ITEM_WAITING && it->next_ms > now)
		t->next_ms = MIN(t->next_ms, it->next_ms);
}

static void decide_leftovers(struct run *r)
{
	for (size_t i = 0; i < r->n_items; i++) {
		struct item *it = &r->items[i];

		if (it->check->phase != r->phase || it->state == ITEM_DECIDED)
			continue;
		if (it->looks) /* watched until the end: the last observation counts */
			item_decide(it);
	}
}

static bool same_progress(const struct run *r, size_t decided)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_items; i++)
		n += r->items[i].state == ITEM_DECIDED;
	return n == decided;
}

static size_t count_decided(const struct run *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_items; i++)
		n += r->items[i].state == ITEM_DECIDED;
	return n;
}

static struct tally look_at_all(struct run *r, int64_t now)
{
	struct tally t;
	size_t before;

	do { /* a decision may settle the need of an earlier one */
		before = count_decided(r);
		t = (struct tally){.next_ms = INT64_MAX};
		for (size_t i = 0; i < r->n_items; i++)
			visit(r, &r->items[i], now, &t);
	} while (!same_progress(r, before));
	return t;
}

void stage_step(struct run *r)
{
	const struct lab_phase *p = phase_of(r);
	int64_t now = loop_now_ms(sessions_loop(r->g->m));

	if (r->done || r->finishing || r->stepping || r->capturing || r->puts)
		return; /* what is under way comes back here */
	r->stepping = true;
	struct tally t = look_at_all(r, now);
	r->stepping = false;
	if (t.asking)
		return; /* its answer comes back here */
	if (r->canceled) {
		run_finish(r, "aborted", &r->err);
		return;
	}
	int64_t least = p ? r->stage_ms + p->least_ms : now,
		most = p ? r->stage_ms + p->most_ms : now;
	bool watched = !t.temporal_open || now >= most;
	if (p && !r->last_part && watched && now >= MIN(least, most)) {
		r->last_part = true;
		decide_leftovers(r);
		if (!p->capture || !capture_for(r, r->phase))
			stage_step(r);
		return;
	}
	if ((r->last_part || !p) && (t.next_ms == INT64_MAX || !t.once_open)) {
		stage_end(r);
		return;
	}
	int64_t wake = t.next_ms;
	if (p && !r->last_part)
		wake = MIN(wake, now < least && !t.temporal_open ? least : most);
	timer_start(r->timer, MAX(wake - now, (int64_t)1));
}

/* --- fence and capture --- */

static void take_fence(struct run *r, struct session *s)
{
	r->fence_ms = loop_wall_ms(sessions_loop(r->g->m));
	for (size_t i = 0; i < r->lab->n_services; i++)
		str_set(&r->fenced[i].container, session_container(s, (int)i, NULL));
}

/* Where what is captured now belongs. */
static struct captured *latest(struct run *r)
{
	return r->phase < 0 ? &r->before : &r->again;
}

const struct captured *item_captured(const struct item *it)
{
	const struct run *r = it->run;
	int phase = it->check->phase;

	return phase >= 0 && r->lab->phases[phase].capture && r->again.number ? &r->again
									    : &r->before;
}

/* Is this check to read what is captured in that phase (-1 = main)? */
static bool reads_capture(const struct run *r, const struct item *it, int phase)
{
	int own = it->check->phase;

	if (it->state == ITEM_DECIDED ||
		(it->check->vantage != VANTAGE_FROZEN && !replays_capture(r->lab, it->check)))
		return false;
	return own < 0 || !r->lab->phases[own].capture ? phase < 0 : phase == own;
}

static void capture_failed(struct run *r, const char *text)
{
	for (size_t i = 0; i < r->n_items; i++) {
		struct item *it = &r->items[i];

		if (!reads_capture(r, it, r->phase))
			continue;
		judge_error(&it->j, "capture_limit", text);
		it->retried = true;
		item_decide(it);
	}
}

static void put_done(void *arg, const struct engine_result *res)
{
	struct run *r = arg;

	if (res->outcome != ENGINE_DONE && !r->done)
		capture_failed(r, res->err.text);
	if (--r->puts || r->done)
		return;
	if (r->canceled)
		run_finish(r, "aborted", &r->err);
	else
		stage_step(r);
}

struct placing {
	struct run *r;
	int service;
};

static void swept(void *arg, const struct program_result *res)
{
	struct placing *p = arg;
	struct run *r = p->r;
	struct session *s = sessions_by_id(r->g->m, r->session);
	struct engine_result no = {.outcome = ENGINE_REFUSED, .err = res->err};

	if (res->err.code == 0 && res->exit == 0 && s && !r->done && !r->canceled) {
		const struct buf *tar = &latest(r)->tar;

		session_put(s, p->service, "/lab", tar->data, tar->len, put_done, r);
	} else {
		if (no.err.code == 0)
			err_set(&no.err, ERR_ENGINE, "the files of an earlier run do not go");
		put_done(r, &no);
	}
	free(p);
}

/* A judge's volume outlives the run: a file that is gone meanwhile must not be found there. */
static void place(struct run *r, struct session *s, int service)
{
	_cleanup_free_ char *sweep = strf("#!/bin/sh\nrm -rf /lab/root/%d\n", latest(r)->number);
	_cleanup_(strv_freep) char **env = run_environment(r, service, NULL, "",
		loop_wall_ms(sessions_loop(r->g->m)) + SWEEP_MS);
	struct placing *p = NEW(struct placing);

	*p = (struct placing){r, service};
	runner_run(crew_runner(r->g, s, service),
		&(struct program){sweep, strlen(sweep), NULL, env, SWEEP_MS}, swept, p);
}

/* The copy goes into every service that judges frozen files, in a folder of its own. */
static void put_captured(struct run *r, struct session *s)
{
	r->puts = 1;
	for (size_t v = 0; v < r->lab->n_services; v++) {
		bool judges = false;

		for (size_t i = 0; i < r->n_items; i++)
			judges |= r->items[i].check->vantage == VANTAGE_FROZEN &&
				  r->items[i].check->by == (int)v;
		if (!judges)
			continue;
		r->puts++;
		place(r, s, (int)v);
	}
	put_done(r, &(struct engine_result){.outcome = ENGINE_DONE});
}

static void captured(void *arg, struct capture *c)
{
	struct run *r = arg;
	struct session *s = sessions_by_id(r->g->m, r->session);

	r->capturing = NULL;
	r->capture_ms = c->ms;
	r->capture_complete = c->err.code == 0;
	if (r->done)
		return;
	if (r->canceled || !s) {
		run_finish(r, "aborted", &r->err);
		return;
	}
	if (c->err.code != 0) {
		capture_failed(r, c->err.text);
		stage_step(r);
		return;
	}
	struct captured *to = latest(r);
	buf_done(&to->tar);
	buf_done(&to->left_out);
	*to = (struct captured){r->captures, c->tar, c->left_out};
	c->tar = c->left_out = (struct buf){0};
	put_captured(r, s);
}

/* Capture for the checks that read it; false = nobody does. */
static bool capture_for(struct run *r, int phase)
{
	struct session *s = sessions_by_id(r->g->m, r->session);
	bool wanted = false;

	for (size_t i = 0; i < r->n_items; i++)
		wanted |= reads_capture(r, &r->items[i], phase);
	if (!wanted || !s || !r->lab->n_captures)
		return false;
	_cleanup_free_ char *folder = strf("root/%d", ++r->captures);
	r->capturing = capture_start(s, folder, captured, r);
	return true;
}

/* --- a phase --- */

static void stage_watch(struct run *r)
{
	r->stage_ms = loop_now_ms(sessions_loop(r->g->m));
	r->last_part = false;
	stage_step(r);
}

static void stage_end(struct run *r)
{
	struct session *s = sessions_by_id(r->g->m, r->session);
	const struct lab_phase *p = phase_of(r);

	timer_stop(r->timer);
	if (!s || r->canceled) {
		run_finish(r, "aborted", &r->err);
		return;
	}
	if (p) {
		r->phase_ms[r->phase] = loop_now_ms(sessions_loop(r->g->m)) - r->phase_began_ms;
		run_say(r, "phase", NULL, "ended");
		if (p->fence)
			take_fence(r, s);
	}
	next_phase(r);
}

static void stimulated(void *arg, const struct program_result *res)
{
	struct run *r = arg;
	struct err e = ERR_NONE;

	r->waits--;
	if (r->done)
		return;
	if (r->canceled) {
		run_finish(r, "aborted", &r->err);
		return;
	}
	if (res->err.code != 0 || res->exit != 0 || res->timed_out) {
		_cleanup_free_ char *last = str_visible(
			res->errout ? res->errout : "", MIN(res->n_errout, (size_t)200), false);

		err_set(&e, ERR_ENGINE, "the stimulus of phase '%s' could not be given: %s",
			phase_of(r)->id, res->err.code ? res->err.text : last);
		run_finish(r, "incomplete", &e);
		return;
	}
	stage_watch(r);
}

static void stimulate(struct run *r)
{
	const struct lab_phase *p = phase_of(r);
	struct session *s = sessions_by_id(r->g->m, r->session);
	_cleanup_buf_ struct buf text = BUF(256 << 10);
	struct err e = ERR_NONE;

	if (!s) {
		run_finish(r, "aborted", &r->err);
		return;
	}
	if (!p->run) {
		stage_watch(r);
		return;
	}
	if (run_program(r, p->run[0], &text, &e) < 0) {
		run_finish(r, "incomplete", &e);
		return;
	}
	int64_t deadline = loop_wall_ms(sessions_loop(r->g->m)) + p->most_ms;
	_cleanup_(strv_freep) char **env =
		run_environment(r, r->lab->grading_by, NULL, p->id, deadline);
	r->waits++;
	runner_run(crew_runner(r->g, s, r->lab->grading_by),
		&(struct program){
			buf_str(&text), text.len, p->run + 1, env, MAX(p->most_ms, (int64_t)10000)},
		stimulated, r);
}

/* A learner's service that does not come back is the learner's; anything else is ours. */
static void recreated(void *arg, struct session *s, const struct err *e)
{
	struct run *r = arg;
	const struct lab_phase *p = phase_of(r);

	r->waits--;
	if (r->done)
		return;
	if (r->canceled || !s) {
		run_finish(r, "aborted", &r->err);
		return;
	}
	for (size_t i = 0; e->code != 0 && i < p->n_recreate; i++) {
		int v = p->recreate[i];
		const char *note;
		enum service_state st = session_service(s, v, &note);

		if (st == SERVICE_READY)
			continue;
		if (r->lab->services[v].role != ROLE_LEARNER || e->code != ERR_TIMEOUT) {
			run_finish(r, "incomplete", e);
			return;
		}
		r->broken[v] = 1;
		free(r->broken_why[v]);
		r->broken_why[v] =
			strf("service '%s' did not become ready again in a new container: %s",
				r->lab->services[v].name, *note ? note : "it says nothing");
	}
	stimulate(r);
}

static void phase_begin(struct run *r, int phase)
{
	const struct lab_phase *p = &r->lab->phases[phase];
	struct session *s = sessions_by_id(r->g->m, r->session);

	r->phase = phase;
	r->last_part = false;
	r->phase_began_ms = r->stage_ms = loop_now_ms(sessions_loop(r->g->m));
	run_say(r, "phase", NULL, "began");
	if (!s)
		run_finish(r, "aborted", &r->err);
	else if (p->n_recreate) {
		r->waits++;
		session_recreate(s, p->recreate, p->n_recreate, MAX(p->most_ms, (int64_t)30000),
			recreated, r);
	} else {
		stimulate(r);
	}
}

static void next_phase(struct run *r)
{
	for (int i = r->phase + 1; r->grade && i < (int)r->lab->n_phases; i++)
		if (phase_needed(r, i)) {
			phase_begin(r, i);
			return;
		}
	needs_settle(r);
	run_seal(r);
}

void stage_begin(struct run *r)
{
	struct session *s = sessions_by_id(r->g->m, r->session);

	r->phase = -1;
	r->stage_ms = loop_now_ms(sessions_loop(r->g->m));
	take_fence(r, s);
	if (!capture_for(r, -1))
		stage_step(r);
}
