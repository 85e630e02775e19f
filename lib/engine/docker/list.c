/*
 * list.c - everything that carries our install label: containers, networks, volumes.
 *
 * Three calls, one after the other; any that fails makes the whole list say nothing. Images are
 * left out: nobody counts them, and an engine takes longer for their list than for the rest
 * together. The engine filters by label, and every object's label is looked at once more here: what
 * is not ours is never touched.
 */
#include "engine/docker/docker.h"
#include "base/str.h"

struct list_op {
	struct docker_op op;
	void (*done)(void *arg, const struct engine_listing *l);
	char *install, *filter;
	size_t at; /* in kinds[] */
	struct json *trees[3];
	struct engine_object *objects;
	size_t n, cap;
};

/* How one kind is listed. */
static const struct kind {
	enum engine_object_kind kind;
	const char *path;
	const char *member; /* of the answer that holds the list, or NULL */
	const char *id;
} kinds[] = {
	{OBJECT_CONTAINER, "/containers/json?all=1&", NULL, "Id"},
	{OBJECT_NETWORK, "/networks?", NULL, "Id"},
	{OBJECT_VOLUME, "/volumes?", "Volumes", "Name"},
};

static struct list_op *list_of(struct docker_op *op)
{
	return container_of(op, struct list_op, op);
}

static void list_clear(struct docker_op *op)
{
	struct list_op *l = list_of(op);

	for (size_t i = 0; i < ARRAY_SIZE(l->trees); i++)
		json_free(l->trees[i]);
	free(l->objects);
	free(l->install);
	free(l->filter);
}

static void list_end(struct docker_op *op, const struct engine_result *r)
{
	struct list_op *l = list_of(op);
	struct engine_listing listing = {.err = r->err, .objects = l->objects, .n = l->n};

	if (listing.err.code) {
		listing.objects = NULL;
		listing.n = 0;
	}
	l->done(op->arg, &listing);
}

/* "/lab-x" of containers, "Name" of networks and volumes. */
static const char *name_of(const struct kind *k, const struct json *j, const char *id)
{
	bool many = k->kind == OBJECT_CONTAINER;
	const char *name =
		json_str_or(many ? json_at(json_get(j, "Names"), 0) : json_get(j, "Name"), id);

	return many && *name == '/' ? name + 1 : name;
}

static void add(struct list_op *l, const struct kind *k, const struct json *j)
{
	struct engine_object o = {.kind = k->kind, .id = json_str(json_get(j, k->id))};
	const char *state = json_str_or(json_get(j, "State"), "");

	if (!o.id || !read_labels(&o, json_get(j, "Labels"), l->install))
		return;
	o.name = name_of(k, j, o.id);
	o.paused = streq(state, "paused");
	o.running = o.paused || streq(state, "running");
	ARRAY_GROW(l->objects, l->n, l->cap);
	l->objects[l->n++] = o;
}

static void next_kind(struct list_op *l);

static void on_listed(struct docker_op *op, struct reply *r)
{
	struct list_op *l = list_of(op);
	const struct kind *k = &kinds[l->at];
	const struct json *j, *list = k->member ? json_get(r->json, k->member) : r->json;

	if (r->result.outcome != ENGINE_DONE) {
		op_end_reply(op, r);
		return;
	}
	if (json_type(list) != JSON_ARRAY && !(k->member && json_type(list) == JSON_NULL)) {
		op_end_err(op, ENGINE_REFUSED, ERR_PROTO, "the engine's answer is not a list");
		return;
	}
	l->trees[l->at++] = TAKE(r->json);
	json_for_each (j, list)
		add(l, k, j);
	next_kind(l);
}

static void next_kind(struct list_op *l)
{
	if (l->at == ARRAY_SIZE(kinds)) {
		op_end_done(&l->op, NULL);
		return;
	}
	op_call(&l->op,
		(struct call){
			.method = "GET",
			.path = strf("%s%s", kinds[l->at].path, l->filter),
		},
		on_listed);
}

struct engine_op *docker_list(struct engine *g, const char *install, const char *session,
	void (*done)(void *arg, const struct engine_listing *l), void *arg)
{
	struct list_op *l =
		op_new(docker_of(g), sizeof(*l), NULL, arg, "cannot list what is there");

	l->done = done;
	l->install = xstrdup(install);
	l->filter = label_filter(install, session);
	l->op.end = list_end;
	l->op.clear = list_clear;
	next_kind(l);
	return &l->op.base;
}
