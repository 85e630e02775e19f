/* engine.c - hands each operation of engine.h to the engine it was opened for. */
#include "engine/engine_impl.h"

int engine_open(struct engine **ret, struct loop *l, const char *where, struct err *e)
{
	return docker_open(ret, l, where, e);
}

void engine_free(struct engine *g)
{
	if (g)
		g->ops->free(g);
}

const struct engine_info *engine_info(const struct engine *g)
{
	return &g->info;
}

struct engine_load engine_load(const struct engine *g)
{
	struct engine_load load = sched_load(g->sched);

	load.calls = g->calls;
	load.in_flight = g->in_flight;
	return load;
}

void engine_cancel(struct engine_op *op)
{
	op->cancel(op);
}

void engine_resume(struct engine_op *op)
{
	op->resume(op);
}

void engine_probe(struct engine *g, engine_done done, void *arg)
{
	g->ops->probe(g, done, arg);
}

void engine_guard(struct engine *g, engine_accept accept, void *arg)
{
	g->accept = accept;
	g->accept_arg = arg;
}

void engine_events(struct engine *g, const char *install,
	void (*fn)(void *arg, const struct engine_event *ev), void *arg)
{
	g->ops->events(g, install, fn, arg);
}

struct engine_op *engine_list(struct engine *g, const char *install, const char *session,
	void (*done)(void *arg, const struct engine_listing *l), void *arg)
{
	return g->ops->list(g, install, session, done, arg);
}

struct engine_op *network_create(struct engine *g, struct engine_turn t,
	const struct network_spec *s, engine_done done, void *arg)
{
	return g->ops->network_create(g, t, s, done, arg);
}

struct engine_op *network_remove(struct engine *g, struct engine_turn t, const char *id,
	engine_done done, void *arg)
{
	return g->ops->network_remove(g, t, id, done, arg);
}

struct engine_op *volume_create(struct engine *g, struct engine_turn t, const struct volume_spec *s,
	engine_done done, void *arg)
{
	return g->ops->volume_create(g, t, s, done, arg);
}

struct engine_op *volume_remove(struct engine *g, struct engine_turn t, const char *name,
	engine_done done, void *arg)
{
	return g->ops->volume_remove(g, t, name, done, arg);
}

struct engine_op *container_create(struct engine *g, struct engine_turn t,
	const struct container_spec *s, engine_done done, void *arg)
{
	return g->ops->container_create(g, t, s, done, arg);
}

struct engine_op *container_start(struct engine *g, struct engine_turn t, const char *id,
	engine_done done, void *arg)
{
	return g->ops->container_start(g, t, id, done, arg);
}

struct engine_op *container_stop(struct engine *g, struct engine_turn t, const char *id,
	int64_t grace_ms, engine_done done, void *arg)
{
	return g->ops->container_stop(g, t, id, grace_ms, done, arg);
}

struct engine_op *container_pause(struct engine *g, struct engine_turn t, const char *id,
	engine_done done, void *arg)
{
	return g->ops->container_pause(g, t, id, done, arg);
}

struct engine_op *container_unpause(struct engine *g, struct engine_turn t, const char *id,
	engine_done done, void *arg)
{
	return g->ops->container_unpause(g, t, id, done, arg);
}

struct engine_op *container_remove(struct engine *g, struct engine_turn t, const char *id,
	engine_done done, void *arg)
{
	return g->ops->container_remove(g, t, id, done, arg);
}

struct engine_op *container_inspect(struct engine *g, const char *id, bool size,
	void (*done)(void *arg, const struct container_state *s), void *arg)
{
	return g->ops->container_inspect(g, id, size, done, arg);
}

struct engine_op *container_stats(struct engine *g, const char *id,
	void (*done)(void *arg, const struct container_stats *s), void *arg)
{
	return g->ops->container_stats(g, id, done, arg);
}

struct engine_op *container_logs(struct engine *g, const char *id, bool follow, int tail,
	int64_t since_wall_s, log_data data, engine_done done, void *arg)
{
	return g->ops->container_logs(g, id, follow, tail, since_wall_s, data, done, arg);
}

struct engine_op *container_put(struct engine *g, struct engine_turn t, const char *id,
	const char *path, tar_source source, engine_done done, void *arg)
{
	return g->ops->container_put(g, t, id, path, source, done, arg);
}

struct engine_op *container_get(struct engine *g, const char *id, const char *path, tar_sink sink,
	engine_done done, void *arg)
{
	return g->ops->container_get(g, id, path, sink, done, arg);
}

struct exec *exec_start(struct engine *g, struct engine_turn t, const struct exec_spec *s,
	const struct exec_ops *ops, void *arg)
{
	return g->ops->exec_start(g, t, s, ops, arg);
}

int exec_write(struct exec *x, const void *p, size_t n, struct err *e)
{
	return x->engine->ops->exec_write(x, p, n, e);
}

bool exec_full(const struct exec *x)
{
	return x->engine->ops->exec_full(x);
}

void exec_close_stdin(struct exec *x)
{
	x->engine->ops->exec_close_stdin(x);
}

void exec_resize(struct exec *x, int rows, int cols)
{
	x->engine->ops->exec_resize(x, rows, cols);
}

void exec_pause_output(struct exec *x, bool pause)
{
	x->engine->ops->exec_pause_output(x, pause);
}

void exec_kill(struct exec *x, engine_done done, void *arg)
{
	x->engine->ops->exec_kill(x, done, arg);
}

void exec_free(struct exec *x)
{
	if (x)
		x->engine->ops->exec_free(x);
}

struct engine_op *exec_kill_marked(struct engine *g, const char *container, const char *user,
	const char *prefix, const char *but, engine_done done, void *arg)
{
	return g->ops->exec_kill_marked(g, container, user, prefix, but, done, arg);
}

struct engine_op *image_inspect(struct engine *g, const char *ref,
	void (*done)(void *arg, const struct image_info *i), void *arg)
{
	return g->ops->image_inspect(g, ref, done, arg);
}

struct engine_op *image_pull(struct engine *g, struct engine_turn t, const char *ref,
	image_progress progress, engine_done done, void *arg)
{
	return g->ops->image_pull(g, t, ref, progress, done, arg);
}

struct engine_op *image_build(struct engine *g, struct engine_turn t, const struct build_spec *s,
	image_progress progress, engine_done done, void *arg)
{
	return g->ops->image_build(g, t, s, progress, done, arg);
}

struct engine_op *image_remove(struct engine *g, struct engine_turn t, const char *ref,
	engine_done done, void *arg)
{
	return g->ops->image_remove(g, t, ref, done, arg);
}
