/* api.c - operations, their calls and the meaning of answers; see api.h. */
#include "engine/docker/docker.h"
#include "base/str.h"

#include <assert.h>

#define READ_MS    20000
#define CHANGE_MS  60000
#define MESSAGE_MAX 400

/* --- what answers mean --- */

char *message_of(const char *body, size_t n)
{
	_cleanup_(json_freep) struct json *j = NULL;
	const char *text = json_parse(&j, body ? body : "", n, NULL) == 0 ?
				   json_str(json_get(j, "message")) : NULL;

	if (!text) {
		text = body ? body : "";
		n = strnlen(text, n);
	} else {
		n = strlen(text);
	}
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	return str_visible(text, MIN(n, (size_t)MESSAGE_MAX), false);
}

static const struct rule general[] = {
	{STATUS_ANY, "no space left on device", ERR_NO_SPACE, ENGINE_UNKNOWN, false},
	{404, NULL, ERR_NOT_FOUND, ENGINE_REFUSED, false},
	{409, NULL, ERR_STATE, ENGINE_REFUSED, false},
	{STATUS_ANY, NULL, ERR_ENGINE, ENGINE_UNKNOWN, false},
	{0},
};

static const struct rule *find_rule(const struct rule *r, int status, const char *message)
{
	for (; r && r->status; r++)
		if ((r->status == status || r->status == STATUS_ANY) &&
			(!r->text || strstr(message, r->text)))
			return r;
	return NULL;
}

void api_judge(struct engine_result *ret, const struct rule *rules, const char *what, int status,
	const char *message)
{
	const struct rule *r = find_rule(rules, status, message);

	if (!r)
		r = find_rule(general, status, message);
	*ret = (struct engine_result){.outcome = r->outcome, .busy = r->busy};
	if (r->code == ERR_ENGINE && status >= 400 && status < 500 && r->outcome == ENGINE_UNKNOWN)
		ret->outcome = ENGINE_REFUSED;
	if (r->code == ERR_OK)
		return;
	if (*message)
		(void)err_set(&ret->err, r->code, "%s: %s", what, message);
	else
		(void)err_set(
			&ret->err, r->code, "%s: the engine answered with status %d", what, status);
}

/* No whole answer came. */
static void judge_transport(struct engine_result *ret, const struct docker_op *op,
	const struct http_result *hr)
{
	bool sent = hr->outcome != HTTP_NOT_SENT, change = !streq(op->call.method, "GET");
	int code = hr->err.code;

	if (code == ERR_UNREACHABLE || code == ERR_UNKNOWN || code == ERR_IO) {
		code = sent && change ? ERR_UNKNOWN : ERR_UNREACHABLE;
		op->d->versioned = false; /* who answers next may be another one */
		events_doubt(op->d->events);
	}
	ret->outcome = sent && change ? ENGINE_UNKNOWN : ENGINE_REFUSED;
	ret->err = hr->err;
	ret->err.code = code;
	if (!sent)
		docker_explain(op->d, &ret->err);
	(void)err_wrap(&ret->err, "%s", op->what);
}

/* A 2xx with a body of JSON, or with none. */
static void judge_success(struct engine_result *ret, const struct docker_op *op,
	const struct http_result *hr, struct json **ret_json)
{
	struct err why;

	*ret = (struct engine_result){.outcome = ENGINE_DONE};
	if (hr->body.len == 0 || op->call.on_data)
		return;
	if (json_parse(ret_json, hr->body.data, hr->body.len, &why) == 0)
		return;
	ret->outcome = streq(op->call.method, "GET") ? ENGINE_REFUSED : ENGINE_UNKNOWN;
	(void)err_set(&ret->err, ERR_PROTO, "%s: the engine's answer makes no sense: %s", op->what,
		why.text);
}

/* --- calls --- */

static void call_done(struct call *c)
{
	free(c->path);
	buf_done(&c->body);
	strv_free(c->headers);
	*c = (struct call){0};
}

static void answer(struct docker_op *op, const struct http_result *hr)
{
	struct reply r = {.status = hr->status};

	if (hr->outcome != HTTP_ANSWERED || hr->err.code != 0) {
		judge_transport(&r.result, op, hr);
	} else if (hr->status >= 200 && hr->status < 300) {
		judge_success(&r.result, op, hr, &r.json);
	} else {
		_cleanup_free_ char *message = message_of(hr->body.data, hr->body.len);

		api_judge(&r.result, op->call.rules, op->what, hr->status, message);
	}
	call_done(&op->call);
	op->next(op, &r);
	json_free(r.json);
}

static void answer_canceled(struct docker_op *op)
{
	struct http_result hr = {.outcome = HTTP_NOT_SENT};

	(void)err_set(&hr.err, ERR_CANCELED, "canceled");
	if (!op->ended)
		answer(op, &hr);
}

static void answer_canceled_cb(void *arg)
{
	answer_canceled(arg);
}

/* The engine was replaced by one that speaks another version: a bodyless 400 cannot be one. */
static bool other_version(const struct http_result *hr)
{
	return hr->outcome == HTTP_ANSWERED && hr->status == 400 && hr->body.data &&
	       (strstr(hr->body.data, "is too old") || strstr(hr->body.data, "is too new"));
}

static void send_call(struct docker_op *op);

static void on_answer(void *arg, const struct http_result *hr)
{
	struct docker_op *op = arg;

	op->http = NULL;
	op->d->engine.in_flight--;
	if (other_version(hr))
		op->d->versioned = false; /* it was upgraded: the next call asks again */
	if (other_version(hr) && !op->sent_again && !op->call.no_version && !op->call.on_send) {
		op->sent_again = true;
		send_call(op);
		return;
	}
	answer(op, hr);
}

static int64_t deadline(const struct call *c)
{
	if (c->endless || c->deadline_ms)
		return c->deadline_ms;
	return streq(c->method, "GET") ? READ_MS : CHANGE_MS;
}

static void send_call(struct docker_op *op)
{
	struct docker *d = op->d;
	const struct call *c = &op->call;

	if (!c->no_version && !d->versioned) {
		list_append(&d->unversioned, &op->version_wait);
		docker_negotiate(d);
		return;
	}
	if (!c->path) {
		op->next(op, &(struct reply){.result.outcome = ENGINE_DONE});
		return;
	}
	_cleanup_free_ char *path = c->no_version ? xstrdup(c->path) : api_path(d, c->path);
	struct http_request req = {
		.method = c->method,
		.path = path,
		.content_type = c->content_type,
		.headers = c->headers,
		.body = c->body.data,
		.body_len = c->body.len,
		.deadline_ms = deadline(c),
		.max_body = c->max_body,
		.on_data = c->on_data,
		.on_send = c->on_send,
		.on_head = c->on_head,
		.silence_ms = c->silence_ms,
	};
	d->engine.calls++;
	d->engine.in_flight++;
	op->http = http_send(d->http, &req, on_answer, op);
}

/* Send what op->call holds. */
static void begin_call(struct docker_op *op)
{
	op->sent_again = false;
	if (op->d->closing)
		answer_canceled(op);
	else if (op->canceled && !op->must_finish)
		loop_defer(op->d->engine.loop, answer_canceled_cb, op);
	else
		send_call(op);
}

static void set_call(struct docker_op *op, const struct call *call, op_next next)
{
	assert(!op->http && !op->call.path);
	op->call = *call;
	op->next = next;
}

void op_call(struct docker_op *op, struct call call, op_next next)
{
	set_call(op, &call, next);
	begin_call(op);
}

char *api_path(const struct docker *d, const char *path)
{
	return strf("/v1.%d%s", d->minor, path);
}

/* Take what waits for the version; new waiters join the next round. */
static struct docker_op *take_unversioned(struct docker *d)
{
	struct docker_op *op = list_first(&d->unversioned, struct docker_op, version_wait);

	if (op)
		list_unlink(&op->version_wait);
	return op;
}

void api_versioned(struct docker *d)
{
	struct docker_op *op;

	while (d->versioned && (op = take_unversioned(d)) != NULL)
		send_call(op);
}

void api_unversioned(struct docker *d, const struct err *why)
{
	struct list failed;
	struct docker_op *op;

	list_init(&failed);
	while ((op = take_unversioned(d)) != NULL)
		list_append(&failed, &op->version_wait);
	while ((op = list_first(&failed, struct docker_op, version_wait)) != NULL) {
		struct reply r = {.result = {.outcome = ENGINE_REFUSED, .err = *why}};

		list_unlink(&op->version_wait);
		(void)err_wrap(&r.result.err, "%s", op->what);
		call_done(&op->call);
		op->next(op, &r);
	}
	if (why->code == ERR_UNREACHABLE)
		events_doubt(d->events);
}

char *path_of(const char *before, const char *id, const char *after)
{
	_cleanup_free_ char *escaped = http_escape(id);

	return strf("%s%s%s", before, escaped, after);
}

/* --- operations --- */

static void free_later(void *arg)
{
	free(arg);
}

void op_end(struct docker_op *op, const struct engine_result *r)
{
	assert(!op->ended);
	op->ended = true;
	sched_leave(op->d->engine.sched, &op->ticket);
	list_unlink(&op->link);
	list_unlink(&op->version_wait);
	op->end(op, r);
	if (op->clear)
		op->clear(op);
	call_done(&op->call);
	loop_defer(op->d->engine.loop, free_later, op);
}

void op_end_done(struct docker_op *op, const char *id)
{
	op_end(op, &(struct engine_result){.outcome = ENGINE_DONE, .id = id});
}

void op_end_err(struct docker_op *op, enum engine_outcome outcome, int code, const char *fmt, ...)
{
	struct engine_result r = {.outcome = outcome};
	va_list ap;

	va_start(ap, fmt);
	(void)err_setv(&r.err, code, fmt, ap);
	va_end(ap);
	(void)err_wrap(&r.err, "%s", op->what);
	op_end(op, &r);
}

static void end_late(void *arg)
{
	struct docker_op *op = arg;

	if (!op->ended)
		op_end(op, &op->late);
}

struct engine_op *op_end_later(struct docker_op *op, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)err_setv(&op->late.err, code, fmt, ap);
	va_end(ap);
	(void)err_wrap(&op->late.err, "%s", op->what);
	op->late.outcome = ENGINE_REFUSED;
	loop_defer(op->d->engine.loop, end_late, op);
	return &op->base;
}

void op_end_reply(struct docker_op *op, struct reply *r)
{
	op_end(op, &r->result);
}

static void tell_done(struct docker_op *op, const struct engine_result *r)
{
	if (op->done)
		op->done(op->arg, r);
}

static void cancel(struct engine_op *base)
{
	struct docker_op *op = container_of(base, struct docker_op, base);

	if (op->canceled || op->ended || op->must_finish)
		return;
	op->canceled = true;
	if (op->ticket.state == TICKET_WAITING) {
		sched_leave(op->d->engine.sched, &op->ticket);
		op_end_later(op, ERR_CANCELED, "canceled");
	} else if (op->http) {
		http_cancel(op->http);
	} else if (!list_empty(&op->version_wait)) {
		list_unlink(&op->version_wait);
		loop_defer(op->d->engine.loop, answer_canceled_cb, op);
	} else {
		op_end_later(op, ERR_CANCELED, "canceled"); /* it waits for a stream or a timer */
	}
}

static void resume(struct engine_op *base)
{
	struct docker_op *op = container_of(base, struct docker_op, base);

	if (op->http)
		http_resume(op->http);
}

void *op_new(
	struct docker *d, size_t size, engine_done done, void *arg, const char *what_format, ...)
{
	struct docker_op *op = xcalloc(1, size);
	va_list ap;

	op->base = (struct engine_op){.engine = &d->engine, .cancel = cancel, .resume = resume};
	op->d = d;
	op->end = tell_done;
	op->done = done;
	op->arg = arg;
	list_init(&op->version_wait);
	list_append(&d->ops, &op->link);
	va_start(ap, what_format);
	(void)vsnprintf(op->what, sizeof(op->what), what_format, ap);
	va_end(ap);
	return op;
}

static void turn_came(struct sched_ticket *t)
{
	struct docker_op *op = container_of(t, struct docker_op, ticket);

	op->begin(op);
}

struct engine_op *op_enter(struct docker_op *op, enum sched_lane lane, struct engine_turn turn,
	op_step begin)
{
	struct err why;

	op->begin = begin;
	if (sched_enter(op->d->engine.sched, &op->ticket, lane, turn, turn_came, &why) < 0)
		return op_end_later(op, why.code, "%s", why.text);
	return &op->base;
}

struct engine_op *op_enter_call(struct docker_op *op, enum sched_lane lane, struct engine_turn turn,
	struct call call, op_next next)
{
	set_call(op, &call, next);
	return op_enter(op, lane, turn, begin_call);
}

/* An operation without a call in flight. */
static struct docker_op *find_quiet(struct docker *d)
{
	struct docker_op *op;

	list_for_each(op, &d->ops, link)
		if (!op->http && list_empty(&op->version_wait))
			return op;
	return NULL;
}

/*
 * What waits for a turn or for a later moment ends here; what is in flight ends while http_free()
 * runs, because every call it still wants to make is answered with ERR_CANCELED at once.
 */
void api_close(struct docker *d)
{
	struct docker_op *op;

	d->closing = true;
	while ((op = find_quiet(d)) != NULL)
		op_end_err(op, ENGINE_REFUSED, ERR_CANCELED, "canceled");
	http_free(TAKE(d->http));
}
