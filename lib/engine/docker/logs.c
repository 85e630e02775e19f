/* logs.c - what a container has written, and writes. Containers of ours have no terminal. */
#include "engine/docker/docker.h"
#include "base/str.h"
#include "codec/stdcopy.h"

struct logs {
	struct docker_op op;
	log_data data;
	struct stdcopy frames;
};

static int take(void *arg, int stream, const char *p, size_t n, struct err *e)
{
	struct logs *l = arg;

	(void)l->data(l->op.arg, stream, p, n); /* whether there is room is asked before the next */
	return l->op.canceled ? ERR_CANCELED : 0;
}

static int64_t on_data(void *op, const char *p, size_t n, struct err *e)
{
	struct logs *l = container_of((struct docker_op *)op, struct logs, op);

	if (!l->data(l->op.arg, 1, p, 0))
		return TAR_PAUSE;
	int r = stdcopy_feed(&l->frames, p, n, take, l, e);
	return r < 0 ? r : (int64_t)n;
}

static void on_logs(struct docker_op *op, struct reply *r)
{
	struct logs *l = container_of(op, struct logs, op);
	struct err why;

	if (r->result.outcome == ENGINE_DONE && stdcopy_end(&l->frames, &why) < 0)
		op_end_err(op, ENGINE_REFUSED, ERR_UNREACHABLE, "the log was cut: %s", why.text);
	else
		op_end_reply(op, r);
}

struct engine_op *docker_container_logs(struct engine *g, const char *id, bool follow, int tail,
	int64_t since_wall_s, log_data data, engine_done done, void *arg)
{
	struct logs *l = op_new(docker_of(g), sizeof(*l), done, arg,
		"cannot read the log of the container '%.12s'", id);
	_cleanup_free_ char *since =
		since_wall_s > 0 ? strf("&since=%lld", (long long)since_wall_s) : NULL;
	_cleanup_free_ char *lines = tail >= 0 ? strf("&tail=%d", tail) : NULL;
	_cleanup_free_ char *after = strf("/logs?stdout=1&stderr=1&follow=%d%s%s", follow,
		since ? since : "", lines ? lines : "");

	l->data = data;
	op_call(&l->op,
		(struct call){
			.method = "GET",
			.path = path_of("/containers/", id, after),
			.on_data = on_data,
			.silence_ms = follow ? 0 : 60000,
			.endless = true,
		},
		on_logs);
	return &l->op.base;
}
