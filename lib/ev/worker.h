/*
 * worker.h - named queues of blocking work, each with its own threads.
 *
 * A job belongs to the queue from worker_submit() until done() runs on the loop's thread. Jobs of
 * a queue with one thread run in order. Not libuv's pool: that one is shared with the resolver,
 * and a few long jobs would starve everything else.
 */
#pragma once

#include "ev/loop.h"

struct worker;

/* threads >= 1; at most `limit` jobs wait. Errors: ERR_IO. */
int worker_new(struct worker **ret, struct loop *l, const char *name, int threads, size_t limit,
	struct err *e);

/* Blocks: waits for running jobs; waiting ones are run too; done()s are delivered. NULL is fine. */
void worker_free(struct worker *w);
DEFINE_CLEANUP(struct worker *, worker_free)

/* run(job) on a thread, then done(job) on the loop. Errors: ERR_CAPACITY (queue full; job
 * untouched). */
int worker_submit(struct worker *w, loop_cb run, loop_cb done, void *job, struct err *e) must_check;
size_t worker_waiting(const struct worker *w); /* jobs that no thread has taken yet */
