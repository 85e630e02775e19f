/*
 * watch.h - which files below some folders have changed since the last look.
 *
 * It looks instead of being told: editors save by renaming, tools rewrite whole trees, and file
 * systems of other machines tell nothing; a look at a lab takes less than a millisecond. What is
 * hidden, or a backup (x~), is none of a lab's files.
 */
#pragma once

struct watched;

/* Absolute folders; names are told from the first one ("../_images/x"). One that is not there may
 * come. */
struct watched *watched_new(const char *const *folders, int n);
/*
 * Files that were made, changed or removed since the last answer, sorted; the caller owns them.
 * NULL: none, or they are still being written: two looks in a row have to see the same.
 */
char **watched_look(struct watched *w);
void watched_free(struct watched *w); /* NULL is fine */
