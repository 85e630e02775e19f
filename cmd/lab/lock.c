/* lock.c - writing lab.lock and comparing it. */
#include "cmd/lab/lock.h"
#include "cmd/lab/output.h"
#include "net/http.h"

static int ask(struct cli *c, const struct lab_image *i, bool upstream, struct json **ret,
	struct err *e)
{
	_cleanup_free_ char *tag = http_escape(i->tag);
	_cleanup_free_ char *path = strf(
		"/v1/packages?image=%s&upstream=%s", tag, upstream ? "true" : "false");

	progress(c, "%s %s", upstream ? "what has changed for" : "what is in", i->name);
	int r = client_call(c->client, "GET", path, NULL, ret, e);
	return r < 0 ? err_wrap(e, "%s", i->name) : 0;
}

/* --- writing --- */

static bool below_has(const struct lab_image *i, struct json *const *known, const char *package,
	const char *version)
{
	for (size_t k = 0; k < i->n_needs; k++) {
		const struct json *packages = json_get(known[i->needs[k]], "packages");

		if (streq(json_str_or(json_get(packages, package), ""), version))
			return true;
	}
	return false;
}

static size_t put_image(struct json_writer *w, const struct lab_image *i,
	const struct json *answer, struct json *const *known)
{
	const struct json *packages = json_get(answer, "packages");
	size_t n = 0;

	json_object(w, NULL);
	json_put_str(w, "name", i->name);
	json_put_str(w, "digest", i->foreign ? json_str(json_get(answer, "digest")) : NULL);
	json_object(w, "packages");
	for (size_t k = 0; k < json_len(packages); k++) {
		const char *version = json_str_or(json_at(packages, k), "");

		if (below_has(i, known, json_key(packages, k), version))
			continue;
		json_put_str(w, json_key(packages, k), version);
		n++;
	}
	json_end(w);
	json_end(w);
	return n;
}

int lock_write(struct cli *c, const struct lab_images *images, struct buf *out,
	size_t *ret_packages, struct err *e)
{
	_cleanup_free_ struct json **known = xcalloc(images->n + 1, sizeof(struct json *));
	struct json_writer w;
	size_t n = 0;
	int r = 0;

	json_begin(&w, out, true);
	json_object(&w, NULL);
	json_put_str(&w, "schema", "labyard/lock/v1");
	json_array(&w, "images");
	for (size_t i = 0; r == 0 && i < images->n; i++) {
		r = ask(c, &images->items[i], false, &known[i], e);
		if (r == 0)
			n += put_image(&w, &images->items[i], known[i], known);
	}
	json_end(&w);
	json_end(&w);
	for (size_t i = 0; i < images->n; i++)
		json_free(known[i]);
	progress_clear(c);
	*ret_packages = n;
	(void)buf_adds(out, "\n"); /* out->full tells */
	return r == 0 && out->full ? err_set(e, ERR_LIMIT, "the lock is too large") : r;
}

/* --- comparing --- */

static void add(struct lock_moves *m, const char *image, const char *package, const char *locked,
	const char *now)
{
	ARRAY_GROW(m->items, m->n, m->cap);
	m->items[m->n++] = (struct lock_move){
		xstrdup(image), xstrdup(package), xstrdup(locked), xstrdup(now)};
}

void lock_compare_image(struct lock_moves *m, const char *image, const struct json *locked,
	const struct json *now)
{
	const struct json *were = json_get(locked, "packages"), *are = json_get(now, "packages");
	const char *was = json_str(json_get(locked, "digest")),
		   *is = json_str(json_get(now, "digest"));

	if (was && is && !streq(was, is))
		add(m, image, "", was, is);
	for (size_t i = 0; i < json_len(were); i++) {
		const char *package = json_key(were, i),
			   *version = json_str_or(json_at(were, i), "-"),
			   *today = json_str_or(json_get(are, package), "-");

		if (!streq(version, today))
			add(m, image, package, version, today);
	}
}

static const struct json *entry(const struct json *lock, const char *image)
{
	const struct json *i;

	json_for_each(i, json_get(lock, "images"))
		if (streq(json_str_or(json_get(i, "name"), ""), image))
			return i;
	return NULL;
}

static bool stands_on(const struct lab_images *images, const char *name)
{
	for (size_t i = 0; i < images->n; i++)
		if (streq(images->items[i].name, name))
			return true;
	return false;
}

/* An image that brings nothing of its own, and is of no registry, has no upstream. */
static int compare_image(struct cli *c, const struct lab_image *i, const struct json *locked,
	struct lock_moves *ret, struct err *e)
{
	_cleanup_(json_freep) struct json *now = NULL;

	if (!json_len(json_get(locked, "packages")) && !json_str(json_get(locked, "digest")))
		return 0;
	int r = ask(c, i, true, &now, e);
	if (r == 0)
		lock_compare_image(ret, i->name, locked, now);
	return r;
}

int lock_compare(struct cli *c, const struct lab_images *images, const struct json *lock,
	struct lock_moves *ret, struct err *e)
{
	const struct json *old;
	int r = 0;

	for (size_t i = 0; r == 0 && i < images->n; i++) {
		const struct json *locked = entry(lock, images->items[i].name);

		if (locked)
			r = compare_image(c, &images->items[i], locked, ret, e);
		else
			add(ret, images->items[i].name, "", "-", "an image of the lab");
	}
	json_for_each(old, json_get(lock, "images")) {
		const char *name = json_str_or(json_get(old, "name"), "?");

		if (!stands_on(images, name))
			add(ret, name, "", "an image of the lab", "-");
	}
	progress_clear(c);
	return r;
}

void lock_moves_done(struct lock_moves *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->items[i].image);
		free(m->items[i].package);
		free(m->items[i].locked);
		free(m->items[i].now);
	}
	free(m->items);
}
