/*
 * rules.h - the codes of problems: how bad each is, what it means, and how it is done right.
 *
 * One table (rules.tbl.h) is the source of all of it; report() asks it for the severity. Pure.
 */
#pragma once

#include "base/util.h"

enum rule_severity {
	RULE_ERROR,   /* the lab is not started */
	RULE_WARNING, /* it works, but somebody will be sorry */
	RULE_EXAM,    /* a warning; an error in an exam */
};

struct rule {
	const char *code;
	enum rule_severity severity;
	const char *title;   /* half a sentence */
	const char *why;     /* a paragraph */
	const char *example; /* lines that are right */
};

extern const struct rule rules[]; /* sorted by kind and code; ends with a NULL code */

/* Upper and lower case are the same. NULL when there is none. */
const struct rule *rule_find(const char *code);
const char *rule_nearest(const char *code); /* "did you mean", or NULL */
const char *rule_severity_name(enum rule_severity s);
