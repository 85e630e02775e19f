/* gitremote.h - a commit of a server into a bare repository of ours; private to git*.c. */
#pragma once

#include "git.h"

#include <git2.h>

/* libgit2's last error as one of ours. what: "cannot fetch", "cannot read". */
int git_fail(int code, const char *what, const struct giturl *at, struct err *e);

/* Before the sandbox: the certificates and the helper that connects. */
int gitremote_prepare(const struct fetch_git *g, const struct giturl *at, struct err *e);

/*
 * The repository with the commit, or with nothing in it when the ref names `have` or when it is
 * only asked for. The caller frees it.
 */
int gitremote_fetch(git_repository **ret, git_oid *ret_commit, const struct git_io *io,
	const struct fetch_git *g, const struct giturl *at, struct err *e);
