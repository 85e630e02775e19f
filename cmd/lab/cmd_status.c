/* cmd_status.c - `lab status`: what is running, and what happens to it next. */
#include "cmd/lab/client.h"
#include "cmd/lab/output.h"

#include <inttypes.h>

static char *next_action(const struct json *s)
{
	const struct json *next = json_path(s, "limits.next"),
			  *activity = json_path(s, "limits.last_activity");

	if (json_type(next) != JSON_OBJECT)
		return xstrdup("-");
	_cleanup_free_ char *at = local_time(json_str(json_get(next, "at"))),
			    *last = local_time(json_str(json_get(activity, "at"))),
			    *source = visible(json_str(json_get(activity, "source")));
	return strf("%s %s (%s; last activity %s, %s)", json_str_or(json_get(next, "action"), "?"),
		at, json_str_or(json_get(next, "rule"), "?"), last, source);
}

static char *state_text(const struct json *s)
{
	const struct json *away = json_get(s, "unreachable");
	const char *state = json_str_or(json_get(s, "state"), "?");
	int64_t place = json_int(json_get(s, "queue_place"), 0);

	if (json_type(away) == JSON_OBJECT)
		return strf("%s (unreachable for %s)", state,
			str_human_ms(json_int(json_get(away, "for_ms"), 0)));
	return place ? strf("%s (place %" PRId64 ")", state, place)
		     : strf("%s%s", state,
			       json_bool(json_get(s, "tainted"), false) ? " (tainted)" : "");
}

static void print_sessions(struct cli *c, const struct json *list)
{
	static const char *const heads[] = {
		"SESSION", "STATE", "READY", "LEFT", "POINTS", "NEXT ACTION"};
	struct table *t = table_new(c, heads, ARRAY_SIZE(heads));
	const struct json *s;

	json_for_each (s, list) {
		int64_t left = json_int(json_path(s, "limits.left_ms"), -1);
		_cleanup_free_ char *state = state_text(s), *next = next_action(s),
				    *ready = strf("%" PRId64 "/%" PRId64,
					    json_int(json_get(s, "services_ready"), 0),
					    json_int(json_get(s, "services_wanted"), 0)),
				    *earned = points(json_int(json_path(s, "points.earned_m"), 0)),
				    *max = points(json_int(json_path(s, "points.max_m"), 0)),
				    *pts = strf("%s/%s", earned, max);

		table_row(t, json_str_or(json_get(s, "name"), "?"), state, ready,
			left < 0 ? "-" : str_human_ms(left), pts, next, NULL);
	}
	table_print(t);
	json_for_each (s, list)
		if (streq(json_str_or(json_get(s, "state"), ""), "failed"))
			advise(c, "'%s' is failed: %s", json_str_or(json_get(s, "name"), "?"),
				json_str_or(json_get(s, "cause"), ""));
}

static void print_services(struct cli *c, const struct json *s)
{
	static const char *const heads[] = {"SERVICE", "STATE", "NOTE"};
	struct table *t = table_new(c, heads, ARRAY_SIZE(heads));
	const struct json *v;

	json_for_each (v, json_get(s, "services")) {
		bool idle = json_bool(json_get(v, "on_demand"), false) &&
			    streq(json_str_or(json_get(v, "state"), ""), "absent");

		table_row(t, json_str_or(json_get(v, "name"), "?"),
			idle ? "for checks" : json_str_or(json_get(v, "state"), "?"),
			json_str_or(json_get(v, "note"), ""), NULL);
	}
	table_print(t);
}

static void print_tasks(struct cli *c, const struct json *s)
{
	static const char *const heads[] = {"TASK", "LAST", "POINTS", "TITLE"};
	struct table *t = table_new(c, heads, ARRAY_SIZE(heads));
	const struct json *task;

	json_for_each (task, json_get(s, "tasks")) {
		const char *last = json_str(json_get(task, "last"));
		int64_t hints = json_int(json_get(task, "hints_bought"), 0);
		_cleanup_free_ char *attain = points(json_int(json_get(task, "attainable_m"), 0)),
				    *pts = hints ? strf("%s attainable (%" PRId64 " hint%s)",
							   attain, hints, hints > 1 ? "s" : "")
						 : strf("%s attainable", attain);

		table_row(t, json_str_or(json_get(task, "id"), "?"), verdict_mark(last), pts,
			json_str_or(json_get(task, "title"), ""), NULL);
		table_color(t, 1, verdict_color(last));
	}
	table_print(t);
}

static void print_ports(const struct json *s)
{
	const struct json *p;
	const char *lead = "ports:";

	json_for_each (p, json_get(s, "ports")) {
		printf("%s %s (%s:%" PRId64 ")", lead, json_str_or(json_get(p, "name"), "?"),
			json_str_or(json_get(p, "service"), "?"), json_int(json_get(p, "port"), 0));
		lead = ",";
	}
	if (*lead == ',')
		putchar('\n');
}

static void print_one(struct cli *c, const struct json *s)
{
	_cleanup_free_ char *next = next_action(s),
			    *cause = visible(json_str(json_get(s, "cause"))),
			    *state = state_text(s);
	int64_t left = json_int(json_path(s, "limits.left_ms"), -1);

	printf("%s  %s%s%s\n", json_str_or(json_get(s, "name"), "?"), state, *cause ? ": " : "",
		cause);
	if (left >= 0)
		printf("left %s, %" PRId64 " extension(s) of %s\n", str_human_ms(left),
			json_int(json_path(s, "limits.extensions_left"), 0),
			str_human_ms(json_int(json_path(s, "limits.extend_by_ms"), 0)));
	if (!streq(next, "-"))
		printf("next: %s\n", next);
	print_ports(s);
	putchar('\n');
	print_services(c, s);
	putchar('\n');
	print_tasks(c, s);
}

static int show_one(struct cli *c, const char *word, const struct json **ret)
{
	struct err e = ERR_NONE;

	if (client_session(c->client, word, ret, &e) < 0)
		return fail(c, &e);
	if (c->format == FORMAT_JSON)
		print_json(c, *ret);
	else if (c->format == FORMAT_NAME)
		puts(json_str_or(json_get(*ret, "name"), ""));
	else
		print_one(c, *ret);
	return 0;
}

/* --- --watch: lines as things happen --- */

static bool changed(void *arg, const char *kind, const struct json *ev)
{
	return streq(kind, "progress") || event_print(arg, ev);
}

static int watch(struct cli *c, const char *word)
{
	const struct json *s = NULL;
	struct err e = ERR_NONE;
	int r = word ? show_one(c, word, &s) : 0;

	if (r != 0)
		return r;
	_cleanup_free_ char *path = word ? strf("/v1/sessions/%s/events?follow=true",
						   json_str_or(json_get(s, "name"), ""))
					 : xstrdup("/v1/events?follow=true");
	(void)fflush(stdout);
	r = client_follow(
		c->client, path, -1, FOLLOW_WATCH, client_until_ms(c->client), changed, c, &e);
	return r < 0 ? fail(c, &e) : 0;
}

int cmd_status(struct cli *c, int argc, char **argv)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	const struct json *one;
	struct client *k;
	struct err e = ERR_NONE;

	if (argc > 1)
		return fail_usage(c, "one session at a time");
	if (client_open(&k, c, &e) < 0)
		return fail(c, &e);
	if (option_given(c, "watch"))
		return watch(c, argc ? argv[0] : NULL);
	if (argc)
		return show_one(c, argv[0], &one);
	if (client_call(k, "GET", "/v1/sessions", NULL, &doc, &e) < 0)
		return fail(c, &e);
	if (print_list(c, doc, json_get(doc, "sessions"), "name"))
		return 0;
	if (json_len(json_get(doc, "sessions")))
		print_sessions(c, json_get(doc, "sessions"));
	else
		advise(c,
			"no lab is started: 'lab catalog' lists labs, 'lab start LAB' starts one");
	return 0;
}
