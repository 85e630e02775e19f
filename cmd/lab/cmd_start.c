/*
 * cmd_start.c - `lab start LAB`: create or resume, and show what happens until it is ready.
 */
#include "cmd/lab/client.h"
#include "cmd/lab/output.h"
#include "cmd/lab/remote.h"

#include <inttypes.h>

struct starting {
	struct cli *cli;
	char *state, *cause;
	enum err_code code; /* of a failure */
	struct buf log; /* last lines of what failed */
	char *log_of;
	struct buf ready; /* services that are ready, in order; where a line can be replaced */
};

static void say_progress(struct starting *s, const struct json *d)
{
	const char *phase = json_str_or(json_get(d, "phase"), ""),
		   *image = json_str(json_get(d, "image"));
	int64_t done = json_int(json_get(d, "bytes"), 0), total = json_int(json_get(d, "total"), 0);

	if (!image)
		return;
	if (total > 0)
		progress(s->cli, "%s %s: %s of %s", streq(phase, "pull") ? "pulling" : "building",
			image, str_human_size(done), str_human_size(total));
	else
		progress(s->cli, "%s %s: %s", streq(phase, "pull") ? "pulling" : "building", image,
			json_str_or(json_get(d, "line"), ""));
}

static void say_service(struct starting *s, const struct json *d)
{
	const char *name = json_str_or(json_get(d, "service"), "?"),
		   *state = json_str_or(json_get(d, "state"), "");

	if (!streq(state, "ready") && !streq(state, "done"))
		return;
	if (!s->cli->tty_err) {
		progress_keep(s->cli, "%s %s", name, state);
		return;
	}
	(void)buf_addf(&s->ready, "%s%s %s", s->ready.len ? " \u00b7 " : "", name, state);
	progress(s->cli, "%s", buf_str(&s->ready));
}

static void say_warning(struct starting *s, const struct json *d)
{
	const char *service = json_str(json_get(d, "service"));

	progress_keep(s->cli, "%s%s%s", service ? service : "", service ? ": " : "",
		json_str_or(json_get(d, "text"), ""));
}

/* Another definition came (lab preview). */
static void say_definition(struct starting *s, const struct json *d)
{
	const struct json *names = json_get(d, "recreated"), *name;
	_cleanup_buf_ struct buf text = BUF(4096);

	json_for_each(name, names)
		(void)buf_addf(&text, "%s%s", text.len ? ", " : "", json_str_or(name, "?"));
	if (json_bool(json_get(d, "anew"), false))
		progress_keep(s->cli, "the whole lab begins anew");
	else if (text.len)
		progress_keep(s->cli, "made anew: %s", buf_str(&text));
}

static void keep_log(struct starting *s, const struct json *d)
{
	const char *text = json_str_or(json_get(d, "text"), "");

	str_set(&s->log_of, json_str(json_get(d, "service")));
	buf_clear(&s->log);
	(void)buf_adds(&s->log, text);
}

/* False when the start has come to its end, good or bad. */
static bool event(void *arg, const char *kind, const struct json *ev)
{
	struct starting *s = arg;
	const struct json *d = json_get(ev, "data");

	if (streq(kind, "progress"))
		say_progress(s, d);
	else if (streq(kind, "service"))
		say_service(s, d);
	else if (streq(kind, "warning"))
		say_warning(s, d);
	else if (streq(kind, "log"))
		keep_log(s, d);
	else if (streq(kind, "definition"))
		say_definition(s, d);
	if (!streq(kind, "state"))
		return true;
	str_set(&s->state, json_str(json_get(d, "state")));
	str_set(&s->cause, json_str(json_get(d, "cause")));
	s->code = err_from_kind(json_str_or(json_get(d, "kind"), "engine"));
	if (streq(s->state, "queued"))
		progress(s->cli, "waiting for room on this machine");
	return streq(s->state, "queued") || streq(s->state, "starting") ||
	       streq(s->state, "resetting");
}

static void print_log(const struct starting *s)
{
	if (!s->log.len)
		return;
	_cleanup_(strv_freep) char **lines = strv_split(buf_str(&s->log), '\n');
	fprintf(stderr, "last lines of %s:\n", s->log_of ? s->log_of : "it");
	for (char **l = lines; *l; l++) {
		_cleanup_free_ char *shown = visible(*l);

		if (**l)
			fprintf(stderr, "  | %s\n", shown);
	}
}

/* "8 services": a one-shot that is done has run, and is not ready for anything. */
static char *count_ready(const struct json *session)
{
	const struct json *v;
	size_t n = 0;

	json_for_each(v, json_get(session, "services"))
		n += streq(json_str_or(json_get(v, "state"), ""), "ready");
	return strf("%zu service%s", n, n == 1 ? "" : "s");
}

static void say_ready(struct cli *c, const struct starting *s, const struct json *session)
{
	_cleanup_free_ char *services = count_ready(session);
	int64_t took = json_int(json_path(session, "startup.took_ms"), 0);
	_cleanup_free_ char *ends = local_time(json_str(json_path(session, "limits.expires_at")));

	progress_clear(c);
	if (s->ready.len)
		progress_keep(c, "%s", buf_str(&s->ready));
	progress_keep(c, "%s ready%s%s, ends at %s (extend: %" PRId64 " \u00d7 %s)", services,
		took ? " in " : "", took ? str_human_ms(took) : "", ends,
		json_int(json_path(session, "limits.extensions_left"), 0),
		str_human_ms(json_int(json_path(session, "limits.extend_by_ms"), 0)));
}

static int not_ready(const struct starting *s, const char *name, struct err *e)
{
	return err_set(e, s->state ? s->code : ERR_ENGINE, "'%s' is %s%s%s", name,
		s->state ? s->state : "gone", s->cause && *s->cause ? ": " : "",
		s->cause ? s->cause : "");
}

/* A lab that failed keeps its work until somebody decides. */
static int fail_start(struct cli *c, const struct starting *s, const char *name)
{
	_cleanup_free_ char *again = strf("'lab resume %s' tries again", name),
			    *away = strf("'lab stop --discard %s' removes it", name);
	char *advice[] = {again, away, NULL};
	struct err e;

	(void)not_ready(s, name, &e);
	return fail_with(c, &e, str_same(s->state, "failed") ? advice : NULL, NULL);
}

static int finish(struct cli *c, struct starting *s, const char *name)
{
	_cleanup_(json_freep) struct json *session = NULL;
	_cleanup_free_ char *path = strf("/v1/sessions/%s", name);
	struct err e = ERR_NONE;

	if (!s->state || !streq(s->state, "ready")) {
		progress_clear(c);
		print_log(s);
		return fail_start(c, s, name);
	}
	if (client_call(c->client, "GET", path, NULL, &session, &e) < 0)
		return fail(c, &e);
	say_ready(c, s, session);
	if (option_given(c, "shell"))
		return shell_open(c, name);
	progress_keep(c, "next: lab shell    lab check    lab status");
	if (c->format == FORMAT_JSON)
		print_json(c, session);
	else
		puts(name);
	return 0;
}

/* It was ready all along. */
static int start_ready(struct cli *c, const char *name)
{
	struct starting s = {.cli = c, .state = (char *)"ready"};

	return finish(c, &s, name);
}

/* Until it is up, or not. */
static int follow(struct starting *s, const struct json *session, struct err *e)
{
	_cleanup_free_ char *path =
		strf("/v1/sessions/%s/events?follow=true", session_name(session));

	return client_follow(s->cli->client, path, session_change(session), FOLLOW_WORK,
		client_until_ms(s->cli->client), event, s, e);
}

static void starting_done(struct starting *s)
{
	buf_done(&s->log);
	buf_done(&s->ready);
	free(s->state);
	free(s->cause);
	free(s->log_of);
}

int start_follow(struct cli *c, const struct json *session)
{
	const char *name = session_name(session);
	struct starting s = {.cli = c, .log = BUF(16384), .ready = BUF(4096)};
	struct err e = ERR_NONE;
	int r;

	if (follow(&s, session, &e) < 0) {
		r = fail(c, &e);
		if (e.code == ERR_CANCELED || e.code == ERR_TIMEOUT)
			advise(c, "'%s' goes on: 'lab status' shows it, 'lab stop' ends it", name);
	} else {
		r = finish(c, &s, name);
	}
	starting_done(&s);
	return r;
}

int start_await(struct cli *c, const struct json *session, struct json **ret, struct err *e)
{
	const char *name = session_name(session);
	struct starting s = {.cli = c, .log = BUF(16384), .ready = BUF(4096)};
	_cleanup_free_ char *path = strf("/v1/sessions/%s", name);
	int r = follow(&s, session, e);

	progress_clear(c);
	if (r == 0 && !str_same(s.state, "ready")) {
		print_log(&s);
		r = not_ready(&s, name, e);
	}
	if (r == 0)
		r = client_call(c->client, "GET", path, NULL, ret, e);
	if (r == 0)
		say_ready(c, &s, *ret);
	starting_done(&s);
	return r;
}

static void build_request(struct cli *c, const char *lab, struct buf *body)
{
	struct json_writer w;

	json_begin(&w, body, false);
	json_object(&w, NULL);
	json_put_str(&w, "lab", lab);
	if (option_given(c, "fresh"))
		json_put_bool(&w, "fresh", true);
	if (option_given(c, "seed"))
		json_put_str(&w, "seed", option_value(c, "seed"));
	if (option_given(c, "variant"))
		json_put_str(&w, "variant", option_value(c, "variant"));
	json_end(&w);
}

/* What is started, and where. */
static void say_begin(struct cli *c, const struct json *session)
{
	const struct json *engine = json_get(client_version(c->client), "engine");
	const char *variant = json_str(json_get(session, "variant"));
	int64_t n = json_int(json_get(session, "services_wanted"), 0);

	progress_keep(c, "%s %s%s%s, engine %s %s, %" PRId64 " service%s",
		json_str_or(json_get(session, "lab"), "?"),
		json_str_or(json_get(session, "lab_version"), ""), variant ? " as " : "",
		variant ? variant : "",
		json_str_or(json_get(engine, "kind"), "?"),
		json_str_or(json_get(engine, "version"), ""), n, n == 1 ? "" : "s");
}

int cmd_start(struct cli *c, int argc, char **argv)
{
	_cleanup_(json_freep) struct json *session = NULL;
	_cleanup_buf_ struct buf body = BUF(4096);
	struct client *k;
	struct err e = ERR_NONE;
	int r;

	if (argc != 1)
		return fail_usage(c, argc ? "one lab at a time" : "which lab?");
	if (c->no_wait && option_given(c, "shell"))
		return fail_usage(c, "--shell waits, --no-wait does not");
	r = option_given(c, "fresh")
		    ? confirm(c, "discard all work in '%s' and start anew?", argv[0])
		    : 0;
	if (r != 0)
		return r;
	if (client_open(&k, c, &e) < 0)
		return fail(c, &e);
	build_request(c, argv[0], &body);
	if (client_create(k, "/v1/sessions", &body, &session, &e) < 0)
		return fail(c, &e);
	const char *name = session_name(session);
	say_begin(c, session);
	if (c->no_wait) {
		if (c->format == FORMAT_JSON)
			print_json(c, session);
		else
			puts(name);
		return 0;
	}
	if (streq(json_str_or(json_get(session, "state"), ""), "ready"))
		return start_ready(c, name);
	return start_follow(c, session);
}
