/* arena.c - memory for one parsed document. */
#include "codec/arena.h"

#include <string.h>

#define CHUNK ((size_t)16 << 10)

struct arena_chunk {
	struct arena_chunk *next;
	char data[];
};

void *arena_take(struct arena *a, size_t n)
{
	n = (n + 7) & ~(size_t)7;
	if (n > a->left) {
		size_t size = MAX(n, CHUNK);
		struct arena_chunk *c = xmalloc(sizeof(*c) + size);

		c->next = a->chunks;
		a->chunks = c;
		a->room = c->data;
		a->left = size;
	}
	void *p = a->room;

	a->room += n;
	a->left -= n;
	return p;
}

char *arena_str(struct arena *a, const void *s, size_t n)
{
	char *copy = arena_take(a, n + 1);

	memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

void arena_done(struct arena *a)
{
	for (struct arena_chunk *c = a->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	*a = (struct arena){0};
}
