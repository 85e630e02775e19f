/* pull.c - fetch an image from its registry, with the credentials that docker has for it. */
#include "engine/docker/config.h"
#include "engine/docker/image_op.h"
#include "base/str.h"

#define PULL_MS    (30 * 60 * 1000)
#define SILENCE_MS (5 * 60 * 1000)

static int on_pull_document(struct image_op *i, const struct json *doc)
{
	image_op_layers(i, doc);
	return 0;
}

static void on_pulled(struct docker_op *op, struct reply *r)
{
	struct image_op *i = image_op_of(op);

	if (!image_op_good(i, r))
		return;
	image_op_tell_layers(i);
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
	struct image_op *i = image_op_new(
		docker_of(g), sizeof(*i), "pull", ref, on_pull_document, progress, done, arg);
	char **headers = strv_new();

	if (auth)
		strv_take(&headers, strf("X-Registry-Auth: %s", auth));
	return op_enter_call(&i->op, LANE_IMAGE, t,
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
