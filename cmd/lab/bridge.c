/*
 * bridge.c - one local TCP connection, carried to a port of a lab (labyard.forward.v1).
 *
 * Each side is read only while the other one takes what was read.
 */
#include "cmd/lab/bridge.h"

#include "cmd/lab/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_OUT (4u << 20)
#define FULL    (256u << 10)
#define CHUNK   (64u << 10)

struct bridge {
	struct client *k;
	int fd;
	struct watch *watch;
	struct socket *socket;
	struct buf out; /* for the local side */
	bool open;      /* the lab's port is connected */
	bool local_ended, remote_ended, shut, over;
	bridge_end end;
	void *arg;
};

static void finish(struct bridge *b, const struct err *e)
{
	if (b->over)
		return;
	b->over = true;
	b->end(b->arg, b, e);
}

static void broke(struct bridge *b, const char *what)
{
	struct err e;

	err_sys(&e, ERR_IO, "%s", what);
	finish(b, &e);
}

/* Say what we wait for, after every change. */
static void want(struct bridge *b)
{
	bool read = b->open && !b->local_ended && !socket_full(b->socket);

	watch_set(b->watch, (read ? WATCH_READ : 0) | (b->out.len ? WATCH_WRITE : 0));
	socket_pause(b->socket, b->out.len > FULL);
}

static void read_local(struct bridge *b)
{
	char chunk[CHUNK];
	ssize_t n = recv(b->fd, chunk, sizeof(chunk), 0);
	struct err e;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		broke(b, "the local connection broke");
		return;
	}
	b->local_ended = n == 0;
	int r = n ? socket_send(b->socket, WS_BINARY, chunk, (size_t)n, &e)
		  : socket_send(b->socket, WS_TEXT, "{\"eof\":true}", 12, &e);
	if (r < 0)
		finish(b, &e);
}

static void write_local(struct bridge *b)
{
	while (b->out.len) {
		ssize_t n = send(b->fd, b->out.data, b->out.len, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			broke(b, "the local connection broke");
			return;
		}
		buf_drop(&b->out, (size_t)n);
	}
	if (b->remote_ended && !b->shut) {
		b->shut = true;
		(void)shutdown(b->fd, SHUT_WR); /* it may have gone */
	}
}

static void on_local(void *arg, int events)
{
	struct bridge *b = arg;

	if (events & WATCH_READ)
		read_local(b);
	if (!b->over && (events & WATCH_WRITE))
		write_local(b);
	if (!b->over)
		want(b);
}

/* --- the lab's side --- */

static void on_text(struct bridge *b, const char *p, size_t n)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	struct err e;

	if (json_parse(&doc, p, n, NULL) < 0)
		return; /* words of a later version */
	b->open |= json_bool(json_get(doc, "connected"), false);
	b->remote_ended |= json_bool(json_get(doc, "eof"), false);
	if (json_type(json_get(doc, "error")) == JSON_OBJECT) {
		(void)client_problem_doc(b->k, json_get(doc, "error"), &e);
		finish(b, &e);
	}
}

static void on_message(void *arg, enum ws_kind kind, const char *p, size_t n)
{
	struct bridge *b = arg;
	struct err e;

	if (b->over)
		return;
	if (kind == WS_TEXT)
		on_text(b, p, n);
	else if (buf_add(&b->out, p, n) < 0)
		finish(b, (err_set(&e, ERR_LIMIT, "labd sends more than was asked for"), &e));
	if (!b->over)
		write_local(b);
	if (!b->over)
		want(b);
}

static void on_opened(void *arg)
{
}

static void on_drained(void *arg)
{
	struct bridge *b = arg;

	if (!b->over)
		want(b);
}

/* What is still to be written is written before the end. */
static void on_ended(void *arg, const struct err *e)
{
	struct bridge *b = arg;

	if (!b->over && !e->code)
		write_local(b);
	finish(b, e);
}

static const struct socket_ops socket_ops = {on_opened, on_message, on_drained, on_ended};

struct bridge *bridge_new(struct client *k, int fd, const char *path, bridge_end end, void *arg)
{
	struct bridge *b = NEW(struct bridge);
	int one = 1;

	*b = (struct bridge){.k = k, .fd = fd, .out = BUF(MAX_OUT), .end = end, .arg = arg};
	/* A keystroke must not wait for the one before it. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	b->watch = watch_new(client_loop(k), fd, on_local, b);
	b->socket = socket_open(k, path, "labyard.forward.v1", &socket_ops, b);
	return b;
}

static void destroy(void *arg)
{
	struct bridge *b = arg;

	buf_done(&b->out);
	free(b);
}

void bridge_free(struct bridge *b)
{
	if (!b)
		return;
	b->over = true;
	watch_free(b->watch); /* before the descriptor is closed */
	socket_free(b->socket);
	close(b->fd);
	loop_defer(client_loop(b->k), destroy, b); /* we may be below one of its callbacks */
}
