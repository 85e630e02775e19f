/* client.c - one call to labd, its answer, its problems. */
#include "base/id.h"
#include "cmd/lab/client_impl.h"
#include "cmd/lab/interrupt.h"

#define MAX_ANSWER (64u << 20)

struct loop *client_loop(struct client *k)
{
	return k->loop;
}

struct http *client_http(struct client *k)
{
	return k->http;
}

const struct json *client_version(const struct client *k)
{
	return k->version;
}

char *const *client_advice(const struct client *k)
{
	return k->advice;
}

const char *client_ref(const struct client *k)
{
	return k->ref;
}

int64_t client_retry_after_s(const struct client *k)
{
	return k->retry_after_s;
}

/* --- waiting --- */

int client_wait(struct client *k, const bool *done, struct err *e)
{
	while (!*done && !interrupt_signal())
		loop_once(k->loop, true);
	return *done ? 0 : err_set(e, ERR_CANCELED, "interrupted");
}

static void raise_flag(void *arg)
{
	*(bool *)arg = true;
}

int client_wait_for(struct client *k, const bool *done, int64_t deadline_ms, struct err *e)
{
	bool late = false;

	if (!deadline_ms)
		return client_wait(k, done, e);
	struct timer *t = timer_new(k->loop, raise_flag, &late);
	timer_start(t, deadline_ms);
	while (!*done && !late && !interrupt_signal())
		loop_once(k->loop, true);
	timer_free(t);
	if (*done)
		return 0;
	return late ? err_set(e, ERR_TIMEOUT, "not done within %s", str_human_ms(deadline_ms))
		    : err_set(e, ERR_CANCELED, "interrupted");
}

int64_t client_until_ms(struct client *k)
{
	if (!k->cli->timeout_ms)
		return INT64_MAX;
	if (!k->until_ms)
		k->until_ms = loop_now_ms(k->loop) + k->cli->timeout_ms;
	return k->until_ms;
}

int client_rest(struct client *k, int64_t ms, struct err *e)
{
	bool over = false;
	struct timer *t = timer_new(k->loop, raise_flag, &over);

	timer_start(t, ms);
	int r = client_wait(k, &over, e);
	timer_free(t);
	return r;
}

/* --- problems --- */

int client_problem_doc(struct client *k, const struct json *doc, struct err *e)
{
	const char *detail = json_str(json_get(doc, "detail"));
	const struct json *line;

	strv_free(k->advice);
	k->advice = strv_new();
	json_for_each(line, json_get(doc, "advice"))
		strv_add(&k->advice, json_str_or(line, ""));
	str_set(&k->ref, json_str(json_get(doc, "ref")));
	k->retry_after_s = json_int(json_get(doc, "retry_after_s"), 0);
	return err_set(e, err_from_kind(json_str_or(json_get(doc, "kind"), "")), "%s",
		detail ? detail : "labd does not say why");
}

int client_problem(struct client *k, int status, const char *text, size_t n, struct err *e)
{
	_cleanup_(json_freep) struct json *doc = NULL;

	if (json_parse(&doc, text, n, NULL) < 0 || !json_str(json_get(doc, "detail")))
		return err_set(e, ERR_PROTO, "labd answered %d without saying why", status);
	return client_problem_doc(k, doc, e);
}

/* --- one call --- */

struct call {
	const struct client_stream *stream; /* NULL for a whole answer */
	bool done;
	int status;
	struct buf body;
	struct err err;
};

static void answered(void *arg, const struct http_result *r)
{
	struct call *c = arg;

	c->done = true;
	c->status = r->status;
	c->err = r->err;
	(void)buf_add(&c->body, r->body.data, r->body.len); /* both have the same maximum */
	if (c->stream && c->stream->on_headers && r->status < 300 && !r->err.code)
		c->stream->on_headers(c->stream->arg, r->headers);
}

/* Send, wait for the end, and turn it into 0 or an error. */
static int perform(struct client *k, const struct http_request *req, struct call *c, struct err *e)
{
	struct http_op *op = http_send(k->http, req, answered, c);

	if (c->stream && c->stream->started)
		c->stream->started(c->stream->arg, op);
	int r = client_wait(k, &c->done, e);
	if (r < 0) {
		http_cancel(op);
		while (!c->done)
			loop_once(k->loop, true);
		return r;
	}
	if (c->status >= 300)
		return client_problem(k, c->status, buf_str(&c->body), c->body.len, e);
	return c->err.code ? err_copy(e, &c->err) : 0;
}

static int call(struct client *k, const char *method, const char *path, const struct buf *body,
	char *const *headers, struct buf *out, struct err *e)
{
	struct call c = {.body = BUF(MAX_ANSWER)};
	struct http_request req = {
		.method = method,
		.path = path,
		.headers = headers,
		.body = body ? buf_str(body) : NULL,
		.body_len = body ? body->len : 0,
		.deadline_ms = k->call_deadline_ms,
		.max_body = MAX_ANSWER,
	};
	int r = perform(k, &req, &c, e);

	if (r == 0)
		r = buf_add(out, c.body.data, c.body.len);
	buf_done(&c.body);
	return r;
}

static int call_json(struct client *k, const char *method, const char *path, const struct buf *body,
	char *const *headers, struct json **ret, struct err *e)
{
	_cleanup_buf_ struct buf out = BUF(MAX_ANSWER);
	struct json *doc = NULL;
	int r = call(k, method, path, body, headers, &out, e);

	if (r == 0 && out.len)
		r = json_parse(&doc, buf_str(&out), out.len, e);
	if (r == 0 && ret)
		*ret = doc;
	else
		json_free(doc);
	return r;
}

int client_call(struct client *k, const char *method, const char *path, const struct buf *body,
	struct json **ret, struct err *e)
{
	return call_json(k, method, path, body, NULL, ret, e);
}

int client_create(struct client *k, const char *path, const struct buf *body, struct json **ret,
	struct err *e)
{
	char id[25];

	id_random(id, 24);
	_cleanup_free_ char *line = strf("Idempotency-Key: %s", id);
	char *headers[] = {line, NULL};
	return call_json(k, "POST", path, body, headers, ret, e);
}

int client_raw(struct client *k, const char *path, struct buf *out, struct err *e)
{
	return call(k, "GET", path, NULL, NULL, out, e);
}

static int64_t pass_data(void *arg, const char *p, size_t n, struct err *e)
{
	const struct client_stream *s = ((struct call *)arg)->stream;

	return s->on_data(s->arg, p, n, e);
}

static int64_t pass_send(void *arg, char *p, size_t n, struct err *e)
{
	const struct client_stream *s = ((struct call *)arg)->stream;

	return s->on_send(s->arg, p, n, e);
}

int client_stream(struct client *k, const struct client_stream *s, struct err *e)
{
	struct call c = {.stream = s, .body = BUF(MAX_ANSWER)};
	struct http_request req = {
		.method = s->method,
		.path = s->path,
		.content_type = s->content_type,
		.silence_ms = s->silence_ms,
		.on_data = s->on_data ? pass_data : NULL,
		.on_send = s->on_send ? pass_send : NULL,
	};
	int r = perform(k, &req, &c, e);

	buf_done(&c.body);
	return r;
}
