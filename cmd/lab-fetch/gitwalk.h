/* gitwalk.h - the tree of one commit as entries; private to git*.c. */
#pragma once

#include "git.h"

#include <git2.h>

/*
 * Every folder and file, a folder before what is in it. Errors: ERR_FORBIDDEN, ERR_LIMIT (the rules
 * of fetch.h), ERR_PROTO (an object is missing or damaged), ERR_NOT_FOUND (the commit), or what io
 * answered.
 */
int gitwalk(git_repository *repository, const git_oid *commit, const struct git_io *io,
	const struct giturl *at, const struct fetch_limits *limits, struct err *e);
