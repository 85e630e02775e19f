/*
 * load.h - reading a lab folder: every problem with file, line and column.
 *
 * D... are errors in lab.yaml and its files, C... in compose.yaml, G... in tasks and grading, L...
 * rules of taste and safety (lint); rules.h knows them all. What keys there are is in the tables of
 * labfile.c and compose.c. Blocking (some milliseconds); any thread. Files are opened below the lab
 * folder, and no link is followed anywhere.
 */
#pragma once

#include "base/err.h"
#include "lab/lab.h"

/* As a line: "x/lab.yaml:8:1: error[D003]: unknown key 'titel' in a lab (did you mean 'title'?)".
 */
struct problem {
	char *file; /* as given by the caller, plus the path in the lab */
	int line, col;
	bool warning;
	char code[8];
	char *text;
};

struct problems {
	struct problem *items;
	size_t n, cap;
	size_t errors; /* without warnings; counted on when the list is full (50) */
};

void problems_done(struct problems *p);
/* The caller owns the line. */
char *problem_line(const struct problem *p);

/*
 * Load the folder `path`; `problems` may be NULL. Returns 0 and a lab when there is no error
 * (warnings may be there). Faults of form are reported before faults of meaning: a second run may
 * find more.
 * Errors: ERR_INVALID with the problems (the text is the first of them and how many more);
 * ERR_NOT_FOUND when there is no lab.yaml.
 */
int lab_load(struct lab **ret, const char *path, struct problems *problems, struct err *e);

/*
 * The same for one variant: its services and checks, and no other's. NULL = the first, and a lab
 * without variants as it is. lab_load() reads every variant and answers the first; this one reads
 * only what it answers, for who has loaded the lab before.
 * Errors: those of lab_load(), ERR_NOT_FOUND also when the lab has no such variant.
 */
int lab_load_variant(struct lab **ret, const char *path, const char *variant,
	struct problems *problems, struct err *e);

/*
 * lab_load(), which reads every variant; the answer is the first that needs no image from a
 * registry, which works everywhere. There is none: the first.
 */
int lab_load_plain(struct lab **ret, const char *path, struct problems *problems, struct err *e);
