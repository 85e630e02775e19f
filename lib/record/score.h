/*
 * score.h - points of a grade from its verdicts: pure integer arithmetic (grading, sections 9.1 to 9.4).
 *
 * All points are milli-points. Needs are settled by the caller: a check whose needs are not met
 * comes in as skipped.
 */
#pragma once

#include "base/util.h"

enum score_verdict { SCORE_PASS, SCORE_FAIL, SCORE_ERROR, SCORE_TIMEOUT, SCORE_SKIPPED };

struct score_check {
	int task;          /* index */
	int64_t max_m;     /* its share of the task; 0 for info checks */
	bool required, info;
	enum score_verdict verdict;
	int64_t n, d;      /* fraction earned, n <= d; used for pass and fail */
	int64_t earned_m;  /* out */
};

struct score_task {
	int64_t max_m, hint_cost_m;
	int pass_at_bp;
	bool required, distinction, keep_on_fail;
	int64_t raw_m, attain_m, earned_m; /* out */
	bool passed;                       /* out: pass_at reached before hints, and every required check passed */
};

struct score {
	int64_t earned_m, max_m, percent_bp; /* without distinctions; percent rounded down */
	bool passed;     /* mark reached and every required task passed */
	bool incomplete; /* a check that carries points ended in error: nobody is charged */
};

void score(struct score *ret, struct score_check *checks, size_t n_checks, struct score_task *tasks,
	size_t n_tasks, int pass_mark_bp, int hint_floor_bp);
