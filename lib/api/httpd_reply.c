/*
 * httpd_reply.c - answers: whole, in pieces, as events.
 *
 * A piece goes into `out`; libmicrohttpd asks read_out() for it when the client can take more. With
 * nothing to give, the connection is suspended there (returning 0 without that would be asked again
 * at once, for ever) and woken by the next piece. Nobody reads from a suspended connection, so a
 * watch tells when the client of a stream has left.
 */
#include "api/httpd_impl.h"

#include "base/str.h"

#define BLOCK        (16u << 10)
#define KEEPALIVE_MS 15000

/* --- queueing --------------------------------------------------------------------------------- */

void request_wake(struct request *r)
{
	if (!r->suspended || !r->conn)
		return;
	r->suspended = false;
	MHD_resume_connection(r->conn->mhd);
	httpd_kick(r->httpd);
}

void request_set_header(struct request *r, const char *name, const char *value)
{
	if (!r->headers)
		r->headers = map_new(free);
	map_put(r->headers, name, xstrdup(value));
}

void request_answer(
	struct request *r, enum answer kind, unsigned status, struct MHD_Response *response)
{
	const char *name, *value;

	for (size_t i = 0; r->headers && map_each(r->headers, &i, &name, &value);)
		if (MHD_add_response_header(response, name, value) != MHD_YES)
			abort(); /* our own words: a line break in one is a broken promise */
	r->answer = kind;
	r->status = status;
	r->response = response;
	request_wake(r);
}

enum MHD_Result request_send(struct request *r)
{
	struct MHD_Response *response = TAKE(r->response);
	enum MHD_Result ok = MHD_queue_response(r->conn->mhd, r->status, response);

	MHD_destroy_response(response); /* libmicrohttpd has its own reference */
	return ok;
}

void request_cut(struct request *r)
{
	if (!r->conn)
		return;
	r->broken = true;
	if (r->socket)
		socket_cut(r->socket);
	request_wake(r);
}

void reply_done(struct request *r)
{
	map_free(r->headers);
	buf_done(&r->out);
	if (r->response)
		MHD_destroy_response(TAKE(r->response));
}

/* --- whole ------------------------------------------------------------------------------------ */

void request_reply(struct request *r, int status, const char *content_type, struct buf *body)
{
	size_t n = body ? body->len : 0;
	char *data = body ? buf_take(body) : NULL;

	if (!r->conn || r->answer != ANSWER_NONE) {
		free(data);
		return;
	}
	struct MHD_Response *response =
		MHD_create_response_from_buffer(n, data, MHD_RESPMEM_MUST_FREE);
	if (!response)
		abort();
	if (content_type)
		request_set_header(r, "Content-Type", content_type);
	request_answer(r, ANSWER_WHOLE, (unsigned)status, response);
}

/* --- in pieces -------------------------------------------------------------------------------- */

static size_t waiting(const struct request *r)
{
	return r->out.len - r->out_taken;
}

static void forget_taken(struct request *r)
{
	if (r->out_taken < r->out.len && r->out_taken < QUEUE_FULL)
		return; /* moving the rest costs more than the room is worth */
	buf_drop(&r->out, r->out_taken);
	r->out_taken = 0;
	if (r->out.len == 0 && r->out.cap > QUEUE_DRAINED)
		buf_done(&r->out);
}

static ssize_t read_out(void *arg, uint64_t pos, char *p, size_t max)
{
	struct request *r = arg;
	size_t n = MIN(waiting(r), max);

	if (r->broken)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n > 0) {
		memcpy(p, r->out.data + r->out_taken, n);
		r->out_taken += n;
		forget_taken(r);
	}
	if (r->was_full && waiting(r) <= QUEUE_DRAINED) {
		r->was_full = false;
		if (r->drained)
			r->drained(r->drained_arg);
	}
	if (n > 0)
		return (ssize_t)n;
	if (waiting(r) > 0) /* drained() has brought more */
		return read_out(arg, pos, p, max);
	if (r->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	r->suspended = true;
	MHD_suspend_connection(r->conn->mhd);
	return 0;
}

static void release(void *arg)
{
	request_unref(arg);
}

static void on_hangup(void *arg, int events)
{
	struct request *r = arg;

	watch_set(r->hangup, 0);
	request_cut(r);
}

static bool begin_stream(struct request *r, enum answer kind, int status, const char *content_type,
	loop_cb drained, void *arg)
{
	if (!r->conn || r->answer != ANSWER_NONE)
		return false;
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, BLOCK, read_out, request_ref(r), release);
	if (!response)
		abort();
	r->drained = drained;
	r->drained_arg = arg;
	r->hangup = watch_new(r->httpd->loop, r->conn->fd, on_hangup, r);
	watch_set(r->hangup, WATCH_HANGUP);
	request_set_header(r, "Content-Type", content_type);
	request_answer(r, kind, (unsigned)status, response);
	return true;
}

void request_stream(
	struct request *r, int status, const char *content_type, loop_cb drained, void *arg)
{
	(void)begin_stream(r, ANSWER_STREAM, status, content_type, drained, arg);
}

static bool can_write(const struct request *r)
{
	return r->conn && !r->ended && !r->broken &&
	       (r->answer == ANSWER_STREAM || r->answer == ANSWER_SSE);
}

int request_write(struct request *r, const void *p, size_t n, struct err *e)
{
	if (!can_write(r))
		return err_set(e, ERR_STATE, "the client of '%s' takes no more", r->path);
	if (n > QUEUE_MAX - waiting(r))
		return err_set(e, ERR_LIMIT, "the client of '%s' is too slow: %s would wait",
			r->path, str_human_size(QUEUE_MAX));
	if (n > r->out.max - r->out.len) {
		buf_drop(&r->out, r->out_taken);
		r->out_taken = 0;
	}
	(void)buf_add(&r->out, p, n); /* fits */
	r->was_full = r->was_full || request_full(r);
	request_wake(r);
	return 0;
}

bool request_full(const struct request *r)
{
	return waiting(r) > QUEUE_FULL;
}

void request_end(struct request *r, bool whole)
{
	if (!can_write(r))
		return;
	if (!whole) {
		request_cut(r);
		return;
	}
	r->ended = true;
	timer_free(TAKE(r->keepalive));
	request_wake(r);
}

/* --- events ----------------------------------------------------------------------------------- */

static void keep_alive(void *arg)
{
	struct request *r = arg;

	(void)request_write(r, ":\n\n", 3, NULL); /* a client that is too slow is seen elsewhere */
	timer_start(r->keepalive, KEEPALIVE_MS);
}

void request_sse(struct request *r, loop_cb drained, void *arg)
{
	if (r->answer == ANSWER_NONE)
		request_set_header(r, "Cache-Control", "no-store");
	if (!begin_stream(r, ANSWER_SSE, 200, "text/event-stream", drained, arg))
		return;
	r->keepalive = timer_new(r->httpd->loop, keep_alive, r);
	timer_start(r->keepalive, KEEPALIVE_MS);
}

int request_sse_send(
	struct request *r, const char *event, const char *id, const char *data, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF(QUEUE_MAX);

	if (id)
		(void)buf_addf(&b, "id: %s\n", id);
	if (event)
		(void)buf_addf(&b, "event: %s\n", event);
	for (const char *line = data;; line++) {
		size_t n = strcspn(line, "\r\n");

		(void)buf_addf(&b, "data: %.*s\n", (int)n, line);
		line += n;
		if (!*line)
			break;
	}
	if (buf_addc(&b, '\n') < 0 || b.full)
		return err_set(e, ERR_LIMIT, "an event of '%s' is larger than %s", r->path,
			str_human_size(QUEUE_MAX));
	int err = request_write(r, b.data, b.len, e);
	if (err == 0 && r->keepalive)
		timer_start(r->keepalive, KEEPALIVE_MS);
	return err;
}
