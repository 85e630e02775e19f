/*
 * git.h - fetching one commit of a stranger's repository and reading its tree.
 *
 * Nothing is checked out: a bare fetch into the scratch folder (a folder of this machine is read
 * where it is), then blobs are read from the object database. No hook, filter, attribute or
 * configuration of the repository is ever run.
 */
#pragma once

#include "content/fetch.h"
#include "content/giturl.h"

/* Where it goes. Negative codes end the job. */
struct git_io {
	int (*commit)(void *arg, const char *hex, struct err *e);
	int (*progress)(void *arg, const struct fetch_progress *p, struct err *e);
	int (*entry)(void *arg, const struct fetch_entry *t, struct err *e); /* data is NULL */
	int (*data)(void *arg, const void *p, size_t n, struct err *e);      /* of the last entry */
	int (*left_out)(void *arg, const char *path, const char *why, struct err *e);
	void *arg;
};

/*
 * Before the sandbox is entered, and before a byte of the stranger is read: the helper that makes
 * connections, the certificates, the known hosts. Errors: ERR_IO, ERR_INTERNAL, ERR_NOT_FOUND.
 */
int git_prepare(const struct fetch_git *g, const struct giturl *at, struct err *e) must_check;

/* Inside the sandbox. Errors: as fetch_git(). */
int git_run(const struct git_io *io, const struct fetch_git *g, const struct giturl *at,
	const struct fetch_limits *limits, struct err *e) must_check;
