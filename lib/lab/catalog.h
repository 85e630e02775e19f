/*
 * catalog.h - the labs of one folder: listing, finding, keeping.
 *
 * Nothing is cached: files may change at any time, and reading a lab takes milliseconds. All calls
 * block on the disk; any thread.
 */
#pragma once

#include "base/err.h"
#include "lab/load.h"

#define CATALOG_LABS_MAX 1000

/*
 * Every slug of a folder, sorted: sub-folders with a lab.yaml, without names that begin with '_' or
 * '.'. The caller owns the list. Errors: ERR_NOT_FOUND, ERR_IO, ERR_LIMIT (1000 labs).
 */
int catalog_slugs(const char *folder, char ***ret, struct err *e);

/*
 * Load one lab by slug; `problems` may be NULL. Errors: ERR_NOT_FOUND (with "did you mean"),
 * ERR_USAGE (not a slug), and those of lab_load().
 */
int catalog_load(const char *folder, const char *slug, struct lab **ret, struct problems *problems,
	struct err *e);

/*
 * Copy a lab with what it needs from its repository (the _images it stands on, _lib when one takes
 * something from it) to the new folder `to`, which then is a repository with this one lab:
 * `to`/<slug>, `to`/_images, `to`/_lib. So a running session keeps its definition; its digest and
 * the tags of its images stay the same. On the disk whole or not at all; a folder that is there
 * already is kept as it is, so name it by the lab's digest.
 * Errors: ERR_IO, ERR_NO_SPACE, ERR_FORBIDDEN (a link came in since lab_load), ERR_LIMIT.
 */
int catalog_snapshot(const struct lab *l, const char *to, struct err *e);
