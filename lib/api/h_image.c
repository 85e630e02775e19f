/*
 * h_image.c - which Debian packages an image holds, or would get today.
 *
 * The image itself tells: an image is built on it whose one step lists them, and thrown away. So no
 * container of ours runs, a build's network and certificates are those with which the image was
 * made, and nothing of its files has to be read here. A mark in the text keeps the engine from
 * answering out of its cache.
 */
#include "api/impl.h"
#include "base/id.h"
#include "content/tar.h"

#define CONTEXT_MAX  (16 << 10)
#define PACKAGES_MAX (4 << 20)
#define NONCE        16
#define SAID_MAX     500

/* Lines "=NAME VERSION"; an image without dpkg has none. */
#define HERE                                                                                       \
	"if command -v dpkg-query >/dev/null; then "                                               \
	"dpkg-query -W -f '${db:Status-Abbrev}=${Package} ${Version}\\n' | "                       \
	"sed -n 's/^ii *=/=/p'; fi"
#define UPSTREAM                                                                                   \
	"if command -v apt-cache >/dev/null; then "                                                \
	"apt-get -qq -o APT::Update::Error-Mode=any update || exit 1; "                            \
	"apt-cache policy $(dpkg-query -W -f '${Package} ') | "                                    \
	"sed -n -e '/^[^ ]/{s/:$//;h}' "                                                           \
	"-e '/^  Candidate: /{s/^  Candidate: //;G;s/\\(.*\\)\\n\\(.*\\)/=\\2 \\1/p}'; fi"

static const struct engine_turn turn = {CLASS_USER, 0};

struct question {
	struct api *api;
	struct request *request;
	struct engine_op *op;
	char *image, *tag;
	bool upstream, pulled;
	char *digest;
	struct buf context, lines;
	size_t sent;
	char said[SAID_MAX]; /* by the step, last: why it failed */
	struct err err;
};

static void question_free(struct question *q)
{
	request_unref(q->request);
	free(q->image);
	free(q->tag);
	free(q->digest);
	buf_done(&q->context);
	buf_done(&q->lines);
	free(q);
}

static void put_packages(struct json_writer *w, char *const *lines)
{
	json_object(w, "packages");
	for (; *lines; lines++) {
		const char *blank = strchr(*lines, ' ');
		_cleanup_free_ char *name =
			blank ? xstrndup(*lines, (size_t)(blank - *lines)) : NULL;

		if (name)
			json_put_str(w, name, blank + 1);
	}
	json_end(w);
}

static void answer(struct question *q)
{
	_cleanup_(strv_freep) char **lines = strv_split(buf_str(&q->lines), '\n');
	struct buf out = BUF(ANSWER_MAX);
	struct json_writer w;

	request_on_gone(q->request, NULL, NULL);
	if (q->err.code == 0) {
		json_begin(&w, &out, false);
		json_object(&w, NULL);
		json_put_str(&w, "schema", "labyard/packages/v1");
		json_put_str(&w, "image", q->image);
		json_put_str(&w, "digest", q->digest);
		put_packages(&w, lines);
		json_end(&w);
		reply_json(q->request, 200, &out);
	} else if (!request_gone(q->request)) {
		reply_problem(q->request, &q->err);
	}
	question_free(q);
}

static void asker_left(void *arg)
{
	struct question *q = arg;

	if (q->op)
		engine_cancel(q->op); /* what it was at completes, and the question is over */
}

/* --- the list --- */

static void removed(void *arg, const struct engine_result *r)
{
	struct question *q = arg;

	if (r->outcome != ENGINE_DONE)
		log_error("api", "'%s' could not be removed: %s", q->tag, r->err.text);
	answer(q);
}

static void said(void *arg, const char *line, int64_t done, int64_t total)
{
	struct question *q = arg;

	if (*line == '=')
		(void)buf_addf(&q->lines, "%s\n", line + 1); /* full: seen below */
	else if (!str_starts(line, "Removing intermediate"))
		(void)snprintf(q->said, sizeof(q->said), "%s", line);
}

static void built(void *arg, const struct engine_result *r)
{
	struct question *q = arg;

	q->op = NULL;
	if (r->outcome != ENGINE_DONE) {
		err_set(&q->err, r->err.code, "the packages of image '%s' cannot be listed: %s: %s",
			q->image, r->err.text, q->said);
		answer(q);
		return;
	}
	if (q->lines.full)
		err_set(&q->err, ERR_LIMIT, "image '%s' has too many packages", q->image);
	(void)image_remove(q->api->engine, turn, q->tag, removed, q); /* nobody cancels that */
}

static int64_t next_bytes(void *arg, char *p, size_t n, struct err *e)
{
	struct question *q = arg;
	size_t k = MIN(n, q->context.len - q->sent);

	memcpy(p, q->context.data + q->sent, k);
	q->sent += k;
	return (int64_t)k;
}

static void list(struct question *q)
{
	_cleanup_(tar_plan_freep) struct tar_plan *plan = tar_plan_new();
	char nonce[NONCE + 1];

	id_random(nonce, NONCE);
	q->tag = strf("labyard/packages:%s", nonce);
	_cleanup_free_ char *text =
		strf("FROM %s\nUSER root\nSHELL [\"/bin/sh\", \"-c\"]\nRUN : %s; export LC_ALL=C; "
		     "%s\n",
			q->image, nonce, q->upstream ? UPSTREAM : HERE);
	tar_add_file(plan, "Dockerfile", text, strlen(text), 0644, 0, 0);
	if (tar_plan_write(plan, &q->context, &q->err) < 0) {
		answer(q);
		return;
	}
	struct build_spec spec = {
		.tag = q->tag,
		.labels = {.install = store_install(q->api->store),
			.session = "",
			.role = "image",
			.service = q->image},
		.context = next_bytes,
	};
	q->op = image_build(q->api->engine, turn, &spec, said, built, q);
}

/* --- the image --- */

static void inspected(void *arg, const struct image_info *i);

static void pulled(void *arg, const struct engine_result *r)
{
	struct question *q = arg;

	q->op = NULL;
	q->pulled = true;
	if (r->outcome == ENGINE_DONE && !request_gone(q->request)) {
		q->op = image_inspect(q->api->engine, q->image, inspected, q);
		return;
	}
	err_copy(&q->err, &r->err);
	answer(q);
}

/* One of a registry may be another one there by now; what was made here is asked as it is. */
static void inspected(void *arg, const struct image_info *i)
{
	struct question *q = arg;
	const char *at = i->err.code == 0 && i->digest ? strchr(i->digest, '@') : NULL;

	q->op = NULL;
	str_set(&q->digest, at ? at + 1 : NULL);
	if (request_gone(q->request)) {
		answer(q);
	} else if (i->err.code == 0 && (!at || !q->upstream || q->pulled)) {
		list(q);
	} else if (i->err.code == 0) {
		q->op = image_pull(q->api->engine, turn, q->image, NULL, pulled, q);
	} else {
		if (i->err.code == ERR_NOT_FOUND)
			err_set(&q->err, ERR_NOT_FOUND,
				"the engine has no image '%s': the first start of its lab makes it",
				q->image);
		else
			err_copy(&q->err, &i->err);
		answer(q);
	}
}

/* It stands in a Dockerfile of ours. */
static bool good_name(const char *image)
{
	return *image && strlen(image) <= 255 && !image[strcspn(image, " \t\r\n\\$\"'")];
}

void h_packages(struct api *a, struct request *r, const struct match *m)
{
	const char *image = request_query(r, "image");
	bool upstream;

	if (!ask_flag(r, "upstream", &upstream))
		return;
	if (!image || !good_name(image)) {
		reply_error(r, ERR_USAGE, "'image' has to be the name of an image");
		return;
	}
	struct question *q = NEW(struct question);
	*q = (struct question){.api = a,
		.request = request_ref(r),
		.image = xstrdup(image),
		.upstream = upstream,
		.context = BUF(CONTEXT_MAX),
		.lines = BUF(PACKAGES_MAX)};
	request_on_gone(r, asker_left, q);
	q->op = image_inspect(a->engine, image, inspected, q);
}
