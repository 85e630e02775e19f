/*
 * impl.h - what the files of lib/grade share; nobody else includes it.
 */
#pragma once

#include "base/killpoint.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "content/fetch.h"
#include "grade/grade.h"
#include "grade/runner.h"
#include "grade/verdict.h"

#define KEPT_RUNS 64
#define SWEEP_MS  10000 /* until what an earlier run left is removed */

/* --- crew.c: hidden services that are up for judging, and the runners in them --- */

struct crew;
/* Bring `start: check|grade` services up (those that are not); done when all are ready, or why not.
 */
void crew_up(struct grader *g, struct session *s, const int *services, size_t n, session_done done,
	void *arg);
/* The open runner of a service; opened again when it broke. */
struct runner *crew_runner(struct grader *g, struct session *s, int service);
void crew_rest(struct grader *g, int64_t session); /* nothing to do: goes down after a minute */
void crew_down(struct grader *g, int64_t session); /* now */
void crews_free(struct grader *g);

/* --- capture.c: files of frozen learner services --- */

struct capture {
	struct err err;
	struct buf tar;         /* the files, below "<folder>/<path>" */
	struct buf left_out;    /* what is not among them, and why: a line each, at most 256 KiB */
	int64_t ms;             /* how long the services stood still */
};
struct capturing;
/* Freeze the learner's services, read grading.capture through lab-fetch, thaw. done exactly once;
 * it may take the buffers. */
struct capturing *capture_start(struct session *s, const char *folder,
	void (*done)(void *arg, struct capture *c), void *arg);
void capture_cancel(struct capturing *c); /* done comes with ERR_CANCELED */

/* --- haul.c: one path of a container, read through lab-fetch --- */

struct haul_ops {
	int (*entry)(void *arg, const struct fetch_entry *t, struct err *e); /* negative = stop */
	void (*left_out)(void *arg, const char *path, const char *why); /* limits->leave_out */
	/* Once. ERR_NOT_FOUND: there is no such path; ERR_CANCELED: haul_cancel(). */
	void (*done)(void *arg, const struct err *e);
};
struct haul;
struct haul *haul_path(struct sessions *m, const char *container, const char *path,
	const struct fetch_limits *limits, const struct haul_ops *ops, void *arg);
void haul_cancel(struct haul *h);

/* --- replay.c: the steps of a replay check, and the files that they hand on --- */

struct item;
struct replay;
/*
 * Ask every step in turn. done comes once, never from inside, with the judgement, evidence and
 * duration in the item; then nothing of it is under way.
 */
struct replay *replay_start(struct run *r, struct item *it, void (*done)(struct item *it));
void replay_cancel(struct replay *p); /* done comes soon */
/* Is its work fed with captured files? */
bool replays_capture(const struct lab *l, const struct lab_check *c);

/* --- run.c --- */

enum item_state { ITEM_WAITING, ITEM_ASKING, ITEM_DECIDED };

/* One check in a run. */
struct item {
	struct run *run;
	const struct lab_task *task;
	const struct lab_check *check;
	int task_index;
	enum item_state state;
	struct judgement j;
	bool retried;
	int64_t asked_ms, next_ms; /* boot: last start; not before */
	int64_t ms, at_ms;         /* program's duration; wall time of the verdict */
	int64_t earned_m;
	char *evidence, *errout;   /* of the last observation */
	size_t looks;
};

/* Files of the learner's services, as they were once. */
struct captured {
	int number; /* names the folder below LAB_ROOT; 0 = there are none */
	struct buf tar, left_out;
};

/* What is known of a learner service at the fence. */
struct fenced {
	char *container;
};

struct run {
	struct grader *g;
	int64_t id, session, attempt;
	char *session_name;
	char *lab_name; /* slug, or repo/slug: what the grade counts for */
	bool grade;
	char *key;
	char **with;
	unsigned char seed[SEED_BYTES];
	struct lab *lab;            /* a reference */
	struct item *items;
	size_t n_items;
	struct fenced *fenced;      /* per service */
	int64_t fence_ms;           /* wall */
	char *broken; /* per service: 1 = a learner's service that did not come back */
	char **broken_why;
	int phase;                  /* -1 = main */
	bool last_part;             /* of a stage: the checks that are asked once */
	int64_t stage_ms;           /* boot: when watching began */
	int64_t phase_began_ms;     /* boot: with its actions */
	bool stepping;
	struct timer *timer;
	int64_t *phase_ms;          /* per phase: duration, -1 = not run */
	int64_t deadline_ms;        /* boot: the whole run */
	int64_t away_ms;            /* boot: an engine away from then on was so in this run */
	struct replay *replay;      /* the one check that is being replayed, or NULL */
	struct capturing *capturing;
	struct captured before;     /* all stimuli */
	struct captured again;      /* by the last phase that captures */
	int64_t capture_ms;
	bool capture_complete;
	int captures;               /* how often */
	int puts;                   /* puts under way */
	int waits; /* answers that come to this run, and are not counted elsewhere */
	bool secrets_put, holding, finishing, canceled;
	char **grade_secrets;       /* values, per secret of the lab; NULL = not at grade */
	char *state;                /* running, done, incomplete, aborted */
	struct err err;
	int64_t started_ms, ended_ms; /* wall */
	struct run_task *tasks;     /* scores of a grade */
	size_t n_tasks;
	int64_t earned_m, max_m, percent_bp, forgeable_m;
	char trust[16];
	bool passed, incomplete, done;
	bool wants_seal;            /* another grade is being recorded: it goes first */
	struct record record;       /* of a recorded grade */
	int64_t record_seq;
	struct list link;           /* grader->runs */
};

struct last_verdict {
	char *text, *hint, *output, *reason;
	enum verdict verdict;
	int64_t at_ms, ms, earned_m, gen;
};

struct bought {
	int64_t session, cost_m;
	char *task, *hint;
	int64_t at_ms;
	struct list link;
};

struct grader {
	struct sessions *m;
	char *state_dir;
	struct record_key *key;
	struct list runs;        /* newest last */
	size_t n_runs;
	struct map *last;        /* "<session>/<check>" -> struct last_verdict */
	struct list hints;       /* struct bought */
	struct map *attempts;    /* lab_name -> count of recorded grades (as pointer value) */
	struct map *keys;        /* idempotency key of every grade -> run id (as pointer value) */
	struct list crews;
	int64_t chain_seq;       /* of the last record in the local chain; 0 = none */
	unsigned char chain_hash[32];
	bool sealing;            /* a record is being written */
	struct timer *stopping;  /* nothing new is begun */
	void (*stopped)(void *arg);
	void *stopped_arg;
	char learner[40];        /* pseudonym */
};

void run_say(struct run *r, const char *kind, const struct item *it, const char *text);
void run_finish(struct run *r, const char *state, const struct err *e);
void run_free(struct run *r); /* done, and nothing under way */
bool run_idle(const struct run *r);
void run_save(struct run *r, struct tx *t, const char *result); /* its row */
void grader_trim(struct grader *g); /* forget old runs */
struct item *run_item(struct run *r, int task, int check);
const struct captured *item_captured(const struct item *it); /* the files that it judges */

/* --- needs.c: may this check be judged? --- */

enum need_state { NEED_MET, NEED_OPEN, NEED_UNMET };
enum need_state task_state(struct run *r, int task);
/* why: the first need that is not met, as text ("needs measure"); the caller owns it. */
enum need_state item_needs(struct run *r, const struct item *it, char **why);
/* Is there a reason to run this phase? */
bool phase_needed(struct run *r, int phase);
/* At the end: checks of phases that never ran, and needs that were settled late. */
void needs_settle(struct run *r);

/* --- ask.c: one observation of one check --- */

void item_ask(struct run *r, struct item *it);
/* Decide it; tells listeners. */
void item_decide(struct item *it);
/* Environment of a program in a run; the caller owns it. service: where it runs. Beside a learner's
 * work nothing is told but what compose.yaml says. */
char **run_environment(struct run *r, int service, const struct item *it, const char *phase,
	int64_t deadline_wall_ms);
/* Read a program below checks/. */
int run_program(const struct run *r, const char *name, struct buf *out, struct err *e);

/* --- stage.c: main and phases --- */

void stage_begin(struct run *r); /* the run's phase is set: actions, stimulus, watching, end */
void stage_step(struct run *r);

/* --- score.c, seal.c --- */

void run_score(struct run *r);
void run_seal(struct run *r); /* evidence, record, transaction; then run_finish */

/* --- grader.c --- */

void grader_keep(struct grader *g, struct run *r,
	struct tx *t); /* the run's verdicts become the last known ones */
bool task_passed_last(struct grader *g, const struct session *s, int task);
