/*
 * stream.c - raw streams: request, head and refusal of the peer, then queues of bytes both ways.
 *
 * The wire may hold bytes that its descriptor does not show, so reading goes on until it has none;
 * bytes of the stream may come together with the head of the answer.
 *
 * A peer that stops reading may still have said something: an error of writing empties the queue,
 * and only the end of reading ends the stream.
 */
#include "net/stream.h"
#include "net/carrier.h"

#include "base/str.h"

#include <errno.h>

#define MAX_HEAD    (16u << 10)
#define MAX_REFUSAL (64u << 10)
#define MAX_QUEUE   (1u << 20)
#define FULL        (256u << 10)
#define DRAINED     (64u << 10)
#define CHUNK       (64u << 10)
#define CHUNKS      8 /* per turn, so that one flood does not starve the others */

enum state {
	CONNECTING,
	HEAD,    /* the request is being written, the head of the answer read */
	REFUSED, /* the body of a refusal is being read */
	OPEN,
	DEAD,
};

struct stream {
	struct wire *wire;
	struct list link;
	struct http *http;
	struct loop *loop;
	const struct stream_ops *ops;
	void *arg;
	enum state state;
	char *what; /* for error texts */
	bool only_101;
	struct timer *deadline, *kick;
	int64_t deadline_ms;
	struct watch *watch;

	struct buf out;
	bool sent; /* something of it */
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
	watch_free(s->watch);
	wire_close(s->wire);
	s->http = NULL;
}

static void free_stream(void *arg)
{
	struct stream *s = arg;

	buf_done(&s->in);
	buf_done(&s->out);
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
	return s->out.len + wire_held(s->wire);
}

static void want(struct stream *s)
{
	watch_set(
		s->watch, (s->paused || s->ended ? 0 : WATCH_READ) | (queued(s) ? WATCH_WRITE : 0));
}

static void shut_when_empty(struct stream *s)
{
	if (!s->shut_wanted || s->shut || queued(s))
		return;
	s->shut = true;
	wire_shut(s->wire);
}

/* Returns how many bytes of p need not be kept. */
static size_t push(struct stream *s, const char *p, size_t n)
{
	size_t done = 0;
	ssize_t now;

	do {
		now = wire_send(s->wire, p + done, n - done);
		if (now < 0) {
			s->deaf = true;
			return n; /* nobody will take it */
		}
		s->sent = s->sent || now > 0;
		done += (size_t)now;
	} while (now > 0 && done < n);
	return done;
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
	const char *lines;
	int status = message_status(s->in.data, &lines);

	if (status < 0) {
		fail_with(s, ERR_PROTO, "the peer does not speak HTTP");
		return;
	}
	if (status < 200 && status != 101) { /* 100 Continue: the answer follows */
		buf_drop(&s->in, len);
		return;
	}
	s->head = xstrndup(lines, len - (size_t)(lines - s->in.data) - 2);
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
		size_t len = message_head(s->in.data);

		if ((len ? len : s->in.len) > MAX_HEAD) {
			fail_with(s, ERR_LIMIT, "the head of the answer is too large");
			return;
		}
		if (!len)
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
		if (s->state == DEAD || s->paused || s->ended)
			return;
		ssize_t n = wire_recv(s->wire, chunk, CHUNK);
		if (n == -EAGAIN)
			return;
		if (n < 0)
			fail_with(s, ERR_UNKNOWN, "the connection broke");
		else if (n == 0)
			end_of_input(s);
		else
			feed(s, chunk, (size_t)n);
	}
	if (s->state != DEAD)
		timer_start(s->kick, 0); /* the descriptor may not show what there still is */
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

static void on_connected(void *arg, int fd, const char *why)
{
	struct stream *s = arg;
	struct err e;

	if (fd < 0) {
		peer_unreachable(s->http, why, &e);
		fail(s, &e);
		return;
	}
	s->watch = watch_new(s->loop, fd, on_ready, s);
	s->state = HEAD;
	flush(s);
}

static void write_request(struct stream *s, const char *method, const char *path,
	const char *upgrade, char *const *headers, const void *body, size_t body_len)
{
	struct buf *out = &s->out;

	message_begin(out, s->http, method, path);
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
	bool ok = message_well_formed(method, path, headers);

	s->http = h;
	s->loop = h->loop;
	s->ops = ops;
	s->arg = arg;
	s->what = strf("%s '%s' to '%s'", method, path, peer_name(h));
	s->only_101 = streq(upgrade, "websocket");
	s->deadline_ms = deadline_ms;
	s->deadline = timer_new(s->loop, on_deadline, s);
	s->kick = timer_new(s->loop, ok ? on_kick : on_malformed, s);
	buf_init(&s->in, MAX_REFUSAL + CHUNK);
	buf_init(&s->out, MAX_QUEUE);
	list_init(&s->link);
	list_append(&h->streams, &s->link);
	write_request(s, method, path, upgrade, headers, body, body_len);
	if (deadline_ms > 0)
		timer_start(s->deadline, deadline_ms);
	if (ok)
		s->wire = wire_open(h, on_connected, s);
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
