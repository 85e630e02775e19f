/*
 * audit.h - what the engine has against what the database says, read from both directly.
 *
 * Nothing here asks labd. An object is ours when it carries the label of this installation.
 */
#pragma once

#include "tests/fault/torture/bed.h"

/* Objects of strangers with names and labels that look like ours, which nobody may touch. */
bool strangers_plant(struct bed *b);
bool strangers_there(struct bed *b);
void strangers_remove(struct bed *b);

/* Remove what carries the label of this bed, images too: a failure leaves nothing in an engine that
 * stays. */
void objects_remove(struct bed *b);

/* Every object of ours in the engine has a row that was written before it: also just after a kill.
 */
bool audit_intents(struct bed *b);

/* How many objects of one kind and slot there must be, and in which state containers are. */
struct expected {
	const char *kind, *slot;
	int least, most;
	const char *state; /* NULL: any */
};

/*
 * Each object has one row that is live, each row that is not gone one object, and their numbers are
 * the expected ones (the list ends with kind NULL; what it does not name must not be there).
 */
bool audit_objects(struct bed *b, const struct expected *e);
bool audit_empty(struct bed *b);
bool audit_absent(struct bed *b, const char *kind, const char *slot); /* no failure: a question */

/*
 * The same and more by the auditors that share no code with us (orphancheck.c, gradecheck.c):
 * baseline before labd has made anything; grade_told() for each receipt that was had.
 */
bool auditors_baseline(struct bed *b);
bool auditors_grade_told(struct bed *b, const char *key, const char *signature);
bool auditors_agree(struct bed *b);

/* Every grade in the list of acknowledged ones is recorded, once, and the chain has no gap. */
bool audit_grades(struct bed *b, const int64_t *acknowledged, size_t n);
