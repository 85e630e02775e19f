/*
 * archive.c - files in and out of a container as tar streams.
 *
 * A 200 does not prove that a tar was whole, and after a failure a part of it may be unpacked: a
 * put that was cut is UNKNOWN, and its target has to be thought of as dirty.
 */
#include "engine/docker/docker.h"
#include "base/str.h"

#define SILENCE_MS 120000

struct archive {
	struct docker_op op;
	tar_source source;
	tar_sink sink;
	struct err why; /* what source or sink said */
};

static struct archive *archive_of(struct docker_op *op)
{
	return container_of(op, struct archive, op);
}

/* The caller's own reason goes before what the transport made of it. */
static void on_archive(struct docker_op *op, struct reply *r)
{
	struct archive *a = archive_of(op);

	if (a->why.code && r->result.err.code != ERR_CANCELED) {
		r->result.err = a->why;
		(void)err_wrap(&r->result.err, "%s", op->what);
	}
	op_end_reply(op, r);
}

static char *archive_path(const char *id, const char *path)
{
	_cleanup_free_ char *escaped = http_escape(path),
			    *after = strf("/archive?path=%s", escaped);

	return path_of("/containers/", id, after);
}

static int64_t send_some(void *op, char *p, size_t n, struct err *e)
{
	struct archive *a = archive_of(op);
	int64_t r = a->source(a->op.arg, p, n, &a->why);

	if (r < 0)
		(void)err_copy(e, &a->why);
	return r;
}

struct engine_op *docker_container_put(struct engine *g, struct engine_turn t, const char *id,
	const char *path, tar_source source, engine_done done, void *arg)
{
	/* "marked read-only" is 500 on the older engines and 400 on the newer ones. */
	static const struct rule rules[] = {
		{STATUS_ANY, "marked read-only", ERR_STATE, ENGINE_REFUSED, false},
		{0},
	};
	struct archive *a = op_new(docker_of(g), sizeof(*a), done, arg,
		"cannot put files into '%s' of the container '%.12s'", path, id);

	a->source = source;
	return op_enter_call(&a->op, LANE_CONTAINER, t,
		(struct call){
			.method = "PUT",
			.path = archive_path(id, path),
			.rules = rules,
			.content_type = "application/x-tar",
			.on_send = send_some,
			.silence_ms = SILENCE_MS,
			.endless = true,
		},
		on_archive);
}

static int64_t take_some(void *op, const char *p, size_t n, struct err *e)
{
	struct archive *a = archive_of(op);
	int64_t r = a->sink(a->op.arg, p, n, &a->why);

	if (r < 0)
		(void)err_copy(e, &a->why);
	return r;
}

struct engine_op *docker_container_get(struct engine *g, const char *id, const char *path,
	tar_sink sink, engine_done done, void *arg)
{
	/* Else a 404 is the path; and so is a part of it that is a file. */
	static const struct rule rules[] = {
		{404, "o such container", ERR_STATE, ENGINE_REFUSED, false},
		{500, ": not a directory", ERR_NOT_FOUND, ENGINE_REFUSED, false},
		{0},
	};
	struct archive *a = op_new(docker_of(g), sizeof(*a), done, arg,
		"cannot get '%s' from the container '%.12s'", path, id);

	a->sink = sink;
	op_call(&a->op,
		(struct call){
			.method = "GET",
			.path = archive_path(id, path),
			.rules = rules,
			.on_data = take_some,
			.silence_ms = SILENCE_MS,
			.endless = true,
		},
		on_archive);
	return &a->op.base;
}
