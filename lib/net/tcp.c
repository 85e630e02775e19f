/*
 * tcp.c - one outgoing TCP connection on the loop.
 *
 * As in stream.c: a peer that takes nothing more may still have said something, so an error of
 * writing empties the queue, and only the end of reading ends the connection.
 */
#include "net/tcp.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_QUEUE (1u << 20)
#define FULL      (256u << 10)
#define DRAINED   (64u << 10)
#define CHUNK     (32u << 10)
#define CHUNKS    8 /* per turn, so that one flood does not starve the others */

enum state { CONNECTING, OPEN, DEAD };

struct tcp {
	struct loop *loop;
	const struct tcp_ops *ops;
	void *arg;
	enum state state;
	int fd;
	struct watch *watch;
	struct timer *deadline;
	char where[80];
	struct buf out;
	bool was_full, shut_wanted, shut, paused, ended;
	bool deaf; /* the peer takes nothing more */
	struct err err; /* of an open that failed at once */
};

/* --- the end ---------------------------------------------------------------------------------- */

static void close_tcp(struct tcp *t)
{
	t->state = DEAD;
	watch_free(t->watch);
	timer_free(t->deadline);
	t->watch = NULL;
	t->deadline = NULL;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

static void free_tcp(void *arg)
{
	struct tcp *t = arg;

	buf_done(&t->out);
	free(t);
}

/* The memory lives until the end of the turn: we may be below one of the callbacks. */
void tcp_free(struct tcp *t)
{
	if (!t)
		return;
	close_tcp(t);
	t->ops = NULL;
	loop_defer(t->loop, free_tcp, t);
}

static void fail(struct tcp *t, int code, int sys, const char *what)
{
	struct err e = ERR_NONE;

	close_tcp(t);
	err_set(&e, code, "%s %s: %s", what, t->where, strerror(sys));
	t->ops->failed(t->arg, &e);
}

static void overdue(void *arg)
{
	fail(arg, ERR_TIMEOUT, ETIMEDOUT, "cannot connect to");
}

/* --- bytes ------------------------------------------------------------------------------------ */

static void listen_again(struct tcp *t)
{
	int events = t->state == CONNECTING || t->out.len ? WATCH_WRITE : 0;

	if (t->state == OPEN && !t->paused && !t->ended)
		events |= WATCH_READ;
	watch_set(t->watch, events);
}

static void flush(struct tcp *t)
{
	while (t->out.len) {
		ssize_t n = send(t->fd, t->out.data, t->out.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		t->deaf |= n < 0;
		buf_drop(&t->out, t->deaf ? t->out.len : (size_t)n);
	}
	if (t->shut_wanted && !t->shut && !t->out.len) {
		t->shut = true;
		(void)shutdown(t->fd, SHUT_WR); /* a peer that is gone is found by reading */
	}
	if (t->was_full && t->out.len < DRAINED) {
		t->was_full = false;
		if (t->ops->drained)
			t->ops->drained(t->arg);
	}
}

static void take(struct tcp *t)
{
	char chunk[CHUNK];

	for (int i = 0; i < CHUNKS && t->state == OPEN && !t->paused && !t->ended; i++) {
		ssize_t n = recv(t->fd, chunk, sizeof(chunk), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			fail(t, ERR_IO, errno, "cannot read from");
			return;
		}
		t->ended = n == 0;
		t->ops->data(t->arg, chunk, (size_t)n);
	}
}

static void connected(struct tcp *t)
{
	socklen_t len = sizeof(int);
	int sys = 0, on = 1;

	(void)getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &sys, &len);
	if (sys) {
		fail(t, ERR_UNREACHABLE, sys, "cannot connect to");
		return;
	}
	timer_stop(t->deadline);
	(void)setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	t->state = OPEN;
	t->ops->opened(t->arg);
	if (t->state == OPEN)
		flush(t);
}

static void ready(void *arg, int events)
{
	struct tcp *t = arg;

	if (t->state == CONNECTING)
		connected(t);
	else if (events & WATCH_WRITE)
		flush(t);
	if (t->state == OPEN && (events & WATCH_READ))
		take(t);
	if (t->state != DEAD)
		listen_again(t);
}

/* --- for the owner ---------------------------------------------------------------------------- */

static void refused(void *arg)
{
	struct tcp *t = arg;

	if (t->ops)
		t->ops->failed(t->arg, &t->err);
}

static int parse(const char *address, int port, struct sockaddr_storage *ret, socklen_t *len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	*ret = (struct sockaddr_storage){0};
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		*len = sizeof(*v4);
		return 0;
	}
	if (inet_pton(AF_INET6, address, &v6->sin6_addr) != 1)
		return -1;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	*len = sizeof(*v6);
	return 0;
}

static int dial(struct tcp *t, const char *address, int port)
{
	struct sockaddr_storage to;
	socklen_t len;

	if (parse(address, port, &to, &len) < 0)
		return err_set(&t->err, ERR_USAGE, "'%s' is no address", address);
	t->fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0)
		return err_sys(&t->err, ERR_IO, "cannot make a socket");
	if (connect(t->fd, (struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS)
		return err_sys(&t->err, ERR_UNREACHABLE, "cannot connect to %s", t->where);
	return 0;
}

struct tcp *tcp_open(struct loop *l, const char *address, int port, int64_t deadline_ms,
	const struct tcp_ops *ops, void *arg)
{
	struct tcp *t = NEW(struct tcp);

	*t = (struct tcp){.loop = l, .ops = ops, .arg = arg, .fd = -1, .out = BUF(MAX_QUEUE)};
	(void)snprintf(t->where, sizeof(t->where), "%.64s:%d", address, port);
	if (dial(t, address, port) < 0) {
		close_tcp(t);
		loop_defer(l, refused, t);
		return t;
	}
	t->deadline = timer_new(l, overdue, t);
	timer_start(t->deadline, deadline_ms);
	t->watch = watch_new(l, t->fd, ready, t);
	listen_again(t);
	return t;
}

int tcp_write(struct tcp *t, const void *p, size_t n, struct err *e)
{
	if (t->state == DEAD || t->shut_wanted || (t->deaf && t->ended))
		return err_set(e, ERR_STATE, "the connection to %s is closed", t->where);
	if (t->deaf)
		return 0;
	if (buf_add(&t->out, p, n) < 0)
		return err_set(e, ERR_LIMIT, "too much waits for %s", t->where);
	t->was_full |= tcp_full(t);
	listen_again(t);
	return 0;
}

bool tcp_full(const struct tcp *t)
{
	return t->out.len > FULL;
}

void tcp_shutdown(struct tcp *t)
{
	if (t->state == DEAD)
		return;
	t->shut_wanted = true;
	if (t->state == OPEN && !t->out.len && !t->shut) {
		t->shut = true;
		(void)shutdown(t->fd, SHUT_WR);
	}
}

void tcp_pause(struct tcp *t, bool pause)
{
	t->paused = pause;
	if (t->state != DEAD)
		listen_again(t);
}
