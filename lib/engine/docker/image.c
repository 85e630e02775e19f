/* image.c - what images are there: inspect and remove. pull.c and build.c make them. */
#include "engine/docker/docker.h"
#include "base/str.h"

struct inspect {
	struct docker_op op;
	void (*done)(void *arg, const struct image_info *i);
	struct json *tree;
};

static void inspect_clear(struct docker_op *op)
{
	json_free(container_of(op, struct inspect, op)->tree);
}

/* From API 1.52 on, members without a value are absent: absent is empty. */
static const char *set_or_null(const struct json *j)
{
	const char *s = json_str(j);

	return s && *s ? s : NULL;
}

static void read_image(struct image_info *i, const struct json *j)
{
	const struct json *config = json_get(j, "Config"), *volumes = json_get(config, "Volumes");

	i->id = json_str_or(json_get(j, "Id"), "");
	i->digest = json_str(json_at(json_get(j, "RepoDigests"), 0));
	i->user = set_or_null(json_get(config, "User"));
	i->workdir = set_or_null(json_get(config, "WorkingDir"));
	i->size = json_int(json_get(j, "Size"), 0);
	for (size_t v = 0; v < json_len(volumes) && i->n_volumes < ARRAY_SIZE(i->volumes); v++)
		i->volumes[i->n_volumes++] = json_key(volumes, v);
}

static void inspect_end(struct docker_op *op, const struct engine_result *r)
{
	struct inspect *i = container_of(op, struct inspect, op);
	struct image_info info = {.err = r->err};

	if (!info.err.code)
		read_image(&info, i->tree);
	i->done(op->arg, &info);
}

static void on_inspected(struct docker_op *op, struct reply *r)
{
	container_of(op, struct inspect, op)->tree = TAKE(r->json);
	op_end_reply(op, r);
}

struct engine_op *docker_image_inspect(struct engine *g, const char *ref,
	void (*done)(void *arg, const struct image_info *i), void *arg)
{
	struct inspect *i =
		op_new(docker_of(g), sizeof(*i), NULL, arg, "cannot inspect the image '%s'", ref);

	i->done = done;
	i->op.end = inspect_end;
	i->op.clear = inspect_clear;
	op_call(&i->op, (struct call){.method = "GET", .path = path_of("/images/", ref, "/json")},
		on_inspected);
	return &i->op.base;
}

struct engine_op *docker_image_remove(struct engine *g, struct engine_turn t, const char *ref,
	engine_done done, void *arg)
{
	static const struct rule rules[] = {
		{404, NULL, ERR_OK, ENGINE_DONE, false},
		{409, NULL, ERR_STATE, ENGINE_REFUSED, true},
		{0},
	};
	struct docker_op *op =
		op_new(docker_of(g), sizeof(*op), done, arg, "cannot remove the image '%s'", ref);

	return op_enter_call(op, LANE_CONTAINER, t,
		(struct call){
			.method = "DELETE", .path = path_of("/images/", ref, ""), .rules = rules},
		op_end_reply);
}
