/*
 * httpd_socket.c - WebSockets on the server's side.
 *
 * The 101 is an answer like any other; when it has been written, libmicrohttpd hands over the
 * descriptor and the bytes that came already. Until then messages wait in `out`. The descriptor
 * stays libmicrohttpd's to close, and the watch is freed before.
 */
#include "api/httpd_impl.h"

#include "base/str.h"

#include <errno.h>
#include <netinet/in.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define KEY_LEN    24
#define CHUNK      (64u << 10)
#define PING_MS    20000
#define SILENCE_MS 60000
#define GOODBYE_MS 5000
#define OUT_MAX    (4u << 20) /* QUEUE_MAX of messages, one more, and what the protocol adds */

struct httpd_socket {
	struct request *request;
	struct loop *loop;
	const struct httpd_socket_ops *ops;
	void *arg;
	struct ws *ws;
	struct MHD_UpgradeResponseHandle *urh; /* NULL until the 101 was written */
	int fd;
	struct watch *watch;
	struct buf out;
	bool was_full, paused;
	bool closing; /* goodbye was said, by us or by the peer */
	int code;     /* of the end, and why */
	char reason[WS_MAX_REASON + 1];
	int64_t heard_ms;
	struct timer *ping, *goodbye;
};

/* --- the end ---------------------------------------------------------------------------------- */

static void free_socket(void *arg)
{
	struct httpd_socket *s = arg;

	buf_done(&s->out);
	free(s);
}

/* The memory lives until the end of the turn: we may be below one of our callbacks. */
static void finish(struct httpd_socket *s)
{
	struct request *r = TAKE(s->request);

	if (!r)
		return;
	r->socket = NULL;
	timer_free(TAKE(s->ping));
	timer_free(TAKE(s->goodbye));
	watch_free(TAKE(s->watch));
	ws_free(TAKE(s->ws));
	if (s->urh)
		MHD_upgrade_action(s->urh, MHD_UPGRADE_ACTION_CLOSE);
	httpd_kick(r->httpd);
	s->ops->closed(s->arg, s->code, s->reason);
	loop_defer(s->loop, free_socket, s);
}

void socket_cut(struct httpd_socket *s)
{
	finish(s);
}

static void give_up(void *arg)
{
	finish(arg);
}

/* --- writing ---------------------------------------------------------------------------------- */

static void want(struct httpd_socket *s)
{
	if (s->watch)
		watch_set(s->watch, (s->paused && !s->closing ? WATCH_HANGUP : WATCH_READ) |
					    (s->out.len ? WATCH_WRITE : 0));
}

static void flush(struct httpd_socket *s)
{
	while (s->out.len > 0) {
		ssize_t n = send(s->fd, s->out.data, s->out.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			buf_clear(&s->out); /* reading tells the end, after what came before it */
		if (n < 0)
			break;
		buf_drop(&s->out, (size_t)n);
	}
	want(s);
	if (s->was_full && s->out.len <= QUEUE_DRAINED) {
		s->was_full = false;
		if (s->ops->drained && !s->closing)
			s->ops->drained(s->arg);
	}
}

static void on_send(void *arg, const void *p, size_t n)
{
	struct httpd_socket *s = arg;
	size_t done = 0;

	if (s->watch && s->out.len == 0) {
		ssize_t now = send(s->fd, p, n, MSG_NOSIGNAL);

		done = now > 0 ? (size_t)now : 0;
	}
	if (buf_add(&s->out, (const char *)p + done, n - done) < 0)
		timer_start(s->goodbye, 0); /* answers to pings that the peer does not read */
	s->was_full = s->was_full || httpd_socket_full(s);
	want(s);
}

int httpd_socket_send(
	struct httpd_socket *s, enum ws_kind kind, const void *p, size_t n, struct err *e)
{
	if (!s->request || s->closing)
		return err_set(e, ERR_STATE, "the WebSocket is closing");
	if (s->out.len > QUEUE_MAX || n > QUEUE_MAX - s->out.len)
		return err_set(e, ERR_LIMIT, "the client of '%s' is too slow: %s would wait",
			s->request->path, str_human_size(QUEUE_MAX));
	return ws_send(s->ws, kind, p, n, e);
}

bool httpd_socket_full(const struct httpd_socket *s)
{
	return s->out.len > QUEUE_FULL;
}

/* --- reading ---------------------------------------------------------------------------------- */

static void on_message(void *arg, enum ws_kind kind, const char *p, size_t n)
{
	struct httpd_socket *s = arg;

	if (!s->closing)
		s->ops->message(s->arg, kind, p, n);
}

/* The goodbye is over; what is queued still goes out. */
static void on_closed(void *arg, int code, const char *reason)
{
	struct httpd_socket *s = arg;

	s->closing = true;
	s->code = code;
	(void)snprintf(s->reason, sizeof(s->reason), "%s", reason);
	timer_start(s->goodbye, s->out.len ? GOODBYE_MS : 0);
}

static const struct ws_ops ws_ops = {on_send, on_message, NULL, on_closed};

static void read_some(struct httpd_socket *s)
{
	char chunk[CHUNK];
	ssize_t n = recv(s->fd, chunk, sizeof(chunk), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		finish(s);
		return;
	}
	s->heard_ms = loop_now_ms(s->loop);
	ws_feed(s->ws, chunk, (size_t)n);
}

static void on_ready(void *arg, int events)
{
	struct httpd_socket *s = arg;

	if (events & WATCH_WRITE)
		flush(s);
	if (s->request && (events & WATCH_READ))
		read_some(s);
	else if (s->request && (events & WATCH_HANGUP))
		finish(s);
	if (s->request && s->closing && s->code != WS_CLOSE_BROKEN && s->out.len == 0)
		finish(s);
}

void httpd_socket_pause(struct httpd_socket *s, bool pause)
{
	s->paused = pause;
	s->heard_ms = loop_now_ms(s->loop); /* while we did not listen nobody was silent */
	want(s);
}

/* Our ping stands behind what the peer has not read yet: somebody pages through the output. */
static bool unread(const struct httpd_socket *s)
{
	int bytes = 0;

	return s->out.len > 0 || (ioctl(s->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0);
}

static void on_ping(void *arg)
{
	struct httpd_socket *s = arg;

	if (unread(s)) {
		s->heard_ms = loop_now_ms(s->loop);
		timer_start(s->ping, PING_MS);
		return;
	}
	if (!s->paused && loop_now_ms(s->loop) - s->heard_ms >= SILENCE_MS) {
		finish(s);
		return;
	}
	ws_ping(s->ws);
	timer_start(s->ping, PING_MS);
}

void httpd_socket_close(struct httpd_socket *s, int code, const char *reason)
{
	if (!s->request || s->closing)
		return;
	s->closing = true;
	ws_close(s->ws, code, reason);
	timer_start(s->goodbye, GOODBYE_MS);
	want(s);
}

/* --- the beginning ---------------------------------------------------------------------------- */

static void on_upgraded(void *arg, struct MHD_Connection *c, void *request, const char *early,
	size_t early_len, MHD_socket fd, struct MHD_UpgradeResponseHandle *urh)
{
	struct request *r = request;
	struct httpd_socket *s = r->socket;
	int on = 1;

	if (!s) { /* cut meanwhile */
		MHD_upgrade_action(urh, MHD_UPGRADE_ACTION_CLOSE);
		return;
	}
	s->urh = urh;
	s->fd = fd;
	/* a keystroke must not wait for an acknowledgement; unix sockets do not know the option */
	(void)setsockopt(r->conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	s->watch = watch_new(s->loop, fd, on_ready, s);
	s->heard_ms = loop_now_ms(s->loop);
	timer_start(s->ping, PING_MS);
	flush(s);
	if (early_len > 0)
		ws_feed(s->ws, early, early_len);
}

/* Is `word` one of the comma-separated words of a header? */
static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (list && *list) {
		list += strspn(list, " \t,");
		size_t len = strcspn(list, " \t,");

		if (len == n && strncasecmp(list, word, n) == 0)
			return true;
		list += len;
	}
	return false;
}

static int check_handshake(const struct request *r, const char *protocol, struct err *e)
{
	const char *key = request_header(r, "Sec-WebSocket-Key");
	const char *version = request_header(r, "Sec-WebSocket-Version");

	if (!streq(r->method, "GET") || !has_word(request_header(r, "Upgrade"), "websocket") ||
		!has_word(request_header(r, "Connection"), "Upgrade"))
		return err_set(e, ERR_USAGE, "'%s' is a WebSocket; ask for an upgrade", r->path);
	if (!version || !streq(version, "13") || !key || strlen(key) != KEY_LEN)
		return err_set(
			e, ERR_USAGE, "the WebSocket handshake for '%s' is malformed", r->path);
	if (protocol && !has_word(request_header(r, "Sec-WebSocket-Protocol"), protocol))
		return err_set(
			e, ERR_USAGE, "'%s' speaks the subprotocol '%s' only", r->path, protocol);
	return 0;
}

static void answer_101(struct request *r, const char *protocol)
{
	struct MHD_Response *response = MHD_create_response_for_upgrade(on_upgraded, NULL);
	char accept[29];

	if (!response)
		abort();
	ws_accept(request_header(r, "Sec-WebSocket-Key"), accept);
	request_set_header(r, "Upgrade", "websocket");
	request_set_header(r, "Sec-WebSocket-Accept", accept);
	if (protocol)
		request_set_header(r, "Sec-WebSocket-Protocol", protocol);
	request_answer(r, ANSWER_SOCKET, 101, response);
}

int request_upgrade(struct request *r, const char *protocol, const struct httpd_socket_ops *ops,
	void *arg, struct httpd_socket **ret, struct err *e)
{
	if (!r->conn || r->answer != ANSWER_NONE)
		return err_set(e, ERR_STATE, "the client of '%s' is gone", r->path);
	int bad = check_handshake(r, protocol, e);
	if (bad < 0)
		return bad;
	struct httpd_socket *s = NEW(struct httpd_socket);
	s->request = r;
	s->loop = r->httpd->loop;
	s->ops = ops;
	s->arg = arg;
	s->code = WS_CLOSE_BROKEN;
	s->ws = ws_new(WS_SERVER, &ws_ops, s);
	s->ping = timer_new(s->loop, on_ping, s);
	s->goodbye = timer_new(s->loop, give_up, s);
	buf_init(&s->out, OUT_MAX);
	r->socket = s;
	*ret = s;
	answer_101(r, protocol);
	return 0;
}
