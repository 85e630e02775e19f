/*
 * exchange.c - a request and its answer on a connection to a unix socket: HTTP/1.1.
 *
 * What comes is gathered in `in` and worked off from `at`: the head, then the body in the framing
 * that the head tells. An answer that ends where it has to leaves the connection for the next
 * call; after anything else it is closed.
 *
 * A kept connection may turn out to be closed by the peer. A request of which the peer can have
 * made nothing is then sent again on a new one, once.
 */
#include "net/local/pool.h"

#include "base/str.h"

#include <errno.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK    (64u << 10)
#define CHUNKS   8    /* per turn, so that one flood does not starve the others */
#define MAX_LINE 4096 /* of the framing */

static const char cut[] = "the connection was closed before the answer was whole";

/* What comes next. */
enum part {
	HEAD,
	LENGTH,     /* `left` bytes of the body */
	ALL,        /* bytes of the body until the peer closes */
	CHUNK_SIZE, /* a line */
	CHUNK_DATA, /* `left` bytes */
	CHUNK_END,  /* an empty line */
	TRAILER,    /* lines, the last one empty */
	NOTHING,
};

struct exchange {
	struct list line; /* in carrier->line */
	struct http *http;
	struct http_op *op;
	const struct request *request;
	struct dial *dial;
	struct watch *watch;
	int fd;
	bool counted; /* in carrier->calls */
	bool kept;    /* the connection served another one before */

	struct buf out;
	bool uploading, upload_paused;
	bool sent, deaf; /* the peer does not read any more */

	struct buf in;
	size_t at;
	enum part part;
	uint64_t left;
	bool heard, close, paused;
};

/* --- the end ---------------------------------------------------------------------------------- */

static void begin(struct exchange *x);

bool exchange_sent(const struct exchange *x)
{
	return x->sent;
}

static bool reusable(const struct exchange *x)
{
	return x->part == NOTHING && !x->close && x->at == x->in.len && !x->out.len &&
	       !x->uploading && !x->deaf;
}

static void disconnect(struct exchange *x)
{
	watch_free(TAKE(x->watch));
	if (x->fd >= 0 && reusable(x))
		pool_give(x->http->carrier, x->fd);
	else
		close_fd(&x->fd);
	x->fd = -1;
}

/* Whoever waits in line has its turn. */
static void leave(struct carrier *c)
{
	struct exchange *next = list_first(&c->line, struct exchange, line);

	c->calls--;
	if (next)
		begin(next);
}

void exchange_free(struct exchange *x)
{
	if (!x)
		return;
	disconnect(x);
	dial_free(x->dial);
	list_unlink(&x->line);
	if (x->counted)
		leave(x->http->carrier);
	buf_done(&x->out);
	buf_done(&x->in);
	free(x);
}

static void redial(struct exchange *x);

/* The connection is of no use any more. */
static void broke(struct exchange *x)
{
	bool untouched = !x->sent || request_reads(x->request);

	if (x->kept && !x->heard && untouched && !x->request->upload)
		redial(x);
	else
		op_ended(x->op, x->sent ? ERR_UNKNOWN : ERR_UNREACHABLE, cut);
}

/* --- sending ---------------------------------------------------------------------------------- */

static void write_request(struct exchange *x)
{
	const struct request *r = x->request;
	struct buf *out = &x->out;

	buf_clear(out);
	message_begin(out, x->http, r->method, r->path);
	for (char **h = r->headers; *h; h++)
		buf_addf(out, "%s\r\n", *h);
	if (r->upload)
		buf_adds(out, "Transfer-Encoding: chunked\r\n");
	else if (r->body || streq(r->method, "POST"))
		buf_addf(out, "Content-Length: %zu\r\n", r->body_len);
	buf_adds(out, "\r\n");
	buf_add(out, r->body, r->body_len);
	x->uploading = r->upload;
}

static void stop_sending(struct exchange *x)
{
	x->deaf = true;
	x->uploading = false;
	buf_clear(&x->out);
}

/* The next piece of the upload. Negative = stop. */
static int fill(struct exchange *x)
{
	_cleanup_free_ char *piece = xmalloc(CHUNK);
	int64_t n = op_upload(x->op, piece, CHUNK);

	x->upload_paused = n == HTTP_PAUSE;
	if (n < 0 || n == HTTP_PAUSE)
		return n < 0 ? -1 : 0;
	x->uploading = n > 0;
	buf_addf(&x->out, "%zx\r\n", (size_t)n);
	buf_add(&x->out, piece, (size_t)n);
	buf_adds(&x->out, "\r\n");
	return 0;
}

/* Write once. False when nothing can be written now. */
static bool send_some(struct exchange *x)
{
	ssize_t n = send(x->fd, x->out.data, x->out.len, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		stop_sending(x); /* an answer may have come before; reading finds the end */
	if (n <= 0)
		return false;
	x->sent = true;
	buf_drop(&x->out, (size_t)n);
	return true;
}

static void want(struct exchange *x)
{
	bool more = x->out.len || (x->uploading && !x->upload_paused);

	watch_set(x->watch, (x->paused ? 0 : WATCH_READ) | (more ? WATCH_WRITE : 0));
}

/* False when the operation has ended. */
static bool flush(struct exchange *x)
{
	for (int i = 0; i < CHUNKS; i++) {
		if (!x->out.len && x->uploading && !x->upload_paused && fill(x) < 0) {
			op_ended(x->op, ERR_UNKNOWN, cut);
			return false;
		}
		if (!x->out.len || !send_some(x))
			break;
	}
	want(x);
	return true;
}

/* --- the answer ------------------------------------------------------------------------------- */

/* How the body is framed. Negative = it cannot be told. */
static int frame(struct exchange *x, int status, const char *lines)
{
	_cleanup_free_ char *length = http_header(lines, "Content-Length"),
			    *coding = http_header(lines, "Transfer-Encoding"),
			    *connection = http_header(lines, "Connection");
	int64_t n = 0;

	x->close = connection && strcasecmp(connection, "close") == 0;
	if (coding && strcasecmp(coding, "chunked") != 0)
		return -1;
	if (!coding && length && str_int(length, 0, INT64_MAX, &n, NULL) < 0)
		return -1;
	x->left = (uint64_t)n;
	x->part = streq(x->request->method, "HEAD") || status == 204 || status == 304 ? NOTHING
		  : coding                                                            ? CHUNK_SIZE
		  : length                                                            ? LENGTH
										      : ALL;
	return 0;
}

/* The steps below return 1 to go on, 0 to wait for more, -1 = stop, or no HTTP. */

static int take_head(struct exchange *x)
{
	const char *head = x->in.data + x->at, *lines;
	size_t waiting = x->in.len - x->at, len = message_head(head);

	if (!len && waiting <= OP_MAX_HEAD)
		return 0;
	if (!len)
		return op_head_lines(x->op, head, waiting) < 0 ? -1 : 0; /* refused */
	int status = message_status(head, &lines);
	if (status < 0)
		return -1;
	x->at += len;
	if (status < 200)
		return 1; /* 100 Continue and the like: the answer follows */
	_cleanup_free_ char *text = xstrndup(lines, len - (size_t)(lines - head) - 2);
	if (frame(x, status, text) < 0 || op_head_lines(x->op, text, strlen(text)) < 0)
		return -1;
	if (status >= 300 && x->uploading)
		stop_sending(x); /* nobody wants the rest */
	return op_head_end(x->op, status) < 0 ? -1 : 1;
}

static int take_body(struct exchange *x, size_t n)
{
	int64_t r = op_body(x->op, x->in.data + x->at, n);

	x->paused = r == HTTP_PAUSE;
	if (r < 0 || x->paused)
		return r < 0 ? -1 : 0;
	x->at += n;
	return 1;
}

/* As much of `left` as there is; then comes `next`. */
static int take_counted(struct exchange *x, enum part next)
{
	size_t n = MIN(x->in.len - x->at, x->left);
	int r = n ? take_body(x, n) : 1;

	if (r > 0)
		x->left -= n;
	if (r > 0 && !x->left)
		x->part = next;
	return r;
}

/* Without its end; valid until more is read. */
static int take_line(struct exchange *x, const char **ret)
{
	char *line = x->in.data + x->at, *end = memchr(line, '\n', x->in.len - x->at);

	if (!end)
		return x->in.len - x->at > MAX_LINE ? -1 : 0;
	if (end == line || end[-1] != '\r')
		return -1;
	end[-1] = '\0';
	x->at += (size_t)(end + 1 - line);
	*ret = line;
	return 1;
}

static int take_size(struct exchange *x)
{
	const char *line;
	int r = take_line(x, &line);

	if (r <= 0)
		return r;
	size_t digits = strspn(line, "0123456789abcdefABCDEF");
	if (!digits || digits > 15 || !strchr("; \t", line[digits])) /* or the end */
		return -1;
	x->left = strtoull(line, NULL, 16);
	x->part = x->left ? CHUNK_DATA : TRAILER;
	return 1;
}

static int take_empty_line(struct exchange *x)
{
	const char *line;
	int r = take_line(x, &line);

	if (r > 0)
		x->part = CHUNK_SIZE;
	return r > 0 && *line ? -1 : r;
}

static int take_trailer(struct exchange *x)
{
	const char *line;
	int r = take_line(x, &line);

	if (r > 0 && !*line)
		x->part = NOTHING;
	return r;
}

static int take(struct exchange *x)
{
	if (x->at == x->in.len && (x->part != LENGTH || x->left))
		return 0;
	switch (x->part) {
	case HEAD:
		return take_head(x);
	case LENGTH:
		return take_counted(x, NOTHING);
	case ALL:
		return take_body(x, x->in.len - x->at);
	case CHUNK_SIZE:
		return take_size(x);
	case CHUNK_DATA:
		return take_counted(x, CHUNK_END);
	case CHUNK_END:
		return take_empty_line(x);
	case TRAILER:
		return take_trailer(x);
	case NOTHING:
		break;
	}
	return 0;
}

/* False when the operation has ended. */
static bool work_off(struct exchange *x)
{
	int r = 1;

	while (r > 0 && x->part != NOTHING)
		r = take(x);
	if (r >= 0 && x->part != NOTHING) {
		buf_drop(&x->in, x->at);
		x->at = 0;
		return true;
	}
	op_ended(x->op, r < 0 ? ERR_PROTO : 0, "the peer does not speak HTTP");
	return false;
}

static void end_of_input(struct exchange *x, bool clean)
{
	if (!clean || x->part != ALL) {
		broke(x);
		return;
	}
	x->close = true;
	x->part = NOTHING;
	op_ended(x->op, 0, NULL);
}

static void hear(struct exchange *x)
{
	for (int i = 0; i < CHUNKS && !x->paused; i++) {
		ssize_t n = recv(x->fd, buf_room(&x->in, CHUNK), CHUNK, 0); /* always fits */

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			end_of_input(x, n == 0);
			return;
		}
		x->heard = true;
		buf_grew(&x->in, (size_t)n);
		if (!work_off(x))
			return;
	}
	want(x);
}

/* --- the start -------------------------------------------------------------------------------- */

static void on_ready(void *arg, int events)
{
	struct exchange *x = arg;

	if ((events & WATCH_WRITE) && !flush(x))
		return;
	if (events & WATCH_READ)
		hear(x);
}

static void connected(struct exchange *x)
{
	x->watch = watch_new(x->http->loop, x->fd, on_ready, x);
	write_request(x);
	(void)flush(x);
}

static void on_dialed(void *arg, int fd, const char *why)
{
	struct exchange *x = arg;

	x->fd = fd;
	if (fd < 0)
		op_ended(x->op, x->sent ? ERR_UNKNOWN : ERR_UNREACHABLE, why);
	else
		connected(x);
}

static void redial(struct exchange *x)
{
	disconnect(x);
	dial_free(x->dial);
	x->kept = x->deaf = false;
	x->dial = dial_new(x->http, on_dialed, x);
}

static void begin(struct exchange *x)
{
	struct carrier *c = x->http->carrier;

	list_unlink(&x->line);
	x->counted = !x->request->bulk;
	c->calls += x->counted;
	x->fd = pool_take(c);
	x->kept = x->fd >= 0;
	if (x->kept)
		connected(x);
	else
		x->dial = dial_new(x->http, on_dialed, x);
}

void exchange_start(
	struct exchange **ret, struct http *h, const struct request *request, struct http_op *op)
{
	struct exchange *x = *ret = NEW(struct exchange);

	x->http = h;
	x->op = op;
	x->request = request;
	x->fd = -1;
	buf_init(&x->in, OP_MAX_HEAD + CHUNK);
	buf_init(&x->out, SIZE_MAX / 2); /* ours: a head, and the body that the caller has */
	list_init(&x->line);
	if (!request->bulk && h->carrier->calls >= MAX_CALLS)
		list_append(&h->carrier->line, &x->line);
	else
		begin(x);
}

void exchange_resume(struct exchange *x)
{
	x->paused = x->upload_paused = false;
	if (work_off(x))
		(void)flush(x);
}
