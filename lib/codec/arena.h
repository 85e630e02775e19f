/*
 * arena.h - memory for the nodes and strings of one parsed document: taken piecewise, freed at
 * once.
 *
 * A zeroed struct is an empty arena. Pieces are aligned to 8 bytes and stay where they are. The
 * caller bounds the sum: an arena belongs behind a limit on the document.
 */
#pragma once

#include "base/util.h"

struct arena {
	struct arena_chunk *chunks;
	char *room;
	size_t left;
};

void *arena_take(struct arena *a, size_t n);
char *arena_str(struct arena *a, const void *s, size_t n); /* a copy with a NUL behind it */
void arena_done(struct arena *a);
