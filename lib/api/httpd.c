/*
 * httpd.c - libmicrohttpd in external epoll mode on the loop.
 *
 * One watch on its epoll descriptor, one timer for its timeouts (on the system's clock, like its
 * own), one to run it again in the next turn. Connections are accepted here, so that the peer is
 * known before a byte of it is read. libmicrohttpd forgets to limit the time for a head that comes
 * byte by byte: a timer per connection does, by shutting the socket down, which libmicrohttpd takes
 * for the client's leaving.
 */
#include "api/httpd_impl.h"
#include "api/listen.h"

#include "base/str.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CONNECTIONS 4096u
#define STALL_S         90u
#define FIRST_HEAD_MS   10000
#define NEXT_HEAD_MS    60000
#define NO_ROOM_MS      100
#define ACCEPTS         64 /* per turn */

/* --- running it ------------------------------------------------------------------------------- */

static void run(void *arg)
{
	struct httpd *h = arg;
	MHD_UNSIGNED_LONG_LONG ms;

	timer_stop(h->run);
	MHD_run(h->daemon);
	if (MHD_get_timeout(h->daemon, &ms) == MHD_YES)
		timer_start(h->timeout, (int64_t)MIN(ms, STALL_S * 1000));
	else
		timer_stop(h->timeout);
	httpd_see_drained(h);
}

static void on_ready(void *arg, int events)
{
	run(arg);
}

void httpd_kick(struct httpd *h)
{
	if (!timer_active(h->run))
		timer_start(h->run, 0);
}

static bool is_busy(const struct httpd *h)
{
	struct conn *c;

	list_for_each (c, &h->conns, link)
		if (c->request)
			return true;
	return false;
}

void httpd_see_drained(struct httpd *h)
{
	if (h->drained && !h->told_drained && !is_busy(h)) {
		h->told_drained = true;
		timer_start(h->drained, 0);
	}
}

/* --- connections ------------------------------------------------------------------------------ */

static void hang_up(void *arg)
{
	struct conn *c = arg;

	(void)shutdown(c->fd, SHUT_RDWR);
}

static struct conn *conn_new(struct httpd *h, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *fd =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct conn *c = NEW(struct conn);

	c->httpd = h;
	c->mhd = mhd;
	c->fd = fd->connect_fd;
	c->head = timer_new(h->loop, hang_up, c);
	timer_start(c->head, FIRST_HEAD_MS);
	list_init(&c->link);
	list_append(&h->conns, &c->link);
	return c;
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
	enum MHD_ConnectionNotificationCode what)
{
	struct conn *c = *context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = conn_new(arg, mhd);
		return;
	}
	list_unlink(&c->link);
	timer_free(c->head);
	free(c);
	*context = NULL;
}

static void on_completed(
	void *arg, struct MHD_Connection *mhd, void **request, enum MHD_RequestTerminationCode why)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct conn *c = i->socket_context;

	timer_start(c->head, NEXT_HEAD_MS);
	request_ended(arg, mhd, request, why);
}

static void on_connect(void *arg, int events)
{
	struct httpd *h = arg;

	for (int i = 0; i < ACCEPTS; i++) {
		int fd = listen_accept(h->listen_fd);

		if (fd < 0 && errno == EAGAIN)
			break;
		if (fd < 0) { /* no descriptor is free: not again in every turn */
			watch_set(h->accept, 0);
			timer_start(h->accept_again, NO_ROOM_MS);
			break;
		}
		struct sockaddr none = {.sa_family = AF_UNIX};
		(void)MHD_add_connection(h->daemon, fd, &none, sizeof(none)); /* or closes it */
	}
	httpd_kick(h);
}

static void accept_again(void *arg)
{
	struct httpd *h = arg;

	watch_set(h->accept, WATCH_READ);
}

/* --- the server ------------------------------------------------------------------------------- */

/* What comes escaped stays so: guard_path() and guard_query() are stricter. */
static size_t leave_escaped(void *arg, struct MHD_Connection *c, char *s)
{
	return strlen(s);
}

static struct MHD_Daemon *start_daemon(struct httpd *h)
{
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE |
			 MHD_USE_NO_LISTEN_SOCKET;

	return MHD_start_daemon(flags, 0, NULL, NULL, request_handle, h,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, h, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, h,
		MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
		STALL_S,
#if MHD_VERSION >= 0x00097701
		MHD_OPTION_CLIENT_DISCIPLINE_LVL, 2,
#else
		MHD_OPTION_STRICT_FOR_CLIENT, 1,
#endif
		MHD_OPTION_END);
}

int httpd_new(
	struct httpd **ret, struct loop *l, const struct httpd_ops *ops, void *arg, struct err *e)
{
	struct httpd *h = NEW(struct httpd);

	h->loop = l;
	h->ops = ops;
	h->arg = arg;
	h->listen_fd = -1;
	list_init(&h->conns);
	h->daemon = start_daemon(h);
	if (!h->daemon) {
		free(h);
		return err_set(e, ERR_IO, "cannot start the HTTP server");
	}
	h->timeout = timer_new_real(l, run, h);
	h->run = timer_new(l, run, h);
	h->accept_again = timer_new(l, accept_again, h);
	h->ready = watch_new(
		l, MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, on_ready, h);
	watch_set(h->ready, WATCH_READ);
	*ret = h;
	return 0;
}

int httpd_listen_unix(struct httpd *h, const char *path, struct err *e)
{
	int r = listen_unix(path, &h->listen_fd, e);

	if (r < 0)
		return r;
	h->path = xstrdup(path);
	h->accept = watch_new(h->loop, h->listen_fd, on_connect, h);
	watch_set(h->accept, WATCH_READ);
	return 0;
}

static void stop_listening(struct httpd *h)
{
	timer_stop(h->accept_again);
	if (h->listen_fd < 0)
		return;
	watch_free(h->accept);
	listen_close(h->listen_fd, h->path);
	h->listen_fd = -1;
}

void httpd_stop(struct httpd *h, loop_cb drained, void *arg)
{
	struct conn *c;

	if (h->stopping)
		return;
	stop_listening(h);
	h->stopping = true;
	h->drained = timer_new(h->loop, drained, arg);
	list_for_each (c, &h->conns, link) {
		if (c->request && c->request->answer == ANSWER_SSE)
			request_end(c->request, true);
		else if (c->request && c->request->socket)
			httpd_socket_close(
				c->request->socket, WS_CLOSE_RESTART, "the daemon goes down");
	}
	httpd_see_drained(h);
}

void httpd_free(struct httpd *h)
{
	struct conn *c, *next;

	if (!h)
		return;
	stop_listening(h);
	list_for_each_safe (c, next, &h->conns, link)
		if (c->request)
			request_cut(c->request);
	watch_free(h->ready); /* before its descriptor is closed */
	MHD_stop_daemon(h->daemon);
	timer_free(h->timeout);
	timer_free(h->run);
	timer_free(h->accept_again);
	timer_free(h->drained);
	free(h->path);
	free(h);
}
