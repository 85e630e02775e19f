/*
 * catalog.h - the labs of one folder: listing, finding, reloading when files change.
 */
#pragma once

#include "base/err.h"
#include "lab/load.h"

/* Every slug of a folder (sub-folders with a lab.yaml, names that begin with '_' left out), sorted;
 * the caller owns the list. */
int catalog_slugs(const char *folder, char ***ret, struct err *e);

/* Load one lab by slug. Errors: ERR_NOT_FOUND (with "did you mean"), ERR_INVALID, ERR_USAGE (not a
 * slug). */
int catalog_load(
	const char *folder, const char *slug, struct lab **ret, struct problems *p, struct err *e);

/*
 * Copy a lab with what it needs from its repository (_images it uses, _lib) to the folder
 * `to`/<slug>, so that a running session keeps its definition. Whole or not at all. Blocking.
 */
int catalog_snapshot(const struct lab *l, const char *to, struct err *e);
