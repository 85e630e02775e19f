/* labels.c - the labels by which objects are known as ours; names are the same on every engine. */
#include "engine/docker/docker.h"
#include "base/str.h"

void put_labels(struct json_writer *w, const char *key, const struct engine_labels *l)
{
	const struct {
		const char *name;
		int64_t value;
	} numbers[] = {
		{"labd.gen", l->gen},
		{"labd.intent", l->intent},
		{"labd.epoch", l->epoch},
		{"labd.expires", l->expires_s},
	};

	json_object(w, key);
	json_put_str(w, "labd.install", l->install);
	json_put_str(w, "labd.session", l->session ? l->session : "");
	json_put_str(w, "labd.role", l->role ? l->role : "");
	json_put_str(w, "labd.service", l->service ? l->service : "");
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		char text[24];

		(void)snprintf(text, sizeof(text), "%lld", (long long)numbers[i].value);
		json_put_str(w, numbers[i].name, text);
	}
	json_end(w);
}

static int64_t number(const struct json *labels, const char *name)
{
	const char *text = json_str_or(json_get(labels, name), "");
	int64_t v;

	return str_int(text, INT64_MIN, INT64_MAX, &v, NULL) == 0 ? v : 0;
}

bool read_labels(struct engine_object *ret, const struct json *labels, const char *install)
{
	if (!str_same(json_str(json_get(labels, "labd.install")), install))
		return false;
	ret->session = json_str_or(json_get(labels, "labd.session"), "");
	ret->role = json_str_or(json_get(labels, "labd.role"), "");
	ret->service = json_str_or(json_get(labels, "labd.service"), "");
	ret->gen = number(labels, "labd.gen");
	ret->intent = number(labels, "labd.intent");
	ret->epoch = number(labels, "labd.epoch");
	return true;
}

char *label_filter(const char *install, const char *session)
{
	_cleanup_free_ char *ours = strf("labd.install=%s", install), *escaped = NULL;
	_cleanup_free_ char *one = session ? strf("labd.session=%s", session) : NULL;
	_cleanup_buf_ struct buf b = BUF(4096);
	struct json_writer w;

	json_begin(&w, &b, false);
	json_object(&w, NULL);
	json_array(&w, "label");
	json_put_str(&w, NULL, ours);
	if (one)
		json_put_str(&w, NULL, one);
	json_end(&w);
	json_end(&w);
	escaped = http_escape(buf_str(&b));
	return strf("filters=%s", escaped);
}
