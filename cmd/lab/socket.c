/*
 * socket.c - a WebSocket to labd: lib/codec/ws.h on a stream of lib/net/stream.h.
 */
#include "cmd/lab/socket.h"

#define OPEN_DEADLINE_MS  20000
#define CLOSE_DEADLINE_MS 3000
#define HEARTBEAT_MS      20000 /* labd gives up a peer that is silent for 60 s */

struct socket {
	struct client *k;
	struct stream *stream;
	struct ws *ws;
	struct timer *closing, *heartbeat;
	const struct socket_ops *ops;
	void *arg;
	char key[25];
	char *protocol;
	bool open, over, paused, was_full;
	struct err broken; /* writing failed */
};

/* --- the end --- */

static void end(struct socket *s, const struct err *e)
{
	if (s->over)
		return;
	s->over = true;
	s->ops->ended(s->arg, e);
}

static void end_with(struct socket *s, int code, const char *why)
{
	struct err e = ERR_NONE;

	err_set(&e, code, "%s", why);
	end(s, &e);
}

static void on_closed(void *arg, int code, const char *reason)
{
	struct socket *s = arg;
	struct err e = ERR_NONE;

	if (code == WS_CLOSE_NORMAL)
		end(s, &e);
	else if (code == WS_CLOSE_RESTART)
		end_with(s, ERR_UNREACHABLE, "labd has gone down");
	else
		end_with(s, ERR_PROTO, *reason ? reason : "labd closed the connection");
}

static void on_close_deadline(void *arg)
{
	end_with(arg, ERR_TIMEOUT, "labd does not close the connection");
}

static void on_failed(void *arg, const struct err *e)
{
	end(arg, e);
}

/* --- bytes --- */

static void on_send(void *arg, const void *p, size_t n)
{
	struct socket *s = arg;

	/* The owner stops at socket_full(), so only a broken connection refuses. */
	if (stream_write(s->stream, p, n, &s->broken) == 0)
		s->was_full |= stream_full(s->stream);
}

static void on_message(void *arg, enum ws_kind kind, const char *p, size_t n)
{
	struct socket *s = arg;

	if (!s->over)
		s->ops->message(s->arg, kind, p, n);
}

static void on_data(void *arg, const char *p, size_t n)
{
	struct socket *s = arg;

	if (n)
		ws_feed(s->ws, p, n);
	else
		end_with(s, ERR_UNKNOWN, "the connection to labd was lost");
}

static void on_drained(void *arg)
{
	struct socket *s = arg;

	s->was_full = false;
	if (s->open && !s->over)
		s->ops->drained(s->arg);
}

static const struct ws_ops ws_ops = {on_send, on_message, NULL, on_closed};

/* --- opening --- */

/* Does the answer belong to our key, and to what we asked for? */
static bool agreed(const struct socket *s)
{
	char accept[29];
	_cleanup_free_ char *said = http_header(stream_head(s->stream), "Sec-WebSocket-Accept"),
			    *protocol =
				    http_header(stream_head(s->stream), "Sec-WebSocket-Protocol");

	ws_accept(s->key, accept);
	return said && protocol && streq(said, accept) && streq(protocol, s->protocol);
}

static void on_opened(void *arg, int status, enum http_outcome outcome, const struct err *e)
{
	struct socket *s = arg;
	const char *refusal = stream_refusal(s->stream);
	struct err why = ERR_NONE;

	if (e->code == 0 && agreed(s)) {
		s->open = true;
		s->ops->opened(s->arg);
		return;
	}
	if (e->code == 0)
		err_set(&why, ERR_PROTO, "labd speaks another protocol than this lab");
	else if (status >= 300 && *refusal)
		(void)client_problem(s->k, status, refusal, strlen(refusal), &why);
	else
		why = *e;
	end(s, &why);
}

static const struct stream_ops stream_ops = {on_opened, on_data, on_drained, on_failed};

static void on_heartbeat(void *arg)
{
	struct socket *s = arg;

	if (s->over || !s->paused)
		return;
	ws_ping(s->ws);
	timer_start(s->heartbeat, HEARTBEAT_MS);
}

struct socket *socket_open(struct client *k, const char *path, const char *protocol,
	const struct socket_ops *ops, void *arg)
{
	struct socket *s = NEW(struct socket);

	*s = (struct socket){.k = k, .ops = ops, .arg = arg, .protocol = xstrdup(protocol)};
	ws_key(s->key);
	_cleanup_free_ char *key = strf("Sec-WebSocket-Key: %s", s->key),
			    *wanted = strf("Sec-WebSocket-Protocol: %s", protocol);
	char *headers[] = {key, (char *)"Sec-WebSocket-Version: 13", wanted, NULL};
	s->ws = ws_new(WS_CLIENT, &ws_ops, s);
	s->closing = timer_new(client_loop(k), on_close_deadline, s);
	s->heartbeat = timer_new(client_loop(k), on_heartbeat, s);
	s->stream = stream_open(client_http(k), "GET", path, "websocket", headers, NULL, 0,
		OPEN_DEADLINE_MS, &stream_ops, s);
	return s;
}

/* --- use --- */

int socket_send(struct socket *s, enum ws_kind kind, const void *p, size_t n, struct err *e)
{
	if (!s->open || s->over)
		return err_set(e, ERR_STATE, "the connection to labd is not open");
	int r = ws_send(s->ws, kind, p, n, e);
	if (r == 0 && s->broken.code)
		r = err_copy(e, &s->broken);
	return r;
}

bool socket_full(const struct socket *s)
{
	return s->was_full;
}

void socket_pause(struct socket *s, bool pause)
{
	if (s->over || pause == s->paused)
		return;
	s->paused = pause;
	stream_pause(s->stream, pause);
	if (pause)
		timer_start(s->heartbeat, HEARTBEAT_MS);
	else
		timer_stop(s->heartbeat);
}

void socket_close(struct socket *s)
{
	if (s->over)
		return;
	timer_start(s->closing, CLOSE_DEADLINE_MS);
	socket_pause(s, false);
	ws_close(s->ws, WS_CLOSE_NORMAL, NULL);
}

void socket_free(struct socket *s)
{
	if (!s)
		return;
	s->over = true;
	timer_free(s->closing);
	timer_free(s->heartbeat);
	ws_free(s->ws);
	stream_free(s->stream);
	free(s->protocol);
	free(s);
}
