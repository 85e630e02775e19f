/*
 * tether.h - a daemon that lives for one proof: it ends with whoever holds the other end of its
 * stdin, and leaves nothing.
 *
 * However the holder ends (a crash, too), stdin ends: every session is discarded, and when the last
 * of them is gone, over(arg, false) is called. A holder that wants its sessions to stay writes a
 * byte before: then over(arg, true) is called at once, and nothing is discarded.
 */
#pragma once

#include "session/session.h"

struct tether;

/* stdin has to be a pipe. Called once, on the loop. */
typedef void (*tether_over)(void *arg, bool kept);
struct tether *tether_new(struct loop *l, struct sessions *m, tether_over over, void *arg);
void tether_free(struct tether *t); /* NULL is fine */
