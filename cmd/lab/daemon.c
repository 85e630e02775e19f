/*
 * daemon.c - finding labd, starting it, and the handshake that decides whether it may stay.
 *
 * Two clients may start a daemon at the same time: one of the two daemons finds the other one's
 * lock and is sent away, so a child that ended is only believed when nobody answers for a while
 * after it.
 */
#include "base/fsutil.h"
#include "base/xdg.h"
#include "cmd/lab/client_impl.h"
#include "cmd/lab/interrupt.h"
#include "cmd/lab/output.h"
#include "ev/child.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define API_MAJOR          1
#define DAEMON_DEADLINE_MS 15000
#define OTHER_DEADLINE_MS  2000 /* after our daemon has ended, another one may still come up */
#define LEAVE_DEADLINE_MS  5000
#define ASK_EVERY_MS       20
#define MAX_LOG            (1 << 20)

/* --- life --- */

static void on_interrupt(void *arg, int events)
{
	struct client *k = arg;

	watch_set(k->interrupts, 0); /* it stays readable; whoever waits looks at the signal */
}

static int make(struct client **ret, struct cli *c, struct err *e)
{
	struct client *k = NEW(struct client);
	int r;

	c->client = k;
	k->cli = c;
	k->socket = c->socket ? xstrdup(c->socket) : xdg_socket();
	k->call_deadline_ms = CALL_DEADLINE_MS;
	r = loop_new(&k->loop, NULL, e);
	if (r == 0)
		r = http_new(&k->http, k->loop,
			&(struct http_peer){.unix_path = k->socket, .base_url = "http://localhost"},
			e);
	if (r < 0)
		return r;
	interrupt_catch();
	k->interrupts = watch_new(k->loop, interrupt_fd(), on_interrupt, k);
	watch_set(k->interrupts, WATCH_READ);
	*ret = k;
	return 0;
}

void client_free(struct client *k)
{
	if (!k)
		return;
	watch_free(k->interrupts);
	http_free(k->http);
	loop_free(k->loop);
	json_free(k->version);
	json_free(k->sessions);
	strv_free(k->advice);
	free(k->ref);
	free(k->socket);
	free(k);
}

/* Ask who is there; the answer is kept. */
static int shake(struct client *k, struct err *e)
{
	struct json *v = NULL;
	int r = client_call(k, "GET", "/v1/version", NULL, &v, e);

	if (r == 0) {
		json_free(k->version);
		k->version = v;
	}
	return r;
}

/* --- starting --- */

char *daemon_program(void)
{
	_cleanup_free_ char *dir = fs_program_dir();
	char *beside = strf("%s/labd", dir);

	if (fs_exists(beside))
		return beside;
	free(beside);
	return xstrdup(LABYARD_PREFIX "/sbin/labd");
}

/* Appending: a daemon that ends at once does not wipe out what a living one writes. */
static int open_log(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) == 0 && st.st_size > MAX_LOG) {
		_cleanup_free_ char *old = strf("%s.1", path);

		(void)rename(path, old); /* a log that grows on is no reason to fail */
	}
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return fd < 0 ? err_sys(e, ERR_IO, "cannot write '%s'", path) : fd;
}

char *daemon_last_words(int fd, off_t from)
{
	char text[4096];
	off_t end = lseek(fd, 0, SEEK_END);
	off_t at = MAX(from, end - (off_t)sizeof(text) + 1);
	ssize_t n = end > at ? pread(fd, text, (size_t)(end - at), at) : 0;

	while (n > 0 && text[n - 1] == '\n')
		n--;
	if (n <= 0)
		return xstrdup("it says nothing");
	text[n] = '\0';
	const char *nl = strrchr(text, '\n');
	return xstrdup(nl ? nl + 1 : text);
}

static void launched_end(void *arg, int status)
{
	*(bool *)arg = true;
}

/* Until a daemon answers; false when time is over (less of it once ours has ended). */
static bool await_daemon(struct client *k, const bool *ended)
{
	int64_t until = loop_now_ms(k->loop) + DAEMON_DEADLINE_MS;
	bool known = false;

	while (loop_now_ms(k->loop) < until && !interrupt_signal()) {
		if (shake(k, NULL) == 0)
			return true;
		if (*ended && !known) {
			known = true;
			until = MIN(until, loop_now_ms(k->loop) + OTHER_DEADLINE_MS);
		}
		if (client_rest(k, ASK_EVERY_MS, NULL) < 0)
			return false;
	}
	return false;
}

/* Another daemon was faster. Ours would wait for the end of that one, and then serve nobody. */
static void dismiss(struct client *k, struct child *child, const bool *ended)
{
	child_kill(child, SIGKILL);
	while (!*ended && client_rest(k, ASK_EVERY_MS, NULL) == 0)
		;
}

static int launch(struct client *k, struct err *e)
{
	extern char **environ;
	_cleanup_free_ char *program = daemon_program(), *state = xdg_state(),
			    *log = strf("%s/labd.log", state), *listen = strf("unix:%s", k->socket);
	char *argv[] = {program, (char *)"--self-started", (char *)"--listen", listen, NULL};
	struct child *child;
	bool ended = false;

	int r = fs_mkdirs(state, 0700, e);
	if (r < 0)
		return r;
	_cleanup_close_ int fd = open_log(log, e);
	if (fd < 0)
		return fd;
	off_t from = lseek(fd, 0, SEEK_END);
	struct child_spec spec = {.program = program,
		.argv = argv,
		.env = environ,
		.fds = {-1, fd, fd, -1},
		.detach = true};
	r = child_spawn(&child, k->loop, &spec, launched_end, &ended, e);
	if (r < 0)
		return r;
	bool there = await_daemon(k, &ended);
	if (there && json_int(json_get(k->version, "pid"), 0) != child_pid(child))
		dismiss(k, child, &ended);
	child_free(child); /* a detached one runs on */
	if (there)
		return 0;
	if (interrupt_signal())
		return err_set(e, ERR_CANCELED, "interrupted");
	if (!ended)
		return err_set(e, ERR_UNREACHABLE, "labd does not answer on '%s': see '%s'",
			k->socket, log);
	_cleanup_free_ char *why = daemon_last_words(fd, from);
	return err_set(e, ERR_UNREACHABLE, "labd ended at once: %s", why);
}

int client_revive(struct client *k, struct err *e)
{
	struct err why = ERR_NONE;

	if (shake(k, &why) == 0)
		return 0;
	if (why.code != ERR_UNREACHABLE || k->cli->socket)
		return err_copy(e, &why);
	return launch(k, e);
}

/* --- the handshake --- */

/* Self-started, of another version, and with nothing to do? Who was named by --host stays. */
static bool replaceable(const struct client *k)
{
	const struct json *v = k->version;

	return !k->cli->socket &&
	       !streq(json_str_or(json_get(v, "version"), ""), LABYARD_VERSION) &&
	       json_bool(json_get(v, "self_started"), false) &&
	       json_int(json_get(v, "live_sessions"), 1) == 0 &&
	       json_int(json_get(v, "pid"), 0) > 1;
}

static int replace(struct client *k, struct err *e)
{
	pid_t pid = (pid_t)json_int(json_get(k->version, "pid"), 0);
	int64_t until = loop_now_ms(k->loop) + LEAVE_DEADLINE_MS;

	if (kill(pid, SIGTERM) < 0)
		return 0; /* it goes on serving */
	while (kill(pid, 0) == 0 && loop_now_ms(k->loop) < until) {
		int r = client_rest(k, ASK_EVERY_MS, e);

		if (r < 0)
			return r;
	}
	return launch(k, e);
}

static void warn_of_other(struct client *k)
{
	if (json_int(json_get(k->version, "api"), 0) != API_MAJOR)
		warn(k->cli,
			"labd %s has running labs and speaks another API than this lab (%s): use "
			"the lab that belongs to it, or stop its labs",
			json_str_or(json_get(k->version, "version"), "?"), LABYARD_VERSION);
}

int client_open(struct client **ret, struct cli *c, struct err *e)
{
	struct client *k;
	struct err why = ERR_NONE;
	int r = make(&k, c, e);

	if (r < 0)
		return r;
	r = shake(k, &why);
	if (r == ERR_UNREACHABLE && c->socket)
		return err_set(e, ERR_UNREACHABLE, "no labd answers on '%s'", k->socket);
	if (r == ERR_UNREACHABLE)
		r = launch(k, e);
	else if (r < 0)
		return err_copy(e, &why);
	if (r == 0 && replaceable(k))
		r = replace(k, e);
	if (r < 0)
		return r;
	warn_of_other(k);
	*ret = k;
	return 0;
}

int client_peek(struct client **ret, struct cli *c, int64_t deadline_ms, struct err *e)
{
	int r = make(ret, c, e);

	if (r == 0)
		(*ret)->call_deadline_ms = deadline_ms;
	return r;
}
