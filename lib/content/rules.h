/*
 * rules.h - which entries of a stranger's archive or repository are accepted: the rules of fetch.h
 * as code.
 *
 * lab-fetch applies them to what it reads, labd to what lab-fetch says. Pure; no archive library.
 */
#pragma once

#include "content/fetch.h"

struct rules;

#define RULES_WHY 100 /* room for why an entry is refused */

/* Zeros in the limits become the defaults. */
struct rules *rules_new(const struct fetch_limits *l);
void rules_free(struct rules *r); /* NULL is fine */
DEFINE_CLEANUP(struct rules *, rules_free)

/* "the archive's entry 'PATH' WHY": ERR_FORBIDDEN. */
int rules_refuse(struct rules *r, const char *path, const char *why, struct err *e);

/*
 * After an error: was it about this one entry ("is a symbolic link"), so that one could go on
 * without it? True once for each; false for what concerns the whole (too many of them).
 */
bool rules_why(struct rules *r, char ret[static RULES_WHY]);

int64_t rules_bytes(const struct rules *r); /* how many all files may have together */

/*
 * Why an entry of this name, kind and target is never accepted, whatever came before it ("has a
 * name that is too long"); NULL = nothing against it.
 */
const char *rules_unfit(const struct rules *r, const struct fetch_entry *t);

/* One that is left out counts as well. Errors: ERR_LIMIT. */
int rules_leave_out(struct rules *r, struct err *e) must_check;

/*
 * The next entry, with the size it states; content is not looked at. A folder may come again.
 * Folders that stand in names only count as entries too.
 * Errors: ERR_FORBIDDEN (name, link, order), ERR_LIMIT (entries, bytes, size of this one).
 */
int rules_check(struct rules *r, const struct fetch_entry *t, struct err *e) must_check;
