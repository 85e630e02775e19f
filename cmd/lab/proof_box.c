/*
 * proof_box.c - one sandbox of a proof, from its start to its end: a process of its own, so that
 * several stand side by side and each is a plain sequence.
 *
 *	lab __box SOCKET FOLDER SLUG VARIANT SETTLE_MS OPTIONS ACT...
 *
 * FOLDER is the lab's, VARIANT may be empty, OPTIONS are the optional parts that are graded, too
 * (with commas). The acts:
 *
 *	start          a new session, until it is ready
 *	use:NAME       this session instead
 *	run:FILE       a program of the folder, as the learner, over stdin; it has to end with 0
 *	try:FILE       the same, whatever it ends with
 *	settle:TASK    until its quick checks pass, at most SETTLE_MS
 *	check, grade   all quick checks; everything
 *	again          stop it and start it again: new containers, the same volumes
 *	reset          as new
 *	hidden:CANARY  search what a learner may see for the canary
 *	discard        leave nothing
 *
 * Each is answered with one line of JSON on stdout: how long it took (ms), and session, exit and
 * output, run, places, or error (kind, text). After an error, or a `run` that does not end with 0,
 * only `discard` is still done.
 */
#include "base/clock.h"
#include "base/fsutil.h"
#include "cmd/lab/client.h"
#include "cmd/lab/remote.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#define OUTPUT_MAX      (64 << 10)
#define LISTING_MAX     (16 << 10)
#define SEEN_MAX        (64 << 20)
#define SETTLE_EVERY_MS 1000
#define AGAIN_MS        200

struct sandbox {
	struct cli *cli;
	const char *folder, *slug, *variant;
	char **options;
	int64_t settle_ms;
	char *name;   /* of the session */
	int64_t seen; /* the last of its events that was looked at; -1 = none yet */
	bool broken;
	struct buf line;
	struct json_writer w;
};

/* --- waiting --- */

struct awaited {
	struct sandbox *b;
	char *state, *cause, *kind;
};

/* A state is looked at once: what is awaited next comes after it. */
static void seen(struct sandbox *b, const struct json *ev)
{
	b->seen = MAX(b->seen, json_int(json_get(ev, "id"), -1));
}

static bool moved(void *arg, const char *kind, const struct json *ev)
{
	static const char *const passing[] = {
		"queued", "starting", "resetting", "ending", "grading"};
	struct awaited *a = arg;
	const struct json *d = json_get(ev, "data");

	seen(a->b, ev);
	if (!streq(kind, "state"))
		return true;
	str_set(&a->state, json_str(json_get(d, "state")));
	str_set(&a->cause, json_str(json_get(d, "cause")));
	str_set(&a->kind, json_str(json_get(d, "kind")));
	for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
		if (str_same(a->state, passing[i]))
			return true;
	return false;
}

/* Until the session has come to rest in this state. */
static int await(struct sandbox *b, const char *wanted, struct err *e)
{
	struct awaited a = {.b = b};
	_cleanup_free_ char *path = strf("/v1/sessions/%s/events?follow=true", b->name);

	int r = client_follow(b->cli->client, path, b->seen, FOLLOW_WORK, INT64_MAX, moved, &a, e);
	bool gone = r == 0 ? !a.state || streq(a.state, "gone") : e->code == ERR_NOT_FOUND;
	if (gone && streq(wanted, "gone"))
		r = 0;
	else if (r == 0 && !str_same(a.state, wanted))
		r = err_set(e, err_from_kind(a.kind ? a.kind : "engine"), "it is %s%s%s",
			a.state ? a.state : "gone", a.cause && *a.cause ? ": " : "",
			a.cause ? a.cause : "");
	free(a.state);
	free(a.cause);
	free(a.kind);
	return r;
}

/* POST one change, and wait for what it leads to. */
static int change(
	struct sandbox *b, const char *verb, const char *json, const char *wanted, struct err *e)
{
	_cleanup_free_ char *path = strf("/v1/sessions/%s/%s", b->name, verb);
	_cleanup_buf_ struct buf body = BUF(256);

	(void)buf_adds(&body, json); /* fits */
	int r = client_call(b->cli->client, "POST", path, &body, NULL, e);
	return r < 0 ? r : await(b, wanted, e);
}

static int put_session(struct sandbox *b, struct err *e)
{
	_cleanup_(json_freep) struct json *session = NULL;
	_cleanup_free_ char *path = strf("/v1/sessions/%s", b->name);
	int r = client_call(b->cli->client, "GET", path, NULL, &session, e);

	if (r == 0)
		json_put(&b->w, "session", session);
	return r;
}

static int start(struct sandbox *b, struct err *e)
{
	_cleanup_(json_freep) struct json *session = NULL;
	_cleanup_buf_ struct buf body = BUF(256);

	int r = buf_addf(&body, "{\"lab\":\"%s\"%s%s%s}", b->slug,
		*b->variant ? ",\"variant\":\"" : "", b->variant, *b->variant ? "\"" : "");
	if (r == 0)
		r = client_create(b->cli->client, "/v1/sessions", &body, &session, e);
	if (r < 0)
		return r;
	b->name = xstrdup(json_str_or(json_get(session, "name"), ""));
	r = await(b, "ready", e);
	return r < 0 ? r : put_session(b, e);
}

/* --- programs --- */

/* The words of its first line: what the file is fed to. */
static char **interpreter(const char *path, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF(1 << 20);
	int r = fs_read(path, &text, e);
	const char *s = buf_str(&text);

	if (r < 0)
		return NULL;
	if (!str_starts(s, "#!/")) {
		err_set(e, ERR_INVALID, "'%s' does not begin with '#!/bin/sh' or the like", path);
		return NULL;
	}
	_cleanup_free_ char *line = xstrndup(s + 2, strcspn(s + 2, "\r\n"));
	_cleanup_(strv_freep) char **parts = strv_split(line, ' ');
	char **words = strv_new();
	for (char **w = parts; *w; w++)
		if (**w)
			strv_add(&words, *w);
	return words;
}

/* What it said last, which is why it ended as it did. */
static void put_last_line(struct sandbox *b, const struct buf *out, const struct buf *err)
{
	const char *text = err->len ? buf_str(err) : buf_str(out);
	size_t n = strlen(text);

	while (n && text[n - 1] == '\n')
		n--;
	size_t from = n;
	while (from && text[from - 1] != '\n')
		from--;
	json_put_strn(&b->w, "output", text + from, n - from);
}

static int run(struct sandbox *b, const char *file, bool try, struct err *e)
{
	_cleanup_free_ char *path = strf("%s/%s", b->folder, file);
	_cleanup_(strv_freep) char **argv = interpreter(path, e);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_buf_ struct buf out = BUF(OUTPUT_MAX), err = BUF(OUTPUT_MAX);
	struct remote_spec spec = {.session = b->name,
		.argv = argv,
		.input = true,
		.input_fd = fd,
		.out = &out,
		.err = &err};
	int status = 0;

	if (!argv)
		return e->code;
	if (fd < 0)
		return err_sys(e, ERR_IO, "cannot open '%s'", path);
	int r = remote_run(b->cli, &spec, &status, e);
	if (r < 0)
		return r;
	json_put_int(&b->w, "exit", status);
	put_last_line(b, &out, &err);
	b->broken |= status && !try;
	return 0;
}

/* --- runs --- */

struct judging {
	struct sandbox *b;
	int64_t run;
};

static bool not_ended(void *arg, const char *kind, const struct json *ev)
{
	const struct judging *j = arg;
	const struct json *d = json_get(ev, "data");

	seen(j->b, ev);
	return ev && !(streq(kind, "run") && json_int(json_get(d, "run"), 0) == j->run) &&
	       !(streq(kind, "state") && streq(json_str_or(json_get(d, "state"), ""), "gone"));
}

static int judge(struct sandbox *b, const char *noun, const struct buf *body, struct json **ret,
	struct err *e)
{
	struct client *k = b->cli->client;
	_cleanup_(json_freep) struct json *started = NULL;
	_cleanup_free_ char *path = strf("/v1/sessions/%s/%s", b->name, noun),
			    *events = strf("/v1/sessions/%s/events?follow=true", b->name);
	struct json *doc = NULL;
	int r = client_create(k, path, body, &started, e);

	if (r < 0)
		return r;
	struct judging j = {b, json_int(json_get(started, "id"), 0)};
	_cleanup_free_ char *run = strf("/v1/runs/%" PRId64, j.run);
	do {
		json_free(TAKE(doc));
		r = client_follow(k, events, j.run, FOLLOW_WORK, INT64_MAX, not_ended, &j, e);
		if (r == 0)
			r = client_call(k, "GET", run, NULL, &doc, e);
	} while (r == 0 && streq(json_str_or(json_get(doc, "state"), ""), "running") &&
		 (r = client_rest(k, AGAIN_MS, e)) == 0);
	if (r == 0)
		*ret = doc;
	else
		json_free(doc);
	return r;
}

/* Could one of its checks not be judged? Then it says why. */
static bool checks_tell(const struct json *run)
{
	const struct json *c;

	json_for_each (c, json_get(run, "checks"))
		if (streq(json_str_or(json_get(c, "verdict"), ""), "error"))
			return true;
	return false;
}

/* The run with how long it took; one that broke is an error, unless its checks tell. */
static int put_run(struct sandbox *b, const struct json *run, int64_t took_ms, struct err *e)
{
	const struct json *error = json_get(run, "error");

	if (json_type(error) == JSON_OBJECT &&
		(streq(json_str_or(json_get(run, "state"), ""), "aborted") || !checks_tell(run)))
		return err_set(e, err_from_kind(json_str_or(json_get(error, "kind"), "")), "%s",
			json_str_or(json_get(error, "detail"), "the run broke"));
	json_object(&b->w, "run");
	for (size_t i = 0; i < json_len(run); i++)
		json_put(&b->w, json_key(run, i), json_at(run, i));
	json_put_int(&b->w, "took_ms", took_ms);
	json_end(&b->w);
	return 0;
}

static int judge_all(struct sandbox *b, const char *noun, struct err *e)
{
	_cleanup_(json_freep) struct json *run = NULL;
	_cleanup_buf_ struct buf body = BUF(4096);
	int64_t began = clock_wall_ms(&clock_system);
	struct json_writer w;

	json_begin(&w, &body, false);
	json_object(&w, NULL);
	if (streq(noun, "grades") && b->options[0])
		json_put_strv(&w, "with", b->options);
	json_end(&w);
	int r = judge(b, noun, &body, &run, e);
	return r < 0 ? r : put_run(b, run, clock_wall_ms(&clock_system) - began, e);
}

enum settled { SETTLED, NOT_YET, NEVER };

static enum settled look(const struct json *run)
{
	enum settled s = SETTLED;
	const struct json *c;

	json_for_each (c, json_get(run, "checks")) {
		const char *v = json_str_or(json_get(c, "verdict"), "");

		if (streq(v, "skipped"))
			return NEVER;
		if (!streq(v, "pass"))
			s = NOT_YET;
	}
	return s;
}

static int settle(struct sandbox *b, const char *task, struct err *e)
{
	_cleanup_buf_ struct buf body = BUF(256);
	int64_t until = clock_wall_ms(&clock_system) + b->settle_ms;
	enum settled s = NOT_YET;
	int r = buf_addf(&body, "{\"only\":[\"%s\"]}", task);

	while (r == 0 && s == NOT_YET) {
		_cleanup_(json_freep) struct json *run = NULL;

		r = judge(b, "checks", &body, &run, e);
		s = r == 0 ? look(run) : NEVER;
		if (clock_wall_ms(&clock_system) >= until)
			break; /* the checks that follow tell */
		if (s == NOT_YET)
			r = client_rest(b->cli->client, SETTLE_EVERY_MS, e);
	}
	json_put_bool(&b->w, "settled", s == SETTLED);
	return r;
}

/* --- what a learner may see --- */

/* status, said: of a grep. */
static void put_place(struct sandbox *b, const char *what, const char *where, const char *found,
	int status, const char *said)
{
	_cleanup_free_ char *place = strf("%s%s%s", what, *where ? " " : "", where);

	json_object(&b->w, NULL);
	json_put_str(&b->w, "place", place);
	json_put_str(&b->w, "found", found);
	json_put_int(&b->w, "status", status);
	json_put_str(&b->w, "said", said);
	json_end(&b->w);
}

/* The canary goes over stdin, so that the search does not find itself. */
static int search(struct sandbox *b, const char *what, const char *service, const char *command,
	const char *file, struct err *e)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
	_cleanup_buf_ struct buf out = BUF(LISTING_MAX), err = BUF(LISTING_MAX);
	const char *argv[] = {"/bin/sh", "-c", command, NULL};
	struct remote_spec spec = {.session = b->name,
		.service = service,
		.user = "0",
		.argv = (char *const *)argv,
		.input = true,
		.input_fd = fd,
		.out = &out,
		.err = &err};
	int status = 0;

	if (fd < 0)
		return err_sys(e, ERR_IO, "cannot open '%s'", file);
	int r = remote_run(b->cli, &spec, &status, e);
	if (r < 0)
		return r;
	_cleanup_free_ char *first = xstrndup(buf_str(&out), strcspn(buf_str(&out), "\n"));
	put_place(b, what, service, *first ? first : NULL, status, err.len ? buf_str(&err) : NULL);
	return 0;
}

static int search_service(struct sandbox *b, const char *service, const char *file, struct err *e)
{
	int r = search(b, "files of", service,
		"exec grep -rlsF -f - --exclude-dir=proc --exclude-dir=sys /", file, e);

	return r < 0 ? r
		     : search(b, "processes of", service,
			       "exec grep -lsF -f - /proc/[0-9]*/environ /proc/[0-9]*/cmdline",
			       file, e);
}

/* What the interface tells a learner: state and verdicts, logs, events. */
static int search_answer(
	struct sandbox *b, const char *what, const char *noun, const char *canary, struct err *e)
{
	_cleanup_free_ char *path = strf("/v1/sessions/%s%s", b->name, noun);
	_cleanup_buf_ struct buf text = BUF(SEEN_MAX);
	int r = client_raw(b->cli->client, path, &text, e);

	bool found = strstr(buf_str(&text), canary);
	if (r == 0)
		put_place(b, what, "", found ? path : NULL, found ? 0 : 1, NULL);
	return r;
}

static int search_services(struct sandbox *b, const char *file, struct err *e)
{
	_cleanup_(json_freep) struct json *session = NULL;
	_cleanup_free_ char *path = strf("/v1/sessions/%s", b->name);
	const struct json *s;
	int r = client_call(b->cli->client, "GET", path, NULL, &session, e);

	json_for_each (s, json_get(session, "services"))
		if (r == 0 && streq(json_str_or(json_get(s, "role"), ""), "learner"))
			r = search_service(b, json_str_or(json_get(s, "name"), ""), file, e);
	return r;
}

static int hidden(struct sandbox *b, const char *canary, struct err *e)
{
	_cleanup_free_ char *file = strf("%s/../../canary", b->folder);
	int r;

	json_array(&b->w, "places");
	if ((r = search_services(b, file, e)) == 0 &&
		(r = search_answer(b, "state", "", canary, e)) == 0 &&
		(r = search_answer(b, "events", "/events", canary, e)) == 0)
		r = search_answer(b, "logs", "/logs", canary, e);
	json_end(&b->w);
	return r;
}

/* --- acts --- */

static int again(struct sandbox *b, struct err *e)
{
	int r = change(b, "stop", "{}", "stopped", e);

	return r < 0 ? r : change(b, "resume", "", "ready", e);
}

static int act(struct sandbox *b, const char *word, struct err *e)
{
	const char *colon = strchr(word, ':'), *arg = colon ? colon + 1 : "";

	if (streq(word, "start"))
		return start(b, e);
	if (str_starts(word, "use:"))
		return str_set(&b->name, arg), 0;
	if (str_starts(word, "run:") || str_starts(word, "try:"))
		return run(b, arg, *word == 't', e);
	if (str_starts(word, "settle:"))
		return settle(b, arg, e);
	if (streq(word, "check") || streq(word, "grade"))
		return judge_all(b, *word == 'c' ? "checks" : "grades", e);
	if (streq(word, "again"))
		return again(b, e);
	if (streq(word, "reset"))
		return change(b, "reset", "{}", "ready", e);
	if (str_starts(word, "hidden:"))
		return hidden(b, arg, e);
	if (streq(word, "discard"))
		return b->name ? change(b, "stop", "{\"discard\":true}", "gone", e) : 0;
	return err_set(e, ERR_USAGE, "'%s' is not done in a sandbox", word);
}

static void put_error(struct sandbox *b, const struct err *e)
{
	if (e->code == 0)
		return;
	json_object(&b->w, "error");
	json_put_str(&b->w, "kind", err_kind(e->code));
	json_put_str(&b->w, "text", e->text);
	json_end(&b->w);
}

/* False when nobody hears us any more. */
static bool answer(struct sandbox *b, const char *word)
{
	int64_t began = clock_wall_ms(&clock_system);
	struct err e = ERR_NONE;

	buf_clear(&b->line);
	json_begin(&b->w, &b->line, false);
	json_object(&b->w, NULL);
	if (!b->broken || streq(word, "discard"))
		b->broken |= act(b, word, &e) < 0;
	else
		json_put_bool(&b->w, "left", true);
	put_error(b, &e);
	json_put_int(&b->w, "ms", clock_wall_ms(&clock_system) - began);
	json_end(&b->w);
	if (b->line.full)
		return false;
	return puts(buf_str(&b->line)) >= 0 && fflush(stdout) == 0 && e.code != ERR_CANCELED;
}

int cmd_box(struct cli *c, int argc, char **argv)
{
	struct sandbox b = {.cli = c, .seen = -1, .line = BUF(SEEN_MAX)};
	struct client *k;
	struct err e = ERR_NONE;
	int i = 6;

	if (argc <= i)
		return fail_usage(c, "this is for 'lab test' alone");
	c->quiet = true;
	c->socket = xstrdup(argv[0]);
	b.folder = argv[1];
	b.slug = argv[2];
	b.variant = argv[3];
	b.settle_ms = strtoll(argv[4], NULL, 10);
	b.options = *argv[5] ? strv_split(argv[5], ',') : strv_new();
	if (client_open(&k, c, &e) < 0)
		return fail(c, &e);
	while (i < argc && answer(&b, argv[i]))
		i++;
	free(b.name);
	strv_free(b.options);
	buf_done(&b.line);
	return i < argc;
}
