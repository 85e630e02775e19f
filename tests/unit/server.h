/*
 * server.h - a scripted peer on a unix socket, in the loop of the test.
 *
 * It knows no HTTP: the test's on_bytes() looks at what came in and says what goes out, when and
 * how the connection ends. Included by the test that uses it.
 */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "base/str.h"
#include "ev/loop.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct server;

struct conn {
	struct list link;
	struct server *server;
	struct watch *watch;
	int fd, number; /* 0 = the first one accepted */
	struct buf in, out;
	bool deaf;    /* does not read */
	bool closing; /* close when `out` is written */
	bool ended;   /* the client has closed its side */
	size_t written;
};

struct server {
	struct loop *loop;
	struct watch *watch;
	struct list conns;
	int fd, accepted, open, peak; /* connections: ever, now, at most at once */
	size_t last_in;               /* bytes the last connection that ended had left in `in` */
	char dir[32], path[64];
	void (*on_bytes)(struct conn *c);
	void *arg;
};

static void conn_free(struct conn *c)
{
	watch_free(c->watch);
	close(c->fd);
	list_unlink(&c->link);
	c->server->open--;
	c->server->last_in = c->in.len;
	buf_done(&c->in);
	buf_done(&c->out);
	free(c);
}

/* Write what can be written. Returns false when the connection is gone. */
static bool conn_flush(struct conn *c)
{
	while (c->out.len > 0) {
		ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			buf_clear(&c->out);
			c->closing = true;
			break;
		}
		c->written += (size_t)n;
		buf_drop(&c->out, (size_t)n);
	}
	if (c->closing && c->out.len == 0) {
		conn_free(c);
		return false;
	}
	watch_set(
		c->watch, (c->deaf || c->ended ? 0 : WATCH_READ) | (c->out.len ? WATCH_WRITE : 0));
	return true;
}

static bool conn_read(struct conn *c)
{
	char chunk[4096];
	ssize_t n = recv(c->fd, chunk, sizeof(chunk), 0);

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n > 0)
		assert_int_equal(buf_add(&c->in, chunk, (size_t)n), 0);
	else
		c->ended = true;
	if (c->server->on_bytes)
		c->server->on_bytes(c);
	if (c->ended)
		c->closing = true;
	return conn_flush(c);
}

static void conn_event(void *arg, int events)
{
	struct conn *c = arg;

	if ((events & WATCH_READ) && !conn_read(c))
		return;
	if (events & WATCH_WRITE)
		conn_flush(c);
}

/* Inside on_bytes() these only note what to do; conn_flush() afterwards does it. */
static inline void conn_says(struct conn *c, const char *s)
{
	assert_int_equal(buf_adds(&c->out, s), 0);
}

static inline void conn_hang_up(struct conn *c)
{
	c->closing = true;
}

static void server_accept(void *arg, int events)
{
	struct server *s = arg;
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	struct conn *c = NEW(struct conn);
	c->server = s;
	c->fd = fd;
	c->number = s->accepted++;
	s->open++;
	s->peak = MAX(s->peak, s->open);
	buf_init(&c->in, 64 << 20);
	buf_init(&c->out, 64 << 20);
	list_init(&c->link);
	list_append(&s->conns, &c->link);
	c->watch = watch_new(s->loop, fd, conn_event, c);
	watch_set(c->watch, WATCH_READ);
}

static inline struct conn *server_last(struct server *s)
{
	return list_empty(&s->conns) ? NULL : container_of(s->conns.prev, struct conn, link);
}

static void server_start(struct server *s, struct loop *l, void (*on_bytes)(struct conn *))
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	*s = (struct server){.loop = l, .on_bytes = on_bytes, .dir = "/tmp/labyard-test-XXXXXX"};
	list_init(&s->conns);
	assert_non_null(mkdtemp(s->dir));
	(void)snprintf(s->path, sizeof(s->path), "%s/s", s->dir);
	memcpy(a.sun_path, s->path, strlen(s->path) + 1);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s->fd, 512), 0);
	s->watch = watch_new(l, s->fd, server_accept, s);
	watch_set(s->watch, WATCH_READ);
}

/* Nobody listens any more; open connections stay. */
static void server_deafen(struct server *s)
{
	if (s->fd < 0)
		return;
	watch_free(s->watch);
	close(s->fd);
	unlink(s->path);
	rmdir(s->dir);
	s->fd = -1;
}

static void server_stop(struct server *s)
{
	struct conn *c;

	while ((c = list_first(&s->conns, struct conn, link)))
		conn_free(c);
	server_deafen(s);
}
