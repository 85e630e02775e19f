/*
 * scenario.h - what a learner does while labd is killed or its engine fails, and what must hold
 * afterwards.
 */
#pragma once

#include "tests/fault/torture/audit.h"

struct torment {
	struct bed bed;
	unsigned seed;
	bool engine_fails;    /* a session may fail, and a check may be an error */
	bool kill_on_answer;  /* end labd in the moment in which a grade is acknowledged */
	int64_t *acknowledged; /* grades: ids of runs */
	size_t n_acknowledged;
	int64_t generation;   /* before a reset */
	int keys;             /* idempotency keys given out */
	int graded;           /* grades acknowledged in this torment */
	int failed;           /* sessions that failed, and came back */
	int64_t slowest_ms;   /* to converge */
};

struct scenario {
	const char *name;
	bool (*prepare)(struct torment *t);
	/* With labd in danger. True: what was asked for was acknowledged. */
	bool (*act)(struct torment *t);
	/* labd runs, and nothing is in danger any more: everything is as promised, and works. */
	bool (*finish)(struct torment *t, bool acknowledged);
};

/* Nothing of ours is left in the engine. */
bool make_gone(struct torment *t);

extern const struct scenario scenarios[];
extern const size_t n_scenarios;
