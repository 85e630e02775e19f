/*
 * engine_impl.h - what an implementation of engine.h provides. Only lib/engine includes it.
 *
 * One row of function pointers a kind of engine; engine.c dispatches and does nothing else. An
 * implementation embeds struct engine, struct engine_op and struct exec as first members.
 */
#pragma once

#include "engine/engine.h"
#include "engine/sched.h"

struct engine_ops {
	void (*free)(struct engine *g);
	void (*probe)(struct engine *g, engine_done done, void *arg);
	void (*events)(struct engine *g, const char *install,
		void (*fn)(void *arg, const struct engine_event *ev), void *arg);
	struct engine_op *(*list)(struct engine *g, const char *install, const char *session,
		void (*done)(void *arg, const struct engine_listing *l), void *arg);

	struct engine_op *(*network_create)(struct engine *g, struct engine_turn t,
		const struct network_spec *s, engine_done done, void *arg);
	struct engine_op *(*network_remove)(struct engine *g, struct engine_turn t, const char *id,
		engine_done done, void *arg);
	struct engine_op *(*volume_create)(struct engine *g, struct engine_turn t,
		const struct volume_spec *s, engine_done done, void *arg);
	struct engine_op *(*volume_remove)(struct engine *g, struct engine_turn t, const char *name,
		engine_done done, void *arg);

	struct engine_op *(*container_create)(struct engine *g, struct engine_turn t,
		const struct container_spec *s, engine_done done, void *arg);
	struct engine_op *(*container_start)(struct engine *g, struct engine_turn t, const char *id,
		engine_done done, void *arg);
	struct engine_op *(*container_stop)(struct engine *g, struct engine_turn t, const char *id,
		int64_t grace_ms, engine_done done, void *arg);
	struct engine_op *(*container_pause)(struct engine *g, struct engine_turn t, const char *id,
		engine_done done, void *arg);
	struct engine_op *(*container_unpause)(struct engine *g, struct engine_turn t,
		const char *id, engine_done done, void *arg);
	struct engine_op *(*container_remove)(struct engine *g, struct engine_turn t,
		const char *id, engine_done done, void *arg);
	struct engine_op *(*container_inspect)(struct engine *g, const char *id, bool size,
		void (*done)(void *arg, const struct container_state *s), void *arg);
	struct engine_op *(*container_stats)(struct engine *g, const char *id,
		void (*done)(void *arg, const struct container_stats *s), void *arg);
	struct engine_op *(*container_logs)(struct engine *g, const char *id, bool follow, int tail,
		int64_t since_wall_s, log_data data, engine_done done, void *arg);
	struct engine_op *(*container_put)(struct engine *g, struct engine_turn t, const char *id,
		const char *path, tar_source source, engine_done done, void *arg);
	struct engine_op *(*container_get)(struct engine *g, const char *id, const char *path,
		tar_sink sink, engine_done done, void *arg);

	struct exec *(*exec_start)(struct engine *g, struct engine_turn t,
		const struct exec_spec *s, const struct exec_ops *ops, void *arg);
	int (*exec_write)(struct exec *x, const void *p, size_t n, struct err *e);
	bool (*exec_full)(const struct exec *x);
	void (*exec_close_stdin)(struct exec *x);
	void (*exec_resize)(struct exec *x, int rows, int cols);
	void (*exec_pause_output)(struct exec *x, bool pause);
	void (*exec_kill)(struct exec *x, engine_done done, void *arg);
	void (*exec_free)(struct exec *x);
	struct engine_op *(*exec_kill_marked)(struct engine *g, const char *container,
		const char *user, const char *prefix, const char *but, engine_done done, void *arg);

	struct engine_op *(*image_inspect)(struct engine *g, const char *ref,
		void (*done)(void *arg, const struct image_info *i), void *arg);
	struct engine_op *(*image_pull)(struct engine *g, struct engine_turn t, const char *ref,
		image_progress progress, engine_done done, void *arg);
	struct engine_op *(*image_build)(struct engine *g, struct engine_turn t,
		const struct build_spec *s, image_progress progress, engine_done done, void *arg);
	struct engine_op *(*image_remove)(struct engine *g, struct engine_turn t, const char *ref,
		engine_done done, void *arg);
};

struct engine {
	const struct engine_ops *ops;
	struct loop *loop;
	struct sched *sched;
	struct engine_info info;
	engine_accept accept; /* or NULL */
	void *accept_arg;
	int64_t calls;
	size_t in_flight;
};

struct engine_op {
	struct engine *engine;
	void (*cancel)(struct engine_op *op);
	void (*resume)(struct engine_op *op);
};

struct exec {
	struct engine *engine;
};

/* The implementations; engine_open() chooses by `where`. */
int docker_open(struct engine **ret, struct loop *l, const char *where, struct err *e);
