/* aside.c - a labd beside the learner's. */
#include "cmd/lab/aside.h"
#include "base/fsutil.h"
#include "base/id.h"
#include "base/xdg.h"
#include "cmd/lab/client_impl.h"
#include "cmd/lab/interrupt.h"
#include "cmd/lab/output.h"
#include "ev/child.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define START_MS 15000
#define ASK_MS   20
#define LEAVE_MS 120000

struct aside {
	struct cli *cli;
	struct client *client; /* of the daemon; its loop turns everything */
	char *folder, *socket, *log, *engine;
	int lock;  /* of the folder: its owner lives */
	int leash; /* other end of the daemon's stdin */
	struct child *daemon;
	bool daemon_ended;
	int daemon_status;
};

/* --- the daemon --- */

/* Beside that of the learner's: it has the end of the folder's name, and a short path. */
static char *socket_of(const char *folder)
{
	_cleanup_free_ char *socket = xdg_socket();

	return strf("%.*s/proof%s.sock", (int)(strrchr(socket, '/') - socket), socket,
		strrchr(folder, '-'));
}

static void daemon_over(void *arg, int status)
{
	struct aside *a = arg;

	a->daemon_ended = true;
	a->daemon_status = status;
}

/* Its stdin is the read end of a pipe; *leash becomes the other one. */
static int spawn_daemon(
	struct aside *a, const char *folder, const char *labs, int log, int *leash, struct err *e)
{
	extern char **environ;
	_cleanup_free_ char *program = daemon_program(), *listen = strf("unix:%s", a->socket),
			    *state = strf("%s/state", folder);
	char *argv[] = {program, (char *)"--proof", (char *)"--state", state, (char *)"--labs",
		(char *)labs, (char *)"--listen", listen, (char *)"--max-sessions", (char *)"4096",
		NULL};
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, ERR_IO, "cannot make a pipe");
	struct child_spec spec = {.program = program,
		.argv = argv,
		.env = environ,
		.fds = {ends[0], log, log, -1},
		.detach = true};
	a->daemon_ended = false;
	int r = child_spawn(&a->daemon, a->client->loop, &spec, daemon_over, a, e);
	close(ends[0]);
	if (r < 0)
		close(ends[1]);
	else
		*leash = ends[1];
	return r;
}

static int open_log(struct aside *a, struct err *e)
{
	int fd = open(a->log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	return fd < 0 ? err_sys(e, ERR_IO, "cannot write '%s'", a->log) : fd;
}

static void raise_flag(void *arg)
{
	*(bool *)arg = true;
}

/* Also after Ctrl-C: the daemon is on its way then, too. */
static bool await_end(struct aside *a, int64_t ms)
{
	bool late = false;
	struct timer *t = timer_new(a->client->loop, raise_flag, &late);

	timer_start(t, ms);
	while (!a->daemon_ended && !late)
		loop_once(a->client->loop, true);
	timer_free(t);
	return a->daemon_ended;
}

static int await_daemon(struct aside *a, int log, struct err *e)
{
	int64_t until = loop_now_ms(a->client->loop) + START_MS;
	int r;

	while ((r = client_call(a->client, "GET", "/v1/version", NULL, NULL, e)) ==
			ERR_UNREACHABLE &&
		!a->daemon_ended && loop_now_ms(a->client->loop) < until) {
		r = client_rest(a->client, ASK_MS, e);
		if (r < 0)
			return r;
	}
	if (r == 0 || !a->daemon_ended)
		return r;
	_cleanup_free_ char *why = daemon_last_words(log, 0);
	return err_set(e, ERR_UNREACHABLE, "the labd for it ended at once: %s", why);
}

static int ask_engine(struct aside *a, struct err *e)
{
	_cleanup_(json_freep) struct json *version = NULL;
	int r = client_call(a->client, "GET", "/v1/version", NULL, &version, e);

	if (r < 0)
		return r;
	if (!streq(json_str_or(json_path(version, "engine.state"), ""), "ok"))
		return err_set(e, ERR_UNREACHABLE, "no engine answers: %s",
			json_str_or(json_path(version, "engine.error"), "see 'lab doctor'"));
	a->engine = strf("%s %s", json_str_or(json_path(version, "engine.kind"), "?"),
		json_str_or(json_path(version, "engine.version"), "?"));
	return 0;
}

int aside_launch(struct aside *a, const char *labs, struct err *e)
{
	_cleanup_close_ int log = open_log(a, e);
	int r = log < 0 ? log : spawn_daemon(a, a->folder, labs, log, &a->leash, e);

	if (r == 0)
		r = await_daemon(a, log, e);
	return r == 0 ? ask_engine(a, e) : r;
}

/* --- what crashed ones left --- */

/* The owner's lock, without waiting; -1: he lives, or there is none. */
static int lock(const char *folder, int flags)
{
	_cleanup_free_ char *file = strf("%s/owner", folder);
	int fd = open(file, O_RDWR | O_CLOEXEC | flags, 0600);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Has it a labd: one that was told to stay, or that still discards? */
static bool lives(const char *folder)
{
	_cleanup_free_ char *file = strf("%s/state/lock", folder);
	_cleanup_close_ int fd = open(file, O_RDWR | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
}

/* One folder without an owner: a labd is sent to discard what is left, unless one lives there. */
static void sweep(struct aside *a, const char *folder)
{
	_cleanup_free_ char *labs = strf("%s/labs", folder),
			    *left = strf("%s/state/labyard.db", folder),
			    *socket = socket_of(folder);
	_cleanup_close_ int owner = lock(folder, 0), log = open_log(a, NULL);
	int leash = -1;

	if (owner < 0 || log < 0 || lives(folder))
		return;
	if (fs_exists(left)) {
		off_t from = lseek(log, 0, SEEK_END);

		progress(a->cli, "discarding what was left in '%s'", folder);
		if (spawn_daemon(a, folder, labs, log, &leash, NULL) < 0)
			return;
		close(leash);
		bool ended = await_end(a, LEAVE_MS);
		child_free(TAKE(a->daemon));
		progress_clear(a->cli);
		if (ended && a->daemon_status != 0) {
			_cleanup_free_ char *why = daemon_last_words(log, from);

			warn(a->cli, "what was left in '%s' stays: %s", folder, why);
		}
		if (!ended || a->daemon_status != 0)
			return;
	}
	(void)fs_remove_tree(folder, NULL); /* the next one tries again */
	(void)unlink(socket);
}

static void sweep_all(struct aside *a, const char *proving)
{
	DIR *d = opendir(proving);

	for (struct dirent *f; d && (f = readdir(d));) {
		_cleanup_free_ char *folder = strf("%s/%s", proving, f->d_name);

		if (*f->d_name != '.' && !interrupt_signal())
			sweep(a, folder);
	}
	if (d)
		closedir(d);
}

/* --- life --- */

static int make_folder(struct aside *a, const char *proving, struct err *e)
{
	int r = fs_mkdirs(proving, 0700, e);

	if (r == 0)
		r = fs_mkdirs(a->folder, 0700, e);
	if (r < 0)
		return r;
	a->lock = lock(a->folder, O_CREAT);
	if (a->lock < 0)
		return err_sys(e, ERR_IO, "cannot lock '%s'", a->folder);
	sweep_all(a, proving);
	return 0;
}

/* A client of this daemon, whatever --host says. */
static int make_client(struct aside *a, struct err *e)
{
	char *host = a->cli->socket;

	a->cli->socket = a->socket;
	int r = client_peek(&a->client, a->cli, CALL_DEADLINE_MS, e);
	a->cli->socket = host;
	return r;
}

int aside_new(struct aside **ret, struct cli *c, const char *name, struct err *e)
{
	struct aside *a = NEW(struct aside);
	_cleanup_free_ char *state = xdg_state(), *proving = strf("%s/proving", state);
	char unique[9];

	id_random(unique, sizeof(unique) - 1);
	*a = (struct aside){.cli = c, .lock = -1, .leash = -1};
	a->folder = strf("%s/%s-%s", proving, name, unique);
	a->socket = socket_of(a->folder);
	a->log = strf("%s/labd.log", a->folder);
	*ret = a;
	int r = make_client(a, e);
	return r < 0 ? r : make_folder(a, proving, e);
}

bool aside_leave(struct aside *a)
{
	bool told = write(a->leash, "k", 1) == 1;

	if (told) {
		close(a->leash);
		a->leash = -1;
		str_set(&a->folder, NULL);
	}
	return told;
}

/* It discards and ends. False: something may be left, which the folder tells of. */
static bool let_go(struct aside *a)
{
	close(a->leash);
	progress(a->cli, "removing what was made");
	bool ended = await_end(a, LEAVE_MS),
	     left = a->engine && a->daemon_status != 0; /* who never answered has made nothing */
	progress_clear(a->cli);
	if (!ended)
		warn(a->cli, "its labd still removes what was made: see '%s'", a->log);
	else if (left)
		warn(a->cli,
			"its labd has ended without removing what was made: the next 'lab preview' "
			"or 'lab test' removes it");
	return ended && !left;
}

void aside_free(struct aside *a)
{
	if (!a)
		return;
	if (a->folder && (a->leash < 0 || let_go(a))) {
		(void)fs_remove_tree(a->folder, NULL); /* else the next one does */
		(void)unlink(a->socket);
	}
	child_free(a->daemon);
	client_free(a->client);
	a->cli->client = NULL;
	if (a->lock >= 0)
		close(a->lock);
	free(a->folder);
	free(a->socket);
	free(a->log);
	free(a->engine);
	free(a);
}

struct client *aside_client(struct aside *a)
{
	return a->client;
}

const char *aside_folder(const struct aside *a)
{
	return a->folder;
}

const char *aside_socket(const struct aside *a)
{
	return a->socket;
}

const char *aside_engine(const struct aside *a)
{
	return a->engine;
}
