/*
 * run.c - one act of judging: its life from the first commit to the last.
 */
#include "grade/impl.h"

#include "base/id.h"
#include "codec/json.h"
#include "content/tar.h"

#include <inttypes.h>

#define QUICK_BUDGET_MS 120000 /* far beyond the 15 s that quick checks may take together */

/* --- what listeners are told --- */

static void say_item(struct json_writer *w, const struct item *it)
{
	json_put_str(w, "check", it->check->name);
	json_put_str(w, "verdict", verdict_name(it->j.verdict));
	json_put_str(w, "reason", it->j.reason);
	json_put_str(w, "vantage", lab_vantage_name(it->check->vantage));
	json_put_str(w, "text", it->j.text);
	json_put_str(w, "hint", it->j.hint);
	json_put_int(w, "ms", it->ms);
}

void run_say(struct run *r, const char *kind, const struct item *it, const char *text)
{
	struct session *s = sessions_by_id(r->g->m, r->session);
	_cleanup_buf_ struct buf b = BUF(256 << 10);
	struct json_writer w;

	if (!s)
		return;
	json_begin(&w, &b, false);
	json_object(&w, NULL);
	json_put_int(&w, "run", r->id);
	json_put_bool(&w, "grade", r->grade);
	if (r->phase >= 0) {
		json_put_str(&w, "phase", r->lab->phases[r->phase].id);
		json_put_str(&w, "title", r->lab->phases[r->phase].title);
		if (r->phase_ms[r->phase] >= 0)
			json_put_int(&w, "took_ms", r->phase_ms[r->phase]);
	}
	if (it)
		say_item(&w, it);
	if (text)
		json_put_str(&w, "text", text);
	json_end(&w);
	session_emit(s, kind, buf_str(&b));
}

/* --- which checks --- */

static bool named(char *const *only, const struct lab_task *t, const struct lab_check *c)
{
	return !only || strv_has(only, t->id) || strv_has(only, c->name);
}

static int names_exist(const struct lab *l, char *const *only, struct err *e)
{
	for (; only && *only; only++) {
		bool found = false;

		for (size_t t = 0; t < l->n_tasks; t++) {
			found |= streq(l->tasks[t].id, *only);
			for (size_t c = 0; c < l->tasks[t].n_checks; c++)
				found |= streq(l->tasks[t].checks[c].name, *only);
		}
		if (!found)
			return err_set(
				e, ERR_NOT_FOUND, "'%s' has no task or check '%s'", l->slug, *only);
	}
	return 0;
}

static bool options_exist(const struct lab *l, char *const *with, struct err *e)
{
	for (; with && *with; with++) {
		bool found = false;

		for (size_t p = 0; p < l->n_phases; p++)
			found |= str_same(l->phases[p].option, *with);
		if (!found) {
			err_set(e, ERR_NOT_FOUND, "'%s' has no optional part '%s'", l->slug, *with);
			return false;
		}
	}
	return true;
}

static void add_items(struct run *r, char *const *only)
{
	size_t n = 0;

	for (size_t t = 0; t < r->lab->n_tasks; t++)
		n += r->lab->tasks[t].n_checks;
	r->items = xcalloc(n, sizeof(*r->items));
	for (size_t t = 0; t < r->lab->n_tasks; t++)
		for (size_t c = 0; c < r->lab->tasks[t].n_checks; c++) {
			const struct lab_check *check = &r->lab->tasks[t].checks[c];

			if (!r->grade && (!check->quick || check->phase >= 0 ||
						 !named(only, &r->lab->tasks[t], check)))
				continue;
			r->items[r->n_items++] = (struct item){.run = r,
				.task = &r->lab->tasks[t],
				.task_index = (int)t,
				.check = check};
		}
}

/* --- secrets that exist only during a grade --- */

static bool for_service(const struct lab_secret *x, int service)
{
	for (size_t i = 0; i < x->n_services; i++)
		if (x->services[i] == service)
			return true;
	return false;
}

struct cleaning {
	struct run *run;
	struct exec *exec;
};

static void cleaned(void *arg, int code, const struct err *err)
{
	struct cleaning *c = arg;

	c->run->waits--;
	sessions_exec_done(c->run->g->m, c->exec);
	free(c);
}

static void clean(struct run *r, struct session *s, int service)
{
	static const struct exec_ops ops = {.ended = cleaned};
	_cleanup_(strv_freep) char **argv = strv_new();
	struct cleaning *c = NEW(struct cleaning);

	strv_add(&argv, "rm");
	strv_add(&argv, "-f");
	for (size_t i = 0; i < r->lab->n_secrets; i++)
		if (r->lab->secrets[i].at_grade && for_service(&r->lab->secrets[i], service))
			strv_take(&argv, strf("/lab/secrets/%s", r->lab->secrets[i].name));
	c->run = r;
	if (argv[2])
		c->exec = session_exec(s,
			&(struct session_exec){
				.service = service, .argv = argv, .class = CLASS_CHECK},
			&ops, c, NULL);
	if (c->exec)
		r->waits++;
	else
		free(c);
}

/* Take the secrets of a grade back out of the services that stay. */
static void remove_secrets(struct run *r)
{
	struct session *s = sessions_by_id(r->g->m, r->session);

	for (size_t v = 0; s && r->secrets_put && v < r->lab->n_services; v++)
		if (r->lab->services[v].when == WHEN_SESSION)
			clean(r, s, (int)v);
}

static void secrets_ready(void *arg, const struct engine_result *res)
{
	struct run *r = arg;

	if (res->outcome != ENGINE_DONE && r->err.code == 0)
		r->err = res->err;
	if (--r->puts || r->done)
		return;
	if (r->canceled)
		run_finish(r, "aborted", &r->err);
	else if (r->err.code != 0)
		run_finish(r, "incomplete", &r->err);
	else
		stage_begin(r);
}

static void put_secrets_of(struct run *r, struct session *s, int service)
{
	_cleanup_(tar_plan_freep) struct tar_plan *p = tar_plan_new();
	_cleanup_buf_ struct buf tar = BUF(1 << 20);
	struct err e = ERR_NONE;
	size_t n = 0;

	for (size_t i = 0; i < r->lab->n_secrets; i++) {
		_cleanup_free_ char *as = strf("secrets/%s", r->lab->secrets[i].name);

		if (!r->lab->secrets[i].at_grade || !for_service(&r->lab->secrets[i], service))
			continue;
		tar_add_file(p, as, r->grade_secrets[i], strlen(r->grade_secrets[i]), 0400, 0, 0);
		n++;
	}
	if (!n)
		return;
	r->puts++;
	if (tar_plan_write(p, &tar, &e) < 0)
		r->err = e;
	session_put(s, service, "/lab", tar.data, tar.len, secrets_ready, r);
}

static void put_secrets(struct run *r, struct session *s)
{
	r->grade_secrets = xcalloc(r->lab->n_secrets + 1, sizeof(char *));
	for (size_t i = 0; i < r->lab->n_secrets; i++)
		r->grade_secrets[i] = r->lab->secrets[i].at_grade
					      ? draw_secret(r->lab->secrets[i].name, r->seed)
					      : xstrdup("");
	r->secrets_put = true;
	r->puts = 1;
	for (size_t v = 0; v < r->lab->n_services; v++)
		put_secrets_of(r, s, (int)v);
	secrets_ready(r, &(struct engine_result){.outcome = ENGINE_DONE});
}

/* --- beginning --- */

static void crew_is_up(void *arg, struct session *s, const struct err *e)
{
	struct run *r = arg;

	r->waits--;
	s = sessions_by_id(r->g->m, r->session);
	if (r->done)
		return;
	if (r->canceled || !s)
		run_finish(r, "aborted", &r->err);
	else if (e->code != 0)
		run_finish(r, "incomplete", e);
	else if (r->grade)
		put_secrets(r, s);
	else
		stage_begin(r);
}

static void muster(struct run *r, struct session *s)
{
	int *services = xcalloc(r->lab->n_services, sizeof(int));
	size_t n = 0;

	for (size_t v = 0; v < r->lab->n_services; v++) {
		bool needed = r->grade && r->lab->services[v].when != WHEN_SESSION;

		if (r->lab->services[v].when == WHEN_REPLAY)
			continue; /* each step makes its own */
		for (size_t i = 0; i < r->n_items; i++)
			needed |= lab_check_uses(r->items[i].check, (int)v);
		if (needed)
			services[n++] = (int)v;
	}
	r->waits++;
	crew_up(r->g, s, services, n, crew_is_up, r);
	free(services);
}

static bool engine_was_away(const struct run *r)
{
	int64_t since_ms;

	return sessions_engine_error(r->g->m, &since_ms)->code != 0 || since_ms >= r->away_ms;
}

/* No time is left to ask (again). What we could not ask is no zero. */
static void out_of_time(struct item *it)
{
	if (it->j.verdict == VERDICT_ERROR)
		;
	else if (engine_was_away(it->run))
		judge_error(&it->j, "engine_unreachable",
			"the engine was away, and so the time for the whole run was used up");
	else
		judge_skip(&it->j, "budget", "the time for the whole run was used up");
	item_decide(it);
}

static void overdue(void *arg)
{
	struct run *r = arg;
	bool late = loop_now_ms(sessions_loop(r->g->m)) >= r->deadline_ms;

	for (size_t i = 0; late && i < r->n_items; i++)
		if (r->items[i].state == ITEM_WAITING)
			out_of_time(&r->items[i]);
	stage_step(r);
}

static void grade_row(const struct run *r, struct row_grade *row)
{
	*row = (struct row_grade){
		.id = r->id,
		.session = r->session,
		.n = r->attempt,
		.key = r->key,
		.state = r->state,
		.started_ms = r->started_ms,
		.ended_ms = r->ended_ms,
		.record_seq = r->record_seq,
		.lab = r->lab_name,
	};
	memcpy(row->seed, r->seed, SEED_BYTES);
}

void run_save(struct run *r, struct tx *t, const char *result)
{
	struct row_grade row;
	_cleanup_buf_ struct buf options = BUF(1024);

	grade_row(r, &row);
	for (size_t i = 0; r->with && r->with[i]; i++)
		(void)buf_addf(&options, "%s%s", i ? "," : "", r->with[i]);
	row.options = buf_str(&options);
	row.result = result;
	tx_grade(t, &row);
}

/* The attempt is durable before anything is changed for it. */
static void grade_committed(void *arg, const struct err *e)
{
	struct run *r = arg;
	struct session *s = sessions_by_id(r->g->m, r->session);
	struct err why = ERR_NONE;

	r->waits--;
	if (e->code != 0 || !s || r->canceled) {
		run_finish(r, "aborted", e->code ? e : &r->err);
	} else if (session_begin_grade(s, &why) < 0) {
		run_finish(r, "aborted", &why);
	} else {
		r->holding = true;
		crew_down(r->g, r->session); /* fresh services for a grade */
		muster(r, s);
	}
}

static struct run *run_new(struct grader *g, struct session *s, const struct run_options *o)
{
	struct session_info info;
	struct run *r = NEW(struct run);
	int64_t since_ms;

	session_info(s, &info);
	r->g = g;
	r->id = store_next_id(sessions_store(g->m));
	r->session = info.id;
	r->session_name = xstrdup(info.name);
	r->lab = lab_ref(info.lab);
	r->lab_name = info.repository ? strf("%s/%s", info.repository, info.lab->slug)
				      : xstrdup(info.lab->slug);
	r->grade = o->grade;
	r->key = o->key ? xstrdup(o->key) : strf("run-%" PRId64, r->id);
	r->with = strv_copy(o->with);
	if (o->seed)
		memcpy(r->seed, o->seed, SEED_BYTES);
	else
		random_bytes(r->seed, SEED_BYTES);
	r->fenced = xcalloc(info.lab->n_services, sizeof(*r->fenced));
	r->broken = xcalloc(info.lab->n_services, 1);
	r->broken_why = xcalloc(info.lab->n_services, sizeof(char *));
	r->phase_ms = xcalloc(info.lab->n_phases + 1, sizeof(int64_t));
	for (size_t i = 0; i < info.lab->n_phases; i++)
		r->phase_ms[i] = -1;
	r->phase = -1;
	r->timer = timer_new(sessions_loop(g->m), overdue, r);
	r->started_ms = loop_wall_ms(sessions_loop(g->m));
	r->away_ms = loop_now_ms(sessions_loop(g->m));
	r->deadline_ms = r->away_ms +
			 (o->grade ? info.lab->budget_ms + QUICK_BUDGET_MS : QUICK_BUDGET_MS);
	if (sessions_engine_error(g->m, &since_ms)->code != 0)
		r->away_ms = since_ms;
	r->attempt = o->grade ? (int64_t)(intptr_t)map_get(g->attempts, r->lab_name) + 1 : 0;
	r->state = xstrdup("running");
	add_items(r, o->only);
	list_append(&g->runs, &r->link);
	g->n_runs++;
	return r;
}

struct run *grader_running(struct grader *g, int64_t session)
{
	struct run *r;

	list_for_each(r, &g->runs, link)
		if (r->session == session && !r->done)
			return r;
	return NULL;
}

struct run *run_start(
	struct grader *g, struct session *s, const struct run_options *o, struct err *e)
{
	struct session_info info;
	struct run *r;

	session_info(s, &info);
	if (o->grade && o->key && (r = grader_run(g, grader_keyed(g, o->key))))
		return r;
	if (g->stopping) {
		err_set(e, ERR_STATE, "the daemon is going down: try again");
		return NULL;
	}
	if (info.state != STATE_READY) {
		err_set(e, ERR_STATE, "'%s' is %s: checks need a lab that is ready", info.name,
			session_state_name(info.state));
		return NULL;
	}
	if (grader_running(g, info.id)) {
		err_set(e, ERR_STATE, "'%s' is being checked already: wait for its end", info.name);
		return NULL;
	}
	if (names_exist(info.lab, o->only, e) < 0 || !options_exist(info.lab, o->with, e))
		return NULL;
	r = run_new(g, s, o);
	if (!r->grade) {
		muster(r, s);
		session_touch(s, "lab check");
		return r;
	}
	map_put(g->keys, r->key, (void *)(intptr_t)r->id);
	struct tx *t = tx_new(sessions_store(g->m));
	run_save(r, t, NULL);
	r->waits++;
	tx_commit(t, grade_committed, r);
	session_touch(s, "lab grade");
	return r;
}

void run_cancel(struct run *r)
{
	if (r->done || r->finishing)
		return;
	r->canceled = true;
	err_set(&r->err, ERR_CANCELED, "the run was stopped");
	if (r->capturing)
		capture_cancel(r->capturing);
	if (r->replay)
		replay_cancel(r->replay);
	crew_down(r->g, r->session); /* running programs end with ERR_CANCELED */
	for (size_t i = 0; i < r->n_items; i++)
		if (r->items[i].state == ITEM_WAITING) {
			judge_skip(&r->items[i].j, "canceled", "the run was stopped");
			r->items[i].state = ITEM_DECIDED;
		}
	stage_step(r);
}

/* --- the end --- */

void run_finish(struct run *r, const char *state, const struct err *e)
{
	struct session *s = sessions_by_id(r->g->m, r->session);

	if (r->done)
		return;
	timer_stop(r->timer);
	r->done = true;
	r->wants_seal = false; /* it may have been stopped while it waited */
	r->ended_ms = loop_wall_ms(sessions_loop(r->g->m));
	str_set(&r->state, state);
	if (e)
		r->err = *e;
	if (r->grade && !streq(state, "done")) {
		struct tx *t = tx_new(sessions_store(r->g->m));

		run_save(r, t, NULL);
		tx_commit(t, NULL, NULL);
	}
	remove_secrets(r);
	if (r->grade || !streq(state, "done")) /* what did not come up must not pass for being up */
		crew_down(r->g, r->session);
	else
		crew_rest(r->g, r->session);
	if (r->holding && s)
		session_end_grade(s);
	run_say(r, "run", NULL, state);
	grader_trim(r->g);
}

void run_free(struct run *r)
{
	list_unlink(&r->link);
	for (size_t i = 0; i < r->n_items; i++) {
		judgement_done(&r->items[i].j);
		free(r->items[i].evidence);
		free(r->items[i].errout);
	}
	free(r->items);
	timer_free(r->timer);
	for (size_t i = 0; i < r->lab->n_services; i++) {
		free(r->fenced[i].container);
		free(r->broken_why[i]);
	}
	for (size_t i = 0; r->grade_secrets && i < r->lab->n_secrets; i++)
		free(r->grade_secrets[i]);
	free(r->grade_secrets);
	free(r->fenced);
	free(r->broken);
	free(r->broken_why);
	free(r->phase_ms);
	free(r->tasks);
	buf_done(&r->before.tar);
	buf_done(&r->before.left_out);
	buf_done(&r->again.tar);
	buf_done(&r->again.left_out);
	record_done(&r->record);
	strv_free(r->with);
	free(r->key);
	free(r->state);
	free(r->session_name);
	free(r->lab_name);
	lab_free(r->lab);
	free(r);
}
