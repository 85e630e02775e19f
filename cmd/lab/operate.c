/* operate.c - `lab doctor` and `lab gc`: is this machine fit for labs, and what is left over? */
#include "cmd/lab/client.h"
#include "cmd/lab/output.h"

#include <inttypes.h>

/* --- doctor --- */

static const char *status_color(const char *status)
{
	return streq(status, "OK") ? "green" : streq(status, "WARN") ? "yellow" : "red";
}

/* What was found, then what to do about it. */
static void print_checks(struct cli *c, const struct json *checks)
{
	static const char *const heads[] = {"CHECK", "STATUS", "REASON"};
	struct table *t = table_new(c, heads, ARRAY_SIZE(heads));
	const struct json *k;

	json_for_each(k, checks) {
		const char *status = json_str_or(json_get(k, "status"), "?");

		table_row(t, json_str_or(json_get(k, "name"), "?"), status,
			json_str_or(json_get(k, "reason"), ""), NULL);
		table_color(t, 1, status_color(status));
	}
	table_print(t);
	json_for_each(k, checks) {
		const char *remedy = json_str(json_get(k, "remedy"));
		_cleanup_free_ char *shown = visible(remedy);

		if (remedy && !streq(json_str_or(json_get(k, "status"), ""), "OK"))
			printf("\n%s: %s\n", json_str_or(json_get(k, "name"), "?"), shown);
	}
}

int cmd_doctor(struct cli *c, int argc, char **argv)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	const struct json *check;
	struct client *k;
	struct err e = ERR_NONE;
	bool bad = false;

	if (argc)
		return fail_usage(c, "'%s' is one word too many", argv[0]);
	if (client_open(&k, c, &e) < 0)
		return fail(c, &e);
	progress(c, "looking");
	if (client_call(k, "GET", "/v1/doctor", NULL, &doc, &e) < 0)
		return fail(c, &e);
	progress_clear(c);
	if (!print_list(c, doc, json_get(doc, "checks"), "name"))
		print_checks(c, json_get(doc, "checks"));
	json_for_each(check, json_get(doc, "checks"))
		bad |= streq(json_str_or(json_get(check, "status"), ""), "FAIL");
	return bad ? 1 : 0;
}

/* --- gc --- */

static int sweep(struct cli *c, bool apply, int64_t older_ms, struct json **ret)
{
	_cleanup_buf_ struct buf body = BUF(256);
	struct json_writer w;
	struct err e = ERR_NONE;

	json_begin(&w, &body, false);
	json_object(&w, NULL);
	json_put_bool(&w, "apply", apply);
	if (older_ms)
		json_put_int(&w, "older_ms", older_ms);
	json_end(&w);
	return client_call(c->client, "POST", "/v1/gc", &body, ret, &e) < 0 ? fail(c, &e) : 0;
}

static void print_items(struct cli *c, const struct json *items)
{
	static const char *const heads[] = {"KIND", "NAME", "SESSION", "WHY"};
	struct table *t = table_new(c, heads, ARRAY_SIZE(heads));
	const struct json *i;

	json_for_each(i, items)
		table_row(t, json_str_or(json_get(i, "kind"), "?"),
			json_str_or(json_get(i, "name"), "?"),
			json_str_or(json_get(i, "session"), "-"),
			json_str_or(json_get(i, "why"), ""), NULL);
	table_print(t);
}

/* What would go is shown before anything goes. */
static int may_sweep(struct cli *c, int64_t older_ms)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	int r;

	if (c->yes)
		return 0;
	r = sweep(c, false, older_ms, &doc);
	if (r != 0 || json_len(json_get(doc, "items")) == 0)
		return r;
	print_items(c, json_get(doc, "items"));
	return confirm(c, "remove all this?");
}

int cmd_gc(struct cli *c, int argc, char **argv)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	const char *older = option_value(c, "older");
	bool apply = option_given(c, "apply");
	int64_t older_ms = 0;
	struct client *k;
	struct err e = ERR_NONE;
	int r;

	if (argc)
		return fail_usage(c, "'%s' is one word too many", argv[0]);
	if (older && str_duration_ms(older, &older_ms, &e) < 0)
		return fail_usage(c, "--older: %s", e.text);
	if (client_open(&k, c, &e) < 0)
		return fail(c, &e);
	r = apply ? may_sweep(c, older_ms) : 0;
	if (r == 0)
		r = sweep(c, apply, older_ms, &doc);
	if (r != 0)
		return r;
	const struct json *items = json_get(doc, "items");
	if (!print_list(c, doc, items, "name") && json_len(items) && (!apply || c->yes))
		print_items(c, items);
	if (!json_len(items))
		progress_keep(c, "nothing is left over");
	else if (apply)
		progress_keep(c, "%zu removed", json_len(items));
	else
		advise(c, "'lab gc --apply' removes them");
	return 0;
}
