/* cmd_logs.c - `lab logs`: what the services of a lab write. */
#include "cmd/lab/blocking.h"
#include "cmd/lab/client.h"
#include "cmd/lab/output.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#define MAX_WAITING (8u << 20) /* lines that wait for a slow reader */

struct logs {
	struct cli *cli;
	struct json_stream *lines;
	struct outlet *outlet;
	struct http_op *op;
	bool paused, several, flushed;
	struct err broken; /* a log that broke */
};

static void print_raw(struct logs *g, const struct json *line)
{
	_cleanup_buf_ struct buf b = BUF(1 << 20);
	struct json_writer w;

	json_begin(&w, &b, false);
	json_put(&w, NULL, line);
	(void)buf_addc(&b, '\n');
	outlet_write(g->outlet, STDOUT_FILENO, buf_str(&b), b.len);
}

static int take_line(void *arg, const struct json *line, struct err *e)
{
	struct logs *g = arg;
	const struct json *error = json_get(line, "error");

	if (json_type(error) == JSON_OBJECT) {
		(void)client_problem_doc(g->cli->client, error, &g->broken);
		return 0;
	}
	if (g->cli->format == FORMAT_JSON) {
		print_raw(g, line);
		return 0;
	}
	_cleanup_free_ char *text = visible(json_str(json_get(line, "text"))),
			    *shown = g->several
					     ? strf("%s | %s\n",
						       json_str_or(json_get(line, "service"), "?"),
						       text)
					     : strf("%s\n", text);
	outlet_write(g->outlet, STDOUT_FILENO, shown, strlen(shown));
	return 0;
}

static int64_t on_data(void *arg, const char *p, size_t n, struct err *e)
{
	struct logs *g = arg;

	if (outlet_error(g->outlet))
		return err_set(e, ERR_CANCELED, "nobody reads");
	g->paused = outlet_full(g->outlet);
	if (g->paused)
		return HTTP_PAUSE;
	int r = json_stream_feed(g->lines, p, n, e);
	return r < 0 ? r : (int64_t)n;
}

static void on_started(void *arg, struct http_op *op)
{
	((struct logs *)arg)->op = op;
}

static void on_moved(void *arg)
{
	struct logs *g = arg;

	g->flushed = outlet_idle(g->outlet);
	if (!g->paused || outlet_full(g->outlet))
		return;
	g->paused = false;
	http_resume(g->op);
}

static int read_logs(struct cli *c, const char *path, bool several)
{
	struct logs g = {.cli = c, .several = several};
	struct client_stream stream = {.method = "GET",
		.path = path,
		.started = on_started,
		.on_data = on_data,
		.arg = &g};
	struct err e = ERR_NONE;

	(void)fflush(stdout);
	g.lines = json_stream_new(take_line, &g);
	g.outlet = outlet_new(client_loop(c->client), MAX_WAITING, on_moved, &g);
	int r = client_stream(c->client, &stream, &e);
	g.flushed = outlet_idle(g.outlet);
	if (r == 0 && (r = client_wait(c->client, &g.flushed, &e)) == 0 && g.broken.code)
		r = err_copy(&e, &g.broken);
	int error = outlet_error(g.outlet);
	outlet_free(g.outlet);
	json_stream_free(g.lines);
	if (error == EPIPE)
		return 128 + SIGPIPE;
	return r < 0 ? fail(c, &e) : 0;
}

static bool is_service(const struct json *session, const char *word)
{
	const struct json *s;

	json_for_each (s, json_get(session, "services"))
		if (streq(json_str_or(json_get(s, "name"), ""), word))
			return true;
	return false;
}

/* "[SESSION] [SERVICE]": a single word is a service when the only session has one of that name. */
static int find(
	struct cli *c, int argc, char **argv, const struct json **ret, const char **ret_service)
{
	struct err e = ERR_NONE;

	*ret_service = argc == 2 ? argv[1] : NULL;
	if (argc == 1 && client_session(c->client, NULL, ret, NULL) == 0 &&
		is_service(*ret, argv[0])) {
		*ret_service = argv[0];
		return 0;
	}
	return client_session(c->client, argc ? argv[0] : NULL, ret, &e) < 0 ? fail(c, &e) : 0;
}

static int build_path(struct cli *c, const char *session, const char *service, struct buf *path)
{
	const char *tail = option_value(c, "tail"), *since = option_value(c, "since");
	_cleanup_free_ char *word = service ? http_escape(service) : NULL;
	int64_t n = 0;
	struct err e = ERR_NONE;

	(void)buf_addf(path, "/v1/sessions/%s/logs?follow=%s", session,
		option_given(c, "follow") ? "true" : "false");
	if (word)
		(void)buf_addf(path, "&service=%s", word);
	if (tail && str_int(tail, 0, 100000, &n, &e) < 0)
		return fail_usage(c, "--tail: %s", e.text);
	if (tail)
		(void)buf_addf(path, "&tail=%" PRId64, n);
	if (since && str_duration_ms(since, &n, &e) < 0)
		return fail_usage(c, "--since: %s", e.text);
	if (since)
		(void)buf_addf(path, "&since=%" PRId64, n);
	return path->full ? fail_usage(c, "'%s' is too long a name", service) : 0;
}

int cmd_logs(struct cli *c, int argc, char **argv)
{
	const struct json *s;
	_cleanup_buf_ struct buf path = BUF(2048);
	const char *service;
	struct client *k;
	struct err e = ERR_NONE;

	if (argc > 2)
		return fail_usage(c, "one session and one service at a time");
	if (client_open(&k, c, &e) < 0)
		return fail(c, &e);
	int r = find(c, argc, argv, &s, &service);
	if (r == 0)
		r = build_path(c, json_str_or(json_get(s, "name"), ""), service, &path);
	return r != 0 ? r : read_logs(c, buf_str(&path), !service);
}
