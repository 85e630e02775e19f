/*
 * worker.h - named queues of blocking work, each with its own threads.
 *
 * A job belongs to the queue from worker_submit() until done() runs on the loop's thread. Jobs of
 * a queue with one thread run in order.
 */
#pragma once

#include "ev/loop.h"

struct worker;

/* threads >= 1; at most `limit` jobs wait. Errors: ERR_IO. */
int worker_new(struct worker **ret, struct loop *l, const char *name, int threads, size_t limit, struct err *e);
void worker_free(struct worker *w); /* waits for running jobs; waiting ones are run too; done()s are delivered */
DEFINE_CLEANUP(struct worker *, worker_free)

/* run(job) on a thread, then done(job) on the loop. Errors: ERR_CAPACITY (queue full; job untouched). */
int worker_submit(struct worker *w, loop_cb run, loop_cb done, void *job, struct err *e) must_check;
size_t worker_waiting(const struct worker *w);
