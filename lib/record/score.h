/*
 * score.h - the points of a grade from its verdicts: pure integer arithmetic.
 *
 * Points are milli-points (_m), shares basis points (_bp). Nothing here looks at time, files or
 * definitions, so that grading and verification cannot disagree. Needs are settled by the caller:
 * a check whose needs are not met comes in as skipped.
 *
 *   a check    max_m x n/d, rounded half up
 *   a task     raw = the sum of its checks, 0 when a required one failed (unless keep_on_fail);
 *              attain = max - hints, but never below the hint floor;
 *              earned = raw x attain / max, rounded half up
 *   the lab    the sum of its tasks without distinctions
 */
#pragma once

#include "base/util.h"

enum score_verdict { SCORE_PASS, SCORE_FAIL, SCORE_ERROR, SCORE_TIMEOUT, SCORE_SKIPPED };

struct score_check {
	int task;         /* index */
	int64_t max_m;    /* its share of the task; 0 for info checks */
	bool required, info;
	enum score_verdict verdict;
	int64_t n, d;     /* fraction earned by a pass or a fail; d = 0: all of it, or none */
	int64_t earned_m; /* out */
};

struct score_task {
	int64_t max_m, hint_cost_m;
	int pass_at_bp;
	bool required;     /* no pass without it */
	bool distinction;  /* reported apart, never part of the sum */
	bool keep_on_fail; /* a failed required check does not take the task's points */
	int64_t raw_m, attain_m, earned_m; /* out */
	bool passed; /* out: pass_at reached before hints, and every required check passed */
};

struct score {
	int64_t earned_m, max_m; /* without distinctions */
	int64_t percent_bp;      /* rounded down: 69.995 % is not 70 % */
	bool passed;             /* mark reached and every required task passed */
	bool incomplete; /* an error where points or a pass are at stake: nobody is charged */
};

void score(struct score *ret, struct score_check *checks, size_t n_checks, struct score_task *tasks,
	size_t n_tasks, int pass_mark_bp, int hint_floor_bp);

/* As score() from the checks' earned_m as they are: a record keeps points, not fractions. */
void score_sum(struct score *ret, const struct score_check *checks, size_t n_checks,
	struct score_task *tasks, size_t n_tasks, int pass_mark_bp, int hint_floor_bp);
