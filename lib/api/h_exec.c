/*
 * h_exec.c - a command or a shell in a service, over a WebSocket (messages: openapi.yaml).
 *
 * Output waits in the engine while the client is slow, input in the client while the command is.
 * A client that leaves takes its command along; the object lives until the command has ended.
 *
 * A check may hold the services still for a moment (frozen files). A command that meets such a
 * moment is started again a little later, so what is typed waits here until it has started.
 */
#include "api/impl.h"

#define FIRST_MESSAGE_MS 10000
#define TOUCH_EVERY_MS   5000
#define AGAIN_MS         100
#define AGAIN_FOR_MS     5000
#define INPUT_MAX        (1u << 20)
#define INPUT_FULL       (256u << 10)
#define ARGS_MAX         256
#define ENV_MAX          64

struct term {
	struct api *api;
	struct httpd_socket *socket; /* NULL: closed */
	struct timer *timer;         /* the first message has to come; the next try */
	int64_t session, touched_ms;
	struct json *wish; /* the first message */
	int64_t asked_ms;
	char *service;
	struct exec *exec; /* NULL: not started, or ended */
	bool started, tty, input_full;
	struct buf input; /* what came before it had started */
	bool eof;
};

/* --- talking --- */

static void send_json(struct term *t, struct buf *json)
{
	if (t->socket && httpd_socket_send(t->socket, WS_TEXT, json->data, json->len, NULL) < 0)
		httpd_socket_close(t->socket, WS_CLOSE_POLICY, "too slow");
}

static void say(struct term *t, const char *key, const char *text)
{
	_cleanup_buf_ struct buf b = BUF(64 << 10);
	struct json_writer w;

	json_begin(&w, &b, false);
	json_object(&w, NULL);
	json_put_str(&w, key, text);
	json_end(&w);
	send_json(t, &b);
}

static void say_started(struct term *t)
{
	_cleanup_buf_ struct buf b = BUF(64);

	(void)buf_adds(&b, "{\"started\":true}");
	send_json(t, &b);
}

static void say_exit(struct term *t, int code)
{
	_cleanup_buf_ struct buf b = BUF(64);

	(void)buf_addf(&b, "{\"exit\":%d}", code);
	send_json(t, &b);
	if (t->socket)
		httpd_socket_close(t->socket, WS_CLOSE_NORMAL, NULL);
}

static void say_error(struct term *t, const struct err *e)
{
	_cleanup_buf_ struct buf b = BUF(64 << 10);
	struct problem_doc doc;
	struct json_writer w;

	if (!t->socket)
		return;
	problem_init(&doc, e);
	json_begin(&w, &b, false);
	json_object(&w, NULL);
	problem_json(&doc, &w, "error");
	json_end(&w);
	send_json(t, &b);
	httpd_socket_close(t->socket, WS_CLOSE_INTERNAL, NULL);
}

/* What a person at a terminal should know: "limit" and "terminals" events of the session. */
static void on_event(void *arg, const struct session_event *ev)
{
	struct term *t = arg;
	_cleanup_(json_freep) struct json *data = NULL;
	const char *text;

	if (ev->session != t->session || !t->exec ||
		(!streq(ev->kind, "limit") && !streq(ev->kind, "terminals")))
		return;
	if (json_parse(&data, ev->data, strlen(ev->data), NULL) == 0 &&
		(text = json_str(json_get(data, "text"))))
		say(t, "notice", text);
}

/* --- the end --- */

static void term_free(void *arg)
{
	struct term *t = arg;

	json_free(t->wish);
	buf_done(&t->input);
	free(t->service);
	free(t);
}

static void release(struct term *t)
{
	if (t->socket || t->exec)
		return;
	timer_free(TAKE(t->timer));
	sessions_unlisten(t->api->sessions, on_event, t);
	loop_defer(t->api->loop, term_free, t);
}

/* Does the session only hold its breath? */
static bool worth_again(const struct term *t)
{
	struct session *s = sessions_by_id(t->api->sessions, t->session);
	struct session_info info;

	if (!s || !t->socket || loop_now_ms(t->api->loop) - t->asked_ms > AGAIN_FOR_MS)
		return false;
	session_info(s, &info);
	return info.state == STATE_READY;
}

static void not_started(struct term *t, const struct err *e)
{
	if (e->code == ERR_STATE && worth_again(t))
		timer_start(t->timer, AGAIN_MS);
	else
		say_error(t, e);
}

static void exec_over(void *arg, int code, const struct err *e)
{
	struct term *t = arg;

	sessions_exec_done(t->api->sessions, TAKE(t->exec));
	if (e->code != 0 && !t->started)
		not_started(t, e);
	else if (e->code != 0)
		say_error(t, e);
	else
		say_exit(t, code);
	release(t);
}

struct killing {
	struct sessions *sessions;
	int64_t session;
};

static void killed(void *arg, const struct engine_result *r)
{
	struct killing *k = arg;
	struct session *s;

	if (r->err.code == ERR_STATE && (s = sessions_by_id(k->sessions, k->session)))
		session_taint(s, "a process could not be removed from a container");
	free(k);
}

static void closed(void *arg, int code, const char *reason)
{
	struct term *t = arg;

	t->socket = NULL;
	api_closed(t->api);
	if (t->exec) {
		struct killing *k = NEW(struct killing);

		*k = (struct killing){t->api->sessions, t->session};
		exec_pause_output(t->exec, false);
		exec_kill(t->exec, killed, k);
	}
	release(t);
}

/* --- output --- */

static void exec_output(void *arg, int stream, const char *p, size_t n)
{
	struct term *t = arg;
	char frame[1 + (64 << 10)];

	frame[0] = (char)stream;
	for (size_t part; n && t->socket; p += part, n -= part) {
		part = MIN(n, sizeof(frame) - 1);
		memcpy(frame + 1, p, part);
		if (httpd_socket_send(t->socket, WS_BINARY, frame, part + 1, NULL) < 0)
			httpd_socket_close(t->socket, WS_CLOSE_POLICY, "too slow");
	}
	if (t->socket && t->exec && httpd_socket_full(t->socket))
		exec_pause_output(t->exec, true);
}

static void socket_drained(void *arg)
{
	struct term *t = arg;

	if (t->exec)
		exec_pause_output(t->exec, false);
}

/* --- input --- */

static void touch(struct term *t)
{
	int64_t now = loop_now_ms(t->api->loop);
	struct session *s;
	_cleanup_free_ char *source = NULL;

	if (t->touched_ms && now - t->touched_ms < TOUCH_EVERY_MS)
		return;
	t->touched_ms = now;
	s = sessions_by_id(t->api->sessions, t->session);
	source = strf("terminal %s", t->service);
	if (s)
		session_touch(s, source);
}

static void hold_input(struct term *t, bool hold)
{
	if (t->input_full == hold || !t->socket)
		return;
	t->input_full = hold;
	httpd_socket_pause(t->socket, hold);
}

static void exec_drained(void *arg)
{
	hold_input(arg, false);
}

static void input(struct term *t, const char *p, size_t n)
{
	struct err e = ERR_NONE;

	if (!t->service || n < 1 || p[0] != 0)
		return;
	touch(t);
	if (!t->started) {
		if (buf_add(&t->input, p + 1, n - 1) < 0)
			httpd_socket_close(t->socket, WS_CLOSE_TOO_BIG, "it has not started yet");
		hold_input(t, t->input.len > INPUT_FULL);
		return;
	}
	if (!t->exec)
		return;
	if (exec_write(t->exec, p + 1, n - 1, &e) < 0) {
		if (e.code == ERR_LIMIT)
			say_error(t, &e);
		return; /* ERR_STATE: it is ending, and says so itself */
	}
	hold_input(t, exec_full(t->exec));
}

static void exec_started(void *arg, int pid_inside)
{
	struct term *t = arg;

	t->started = true;
	say_started(t);
	if (t->input.len)
		(void)exec_write(
			t->exec, t->input.data, t->input.len, NULL); /* it fits, or it ends */
	buf_done(&t->input);
	if (t->eof)
		exec_close_stdin(t->exec);
	if (!exec_full(t->exec))
		exec_drained(t);
}

static void control(struct term *t, const struct json *m)
{
	const struct json *size = json_get(m, "resize");
	int64_t rows = json_int(json_get(size, "rows"), 0),
		cols = json_int(json_get(size, "cols"), 0);

	t->eof |= json_bool(json_get(m, "eof"), false);
	if (t->eof && t->started && t->exec)
		exec_close_stdin(t->exec);
	if (t->exec && t->tty && rows > 0 && rows <= 1000 && cols > 0 && cols <= 1000)
		exec_resize(t->exec, (int)rows, (int)cols);
}

/* --- the first message --- */

static const char *word(const struct json *m, const char *key)
{
	const char *s = json_str(json_get(m, key));

	return s && *s ? s : NULL;
}

static char **words(const struct json *m, const char *key, size_t max, struct err *e)
{
	const struct json *list = json_get(m, key), *v;
	char **ret;

	if (json_type(list) == JSON_NULL)
		return NULL;
	ret = strv_new();
	if (json_type(list) != JSON_ARRAY || json_len(list) > max)
		err_set(e, ERR_USAGE, "'%s' is no list of at most %zu strings", key, max);
	else
		json_for_each (v, list)
			strv_add(&ret, json_str_or(v, ""));
	return ret;
}

static int size_of(const struct json *m, const char *key, int otherwise)
{
	int64_t n = json_int(json_get(m, key), otherwise);

	return n > 0 && n <= 1000 ? (int)n : otherwise;
}

static int run(struct term *t, struct err *e)
{
	const struct json *m = t->wish;
	static const struct exec_ops ops = {exec_started, exec_output, exec_over, exec_drained};
	_cleanup_(strv_freep) char **argv = words(m, "argv", ARGS_MAX, e);
	_cleanup_(strv_freep) char **env = words(m, "env", ENV_MAX, e);
	struct session *s = sessions_by_id(t->api->sessions, t->session);
	struct session_info info;
	int service;

	if (!s)
		return err_set(e, ERR_NOT_FOUND, "the session went away");
	session_info(s, &info);
	service = learner_service(info.lab, word(m, "service"), "commands", e);
	if (service < 0 || e->code != 0)
		return e->code;
	const struct lab *l = info.lab;
	bool entry = service == l->entry;
	struct session_exec x = {
		.service = service,
		.argv = argv ? argv : l->shell,
		.env = env,
		.user = word(m, "user"),
		.workdir = word(m, "workdir") ? word(m, "workdir")
			   : entry            ? l->shell_dir
					      : NULL,
		.stdin_open = json_bool(json_get(m, "stdin"), false) ||
			      json_bool(json_get(m, "tty"), false),
		.tty = json_bool(json_get(m, "tty"), false),
		.rows = size_of(m, "rows", 24),
		.cols = size_of(m, "cols", 80),
		.learner = true,
		.class = CLASS_USER,
	};
	if (!x.argv || !x.argv[0])
		return err_set(e, ERR_USAGE, "no command is named");
	str_set(&t->service, l->services[service].name);
	t->tty = x.tty;
	t->exec = session_exec(s, &x, &ops, t, e);
	return t->exec ? 0 : e->code;
}

static void on_timer(void *arg)
{
	struct term *t = arg;
	struct err e = ERR_NONE;

	if (!t->wish) {
		err_set(&e, ERR_TIMEOUT, "nothing was asked for within %d s",
			FIRST_MESSAGE_MS / 1000);
		say_error(t, &e);
	} else if (run(t, &e) < 0) {
		not_started(t, &e);
	}
}

static void message(void *arg, enum ws_kind kind, const char *p, size_t n)
{
	struct term *t = arg;
	_cleanup_(json_freep) struct json *m = NULL;
	struct err e = ERR_NONE;

	if (kind == WS_BINARY) {
		input(t, p, n);
		return;
	}
	if (json_parse(&m, p, n, &e) < 0) {
		e.code = ERR_USAGE;
		say_error(t, &e);
	} else if (t->wish) {
		control(t, m);
	} else {
		t->wish = TAKE(m);
		t->asked_ms = loop_now_ms(t->api->loop);
		timer_stop(t->timer);
		on_timer(t);
	}
}

/* --- the beginning --- */

void h_exec(struct api *a, struct request *r, const struct match *m)
{
	static const struct httpd_socket_ops ops = {message, socket_drained, closed};
	struct session *s = ask_session(a, r, m);
	struct err e = ERR_NONE;
	struct session_info info;
	struct term *t;

	if (!s)
		return;
	session_info(s, &info);
	if (info.state == STATE_GRADING) {
		reply_error(r, ERR_STATE,
			"a grade is running: shells of '%s' are held until it ends", info.name);
		return;
	}
	t = NEW(struct term);
	*t = (struct term){.api = a, .session = info.id, .input = BUF(INPUT_MAX)};
	if (request_upgrade(r, "labyard.exec.v1", &ops, t, &t->socket, &e) < 0) {
		free(t);
		reply_problem(r, &e);
		return;
	}
	api_opened(a);
	t->timer = timer_new(a->loop, on_timer, t);
	timer_start(t->timer, FIRST_MESSAGE_MS);
	sessions_listen(a->sessions, on_event, t);
}
