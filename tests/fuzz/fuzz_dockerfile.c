/*
 * fuzz_dockerfile.c - no text may break the scanner of Dockerfiles; what it finds is in the text at
 * the place it says, and a text whose images were replaced names exactly the new ones.
 */
#include "base/str.h"
#include "lab/dockerfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool promise)
{
	if (!promise)
		abort();
}

static void check_places(const struct dockerfile *d, const char *text)
{
	size_t end = 0;

	for (size_t i = 0; i < d->n; i++) {
		const struct docker_ref *r = &d->refs[i];

		must(r->at >= end && r->line >= 1);
		must(strlen(r->image) == r->len && memcmp(text + r->at, r->image, r->len) == 0);
		end = r->at + r->len;
	}
}

static void check_replaced(const struct dockerfile *d, const char *text)
{
	_cleanup_free_ const char **names = xcalloc(d->n + 1, sizeof(*names));
	_cleanup_(dockerfile_done) struct dockerfile again = {0};
	int line;

	for (size_t i = 0; i < d->n; i++)
		names[i] = "labyard/fuzz:0123456789abcdef0123";
	_cleanup_free_ char *changed = dockerfile_replace(d, text, names);
	must(dockerfile_scan(&again, changed, &line, NULL) == 0);
	must(again.n == d->n);
	for (size_t i = 0; i < again.n; i++)
		must(streq(again.refs[i].image, names[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, n);
	_cleanup_(dockerfile_done) struct dockerfile d = {0};
	int line = 0;

	if (dockerfile_scan(&d, text, &line, NULL) < 0)
		return 0;
	check_places(&d, text);
	check_replaced(&d, text);
	return 0;
}
