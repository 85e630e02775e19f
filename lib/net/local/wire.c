/* wire.c - the bytes of a raw stream on a connection of its own. */
#include "net/local/pool.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

struct wire {
	struct dial *dial;
	int fd;
	wire_fn connected;
	void *arg;
};

static void on_dialed(void *arg, int fd, const char *why)
{
	struct wire *w = arg;

	w->fd = fd;
	w->connected(w->arg, fd, why); /* may close it; the dial lives until then */
}

struct wire *wire_open(struct http *h, wire_fn connected, void *arg)
{
	struct wire *w = NEW(struct wire);

	*w = (struct wire){NULL, -1, connected, arg};
	w->dial = dial_new(h, on_dialed, w);
	return w;
}

ssize_t wire_send(struct wire *w, const void *p, size_t n)
{
	ssize_t sent = n ? send(w->fd, p, n, MSG_NOSIGNAL) : 0;

	return sent >= 0 ? sent : errno == EAGAIN || errno == EINTR ? 0 : -1;
}

size_t wire_held(const struct wire *w)
{
	return 0;
}

ssize_t wire_recv(struct wire *w, void *p, size_t n)
{
	ssize_t got = recv(w->fd, p, n, 0);

	return got >= 0 ? got : errno == EINTR ? -EAGAIN : -errno;
}

void wire_shut(struct wire *w)
{
	(void)shutdown(w->fd, SHUT_WR); /* a broken connection is seen when reading */
}

void wire_close(struct wire *w)
{
	if (!w)
		return;
	dial_free(w->dial);
	close_fd(&w->fd);
	free(w);
}
