/*
 * haul.c - one path of a container, read through lab-fetch: what is in it is a stranger's.
 *
 * The engine's tar stream goes to lab-fetch as it comes; entries come back checked. It is over when
 * both sides are.
 */
#include "grade/impl.h"

struct haul {
	struct loop *loop;
	struct fetch *fetch;
	struct engine_op *op;
	struct err err; /* the first thing that went wrong */
	bool over;
	const struct haul_ops *ops;
	void *arg;
};

static void finish(void *arg)
{
	struct haul *h = arg;

	fetch_free(h->fetch);
	h->ops->done(h->arg, &h->err);
	free(h);
}

/* Later: the engine's and lab-fetch's side may both be on the stack. */
static void end(struct haul *h, const struct err *e)
{
	if (h->err.code == 0)
		h->err = *e;
	if (h->op || h->over)
		return;
	h->over = true;
	loop_defer(h->loop, finish, h);
}

static int entry(void *arg, const struct fetch_entry *t, struct err *e)
{
	struct haul *h = arg;

	return h->over ? 0 : h->ops->entry(h->arg, t, e);
}

static void left_out(void *arg, const char *path, const char *why)
{
	struct haul *h = arg;

	if (!h->over)
		h->ops->left_out(h->arg, path, why);
}

static void fetch_over(void *arg, const struct err *e)
{
	struct haul *h = arg;
	struct err why = *e;

	if (why.code == ERR_NOT_FOUND) /* no lab-fetch, which is not: no such path */
		why.code = ERR_IO;
	end(h, &why);
	if (h->op) /* it ended early, so something is wrong with what came */
		engine_cancel(h->op);
}

static void fetch_room(void *arg)
{
	struct haul *h = arg;

	if (h->op)
		engine_resume(h->op);
}

static int64_t bytes(void *arg, const char *p, size_t n, struct err *e)
{
	struct haul *h = arg;

	if (fetch_full(h->fetch))
		return TAR_PAUSE;
	int r = fetch_write(h->fetch, p, n, e);
	return r < 0 ? r : (int64_t)n;
}

static void got(void *arg, const struct engine_result *r)
{
	struct haul *h = arg;

	h->op = NULL;
	if (r->err.code != 0 || h->err.code != 0)
		end(h, &r->err);
	else
		fetch_finish(h->fetch); /* its end comes when everything was checked */
}

struct haul *haul_path(struct sessions *m, const char *container, const char *path,
	const struct fetch_limits *limits, const struct haul_ops *ops, void *arg)
{
	static const struct fetch_ops plain = {
		.entry = entry, .drained = fetch_room, .ended = fetch_over};
	static const struct fetch_ops lenient = {.entry = entry,
		.drained = fetch_room,
		.ended = fetch_over,
		.left_out = left_out};
	struct haul *h = NEW(struct haul);

	h->loop = sessions_loop(m);
	h->ops = ops;
	h->arg = arg;
	h->fetch = fetch_untar(h->loop, sessions_config(m)->lab_fetch, limits,
		limits->leave_out ? &lenient : &plain, h);
	h->op = container_get(sessions_engine(m), container, path, bytes, got, h);
	return h;
}

void haul_cancel(struct haul *h)
{
	struct err e = ERR_NONE;

	err_set(&e, ERR_CANCELED, "the run was stopped");
	end(h, &e);
	if (h->op)
		engine_cancel(h->op);
}
