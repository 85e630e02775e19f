/* forward.c - what a port forward is, as users write it. */
#include "cmd/lab/forward.h"

#include "base/str.h"

static int take_number(const char *word, int64_t min, int *ret, struct err *e)
{
	int64_t n;
	int r = str_int(word, min, 65535, &n, e);

	if (r == 0)
		*ret = (int)n;
	return r;
}

static const struct json *named(const struct json *ports, const char *name)
{
	const struct json *p;

	json_for_each(p, ports)
		if (streq(json_str_or(json_get(p, "name"), ""), name))
			return p;
	return NULL;
}

static int take_port(struct forward *f, const char *word, const struct json *ports, struct err *e)
{
	const struct json *p = named(ports, word);

	if (!p && (*word < '0' || *word > '9'))
		return err_set(e, ERR_NOT_FOUND,
			"the lab names no port '%s': 'lab port' lists them", word);
	if (!p)
		return take_number(word, 1, &f->port, e);
	f->port = (int)json_int(json_get(p, "port"), 0);
	if (!f->service)
		f->service = xstrdup(json_str_or(json_get(p, "service"), ""));
	return 0;
}

int forward_parse(struct forward *ret, const char *word, const struct json *ports, struct err *e)
{
	_cleanup_free_ char *copy = xstrdup(word);
	char *at = strchr(copy, '@'), *colon = strchr(copy, ':');
	struct forward f = {0};
	int r = 0;

	if (at)
		*at = '\0';
	if (colon && at && colon > at)
		r = err_set(e, ERR_USAGE, "'%s' is not [LOCAL:]PORT[@SERVICE]", word);
	if (r == 0 && at)
		f.service = xstrdup(at + 1);
	if (r == 0 && colon)
		*colon = '\0';
	if (r == 0)
		r = take_port(&f, colon ? colon + 1 : copy, ports, e);
	f.local = f.port;
	if (r == 0 && colon)
		r = take_number(copy, 0, &f.local, e);
	if (r < 0) {
		forward_done(&f);
		return r;
	}
	f.target = f.service ? strf("%s:%d", f.service, f.port) : strf("%d", f.port);
	*ret = f;
	return 0;
}

void forward_done(struct forward *f)
{
	free(f->service);
	free(f->target);
}
