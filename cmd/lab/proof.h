/*
 * proof.h - what `lab test` is made of; shared by cmd_test.c and the files proof_*.c.
 *
 * A proof is a list of *boxes*. A box is a sandbox of its own with a list of *acts* (start it, run
 * a solution, grade it, discard it); a child process carries them out, one after the other
 * (proof_box.c), and answers each with one JSON document. Which boxes there are is decided before
 * (proof_plan.c), what their answers mean after (proof_judge.c): both are functions of data, and
 * know no daemon. proof_bench.c has the copy of the lab, the daemon and the children.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "codec/json.h"
#include "lab/lab.h"

enum proof_step {
	STEP_LINT,
	STEP_BUILD,
	STEP_PRISTINE,
	STEP_SOLVE,
	STEP_LEAVE_OUT,
	STEP_CHEATS,
	STEP_REPEAT,
	STEP_IDEMPOTENT,
	STEP_RESET,
	STEP_PERSIST,
	STEP_HIDDEN,
	STEP_COUNT_
};

const char *step_name(enum proof_step s);
bool step_parse(const char *word, enum proof_step *ret);

/* From the best to what decides over all others. */
enum proof_outcome { PROOF_OK, PROOF_SKIPPED, PROOF_FAIL, PROOF_TIMEOUT, PROOF_ERROR };

/* One thing that was to be shown: a check, a task that was left out, a cheat. */
struct proof_case {
	enum proof_step step;
	char *name; /* unique in its step */
	enum proof_outcome outcome;
	char *text; /* what was seen, NULL when it is as it should be */
	char *fix;  /* what to do, or NULL */
	int64_t ms;
};

struct act {
	enum proof_step step;
	char *word;          /* "start", "run:solution/greet.sh": see proof_box.c */
	struct json *answer; /* NULL: it did not come to that */
};

struct cheat {
	char *name, *check;
	char **after; /* tasks that are solved before */
};

struct box {
	char *name; /* "seed 1", "without greet", "cheat one-name" */
	struct act *acts;
	size_t n, cap;
	int left_out; /* task, or -1 */
	const struct cheat *cheat;
	bool judged;
};

struct proof {
	const struct lab *lab;
	char *tier;
	bool wanted[STEP_COUNT_];
	char *only, *task;    /* only this step, only what is about this task; or NULL */
	int seeds, repeat;    /* 0: what is usual */
	bool graded;          /* with full grades */
	bool keep, keep_good; /* sandboxes with something to see stay; all of them */
	char *canary;

	struct cheat *cheats;
	size_t n_cheats, cap_cheats;
	struct box **boxes;
	size_t n_boxes, cap_boxes;

	struct proof_case *cases;
	size_t n_cases, cap_cases;
	enum proof_outcome latest; /* the worst since somebody set it back */
	int64_t step_ms[STEP_COUNT_];
	char *notes[STEP_COUNT_]; /* measured on the way, or NULL */

	int64_t began_ms, took_ms; /* wall; duration */
	char *engine;              /* "docker 20.10.24" */
	int64_t judged,
		false_fails; /* verdicts about work that was right; those that were not pass */
	int64_t grade_ms;    /* of the solved lab */
};

void proof_done(struct proof *p);

/* Add a case, or make the one of this name as bad as this one; takes text and fix. */
void proof_case(struct proof *p, enum proof_step step, const char *name, enum proof_outcome o,
	char *text, char *fix, int64_t ms);
enum proof_outcome step_outcome(const struct proof *p, enum proof_step step);
enum proof_outcome proof_outcome(const struct proof *p); /* of all */
int proof_exit(const struct proof *p); /* 4 before 5 before 1 before 0; 8 for a lab with errors */

/* --- proof_plan.c --- */

/*
 * Which steps a tier has. --only takes one of them, with what has to be done before it.
 * Errors: ERR_USAGE, also of seeds or a repeat that would do nothing.
 */
int plan_steps(struct proof *p, const char *tier, const char *only, struct err *e);
/* Read cheats/. */
int plan_cheats(struct proof *p, struct err *e);
/* What comes first: a fresh sandbox, and a solved one. */
void plan_first(struct proof *p);
/* The rest; the solved one took p->grade_ms to grade. */
void plan_rest(struct proof *p);
/* What it did not come to becomes a case: nothing looks proven that was not tried. */
void plan_close(struct proof *p);
/* Solve up to this task, and nothing else. */
void plan_until(struct proof *p, int task);

/* --- proof_judge.c --- */

/* All answers of a box become cases. True when each of them is as it should be. */
bool judge_box(struct proof *p, struct box *b);
/*
 * What only all answers together show: a check without points that passes where nobody has worked
 * may be right to ("nothing happened"), but one that fails nowhere, whatever is left out and
 * whoever cheats, says nothing. It is noted.
 */
void judge_whole(struct proof *p);

/* --- proof_bench.c --- */

struct cli;
struct bench;

/*
 * A copy of the lab in a folder of its own, with the canary in its programs, and a daemon for it
 * alone. p->engine is filled in. Errors: those of catalog_snapshot() and of aside.h.
 */
int bench_new(struct bench **ret, struct cli *c, struct proof *p, struct err *e);
/*
 * Carry out the boxes that have no answers yet, `jobs` at a time, judging each. until_ms: boot
 * clock. Errors: ERR_CANCELED, ERR_TIMEOUT; sandboxes under way are discarded by bench_free().
 */
int bench_run(struct bench *b, int jobs, int64_t until_ms, struct err *e);
/* Boxes that were kept: as lines for a person, how to reach and to end them; NULL = none. */
const char *bench_kept(const struct bench *b);
/* Discard everything but what is kept, and wait until it is gone; NULL is fine. */
void bench_free(struct bench *b);

/* --- proof_report.c --- */

/* Every case that is not as it should be, with what to do. */
void report_findings(const struct proof *p);
void report_table(const struct cli *c, const struct proof *p);
void report_json(const struct cli *c, const struct proof *p);
/* The Proof of lib/api/openapi.yaml. */
void report_entry(const struct proof *p, struct buf *out);
int report_junit(const struct proof *p, const char *file, struct err *e);
