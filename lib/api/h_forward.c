/*
 * h_forward.c - one TCP connection to a port of a service, over a WebSocket (openapi.yaml).
 *
 * Labs publish no ports, so we connect to the container's own address on the lab's network.
 */
#include "api/impl.h"

#include "net/tcp.h"

#define CONNECT_MS     5000
#define TOUCH_EVERY_MS 5000

struct forward {
	struct api *api;
	struct request *request; /* until the upgrade */
	struct httpd_socket *socket;
	struct tcp *tcp;
	struct engine_op *op; /* asks for the address */
	int64_t session, touched_ms;
	char *service;
	int port;
	bool opened, held, client_ended, peer_ended;
};

static void forward_free(void *arg)
{
	struct forward *f = arg;

	request_unref(f->request);
	free(f->service);
	free(f);
}

/* --- talking --- */

static void say(struct forward *f, const char *json)
{
	if (f->socket)
		(void)httpd_socket_send(
			f->socket, WS_TEXT, json, strlen(json), NULL); /* closed() tells */
}

static void fail(struct forward *f, const struct err *e)
{
	_cleanup_buf_ struct buf b = BUF(64 << 10);
	struct problem_doc doc;
	struct json_writer w;

	if (!f->socket)
		return;
	problem_init(&doc, e);
	json_begin(&w, &b, false);
	json_object(&w, NULL);
	problem_json(&doc, &w, "error");
	json_end(&w);
	say(f, buf_str(&b));
	httpd_socket_close(f->socket, WS_CLOSE_INTERNAL, NULL);
}

static void see_end(struct forward *f)
{
	if (f->client_ended && f->peer_ended && f->socket)
		httpd_socket_close(f->socket, WS_CLOSE_NORMAL, NULL);
}

/* A grade looks at what the machine does, not the person: open connections end, too. */
static void on_event(void *arg, const struct session_event *ev)
{
	struct forward *f = arg;
	struct session *s = sessions_by_id(f->api->sessions, ev->session);
	struct err e;

	if (ev->session != f->session || !f->tcp || !s || !streq(ev->kind, "state") ||
		see_held(s, "ports", &e) == 0)
		return;
	tcp_free(TAKE(f->tcp));
	fail(f, &e);
}

/* --- from the service --- */

static void tcp_opened(void *arg)
{
	struct forward *f = arg;

	f->opened = true;
	say(f, "{\"connected\":true}");
}

static void tcp_data(void *arg, const char *p, size_t n)
{
	struct forward *f = arg;
	struct err e = ERR_NONE;

	if (!f->socket)
		return;
	if (n == 0) {
		f->peer_ended = true;
		say(f, "{\"eof\":true}");
		see_end(f);
	} else if (httpd_socket_send(f->socket, WS_BINARY, p, n, &e) < 0) {
		fail(f, &e);
	} else if (httpd_socket_full(f->socket)) {
		tcp_pause(f->tcp, true);
	}
}

static void socket_drained(void *arg)
{
	struct forward *f = arg;

	if (f->tcp)
		tcp_pause(f->tcp, false);
}

static void tcp_failed(void *arg, const struct err *e)
{
	struct forward *f = arg;
	struct err why = *e;

	if (!f->opened)
		err_wrap(&why, "port %d of service '%s'", f->port, f->service);
	tcp_free(TAKE(f->tcp));
	fail(f, &why);
}

/* --- from the client --- */

static void touch(struct forward *f)
{
	int64_t now = loop_now_ms(f->api->loop);
	_cleanup_free_ char *source = NULL;
	struct session *s;

	if (f->touched_ms && now - f->touched_ms < TOUCH_EVERY_MS)
		return;
	f->touched_ms = now;
	s = sessions_by_id(f->api->sessions, f->session);
	source = strf("port %d of %s", f->port, f->service);
	if (s)
		session_touch(s, source);
}

static void tcp_drained(void *arg)
{
	struct forward *f = arg;

	f->held = false;
	if (f->socket)
		httpd_socket_pause(f->socket, false);
}

static void message(void *arg, enum ws_kind kind, const char *p, size_t n)
{
	struct forward *f = arg;
	_cleanup_(json_freep) struct json *m = NULL;
	struct err e = ERR_NONE;

	if (kind == WS_TEXT) {
		f->client_ended |=
			json_parse(&m, p, n, NULL) == 0 && json_bool(json_get(m, "eof"), false);
		if (f->client_ended && f->tcp)
			tcp_shutdown(f->tcp);
		see_end(f);
		return;
	}
	touch(f);
	if (!f->tcp || tcp_write(f->tcp, p, n, &e) < 0) {
		fail(f, &e);
	} else if (tcp_full(f->tcp) && !f->held) {
		f->held = true;
		httpd_socket_pause(f->socket, true);
	}
}

static void closed(void *arg, int code, const char *reason)
{
	struct forward *f = arg;

	f->socket = NULL;
	sessions_unlisten(f->api->sessions, on_event, f);
	api_closed(f->api);
	tcp_free(TAKE(f->tcp));
	loop_defer(f->api->loop, forward_free, f);
}

/* --- the beginning --- */

static const struct tcp_ops tcp_ops = {tcp_opened, tcp_data, tcp_drained, tcp_failed};
static const struct httpd_socket_ops socket_ops = {message, socket_drained, closed};

static void upgrade(struct forward *f, const char *address)
{
	struct session *s = sessions_by_id(f->api->sessions, f->session);
	struct err e = ERR_NONE;

	if ((s && see_held(s, "ports", &e) < 0) || /* a grade may have begun meanwhile */
		request_upgrade(f->request, "labyard.forward.v1", &socket_ops, f, &f->socket, &e) <
			0) {
		reply_problem(f->request, &e);
		loop_defer(f->api->loop, forward_free, f);
		return;
	}
	api_opened(f->api);
	sessions_listen(f->api->sessions, on_event, f);
	f->tcp = tcp_open(f->api->loop, address, f->port, CONNECT_MS, &tcp_ops, f);
}

static void inspected(void *arg, const struct container_state *c)
{
	struct forward *f = arg;

	f->op = NULL;
	if (request_gone(f->request)) {
		/* nobody waits */
	} else if (c->err.code != 0) {
		reply_problem(f->request, &c->err);
	} else if (!c->running || !c->n_addresses) {
		reply_error(f->request, ERR_STATE, "service '%s' %s", f->service,
			c->running ? "has no network" : "is not running");
	} else {
		upgrade(f, c->addresses[0]);
		return;
	}
	forward_free(f);
}

static bool declared(const struct lab *l, int service, int port)
{
	for (size_t i = 0; i < l->n_ports; i++)
		if (l->ports[i].service == service && l->ports[i].port == port)
			return true;
	return false;
}

static bool open_to_learners(const struct lab *l, int service, int port)
{
	const struct lab_service *v = &l->services[service];

	for (size_t i = 0; i < v->n_private_ports; i++)
		if (v->private_ports[i] == port)
			return false;
	return v->role == ROLE_LEARNER || declared(l, service, port);
}

/* The service that is asked for: index, or -1 when it was answered. */
static int ask_target(struct request *r, const struct lab *l, int port)
{
	const char *name = request_query(r, "service");
	int service = name ? lab_service(l, name) : l->entry;

	if (service < 0)
		reply_error(
			r, ERR_NOT_FOUND, "'%s' has no service '%.64s'", l->slug, name ? name : "");
	else if (!open_to_learners(l, service, port))
		reply_error(r, ERR_FORBIDDEN, "port %d of service '%s' is not open to learners",
			port, l->services[service].name);
	else
		return service;
	return -1;
}

void h_forward(struct api *a, struct request *r, const struct match *m)
{
	struct session *s = ask_session(a, r, m);
	struct session_info info;
	struct forward *f;
	struct err e;
	int64_t port = 0;
	const char *container;
	int service;

	if (!s || !ask_int(r, "port", 1, 65535, &port))
		return;
	session_info(s, &info);
	if (!port) {
		reply_error(r, ERR_USAGE, "no port is named");
		return;
	}
	service = ask_target(r, info.lab, (int)port);
	if (service < 0)
		return;
	if (see_held(s, "ports", &e) < 0) {
		reply_problem(r, &e);
		return;
	}
	container = ask_container(r, s, service);
	if (!container)
		return;
	f = NEW(struct forward);
	*f = (struct forward){
		.api = a, .request = request_ref(r), .session = info.id, .port = (int)port};
	f->service = xstrdup(info.lab->services[service].name);
	f->op = container_inspect(a->engine, container, false, inspected, f);
}
