/*
 * http.c - requests: one object per operation.
 *
 * libcurl may not be entered from its own callbacks, and a completion may not come from inside
 * start. So http_send, http_resume and http_cancel only put the operation on a list that is
 * worked off in the next turn, and callbacks of libcurl only note what happened; finish() alone
 * completes an operation, from ended(), a timer or the list.
 *
 * "Not sent" must be true: libcurl counts the bytes of a request that it wrote, and keeps the
 * count when it silently repeats a request on a fresh connection. may_send() stops such repeats
 * of requests that could change something.
 */
#include "net/http.h"
#include "net/peer.h"

#include "base/str.h"

#define MAX_HEAD       (64u << 10)
#define MAX_BODY       (8u << 20)
#define MAX_ERROR_BODY (64u << 10)
#define STREAM_BUFFER  (128L << 10)

struct http_op {
	struct transfer transfer;
	struct list link, todo;
	struct http *http;
	struct multi *multi; /* NULL until started */
	struct curl_slist *headers;
	struct timer *deadline, *silence;
	char curl_error[CURL_ERROR_SIZE];

	char *method, *path;
	char **extra; /* headers */
	char *request_body;
	size_t request_len;
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

static bool is_stream(const struct http_op *op)
{
	return op->on_data || op->on_send;
}

static bool is_read(const struct http_op *op)
{
	return streq(op->method, "GET") || streq(op->method, "HEAD");
}

/* --- the end ---------------------------------------------------------------------------------- */

static bool sent_something(const struct http_op *op)
{
	long n = 0;

	if (op->transfer.easy)
		curl_easy_getinfo(op->transfer.easy, CURLINFO_REQUEST_SIZE, &n);
	return n > 0;
}

static void free_op(struct http_op *op)
{
	if (op->transfer.easy)
		curl_easy_cleanup(op->transfer.easy);
	curl_slist_free_all(op->headers);
	timer_free(op->deadline);
	timer_free(op->silence);
	free(op->method);
	free(op->path);
	strv_free(op->extra);
	free(op->request_body);
	buf_done(&op->head);
	buf_done(&op->body);
	free(op);
}

/* Complete with op->err. Never from inside a callback of libcurl. */
static void finish(struct http_op *op)
{
	struct http_result r = {
		.outcome = op->status           ? HTTP_ANSWERED
			   : sent_something(op) ? HTTP_MAYBE_SENT
						: HTTP_NOT_SENT,
		.status = op->status,
		.body = op->body,
		.headers = buf_str(&op->head),
		.err = op->err,
	};

	list_unlink(&op->link);
	list_unlink(&op->todo);
	if (op->multi)
		multi_remove(op->multi, &op->transfer);
	op->canceled = true; /* a late http_cancel() or http_resume() does nothing */
	op->done(op->arg, &r);
	list_unlink(&op->todo);
	free_op(op);
}

static int say(struct http_op *op, int code, const char *why)
{
	return err_set(&op->err, code, "%s '%s' to '%s': %s", op->method, op->path,
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
		peer_name(op->http), op->method, op->path, str_human_ms(op->deadline_ms));
	finish(op);
}

static void on_silence(void *arg)
{
	struct http_op *op = arg;

	err_set(&op->err, ERR_TIMEOUT, "nothing heard from '%s' on %s '%s' for %s",
		peer_name(op->http), op->method, op->path, str_human_ms(op->silence_ms));
	finish(op);
}

/* What libcurl says, in our words. The callbacks' own errors stand already. */
static void explain(struct http_op *op, CURLcode code)
{
	const char *text = op->curl_error[0] ? op->curl_error : curl_easy_strerror(code);
	bool garbled = code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL ||
		       code == CURLE_BAD_CONTENT_ENCODING;

	if (op->canceled)
		say(op, ERR_CANCELED, "canceled");
	if (op->err.code)
		return;
	if (op->enough || (code == CURLE_OK && op->status))
		return;
	if (!op->status && !sent_something(op)) {
		peer_unreachable(op->http, op->transfer.easy, code, text, &op->err);
		return;
	}
	if (code == CURLE_OK || code == CURLE_ABORTED_BY_CALLBACK)
		text = "the connection was closed before the answer was whole";
	say(op, garbled ? ERR_PROTO : ERR_UNKNOWN, text);
}

static void ended(struct transfer *t, CURLcode code)
{
	struct http_op *op = container_of(t, struct http_op, transfer);

	explain(op, code);
	finish(op);
}

/* --- callbacks of libcurl --------------------------------------------------------------------- */

static void heard(struct http_op *op)
{
	if (op->silence_ms > 0)
		timer_start(op->silence, op->silence_ms);
}

static void pause_op(struct http_op *op)
{
	op->paused = true;
	if (op->silence)
		timer_stop(op->silence);
}

/* The negative code of a callback ends the operation; see that there is a text. */
static void gave_up(struct http_op *op, int64_t code)
{
	if (!op->err.code)
		say(op, code < 0 && code > ERR_FIRST_ ? (int)code : ERR_INTERNAL, "given up");
}

static int may_send(void *arg, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
	struct http_op *op = arg;

	return sent_something(op) && !is_read(op) ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static bool head_whole(struct http_op *op)
{
	long status = 0;

	curl_easy_getinfo(op->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200)
		return true; /* 100 Continue and the like: the answer follows */
	op->status = (int)status;
	if (op->on_data && status >= 300)
		op->body.max = MAX_ERROR_BODY;
	if (op->on_send && status >= 300 && op->paused)
		http_resume(op); /* let libcurl see that nobody wants the rest */
	if (!op->on_head)
		return true;
	int r = op->on_head(op->arg, op->status, &op->err);
	if (r < 0)
		gave_up(op, r);
	return r >= 0;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct http_op *op = arg;

	n *= size;
	if (op->canceled)
		return 0;
	heard(op);
	if (op->status) /* a trailer */
		return n;
	if (n <= 2 && (p[0] == '\r' || p[0] == '\n'))
		return head_whole(op) ? n : 0;
	if (n >= 5 && memcmp(p, "HTTP/", 5) == 0) {
		buf_clear(&op->head);
		return n;
	}
	if (buf_add(&op->head, p, n) == 0)
		return n;
	err_set(&op->err, ERR_LIMIT, "the head of the answer of '%s' to %s '%s' is larger than %s",
		peer_name(op->http), op->method, op->path, str_human_size(MAX_HEAD));
	return 0;
}

static size_t keep_body(struct http_op *op, const char *p, size_t n)
{
	if (op->on_data) { /* an error body: its beginning will do */
		size_t room = op->body.max - op->body.len;

		(void)buf_add(&op->body, p, MIN(n, room)); /* fits */
		op->enough = n > room;
		return op->enough ? 0 : n;
	}
	if (buf_add(&op->body, p, n) == 0)
		return n;
	err_set(&op->err, ERR_LIMIT, "the answer of '%s' to %s '%s' is larger than %s",
		peer_name(op->http), op->method, op->path, str_human_size((int64_t)op->body.max));
	return 0;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct http_op *op = arg;

	n *= size;
	if (op->canceled)
		return 0;
	heard(op);
	if (!op->on_data || op->status >= 300)
		return keep_body(op, p, n);
	if (op->max_stream && n > op->max_stream - op->received) {
		err_set(&op->err, ERR_LIMIT, "the stream of %s '%s' is larger than %s", op->method,
			op->path, str_human_size((int64_t)op->max_stream));
		return 0;
	}
	int64_t r = op->on_data(op->arg, p, n, &op->err);
	if (r == HTTP_PAUSE) {
		pause_op(op);
		return CURL_WRITEFUNC_PAUSE;
	}
	if (r != (int64_t)n) {
		gave_up(op, r);
		return 0;
	}
	op->received += n;
	return n;
}

static size_t on_upload(char *p, size_t size, size_t n, void *arg)
{
	struct http_op *op = arg;

	n *= size;
	if (op->canceled)
		return CURL_READFUNC_ABORT;
	if (op->status >= 300)
		return 0;
	int64_t r = op->on_send(op->arg, p, n, &op->err);
	if (r == HTTP_PAUSE) {
		pause_op(op);
		return CURL_READFUNC_PAUSE;
	}
	if (r < 0 || r > (int64_t)n) {
		gave_up(op, r);
		return CURL_READFUNC_ABORT;
	}
	heard(op);
	return (size_t)r;
}

/* --- the start -------------------------------------------------------------------------------- */

static void add_header(struct http_op *op, const char *line)
{
	struct curl_slist *list = curl_slist_append(op->headers, line);

	if (!list)
		abort();
	op->headers = list;
}

static void set_headers(struct http_op *op)
{
	for (char **h = op->extra; *h; h++)
		add_header(op, *h);
	add_header(op, "Expect:"); /* no waiting for 100 Continue */
	if (op->on_send)
		add_header(op, "Transfer-Encoding: chunked");
	curl_easy_setopt(op->transfer.easy, CURLOPT_HTTPHEADER, op->headers);
}

static void set_method(struct http_op *op)
{
	CURL *c = op->transfer.easy;

	if (op->on_send) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, on_upload);
		curl_easy_setopt(c, CURLOPT_READDATA, op);
	} else if (op->request_body || streq(op->method, "POST")) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)op->request_len);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, op->request_body ? op->request_body : "");
	} else if (streq(op->method, "HEAD")) {
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	}
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, op->method);
}

static void start(struct http_op *op)
{
	struct http *h = op->http;

	if (!peer_well_formed(op->method, op->path, op->extra)) {
		fail(op, ERR_INTERNAL, "the request is not well formed");
		return;
	}
	CURL *c = op->transfer.easy = peer_easy(h, op->path, op->curl_error);
	op->transfer.ended = ended;
	set_method(op);
	set_headers(op);
	curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, may_send);
	curl_easy_setopt(c, CURLOPT_PREREQDATA, op);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, op);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, op);
	if (is_stream(op))
		curl_easy_setopt(c, CURLOPT_BUFFERSIZE, STREAM_BUFFER);
	op->multi = is_stream(op) ? h->bulk : h->ctl;
	heard(op);
	multi_add(op->multi, &op->transfer);
}

static void resume(struct http_op *op)
{
	if (!op->paused)
		return;
	op->paused = false;
	heard(op);
	/* calls back; a failure there is only told here */
	CURLcode code = curl_easy_pause(op->transfer.easy, CURLPAUSE_CONT);
	if (code != CURLE_OK || op->err.code) {
		explain(op, code);
		finish(op);
	}
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
		if (!op->multi)
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

	op->http = h;
	op->method = xstrdup(req->method);
	op->path = xstrdup(req->path);
	op->extra = req->headers ? strv_copy(req->headers) : strv_new();
	if (req->body || req->on_send)
		strv_take(&op->extra,
			strf("Content-Type: %s",
				req->content_type ? req->content_type : "application/json"));
	else
		strv_add(&op->extra, "Content-Type:"); /* libcurl would name a form */
	if (req->body) {
		op->request_body = xmemdup(req->body, req->body_len);
		op->request_len = req->body_len;
	}
	op->on_head = req->on_head;
	op->on_data = req->on_data;
	op->on_send = req->on_send;
	op->deadline_ms = req->deadline_ms;
	op->silence_ms = req->silence_ms;
	op->max_stream = req->on_data ? req->max_body : 0;
	buf_init(&op->head, MAX_HEAD);
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

/* --- pieces ----------------------------------------------------------------------------------- */

char *http_header(const char *headers, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = headers; *line;) {
		size_t len = strcspn(line, "\r\n");

		if (len > n && line[n] == ':' && strncasecmp(line, name, n) == 0) {
			const char *value = line + n + 1, *end = line + len;

			while (value < end && (*value == ' ' || *value == '\t'))
				value++;
			while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
				end--;
			return xstrndup(value, (size_t)(end - value));
		}
		line += len + strspn(line + len, "\r\n");
	}
	return NULL;
}

char *http_escape(const char *s)
{
	char *escaped = curl_easy_escape(NULL, s, 0);

	if (!escaped)
		abort();
	char *copy = xstrdup(escaped);
	curl_free(escaped);
	return copy;
}

char *http_unescape(const char *s)
{
	char *plain = curl_easy_unescape(NULL, s, 0, NULL);

	if (!plain)
		abort();
	char *copy = xstrdup(plain);
	curl_free(plain);
	return copy;
}
