/*
 * grader.c - the daemon's grading side: what was judged before, hints that were bought, the key.
 */
#include "grade/impl.h"

#include "base/hash.h"

#include <inttypes.h>

#define STOP_LOOK_MS 20

/* --- last verdicts --- */

static void last_free(void *arg)
{
	struct last_verdict *v = arg;

	free(v->text);
	free(v->hint);
	free(v->output);
	free(v->reason);
	free(v);
}

static char *last_key(int64_t session, const char *check)
{
	return strf("%" PRId64 "/%s", session, check);
}

static void load_verdict(void *arg, const struct row_verdict *r)
{
	struct grader *g = arg;
	_cleanup_free_ char *key = last_key(r->session, r->check);
	struct last_verdict *v = NEW(struct last_verdict);

	for (int i = VERDICT_NONE; i <= VERDICT_SKIPPED; i++)
		if (streq(verdict_name((enum verdict)i), r->verdict))
			v->verdict = (enum verdict)i;
	v->gen = r->gen;
	v->at_ms = r->at_ms;
	v->ms = r->ms;
	v->earned_m = r->earned_m;
	str_set(&v->text, r->text);
	str_set(&v->hint, r->hint);
	str_set(&v->output, r->output);
	str_set(&v->reason, r->reason);
	map_put(g->last, key, v);
}

void grader_keep(struct grader *g, struct run *r, struct tx *t)
{
	struct session *s = sessions_by_id(g->m, r->session);
	struct session_info info;

	if (!s)
		return;
	session_info(s, &info);
	for (size_t i = 0; i < r->n_items; i++) {
		const struct item *it = &r->items[i];
		struct row_verdict row = {
			.session = r->session,
			.gen = info.gen,
			.at_ms = it->at_ms,
			.ms = it->ms,
			.earned_m = it->earned_m,
			.check = it->check->name,
			.verdict = verdict_name(it->j.verdict),
			.reason = it->j.reason,
			.text = it->j.text,
			.hint = it->j.hint,
			.output = it->j.output,
			.quick = !r->grade,
		};

		tx_verdict(t, &row);
		load_verdict(g, &row);
	}
}

bool grader_last(struct grader *g, const struct session *s, const struct lab_check *c,
	struct check_result *ret)
{
	struct session_info info;

	session_info(s, &info);
	_cleanup_free_ char *key = last_key(info.id, c->name);
	const struct last_verdict *v = map_get(g->last, key);
	if (!v || v->gen != info.gen) /* results of before a reset are history */
		return false;
	*ret = (struct check_result){
		.check = c,
		.verdict = v->verdict,
		.reason = v->reason ? v->reason : "",
		.text = v->text ? v->text : "",
		.hint = v->hint ? v->hint : "",
		.output = v->output ? v->output : "",
		.evidence = "",
		.earned_m = v->earned_m,
		.max_m = c->severity == SEVERITY_INFO ? 0 : c->max_m,
		.ms = v->ms,
		.at_ms = v->at_ms,
		.forgeable = c->forgeable,
	};
	return true;
}

/* --- hints --- */

static void load_hint(void *arg, const struct row_hint *r)
{
	struct grader *g = arg;
	struct bought *b = NEW(struct bought);

	b->session = r->session;
	b->cost_m = r->cost_m;
	b->task = xstrdup(r->task);
	b->hint = xstrdup(r->hint);
	b->at_ms = r->at_ms;
	list_append(&g->hints, &b->link);
}

static const struct bought *bought_find(
	struct grader *g, int64_t session, const char *task, const char *hint)
{
	struct bought *b;

	list_for_each(b, &g->hints, link)
		if (b->session == session && streq(b->task, task) && streq(b->hint, hint))
			return b;
	return NULL;
}

int64_t hint_cost_m(struct grader *g, const struct session *s, int task)
{
	struct session_info info;
	struct bought *b;
	int64_t sum = 0;

	session_info(s, &info);
	list_for_each(b, &g->hints, link)
		if (b->session == info.id && streq(b->task, info.lab->tasks[task].id))
			sum += b->cost_m;
	return sum;
}

bool task_passed_last(struct grader *g, const struct session *s, int task)
{
	struct session_info info;
	struct check_result res;
	int64_t earned = 0;

	session_info(s, &info);
	const struct lab_task *t = &info.lab->tasks[task];
	for (size_t c = 0; c < t->n_checks; c++)
		if (grader_last(g, s, &t->checks[c], &res))
			earned += res.earned_m;
	return earned > 0 && earned * 10000 >= t->pass_at_bp * t->points_m;
}

static int64_t attain_m(const struct session_info *info, const struct lab_task *t, int64_t paid_m)
{
	return MAX(
		t->points_m - paid_m, record_scale(t->points_m, info->lab->hint_floor_bp, 10000));
}

int64_t hint_attain_m(struct grader *g, const struct session *s, int task)
{
	struct session_info info;

	session_info(s, &info);
	return attain_m(&info, &info.lab->tasks[task], hint_cost_m(g, s, task));
}

static void hint_describe(struct grader *g, const struct session *s, int task,
	const struct lab_hint *h, struct hint_info *ret)
{
	struct session_info info;

	session_info(s, &info);
	const struct lab_task *t = &info.lab->tasks[task];
	int64_t paid = hint_cost_m(g, s, task);

	*ret = (struct hint_info){
		.hint = h, .bought = bought_find(g, info.id, t->id, h->id) != NULL};
	ret->cost_m = ret->bought || task_passed_last(g, s, task) ? 0 : h->cost_m;
	for (size_t i = 0; i < h->n_requires; i++)
		ret->locked |= !bought_find(g, info.id, t->id, t->hints[h->requires[i]].id);
	ret->attain_m = attain_m(&info, t, paid + ret->cost_m);
}

size_t hint_list(
	struct grader *g, const struct session *s, int task, struct hint_info *ret, size_t max)
{
	struct session_info info;
	size_t n;

	session_info(s, &info);
	n = MIN(info.lab->tasks[task].n_hints, max);
	for (size_t i = 0; i < n; i++)
		hint_describe(g, s, task, &info.lab->tasks[task].hints[i], &ret[i]);
	return n;
}

struct purchase {
	struct hint_info info;
	struct err err;
	void (*done)(void *arg, const struct hint_info *h, const struct err *e);
	void *arg;
};

static void purchase_answer(void *arg)
{
	struct purchase *p = arg;

	p->done(p->arg, p->err.code ? NULL : &p->info, &p->err);
	free(p);
}

static void purchase_committed(void *arg, const struct err *e)
{
	((struct purchase *)arg)->err = *e;
	purchase_answer(arg);
}

static const struct lab_hint *choose(
	struct grader *g, const struct session_info *info, const struct lab_task *t, const char *id)
{
	for (size_t i = 0; i < t->n_hints; i++)
		if (id ? streq(t->hints[i].id, id)
		       : !bought_find(g, info->id, t->id, t->hints[i].id))
			return &t->hints[i];
	return NULL;
}

static void may_buy(
	const struct hint_info *h, const struct lab_task *t, int64_t accept_m, struct err *e)
{
	if (h->locked)
		err_set(e, ERR_QUOTA, "hint '%s' of '%s' comes after '%s'", h->hint->id, t->id,
			t->hints[h->hint->requires[0]].id);
	else if (!h->bought && h->cost_m != accept_m)
		err_set(e, ERR_USAGE,
			"hint '%s' of '%s' costs %" PRId64 ".%03d points: say that you accept it",
			h->hint->id, t->id, h->cost_m / 1000, (int)(h->cost_m % 1000));
}

void hint_buy(struct grader *g, struct session *s, int task, const char *hint, int64_t accept_m,
	void (*done)(void *arg, const struct hint_info *h, const struct err *e), void *arg)
{
	struct purchase *p = NEW(struct purchase);
	struct session_info info;

	session_info(s, &info);
	const struct lab_task *t = &info.lab->tasks[task];
	const struct lab_hint *h = choose(g, &info, t, hint);
	p->done = done;
	p->arg = arg;
	if (!h)
		err_set(&p->err, ERR_NOT_FOUND,
			hint ? "'%s' has no hint '%s'" : "'%s' has no more hints", t->id, hint);
	else
		hint_describe(g, s, task, h, &p->info);
	if (h && info.state == STATE_GRADING) /* its points are being counted */
		err_set(&p->err, ERR_STATE, "a grade is running: hints of '%s' wait until it ends",
			info.name);
	else if (h)
		may_buy(&p->info, t, accept_m, &p->err);
	if (p->err.code != 0 || p->info.bought) {
		loop_defer(sessions_loop(g->m), purchase_answer, p);
		return;
	}
	struct row_hint row = {
		info.id, p->info.cost_m, loop_wall_ms(sessions_loop(g->m)), t->id, h->id};
	struct tx *tx = tx_new(sessions_store(g->m));
	tx_hint(tx, &row);
	load_hint(g, &row);
	p->info.bought = true;
	tx_commit(tx, purchase_committed, p);
}

/* --- grades and the chain --- */

static void load_grade(void *arg, const struct row_grade *r)
{
	struct grader *g = arg;

	map_put(g->keys, r->key, (void *)(intptr_t)r->id);
	if (streq(r->state, "done"))
		map_put(g->attempts, r->lab, (void *)(intptr_t)r->n);
}

/* A grade that was running when the daemon ended: nothing is charged, nothing recorded. */
static void abort_grade(void *arg, const struct row_grade *r)
{
	struct grader *g = arg;
	struct row_grade row = *r;
	struct tx *t;

	if (!streq(r->state, "running"))
		return;
	row.state = "aborted";
	row.ended_ms = loop_wall_ms(sessions_loop(g->m));
	t = tx_new(sessions_store(g->m));
	tx_grade(t, &row);
	tx_commit(t, NULL, NULL);
}

static void load_record(void *arg, const struct row_record *r)
{
	struct grader *g = arg;

	if (!streq(r->chain, "local"))
		return;
	g->chain_seq = r->seq;
	memcpy(g->chain_hash, r->hash, sizeof(g->chain_hash));
}

static void load_grade_row(void *arg, const struct row_grade *r)
{
	load_grade(arg, r);
	abort_grade(arg, r);
}

/* --- sessions come and go --- */

static void forget_session(struct grader *g, int64_t session)
{
	_cleanup_free_ char *prefix = strf("%" PRId64 "/", session);
	struct bought *b, *tmp;
	const char *key;
	char **gone = strv_new();

	for (size_t i = 0; map_each(g->last, &i, &key, NULL);)
		if (str_starts(key, prefix))
			strv_add(&gone, key);
	for (char **k = gone; *k; k++)
		map_remove(g->last, *k);
	strv_free(gone);
	list_for_each_safe(b, tmp, &g->hints, link)
		if (b->session == session) {
			list_unlink(&b->link);
			free(b->task);
			free(b->hint);
			free(b);
		}
}

bool grader_dismiss(struct grader *g, int64_t session)
{
	if (grader_running(g, session))
		return false;
	crew_down(g, session);
	return true;
}

static void on_event(void *arg, const struct session_event *ev)
{
	struct grader *g = arg;
	struct session *s = sessions_by_id(g->m, ev->session);
	struct session_info info;
	struct run *r, *tmp;

	if (!s || !streq(ev->kind, "state"))
		return;
	session_info(s, &info);
	if (info.state == STATE_READY || info.state == STATE_GRADING)
		return;
	list_for_each_safe(r, tmp, &g->runs, link)
		if (r->session == ev->session && !r->done)
			run_cancel(r);
	crew_down(g, ev->session);
	if (info.state == STATE_GONE)
		forget_session(g, ev->session);
}

/* --- life --- */

int grader_new(struct grader **ret, struct sessions *m, const char *state_folder, struct err *e)
{
	struct grader *g = NEW(struct grader);
	const struct store_loader to = {.arg = g,
		.verdict = load_verdict,
		.hint = load_hint,
		.grade = load_grade_row,
		.record = load_record};
	_cleanup_free_ char *key_path = strf("%s/record.key", state_folder);
	const char *install = store_install(sessions_store(m));
	char digest[SHA256_HEX];

	g->m = m;
	g->state_dir = xstrdup(state_folder);
	list_init(&g->runs);
	list_init(&g->hints);
	list_init(&g->crews);
	g->last = map_new(last_free);
	g->attempts = map_new(NULL);
	g->keys = map_new(NULL);
	record_chain_start("local", g->chain_hash);
	sha256_hex(install, strlen(install), digest);
	(void)snprintf(g->learner, sizeof(g->learner), "p:%.16s", digest);
	int r = record_key_open(&g->key, key_path, e);
	if (r == 0)
		r = store_load(sessions_store(m), &to, e);
	if (r < 0) {
		grader_free(g);
		return r;
	}
	sessions_listen(m, on_event, g);
	*ret = g;
	return 0;
}

static void look_stopped(void *arg)
{
	struct grader *g = arg;
	struct run *r;

	list_for_each(r, &g->runs, link)
		if (!run_idle(r)) {
			timer_start(g->stopping, STOP_LOOK_MS);
			return;
		}
	crews_free(g);
	g->stopped(g->stopped_arg);
}

void grader_stop(struct grader *g, void (*done)(void *arg), void *arg)
{
	struct run *r, *tmp;

	g->stopped = done;
	g->stopped_arg = arg;
	g->stopping = timer_new(sessions_loop(g->m), look_stopped, g);
	timer_start(g->stopping, 0);
	list_for_each_safe(r, tmp, &g->runs, link)
		run_cancel(r);
}

void grader_free(struct grader *g)
{
	if (!g)
		return;
	timer_free(g->stopping);
	sessions_unlisten(g->m, on_event, g);
	crews_free(g);
	while (!list_empty(&g->runs))
		run_free(list_first(&g->runs, struct run, link));
	for (struct bought *b; (b = list_first(&g->hints, struct bought, link));) {
		list_unlink(&b->link);
		free(b->task);
		free(b->hint);
		free(b);
	}
	map_free(g->last);
	map_free(g->attempts);
	map_free(g->keys);
	record_key_free(g->key);
	free(g->state_dir);
	free(g);
}

const char *grader_key(const struct grader *g)
{
	return record_key_id(g->key);
}

struct run *grader_run(struct grader *g, int64_t id)
{
	struct run *r;

	list_for_each(r, &g->runs, link)
		if (r->id == id)
			return r;
	return NULL;
}

int64_t grader_keyed(const struct grader *g, const char *key)
{
	return (int64_t)(intptr_t)map_get(g->keys, key);
}

bool run_idle(const struct run *r)
{
	if (!r->done || r->finishing || r->puts || r->waits || r->capturing)
		return false;
	for (size_t i = 0; i < r->n_items; i++)
		if (r->items[i].state == ITEM_ASKING)
			return false;
	return true;
}

static void trim(void *arg)
{
	struct grader *g = arg;
	struct run *r, *tmp;

	list_for_each_safe(r, tmp, &g->runs, link) {
		if (g->n_runs <= KEPT_RUNS)
			return;
		if (!run_idle(r))
			continue;
		run_free(r);
		g->n_runs--;
	}
}

/* At the end of the turn: whoever finished a run may still look at it. */
void grader_trim(struct grader *g)
{
	loop_defer(sessions_loop(g->m), trim, g);
}
