/* place.c - a place in a lab as users write it. */
#include "cmd/lab/place.h"

#include "base/str.h"

void place_parse(struct place *p, const char *word)
{
	const char *root = strstr(word, ":/"), *colon = strchr(word, ':'),
		   *slash = strchr(word, '/');

	*p = (struct place){0};
	/* No slash before the path, and at most two names. */
	if (!root || slash < root || (colon < root && strchr(colon + 1, ':') != root)) {
		p->path = xstrdup(word);
		return;
	}
	p->remote = true;
	p->path = xstrdup(root + 1);
	if (colon > word)
		p->session = xstrndup(word, (size_t)(colon - word));
	if (colon < root && root > colon + 1)
		p->service = xstrndup(colon + 1, (size_t)(root - colon - 1));
}

void place_done(struct place *p)
{
	free(p->session);
	free(p->service);
	free(p->path);
}
