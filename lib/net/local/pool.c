/* pool.c - connections to the peer's unix socket: new ones, and kept ones. */
#include "net/local/pool.h"

#include "base/str.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define AGAIN_MS 10 /* to a peer whose queue is full: a unix socket cannot be waited for */

int carrier_new(struct carrier **ret, struct http *h, const struct http_peer *peer, struct err *e)
{
	if (!h->unix_path)
		return err_set(
			e, ERR_USAGE, "cannot reach '%s': it is no unix socket", peer_name(h));
	*ret = NEW(struct carrier);
	list_init(&(*ret)->line);
	return 0;
}

void carrier_free(struct carrier *c)
{
	if (!c)
		return;
	while (c->n)
		close(c->idle[--c->n]);
	free(c);
}

/* --- kept ones -------------------------------------------------------------------------------- */

int pool_take(struct carrier *c)
{
	char byte;

	while (c->n) {
		int fd = c->idle[--c->n];

		if (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN)
			return fd;
		close(fd);
	}
	return -1;
}

void pool_give(struct carrier *c, int fd)
{
	if (c->n < MAX_IDLE)
		c->idle[c->n++] = fd;
	else
		close(fd);
}

/* --- new ones --------------------------------------------------------------------------------- */

struct dial {
	struct http *http;
	wire_fn connected;
	void *arg;
	struct timer *timer;
	int64_t left_ms;
	int fd;
};

static void fail(struct dial *d, const char *why)
{
	d->connected(d->arg, -1, why);
}

static void dial(void *arg)
{
	struct dial *d = arg;
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = d->http->unix_path;

	if (strlen(path) >= sizeof(to.sun_path)) {
		fail(d, strerror(ENAMETOOLONG));
		return;
	}
	memcpy(to.sun_path, path, strlen(path));
	if (d->fd < 0)
		d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->fd >= 0 && connect(d->fd, (struct sockaddr *)&to, sizeof(to)) == 0) {
		d->connected(d->arg, TAKE_FD(d->fd), NULL);
	} else if (errno != EAGAIN) {
		fail(d, strerror(errno));
	} else if (d->left_ms > 0) {
		d->left_ms -= AGAIN_MS;
		timer_start(d->timer, AGAIN_MS);
	} else {
		_cleanup_free_ char *why =
			strf("no connection within %s", str_human_ms(d->http->connect_timeout_ms));

		fail(d, why);
	}
}

struct dial *dial_new(struct http *h, wire_fn connected, void *arg)
{
	struct dial *d = NEW(struct dial);

	*d = (struct dial){h, connected, arg, NULL, h->connect_timeout_ms, -1};
	d->timer = timer_new_real(h->loop, dial, d);
	timer_start(d->timer, 0);
	return d;
}

void dial_free(struct dial *d)
{
	if (!d)
		return;
	timer_free(d->timer);
	close_fd(&d->fd);
	free(d);
}
