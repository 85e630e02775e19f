/*
 * change.c - verbs that ask for one change of a session: pause, resume, extend, reset, stop.
 */
#include "cmd/lab/client.h"
#include "cmd/lab/output.h"

#include <inttypes.h>

/* POST /v1/sessions/<name>/<verb>. Returns an exit code. */
static int change(struct cli *c, const char *name, const char *verb, const struct buf *body,
	struct json **ret)
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

static int open_session(struct cli *c, int argc, char **argv, const struct json **ret)
{
	struct client *k;
	struct err e = ERR_NONE;

	if (argc > 1)
		return fail_usage(c, "one session at a time");
	if (client_open(&k, c, &e) < 0 || client_session(k, argc ? argv[0] : NULL, ret, &e) < 0)
		return fail(c, &e);
	return 0;
}

/* --- waiting for the end of a change --- */

struct settling {
	char *state, *cause;
};

static bool settles(void *arg, const char *kind, const struct json *ev)
{
	static const char *const passing[] = {
		"queued", "starting", "resetting", "ending", "grading"};
	struct settling *w = arg;
	const struct json *d = json_get(ev, "data");

	if (!streq(kind, "state"))
		return true;
	str_set(&w->state, json_str(json_get(d, "state")));
	str_set(&w->cause, json_str(json_get(d, "cause")));
	for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
		if (str_same(w->state, passing[i]))
			return true;
	return false;
}

/*
 * Wait until a change has come to its end. `session` is the answer to the request, which may itself
 * have been the end of it.
 */
static int settle(struct cli *c, struct json **session, const char *wanted)
{
	const char *name = session_name(*session);
	struct settling w = {0};
	_cleanup_free_ char *path = strf("/v1/sessions/%s/events?follow=true", name),
			    *again = strf("/v1/sessions/%s", name);
	struct json *after = NULL;
	struct err e = ERR_NONE;

	if (streq(json_str_or(json_get(*session, "state"), ""), wanted))
		return 0;
	progress(c, "%s: %s", name, json_str_or(json_get(*session, "state"), ""));
	int r = client_follow(c->client, path, session_change(*session), FOLLOW_WORK,
		client_until_ms(c->client), settles, &w, &e);
	bool gone = r == 0 ? !w.state || streq(w.state, "gone") : e.code == ERR_NOT_FOUND;
	progress_clear(c);
	if (gone && streq(wanted, "gone"))
		r = 0;
	else if (r == 0 && !str_same(w.state, wanted))
		r = err_set(&e, ERR_STATE, "'%s' is %s%s%s", name, w.state ? w.state : "gone",
			w.cause && *w.cause ? ": " : "", w.cause ? w.cause : "");
	else if (r == 0 && client_call(c->client, "GET", again, NULL, &after, NULL) == 0) {
		json_free(*session);
		*session = after;
	}
	free(w.state);
	free(w.cause);
	if (r == 0)
		return 0;
	r = fail(c, &e);
	if (e.code == ERR_CANCELED || e.code == ERR_TIMEOUT)
		advise(c, "'%s' goes on with it: 'lab status' shows it", name);
	return r;
}

/* --- pause, resume, extend --- */

int cmd_pause(struct cli *c, int argc, char **argv)
{
	_cleanup_(json_freep) struct json *after = NULL;
	const struct json *s;
	int r = open_session(c, argc, argv, &s);

	if (r == 0)
		r = change(c, session_name(s), "pause", NULL, &after);
	if (r == 0)
		r = settle(c, &after, "paused");
	if (r == 0)
		print_changed(c, after);
	return r;
}

int cmd_resume(struct cli *c, int argc, char **argv)
{
	_cleanup_(json_freep) struct json *after = NULL;
	const struct json *s;
	int r = open_session(c, argc, argv, &s);

	if (r == 0)
		r = change(c, session_name(s), "resume", NULL, &after);
	if (r != 0)
		return r;
	if (!streq(json_str_or(json_get(after, "state"), ""), "ready"))
		return start_follow(c, after);
	print_changed(c, after);
	return 0;
}

int cmd_extend(struct cli *c, int argc, char **argv)
{
	_cleanup_(json_freep) struct json *after = NULL;
	const struct json *s;
	_cleanup_buf_ struct buf body = BUF(128);
	int64_t by_ms = 0;
	int r;

	if (argc && argv[argc - 1][0] >= '0' && argv[argc - 1][0] <= '9' &&
		str_duration_ms(argv[argc - 1], &by_ms, NULL) == 0)
		argc--;
	r = open_session(c, argc, argv, &s);
	(void)buf_addf(&body, "{\"by_ms\":%" PRId64 "}", by_ms); /* fits */
	if (r == 0)
		r = change(c, session_name(s), "extend", &body, &after);
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
	_cleanup_(json_freep) struct json *after = NULL;
	const struct json *s;
	_cleanup_buf_ struct buf body = BUF(512);
	const char *service = option_value(c, "service");
	struct json_writer w;
	int r = open_session(c, argc, argv, &s);

	if (r == 0)
		r = service ? confirm(c,
				      "'%s': what service %s has done is lost, but on volumes "
				      "that others mount. Reset?",
				      session_name(s), service)
			    : confirm(c, "'%s': everything done in the lab is lost. Reset?",
				      session_name(s));
	if (r != 0)
		return r;
	json_begin(&w, &body, false);
	json_object(&w, NULL);
	if (service)
		json_put_str(&w, "service", service);
	json_end(&w);
	r = change(c, session_name(s), "reset", &body, &after);
	return r != 0 ? r : start_follow(c, after);
}

/* --- stop --- */

static int stop_one(struct cli *c, const char *name)
{
	_cleanup_(json_freep) struct json *after = NULL;
	_cleanup_buf_ struct buf body = BUF(64);
	bool discard = option_given(c, "discard");

	(void)buf_addf(&body, "{\"discard\":%s}", discard ? "true" : "false"); /* fits */
	int r = change(c, name, "stop", &body, &after);
	if (r == 0 && !c->no_wait)
		r = settle(c, &after, discard ? "gone" : "stopped");
	if (r == 0)
		print_changed(c, after);
	return r;
}

static int may_discard(struct cli *c, const char *what)
{
	return option_given(c, "discard") ? confirm(c, "discard all work in %s?", what) : 0;
}

static int stop_all(struct cli *c)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	const struct json *s;
	struct client *k;
	struct err e = ERR_NONE;
	int r = may_discard(c, "all labs");

	if (r != 0)
		return r;
	if (client_open(&k, c, &e) < 0 || client_call(k, "GET", "/v1/sessions", NULL, &doc, &e) < 0)
		return fail(c, &e);
	json_for_each (s, json_get(doc, "sessions")) {
		int one = stop_one(c, session_name(s)); /* the others go all the same */

		r = r ? r : one;
		if (one == err_exit(ERR_CANCELED))
			break;
	}
	return r;
}

int cmd_stop(struct cli *c, int argc, char **argv)
{
	const struct json *s;
	int r;

	if (option_given(c, "all"))
		return argc ? fail_usage(c, "either a session or --all") : stop_all(c);
	r = open_session(c, argc, argv, &s);
	if (r != 0)
		return r;
	_cleanup_free_ char *what = strf("'%s'", session_name(s));
	r = may_discard(c, what);
	return r != 0 ? r : stop_one(c, session_name(s));
}
