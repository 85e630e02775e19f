/* change.c - verbs that ask for one change of a session: pause, resume, stop, extend, reset. */
#include "base/clock.h"
#include "cmd/lab/client.h"
#include "cmd/lab/output.h"

#include <inttypes.h>

/* POST /v1/sessions/<name>/<verb>; prints the name (or the session with -o json). */
static int change(struct cli *c, const char *name, const char *verb, const struct buf *body, struct json **ret)
{
	_cleanup_free_ char *path = strf("/v1/sessions/%s/%s", name, verb);
	struct err e = ERR_NONE;

	return client_call(c->client, "POST", path, body, ret, &e) < 0 ? fail(c, &e) : 0;
}

static void print_changed(struct cli *c, const struct json *s)
{
	if (c->format == FORMAT_JSON)
		print_json(c, s);
	else
		puts(json_str_or(json_get(s, "name"), ""));
}

static int open_session(struct cli *c, int argc, char **argv, struct json **ret)
{
	struct client *k;
	struct err e = ERR_NONE;

	if (argc > 1)
		return fail_usage(c, "one session at a time");
	if (client_open(&k, c, true, &e) < 0 || client_session(k, argc ? argv[0] : NULL, ret, &e) < 0)
		return fail(c, &e);
	return 0;
}

static int plain_change(struct cli *c, int argc, char **argv, const char *verb)
{
	_cleanup_(json_freep) struct json *s = NULL, *after = NULL;
	int r = open_session(c, argc, argv, &s);

	if (r == 0)
		r = change(c, json_str_or(json_get(s, "name"), ""), verb, NULL, &after);
	if (r == 0)
		print_changed(c, after);
	return r;
}

int cmd_pause(struct cli *c, int argc, char **argv)
{
	return plain_change(c, argc, argv, "pause");
}

int cmd_resume(struct cli *c, int argc, char **argv)
{
	_cleanup_(json_freep) struct json *s = NULL, *after = NULL;
	int64_t since_ms = clock_wall_ms(&clock_system);
	int r = open_session(c, argc, argv, &s);

	if (r == 0)
		r = change(c, json_str_or(json_get(s, "name"), ""), "resume", NULL, &after);
	if (r != 0)
		return r;
	if (!streq(json_str_or(json_get(after, "state"), ""), "ready"))
		return start_follow(c, json_str_or(json_get(after, "name"), ""), since_ms);
	print_changed(c, after);
	return 0;
}

/* --- extend --- */

int cmd_extend(struct cli *c, int argc, char **argv)
{
	_cleanup_(json_freep) struct json *s = NULL, *after = NULL;
	_cleanup_buf_ struct buf body = BUF(128);
	int64_t by_ms = 0;
	int r;

	if (argc && argv[argc - 1][0] >= '0' && argv[argc - 1][0] <= '9' && str_duration_ms(argv[argc - 1], &by_ms, NULL) == 0)
		argc--;
	r = open_session(c, argc, argv, &s);
	(void)buf_addf(&body, "{\"by_ms\":%" PRId64 "}", by_ms);
	if (r == 0)
		r = change(c, json_str_or(json_get(s, "name"), ""), "extend", &body, &after);
	if (r != 0)
		return r;
	if (c->format == FORMAT_JSON)
		print_json(c, after);
	else
		puts(json_str_or(json_path(after, "limits.expires_at"), ""));
	return 0;
}

/* --- reset --- */

int cmd_reset(struct cli *c, int argc, char **argv)
{
	_cleanup_(json_freep) struct json *s = NULL, *after = NULL;
	_cleanup_buf_ struct buf body = BUF(512);
	const char *service = option_value(c, "service");
	struct json_writer w;
	int64_t since_ms = clock_wall_ms(&clock_system);
	int r = open_session(c, argc, argv, &s);

	if (r != 0)
		return r;
	const char *name = json_str_or(json_get(s, "name"), "");
	enum answer a = ask(c, "'%s': everything done in %s%s is lost. Reset?", name, service ? "service " : "the lab", service ? service : "");
	if (a == ANSWER_CANNOT)
		return fail_usage(c, "a reset discards work: say --yes");
	if (a == ANSWER_NO)
		return 2;
	json_begin(&w, &body, false);
	json_object(&w, NULL);
	if (service)
		json_put_str(&w, "service", service);
	json_end(&w);
	r = change(c, name, "reset", &body, &after);
	return r != 0 ? r : start_follow(c, name, since_ms);
}

/* --- stop --- */

static bool gone(void *arg, const char *kind, const struct json *ev)
{
	const char *state = json_str_or(json_path(ev, "data.state"), "");

	return !(streq(kind, "state") && streq(state, "gone"));
}

static int stop_one(struct cli *c, const char *name)
{
	_cleanup_(json_freep) struct json *after = NULL;
	_cleanup_buf_ struct buf body = BUF(64);
	bool discard = option_given(c, "discard");
	struct err e = ERR_NONE;

	(void)buf_addf(&body, "{\"discard\":%s}", discard ? "true" : "false");
	int r = change(c, name, "stop", &body, &after);
	if (r != 0)
		return r;
	if (discard && option_given(c, "wait")) {
		_cleanup_free_ char *path = strf("/v1/sessions/%s/events?follow=true", name);

		progress(c, "removing %s", name);
		r = client_follow(c->client, path, c->timeout_ms, gone, c, &e);
		if (r < 0 && e.code != ERR_NOT_FOUND) /* it may be gone before we look */
			return fail(c, &e);
		progress_clear(c);
	}
	print_changed(c, after);
	return 0;
}

static int may_discard(struct cli *c, const char *what)
{
	if (!option_given(c, "discard"))
		return 0;
	switch (ask(c, "discard all work in %s?", what)) {
	case ANSWER_YES:
		return 0;
	case ANSWER_CANNOT:
		return fail_usage(c, "--discard removes all work: say --yes");
	default:
		return 2;
	}
}

static int stop_all(struct cli *c)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	const struct json *s;
	struct client *k;
	struct err e = ERR_NONE;
	int r = 0;

	if (client_open(&k, c, true, &e) < 0 || client_call(k, "GET", "/v1/sessions", NULL, &doc, &e) < 0)
		return fail(c, &e);
	r = may_discard(c, "all labs");
	json_for_each(s, json_get(doc, "sessions"))
		if (r == 0)
			r = stop_one(c, json_str_or(json_get(s, "name"), ""));
	return r;
}

int cmd_stop(struct cli *c, int argc, char **argv)
{
	_cleanup_(json_freep) struct json *s = NULL;
	int r;

	if (option_given(c, "all"))
		return argc ? fail_usage(c, "either a session or --all") : stop_all(c);
	r = open_session(c, argc, argv, &s);
	if (r != 0)
		return r;
	_cleanup_free_ char *what = strf("'%s'", json_str_or(json_get(s, "name"), ""));
	r = may_discard(c, what);
	return r != 0 ? r : stop_one(c, json_str_or(json_get(s, "name"), ""));
}
