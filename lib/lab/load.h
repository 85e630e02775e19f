/*
 * load.h - reading a lab folder: every problem with file, line and column.
 *
 * Blocking (small files); run it on an io thread where that matters. Files are opened below the
 * lab folder without following links.
 */
#pragma once

#include "base/err.h"
#include "lab/lab.h"

/* One problem: "labs/x/lab.yaml:88:15: error[G007]: task 'mesure' is not defined (did you mean
 * 'measure'?)". */
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
 * Load the folder `path`. Returns 0 and a lab when there is no error (warnings may be there);
 * ERR_INVALID with the problems otherwise (the text is the first of them and how many more);
 * ERR_NOT_FOUND when there is no lab.yaml.
 */
int lab_load(struct lab **ret, const char *path, struct problems *problems, struct err *e);
