/*
 * verdict.h - from what a check program did to a verdict: pure functions.
 */
#pragma once

#include "grade/grade.h"
#include "grade/runner.h"

/* A judgement; texts are owned (verdict_done). */
struct judgement {
	enum verdict verdict;
	char reason[24]; /* word of the reasons of an error or a skip */
	char *text, *hint, *output;
	int64_t n, d;    /* fraction earned */
};

void judgement_done(struct judgement *j);
/*
 * Contract: exit 0 pass, 1 fail, 2 cannot judge, else error; header lines FAIL:, HINT:, SCORE: n/m.
 * Out of time is what the runner says ran out of it. No answer from the runner is an error.
 */
void judge(struct judgement *ret, const struct program_result *r);
/*
 * The same where a learner's work runs beside the program: whatever it can do to the program (end
 * it, stop it, flood it, speak in its place) is the work's failure, not a broken check. Only the
 * program's own "cannot judge" and what the engine did not do stay errors.
 */
void judge_work(struct judgement *ret, const struct program_result *r);
void judge_skip(struct judgement *ret, const char *reason, const char *text);
void judge_error(struct judgement *ret, const char *reason, const char *text);
