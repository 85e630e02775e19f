/*
 * tar_stream.c - an archive that is written on an io thread while the loop reads it.
 *
 * Two buffers: the loop empties `front` while a job fills `back`; they change places when the job
 * is done. A job ends when its buffer is full, so a slow reader holds no thread, and the two sides
 * never touch the same bytes: no locks. While a job runs, everything but `front` is the job's.
 */
#include "content/tar_plan.h"

#include <string.h>

#define ENOUGH     ((size_t)256 << 10)
#define BUFFER_MAX (ENOUGH + ((size_t)128 << 10)) /* a step more, with its headers */
#define AGAIN_MS   20

struct tar_stream {
	struct worker *io;
	struct tar_plan *plan;
	struct tar_writer *writer; /* made by the first job */
	loop_cb ready;
	void *arg;
	struct timer *again; /* the queue was full */
	struct buf front, back;
	size_t taken;   /* of front */
	bool running;   /* a job owns back, plan and writer */
	bool ended;     /* back is the last */
	bool paused;    /* the reader waits for ready() */
	bool freed;     /* by the owner, while a job runs */
	struct err err; /* why it ended; after the bytes before it */
};

static void destroy(struct tar_stream *s)
{
	tar_writer_free(s->writer);
	tar_plan_free(s->plan);
	buf_done(&s->front);
	buf_done(&s->back);
	free(s);
}

/* On an io thread. */
static void fill(void *stream)
{
	struct tar_stream *s = stream;
	int r = s->writer ? 0 : tar_writer_new(&s->writer, s->plan, &s->err);

	while (r == 0 && s->back.len < ENOUGH)
		r = tar_writer_step(s->writer, &s->back, &s->err);
	s->ended = r != 0;
}

static void swap(struct tar_stream *s)
{
	struct buf tmp = s->front;

	s->front = s->back;
	s->back = tmp;
	buf_clear(&s->back);
	s->taken = 0;
}

static void filled(void *stream)
{
	struct tar_stream *s = stream;

	s->running = false;
	if (s->freed) {
		destroy(s);
		return;
	}
	if (s->paused) {
		s->paused = false;
		s->ready(s->arg); /* last: it may free us */
	}
}

static void start_job(void *stream)
{
	struct tar_stream *s = stream;

	if (worker_submit(s->io, fill, filled, s, NULL) == 0)
		s->running = true;
	else
		timer_start(s->again, AGAIN_MS);
}

struct tar_stream *tar_stream_new(
	struct worker *io, struct loop *l, struct tar_plan *take, loop_cb ready, void *arg)
{
	struct tar_stream *s = NEW(struct tar_stream);

	*s = (struct tar_stream){.io = io, .plan = take, .ready = ready, .arg = arg};
	buf_init(&s->front, BUFFER_MAX);
	buf_init(&s->back, BUFFER_MAX);
	s->again = timer_new(l, start_job, s);
	start_job(s);
	return s;
}

int64_t tar_stream_read(void *stream, char *p, size_t n, struct err *e)
{
	struct tar_stream *s = stream;

	if (s->taken == s->front.len && !s->running && !timer_active(s->again)) {
		swap(s);
		if (!s->ended)
			start_job(s);
	}
	n = MIN(n, s->front.len - s->taken);
	if (n) {
		memcpy(p, s->front.data + s->taken, n);
		s->taken += n;
		return (int64_t)n;
	}
	if (s->running || timer_active(s->again)) {
		s->paused = true;
		return INT64_MAX;
	}
	return s->err.code ? err_copy(e, &s->err) : 0;
}

void tar_stream_free(struct tar_stream *s)
{
	if (!s)
		return;
	timer_free(TAKE(s->again));
	if (s->running)
		s->freed = true;
	else
		destroy(s);
}
