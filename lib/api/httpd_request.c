/*
 * httpd_request.c - a request from its head to its end.
 *
 * libmicrohttpd calls request_handle() once for the head, once for every piece of the body and
 * once, or again after every resume, when the body has ended. An answer that is given in the first
 * of these costs the connection, so only requests whose body must not be read are answered there.
 * Whoever has nothing to say must suspend the connection, or libmicrohttpd asks in a circle; and a
 * suspended connection has a deadline, because nobody notices there that the client has left.
 */
#include "api/httpd_impl.h"

#include "base/str.h"

#define JSON_BODY   (1 << 20)
#define DISCARD_MAX (64u << 20) /* of a body that nobody wants, before the connection is cut */
#define ANSWER_MS   60000

/* --- life ------------------------------------------------------------------------------------- */

struct request *request_ref(struct request *r)
{
	r->refs++;
	return r;
}

void request_unref(struct request *r)
{
	if (!r || --r->refs > 0)
		return;
	map_free(r->query);
	buf_done(&r->body);
	reply_done(r);
	free(r->method);
	free(r->path);
	free(r);
}

bool request_gone(const struct request *r)
{
	return !r->conn;
}

void request_on_gone(struct request *r, loop_cb fn, void *arg)
{
	r->on_gone = fn;
	r->gone_arg = arg;
}

static void no_answer(void *arg)
{
	struct request *r = arg;

	if (r->answer == ANSWER_NONE)
		request_refuse(r, 504, ERR_TIMEOUT, "no answer to %s '%s' within %s", r->method,
			r->path, str_human_ms(ANSWER_MS));
	if (!r->whole)
		request_cut(r); /* it does not take the body */
}

static struct request *begin(struct httpd *h, struct conn *c, const char *method)
{
	struct request *r = NEW(struct request);

	r->refs = 1; /* the connection's */
	r->httpd = h;
	r->conn = c;
	r->method = xstrdup(method);
	r->query = map_new(free);
	r->deadline = timer_new(h->loop, no_answer, r);
	buf_init(&r->body, JSON_BODY);
	buf_init(&r->out, QUEUE_MAX);
	return r;
}

void request_ended(
	void *httpd, struct MHD_Connection *c, void **request, enum MHD_RequestTerminationCode why)
{
	struct request *r = *request;

	if (!r)
		return;
	*request = NULL;
	if (r->socket)
		socket_cut(r->socket);
	timer_free(TAKE(r->deadline));
	timer_free(TAKE(r->keepalive));
	watch_free(TAKE(r->hangup)); /* its descriptor is closed next */
	r->conn->request = NULL;
	r->conn = NULL;
	loop_cb on_gone = TAKE(r->on_gone);
	if (on_gone)
		on_gone(r->gone_arg);
	request_unref(r);
}

static void default_refusal(struct request *r, int status, const struct err *why)
{
	struct buf text = BUF(1024);

	(void)buf_addf(&text, "%s\n", why->text); /* fits */
	request_reply(r, status, "text/plain; charset=utf-8", &text);
}

void request_refuse(struct request *r, int status, int code, const char *fmt, ...)
{
	struct err e;
	va_list ap;

	if (r->answer != ANSWER_NONE)
		return;
	va_start(ap, fmt);
	err_setv(&e, code, fmt, ap);
	va_end(ap);
	if (status == 503) {
		request_set_header(r, "Retry-After", "5");
		request_set_header(r, "Connection", "close");
	}
	if (r->httpd->ops->on_refusal)
		r->httpd->ops->on_refusal(r->httpd->arg, r, status, &e);
	else
		default_refusal(r, status, &e);
}

/* --- the head --------------------------------------------------------------------------------- */

static int guard(struct request *r, const char *url, struct err *e)
{
	int bad = guard_head(r->conn->mhd, &r->expects, e);

	if (bad == 0)
		bad = guard_path(url, &r->path, e);
	if (bad == 0)
		bad = guard_query(r->conn->mhd, r->query, e);
	return bad;
}

/* Decides how the body is taken, or answers. */
static void take_head(struct request *r)
{
	struct httpd *h = r->httpd;

	if (h->stopping) {
		request_refuse(r, 503, ERR_CAPACITY, "the daemon goes down; try again later");
		return;
	}
	r->limit = h->ops->on_head ? h->ops->on_head(h->arg, r) : JSON_BODY;
	if (r->answer != ANSWER_NONE)
		return;
	if (r->limit == HTTPD_STREAM) {
		h->ops->on_request(h->arg, r);
		return;
	}
	r->body.max = (size_t)r->limit;
	if (r->expects > r->limit)
		request_refuse(
			r, 413, ERR_LIMIT, "the body is larger than %s", str_human_size(r->limit));
}

static enum MHD_Result first_call(struct request *r, const char *url)
{
	struct err e;
	bool bad = guard(r, url, &e) < 0;

	timer_stop(r->conn->head);
	if (bad) {
		r->path = r->path ? r->path : xstrdup("/");
		request_set_header(r, "Connection", "close");
		request_refuse(r, 400, e.code, "%s", e.text);
	} else {
		take_head(r);
	}
	/* an answer before the body closes the connection; without a body it can wait a call */
	return r->response && (bad || r->expects != 0) ? request_send(r) : MHD_YES;
}

/* --- the body --------------------------------------------------------------------------------- */

static enum MHD_Result suspend(struct request *r)
{
	r->suspended = true;
	MHD_suspend_connection(r->conn->mhd);
	timer_start(r->deadline, ANSWER_MS);
	return MHD_YES;
}

/* The answer stands, but cannot be sent before the rest has come. */
static enum MHD_Result discard(struct request *r, size_t *n)
{
	buf_done(&r->body);
	r->discarded += *n;
	*n = 0;
	return r->discarded > DISCARD_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result too_large(struct request *r, int64_t limit, size_t *n)
{
	request_refuse(r, 413, ERR_LIMIT, "the body is larger than %s", str_human_size(limit));
	return discard(r, n);
}

static enum MHD_Result hand_on(struct request *r, const char *p, size_t *n)
{
	size_t taken;

	r->resumed = false;
	taken = r->on_data(r->sink_arg, p, *n);
	if (r->answer != ANSWER_NONE)
		return discard(r, n);
	r->came += taken;
	*n -= taken;
	if (*n == 0)
		return MHD_YES;
	(void)suspend(r);
	if (r->resumed) /* from inside on_data() */
		request_wake(r);
	return MHD_YES;
}

static enum MHD_Result take_body(struct request *r, const char *p, size_t *n)
{
	if (r->answer != ANSWER_NONE)
		return discard(r, n);
	if (r->limit != HTTPD_STREAM) {
		if (buf_add(&r->body, p, *n) < 0)
			return too_large(r, r->limit, n);
		*n = 0;
		return MHD_YES;
	}
	if (!r->on_data)
		return suspend(r);
	if (*n > (uint64_t)r->max - r->came)
		return too_large(r, r->max, n);
	return hand_on(r, p, n);
}

void request_receive(struct request *r, int64_t max,
	size_t (*on_data)(void *arg, const char *p, size_t n), loop_cb on_end, void *arg)
{
	r->max = max;
	r->on_data = on_data;
	r->on_end = on_end;
	r->sink_arg = arg;
	request_wake(r);
	if (!request_gone(r) && r->expects > max)
		request_refuse(
			r, 413, ERR_LIMIT, "the body is larger than %s", str_human_size(max));
}

void request_resume(struct request *r)
{
	r->resumed = true;
	if (!r->whole)
		request_wake(r);
}

/* --- the end of the body ---------------------------------------------------------------------- */

static enum MHD_Result last_call(struct request *r)
{
	if (r->limit == HTTPD_STREAM && !r->on_data && r->answer == ANSWER_NONE)
		return suspend(r); /* nobody has asked for the body yet */
	if (!r->whole) {
		r->whole = true;
		if (r->answer != ANSWER_NONE)
			;
		else if (r->limit == HTTPD_STREAM)
			r->on_end(r->sink_arg);
		else
			r->httpd->ops->on_request(r->httpd->arg, r);
	}
	return r->response ? request_send(r) : suspend(r);
}

enum MHD_Result request_handle(void *httpd, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *data, size_t *n, void **request)
{
	struct request *r = *request;

	if (!r) {
		const union MHD_ConnectionInfo *i =
			MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
		struct conn *conn = i->socket_context;

		*request = conn->request = r = begin(httpd, conn, method);
		return first_call(r, url);
	}
	timer_stop(r->deadline);
	if (r->broken)
		return MHD_NO;
	return *n > 0 ? take_body(r, data, n) : last_call(r);
}

/* --- accessors -------------------------------------------------------------------------------- */

const char *request_method(const struct request *r)
{
	return r->method;
}

const char *request_path(const struct request *r)
{
	return r->path;
}

const char *request_query(const struct request *r, const char *name)
{
	return map_get(r->query, name);
}

const char *request_header(const struct request *r, const char *name)
{
	return r->conn ? MHD_lookup_connection_value(r->conn->mhd, MHD_HEADER_KIND, name) : NULL;
}

const struct buf *request_body(const struct request *r)
{
	return &r->body;
}
