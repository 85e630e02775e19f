/* cmd_hint.c - `lab hint TASK`: what it costs, then what it says. */
#include "cmd/lab/client.h"
#include "cmd/lab/markdown.h"
#include "cmd/lab/output.h"

#include <inttypes.h>

static const char *state_of(const struct json *h)
{
	return json_bool(json_get(h, "bought"), false)   ? "yours"
	       : json_bool(json_get(h, "locked"), false) ? "after the one before"
							 : "to be had";
}

static int list(struct cli *c, const struct json *doc)
{
	static const char *const heads[] = {"HINT", "COST", "THEN AT MOST", "STATE"};
	const struct json *h;

	if (print_list(c, doc, json_get(doc, "hints"), "hint"))
		return 0;
	struct table *t = table_new(c, heads, ARRAY_SIZE(heads));
	json_for_each (h, json_get(doc, "hints")) {
		_cleanup_free_ char *cost = points(json_int(json_get(h, "cost_m"), 0)),
				    *left = points(json_int(json_get(h, "attainable_m"), 0));

		table_row(t, json_str_or(json_get(h, "hint"), "?"), cost, left, state_of(h), NULL);
	}
	table_print(t);
	json_for_each (h, json_get(doc, "hints")) {
		const char *text = json_str(json_get(h, "text"));
		_cleanup_free_ char *plain = text ? markdown_plain(text, c->color) : NULL;

		if (plain)
			printf("\n%s: %s", json_str_or(json_get(h, "hint"), "?"), plain);
	}
	return 0;
}

/* The first that is not bought; it is the one the daemon would sell. */
static const struct json *next_hint(const struct json *hints, size_t *ret_place)
{
	for (size_t i = 0; i < json_len(hints); i++)
		if (!json_bool(json_get(json_at(hints, i), "bought"), false)) {
			*ret_place = i + 1;
			return json_at(hints, i);
		}
	return NULL;
}

static int64_t task_max(const struct json *session, const char *task)
{
	const struct json *t;

	json_for_each (t, json_get(session, "tasks"))
		if (streq(json_str_or(json_get(t, "id"), ""), task))
			return json_int(json_get(t, "max_m"), 0);
	return 0;
}

static int agree(struct cli *c, const struct json *session, const char *task,
	const struct json *hint, size_t place, size_t n)
{
	int64_t cost_m = json_int(json_get(hint, "cost_m"), 0);
	_cleanup_free_ char *cost = points(cost_m),
			    *left = points(json_int(json_get(hint, "attainable_m"), 0)),
			    *max = points(task_max(session, task));

	return cost_m == 0
		       ? 0
		       : confirm(c,
				 "%s: hint %zu of %zu \"%s\" costs %s points (the task can then "
				 "earn %s of %s). Buy?",
				 task, place, n, json_str_or(json_get(hint, "hint"), "?"), cost,
				 left, max);
}

static int buy(struct cli *c, const char *path, const struct json *hint)
{
	_cleanup_(json_freep) struct json *bought = NULL;
	_cleanup_buf_ struct buf body = BUF(1024);
	struct json_writer w;
	struct err e = ERR_NONE;

	json_begin(&w, &body, false);
	json_object(&w, NULL);
	json_put_str(&w, "hint", json_str(json_get(hint, "hint")));
	json_put_int(&w, "accept_m", json_int(json_get(hint, "cost_m"), 0));
	json_end(&w);
	if (client_call(c->client, "POST", path, &body, &bought, &e) < 0)
		return fail(c, &e);
	if (c->format == FORMAT_JSON) {
		print_json(c, bought);
		return 0;
	}
	_cleanup_free_ char *text =
		markdown_plain(json_str_or(json_get(bought, "text"), ""), c->color);
	fputs(text, stdout);
	return 0;
}

int cmd_hint(struct cli *c, int argc, char **argv)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	const struct json *s, *hint, *hints;
	struct client *k;
	struct err e = ERR_NONE;
	size_t place = 0;

	if (client_open(&k, c, &e) < 0 || client_session_word(k, &argc, &argv, &s, &e) < 0)
		return fail(c, &e);
	if (argc != 1)
		return fail_usage(c, argc ? "one task at a time" : "for which task?");
	_cleanup_free_ char *task = http_escape(argv[0]),
			    *path = strf("/v1/sessions/%s/hints/%s",
				    json_str_or(json_get(s, "name"), ""), task);
	if (client_call(k, "GET", path, NULL, &doc, &e) < 0)
		return fail(c, &e);
	if (option_given(c, "list"))
		return list(c, doc);
	hints = json_get(doc, "hints");
	hint = next_hint(hints, &place);
	if (!hint) {
		err_set(&e, ERR_NOT_FOUND,
			json_len(hints) ? "'%s' has no more hints: 'lab hint %s --list' shows yours"
					: "'%s' has no hints",
			argv[0], argv[0]);
		return fail(c, &e);
	}
	int r = agree(c, s, argv[0], hint, place, json_len(hints));
	return r != 0 ? r : buy(c, path, hint);
}
