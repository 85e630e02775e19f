/*
 * proof_bench.c - the place of a proof: a copy of the lab, a daemon for it alone, and a child
 * process for each sandbox.
 *
 * Why a daemon of its own: nothing of a proof is in the learner's status, history or quota, a lab
 * under work needs no catalogue, and labd --proof ends with the other end of its stdin, which we
 * hold: after Ctrl-C and after a crash it discards every sandbox. If it is killed, too, its state
 * folder stays in <state>/proving, and the next proof lets a labd discard what it tells of.
 */
#include "base/fsutil.h"
#include "base/id.h"
#include "base/xdg.h"
#include "cmd/lab/client_impl.h"
#include "cmd/lab/interrupt.h"
#include "cmd/lab/output.h"
#include "cmd/lab/proof.h"
#include "ev/child.h"
#include "lab/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#define START_MS    15000
#define ASK_MS      20
#define LEAVE_MS    120000
#define PROGRAM_MAX (16 << 20)
#define ANSWER_MAX  (64 << 20)
#define MAX_DEPTH   16

struct bench {
	struct cli *cli;
	struct client *client; /* of the daemon; its loop turns everything */
	struct proof *proof;
	struct lab *lab; /* the copy */
	char *folder, *socket, *log;
	int lock;  /* of the folder: its owner lives */
	int leash; /* other end of the daemon's stdin */
	struct child *daemon;
	bool daemon_ended;
	int daemon_status;
	struct buf kept;
	bool moved; /* a child has ended */
};

/* A sandbox under way. */
struct runner {
	struct bench *bench;
	struct box *box;
	struct child *child;
	struct watch *watch;
	int fd;
	struct buf line;
	size_t next; /* act whose answer comes next */
	bool ended;
};

/* --- the copy --- */

static int plant_file(const char *path, const char *canary, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF(PROGRAM_MAX);
	int r = fs_read(path, &text, e);

	if (r < 0)
		return r;
	if (!str_starts(buf_str(&text), "#!") || !str_utf8(buf_str(&text), text.len))
		return 0;
	_cleanup_close_ int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_free_ char *line = strf("\n# %s\n", canary);
	return fd < 0 ? err_sys(e, ERR_IO, "cannot write '%s'", path)
		      : fs_write_all(fd, line, strlen(line), e);
}

/* A comment at the end of every program below the folder. */
static int plant(const char *folder, const char *canary, int depth, struct err *e)
{
	DIR *d = depth < MAX_DEPTH ? opendir(folder) : NULL;
	int r = 0;

	for (struct dirent *f; d && r == 0 && (f = readdir(d));) {
		_cleanup_free_ char *path = strf("%s/%s", folder, f->d_name);

		if (*f->d_name == '.')
			continue;
		r = fs_is_dir(path) ? plant(path, canary, depth + 1, e)
				    : plant_file(path, canary, e);
	}
	if (d)
		closedir(d);
	return r;
}

static int copy(struct bench *b, struct err *e)
{
	static const char *const secret[] = {"checks", "solution", "cheats"};
	_cleanup_free_ char *labs = strf("%s/labs", b->folder),
			    *root = strf("%s/%s", labs, b->proof->lab->slug),
			    *file = strf("%s/canary", b->folder),
			    *line = strf("%s\n", b->proof->canary);
	int r = catalog_snapshot(b->proof->lab, labs, e);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(secret); i++) {
		_cleanup_free_ char *folder = strf("%s/%s", root, secret[i]);

		r = plant(folder, b->proof->canary, 0, e);
	}
	if (r == 0)
		r = fs_write_atomic(file, line, strlen(line), 0600, e);
	return r == 0 ? lab_load(&b->lab, root, NULL, e) : r;
}

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
	struct bench *b = arg;

	b->daemon_ended = true;
	b->daemon_status = status;
}

/* Its stdin is the read end of a pipe; *leash becomes the other one. */
static int spawn_daemon(
	struct bench *b, const char *folder, const char *labs, int log, int *leash, struct err *e)
{
	extern char **environ;
	_cleanup_free_ char *program = daemon_program(), *listen = strf("unix:%s", b->socket),
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
	b->daemon_ended = false;
	int r = child_spawn(&b->daemon, b->client->loop, &spec, daemon_over, b, e);
	close(ends[0]);
	if (r < 0)
		close(ends[1]);
	else
		*leash = ends[1];
	return r;
}

static int open_log(struct bench *b, struct err *e)
{
	int fd = open(b->log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	return fd < 0 ? err_sys(e, ERR_IO, "cannot write '%s'", b->log) : fd;
}

static void raise_flag(void *arg)
{
	*(bool *)arg = true;
}

/* Also after Ctrl-C: the daemon is on its way then, too. */
static bool await_end(struct bench *b, int64_t ms)
{
	bool late = false;
	struct timer *t = timer_new(b->client->loop, raise_flag, &late);

	timer_start(t, ms);
	while (!b->daemon_ended && !late)
		loop_once(b->client->loop, true);
	timer_free(t);
	return b->daemon_ended;
}

static int await_daemon(struct bench *b, int log, struct err *e)
{
	int64_t until = loop_now_ms(b->client->loop) + START_MS;
	int r;

	while ((r = client_call(b->client, "GET", "/v1/version", NULL, NULL, e)) ==
			ERR_UNREACHABLE &&
		!b->daemon_ended && loop_now_ms(b->client->loop) < until) {
		r = client_rest(b->client, ASK_MS, e);
		if (r < 0)
			return r;
	}
	if (r == 0 || !b->daemon_ended)
		return r;
	_cleanup_free_ char *why = daemon_last_words(log, 0);
	return err_set(e, ERR_UNREACHABLE, "the proof's labd ended at once: %s", why);
}

static int ask_engine(struct bench *b, struct err *e)
{
	_cleanup_(json_freep) struct json *version = NULL;
	int r = client_call(b->client, "GET", "/v1/version", NULL, &version, e);

	if (r < 0)
		return r;
	if (!streq(json_str_or(json_path(version, "engine.state"), ""), "ok"))
		return err_set(e, ERR_UNREACHABLE, "no engine answers: %s",
			json_str_or(json_path(version, "engine.error"), "see 'lab doctor'"));
	b->proof->engine = strf("%s %s", json_str_or(json_path(version, "engine.kind"), "?"),
		json_str_or(json_path(version, "engine.version"), "?"));
	return 0;
}

static int launch(struct bench *b, struct err *e)
{
	_cleanup_free_ char *labs = strf("%s/labs", b->folder);
	_cleanup_close_ int log = open_log(b, e);
	int r = log < 0 ? log : spawn_daemon(b, b->folder, labs, log, &b->leash, e);

	if (r == 0)
		r = await_daemon(b, log, e);
	return r == 0 ? ask_engine(b, e) : r;
}

/* --- what crashed proofs left --- */

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

/* One folder without an owner: its labd may still be at it, else one is sent. */
static void sweep(struct bench *b, const char *folder)
{
	_cleanup_free_ char *labs = strf("%s/labs", folder),
			    *left = strf("%s/state/labyard.db", folder),
			    *socket = socket_of(folder);
	_cleanup_close_ int owner = lock(folder, 0), log = open_log(b, NULL);
	int leash = -1;

	if (owner < 0 || log < 0)
		return;
	if (fs_exists(left)) {
		progress(b->cli, "discarding what a proof left in '%s'", folder);
		if (spawn_daemon(b, folder, labs, log, &leash, NULL) < 0)
			return;
		close(leash);
		bool ended = await_end(b, LEAVE_MS);
		child_free(TAKE(b->daemon));
		if (!ended || b->daemon_status != 0)
			return; /* another one holds it, and is at it or was told to keep something
				 */
	}
	(void)fs_remove_tree(folder, NULL); /* the next one tries again */
	(void)unlink(socket);
}

static void sweep_all(struct bench *b, const char *proving)
{
	DIR *d = opendir(proving);

	for (struct dirent *f; d && (f = readdir(d));) {
		_cleanup_free_ char *folder = strf("%s/%s", proving, f->d_name);

		if (*f->d_name != '.' && !interrupt_signal())
			sweep(b, folder);
	}
	if (d)
		closedir(d);
}

/* --- children --- */

static void show(struct bench *b, struct runner **running, size_t n)
{
	_cleanup_buf_ struct buf text = BUF(4096);
	size_t done = 0;

	for (size_t i = 0; i < b->proof->n_boxes; i++)
		done += b->proof->boxes[i]->judged;
	for (size_t i = 0; i < n; i++) {
		const struct runner *r = running[i];

		if (r->next < r->box->n)
			(void)buf_addf(
				&text, " \u00b7 %s: %s", r->box->name, r->box->acts[r->next].word);
	}
	progress(b->cli, "%zu of %zu sandboxes%s", done, b->proof->n_boxes, buf_str(&text));
}

static void take_line(struct runner *r)
{
	struct json *doc = NULL;

	if (r->next < r->box->n && json_parse(&doc, buf_str(&r->line), r->line.len, NULL) == 0)
		r->box->acts[r->next++].answer = doc;
	buf_clear(&r->line);
	r->bench->moved = true;
}

static void on_output(void *arg, int events)
{
	struct runner *r = arg;
	char bytes[16384];
	ssize_t n;

	while ((n = read(r->fd, bytes, sizeof(bytes))) > 0)
		for (const char *at = bytes, *end = bytes + n; at < end;) {
			const char *nl = memchr(at, '\n', (size_t)(end - at));

			(void)buf_add(&r->line, at,
				(size_t)((nl ? nl : end) - at)); /* then it does not parse */
			if (!nl)
				break;
			take_line(r);
			at = nl + 1;
		}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	watch_set(r->watch, 0);
	r->ended = r->bench->moved = true;
}

static char **words_of(const struct bench *b, const struct box *x)
{
	const struct lab *l = b->lab;
	_cleanup_buf_ struct buf options = BUF(4096);
	char **v = strv_new();

	for (size_t i = 0; i < l->n_phases; i++)
		if (l->phases[i].option)
			(void)buf_addf(
				&options, "%s%s", options.len ? "," : "", l->phases[i].option);
	strv_add(&v, "lab");
	strv_add(&v, "__box");
	strv_add(&v, b->socket);
	strv_add(&v, l->root);
	strv_add(&v, l->slug);
	strv_take(&v, strf("%" PRId64, l->test_settle_ms));
	strv_add(&v, buf_str(&options));
	for (size_t i = 0; i < x->n; i++)
		strv_add(&v, x->acts[i].word);
	return v;
}

static struct runner *runner_new(struct bench *b, struct box *x, struct err *e)
{
	extern char **environ;
	_cleanup_(strv_freep) char **argv = words_of(b, x);
	struct runner *r;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0) {
		err_sys(e, ERR_IO, "cannot make a pipe");
		return NULL;
	}
	r = NEW(struct runner);
	*r = (struct runner){.bench = b, .box = x, .fd = ends[0], .line = BUF(ANSWER_MAX)};
	struct child_spec spec = {.program = "/proc/self/exe",
		.argv = argv,
		.env = environ,
		.fds = {-1, ends[1], STDERR_FILENO, -1}};
	int bad = child_spawn(&r->child, b->client->loop, &spec, NULL, NULL, e);
	close(ends[1]);
	if (bad < 0) {
		close(ends[0]);
		free(r);
		return NULL;
	}
	r->watch = watch_new(b->client->loop, r->fd, on_output, r);
	watch_set(r->watch, WATCH_READ);
	return r;
}

static void runner_free(struct runner *r)
{
	watch_free(r->watch);
	close(r->fd);
	child_free(r->child);
	buf_done(&r->line);
	free(r);
}

/* --- running --- */

static const char *session_of(const struct box *x)
{
	return json_str(json_path(x->acts[0].answer, "session.name"));
}

static void keep(struct bench *b, const struct box *x)
{
	const char *name = session_of(x);

	if (!name)
		return;
	(void)buf_addf(&b->kept,
		"%s is kept: %s\n"
		"  lab --host unix:%s shell %s\n"
		"  lab --host unix:%s stop --discard --yes %s\n",
		x->name, name, b->socket, name, b->socket, name);
}

static int discard(struct bench *b, const struct box *x, struct err *e)
{
	_cleanup_free_ char *path =
		strf("/v1/sessions/%s/stop", session_of(x) ? session_of(x) : "");
	_cleanup_buf_ struct buf body = BUF(64);

	(void)buf_adds(&body, "{\"discard\":true}"); /* fits */
	return session_of(x) ? client_call(b->client, "POST", path, &body, NULL, e) : 0;
}

/* A child that went away without an answer has crashed. */
static int take_result(struct bench *b, struct runner *r, struct err *e)
{
	struct box *x = r->box;

	if (r->next < x->n)
		proof_case(b->proof, x->acts[r->next].step, x->name, PROOF_ERROR,
			strf("%s: '%s' was not answered", x->name, x->acts[r->next].word), NULL, 0);
	bool good = judge_box(b->proof, x) && r->next == x->n;
	if (!b->proof->keep)
		return 0;
	if (good && !b->proof->keep_good)
		return discard(b, x, e);
	keep(b, x);
	return 0;
}

static struct box *next_box(const struct proof *p, struct runner **running, size_t n)
{
	for (size_t i = 0; i < p->n_boxes; i++) {
		bool busy = p->boxes[i]->judged;

		for (size_t k = 0; k < n; k++)
			busy |= running[k]->box == p->boxes[i];
		if (!busy)
			return p->boxes[i];
	}
	return NULL;
}

static int fill(struct bench *b, struct runner **running, size_t *n, size_t jobs, struct err *e)
{
	struct box *x;

	while (*n < jobs && (x = next_box(b->proof, running, *n))) {
		running[*n] = runner_new(b, x, e);
		if (!running[*n])
			return e->code;
		++*n;
	}
	return 0;
}

static int reap(struct bench *b, struct runner **running, size_t *n, struct err *e)
{
	int r = 0;

	for (size_t i = *n; i-- > 0;) {
		if (!running[i]->ended)
			continue;
		if (r == 0)
			r = take_result(b, running[i], e);
		runner_free(running[i]);
		running[i] = running[--*n];
	}
	return r;
}

static void late(struct proof *p, const struct runner *r)
{
	const struct act *a = &r->box->acts[MIN(r->next, r->box->n - 1)];

	proof_case(p, a->step, r->box->name, PROOF_TIMEOUT,
		strf("%s: at '%s' the time of the whole proof was over", r->box->name, a->word),
		xstrdup("raise 'budget' of 'test' in lab.yaml, or give it --timeout"), 0);
}

int bench_run(struct bench *b, int jobs, int64_t until_ms, struct err *e)
{
	_cleanup_free_ struct runner **running = xcalloc((size_t)jobs, sizeof(struct runner *));
	size_t n = 0;
	int r;

	while ((r = fill(b, running, &n, (size_t)jobs, e)) == 0 && n) {
		int64_t left = until_ms - loop_now_ms(b->client->loop);

		show(b, running, n);
		b->moved = false;
		r = left > 0 ? client_wait_for(b->client, &b->moved, left, e)
			     : err_set(e, ERR_TIMEOUT, "not done in time");
		if (r == 0)
			r = reap(b, running, &n, e);
		if (r < 0)
			break;
	}
	while (n) {
		if (r == ERR_TIMEOUT)
			late(b->proof, running[n - 1]);
		runner_free(running[--n]);
	}
	progress_clear(b->cli);
	return r;
}

const char *bench_kept(const struct bench *b)
{
	return b->kept.len ? buf_str(&b->kept) : NULL;
}

/* --- life --- */

static void name_files(struct bench *b, const char *proving)
{
	char unique[9];

	id_random(unique, sizeof(unique) - 1);
	b->folder = strf("%s/%s-%s", proving, b->proof->lab->slug, unique);
	b->socket = socket_of(b->folder);
	b->log = strf("%s/labd.log", b->folder);
}

static int make_folder(struct bench *b, const char *proving, struct err *e)
{
	int r = fs_mkdirs(proving, 0700, e);

	if (r == 0)
		r = fs_mkdirs(b->folder, 0700, e);
	if (r < 0)
		return r;
	b->lock = lock(b->folder, O_CREAT);
	if (b->lock < 0)
		return err_sys(e, ERR_IO, "cannot lock '%s'", b->folder);
	sweep_all(b, proving);
	return 0;
}

/* A client of the proof's daemon, whatever --host says. */
static int make_client(struct bench *b, struct err *e)
{
	char *host = b->cli->socket;

	b->cli->socket = b->socket;
	int r = client_peek(&b->client, b->cli, CALL_DEADLINE_MS, e);
	b->cli->socket = host;
	return r;
}

int bench_new(struct bench **ret, struct cli *c, struct proof *p, struct err *e)
{
	struct bench *b = NEW(struct bench);
	_cleanup_free_ char *state = xdg_state(), *proving = strf("%s/proving", state);
	int r;

	*b = (struct bench){.cli = c, .proof = p, .lock = -1, .leash = -1, .kept = BUF(64 << 10)};
	*ret = b;
	name_files(b, proving);
	if ((r = make_client(b, e)) < 0 || (r = make_folder(b, proving, e)) < 0 ||
		(r = copy(b, e)) < 0)
		return r;
	return launch(b, e);
}

/* Told to keep, it lives on as long as what is kept; else it discards and ends. */
static bool let_go(struct bench *b)
{
	bool kept = b->kept.len && !interrupt_signal();

	if (kept && write(b->leash, "k", 1) != 1)
		kept = false;
	close(b->leash);
	b->leash = -1;
	if (kept)
		return false;
	progress(b->cli, "removing the sandboxes");
	bool ended = await_end(b, LEAVE_MS);
	progress_clear(b->cli);
	if (!ended)
		warn(b->cli, "the proof's labd still removes sandboxes: see '%s'", b->log);
	return ended;
}

void bench_free(struct bench *b)
{
	if (!b)
		return;
	if (b->leash < 0 || let_go(b)) {
		(void)fs_remove_tree(b->folder, NULL); /* else the next proof does */
		(void)unlink(b->socket);
	}
	child_free(b->daemon);
	client_free(b->client);
	b->cli->client = NULL;
	if (b->lock >= 0)
		close(b->lock);
	lab_free(b->lab);
	free(b->folder);
	free(b->socket);
	free(b->log);
	buf_done(&b->kept);
	free(b);
}
