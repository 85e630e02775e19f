/* cmd_history.c - `lab history`: grades of the past, and their records. */
#include "cmd/lab/client.h"
#include "cmd/lab/output.h"

#include <inttypes.h>

static const char *result_of(const struct json *g)
{
	const char *state = json_str_or(json_get(g, "state"), "?");

	if (!streq(state, "done"))
		return state;
	return json_bool(json_get(g, "passed"), false) ? "passed" : "not passed";
}

static void print_grades(struct cli *c, const struct json *grades)
{
	static const char *const heads[] = {
		"RUN", "WHEN", "LAB", "ATTEMPT", "RESULT", "PERCENT", "TRUST"};
	struct table *t = table_new(c, heads, ARRAY_SIZE(heads));
	const struct json *g;

	json_for_each(g, grades) {
		const struct json *share = json_get(g, "percent_bp");
		_cleanup_free_ char *run = strf("%" PRId64, json_int(json_get(g, "run"), 0)),
				    *attempt =
					    strf("%" PRId64, json_int(json_get(g, "attempt"), 0)),
				    *when = local_time(json_str(json_get(g, "started_at"))),
				    *pct = json_type(share) == JSON_INT
						   ? percent(json_int(share, 0))
						   : xstrdup("-");

		table_row(t, run, when, json_str_or(json_get(g, "lab"), "?"), attempt, result_of(g),
			pct, json_str_or(json_get(g, "trust_min"), "-"), NULL);
		table_color(t, 4,
			streq(result_of(g), "passed")       ? "green"
			: streq(result_of(g), "not passed") ? "red"
							    : "yellow");
	}
	table_print(t);
}

static int print_receipt(struct cli *c, const char *word)
{
	_cleanup_buf_ struct buf text = BUF(16 << 20);
	int64_t run;
	struct err e = ERR_NONE;

	if (str_int(word, 1, INT64_MAX, &run, &e) < 0)
		return fail_usage(c, "--receipt: %s", e.text);
	_cleanup_free_ char *path = strf("/v1/runs/%" PRId64 "/receipt", run);
	if (client_raw(c->client, path, &text, &e) < 0)
		return fail(c, &e);
	return fwrite(buf_str(&text), 1, text.len, stdout) == text.len ? 0 : 4;
}

int cmd_history(struct cli *c, int argc, char **argv)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	const char *limit = option_value(c, "limit"), *receipt = option_value(c, "receipt");
	const struct json *g;
	struct client *k;
	struct err e = ERR_NONE;
	int64_t n = 100;

	if (argc > 1 || (argc && receipt))
		return fail_usage(c, receipt ? "a run needs no lab" : "one lab at a time");
	if (limit && str_int(limit, 1, 1000, &n, &e) < 0)
		return fail_usage(c, "--limit: %s", e.text);
	if (client_open(&k, c, &e) < 0)
		return fail(c, &e);
	if (receipt)
		return print_receipt(c, receipt);
	_cleanup_free_ char *lab = argc ? http_escape(argv[0]) : NULL,
			    *path = strf("/v1/history?limit=%" PRId64 "%s%s", n, lab ? "&lab=" : "",
				    lab ? lab : "");
	if (client_call(k, "GET", path, NULL, &doc, &e) < 0)
		return fail(c, &e);
	if (c->format == FORMAT_JSON) {
		print_json(c, doc);
	} else if (c->format == FORMAT_NAME) {
		json_for_each(g, json_get(doc, "grades"))
			printf("%" PRId64 "\n", json_int(json_get(g, "run"), 0));
	} else if (json_len(json_get(doc, "grades"))) {
		print_grades(c, json_get(doc, "grades"));
	} else {
		advise(c, "nothing was graded yet: 'lab grade' does it");
	}
	return 0;
}
