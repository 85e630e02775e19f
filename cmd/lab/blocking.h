/*
 * blocking.h - stdin and stdout beside the loop: a thread each that reads, or writes.
 *
 * These descriptors are shared with the shell that started us and with whatever stands behind a
 * pipe, so they must not become non-blocking; and a reader who takes an hour for a page must not
 * stop the loop, which has to answer the daemon meanwhile.
 *
 * All functions belong to the loop's thread, and callbacks run there. A thread that hangs in a
 * system call when its owner is freed ends later, or with the process.
 */
#pragma once

#include "ev/loop.h"

/* --- reading --- */

struct feed;

/* data: what was read; n = 0 is the end (also when it cannot be read). */
typedef void (*feed_fn)(void *arg, const char *p, size_t n);

/* Nothing is read before feed_next(). fd stays the caller's. */
struct feed *feed_new(struct loop *l, int fd, feed_fn data, void *arg);
void feed_next(struct feed *f); /* one read; again only after its data() */
void feed_free(struct feed *f); /* no callback after it; NULL is fine */

/* --- writing --- */

struct outlet;

/*
 * `limit`: bytes that may wait before it is full. `moved` is called after it was full and is not
 * any more, when everything is written, and when writing failed.
 */
struct outlet *outlet_new(struct loop *l, size_t limit, loop_cb moved, void *arg);
void outlet_write(struct outlet *o, int fd, const void *p, size_t n); /* copied, never refused */
bool outlet_full(struct outlet *o);
bool outlet_idle(struct outlet *o); /* everything is written, or writing failed */
int outlet_error(struct outlet *o); /* errno of the first failure, or 0 */
void outlet_free(struct outlet *o); /* drops what waits; NULL is fine */
