/*
 * http.c - requests: one object per operation.
 *
 * A completion may not come from inside start, nor from inside a callback. So http_send,
 * http_resume and http_cancel only put the operation on a list that is worked off in the next
 * turn, and what a callback returns is only noted; finish() alone completes an operation, when its
 * carrier says that it has ended, from a timer or the list.
 */
#include "net/carrier.h"

#include "base/str.h"

#define MAX_BODY       (8u << 20)
#define MAX_ERROR_BODY (64u << 10)

struct http_op {
	struct list link, todo;
	struct http *http;
	struct request request;
	struct exchange *exchange; /* NULL until started */
	struct timer *deadline, *silence;
	int (*on_head)(void *, int, struct err *);
	int64_t (*on_data)(void *, const char *, size_t, struct err *);
	int64_t (*on_send)(void *, char *, size_t, struct err *);
	int64_t deadline_ms, silence_ms;
	uint64_t max_stream; /* of on_data; 0 = no limit */
	http_done done;
	void *arg;

	int status; /* of the final head, once it is whole */
	struct buf head, body;
	uint64_t received;
	bool paused;
	bool canceled;
	bool enough; /* the kept part of an error body is full */
	struct err err;
};

bool request_reads(const struct request *r)
{
	return streq(r->method, "GET") || streq(r->method, "HEAD");
}

/* --- the end ---------------------------------------------------------------------------------- */

static void free_op(struct http_op *op)
{
	exchange_free(op->exchange);
	timer_free(op->deadline);
	timer_free(op->silence);
	free(op->request.method);
	free(op->request.path);
	strv_free(op->request.headers);
	free(op->request.body);
	buf_done(&op->head);
	buf_done(&op->body);
	free(op);
}

static void finish(struct http_op *op)
{
	bool sent = op->exchange && exchange_sent(op->exchange);
	struct http_result r = {
		.outcome = op->status ? HTTP_ANSWERED
			   : sent     ? HTTP_MAYBE_SENT
				      : HTTP_NOT_SENT,
		.status = op->status,
		.body = op->body,
		.headers = buf_str(&op->head),
		.err = op->err,
	};

	list_unlink(&op->link);
	list_unlink(&op->todo);
	exchange_free(TAKE(op->exchange));
	op->canceled = true; /* a late http_cancel() or http_resume() does nothing */
	op->done(op->arg, &r);
	list_unlink(&op->todo);
	free_op(op);
}

static int say(struct http_op *op, int code, const char *why)
{
	return err_set(&op->err, code, "%s '%s' to '%s': %s", op->request.method, op->request.path,
		peer_name(op->http), why);
}

static void fail(struct http_op *op, int code, const char *why)
{
	say(op, code, why);
	finish(op);
}

static void on_deadline(void *arg)
{
	struct http_op *op = arg;

	err_set(&op->err, ERR_TIMEOUT, "no whole answer from '%s' to %s '%s' within %s",
		peer_name(op->http), op->request.method, op->request.path,
		str_human_ms(op->deadline_ms));
	finish(op);
}

static void on_silence(void *arg)
{
	struct http_op *op = arg;

	err_set(&op->err, ERR_TIMEOUT, "nothing heard from '%s' on %s '%s' for %s",
		peer_name(op->http), op->request.method, op->request.path,
		str_human_ms(op->silence_ms));
	finish(op);
}

/* The callbacks' own errors stand already. */
void op_ended(struct http_op *op, int code, const char *why)
{
	if (op->canceled)
		say(op, ERR_CANCELED, "canceled");
	else if (op->err.code || op->enough)
		;
	else if (code == ERR_UNREACHABLE)
		(void)peer_unreachable(op->http, why, &op->err);
	else if (code)
		say(op, code, why);
	else if (!op->status)
		say(op, ERR_UNKNOWN, "the connection was closed before the answer was whole");
	finish(op);
}

/* --- what the carrier tells ------------------------------------------------------------------- */

static void heard(struct http_op *op)
{
	if (op->silence_ms > 0)
		timer_start(op->silence, op->silence_ms);
}

static int64_t pause_op(struct http_op *op)
{
	op->paused = true;
	if (op->silence)
		timer_stop(op->silence);
	return HTTP_PAUSE;
}

/* What a callback returned ends the operation; see that there is a text. */
static int gave_up(struct http_op *op, int64_t code)
{
	if (!op->err.code)
		say(op, code < 0 && code > ERR_FIRST_ ? (int)code : ERR_INTERNAL, "given up");
	return op->err.code;
}

void op_head_begin(struct http_op *op)
{
	heard(op);
	buf_clear(&op->head);
}

int op_head_lines(struct http_op *op, const char *p, size_t n)
{
	if (op->canceled)
		return ERR_CANCELED;
	heard(op);
	if (buf_add(&op->head, p, n) == 0)
		return 0;
	return err_set(&op->err, ERR_LIMIT,
		"the head of the answer of '%s' to %s '%s' is larger than %s", peer_name(op->http),
		op->request.method, op->request.path, str_human_size(OP_MAX_HEAD));
}

int op_head_end(struct http_op *op, int status)
{
	heard(op);
	op->status = status;
	if (op->on_data && status >= 300)
		op->body.max = MAX_ERROR_BODY;
	if (op->on_send && status >= 300 && op->paused)
		http_resume(op); /* let the carrier see that nobody wants the rest */
	int r = op->on_head ? op->on_head(op->arg, op->status, &op->err) : 0;
	return r < 0 ? gave_up(op, r) : 0;
}

static int64_t keep_body(struct http_op *op, const char *p, size_t n)
{
	if (op->on_data) { /* an error body: its beginning will do */
		size_t room = op->body.max - op->body.len;

		(void)buf_add(&op->body, p, MIN(n, room)); /* fits */
		op->enough = n > room;
		return op->enough ? ERR_LIMIT : (int64_t)n;
	}
	if (buf_add(&op->body, p, n) == 0)
		return (int64_t)n;
	return err_set(&op->err, ERR_LIMIT, "the answer of '%s' to %s '%s' is larger than %s",
		peer_name(op->http), op->request.method, op->request.path,
		str_human_size((int64_t)op->body.max));
}

int64_t op_body(struct http_op *op, const char *p, size_t n)
{
	if (op->canceled)
		return ERR_CANCELED;
	heard(op);
	if (!op->on_data || op->status >= 300)
		return keep_body(op, p, n);
	if (op->max_stream && n > op->max_stream - op->received)
		return err_set(&op->err, ERR_LIMIT, "the stream of %s '%s' is larger than %s",
			op->request.method, op->request.path,
			str_human_size((int64_t)op->max_stream));
	int64_t r = op->on_data(op->arg, p, n, &op->err);
	if (r == HTTP_PAUSE)
		return pause_op(op);
	if (r != (int64_t)n)
		return gave_up(op, r);
	op->received += n;
	return r;
}

int64_t op_upload(struct http_op *op, char *p, size_t n)
{
	if (op->canceled)
		return ERR_CANCELED;
	if (op->status >= 300)
		return 0;
	int64_t r = op->on_send(op->arg, p, n, &op->err);
	if (r == HTTP_PAUSE)
		return pause_op(op);
	if (r < 0 || r > (int64_t)n)
		return gave_up(op, r);
	heard(op);
	return r;
}

/* --- the start -------------------------------------------------------------------------------- */

static void start(struct http_op *op)
{
	const struct request *r = &op->request;

	if (!message_well_formed(r->method, r->path, r->headers)) {
		fail(op, ERR_INTERNAL, "the request is not well formed");
		return;
	}
	heard(op);
	exchange_start(&op->exchange, op->http, r, op);
}

static void resume(struct http_op *op)
{
	if (!op->paused)
		return;
	op->paused = false;
	heard(op);
	exchange_resume(op->exchange);
}

void ops_kick(void *arg)
{
	struct http *h = arg;
	struct list now;
	struct http_op *op;

	list_take(&now, &h->todo);
	while ((op = list_first(&now, struct http_op, todo))) {
		list_unlink(&op->todo);
		if (op->canceled) {
			fail(op, ERR_CANCELED, "canceled");
			continue;
		}
		if (!op->exchange)
			start(op);
		else
			resume(op);
	}
}

static void queue(struct http_op *op)
{
	if (!list_empty(&op->todo))
		return;
	list_append(&op->http->todo, &op->todo);
	timer_start(op->http->kick, 0);
}

static struct timer *new_timer(struct http_op *op, int64_t ms, loop_cb fn)
{
	return ms > 0 ? timer_new(op->http->loop, fn, op) : NULL;
}

struct http_op *http_send(struct http *h, const struct http_request *req, http_done done, void *arg)
{
	struct http_op *op = NEW(struct http_op);
	struct request *r = &op->request;

	op->http = h;
	r->method = xstrdup(req->method);
	r->path = xstrdup(req->path);
	r->headers = req->headers ? strv_copy(req->headers) : strv_new();
	if (req->body || req->on_send)
		strv_take(&r->headers,
			strf("Content-Type: %s",
				req->content_type ? req->content_type : "application/json"));
	if (req->body) {
		r->body = xmemdup(req->body, req->body_len);
		r->body_len = req->body_len;
	}
	r->upload = req->on_send != NULL;
	r->bulk = req->on_data || req->on_send;
	op->on_head = req->on_head;
	op->on_data = req->on_data;
	op->on_send = req->on_send;
	op->deadline_ms = req->deadline_ms;
	op->silence_ms = req->silence_ms;
	op->max_stream = req->on_data ? req->max_body : 0;
	buf_init(&op->head, OP_MAX_HEAD);
	buf_init(&op->body, req->max_body && !req->on_data ? req->max_body : MAX_BODY);
	op->done = done;
	op->arg = arg;
	op->deadline = new_timer(op, req->deadline_ms, on_deadline);
	op->silence = new_timer(op, req->silence_ms, on_silence);
	if (op->deadline)
		timer_start(op->deadline, req->deadline_ms);
	list_init(&op->link);
	list_init(&op->todo);
	list_append(&h->ops, &op->link);
	queue(op);
	return op;
}

void http_resume(struct http_op *op)
{
	queue(op);
}

void http_cancel(struct http_op *op)
{
	op->canceled = true;
	queue(op);
}

void ops_cancel(struct http *h)
{
	struct http_op *op;

	while ((op = list_first(&h->ops, struct http_op, link)))
		fail(op, ERR_CANCELED, "canceled");
}
