/* fake_image.c - the fake engine's images: inspect, list, remove, pull, and classic builds. */
#include "tests/fake/fake.h"

static bool names(const struct image *i, const char *ref)
{
	_cleanup_free_ char *latest = strf("%s:latest", ref);

	return streq(i->id, ref) || (str_starts(i->id, "sha256:") && streq(i->id + 7, ref)) ||
	       str_same(i->tag, ref) || str_same(i->tag, latest);
}

struct image *find_image(struct fake *f, const char *ref)
{
	struct image *i;
	const char *key;

	for (size_t k = 0; map_each(f->images, &k, &key, &i);)
		if (names(i, ref))
			return i;
	return NULL;
}

struct image *add_image(struct fake *f, const char *tag)
{
	struct image *i = NEW(struct image);

	memcpy(i->id, "sha256:", 7);
	new_id(i->id + 7);
	str_set(&i->tag, tag);
	map_put(f->images, i->id, i);
	return i;
}

static void image_free(struct image *i)
{
	free(i->tag);
	free(i->user);
	free(i->volume);
	strv_free(i->labels);
	free(i);
}

void images_free(struct fake *f)
{
	struct image *i;
	const char *key;

	for (size_t k = 0; map_each(f->images, &k, &key, &i);)
		image_free(i);
	map_free(f->images);
}

/* --- what they are --- */

static void put_image_config(struct json_writer *w, const struct image *i, int minor)
{
	json_object(w, "Config");
	if (minor < 52 || i->user)
		json_put_str(w, "User", i->user ? i->user : "");
	if (minor < 52)
		json_put_str(w, "WorkingDir", "");
	if (i->volume) {
		json_object(w, "Volumes");
		json_object(w, i->volume);
		json_end(w);
		json_end(w);
	} else if (minor < 52) {
		json_put_null(w, "Volumes");
	}
	json_end(w);
}

static void get_image(struct fake *f, struct conn *c, const struct request *r, const char *id)
{
	const struct image *i = find_image(f, id);
	struct json_writer w;

	if (!i) {
		answer_error(c, 404, "No such image: %s", id);
		return;
	}
	json_begin(&w, &c->body, false);
	json_object(&w, NULL);
	json_put_str(&w, "Id", i->id);
	json_put_strv(&w, "RepoTags", (char *[]){i->tag, NULL});
	json_array(&w, "RepoDigests");
	if (f->minor >= 56 && i->tag) {
		_cleanup_free_ char *name = xstrndup(i->tag, strcspn(i->tag, ":")),
				    *digest = strf("%s@%s", name, i->id);

		json_put_str(&w, NULL, digest);
	}
	json_end(&w);
	json_put_int(&w, "Size", 130000000);
	put_image_config(&w, i, f->minor);
	json_end(&w);
}

static void list_images(struct fake *f, struct conn *c, const struct request *r, const char *id)
{
	struct json_writer w;
	struct image *i;
	const char *key;

	json_begin(&w, &c->body, false);
	json_array(&w, NULL);
	for (size_t k = 0; map_each(f->images, &k, &key, &i);) {
		if (!labels_match(i->labels, r))
			continue;
		json_object(&w, NULL);
		json_put_str(&w, "Id", i->id);
		json_put_strv(&w, "RepoTags", (char *[]){i->tag, NULL});
		if (i->labels)
			put_label_object(&w, "Labels", i->labels);
		else
			json_put_null(&w, "Labels");
		json_end(&w);
	}
	json_end(&w);
}

static void delete_image(struct fake *f, struct conn *c, const struct request *r, const char *id)
{
	struct image *i = find_image(f, id);
	struct container *user;
	const char *key;

	if (!i) {
		answer_error(c, 404, "No such image: %s", id);
		return;
	}
	for (size_t k = 0; map_each(f->containers, &k, &key, &user);)
		if (streq(user->image, i->id)) {
			answer_error(c, 409,
				"conflict: unable to remove repository reference \"%s\" (must "
				"force)",
				id);
			return;
		}
	(void)buf_addf(&c->body, "[{\"Deleted\":\"%s\"}]", i->id);
	map_remove(f->images, i->id);
	image_free(i);
}

/* --- streams of documents --- */

static bool tell(struct conn *c, const char *key, const char *text)
{
	_cleanup_buf_ struct buf b = BUF(1u << 20);
	struct json_writer w;

	json_begin(&w, &b, false);
	json_object(&w, NULL);
	json_put_str(&w, key, text);
	json_end(&w);
	(void)buf_adds(&b, "\r\n");
	return stream_chunk(c, b.data, b.len);
}

static void tell_error(struct conn *c, int code, const char *text)
{
	_cleanup_buf_ struct buf b = BUF(1u << 20);
	struct json_writer w;

	json_begin(&w, &b, false);
	json_object(&w, NULL);
	json_object(&w, "errorDetail");
	if (code)
		json_put_int(&w, "code", code);
	json_put_str(&w, "message", text);
	json_end(&w);
	json_put_str(&w, "error", text);
	json_end(&w);
	(void)stream_chunk(c, b.data, b.len);
}

static const char layers[] =
	"{\"status\":\"Pulling from far\",\"id\":\"1\"}\r\n"
	"{\"status\":\"Downloading\",\"progressDetail\":{\"current\":10,\"total\":100},"
	"\"id\":\"aa\"}\r\n"
	"{\"status\":\"Downloading\",\"progressDetail\":{\"current\":5,\"total\":50},"
	"\"id\":\"bb\"}\r\n"
	"{\"status\":\"Download complete\",\"progressDetail\":{},\"id\":\"aa\"}\r\n"
	"{\"status\":\"Extracting\",\"progressDetail\":{\"current\":1,\"total\":100},"
	"\"id\":\"aa\"}\r\n"
	"{\"status\":\"Download complete\",\"progressDetail\":{},\"id\":\"bb\"}\r\n";

static void pull(struct fake *f, struct conn *c, const struct request *r, const char *id)
{
	_cleanup_free_ char *name = asked_query(r, "fromImage"), *tag = asked_query(r, "tag"),
			    *ref = strf("%s%c%s", name ? name : "",
				    tag && str_starts(tag, "sha256:") ? '@' : ':',
				    tag ? tag : "latest"),
			    *error = NULL;

	free(f->auth);
	f->auth = asked_header(r, "X-Registry-Auth");
	if (!map_get(f->registry, ref)) {
		answer_error(c, 404, "pull access denied for %s, repository does not exist or may "
			"require 'docker login'", name ? name : "");
		return;
	}
	str_set(&error, map_get(f->registry, ref));
	fake_unlock(f);
	(void)(stream_begin(c, "application/json") && stream_chunk(c, layers, sizeof(layers) - 1));
	if (*error)
		tell_error(c, 0, error);
	fake_lock(f);
	if (!*error && !find_image(f, ref))
		(void)add_image(f, ref);
	fake_unlock(f);
	stream_end(c);
	fake_lock(f);
}

/* --- builds --- */

/* One instruction; 0, or the exit code of a RUN that failed. -1 = the client has gone. */
static int build_step(struct fake *f, struct conn *c, const char *line)
{
	int code = 0, ms = 0;

	(void)sscanf(line, "RUN exit %d", &code);
	if (sscanf(line, "RUN sleep %d", &ms) == 1)
		for (int i = 0; i < ms * 50; i++) {
			bool stopping;

			fake_lock(f);
			fake_wait(f, 20);
			stopping = f->stopping;
			fake_unlock(f);
			if (stopping || peer_gone(c))
				return -1;
		}
	if (str_starts(line, "RUN echo "))
		(void)tell(c, "stream", line + 9), (void)tell(c, "stream", "\n");
	return code;
}

/* The base is there, or comes from the registry. */
static bool find_base(struct fake *f, struct conn *c, const char *line)
{
	bool there, far;

	if (!str_starts(line, "FROM "))
		return true;
	fake_lock(f);
	there = streq(line + 5, "scratch") || find_image(f, line + 5);
	far = !there && map_get(f->registry, line + 5);
	if (far)
		(void)add_image(f, line + 5);
	fake_unlock(f);
	if (far)
		(void)stream_chunk(c, layers, sizeof(layers) - 1);
	return there || far;
}

/* Unlocked. True when every step went well. */
static bool build_steps(struct fake *f, struct conn *c, const char *dockerfile)
{
	_cleanup_(strv_freep) char **lines = strv_split(dockerfile, '\n');
	size_t n = strv_len(lines);

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *step = strf("Step %zu/%zu : %s\n", i + 1, n, lines[i]),
				    *why = NULL;
		int code;

		if (!*lines[i])
			continue;
		if (!tell(c, "stream", step))
			return false;
		if (!find_base(f, c, lines[i])) {
			why = strf("pull access denied for %s, repository does not exist",
				lines[i] + 5);
			tell_error(c, 0, why);
			return false;
		}
		code = build_step(f, c, lines[i]);
		if (code > 0) {
			why = strf("The command '/bin/sh -c exit %d' returned a non-zero code: %d",
				code, code);
			tell_error(c, code, why);
		}
		if (code != 0)
			return false;
	}
	return true;
}

static char *read_dockerfile(struct conn *c, const struct request *r)
{
	_cleanup_free_ char *name = asked_query(r, "dockerfile");
	char *text = tar_file(&r->body, name ? name : "Dockerfile");

	if (!text)
		answer_error(c, 500, "Cannot locate specified Dockerfile: %s",
			name ? name : "Dockerfile");
	else if (!str_starts(text, "FROM ")) {
		answer_error(c, 400, "dockerfile parse error line 1: unknown instruction");
		free(text);
		text = NULL;
	}
	return text;
}

static void add_built(struct fake *f, struct conn *c, const struct request *r)
{
	_cleanup_free_ char *tag = asked_query(r, "t"), *labels = asked_query(r, "labels"),
			    *aux = NULL, *said = NULL;
	_cleanup_(json_freep) struct json *j = NULL;
	struct image *old, *i;

	fake_lock(f);
	old = tag ? find_image(f, tag) : NULL;
	if (old)
		str_set(&old->tag, NULL);
	i = add_image(f, tag);
	if (labels && json_parse(&j, labels, strlen(labels), NULL) == 0)
		i->labels = read_label_object(j);
	aux = strf("{\"aux\":{\"ID\":\"%s\"}}\r\n", i->id);
	said = strf("Successfully built %.12s\n", i->id + 7);
	fake_unlock(f);
	(void)stream_chunk(c, aux, strlen(aux));
	(void)tell(c, "stream", said);
}

static void build(struct fake *f, struct conn *c, const struct request *r, const char *id)
{
	_cleanup_free_ char *dockerfile = read_dockerfile(c, r);

	if (!dockerfile)
		return;
	fake_unlock(f);
	(void)stream_begin(c, "application/json");
	if (build_steps(f, c, dockerfile))
		add_built(f, c, r);
	stream_end(c);
	fake_lock(f);
}

const struct route image_routes[] = {
	{"GET", "/images/json", NULL, list_images},
	{"GET", "/images/", "/json", get_image},
	{"POST", "/images/create", NULL, pull},
	{"DELETE", "/images/", "", delete_image},
	{"POST", "/build", NULL, build},
	{0},
};
