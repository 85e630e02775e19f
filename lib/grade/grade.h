/*
 * grade.h - judging a session: quick checks, full grades, hints, and what is remembered of them.
 *
 * A run (struct run) is one act of judging. `lab check` = quick checks only, nothing recorded;
 * `lab grade` = all phases, recorded, signed. At most one run per session at a time. A run goes on
 * when its client leaves; its progress goes out as session events (kinds check, phase, grade) and
 * its state can be read at any time.
 */
#pragma once

#include "record/record.h"
#include "session/session.h"

struct grader;
struct run;

enum verdict {
	VERDICT_NONE,
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_ERROR,
	VERDICT_TIMEOUT,
	VERDICT_SKIPPED
};
const char *verdict_name(enum verdict v);

/* One check's outcome; texts are borrowed, "" when absent. */
struct check_result {
	const struct lab_check *check;
	const struct lab_task *task;
	enum verdict verdict;
	const char *reason;             /* word of grading.md 4.5, or "" */
	const char *text, *hint,
		*output; /* FAIL:, HINT:, rest of stdout: text of authors and learners, unescaped */
	const char *evidence;           /* JSON, or text */
	int64_t n, d;                   /* fraction earned */
	int64_t earned_m, max_m, ms;
	int64_t at_ms;
	bool forgeable;
};

/* The daemon's grading side: key, chains, hint ledger, last verdicts. Loads from the store's rows.
 */
int grader_new(struct grader **ret, struct sessions *m, const char *state_folder, struct err *e);
/*
 * The daemon goes down: no run begins any more, those that go on are canceled, and one that is
 * being recorded is finished. done comes when nothing of them is under way, then grader_free() may
 * follow.
 */
void grader_stop(struct grader *g, void (*done)(void *arg), void *arg);
void grader_free(struct grader *g);
const char *grader_key(const struct grader *g); /* id of the key that signs records */

/* --- runs --- */

struct run_options {
	bool grade;          /* full grade; else quick checks */
	char *const *only;   /* "task" or "task/check" names; NULL = all (quick runs) */
	char *const *with;   /* phase options (grades) */
	const char *key; /* idempotency key of a grade: the same key gives the same run, while it
			    is in memory; then grader_keyed() still knows it */
	const unsigned char *seed; /* grading seed, NULL = draw */
};
/* Errors: ERR_STATE (not ready, another run), ERR_NOT_FOUND (a name in `only`), ERR_USAGE. */
struct run *run_start(
	struct grader *g, struct session *s, const struct run_options *o, struct err *e);
void run_cancel(struct run *r); /* a grade becomes `aborted`; nothing is recorded */

struct run *grader_run(
	struct grader *g, int64_t id); /* running or among the last 64; NULL otherwise */
/* The grade that was begun with this key, also by a daemon before this one; 0 = none. */
int64_t grader_keyed(const struct grader *g, const char *key);
struct run *grader_running(
	struct grader *g, int64_t session); /* what judges this session now, or NULL */

/*
 * Nothing of the lab's definition is in use for judging this session any more: what was kept up for
 * the next check goes down. False: a run is under way.
 */
bool grader_dismiss(struct grader *g, int64_t session);

struct run_info {
	int64_t id, session, attempt;
	bool grade, done;
	struct err err; /* why the whole run broke, code 0 otherwise */
	const char *state;  /* running, done, incomplete, aborted */
	const char *phase;  /* title of the current one, "" = none */
	size_t n;           /* checks */
	int64_t started_ms, ended_ms;
	int64_t earned_m, max_m, percent_bp, pass_mark_bp;
	bool passed;
	const char *trust_min; /* weakest vantage among earning checks, "" = none */
	int64_t forgeable_m;
	int64_t record_seq;
};
void run_info(const struct run *r, struct run_info *ret);
void run_result(const struct run *r, size_t i, struct check_result *ret);
struct run_task { /* grades */
	const struct lab_task *task;
	int64_t raw_m, attain_m, earned_m;
	bool passed;
	size_t pass, fail, other;
};
size_t run_tasks(const struct run *r);
void run_task(const struct run *r, size_t i, struct run_task *ret);
struct run_phase {
	const char *id, *title;
	int64_t ms; /* -1 = not run */
};
size_t run_phases(const struct run *r);
void run_phase(const struct run *r, size_t i, struct run_phase *ret);
/*
 * The whole result as the learner may see it: members of the Run of lib/api/openapi.yaml but
 * `error`, for an open object of w. It is also what the store keeps of a grade.
 */
void run_json(const struct run *r, struct json_writer *w);
/* Receipt of a finished grade, as JSON text. Errors: ERR_NOT_FOUND, ERR_STATE. */
int run_receipt(const struct run *r, struct buf *out, struct err *e);
/* As run_receipt(), of a record that was read from the store. */
int grader_receipt(
	const struct grader *g, const struct row_record *row, struct buf *out, struct err *e);
/* JUnit XML of a finished run. */
int run_junit(const struct run *r, struct buf *out, struct err *e);

/* The last known verdict of a check of a session (from quick runs and grades since the last reset).
 */
bool grader_last(struct grader *g, const struct session *s, const struct lab_check *c,
	struct check_result *ret);

/* --- hints --- */

struct hint_info {
	const struct lab_hint *hint;
	bool bought, locked; /* locked: an earlier one is required */
	int64_t cost_m;      /* 0 after the task passed */
	int64_t attain_m;    /* what the task can still earn after buying it */
};
size_t hint_list(
	struct grader *g, const struct session *s, int task, struct hint_info *ret, size_t max);
/* Buy (or read again) one: hint NULL = the next. accept_m: the cost the learner has agreed to.
 * Errors: ERR_NOT_FOUND (no more), ERR_QUOTA (locked; what unlocks it), ERR_USAGE (cost differs
 * from accept_m). */
void hint_buy(struct grader *g, struct session *s, int task, const char *hint, int64_t accept_m,
	void (*done)(void *arg, const struct hint_info *h, const struct err *e), void *arg);
/* Sum of the costs bought for a task, and what the task can still earn. */
int64_t hint_cost_m(struct grader *g, const struct session *s, int task);
int64_t hint_attain_m(struct grader *g, const struct session *s, int task);
