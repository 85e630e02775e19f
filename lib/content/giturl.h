/*
 * giturl.h - where a repository is: which addresses are understood, and their parts.
 *
 * https://HOST[:PORT]/PATH, ssh://[USER@]HOST[:PORT]/PATH, USER@HOST:PATH (which means the same),
 * and an absolute path of this machine. Everything else is refused with what to write instead, and
 * so is a password inside an address: addresses are stored and shown. Pure; any thread.
 */
#pragma once

#include "base/err.h"

enum giturl_kind { GITURL_PATH, GITURL_HTTPS, GITURL_SSH };

struct giturl {
	enum giturl_kind kind;
	char *text; /* normal form, for showing and for libgit2 */
	char *host; /* without brackets; NULL for a path */
	char *port; /* digits */
	char *user; /* ssh; "git" when none is named */
	char *name; /* last part without ".git"; "" when it has none */
};

/* Errors: ERR_USAGE; *ret is then empty. */
int giturl_parse(struct giturl *ret, const char *text, struct err *e) must_check;
void giturl_done(struct giturl *u);
#define GITURL ((struct giturl){0})
