/*
 * stream.c - raw streams on a CONNECT_ONLY handle.
 *
 * What had to be found out about libcurl here: the handle must stay in its multi as long as it is
 * used; HTTP/1.1 must be forced, or a TLS peer that picks HTTP/2 crashes it; TLS may hold decrypted
 * bytes while the descriptor is silent, so reading goes on until CURLE_AGAIN; a TLS write that was
 * refused must be repeated from the same address; bytes of the stream may come together with the
 * head of the answer.
 *
 * A peer that stops reading may still have said something: an error of writing empties the queue,
 * and only the end of reading ends the stream.
 */
#include "net/stream.h"
#include "net/peer.h"

#include "base/str.h"

#include <sys/socket.h>

#define MAX_HEAD    (16u << 10)
#define MAX_REFUSAL (64u << 10)
#define MAX_QUEUE   (1u << 20)
#define FULL        (256u << 10)
#define DRAINED     (64u << 10)
#define CHUNK       (64u << 10)
#define RECORD      (16u << 10)
#define CHUNKS      8 /* per turn, so that one flood does not starve the others */

enum state {
	CONNECTING,
	HEAD,    /* the request is being written, the head of the answer read */
	REFUSED, /* the body of a refusal is being read */
	OPEN,
	DEAD,
};

struct stream {
	struct transfer transfer;
	struct list link;
	struct http *http;
	struct loop *loop;
	const struct stream_ops *ops;
	void *arg;
	enum state state;
	char *what; /* for error texts */
	bool tls, only_101;
	char curl_error[CURL_ERROR_SIZE];
	struct timer *deadline, *kick;
	int64_t deadline_ms;
	struct watch *watch;
	int fd;

	struct buf out;
	char *record; /* TLS only: what is being written now */
	size_t record_len;
	uint64_t sent;
	bool was_full, shut_wanted, shut;
	bool deaf; /* the peer does not read any more */

	struct buf in; /* the head, then what came with it or the body of a refusal */
	char *head;
	int status;
	size_t refusal_len; /* Content-Length of a refusal; SIZE_MAX = until the end */
	bool paused, ended;
};

/* --- the end ---------------------------------------------------------------------------------- */

static void close_stream(struct stream *s)
{
	if (s->state == DEAD)
		return;
	s->state = DEAD;
	list_unlink(&s->link);
	timer_free(s->deadline);
	timer_free(s->kick);
	watch_free(s->watch); /* before libcurl closes the descriptor */
	multi_remove(s->http->raw, &s->transfer);
	curl_easy_cleanup(s->transfer.easy);
	s->http = NULL;
}

static void free_stream(void *arg)
{
	struct stream *s = arg;

	buf_done(&s->in);
	buf_done(&s->out);
	free(s->record);
	free(s->what);
	free(s->head);
	free(s);
}

/* The memory lives until the end of the turn: we may be below one of the callbacks. */
void stream_free(struct stream *s)
{
	if (!s)
		return;
	close_stream(s);
	loop_defer(s->loop, free_stream, s);
}

static void fail(struct stream *s, const struct err *e)
{
	enum http_outcome how = s->status ? HTTP_ANSWERED
				: s->sent ? HTTP_MAYBE_SENT
					  : HTTP_NOT_SENT;
	bool was_open = s->state == OPEN;

	close_stream(s);
	if (was_open)
		s->ops->failed(s->arg, e);
	else
		s->ops->opened(s->arg, s->status, how, e);
}

static void fail_with(struct stream *s, int code, const char *why)
{
	struct err e;

	err_set(&e, code, "%s: %s", s->what, why);
	fail(s, &e);
}

static void on_deadline(void *arg)
{
	struct stream *s = arg;
	struct err e;

	err_set(&e, ERR_TIMEOUT, "%s: no answer within %s", s->what, str_human_ms(s->deadline_ms));
	fail(s, &e);
}

void streams_cancel(struct http *h)
{
	struct stream *s;

	while ((s = list_first(&h->streams, struct stream, link)))
		fail_with(s, ERR_CANCELED, "canceled");
}

/* --- writing ---------------------------------------------------------------------------------- */

static size_t queued(const struct stream *s)
{
	return s->out.len + s->record_len;
}

static void want(struct stream *s)
{
	watch_set(
		s->watch, (s->paused || s->ended ? 0 : WATCH_READ) | (queued(s) ? WATCH_WRITE : 0));
}

static void shut_when_empty(struct stream *s)
{
	if (!s->shut_wanted || s->shut || queued(s) || s->tls)
		return;
	s->shut = true;
	(void)shutdown(s->fd, SHUT_WR); /* a broken connection is seen when reading */
}

/* Write once; 0 = not now, or never again (deaf). */
static size_t send_some(struct stream *s, const char *p, size_t n)
{
	size_t sent = 0;
	CURLcode code = curl_easy_send(s->transfer.easy, p, n, &sent);

	s->deaf = code != CURLE_OK && code != CURLE_AGAIN;
	s->sent += sent;
	return code == CURLE_OK ? sent : 0;
}

/* Returns how many bytes of p need not be kept. */
static size_t push_plain(struct stream *s, const char *p, size_t n)
{
	size_t done = 0, now;

	while (done < n && (now = send_some(s, p + done, n - done)) > 0)
		done += now;
	return done;
}

/* After CURLE_AGAIN, OpenSSL wants the same bytes at the same address: they wait in `record`. */
static size_t push_tls(struct stream *s, const char *p, size_t n)
{
	size_t done = 0, now;

	if (!s->record)
		s->record = xmalloc(RECORD);
	for (;;) {
		if (s->record_len == 0) {
			s->record_len = MIN(n - done, (size_t)RECORD);
			memcpy(s->record, p + done, s->record_len);
			done += s->record_len;
		}
		if (s->record_len == 0 || (now = send_some(s, s->record, s->record_len)) == 0)
			return done;
		s->record_len -= now;
		memmove(s->record, s->record + now, s->record_len);
	}
}

static size_t push(struct stream *s, const char *p, size_t n)
{
	size_t done = s->tls ? push_tls(s, p, n) : push_plain(s, p, n);

	if (!s->deaf)
		return done;
	s->record_len = 0;
	return n; /* nobody will take it */
}

static void flush(struct stream *s)
{
	buf_drop(&s->out, push(s, buf_str(&s->out), s->out.len));
	shut_when_empty(s);
	want(s);
	if (s->state == OPEN && s->was_full && s->out.len <= DRAINED) {
		s->was_full = false;
		if (s->ops->drained)
			s->ops->drained(s->arg);
	}
}

int stream_write(struct stream *s, const void *p, size_t n, struct err *e)
{
	if (s->state != OPEN || s->shut_wanted)
		return err_set(e, ERR_STATE, "%s: the stream is not open for writing", s->what);
	if (s->deaf)
		return err_set(e, ERR_STATE, "%s: the peer does not read any more", s->what);
	if (n > MAX_QUEUE - s->out.len)
		return err_set(e, ERR_LIMIT, "%s: more than %s would wait to be written", s->what,
			str_human_size(MAX_QUEUE));
	size_t done = queued(s) ? 0 : push(s, p, n);
	(void)buf_add(&s->out, (const char *)p + done, n - done); /* fits */
	s->was_full = s->was_full || stream_full(s);
	want(s);
	return 0;
}

bool stream_full(const struct stream *s)
{
	return s->out.len > FULL;
}

void stream_shutdown(struct stream *s)
{
	if (s->state != OPEN)
		return;
	s->shut_wanted = true;
	shut_when_empty(s);
}

/* --- the answer ------------------------------------------------------------------------------- */

static int refusal_code(int status)
{
	return status < 300    ? ERR_PROTO
	       : status == 404 ? ERR_NOT_FOUND
	       : status == 409 ? ERR_STATE
			       : ERR_ENGINE;
}

static void refuse(struct stream *s)
{
	size_t n = MIN(s->in.len, (size_t)256);
	_cleanup_free_ char *text = str_visible(buf_str(&s->in), n, false);
	struct err e;

	err_set(&e, refusal_code(s->status), "%s was answered %d: %s", s->what, s->status, text);
	fail(s, &e);
}

/* Is the body of a refusal whole? (Of a chunked one the framing stays in the text.) */
static bool refusal_whole(const struct stream *s)
{
	if (s->in.len >= MIN(s->refusal_len, (size_t)MAX_REFUSAL))
		return true;
	return s->refusal_len == SIZE_MAX && s->in.len >= 5 &&
	       memcmp(s->in.data + s->in.len - 5, "0\r\n\r\n", 5) == 0;
}

static bool accepted(const struct stream *s)
{
	_cleanup_free_ char *length = http_header(s->head, "Content-Length");
	_cleanup_free_ char *coding = http_header(s->head, "Transfer-Encoding");

	if (s->status == 101)
		return true;
	return s->status == 200 && !s->only_101 && !length && !coding;
}

static void deliver(struct stream *s, const char *p, size_t n)
{
	s->ended = n == 0;
	if (s->ended)
		want(s);
	s->ops->data(s->arg, p, n);
}

/* What came together with the head. */
static void deliver_early(struct stream *s)
{
	struct buf early = s->in;

	if (s->state != OPEN || s->paused || s->in.len == 0)
		return;
	buf_init(&s->in, 0);
	deliver(s, early.data, early.len);
	buf_done(&early);
}

static void open_now(struct stream *s)
{
	struct err none = ERR_NONE;

	timer_stop(s->deadline);
	s->state = OPEN;
	s->ops->opened(s->arg, s->status, HTTP_ANSWERED, &none);
	deliver_early(s);
}

/* s->in holds a whole head of `len` bytes. */
static void take_head(struct stream *s, size_t len)
{
	const char *p = s->in.data;
	bool http = str_starts(p, "HTTP/1.1 ") || str_starts(p, "HTTP/1.0 ");
	int status = http ? atoi(p + 9) : 0;

	if (status < 100 || status > 599) {
		fail_with(s, ERR_PROTO, "the peer does not speak HTTP");
		return;
	}
	if (status < 200 && status != 101) { /* 100 Continue: the answer follows */
		buf_drop(&s->in, len);
		return;
	}
	const char *lines = strchr(p, '\n') + 1;
	s->head = xstrndup(lines, len - (size_t)(lines - p) - 2);
	s->status = status;
	buf_drop(&s->in, len);
	if (accepted(s)) {
		open_now(s);
		return;
	}
	_cleanup_free_ char *length = http_header(s->head, "Content-Length");
	s->refusal_len = length ? (size_t)strtoull(length, NULL, 10) : SIZE_MAX;
	s->state = REFUSED;
}

static void feed(struct stream *s, const char *p, size_t n)
{
	if (s->state == OPEN) {
		deliver(s, p, n);
		return;
	}
	(void)buf_add(
		&s->in, p, MIN(n, s->in.max - s->in.len)); /* fits; more of a refusal is dropped */
	while (s->state == HEAD && s->in.len > 0) {
		const char *end = strstr(s->in.data, "\r\n\r\n");
		size_t len = end ? (size_t)(end - s->in.data) + 4 : s->in.len;

		if (len > MAX_HEAD) {
			fail_with(s, ERR_LIMIT, "the head of the answer is too large");
			return;
		}
		if (!end)
			return;
		take_head(s, len);
	}
	if (s->state == REFUSED && refusal_whole(s))
		refuse(s);
}

static void end_of_input(struct stream *s)
{
	if (s->state == OPEN)
		deliver(s, "", 0);
	else if (s->state == REFUSED)
		refuse(s);
	else
		fail_with(s, ERR_UNKNOWN, "the connection was closed before the answer");
}

/* --- reading ---------------------------------------------------------------------------------- */

static void read_some(struct stream *s)
{
	_cleanup_free_ char *chunk = xmalloc(CHUNK);

	deliver_early(s);
	for (int i = 0; i < CHUNKS; i++) {
		size_t n = 0;

		if (s->state == DEAD || s->paused || s->ended)
			return;
		CURLcode code = curl_easy_recv(s->transfer.easy, chunk, CHUNK, &n);
		if (code == CURLE_AGAIN)
			return;
		if (code != CURLE_OK)
			fail_with(s, ERR_UNKNOWN, "the connection broke");
		else if (n == 0)
			end_of_input(s);
		else
			feed(s, chunk, n);
	}
	if (s->state != DEAD)
		timer_start(s->kick, 0); /* TLS may hold more than the descriptor shows */
}

static void on_kick(void *arg)
{
	read_some(arg);
}

static void on_ready(void *arg, int events)
{
	struct stream *s = arg;

	if (events & WATCH_WRITE)
		flush(s);
	if (s->state != DEAD && (events & WATCH_READ))
		read_some(s);
}

void stream_pause(struct stream *s, bool pause)
{
	if (s->state == DEAD || s->paused == pause)
		return;
	s->paused = pause;
	if (s->watch)
		want(s);
	if (!pause && s->state == OPEN)
		timer_start(s->kick, 0);
}

/* --- the start -------------------------------------------------------------------------------- */

static void on_connected(struct transfer *t, CURLcode code)
{
	struct stream *s = container_of(t, struct stream, transfer);
	curl_socket_t fd = CURL_SOCKET_BAD;
	struct err e;

	if (code == CURLE_OK)
		code = curl_easy_getinfo(t->easy, CURLINFO_ACTIVESOCKET, &fd);
	if (code != CURLE_OK || fd == CURL_SOCKET_BAD) {
		peer_unreachable(s->http, t->easy, code,
			s->curl_error[0] ? s->curl_error : curl_easy_strerror(code), &e);
		fail(s, &e);
		return;
	}
	multi_release(s->http->raw, fd);
	s->fd = fd;
	s->watch = watch_new(s->loop, fd, on_ready, s);
	s->state = HEAD;
	flush(s);
}

/* "http://host:port/prefix": the Host header and what goes before every path. */
static void write_request(struct stream *s, const char *method, const char *path,
	const char *upgrade, char *const *headers, const void *body, size_t body_len)
{
	const char *host = strstr(s->http->base_url, "://");
	struct buf *out = &s->out;

	host = host ? host + 3 : s->http->base_url;
	size_t n = strcspn(host, "/");
	buf_addf(out, "%s %s%s HTTP/1.1\r\nHost: %.*s\r\n", method, host + n, path, (int)n, host);
	buf_addf(out, "Connection: Upgrade\r\nUpgrade: %s\r\n", upgrade);
	for (; headers && *headers; headers++)
		buf_addf(out, "%s\r\n", *headers);
	if (body)
		buf_addf(out, "Content-Type: application/json\r\n");
	if (body || streq(method, "POST"))
		buf_addf(out, "Content-Length: %zu\r\n", body_len);
	buf_adds(out, "\r\n");
	buf_add(out, body, body ? body_len : 0);
}

static void on_malformed(void *arg)
{
	fail_with(arg, ERR_INTERNAL, "the request is not well formed");
}

struct stream *stream_open(struct http *h, const char *method, const char *path,
	const char *upgrade, char *const *headers, const void *body, size_t body_len,
	int64_t deadline_ms, const struct stream_ops *ops, void *arg)
{
	struct stream *s = NEW(struct stream);
	bool ok = peer_well_formed(method, path, headers);

	s->http = h;
	s->loop = h->loop;
	s->ops = ops;
	s->arg = arg;
	s->what = strf("%s '%s' to '%s'", method, path, peer_name(h));
	s->tls = str_starts(h->base_url, "https:");
	s->only_101 = streq(upgrade, "websocket");
	s->deadline_ms = deadline_ms;
	s->deadline = timer_new(s->loop, on_deadline, s);
	s->kick = timer_new(s->loop, ok ? on_kick : on_malformed, s);
	buf_init(&s->in, MAX_REFUSAL + CHUNK);
	buf_init(&s->out, MAX_QUEUE);
	list_init(&s->link);
	list_append(&h->streams, &s->link);
	write_request(s, method, path, upgrade, headers, body, body_len);
	s->transfer = (struct transfer){peer_easy(h, "/", s->curl_error), on_connected};
	curl_easy_setopt(s->transfer.easy, CURLOPT_CONNECT_ONLY, 1L);
	if (deadline_ms > 0)
		timer_start(s->deadline, deadline_ms);
	if (ok)
		multi_add(h->raw, &s->transfer);
	else
		timer_start(s->kick, 0);
	return s;
}

const char *stream_head(const struct stream *s)
{
	return s->head ? s->head : "";
}

const char *stream_refusal(const struct stream *s)
{
	return s->status && s->status != 101 ? buf_str(&s->in) : "";
}
