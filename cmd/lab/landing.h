/*
 * landing.h - writing files that came out of a lab: all of them or none, and never through a link.
 *
 * Everything is written into a folder of its own beside the target and moved into place at the end.
 * The learner owns the container, so names and links are hostile: parents are opened without
 * following links, links are made last, and one that would leave the copy is not made.
 */
#pragma once

#include "content/fetch.h"

struct landing;

/*
 * target: a folder that exists gets the copy as its child; anything else is the copy's new name.
 * Errors: ERR_NOT_FOUND (no folder to put it in), ERR_IO.
 */
int landing_new(struct landing **ret, const char *target, struct err *e);
/* Everything not moved into place is removed. NULL is fine. */
void landing_free(struct landing *l);
DEFINE_CLEANUP(struct landing *, landing_free)

/*
 * The first part of all paths is the name of the copy. Returns 0, or 1 for a link that leads out of
 * the copy: it is left out. Errors: ERR_PROTO, ERR_IO, ERR_NO_SPACE.
 */
int landing_entry(struct landing *l, const struct fetch_entry *t, struct err *e);
/*
 * Move into place: files replace files, folders are merged. What does not fit (a file where a
 * folder is) is found before anything moves. *ret_path is where it lies; the caller owns it.
 * Errors: ERR_EXISTS, ERR_NOT_FOUND (nothing came), ERR_IO.
 */
int landing_finish(struct landing *l, char **ret_path, struct err *e);
