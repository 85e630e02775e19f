/* place.h - a place in a lab as users write it: SESSION:SERVICE:/path. */
#pragma once

#include "base/util.h"

struct place {
	bool remote;
	char *session, *service; /* NULL = the only one, the entry; only when remote */
	char *path;
};

/*
 * SESSION:SERVICE:/path, SESSION:/path, :SERVICE:/path or :/path is a place in a lab; every other
 * word, also ./a:/b, is a path of this machine.
 */
void place_parse(struct place *p, const char *word);
void place_done(struct place *p);
