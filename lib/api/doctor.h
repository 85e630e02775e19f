/*
 * doctor.h - looks at everything that labs need on this machine.
 *
 * Facts are gathered in three steps: the engine is asked (probe), an io thread looks at disk,
 * kernel and catalogue, then the engine is asked for each image. What cannot be asked is a finding,
 * never a reason to give up.
 */
#pragma once

#include "grade/grade.h"

enum finding_status { FINDING_OK, FINDING_WARN, FINDING_FAIL };
const char *finding_status_name(enum finding_status s);

struct finding {
	const char *name;
	enum finding_status status;
	char *reason, *remedy; /* remedy NULL = none needed */
};

struct findings {
	struct finding *items;
	size_t n, cap;
};

struct doctor;

/* done: on the loop, once; the findings are freed after it. They come in a fixed order. */
struct doctor *doctor_run(struct sessions *m, struct grader *g,
	void (*done)(void *arg, const struct findings *f), void *arg);
/* Nobody waits any more: done() does not come, and nothing else is asked. */
void doctor_cancel(struct doctor *d);
