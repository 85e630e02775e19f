/*
 * h_log.c - what services print, as lines of JSON.
 *
 * Each service is one log of the engine; their lines are mixed as they come. A client that reads
 * slowly holds the engine's stream, not our memory.
 */
#include "api/impl.h"

#define LINE_BYTES ((size_t)16 << 10)

struct logs;

/* One service. */
struct part {
	struct logs *logs;
	char *service;
	struct engine_op *op;
	bool held;          /* the engine waits until there is room */
	struct buf line[2]; /* of stdout and stderr, not yet whole */
};

struct logs {
	struct api *api;
	struct request *request;
	struct part *parts;
	size_t n, running;
	struct endless endless;
	bool left;   /* the exchange has ended */
	bool ending; /* so does the daemon */
};

static void logs_free(struct logs *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->parts[i].service);
		buf_done(&l->parts[i].line[0]);
		buf_done(&l->parts[i].line[1]);
	}
	free(l->parts);
	request_unref(l->request);
	free(l);
}

/* --- lines --- */

static void send(struct logs *l, struct buf *json)
{
	(void)buf_addc(json, '\n');
	if (request_write(l->request, json->data, json->len, NULL) < 0)
		request_end(l->request, false); /* also when it has ended: then nothing happens */
}

static void send_line(struct part *p, int stream)
{
	_cleanup_buf_ struct buf json = BUF(8 * LINE_BYTES);
	struct buf *line = &p->line[stream - 1];
	struct json_writer w;

	json_begin(&w, &json, false);
	json_object(&w, NULL);
	json_put_str(&w, "service", p->service);
	json_put_str(&w, "stream", stream == 1 ? "stdout" : "stderr");
	json_put_strn(&w, "text", buf_str(line), line->len);
	json_end(&w);
	buf_clear(line);
	send(p->logs, &json);
}

/* The bytes up to the end of a line, or as many as a line may have. Returns how many it took. */
static size_t take_line(struct part *p, int stream, const char *text, size_t n)
{
	struct buf *line = &p->line[stream - 1];
	const char *end = memchr(text, '\n', n);
	size_t some = MIN(end ? (size_t)(end - text) : n, LINE_BYTES - line->len);
	bool whole = end && text + some == end;

	(void)buf_add(line, text, some); /* within its maximum */
	if (whole || line->len == LINE_BYTES)
		send_line(p, stream);
	return some + whole;
}

static bool on_log(void *arg, int stream, const char *text, size_t n)
{
	struct part *p = arg;

	for (size_t some; n; text += some, n -= some)
		some = take_line(p, stream, text, n);
	p->held = request_full(p->logs->request);
	return !p->held;
}

static void drained(void *arg)
{
	struct logs *l = arg;

	for (size_t i = 0; i < l->n; i++)
		if (l->parts[i].op && l->parts[i].held) {
			l->parts[i].held = false;
			engine_resume(l->parts[i].op);
		}
}

/* --- the end --- */

static void say_error(struct logs *l, const struct err *e)
{
	_cleanup_buf_ struct buf json = BUF(64 << 10);
	struct problem_doc doc;
	struct json_writer w;

	problem_init(&doc, e);
	json_begin(&w, &json, false);
	json_object(&w, NULL);
	problem_json(&doc, &w, "error");
	json_end(&w);
	send(l, &json);
}

static void part_over(void *arg, const struct engine_result *res)
{
	struct part *p = arg;
	struct logs *l = p->logs;

	p->op = NULL;
	for (int stream = 1; stream <= 2; stream++)
		if (p->line[stream - 1].len && !request_gone(l->request))
			send_line(p, stream);
	if (res->err.code != 0 && !l->ending && !request_gone(l->request))
		say_error(l, &res->err);
	if (--l->running)
		return;
	if (l->left)
		logs_free(l);
	else
		request_end(l->request, true); /* left() follows */
}

static void cancel(struct logs *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->parts[i].op)
			engine_cancel(l->parts[i].op);
}

static void end(void *arg)
{
	struct logs *l = arg;
	struct err e = ERR_NONE;

	err_set(&e, ERR_CANCELED, "the daemon goes down: the log is cut here");
	say_error(l, &e);
	l->ending = true;
	cancel(l);
}

static void left(void *arg)
{
	struct logs *l = arg;

	l->left = true;
	list_unlink(&l->endless.link);
	api_closed(l->api);
	cancel(l);
	if (!l->running)
		logs_free(l);
}

/* --- the beginning --- */

struct wish {
	bool follow;
	int64_t tail, since_ms;
};

static bool readable(const struct lab_service *v)
{
	return v->role == ROLE_LEARNER;
}

static void open_part(struct logs *l, struct session *s, int service, const struct wish *x)
{
	struct session_info info;
	const char *container = lasting_container(s, service);
	int64_t now_ms = loop_wall_ms(l->api->loop), since_s = 0;
	struct part *p = &l->parts[l->n];

	if (!container)
		return;
	session_info(s, &info);
	if (x->since_ms)
		since_s = MAX((now_ms - x->since_ms) / 1000, INT64_C(1));
	*p = (struct part){.logs = l, .line = {BUF(LINE_BYTES), BUF(LINE_BYTES)}};
	p->service = xstrdup(info.lab->services[service].name);
	l->n++;
	l->running++;
	p->op = container_logs(
		l->api->engine, container, x->follow, (int)x->tail, since_s, on_log, part_over, p);
}

static void open_logs(
	struct api *a, struct request *r, struct session *s, int service, const struct wish *x)
{
	struct session_info info;
	struct logs *l = NEW(struct logs);

	session_info(s, &info);
	*l = (struct logs){.api = a, .request = request_ref(r)};
	l->parts = xcalloc(info.lab->n_services, sizeof(*l->parts));
	for (size_t i = 0; i < info.lab->n_services; i++)
		if (service == (int)i || (service < 0 && readable(&info.lab->services[i])))
			open_part(l, s, (int)i, x);
	if (!l->n) {
		reply_error(r, ERR_STATE,
			"'%s' is %s: there is no container whose log could be read", info.name,
			session_state_name(info.state));
		logs_free(l);
		return;
	}
	request_stream(r, 200, "application/x-ndjson", drained, l);
	api_opened(a);
	l->endless = (struct endless){.end = end, .arg = l};
	list_append(&a->endless, &l->endless.link);
	request_on_gone(r, left, l);
}

void h_logs(struct api *a, struct request *r, const struct match *m)
{
	struct session *s = ask_session(a, r, m);
	struct wish x = {.tail = -1};
	struct session_info info;
	int service = -1;

	if (!s || !ask_flag(r, "follow", &x.follow) || !ask_int(r, "tail", 0, 100000, &x.tail) ||
		!ask_int(r, "since", 0, INT64_C(1) << 40, &x.since_ms))
		return;
	session_info(s, &info);
	if (request_query(r, "service")) {
		service = ask_service(r, info.lab, request_query(r, "service"), "logs");
		if (service < 0)
			return;
	}
	open_logs(a, r, s, service, &x);
}
