/*
 * judge.c - `lab check` and `lab grade`: start a run, show it as it goes, print what came out.
 */
#include "base/fsutil.h"
#include "cmd/lab/client.h"
#include "cmd/lab/output.h"

#include <inttypes.h>

#define NARROW_TEXT 30 /* this much of a text fits beside the other columns */
#define SETTLE_MS   200
#define AT_ONCE_MS  300 /* what ends within this needs no progress */

struct watching {
	struct cli *cli;
	int64_t run;
	struct buf phases; /* "settle-in 34 s … quiet 90 s" */
};

/* --- while it runs --- */

static void say_phase(struct watching *w, const struct json *d)
{
	const char *title = json_str_or(json_get(d, "title"), "?");
	int64_t took = json_int(json_get(d, "took_ms"), -1);

	if (took < 0) {
		progress(w->cli, "phase %s%s%s", buf_str(&w->phases),
			w->phases.len ? " \u2026 " : "", title);
		return;
	}
	(void)buf_addf(&w->phases, "%s%s %s", w->phases.len ? " \u2026 " : "",
		json_str_or(json_get(d, "phase"), "?"), str_human_ms(took));
	if (!w->cli->tty_err)
		progress_keep(w->cli, "phase %s: %s", json_str_or(json_get(d, "phase"), "?"),
			str_human_ms(took));
}

/* False when the run has ended, or may have: then it is looked at. */
static bool event(void *arg, const char *kind, const struct json *ev)
{
	struct watching *w = arg;
	const struct json *d = json_get(ev, "data");

	if (!ev || (streq(kind, "state") && streq(json_str_or(json_get(d, "state"), ""), "gone")))
		return false;
	if (json_int(json_get(d, "run"), 0) != w->run)
		return true;
	if (streq(kind, "phase"))
		say_phase(w, d);
	else if (streq(kind, "check"))
		progress(w->cli, "%s %s", json_str_or(json_get(d, "check"), "?"),
			json_str_or(json_get(d, "verdict"), ""));
	return !streq(kind, "run");
}

/* --- what came out --- */

/* Several outcomes in one run: 4 before 5 before 1 before 0. */
static int exit_of(const struct json *run)
{
	bool error = false, late = false, failed = false;
	const struct json *c;

	json_for_each (c, json_get(run, "checks")) {
		const char *v = json_str_or(json_get(c, "verdict"), "");

		error |= streq(v, "error");
		late |= streq(v, "timeout");
		failed |= streq(v, "fail");
	}
	return error ? 4 : late ? 5 : failed ? 1 : 0;
}

static void print_text(const char *lead, const char *text)
{
	if (!*text)
		return;
	_cleanup_free_ char *shown = visible(text);
	printf("  %s%s\n", lead, shown);
}

static void print_checks(struct cli *c, const struct json *run)
{
	static const char *const heads[] = {"CHECK", "VERDICT", "FROM", "TEXT"};
	struct table *t = table_new(c, heads, ARRAY_SIZE(heads));
	const struct json *r;

	json_for_each (r, json_get(run, "checks")) {
		const char *verdict = json_str(json_get(r, "verdict"));
		_cleanup_free_ char *from = strf("%s%s", json_str_or(json_get(r, "trust"), "?"),
			json_bool(json_get(r, "forgeable"), false) ? " ~" : "");

		table_row(t, json_str_or(json_get(r, "check"), "?"), verdict_mark(verdict), from,
			json_str_or(json_get(r, "message"), ""), NULL);
		table_color(t, 1, verdict_color(verdict));
	}
	table_print(t);
}

/* What the table has no room for: hints, and on a terminal texts that may have been cut. */
static void print_texts(struct cli *c, const struct json *run)
{
	const struct json *r;

	json_for_each (r, json_get(run, "checks")) {
		const char *v = json_str_or(json_get(r, "verdict"), ""),
			   *hint = json_str_or(json_get(r, "hint"), ""),
			   *message = json_str_or(json_get(r, "message"), "");
		bool cut = c->tty_out && strlen(message) > NARROW_TEXT;

		if (streq(v, "pass") || streq(v, "skipped") || (!*hint && !cut))
			continue;
		printf("\n%s\n", json_str_or(json_get(r, "check"), "?"));
		print_text("", cut ? message : "");
		print_text("HINT: ", hint);
	}
}

static char *counts(const struct json *t)
{
	int64_t pass = json_int(json_get(t, "pass"), 0), bad = json_int(json_get(t, "fail"), 0),
		other = json_int(json_get(t, "other"), 0);
	_cleanup_buf_ struct buf b = BUF(128);

	if (pass)
		(void)buf_addf(&b, "%" PRId64 " pass", pass);
	if (bad)
		(void)buf_addf(&b, "%s%" PRId64 " fail", b.len ? ", " : "", bad);
	if (other)
		(void)buf_addf(&b, "%s%" PRId64 " not judged", b.len ? ", " : "", other);
	return buf_take(&b);
}

/* The text of the first check of a task that failed. */
static const char *first_failure(const struct json *run, const char *task)
{
	const struct json *r;

	json_for_each (r, json_get(run, "checks"))
		if (streq(json_str_or(json_get(r, "task"), ""), task) &&
			streq(json_str_or(json_get(r, "verdict"), ""), "fail"))
			return json_str(json_get(r, "message"));
	return NULL;
}

static void print_grade(struct cli *c, const struct json *run)
{
	static const char *const heads[] = {"TASK", "POINTS", "CHECKS", "TEXT"};
	const struct json *g = json_get(run, "grade"), *task;
	struct table *t = table_new(c, heads, ARRAY_SIZE(heads));

	json_for_each (task, json_get(g, "tasks")) {
		const char *id = json_str_or(json_get(task, "id"), "?");
		_cleanup_free_ char *earned = points(json_int(json_get(task, "earned_m"), 0)),
				    *max = points(json_int(json_get(task, "max_m"), 0)),
				    *pts = strf("%s / %s%s", earned, max,
					    json_bool(json_get(task, "distinction"), false)
						    ? " (apart)"
						    : ""),
				    *n = counts(task);

		table_row(t, id, pts, n, first_failure(run, id), NULL);
	}
	table_print(t);
	_cleanup_free_ char *earned = points(json_int(json_get(g, "earned_m"), 0)),
			    *max = points(json_int(json_get(g, "max_m"), 0)),
			    *share = percent(json_int(json_get(g, "percent_bp"), 0));
	printf("TOTAL %s / %s  %s  %s (mark %" PRId64 " %%)   trust: %s\n", earned, max, share,
		json_bool(json_get(g, "passed"), false) ? "PASSED" : "NOT PASSED",
		json_int(json_get(g, "pass_mark_bp"), 0) / 100,
		json_str_or(json_get(g, "trust_min"), "none"));
}

static int fetch_run(struct cli *c, int64_t id, struct json **ret)
{
	_cleanup_free_ char *path = strf("/v1/runs/%" PRId64, id);
	struct err e = ERR_NONE;

	return client_call(c->client, "GET", path, NULL, ret, &e) < 0 ? fail(c, &e) : 0;
}

static int broken(struct cli *c, const struct json *run)
{
	struct err e = ERR_NONE;

	err_set(&e, err_from_kind(json_str_or(json_path(run, "error.kind"), "")), "%s",
		json_str_or(json_path(run, "error.detail"), "the run broke"));
	return fail(c, &e);
}

static bool running(const struct json *run)
{
	return streq(json_str_or(json_get(run, "state"), ""), "running");
}

/* Follow a run to its end. Returns 0 and the finished run, or an exit code. */
static int follow(struct cli *c, const char *session, int64_t id, struct json **ret)
{
	struct watching w = {.cli = c, .run = id, .phases = BUF(2048)};
	_cleanup_free_ char *path = strf("/v1/sessions/%s/events?follow=true", session);
	struct json *run = NULL;
	struct err e = ERR_NONE;
	int r;

	do {
		json_free(TAKE(run));
		r = client_follow(c->client, path, id, FOLLOW_WORK, client_until_ms(c->client),
			event, &w, &e);
		r = r < 0 ? fail(c, &e) : fetch_run(c, id, &run);
	} while (r == 0 && running(run) && client_rest(c->client, SETTLE_MS, NULL) == 0);
	progress_clear(c);
	if (w.phases.len && c->tty_err)
		progress_keep(c, "phases %s", buf_str(&w.phases));
	buf_done(&w.phases);
	if (r == 0)
		*ret = run;
	return r;
}

static int begin(struct cli *c, const char *session, const char *noun, const struct buf *body,
	struct json **ret)
{
	_cleanup_free_ char *path = strf("/v1/sessions/%s/%s", session, noun);
	struct err e = ERR_NONE;

	return client_create(c->client, path, body, ret, &e) < 0 ? fail(c, &e) : 0;
}

/* --- lab check --- */

static void build_list(struct buf *body, const char *key, char *const *words, size_t n)
{
	struct json_writer w;

	json_begin(&w, body, false);
	json_object(&w, NULL);
	if (n) {
		json_array(&w, key);
		for (size_t i = 0; i < n; i++)
			json_put_str(&w, NULL, words[i]);
		json_end(&w);
	}
	json_end(&w);
}

static int check_once(struct cli *c, const char *session, const struct buf *body)
{
	_cleanup_(json_freep) struct json *started = NULL, *run = NULL;
	_cleanup_free_ char *noun = strf("checks?wait_ms=%d", AT_ONCE_MS);
	int r = begin(c, session, noun, body, &started);

	if (r == 0 && running(started))
		r = follow(c, session, json_int(json_get(started, "id"), 0), &run);
	else
		run = TAKE(started);
	if (r != 0)
		return r;
	if (c->format == FORMAT_JSON) {
		print_json(c, run);
	} else {
		printf("%s  %zu quick check%s\n", session, json_len(json_get(run, "checks")),
			json_len(json_get(run, "checks")) == 1 ? "" : "s");
		print_checks(c, run);
		print_texts(c, run);
	}
	if (json_type(json_get(run, "error")) == JSON_OBJECT)
		return broken(c, run);
	return exit_of(run);
}

#define WATCH_EVERY_MS 5000

/* Until all pass or the time is over; then it is said what came last. */
static int check_watch(struct cli *c, const char *session, const struct buf *body)
{
	int64_t until_ms = client_until_ms(c->client), left_ms;
	struct err e = ERR_NONE;
	int r;

	while ((r = check_once(c, session, body)) == 1 || r == 5) {
		(void)fflush(stdout);
		left_ms = until_ms - loop_now_ms(client_loop(c->client));
		if (left_ms <= 0)
			break;
		if (client_rest(c->client, MIN(left_ms, WATCH_EVERY_MS), &e) < 0)
			return fail(c, &e);
	}
	return r;
}

static void explain(void)
{
	fputs("FROM says where a check looks from:\n"
	      "  inside     a program in your own container (~: whoever owns the container could "
	      "forge it)\n"
	      "  replay     your work, run again in a clean container without network (~: it could "
	      "forge the verdict)\n"
	      "  neighbour  a program on the lab's network, which sees what any client would see\n"
	      "  frozen     files, read while your services stand still\n"
	      "  outside    the containers, as the engine sees them\n\n",
		stdout);
}

int cmd_check(struct cli *c, int argc, char **argv)
{
	const struct json *s;
	_cleanup_buf_ struct buf body = BUF(64 * 1024);
	struct client *k;
	struct err e = ERR_NONE;

	if (client_open(&k, c, &e) < 0 || client_session_word(k, &argc, &argv, &s, &e) < 0)
		return fail(c, &e);
	build_list(&body, "only", argv, (size_t)argc);
	if (option_given(c, "explain") && c->format == FORMAT_TABLE)
		explain();
	const char *name = json_str_or(json_get(s, "name"), "");
	return option_given(c, "watch") ? check_watch(c, name, &body) : check_once(c, name, &body);
}

/* --- lab grade --- */

static int save(struct cli *c, int64_t run, const char *what, const char *file)
{
	_cleanup_free_ char *path = strf("/v1/runs/%" PRId64 "%s", run, what);
	_cleanup_buf_ struct buf text = BUF(16 << 20);
	struct err e = ERR_NONE;

	if (client_raw(c->client, path, &text, &e) < 0)
		return fail(c, &e);
	if (streq(file, "-"))
		return fwrite(text.data, 1, text.len, stdout) == text.len ? 0 : 4;
	return fs_write_atomic(file, text.data, text.len, 0644, &e) < 0 ? fail(c, &e) : 0;
}

static int save_all(struct cli *c, int64_t run)
{
	const char *receipt = option_value(c, "receipt"), *format = option_value(c, "format"),
		   *out = option_value(c, "out");
	int r = receipt ? save(c, run, "/receipt", receipt) : 0;

	if (r == 0 && receipt)
		progress_keep(c, "receipt %s", receipt);
	if (r == 0 && format)
		r = save(c, run, streq(format, "junit") ? "/junit" : "", out ? out : "-");
	return r;
}

static int grade_result(struct cli *c, const struct json *run)
{
	const char *state = json_str_or(json_get(run, "state"), ""), *out = option_value(c, "out");
	const struct json *g = json_get(run, "grade");
	bool taken = option_given(c, "format") && (!out || streq(out, "-")); /* stdout */

	if (c->format == FORMAT_JSON && !taken)
		print_json(c, run);
	else if (json_len(json_get(g, "tasks")) && !taken)
		print_grade(c, run);
	if (!streq(state, "done"))
		return broken(c, run);
	int r = save_all(c, json_int(json_get(run, "id"), 0));
	return r != 0 ? r : json_bool(json_get(g, "passed"), false) ? 0 : 1;
}

/* What a learner should know before it begins. */
static void say_begin(struct cli *c, const struct json *session)
{
	_cleanup_(json_freep) struct json *lab = NULL;
	const char *repo = json_str(json_get(session, "repo"));
	_cleanup_free_ char *path = strf("/v1/labs/%s%s%s", repo ? repo : "", repo ? "/" : "",
		json_str_or(json_get(session, "lab"), ""));

	if (client_call(c->client, "GET", path, NULL, &lab, NULL) < 0)
		return; /* the lab may have left the catalogue; its session has a copy */
	progress_keep(c, "at most %s; shells are closed until the end",
		str_human_ms(json_int(json_get(lab, "grade_budget_ms"), 0)));
}

static int check_grade_options(struct cli *c, int argc)
{
	const char *format = option_value(c, "format");

	if (argc > 1)
		return fail_usage(c, "one session at a time");
	if (format && !streq(format, "junit") && !streq(format, "json"))
		return fail_usage(c, "'%s' is not a format of results: junit or json", format);
	if (option_given(c, "out") && !format)
		return fail_usage(c, "--out needs --format");
	if (c->no_wait && (format || option_given(c, "receipt")))
		return fail_usage(c, "with --no-wait there is nothing to save yet");
	return 0;
}

int cmd_grade(struct cli *c, int argc, char **argv)
{
	_cleanup_(json_freep) struct json *started = NULL, *run = NULL;
	const struct json *s;
	_cleanup_buf_ struct buf body = BUF(16 * 1024);
	char *const *with = option_values(c, "with");
	struct client *k;
	struct err e = ERR_NONE;
	int r = check_grade_options(c, argc);

	if (r != 0)
		return r;
	if (client_open(&k, c, &e) < 0 || client_session(k, argc ? argv[0] : NULL, &s, &e) < 0)
		return fail(c, &e);
	const char *name = json_str_or(json_get(s, "name"), "");
	say_begin(c, s);
	build_list(&body, "with", with, strv_len(with));
	r = begin(c, name, "grades", &body, &started);
	if (r != 0)
		return r;
	int64_t id = json_int(json_get(started, "id"), 0);
	if (c->no_wait) {
		printf("%" PRId64 "\n", id);
		return 0;
	}
	r = follow(c, name, id, &run);
	if (r == 130 || r == 5)
		advise(c, "the grade goes on: 'lab status %s' shows it, 'lab history' its result",
			name);
	return r != 0 ? r : grade_result(c, run);
}
