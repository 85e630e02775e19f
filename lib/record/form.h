/* form.h - what a record of version 1 looks like, for lib/record alone. */
#pragma once

#include "codec/json.h"

/*
 * Every member is there, none else, each of its form. `where` names the object in the text.
 * Errors: ERR_STATE (which member, and why).
 */
int form_record(const struct json *record, struct err *e);
int form_receipt(const struct json *receipt, struct err *e); /* around the record */

/* The sums of a record that has the form: checks, hints, tasks, score, trust. Errors: ERR_STATE. */
int sums_check(const struct json *record, struct err *e);
