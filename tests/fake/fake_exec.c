/* fake_exec.c - the fake engine's execs: their rows, their streams, and how they go wrong. */
#include "tests/fake/fake.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- rows --- */

static void exec_row_free(struct exec_row *x)
{
	container_unref(x->container);
	strv_free(x->argv);
	strv_free(x->env);
	free(x->user);
	free(x);
}

void execs_free(struct fake *f)
{
	struct exec_row *x;
	const char *key;

	for (size_t i = 0; map_each(f->execs, &i, &key, &x);)
		exec_row_free(x);
	map_free(f->execs);
}

void kill_exec(struct exec_row *x)
{
	x->killed = true;
	if (x->fd >= 0)
		shutdown(x->fd, SHUT_RD); /* it may be waiting for stdin */
}

void end_execs(struct fake *f, const struct container *c)
{
	struct exec_row *x;
	const char *key;

	for (size_t i = 0; map_each(f->execs, &i, &key, &x);)
		if (x->container == c && x->running)
			kill_exec(x);
	pthread_cond_broadcast(&f->changed);
}

static bool user_known(const char *user)
{
	static const char *const names[] = {"", "root", "nobody", "daemon"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(user, names[i]))
			return true;
	return strspn(user, "0123456789:") == strlen(user);
}

/* --- create --- */

static struct exec_row *read_exec(struct container *c, const struct json *j)
{
	struct exec_row *x = NEW(struct exec_row);
	const struct json *word, *list = json_get(j, "Cmd");

	new_id(x->id);
	x->fd = -1;
	x->container = container_ref(c);
	x->argv = strv_new();
	x->env = strv_copy(c->env);
	x->user = xstrdup(json_str_or(json_get(j, "User"), ""));
	x->tty = json_bool(json_get(j, "Tty"), false);
	x->has_stdin = json_bool(json_get(j, "AttachStdin"), false);
	json_for_each(word, list)
		strv_add(&x->argv, json_str_or(word, ""));
	list = json_get(j, "Env");
	json_for_each(word, list)
		strv_add(&x->env, json_str_or(word, ""));
	return x;
}

static void create_exec(struct fake *f, struct conn *conn, const struct request *r, const char *id)
{
	_cleanup_(json_freep) struct json *j = NULL;
	struct container *c = find_container(f, id);
	const char *user;
	struct exec_row *x;

	if (!c) {
		answer_error(conn, 404, "No such container: %s", id);
		return;
	}
	if (c->status != RUNNING) {
		answer_error(conn, 409,
			c->status == PAUSED
				? "Container %s is paused, unpause the container before exec"
				: "Container %s is not running",
			id);
		return;
	}
	if (json_parse(&j, buf_str(&r->body), r->body.len, NULL) < 0) {
		answer_error(conn, 400, "invalid JSON");
		return;
	}
	user = json_str_or(json_get(j, "User"), "");
	if (json_get(j, "Privileged")) {
		answer_error(conn, 400, "the fake engine refuses privileged execs");
	} else if (f->minor >= 56 && !user_known(user)) {
		answer_error(conn, 400,
			"unable to find user %s: no matching entries in passwd file", user);
	} else {
		x = read_exec(c, j);
		map_put(f->execs, x->id, x);
		conn->status = 201;
		(void)buf_addf(&conn->body, "{\"Id\":\"%s\"}", x->id);
	}
}

/* --- the stream --- */

struct session {
	struct conn *conn;
	struct exec_row *x;
	bool tty, detached; /* detached: the client went; the program does not notice */
};

static bool send_frame(struct session *s, int stream, const void *p, size_t n)
{
	unsigned char head[8] = {(unsigned char)stream};
	uint32_t len = htonl((uint32_t)n);
	struct conn *c = s->conn;
	bool cut = c->cut_after && c->streamed + 8 + n > c->cut_after;

	memcpy(head + 4, &len, 4);
	if (cut)
		n = c->cut_after > c->streamed + 8 ? c->cut_after - c->streamed - 8 : 0;
	c->streamed += 8 + n;
	if (!conn_write(c, head, 8) || !conn_write(c, p, n) || cut) {
		s->detached = true;
		shutdown(c->fd, SHUT_WR);
	}
	return true;
}

/* A terminal's line ends. */
static void send_raw(struct session *s, const char *p, size_t n)
{
	for (size_t i = 0, from = 0; i < n && !s->detached; i++) {
		if (p[i] != '\n' && i + 1 < n)
			continue;
		size_t len = i - from + (p[i] != '\n');

		if (!conn_write(s->conn, p + from, len) ||
			(p[i] == '\n' && !conn_write(s->conn, "\r\n", 2)))
			s->detached = true;
		from = i + 1;
	}
}

static bool write_out(void *arg, int stream, const void *p, size_t n)
{
	struct session *s = arg;

	if (s->detached)
		return true;
	if (s->tty)
		send_raw(s, p, n);
	else
		(void)send_frame(s, stream, p, n);
	return true;
}

/* With a terminal what is typed comes back, and ^D is the end. */
static ssize_t read_in(void *arg, void *p, size_t n)
{
	struct session *s = arg;
	ssize_t got = read(s->conn->fd, p, n);
	char *end;

	if (got <= 0 || !s->tty)
		return got;
	end = memchr(p, 4, (size_t)got);
	if (end)
		got = end - (char *)p;
	if (got > 0)
		send_raw(s, p, (size_t)got);
	return got;
}

static bool is_wrapper(char *const *argv)
{
	return strv_len(argv) >= 5 && streq(argv[1], "-c") && strstr(argv[2], "echo $$");
}

/* The runtime's complaint, or NULL when the program can be started; *ret_code goes with it. */
static char *complaint(struct fake *f, const struct exec_row *x, int *ret_code)
{
	const struct image *image = find_image(f, x->container->image);
	bool shell = !image || !image->tag || !str_starts(image->tag, "noshell");

	if (x->container->status != RUNNING) {
		*ret_code = f->minor >= 56 ? 128 : 126;
		return xstrdup("cannot exec in a stopped container\r\n");
	}
	if (!user_known(x->user)) {
		*ret_code = 126;
		return strf(
			"unable to find user %s: no matching entries in passwd file\r\n", x->user);
	}
	if (!shell && str_ends(x->argv[0], "/sh")) {
		*ret_code = f->minor >= 56 ? 127 : 126;
		return strf(
			"OCI runtime exec failed: exec failed: unable to start container process: "
			"exec: \"%s\": stat %s: no such file or directory: unknown\r\n",
			x->argv[0], x->argv[0]);
	}
	return NULL;
}

/* The real engine copies the two streams independently: stderr may overtake the pid line. */
static void say_early(struct session *s, const struct script *script)
{
	if (script && script->early)
		(void)write_out(s, 2, script->early, strlen(script->early));
}

/* Unlocked. Returns the exit code. */
static int run_exec(struct fake *f, struct session *s)
{
	struct exec_row *x = s->x;
	bool wrapped = is_wrapper(x->argv), tells = wrapped || program_tells_pid(x->argv);
	struct program p = {.f = f,
		.container = x->container,
		.argv = wrapped ? x->argv + 4 : x->argv,
		.env = x->env,
		.killed = &x->killed,
		.arg = s,
		.write = write_out,
		.read = x->has_stdin ? read_in : NULL,
		.rows = &x->rows,
		.cols = &x->cols};
	const struct script *script;
	char line[16];
	int n;

	if (!program_known(f, "exec", p.argv))
		return 127;
	fake_lock(f);
	script = plan_script(f, "exec", p.argv); /* stays until the end */
	fake_unlock(f);
	if (script && script->dies)
		return script->dies;
	say_early(s, script);
	if (tells) {
		n = snprintf(line, sizeof(line), "%d\n", x->pid);
		(void)write_out(s, 1, line, (size_t)n);
	}
	return program_run(&p, "exec");
}

static void begin_stream(struct conn *conn, const struct request *r, bool tty, int minor)
{
	_cleanup_free_ char *head = strf(
		"HTTP/1.1 %s\r\nContent-Type: application/vnd.docker.%s-stream\r\n%s\r\n",
		r->upgrade ? "101 UPGRADED" : "200 OK",
		r->upgrade && !tty && minor >= 42 ? "multiplexed" : "raw",
		r->upgrade ? "Connection: Upgrade\r\nUpgrade: tcp\r\n" : "");

	(void)conn_write(conn, head, strlen(head));
}

static bool start_refused(struct conn *conn, const struct exec_row *x, const char *id)
{
	if (!x || x->container->gone)
		answer_error(conn, 404, "No such exec instance: %s", id);
	else if (x->container->status == PAUSED)
		answer_error(conn, 409, "Container %s is paused, unpause the container before exec",
			x->container->id);
	else
		return false;
	return true;
}

static void read_size(struct exec_row *x, const struct json *start, int minor)
{
	const struct json *size = json_get(start, "ConsoleSize");

	if (minor < 42 || !size)
		return;
	x->rows = (int)json_int(json_at(size, 0), 0);
	x->cols = (int)json_int(json_at(size, 1), 0);
}

static void start_exec(struct fake *f, struct conn *conn, const struct request *r, const char *id)
{
	struct exec_row *x = map_get(f->execs, id);
	_cleanup_(json_freep) struct json *j = NULL;
	_cleanup_free_ char *text = NULL;
	int code = 126, minor = r->minor ? r->minor : f->minor;

	if (start_refused(conn, x, id))
		return;
	if (json_parse(&j, buf_str(&r->body), r->body.len, NULL) < 0) {
		answer_error(conn, 400, "invalid JSON");
		return;
	}
	struct session s = {.conn = conn, .x = x, .tty = json_bool(json_get(j, "Tty"), false)};
	if (x->started)
		text = xstrdup("exec has already run\r\n");
	else
		text = complaint(f, x, &code);
	read_size(x, j, minor);
	x->started = true;
	x->running = !text;
	x->pid = f->next_pid++;
	x->fd = conn->fd;
	fake_unlock(f);
	begin_stream(conn, r, s.tty, minor);
	if (text)
		(void)write_out(&s, 1, text, strlen(text));
	else
		code = run_exec(f, &s);
	fake_lock(f);
	x->running = false;
	x->exit_code = x->killed ? 137 : code;
	x->fd = -1;
	conn->status = 0;
	conn->close = true;
	pthread_cond_broadcast(&f->changed);
}

/* --- the rest --- */

static void get_exec(struct fake *f, struct conn *conn, const struct request *r, const char *id)
{
	const struct exec_row *x = map_get(f->execs, id);
	struct json_writer w;

	if (!x || x->container->gone) {
		answer_error(conn, 404, "No such exec instance: %s", id);
		return;
	}
	json_begin(&w, &conn->body, false);
	json_object(&w, NULL);
	json_put_str(&w, "ID", x->id);
	json_put_bool(&w, "Running", x->running);
	if (x->running || !x->started)
		json_put_null(&w, "ExitCode");
	else
		json_put_int(&w, "ExitCode", x->exit_code);
	json_put_int(&w, "Pid", x->running ? 100000 + x->pid : 0);
	json_put_str(&w, "ContainerID", x->container->id);
	json_end(&w);
}

static void resize_exec(struct fake *f, struct conn *conn, const struct request *r, const char *id)
{
	_cleanup_free_ char *h = asked_query(r, "h"), *w = asked_query(r, "w");
	struct exec_row *x = map_get(f->execs, id);

	if (!x || !x->running) {
		answer_error(conn, x && f->minor >= 45 ? 500 : 404, "exec process is not started");
		return;
	}
	x->rows = h ? atoi(h) : 0;
	x->cols = w ? atoi(w) : 0;
	pthread_cond_broadcast(&f->changed);
}

const struct route exec_routes[] = {
	{"POST", "/containers/", "/exec", create_exec},
	{"POST", "/exec/", "/start", start_exec},
	{"POST", "/exec/", "/resize", resize_exec},
	{"GET", "/exec/", "/json", get_exec},
	{0},
};
