/* image_op.c - reading the JSON streams of pull and build; see image_op.h. */
#include "engine/docker/image_op.h"
#include "base/map.h"
#include "base/str.h"

#define MAX_LAYERS 1000
#define TELL_MS    100 /* the engine reports every packet */

const struct rule image_op_rules[] = {
	{STATUS_ANY, NULL, ERR_ENGINE, ENGINE_REFUSED, false},
	{0},
};

static void clear(struct docker_op *op)
{
	struct image_op *i = image_op_of(op);

	json_stream_free(i->json);
	free(i->ref);
	map_free(i->layers);
	free(i->id);
}

/*
 * The key `error` decides; errorDetail has the same text, and a code only from the classic builder.
 */
static int on_document(void *arg, const struct json *doc, struct err *e)
{
	struct image_op *i = arg;
	const char *error = json_str(json_get(doc, "error"));

	if (error) {
		_cleanup_free_ char *text =
			str_visible(error, strnlen(error, sizeof(i->error)), false);

		(void)snprintf(i->error, sizeof(i->error), "%s", text);
		return 0;
	}
	return i->document(i, doc);
}

void *image_op_new(struct docker *d, size_t size, const char *verb, const char *ref,
	int (*document)(struct image_op *i, const struct json *doc), image_progress progress,
	engine_done done, void *arg)
{
	struct image_op *i = op_new(d, size, done, arg, "cannot %s the image '%s'", verb, ref);

	i->op.clear = clear;
	i->json = json_stream_new(on_document, i);
	i->ref = xstrdup(ref);
	i->pulling = i->ref;
	i->layers = map_new(free);
	i->document = document;
	i->progress = progress;
	return i;
}

int64_t image_op_data(void *op, const char *p, size_t n, struct err *e)
{
	struct image_op *i = image_op_of(op);
	int r = json_stream_feed(i->json, p, n, e);

	return r < 0 ? r : (int64_t)n;
}

/* --- layers of a pull --- */

struct layer {
	int64_t done, total;
};

void image_op_tell_layers(struct image_op *i)
{
	_cleanup_free_ char *line = strf("pulling %s", i->pulling);
	int64_t done = 0, total = 0;
	struct layer *layer;
	const char *id;

	for (size_t k = 0; map_each(i->layers, &k, &id, &layer);) {
		done += layer->done;
		total += layer->total;
	}
	if (i->progress)
		i->progress(i->op.arg, line, done, total);
}

static void note_layer(struct image_op *i, const char *id, const struct json *detail, bool whole)
{
	struct layer *layer = map_get(i->layers, id);

	if (!layer && map_len(i->layers) >= MAX_LAYERS)
		return;
	if (!layer) {
		layer = NEW(struct layer);
		(void)map_add(i->layers, id, layer); /* absent: just looked */
	}
	layer->total = json_int(json_get(detail, "total"), layer->total);
	layer->done = whole ? layer->total : json_int(json_get(detail, "current"), layer->done);
}

void image_op_layers(struct image_op *i, const struct json *doc)
{
	const char *id = json_str(json_get(doc, "id"));
	const char *status = json_str_or(json_get(doc, "status"), "");
	int64_t now = loop_now_ms(i->op.d->engine.loop);
	bool whole = streq(status, "Download complete");

	/* "Extracting" counts the same bytes once more. */
	if (id && (whole || streq(status, "Downloading")))
		note_layer(i, id, json_get(doc, "progressDetail"), whole);
	if (now - i->told_ms < TELL_MS && !whole)
		return;
	i->told_ms = now;
	image_op_tell_layers(i);
}

/* --- the end --- */

/* What words of the engine mean for us: a registry that cannot be asked is not an absent image. */
static const struct {
	const char *text;
	int code;
} meanings[] = {
	{"no space left on device", ERR_NO_SPACE},
	{"dial tcp", ERR_UNREACHABLE},
	{"no such host", ERR_UNREACHABLE},
	{"connection refused", ERR_UNREACHABLE},
	{"i/o timeout", ERR_UNREACHABLE},
	{"TLS handshake timeout", ERR_UNREACHABLE},
	{"Client.Timeout exceeded", ERR_UNREACHABLE},
	{"request canceled while waiting", ERR_UNREACHABLE},
	{"failed to do request", ERR_UNREACHABLE},
	{"unauthorized", ERR_AUTH},
	{"pull access denied", ERR_NOT_FOUND},
	{"manifest unknown", ERR_NOT_FOUND},
	{"not found", ERR_NOT_FOUND},
};

static int code_of(const char *text, int otherwise)
{
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (strstr(text, meanings[i].text))
			return meanings[i].code;
	return otherwise;
}

bool image_op_good(struct image_op *i, struct reply *r)
{
	struct engine_result *result = &r->result;
	struct err why;

	if (*i->error) {
		op_end_err(&i->op, ENGINE_REFUSED, code_of(i->error, ERR_ENGINE), "%s", i->error);
		return false;
	}
	if (result->outcome != ENGINE_DONE) {
		if (r->status >= 400)
			result->err.code = code_of(result->err.text, result->err.code);
		op_end(&i->op, result);
		return false;
	}
	if (json_stream_end(i->json, &why) < 0) {
		op_end_err(&i->op, ENGINE_UNKNOWN, why.code, "%s", why.text);
		return false;
	}
	return true;
}

static void on_identified(struct docker_op *op, struct reply *r)
{
	const char *id = json_str(json_get(r->json, "Id"));

	if (r->result.outcome == ENGINE_DONE && id)
		op_end_done(op, id);
	else if (r->result.err.code)
		op_end_reply(op, r);
	else
		op_end_err(op, ENGINE_UNKNOWN, ERR_PROTO, "the engine's answer has no 'Id'");
}

void image_op_identify(struct image_op *i)
{
	op_call(&i->op,
		(struct call){.method = "GET", .path = path_of("/images/", i->ref, "/json")},
		on_identified);
}
