/* client.c - talking to labd: finding it, starting it, calls, events. */
#include "cmd/lab/client.h"

#include "base/fsutil.h"
#include "base/id.h"
#include "base/xdg.h"
#include "cmd/lab/output.h"
#include "ev/child.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#define CALL_DEADLINE_MS 60000
#define DAEMON_DEADLINE_MS 15000
#define TAKE_UP_AGAIN_MS 500
#define TAKE_UP_TRIES 20

struct client {
	struct cli *cli;
	struct loop *loop;
	struct http *http;
	struct sigwatch *sigint, *sigterm;
	char *socket;
	int signal; /* SIGINT or SIGTERM came */
	bool *waiting; /* what a turn of the loop waits for */
	char **advice;
	char *ref;
};

/* --- life --- */

static void on_signal(void *arg, int signo)
{
	struct client *k = arg;

	k->signal = signo;
	if (k->waiting)
		*k->waiting = true;
	loop_stop(k->loop);
}

void client_free(struct client *k)
{
	if (!k)
		return;
	sigwatch_free(k->sigint);
	sigwatch_free(k->sigterm);
	http_free(k->http);
	loop_free(k->loop);
	strv_free(k->advice);
	free(k->ref);
	free(k->socket);
	free(k);
}

struct loop *client_loop(struct client *k)
{
	return k->loop;
}

struct http *client_http(struct client *k)
{
	return k->http;
}

char *const *client_advice(const struct client *k)
{
	return k->advice;
}

const char *client_ref(const struct client *k)
{
	return k->ref;
}

int client_wait(struct client *k, const bool *done, struct err *e)
{
	while (!*done && !k->signal)
		loop_once(k->loop, true);
	if (k->signal && !*done)
		return err_set(e, ERR_CANCELED, "interrupted");
	return 0;
}

/* --- one call --- */

struct call {
	struct client *k;
	bool done;
	int status;
	enum http_outcome outcome;
	struct buf body;
	struct err err;
};

static void answered(void *arg, const struct http_result *r)
{
	struct call *c = arg;

	c->done = true;
	c->status = r->status;
	c->outcome = r->outcome;
	c->err = r->err;
	(void)buf_add(&c->body, r->body.data, r->body.len); /* both have the same maximum */
}

/* A problem document becomes an error of its kind; advice and reference are kept. */
static int problem(struct client *k, const struct call *c, struct err *e)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	const struct json *line;

	if (json_parse(&doc, buf_str(&c->body), c->body.len, NULL) < 0 || !json_str(json_get(doc, "detail")))
		return err_set(e, ERR_PROTO, "labd answered %d without saying why", c->status);
	strv_free(k->advice);
	k->advice = strv_new();
	json_for_each(line, json_get(doc, "problems"))
		strv_add(&k->advice, json_str_or(line, ""));
	json_for_each(line, json_get(doc, "advice"))
		strv_add(&k->advice, json_str_or(line, ""));
	str_set(&k->ref, json_str(json_get(doc, "ref")));
	return err_set(e, err_from_kind(json_str_or(json_get(doc, "kind"), "")), "%s", json_str(json_get(doc, "detail")));
}

static int call(struct client *k, const char *method, const char *path, const struct buf *body, char *const *headers, struct buf *out, struct err *e)
{
	struct call c = {.k = k, .body = BUF(64 << 20)};
	struct http_request req = {
		.method = method,
		.path = path,
		.headers = headers,
		.body = body ? buf_str(body) : NULL,
		.body_len = body ? body->len : 0,
		.deadline_ms = CALL_DEADLINE_MS,
		.max_body = 64 << 20,
	};
	int r;

	struct http_op *op = http_send(k->http, &req, answered, &c);
	r = client_wait(k, &c.done, e);
	if (r < 0) {
		http_cancel(op);
		while (!c.done)
			loop_once(k->loop, true);
	} else if (c.err.code != 0) {
		r = err_copy(e, &c.err);
	} else if (c.status >= 300) {
		r = problem(k, &c, e);
	} else {
		r = buf_add(out, c.body.data, c.body.len);
	}
	buf_done(&c.body);
	return r;
}

static int call_json(struct client *k, const char *method, const char *path, const struct buf *body, char *const *headers, struct json **ret, struct err *e)
{
	_cleanup_buf_ struct buf out = BUF(64 << 20);
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

int client_call(struct client *k, const char *method, const char *path, const struct buf *body, struct json **ret, struct err *e)
{
	return call_json(k, method, path, body, NULL, ret, e);
}

int client_create(struct client *k, const char *path, const struct buf *body, struct json **ret, struct err *e)
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

/* --- events --- */

struct follow {
	struct client *k;
	struct buf line, data;
	char kind[32];
	int64_t last;
	bool open, ended, enough;
	int status;
	struct err err;
	struct buf problem;
	event_fn fn;
	void *arg;
};

static void dispatch(struct follow *f)
{
	_cleanup_(json_freep) struct json *doc = NULL;

	if (f->data.len && json_parse(&doc, buf_str(&f->data), f->data.len, NULL) == 0 && !f->enough)
		f->enough = !f->fn(f->arg, f->kind, doc);
	buf_clear(&f->data);
}

/* One line of the stream: id, event, data, a comment, or the empty line that ends an event. */
static void take_line(struct follow *f, const char *s)
{
	if (!*s)
		dispatch(f);
	else if (str_starts(s, "id:"))
		f->last = strtoll(s + 3, NULL, 10);
	else if (str_starts(s, "event:"))
		(void)snprintf(f->kind, sizeof(f->kind), "%s", s + 6 + (s[6] == ' '));
	else if (str_starts(s, "data:"))
		(void)buf_adds(&f->data, s + 5 + (s[5] == ' '));
}

static int head(void *arg, int status, struct err *e)
{
	struct follow *f = arg;

	f->status = status;
	f->open = status == 200;
	return 0;
}

static int64_t bytes(void *arg, const char *p, size_t n, struct err *e)
{
	struct follow *f = arg;

	for (size_t i = 0; i < n && !f->enough; i++) {
		if (p[i] != '\n') {
			(void)buf_addc(&f->line, p[i]);
			continue;
		}
		take_line(f, buf_str(&f->line));
		buf_clear(&f->line);
	}
	return (int64_t)n;
}

static void over(void *arg, const struct http_result *r)
{
	struct follow *f = arg;

	f->ended = true;
	f->err = r->err;
	if (r->status >= 300)
		(void)buf_add(&f->problem, r->body.data, r->body.len);
}

static void out_of_time(void *arg)
{
	*(bool *)arg = true;
}

/* One connection, until it ends or enough was seen. Returns 0, or why it is over for good. */
static int follow_once(struct follow *f, const char *path, const bool *late, struct err *e)
{
	struct client *k = f->k;
	_cleanup_free_ char *full = strf("%s%cafter=%" PRId64, path, strchr(path, '?') ? '&' : '?', f->last);
	struct http_request req = {.method = "GET", .path = full, .on_head = head, .on_data = bytes, .silence_ms = 60000};

	f->ended = f->open = false;
	buf_clear(&f->line);
	struct http_op *op = http_send(k->http, &req, over, f);
	while (!f->ended && !f->enough && !k->signal && !*late)
		loop_once(k->loop, true);
	if (!f->ended) {
		http_cancel(op);
		while (!f->ended)
			loop_once(k->loop, true);
	}
	if (k->signal)
		return err_set(e, ERR_CANCELED, "interrupted");
	if (*late)
		return err_set(e, ERR_TIMEOUT, "not done in time; it goes on");
	if (f->status >= 300) {
		struct call c = {.status = f->status, .body = f->problem};

		return problem(k, &c, e);
	}
	return 0;
}

static void wake(void *arg)
{
	*(bool *)arg = true;
}

static void rest(struct client *k, int64_t ms)
{
	bool over_now = false;
	struct timer *t = timer_new(k->loop, wake, &over_now);

	timer_start(t, ms);
	while (!over_now && !k->signal)
		loop_once(k->loop, true);
	timer_free(t);
}

int client_follow(struct client *k, const char *path, int64_t deadline_ms, event_fn fn, void *arg, struct err *e)
{
	struct follow f = {.k = k, .line = BUF(1 << 20), .data = BUF(1 << 20), .problem = BUF(64 << 10), .fn = fn, .arg = arg};
	bool late = false;
	struct timer *t = timer_new(k->loop, out_of_time, &late);
	int r = 0;

	if (deadline_ms)
		timer_start(t, deadline_ms);
	for (int tries = 0; r == 0 && !f.enough; tries++) {
		r = follow_once(&f, path, &late, e);
		if (r != 0 || f.enough || (f.open && f.err.code == 0))
			break; /* the daemon ended it: there is nothing more */
		if (f.open)
			tries = 0;
		if (tries >= TAKE_UP_TRIES)
			r = err_copy(e, &f.err);
		else
			rest(k, TAKE_UP_AGAIN_MS); /* labd may be restarting */
	}
	timer_free(t);
	buf_done(&f.line);
	buf_done(&f.data);
	buf_done(&f.problem);
	return r;
}

/* --- finding and starting the daemon --- */

static int shake(struct client *k, struct json **ret, struct err *e)
{
	return client_call(k, "GET", "/v1/version", NULL, ret, e);
}

static char *daemon_program(void)
{
	_cleanup_free_ char *dir = fs_program_dir();
	char *beside = strf("%s/labd", dir);

	if (fs_exists(beside))
		return beside;
	free(beside);
	return xstrdup(LABYARD_PREFIX "/sbin/labd");
}

static char *last_line(const char *path)
{
	_cleanup_buf_ struct buf b = BUF(1 << 20);

	if (fs_read(path, &b, NULL) < 0 || !b.len)
		return xstrdup("it says nothing");
	while (b.len && b.data[b.len - 1] == '\n')
		b.data[--b.len] = '\0';
	const char *nl = strrchr(b.data, '\n');
	return xstrdup(nl ? nl + 1 : b.data);
}

struct launch {
	bool ended;
	int status;
};

static void launched_end(void *arg, int status)
{
	struct launch *l = arg;

	l->ended = true;
	l->status = status;
}

/* Until the daemon answers, or has ended, or time is over. */
static int await_daemon(struct client *k, struct launch *l, const char *log, struct json **ret, struct err *e)
{
	int64_t until = loop_now_ms(k->loop) + DAEMON_DEADLINE_MS;

	while (loop_now_ms(k->loop) < until && !k->signal) {
		if (shake(k, ret, e) == 0)
			return 0;
		if (l->ended) {
			_cleanup_free_ char *why = last_line(log);

			return err_set(e, ERR_UNREACHABLE, "labd ended at once: %s", why);
		}
		rest(k, 20);
	}
	return k->signal ? err_set(e, ERR_CANCELED, "interrupted") : err_set(e, ERR_UNREACHABLE, "labd does not answer on '%s': see '%s'", k->socket, log);
}

static int launch(struct client *k, struct json **ret, struct err *e)
{
	extern char **environ;
	_cleanup_free_ char *program = daemon_program(), *state = xdg_state(), *log = strf("%s/labd.log", state), *listen = strf("unix:%s", k->socket);
	char *argv[] = {program, (char *)"--self-started", (char *)"--listen", listen, NULL};
	struct launch l = {0};
	struct child *child;

	if (fs_mkdirs(state, 0700, e) < 0)
		return e->code;
	_cleanup_close_ int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, ERR_IO, "cannot write '%s'", log);
	struct child_spec spec = {.program = program, .argv = argv, .env = environ, .fds = {-1, fd, fd, -1}, .detach = true};
	int r = child_spawn(&child, k->loop, &spec, launched_end, &l, e);
	if (r < 0)
		return r;
	r = await_daemon(k, &l, log, ret, e);
	child_free(child); /* a detached one runs on */
	return r;
}

/* A self-started daemon of another version with nothing to do makes way for ours. */
static int handshake(struct client *k, const struct json *v, struct json **ret, struct err *e)
{
	const char *version = json_str_or(json_get(v, "version"), "?");
	int64_t pid = json_int(json_get(v, "pid"), 0);

	if (json_int(json_get(v, "api"), 0) != 1)
		return err_set(e, ERR_STATE, "labd %s speaks another version of the API than this lab (%s): use the lab that belongs to it, or stop its sessions", version, LABYARD_VERSION);
	if (streq(version, LABYARD_VERSION) || !json_bool(json_get(v, "self_started"), false) || json_int(json_get(v, "live_sessions"), 1) || pid <= 1)
		return 0;
	if (kill((pid_t)pid, SIGTERM) < 0)
		return 0; /* it goes on serving */
	for (int i = 0; i < 250 && kill((pid_t)pid, 0) == 0; i++)
		rest(k, 20);
	return launch(k, ret, e);
}

int client_open(struct client **ret, struct cli *c, bool start, struct err *e)
{
	struct client *k = NEW(struct client);
	_cleanup_(json_freep) struct json *version = NULL, *again = NULL;
	int r;

	k->cli = c;
	k->socket = c->socket ? xstrdup(c->socket) : xdg_socket();
	c->client = k;
	r = loop_new(&k->loop, NULL, e);
	if (r == 0)
		r = http_new(&k->http, k->loop, &(struct http_peer){.unix_path = k->socket, .base_url = "http://localhost"}, e);
	if (r < 0)
		return r;
	k->sigint = sigwatch_new(k->loop, SIGINT, on_signal, k);
	k->sigterm = sigwatch_new(k->loop, SIGTERM, on_signal, k);
	r = shake(k, &version, e);
	if (r == ERR_UNREACHABLE && start && !c->socket) {
		*e = ERR_NONE;
		r = launch(k, &version, e);
	} else if (r == ERR_UNREACHABLE) {
		err_set(e, ERR_UNREACHABLE, "no labd answers on '%s'", k->socket);
	}
	if (r == 0)
		r = handshake(k, version, &again, e);
	if (r == 0)
		*ret = k;
	return r;
}

/* --- names of sessions --- */

static bool live(const struct json *s)
{
	return !streq(json_str_or(json_get(s, "state"), ""), "ending");
}

static bool named(const struct json *s, const char *word)
{
	if (!word)
		return live(s);
	return str_starts(json_str_or(json_get(s, "name"), ""), word) || streq(json_str_or(json_get(s, "lab"), ""), word);
}

static int ambiguous(const struct json *list, const char *word, struct err *e)
{
	_cleanup_buf_ struct buf names = BUF(400);
	const struct json *s;

	json_for_each(s, list)
		if (named(s, word))
			(void)buf_addf(&names, " %s", json_str_or(json_get(s, "name"), "?"));
	return word ? err_set(e, ERR_USAGE, "'%s' may mean several labs:%s", word, buf_str(&names))
		    : err_set(e, ERR_USAGE, "several labs are there, name one:%s", buf_str(&names));
}

int client_session(struct client *k, const char *word, struct json **ret, struct err *e)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	const struct json *list, *s, *found = NULL;
	size_t n = 0;
	int r = client_call(k, "GET", "/v1/sessions", NULL, &doc, e);

	if (r < 0)
		return r;
	list = json_get(doc, "sessions");
	json_for_each(s, list) {
		if (word && streq(json_str_or(json_get(s, "name"), ""), word)) {
			found = s;
			n = 1;
			break;
		}
		if (named(s, word)) {
			found = s;
			n++;
		}
	}
	if (n > 1)
		return ambiguous(list, word, e);
	if (n == 0)
		return word ? err_set(e, ERR_NOT_FOUND, "no lab '%s' is started: 'lab status' lists those that are", word)
			    : err_set(e, ERR_NOT_FOUND, "no lab is started: 'lab catalog' lists labs, 'lab start LAB' starts one");
	_cleanup_free_ char *path = strf("/v1/sessions/%s", json_str_or(json_get(found, "name"), ""));
	return client_call(k, "GET", path, NULL, ret, e);
}
