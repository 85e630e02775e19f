/*
 * build.c - build an image with the classic builder from a streamed context.
 *
 * The classic builder (version=1) is there on every engine and needs no session. It is stopped by
 * closing the connection, which it notices only when the tar ends right after its two zero blocks:
 * the context's source must write no padding.
 */
#include "engine/docker/image_op.h"
#include "base/str.h"

#define BUILD_MS   (30 * 60 * 1000)
#define LINE_CHARS 1000       /* of one line that are told */
#define LOG_MAX    (4u << 20) /* bytes of all lines that are told */

struct build {
	struct image_op image;
	tar_source context;
	struct err why; /* what the source said */
	struct buf line; /* not ended yet */
	size_t told;
	op_step clear_image;
};

static struct build *build_of(struct image_op *i)
{
	return container_of(i, struct build, image);
}

static void build_clear(struct docker_op *op)
{
	struct build *b = build_of(image_op_of(op));

	buf_done(&b->line);
	b->clear_image(op);
}

/* --- what it says --- */

static void tell_line(struct build *b)
{
	struct image_op *i = &b->image;
	/* the classic builder paints what comes from stderr */
	size_t n = b->line.len ? str_drop_colours(b->line.data, b->line.len) : 0;

	if (i->progress && n > 0 && b->told < LOG_MAX) {
		_cleanup_free_ char *line = str_visible(b->line.data, n, false);

		b->told += b->line.len;
		i->progress(i->op.arg, line, 0, 0);
	}
	buf_clear(&b->line);
}

/* Output comes in pieces; a carriage return ends a line as well (progress bars). */
static void take_output(struct build *b, const char *s)
{
	for (; *s; s++) {
		if (*s == '\n' || *s == '\r')
			tell_line(b);
		else
			(void)buf_addc(&b->line, *s); /* a longer line loses its end */
	}
}

static int on_build_document(struct image_op *i, const struct json *doc)
{
	const char *output = json_str(json_get(doc, "stream"));
	const char *id = json_str(json_path(doc, "aux.ID"));

	if (json_get(doc, "status"))
		image_op_layers(i, doc); /* the base image is not there yet */
	if (output)
		take_output(build_of(i), output);
	if (id)
		str_set(&i->id, id);
	return 0;
}

static void on_built(struct docker_op *op, struct reply *r)
{
	struct image_op *i = image_op_of(op);
	struct build *b = build_of(i);

	tell_line(b);
	if (b->why.code && r->result.err.code != ERR_CANCELED)
		op_end_err(op, ENGINE_REFUSED, b->why.code, "%s", b->why.text);
	else if (image_op_good(i, r) && i->id)
		op_end_done(op, i->id);
	else if (!op->ended)
		op_end_err(op, ENGINE_UNKNOWN, ERR_PROTO, "the engine's report ended too early");
}

/* --- the call --- */

static int64_t send_context(void *op, char *p, size_t n, struct err *e)
{
	struct build *b = build_of(image_op_of(op));
	int64_t r = b->context(b->image.op.arg, p, n, &b->why);

	if (r < 0)
		(void)err_copy(e, &b->why);
	return r;
}

static void add_query(struct buf *path, const char *key, const char *value)
{
	_cleanup_free_ char *escaped = value ? http_escape(value) : NULL;

	if (escaped)
		(void)buf_addf(path, "&%s=%s", key, escaped);
}

/* {"K":"V", …} from "K=V" lines. The caller owns it. */
static char *args_json(char *const *args)
{
	struct buf b = BUF(64u << 10);
	struct json_writer w;

	json_begin(&w, &b, false);
	json_object(&w, NULL);
	for (; args && *args; args++) {
		size_t n = strcspn(*args, "=");
		_cleanup_free_ char *key = xstrndup(*args, n);

		json_put_str(&w, key, (*args)[n] ? *args + n + 1 : "");
	}
	json_end(&w);
	return buf_take(&b);
}

static char *labels_json(const struct engine_labels *l)
{
	struct buf b = BUF(64u << 10);
	struct json_writer w;

	json_begin(&w, &b, false);
	put_labels(&w, NULL, l);
	return buf_take(&b);
}

static char *build_path(const struct build_spec *s)
{
	_cleanup_free_ char *args = args_json(s->args), *labels = labels_json(&s->labels);
	struct buf path = BUF(256u << 10);

	(void)buf_adds(&path, "/build?version=1&rm=1&forcerm=1");
	add_query(&path, "t", s->tag);
	add_query(&path, "dockerfile", s->dockerfile);
	add_query(&path, "target", s->target);
	add_query(&path, "buildargs", args);
	add_query(&path, "labels", labels);
	add_query(&path, "networkmode", s->no_network ? "none" : NULL);
	return buf_take(&path);
}

struct engine_op *docker_image_build(struct engine *g, struct engine_turn t,
	const struct build_spec *s, image_progress progress, engine_done done, void *arg)
{
	struct build *b = image_op_new(
		docker_of(g), sizeof(*b), "build", s->tag, on_build_document, progress, done, arg);

	buf_init(&b->line, LINE_CHARS);
	b->image.pulling = "the base image";
	b->context = s->context;
	b->clear_image = b->image.op.clear;
	b->image.op.clear = build_clear;
	return op_enter_call(&b->image.op, LANE_IMAGE, t,
		(struct call){
			.method = "POST",
			.path = build_path(s),
			.rules = image_op_rules,
			.content_type = "application/x-tar",
			.on_send = send_context,
			.on_data = image_op_data,
			.deadline_ms = BUILD_MS,
		},
		on_built);
}
