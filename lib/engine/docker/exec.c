/*
 * exec.c - running a program inside a container and speaking with it.
 *
 *   turn -> create -> start (upgrade to a raw stream) -> pid line -> output -> end -> exit code
 *
 * Neither the 101 nor the first bytes prove that the program runs: for a missing program, user or
 * folder the runtime writes its complaint to stdout, with exit codes that differ from engine to
 * engine. So a small sh runs first: it looks for the program, prints its pid, and becomes it.
 * Without that line nothing started, and what was read is the complaint, never output. The engine
 * copies stdout and stderr independently, so stderr may overtake the line; it is held back.
 *
 * Closing the stream does not end the program; kill.c does.
 */
#include "engine/docker/exec.h"
#include "base/str.h"

#define OPEN_MS      30000 /* from create to the pid line, without the queue */
#define FIRST_MAX    4096
#define EARLY_MAX    (8u << 20)
#define BODY_MAX     (1u << 20)
#define INPUT_MAX    (1u << 20)
#define INPUT_FULL   (256u << 10)
#define EMPTY_MS     100 /* from the pid line to the end of an empty stdin */
#define END_MS       5000 /* from the end of the output to the exit code */
#define END_FIRST_MS 10
#define END_STEP_MS  500
#define CONSOLE_API  42 /* older engines ignore ConsoleSize */

/* `command -v` of some shells takes any path for a program. */
static const char wrapper[] =
	"case $1 in */*) [ -f \"$1\" ] && [ -x \"$1\" ];; "
	"*) command -v \"$1\" >/dev/null 2>&1;; esac || exit 127; echo $$; exec \"$@\"";

/* An HTTP call of an exec; x is NULL when the exec was freed meanwhile. */
struct exec_op {
	struct docker_op op;
	struct docker_exec *x;
};

static struct docker_exec *exec_of(struct exec *x)
{
	return container_of(x, struct docker_exec, exec);
}

static struct docker_exec *owner(struct docker_op *op)
{
	return container_of(op, struct exec_op, op)->x;
}

/* --- the end --- */

static void exec_end(struct docker_exec *x, int code, const struct err *why)
{
	if (x->state == EXEC_ENDED || x->freed)
		return;
	x->state = EXEC_ENDED;
	timer_stop(x->timer);
	stream_free(TAKE(x->stream));
	kill_waiting(x);
	x->ops.ended(x->arg, code, why);
}

static void exec_fail(struct docker_exec *x, int code, const char *fmt, ...) format_printf(3, 4);

static void exec_fail(struct docker_exec *x, int code, const char *fmt, ...)
{
	struct err why;
	va_list ap;

	va_start(ap, fmt);
	(void)err_setv(&why, code, fmt, ap);
	va_end(ap);
	(void)err_wrap(&why, "program in the container '%.12s'", x->container);
	exec_end(x, -1, &why);
}

/* An operation that ends with an error takes the exec with it. */
static void on_op_end(struct docker_op *op, const struct engine_result *r)
{
	struct docker_exec *x = owner(op);

	if (!x)
		return;
	x->op = NULL;
	if (r->err.code)
		exec_end(x, -1, &r->err);
}

static struct exec_op *exec_op_new(struct docker_exec *x, const char *what)
{
	struct exec_op *o = op_new(
		x->d, sizeof(*o), NULL, NULL, "%s the container '%.12s'", what, x->container);

	o->x = x;
	o->op.end = on_op_end;
	x->op = o;
	return o;
}

/* --- the exit code --- */

static void ask_exit(void *arg);

static void on_exit_code(struct docker_op *op, struct reply *r)
{
	struct docker_exec *x = owner(op);
	int64_t step, code = json_int(json_get(r->json, "ExitCode"), -1);

	if (!x || r->result.outcome != ENGINE_DONE) {
		op_end_reply(op, r);
		return;
	}
	op_end_done(op, NULL);
	if (!json_bool(json_get(r->json, "Running"), false)) {
		exec_end(x, (int)code, &ERR_NONE);
		return;
	}
	if (x->waited_ms >= END_MS) {
		exec_fail(x, ERR_STATE, "its output has ended, but it still runs");
		return;
	}
	step = MIN(MAX(x->waited_ms, END_FIRST_MS), END_STEP_MS);
	x->waited_ms += step;
	timer_start(x->timer, step);
}

static void ask_exit(void *arg)
{
	struct docker_exec *x = arg;
	struct exec_op *o = exec_op_new(x, "cannot learn how a program ended in");

	op_call(&o->op, (struct call){.method = "GET", .path = path_of("/exec/", x->id, "/json")},
		on_exit_code);
}

/* --- the start did not happen: why? --- */

/*
 * The engine and the runtime notice in different places that a container is paused or stopped, and
 * by the time we look it may run again. Then only their words tell.
 */
static bool tells_of_state(const char *text)
{
	static const char *const words[] = {
		"paused state", "is paused", "is not running", "stopped container"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

static void on_cause(struct docker_op *op, struct reply *r)
{
	struct docker_exec *x = owner(op);
	const struct json *state = json_get(r->json, "State");

	if (!x || r->result.outcome != ENGINE_DONE) {
		op_end_reply(op, r);
		return;
	}
	if (json_bool(json_get(state, "Paused"), false) ||
		!json_bool(json_get(state, "Running"), false)) {
		op_end_err(op, ENGINE_REFUSED, ERR_STATE, "the container is paused or stopped");
		return;
	}
	const struct buf *said = x->first.len ? &x->first : &x->early;
	_cleanup_free_ char *text = str_visible(buf_str(said), MIN(said->len, 300u), false);
	op_end_err(op, ENGINE_REFUSED, tells_of_state(text) ? ERR_STATE : ERR_NOT_FOUND, "%s",
		*text ? text : "the program, or the /bin/sh that starts it, is not there");
}

static void ask_container(struct docker_exec *x)
{
	op_call(&x->op->op,
		(struct call){
			.method = "GET", .path = path_of("/containers/", x->container, "/json")},
		on_cause);
}

/* 126 to 128 are the codes of the runtime and of our sh for what cannot be started. */
static void on_silent_end(struct docker_op *op, struct reply *r)
{
	struct docker_exec *x = owner(op);
	int64_t code = json_int(json_get(r->json, "ExitCode"), -1);

	if (!x || r->result.outcome != ENGINE_DONE)
		op_end_reply(op, r);
	else if (json_bool(json_get(r->json, "Running"), false))
		op_end_err(
			op, ENGINE_UNKNOWN, ERR_UNKNOWN, "its stream ended before its first line");
	else if (code < 126 || code > 128)
		op_end_err(op, ENGINE_REFUSED, ERR_STATE,
			"it was killed before its first line (exit code %d)", (int)code);
	else
		ask_container(x);
}

/* A complaint says it; after silence the exit code tells a missing program from a killed one. */
static void find_cause(struct docker_exec *x)
{
	stream_free(TAKE(x->stream));
	timer_stop(x->timer);
	if (x->first.len || x->early.len)
		ask_container(x);
	else
		op_call(&x->op->op,
			(struct call){.method = "GET", .path = path_of("/exec/", x->id, "/json")},
			on_silent_end);
}

static void on_timer(void *arg)
{
	struct docker_exec *x = arg;

	if (x->state == EXEC_ENDING)
		ask_exit(x);
	else if (x->state == EXEC_RUNNING)
		stream_shutdown(x->stream);
	else if (x->state == EXEC_WAITING && x->op)
		op_end_err(&x->op->op, ENGINE_UNKNOWN, ERR_TIMEOUT, "it did not start within %s",
			str_human_ms(OPEN_MS));
}

/* --- output --- */

/*
 * The engine hands stdin on through a FIFO, whose other side is opened in the background, a moment
 * after the start. A writer that has come and gone by then leaves the program waiting for ever; one
 * that has something to write is still there (moby issue 37870, and what its mend has left).
 */
static void shut_stdin(struct docker_exec *x)
{
	if (x->wrote)
		stream_shutdown(x->stream);
	else
		timer_start(x->timer, EMPTY_MS);
}

static void flush_input(struct docker_exec *x)
{
	struct err why;

	if (x->input.len && stream_write(x->stream, x->input.data, x->input.len, &why) < 0)
		exec_end(x, -1, &why);
	buf_clear(&x->input);
	if (x->close_stdin && x->stream && x->state == EXEC_RUNNING)
		shut_stdin(x);
}

static void send_size(struct docker_exec *x);

static void on_started(struct docker_exec *x, int pid)
{
	struct exec_op *o = TAKE(x->op);

	x->state = EXEC_RUNNING;
	x->pid = pid;
	timer_stop(x->timer);
	o->x = NULL;
	op_end_done(&o->op, NULL);
	if (x->d->minor < CONSOLE_API)
		x->told_rows = x->told_cols = 0;
	send_size(x);
	flush_input(x);
	kill_waiting(x);
	if (x->pause_output && x->stream)
		stream_pause(x->stream, true);
	if (x->state != EXEC_ENDED && x->ops.started)
		x->ops.started(x->arg, pid);
}

/* The number in a whole first line, 0 when it is something else. */
static int pid_line(const char *line, size_t n)
{
	char text[16];
	int64_t pid;

	if (n > 0 && line[n - 1] == '\r')
		n--;
	if (n == 0 || n >= sizeof(text))
		return 0;
	memcpy(text, line, n);
	text[n] = '\0';
	return str_int(text, 1, INT32_MAX, &pid, NULL) == 0 ? (int)pid : 0;
}

static void tell_early(struct docker_exec *x)
{
	if (x->early.len && x->state == EXEC_RUNNING && !x->freed)
		x->ops.output(x->arg, 2, x->early.data, x->early.len);
	buf_done(&x->early);
}

/* Collect until the first line is whole; returns how many bytes were used up. */
static size_t take_first(struct docker_exec *x, const char *p, size_t n)
{
	const char *newline = memchr(p, '\n', n);
	bool whole = newline && !memchr(buf_str(&x->first), '\n', x->first.len);
	size_t used = whole ? (size_t)(newline - p) + 1 : n;
	int pid;

	(void)buf_add(&x->first, p, MIN(used, x->first.max - x->first.len));
	pid = whole ? pid_line(x->first.data, x->first.len - 1) : 0;
	if (!pid)
		return n;
	on_started(x, pid);
	tell_early(x);
	return used;
}

static int take(void *arg, int stream, const char *p, size_t n, struct err *e)
{
	struct docker_exec *x = arg;
	size_t used = 0;

	if (x->state == EXEC_WAITING && stream == 2)
		return buf_add(&x->early, p, n) == 0 ?
			0 : err_set(e, ERR_LIMIT, "too much came before its first line");
	if (x->state == EXEC_WAITING)
		used = take_first(x, p, n);
	if (used < n && x->state == EXEC_RUNNING && !x->freed)
		x->ops.output(x->arg, stream, p + used, n - used);
	return x->freed || x->state == EXEC_ENDED ? ERR_CANCELED : 0;
}

static void on_output_end(struct docker_exec *x)
{
	struct err why;

	if (x->state == EXEC_WAITING) {
		find_cause(x);
	} else if (!x->tty && stdcopy_end(&x->frames, &why) < 0) {
		exec_fail(x, ERR_UNKNOWN, "its output was cut: %s", why.text);
	} else {
		x->state = EXEC_ENDING;
		timer_stop(x->timer);
		stream_free(TAKE(x->stream));
		ask_exit(x);
	}
}

static void on_data(void *arg, const char *p, size_t n)
{
	struct docker_exec *x = arg;
	struct err why = ERR_NONE;
	int r;

	if (n == 0) {
		on_output_end(x);
		return;
	}
	r = x->tty ? take(x, 1, p, n, &why) : stdcopy_feed(&x->frames, p, n, take, x, &why);
	if (r == 0 || x->freed || x->state == EXEC_ENDED)
		return;
	if (x->op)
		op_end_err(&x->op->op, ENGINE_UNKNOWN, r, "%s", why.text);
	else
		exec_fail(x, r, "%s", why.text);
}

static void on_drained(void *arg)
{
	struct docker_exec *x = arg;

	if (x->state == EXEC_RUNNING && x->ops.drained)
		x->ops.drained(x->arg);
}

static void on_failed(void *arg, const struct err *why)
{
	struct docker_exec *x = arg;

	if (x->op)
		op_end_err(&x->op->op, ENGINE_UNKNOWN, why->code, "%s", why->text);
	else
		exec_fail(x, why->code, "%s", why->text);
}

static void on_opened(void *arg, int status, enum http_outcome outcome, const struct err *e)
{
	static const struct {
		int status, code;
	} codes[] = {{404, ERR_NOT_FOUND}, {409, ERR_STATE}};
	struct docker_exec *x = arg;
	int code = e ? e->code : 0;

	if (!code) {
		/*
		 * Whether it runs is for the first line to tell; but what a pipe holds reaches the
		 * program a round trip earlier. A terminal would show it at the wrong moment.
		 */
		if (!x->tty)
			flush_input(x);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].status == status)
			code = codes[i].code;
	if (status && tells_of_state(e->text))
		code = ERR_STATE; /* a 500 */
	op_end_err(&x->op->op, outcome == HTTP_NOT_SENT || status ? ENGINE_REFUSED : ENGINE_UNKNOWN,
		code, "%s", e->text);
}

/* --- the start --- */

static void put_size(struct json_writer *w, const struct docker_exec *x)
{
	if (!x->tty || x->rows <= 0 || x->cols <= 0)
		return;
	json_array(w, "ConsoleSize");
	json_put_int(w, NULL, x->rows);
	json_put_int(w, NULL, x->cols);
	json_end(w);
}

/* `Privileged` is never written: newer engines would give it all that the container may not. */
static void create_exec_body(
	struct buf *out, const struct docker_exec *x, const struct exec_spec *s)
{
	static const char *const before[] = {"/bin/sh", "-c", wrapper, "sh"};
	_cleanup_free_ char *marker = s->marker ? strf("LABD_EXEC=%s", s->marker) : NULL;
	struct json_writer w;

	json_begin(&w, out, false);
	json_object(&w, NULL);
	json_put_bool(&w, "AttachStdin", s->stdin_open);
	json_put_bool(&w, "AttachStdout", true);
	json_put_bool(&w, "AttachStderr", true);
	json_put_bool(&w, "Tty", s->tty);
	put_size(&w, x);
	if (s->user)
		json_put_str(&w, "User", s->user);
	if (s->workdir)
		json_put_str(&w, "WorkingDir", s->workdir);
	json_array(&w, "Env");
	for (char *const *v = s->env; v && *v; v++)
		json_put_str(&w, NULL, *v);
	if (marker)
		json_put_str(&w, NULL, marker);
	json_end(&w);
	json_array(&w, "Cmd");
	for (size_t i = 0; !s->tells_pid && i < ARRAY_SIZE(before); i++)
		json_put_str(&w, NULL, before[i]);
	for (char *const *v = s->argv; *v; v++)
		json_put_str(&w, NULL, *v);
	json_end(&w);
	json_end(&w);
}

static void open_stream(struct docker_exec *x)
{
	static const struct stream_ops ops = {
		.opened = on_opened, .data = on_data, .drained = on_drained, .failed = on_failed};
	_cleanup_free_ char *start = path_of("/exec/", x->id, "/start"),
			    *path = api_path(x->d, start);
	_cleanup_buf_ struct buf body = BUF(4096);
	struct json_writer w;

	json_begin(&w, &body, false);
	json_object(&w, NULL);
	json_put_bool(&w, "Detach", false);
	json_put_bool(&w, "Tty", x->tty); /* decides the framing: the same as at create */
	put_size(&w, x);
	json_end(&w);
	x->told_rows = x->rows;
	x->told_cols = x->cols;
	x->d->engine.calls++;
	x->stream = stream_open(
		x->d->http, "POST", path, "tcp", NULL, body.data, body.len, OPEN_MS, &ops, x);
	timer_start(x->timer, OPEN_MS);
}

static void on_exec_created(struct docker_op *op, struct reply *r)
{
	struct docker_exec *x = owner(op);
	const char *id = json_str(json_get(r->json, "Id"));

	if (!x || r->result.outcome != ENGINE_DONE) {
		op_end_reply(op, r);
	} else if (!id || op->canceled) {
		op_end_err(op, ENGINE_REFUSED, id ? ERR_CANCELED : ERR_PROTO, "%s",
			id ? "canceled" : "the engine's answer has no 'Id'");
	} else {
		x->id = xstrdup(id);
		open_stream(x);
	}
}

static struct docker_exec *exec_new(
	struct engine *g, const struct exec_spec *s, const struct exec_ops *ops, void *arg)
{
	struct docker_exec *x = NEW(struct docker_exec);

	x->exec.engine = g;
	x->d = docker_of(g);
	x->ops = *ops;
	x->arg = arg;
	x->container = xstrdup(s->container);
	str_set(&x->user, s->user);
	str_set(&x->marker, s->marker);
	x->tty = s->tty;
	x->stdin_open = s->stdin_open;
	x->rows = s->rows;
	x->cols = s->cols;
	x->timer = timer_new(g->loop, on_timer, x);
	buf_init(&x->first, FIRST_MAX);
	buf_init(&x->early, EARLY_MAX);
	buf_init(&x->input, INPUT_MAX);
	list_init(&x->kills);
	return x;
}

struct exec *docker_exec_start(struct engine *g, struct engine_turn t, const struct exec_spec *s,
	const struct exec_ops *ops, void *arg)
{
	/* The newest engines look for the user at create; older ones complain after the start. */
	static const struct rule rules[] = {
		{400, "unable to find user", ERR_NOT_FOUND, ENGINE_REFUSED, false},
		{0},
	};
	struct docker_exec *x = exec_new(g, s, ops, arg);
	struct exec_op *o = exec_op_new(x, "cannot run a program in");
	struct call call = {.method = "POST", .rules = rules, .body = BUF(BODY_MAX)};

	x->session = t.session;
	create_exec_body(&call.body, x, s);
	if (call.body.full) {
		buf_done(&call.body);
		(void)op_end_later(&o->op, ERR_LIMIT, "its arguments are too large");
		return &x->exec;
	}
	call.path = path_of("/containers/", s->container, "/exec");
	(void)op_enter_call(&o->op, LANE_CONTAINER, t, call, on_exec_created);
	return &x->exec;
}

/* --- stdin, size, back-pressure --- */

int docker_exec_write(struct exec *exec, const void *p, size_t n, struct err *e)
{
	struct docker_exec *x = exec_of(exec);

	if (!x->stdin_open || x->close_stdin || x->state > EXEC_RUNNING)
		return err_set(e, ERR_STATE, "nobody reads the standard input any more");
	x->wrote |= n > 0;
	if (x->state == EXEC_RUNNING)
		return stream_write(x->stream, p, n, e);
	if (buf_add(&x->input, p, n) < 0)
		return err_set(e, ERR_LIMIT, "more than %s wait for the program's start",
			str_human_size(INPUT_MAX));
	return 0;
}

bool docker_exec_full(const struct exec *exec)
{
	const struct docker_exec *x = container_of(exec, const struct docker_exec, exec);

	return x->state == EXEC_WAITING ? x->input.len > INPUT_FULL
	     : x->state == EXEC_RUNNING ? stream_full(x->stream)
					: false;
}

void docker_exec_close_stdin(struct exec *exec)
{
	struct docker_exec *x = exec_of(exec);

	if (x->close_stdin || !x->stdin_open)
		return;
	x->close_stdin = true;
	if (x->state == EXEC_RUNNING)
		shut_stdin(x);
}

void docker_exec_pause_output(struct exec *exec, bool pause)
{
	struct docker_exec *x = exec_of(exec);

	x->pause_output = pause;
	if (x->state == EXEC_RUNNING)
		stream_pause(x->stream, pause);
}

static void on_resized(struct docker_op *op, struct reply *r)
{
	struct docker_exec *x = owner(op);

	if (x)
		x->resizing = NULL;
	op_end_reply(op, r);
	if (x)
		send_size(x);
}

/* A program that ended meanwhile cannot be resized; nothing depends on it. */
static void on_resize_end(struct docker_op *op, const struct engine_result *r)
{
}

/* One call at a time, and never before the start: the engine would hang for 10 s. */
static void send_size(struct docker_exec *x)
{
	struct exec_op *o;
	_cleanup_free_ char *query = NULL;

	if (!x->tty || x->state != EXEC_RUNNING || x->resizing || x->rows <= 0 || x->cols <= 0 ||
		(x->rows == x->told_rows && x->cols == x->told_cols))
		return;
	o = op_new(x->d, sizeof(*o), NULL, NULL, "cannot resize a terminal");
	o->x = x;
	o->op.end = on_resize_end;
	x->resizing = &o->op;
	x->told_rows = x->rows;
	x->told_cols = x->cols;
	query = strf("/resize?h=%d&w=%d", x->rows, x->cols);
	op_call(&o->op, (struct call){.method = "POST", .path = path_of("/exec/", x->id, query)},
		on_resized);
}

void docker_exec_resize(struct exec *exec, int rows, int cols)
{
	struct docker_exec *x = exec_of(exec);

	x->rows = rows;
	x->cols = cols;
	send_size(x);
}

/* --- free --- */

static void free_later(void *arg)
{
	struct docker_exec *x = arg;

	free(x->container);
	free(x->user);
	free(x->marker);
	free(x->id);
	buf_done(&x->first);
	buf_done(&x->early);
	buf_done(&x->input);
	free(x);
}

void docker_exec_free(struct exec *exec)
{
	struct docker_exec *x = exec_of(exec);

	x->freed = true;
	if (x->op) {
		struct exec_op *o = TAKE(x->op);

		o->x = NULL;
		engine_cancel(&o->op.base);
	}
	if (x->resizing)
		container_of(x->resizing, struct exec_op, op)->x = NULL;
	stream_free(TAKE(x->stream));
	timer_free(TAKE(x->timer));
	kill_waiting(x);
	loop_defer(x->d->engine.loop, free_later, x);
}
