/*
 * pool.h - connections to the peer's unix socket; private to lib/net/local.
 *
 * At most MAX_CALLS connections carry calls, further ones wait in line; what may stay open for
 * long does not count.
 */
#pragma once

#include "net/carrier.h"

#define MAX_CALLS 64
#define MAX_IDLE  64 /* connections kept for later */

struct carrier {
	int calls;
	struct list line; /* exchanges that wait for a connection */
	int idle[MAX_IDLE];
	size_t n;
};

/* A kept connection that the peer has not closed, or -1. The caller owns it. */
int pool_take(struct carrier *c);
void pool_give(struct carrier *c, int fd); /* nothing is under way on it */

struct dial;

/* Connect; as wire_open(). connected() owns the descriptor and may free the dial. */
struct dial *dial_new(struct http *h, wire_fn connected, void *arg);
void dial_free(struct dial *d); /* NULL is fine */
