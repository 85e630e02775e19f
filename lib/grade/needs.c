/*
 * needs.c - which checks may be judged, and whether a phase has a reason to run.
 *
 * A need is met, unmet, or still open. In a quick run a task counts as passed when its quick checks
 * pass, and what is not part of the run counts as met. In a grade a task counts as lost as soon as
 * the points it can still earn do not reach its pass mark, so a grade of a fresh start ends early.
 */
#include "grade/impl.h"

static enum need_state quick_task(struct run *r, int task)
{
	enum need_state st = NEED_MET;

	for (size_t i = 0; i < r->n_items; i++) {
		const struct item *it = &r->items[i];

		if (it->task_index != task)
			continue;
		if (it->state == ITEM_DECIDED && it->j.verdict != VERDICT_PASS)
			return NEED_UNMET;
		if (it->state != ITEM_DECIDED)
			st = NEED_OPEN;
	}
	return st;
}

static enum need_state graded_task(struct run *r, int task)
{
	const struct lab_task *t = &r->lab->tasks[task];
	int64_t sure = 0, possible = 0;
	bool open = false;

	for (size_t i = 0; i < r->n_items; i++) {
		const struct item *it = &r->items[i];
		const struct lab_check *c = it->check;

		if (it->task_index != task || c->severity == SEVERITY_INFO)
			continue;
		if (it->state != ITEM_DECIDED) {
			possible += c->max_m;
			open = true;
			continue;
		}
		int64_t earned = it->j.d ? record_scale(c->max_m, it->j.n, it->j.d) : 0;
		sure += earned;
		possible += earned;
		if (c->severity == SEVERITY_REQUIRED && it->j.verdict != VERDICT_PASS)
			return NEED_UNMET;
	}
	if (possible * 10000 < t->pass_at_bp * t->points_m)
		return NEED_UNMET;
	return !open && sure * 10000 >= t->pass_at_bp * t->points_m ? NEED_MET : NEED_OPEN;
}

enum need_state task_state(struct run *r, int task)
{
	return r->grade ? graded_task(r, task) : quick_task(r, task);
}

struct item *run_item(struct run *r, int task, int check)
{
	for (size_t i = 0; i < r->n_items; i++)
		if (r->items[i].task_index == task &&
			r->items[i].check == &r->lab->tasks[task].checks[check])
			return &r->items[i];
	return NULL;
}

static enum need_state check_state(struct run *r, const struct lab_need *n)
{
	const struct item *it;

	if (n->check < 0)
		return task_state(r, n->task);
	it = run_item(r, n->task, n->check);
	if (!it)
		return NEED_MET; /* not part of this run */
	if (it->state != ITEM_DECIDED)
		return NEED_OPEN;
	return it->j.verdict == VERDICT_PASS ? NEED_MET : NEED_UNMET;
}

static char *need_text(struct run *r, const struct lab_need *n)
{
	const struct lab_task *t = &r->lab->tasks[n->task];

	return strf("needs %s", n->check < 0 ? t->id : t->checks[n->check].name);
}

/* Join one need to what is known: an unmet one decides, an open one keeps it open. */
static enum need_state join(
	struct run *r, enum need_state so_far, const struct lab_need *n, char **why)
{
	enum need_state st = so_far == NEED_UNMET ? NEED_MET : check_state(r, n);

	if (st == NEED_UNMET && why)
		*why = need_text(r, n);
	return MAX(so_far, st);
}

enum need_state item_needs(struct run *r, const struct item *it, char **why)
{
	enum need_state st = NEED_MET;

	for (size_t i = 0; i < it->task->n_needs; i++)
		st = join(r, st, &(struct lab_need){it->task->needs[i], -1}, why);
	for (size_t i = 0; i < it->check->n_needs; i++)
		st = join(r, st, &it->check->needs[i], why);
	return st;
}

/* --- phases --- */

static bool chosen(const struct run *r, int phase)
{
	const char *option = r->lab->phases[phase].option;

	return !option || strv_has(r->with, option);
}

static bool phase_open(struct run *r, int phase, bool *has_checks)
{
	for (size_t i = 0; i < r->n_items; i++) {
		struct item *it = &r->items[i];

		if (it->check->phase != phase)
			continue;
		*has_checks = true;
		if (it->state != ITEM_DECIDED && item_needs(r, it, NULL) != NEED_UNMET)
			return true;
	}
	return false;
}

/* A phase without checks prepares the ones behind it; one may also be named by a later phase. */
bool phase_needed(struct run *r, int phase)
{
	bool has_checks = false;

	if (!chosen(r, phase))
		return false;
	if (phase_open(r, phase, &has_checks))
		return true;
	for (size_t q = (size_t)phase + 1; q < r->lab->n_phases; q++) {
		const struct lab_phase *later = &r->lab->phases[q];
		bool named = !has_checks;

		for (size_t i = 0; i < later->n_needs; i++)
			named |= later->needs[i] == phase;
		if (named && phase_needed(r, (int)q))
			return true;
	}
	return false;
}

/* Why nothing was judged in it. The caller owns the text. */
static char *phase_why(const struct run *r, int phase)
{
	if (phase >= 0 && !chosen(r, phase))
		return strf(
			"optional: 'lab grade --with %s' judges it", r->lab->phases[phase].option);
	return xstrdup("its phase was not run");
}

void needs_settle(struct run *r)
{
	bool again = true;

	for (size_t i = 0; i < r->n_items; i++) {
		struct item *it = &r->items[i];
		_cleanup_free_ char *why = NULL;

		if (it->state == ITEM_DECIDED)
			continue;
		bool unmet = item_needs(r, it, &why) == NEED_UNMET;
		if (!unmet)
			why = phase_why(r, it->check->phase);
		judge_skip(&it->j, unmet ? "needs" : "phase", why);
		item_decide(it);
	}
	/* a need of a later phase may undo a pass, which may undo others */
	while (again) {
		again = false;
		for (size_t i = 0; i < r->n_items; i++) {
			struct item *it = &r->items[i];
			_cleanup_free_ char *why = NULL;

			if (it->j.verdict == VERDICT_SKIPPED ||
				item_needs(r, it, &why) != NEED_UNMET)
				continue;
			judge_skip(&it->j, "needs", why);
			again = true;
		}
	}
}
