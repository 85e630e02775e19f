/* pull.c - fetch an image from its registry, with the credentials that docker has for it. */
#include "engine/docker/config.h"
#include "engine/docker/image_op.h"
#include "base/map.h"
#include "base/str.h"

#define PULL_MS    (30 * 60 * 1000)
#define SILENCE_MS (5 * 60 * 1000)
#define MAX_LAYERS 1000
#define TELL_MS    100 /* the engine reports every packet; people need ten a second */

struct layer {
	int64_t done, total;
};

struct pull {
	struct image_op image;
	struct map *layers; /* by id: bytes of the download */
	int64_t told_ms;
	op_step clear_image;
};

static struct pull *pull_of(struct image_op *i)
{
	return container_of(i, struct pull, image);
}

static void pull_clear(struct docker_op *op)
{
	struct pull *p = pull_of(image_op_of(op));

	map_free(p->layers);
	p->clear_image(op);
}

static void tell(struct pull *p)
{
	_cleanup_free_ char *line = strf("pulling %s", p->image.ref);
	int64_t done = 0, total = 0;
	struct layer *layer;
	const char *id;

	for (size_t i = 0; map_each(p->layers, &i, &id, &layer);) {
		done += layer->done;
		total += layer->total;
	}
	p->image.progress(p->image.op.arg, line, done, total);
}

static void note_layer(struct pull *p, const char *id, const struct json *detail, bool whole)
{
	struct layer *layer = map_get(p->layers, id);

	if (!layer && map_len(p->layers) >= MAX_LAYERS)
		return;
	if (!layer) {
		layer = NEW(struct layer);
		(void)map_add(p->layers, id, layer); /* absent: just looked */
	}
	layer->total = json_int(json_get(detail, "total"), layer->total);
	layer->done = whole ? layer->total : json_int(json_get(detail, "current"), layer->done);
}

static int on_pull_document(struct image_op *i, const struct json *doc)
{
	struct pull *p = pull_of(i);
	const char *id = json_str(json_get(doc, "id")),
		   *status = json_str_or(json_get(doc, "status"), "");
	int64_t now = loop_now_ms(i->op.d->engine.loop);

	/* "Extracting" counts the same bytes once more. */
	if (id && (streq(status, "Downloading") || streq(status, "Download complete")))
		note_layer(
			p, id, json_get(doc, "progressDetail"), streq(status, "Download complete"));
	if (i->progress && now - p->told_ms >= TELL_MS) {
		p->told_ms = now;
		tell(p);
	}
	return 0;
}

static void on_pulled(struct docker_op *op, struct reply *r)
{
	struct image_op *i = image_op_of(op);

	if (!image_op_good(i, r))
		return;
	if (i->progress)
		tell(pull_of(i));
	image_op_identify(i);
}

/* Without a tag the engine would fetch all of them. The caller owns it. */
static char *pull_path(const char *ref)
{
	const char *slash = strrchr(ref, '/'), *at = strchr(ref, '@');
	const char *colon = strchr(slash ? slash : ref, ':');
	const char *tag = at ? at + 1 : colon ? colon + 1 : "latest";
	size_t n = at ? (size_t)(at - ref) : colon ? (size_t)(colon - ref) : strlen(ref);
	_cleanup_free_ char *name = xstrndup(ref, n), *e_name = http_escape(name),
			    *e_tag = http_escape(tag);

	return strf("/images/create?fromImage=%s&tag=%s", e_name, e_tag);
}

struct engine_op *docker_image_pull(struct engine *g, struct engine_turn t, const char *ref,
	image_progress progress, engine_done done, void *arg)
{
	_cleanup_(json_freep) struct json *config = docker_config();
	_cleanup_free_ char *auth = registry_auth(config, ref);
	struct pull *p = image_op_new(
		docker_of(g), sizeof(*p), "pull", ref, on_pull_document, progress, done, arg);
	char **headers = strv_new();

	p->layers = map_new(free);
	p->clear_image = p->image.op.clear;
	p->image.op.clear = pull_clear;
	if (auth)
		strv_take(&headers, strf("X-Registry-Auth: %s", auth));
	return op_enter_call(&p->image.op, LANE_IMAGE, t,
		(struct call){
			.method = "POST",
			.path = pull_path(ref),
			.rules = image_op_rules,
			.headers = headers,
			.on_data = image_op_data,
			.deadline_ms = PULL_MS,
			.silence_ms = SILENCE_MS,
		},
		on_pulled);
}
