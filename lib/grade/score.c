/*
 * score.c - a run's points: from verdicts to tasks, total and trust.
 */
#include "grade/impl.h"

#include "record/score.h"

static enum score_verdict score_word(enum verdict v)
{
	switch (v) {
	case VERDICT_PASS:
		return SCORE_PASS;
	case VERDICT_FAIL:
		return SCORE_FAIL;
	case VERDICT_TIMEOUT:
		return SCORE_TIMEOUT;
	case VERDICT_SKIPPED:
		return SCORE_SKIPPED;
	default:
		return SCORE_ERROR;
	}
}

static struct score_check *checks_of(const struct run *r)
{
	struct score_check *c = xcalloc(r->n_items, sizeof(*c));

	for (size_t i = 0; i < r->n_items; i++) {
		const struct item *it = &r->items[i];

		c[i] = (struct score_check){
			.task = it->task_index,
			.max_m = it->check->severity == SEVERITY_INFO ? 0 : it->check->max_m,
			.required = it->check->severity == SEVERITY_REQUIRED,
			.info = it->check->severity == SEVERITY_INFO,
			.verdict = score_word(it->j.verdict),
			.n = it->j.n,
			.d = it->j.d,
		};
	}
	return c;
}

static struct score_task *tasks_of(struct run *r)
{
	struct score_task *t = xcalloc(r->lab->n_tasks, sizeof(*t));
	struct session *s = sessions_by_id(r->g->m, r->session);

	for (size_t i = 0; i < r->lab->n_tasks; i++) {
		const struct lab_task *task = &r->lab->tasks[i];

		t[i] = (struct score_task){
			.max_m = task->points_m,
			.hint_cost_m = s ? hint_cost_m(r->g, s, (int)i) : 0,
			.pass_at_bp = task->pass_at_bp,
			.required = task->required,
			.distinction = task->distinction,
		};
	}
	return t;
}

static void count(struct run_task *t, enum verdict v)
{
	t->pass += v == VERDICT_PASS;
	t->fail += v == VERDICT_FAIL;
	t->other += v != VERDICT_PASS && v != VERDICT_FAIL;
}

static void keep_tasks(struct run *r, const struct score_task *t)
{
	r->n_tasks = r->lab->n_tasks;
	r->tasks = xcalloc(r->n_tasks, sizeof(*r->tasks));
	for (size_t i = 0; i < r->n_tasks; i++)
		r->tasks[i] = (struct run_task){&r->lab->tasks[i], t[i].raw_m, t[i].attain_m,
			t[i].earned_m, t[i].passed, 0, 0, 0};
	for (size_t i = 0; i < r->n_items; i++)
		count(&r->tasks[r->items[i].task_index], r->items[i].j.verdict);
}

/* Weakest to strongest is the order of the enum. */
static void keep_trust(struct run *r)
{
	int weakest = -1;

	for (size_t i = 0; i < r->n_items; i++) {
		const struct item *it = &r->items[i];

		if (it->earned_m <= 0)
			continue;
		if (weakest < 0 || (int)it->check->vantage < weakest)
			weakest = (int)it->check->vantage;
		if (it->check->forgeable)
			r->forgeable_m += it->earned_m;
	}
	(void)snprintf(r->trust, sizeof(r->trust), "%s",
		weakest < 0 ? "" : lab_vantage_name((enum lab_vantage)weakest));
}

void run_score(struct run *r)
{
	struct score_check *c = checks_of(r);
	struct score_task *t = tasks_of(r);
	struct score sum;

	score(&sum, c, r->n_items, t, r->lab->n_tasks, r->lab->pass_mark_bp, r->lab->hint_floor_bp);
	for (size_t i = 0; i < r->n_items; i++)
		r->items[i].earned_m = c[i].earned_m;
	keep_tasks(r, t);
	keep_trust(r);
	r->earned_m = sum.earned_m;
	r->max_m = sum.max_m;
	r->percent_bp = sum.percent_bp;
	r->passed = sum.passed;
	r->incomplete = sum.incomplete;
	free(c);
	free(t);
}
