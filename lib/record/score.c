/* score.c - the points of a grade from its verdicts: pure integer arithmetic. */
#include "record/score.h"

#include "record/record.h"

enum { FULL_BP = 10000 };

int64_t record_scale(int64_t a, int64_t b, int64_t c)
{
	__int128 q = ((__int128)a * b * 2 + c) / ((__int128)c * 2); /* ab/c + 1/2, rounded down */

	return q > INT64_MAX ? INT64_MAX : (int64_t)q;
}

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
	return MAX(low, MIN(v, high));
}

static int64_t points(const struct score_check *c)
{
	if (c->info || (c->verdict != SCORE_PASS && c->verdict != SCORE_FAIL))
		return 0;
	if (c->d <= 0)
		return c->verdict == SCORE_PASS ? c->max_m : 0;
	return record_scale(c->max_m, clamp(c->n, 0, c->d), c->d);
}

static void sum_task(struct score_task *t, int at, const struct score_check *checks, size_t n,
	int hint_floor_bp)
{
	int64_t floor_m = (int64_t)(((__int128)t->max_m * hint_floor_bp + FULL_BP - 1) / FULL_BP);
	bool all_required = true, zero = false;

	t->raw_m = 0;
	for (size_t i = 0; i < n; i++) {
		const struct score_check *c = &checks[i];

		if (c->task != at)
			continue;
		t->raw_m += c->earned_m;
		if (!c->required || c->verdict == SCORE_PASS)
			continue;
		all_required = false;
		if (c->verdict == SCORE_FAIL || c->verdict == SCORE_TIMEOUT)
			zero = !t->keep_on_fail;
	}
	t->raw_m = zero ? 0 : clamp(t->raw_m, 0, t->max_m);
	t->attain_m = clamp(t->max_m - t->hint_cost_m, floor_m, t->max_m);
	t->earned_m = t->max_m > 0 ? record_scale(t->raw_m, t->attain_m, t->max_m) : 0;
	t->passed = all_required &&
		(__int128)t->raw_m * FULL_BP >= (__int128)t->max_m * t->pass_at_bp;
}

/* An error costs the learner nothing, so it must not decide anything. */
static bool undecided(const struct score_check *c)
{
	return c->verdict == SCORE_ERROR && !c->info && (c->max_m > 0 || c->required);
}

void score_sum(struct score *ret, const struct score_check *checks, size_t n_checks,
	struct score_task *tasks, size_t n_tasks, int pass_mark_bp, int hint_floor_bp)
{
	struct score s = {.passed = true};

	for (size_t i = 0; i < n_tasks; i++) {
		struct score_task *t = &tasks[i];

		sum_task(t, (int)i, checks, n_checks, hint_floor_bp);
		if (t->required && !t->passed)
			s.passed = false;
		if (t->distinction)
			continue;
		s.earned_m += t->earned_m;
		s.max_m += t->max_m;
	}
	for (size_t i = 0; i < n_checks; i++)
		s.incomplete = s.incomplete || undecided(&checks[i]);
	if (s.max_m > 0)
		s.percent_bp = (int64_t)((__int128)s.earned_m * FULL_BP / s.max_m);
	if ((__int128)s.earned_m * FULL_BP < (__int128)s.max_m * pass_mark_bp)
		s.passed = false;
	*ret = s;
}

void score(struct score *ret, struct score_check *checks, size_t n_checks, struct score_task *tasks,
	size_t n_tasks, int pass_mark_bp, int hint_floor_bp)
{
	for (size_t i = 0; i < n_checks; i++)
		checks[i].earned_m = points(&checks[i]);
	score_sum(ret, checks, n_checks, tasks, n_tasks, pass_mark_bp, hint_floor_bp);
}
