/*
 * remote.c - a command or a shell in a lab, over a WebSocket (labyard.exec.v1).
 *
 * stdin -> feed -> (escape) -> socket, and socket -> outlet -> stdout and stderr. Each side stops
 * its producer while it is full: the feed is not asked for more, the socket is paused.
 */
#include "cmd/lab/remote.h"

#include "cmd/lab/blocking.h"
#include "cmd/lab/escape.h"
#include "cmd/lab/output.h"
#include "cmd/lab/socket.h"
#include "cmd/lab/terminal.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define MAX_WAITING   (1u << 20) /* output that waits for a slow reader */
#define MAX_MESSAGE   (1u << 20)
#define BROKEN_PIPE   (128 + SIGPIPE)
#define CHANNEL_IN    '\0'
#define CHANNEL_ERROR '\2'

struct remote {
	struct cli *cli;
	const struct remote_spec *spec;
	struct socket *socket;
	struct feed *feed;
	struct outlet *outlet;
	struct sigwatch *winch;
	struct escape escape;
	struct buf message; /* being put together; kept for its memory */
	bool raw;           /* our terminal is in raw mode */
	bool hungry;        /* the feed waits to be asked */
	bool ended;         /* nothing more comes from the other side */
	bool flushed;       /* and everything is written */
	int status;
	struct err err;
};

static void end(struct remote *r)
{
	r->ended = true;
	r->flushed = outlet_idle(r->outlet);
}

static void broke(struct remote *r, const struct err *e)
{
	if (r->ended)
		return;
	r->err = *e;
	end(r);
}

/* --- to the other side --- */

static void send_text(struct remote *r, const char *text)
{
	struct err e;

	if (!r->ended && socket_send(r->socket, WS_TEXT, text, strlen(text), &e) < 0)
		broke(r, &e);
}

static void ask_for_input(struct remote *r)
{
	if (!r->hungry || r->ended || socket_full(r->socket))
		return;
	r->hungry = false;
	feed_next(r->feed);
}

static void leave(struct remote *r)
{
	r->status = 0;
	end(r);
}

/* One binary message: the channel, then what was typed or read. */
static void pass_on(struct remote *r, const char *p, size_t n)
{
	struct err e;
	bool left = false;
	size_t kept = n;

	buf_clear(&r->message);
	char *room = buf_room(&r->message, n + 2); /* always fits */
	*room = CHANNEL_IN;
	if (r->raw)
		left = escape_filter(&r->escape, p, n, room + 1, &kept);
	else
		memcpy(room + 1, p, n);
	if (kept && socket_send(r->socket, WS_BINARY, room, kept + 1, &e) < 0)
		broke(r, &e);
	else if (left)
		leave(r);
}

static void on_input(void *arg, const char *p, size_t n)
{
	struct remote *r = arg;

	if (r->ended)
		return;
	if (!n) {
		send_text(r, "{\"eof\":true}");
		return; /* the feed is not asked again */
	}
	pass_on(r, p, n);
	r->hungry = true;
	ask_for_input(r);
}

static void send_size(struct remote *r)
{
	int rows, cols;

	terminal_size(&rows, &cols);
	_cleanup_free_ char *text = strf("{\"resize\":{\"rows\":%d,\"cols\":%d}}", rows, cols);
	send_text(r, text);
}

static void on_winch(void *arg, int signo)
{
	send_size(arg);
}

static char *request_text(const struct remote_spec *s)
{
	struct buf b = BUF(MAX_MESSAGE);
	struct json_writer w;
	int rows, cols;

	json_begin(&w, &b, false);
	json_object(&w, NULL);
	json_put_str(&w, "service", s->service);
	if (s->argv)
		json_put_strv(&w, "argv", s->argv);
	if (s->env)
		json_put_strv(&w, "env", s->env);
	json_put_str(&w, "user", s->user);
	json_put_str(&w, "workdir", s->workdir);
	json_put_bool(&w, "stdin", s->input);
	json_put_bool(&w, "tty", s->tty);
	if (s->tty) {
		terminal_size(&rows, &cols);
		json_put_int(&w, "rows", rows);
		json_put_int(&w, "cols", cols);
	}
	json_end(&w);
	return buf_take(&b);
}

/* --- from the other side --- */

static void started(struct remote *r)
{
	progress_clear(r->cli);
	if (r->spec->tty)
		r->raw = terminal_raw();
	if (r->raw) {
		r->winch = sigwatch_new(client_loop(r->cli->client), SIGWINCH, on_winch, r);
		send_size(r); /* it may have changed since the request */
	}
	if (r->spec->input) {
		r->feed = feed_new(
			client_loop(r->cli->client), r->spec->input_fd, on_input, r);
		r->hungry = true;
		ask_for_input(r);
	}
}

/* A line for a person, in between what the command writes. */
static void notice(struct remote *r, const char *text)
{
	_cleanup_free_ char *shown = visible(text);
	_cleanup_free_ char *line =
		r->raw ? strf("\r\n\u00b7 %s\r\n", shown) : strf("\u00b7 %s\n", shown);

	if (!r->cli->quiet)
		outlet_write(r->outlet, STDERR_FILENO, line, strlen(line));
}

static void on_text(struct remote *r, const char *p, size_t n)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	struct err e;

	if (json_parse(&doc, p, n, NULL) < 0)
		return; /* words of a later version */
	const struct json *code = json_get(doc, "exit"), *error = json_get(doc, "error");
	const char *text = json_str(json_get(doc, "notice"));
	if (json_bool(json_get(doc, "started"), false))
		started(r);
	if (text)
		notice(r, text);
	if (json_type(error) == JSON_OBJECT) {
		(void)client_problem_doc(r->cli->client, error, &e);
		broke(r, &e);
	} else if (json_type(code) == JSON_INT) {
		r->status = (int)json_int(code, 0);
		end(r);
	}
}

static void on_bytes(struct remote *r, bool error, const char *p, size_t n)
{
	struct buf *into = error ? r->spec->err : r->spec->out;

	if (into) {
		(void)buf_add(into, p, MIN(n, into->max - into->len));
		return;
	}
	outlet_write(r->outlet, error ? STDERR_FILENO : STDOUT_FILENO, p, n);
	socket_pause(r->socket, outlet_full(r->outlet));
}

static void on_message(void *arg, enum ws_kind kind, const char *p, size_t n)
{
	struct remote *r = arg;

	if (r->ended)
		return;
	if (kind == WS_TEXT)
		on_text(r, p, n);
	else if (n > 1)
		on_bytes(r, p[0] == CHANNEL_ERROR, p + 1, n - 1);
}

/* --- the rest of the plumbing --- */

static void on_opened(void *arg)
{
	struct remote *r = arg;
	_cleanup_free_ char *text = request_text(r->spec);

	send_text(r, text);
}

static void on_drained(void *arg)
{
	ask_for_input(arg);
}

static void on_ended(void *arg, const struct err *e)
{
	struct remote *r = arg;
	struct err lost;

	if (e->code)
		broke(r, e);
	err_set(&lost, ERR_UNKNOWN, "labd closed the connection before the command ended");
	broke(r, &lost); /* unless it has ended */
}

static const struct socket_ops socket_ops = {on_opened, on_message, on_drained, on_ended};

static void on_moved(void *arg)
{
	struct remote *r = arg;
	int error = outlet_error(r->outlet);

	if (error && !r->ended) {
		errno = error;
		if (error != EPIPE)
			err_sys(&r->err, ERR_IO, "cannot write the command's output");
		r->status = BROKEN_PIPE;
		end(r);
	}
	r->flushed = r->ended && outlet_idle(r->outlet);
	socket_pause(r->socket, outlet_full(r->outlet));
}

bool remote_on_terminal(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);
}

int remote_run(struct cli *c, const struct remote_spec *spec, int *ret, struct err *e)
{
	struct remote r = {.cli = c, .spec = spec, .message = BUF(MAX_MESSAGE)};
	struct loop *l = client_loop(c->client);
	_cleanup_free_ char *path = strf("/v1/sessions/%s/exec", spec->session);

	(void)fflush(stdout); /* before the command's own */
	r.outlet = outlet_new(l, MAX_WAITING, on_moved, &r);
	r.socket = socket_open(c->client, path, "labyard.exec.v1", &socket_ops, &r);
	int code = client_wait(c->client, &r.flushed, e);
	terminal_restore();
	socket_free(r.socket);
	feed_free(r.feed);
	outlet_free(r.outlet);
	sigwatch_free(r.winch);
	buf_done(&r.message);
	if (code == 0 && r.err.code)
		code = err_copy(e, &r.err);
	if (code == 0)
		*ret = r.status;
	return code;
}
