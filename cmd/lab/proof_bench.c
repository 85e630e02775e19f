/*
 * proof_bench.c - the place of a proof: a copy of the lab, a daemon for it alone (aside.h), and a
 * child process for each sandbox.
 */
#include "base/fsutil.h"
#include "cmd/lab/aside.h"
#include "cmd/lab/interrupt.h"
#include "cmd/lab/output.h"
#include "cmd/lab/proof.h"
#include "ev/child.h"
#include "lab/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#define PROGRAM_MAX (16 << 20)
#define ANSWER_MAX  (64 << 20)
#define MAX_DEPTH   16

struct bench {
	struct cli *cli;
	struct aside *aside;
	struct client *client; /* of its daemon; its loop turns everything */
	struct proof *proof;
	struct lab *lab; /* the copy */
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
	_cleanup_free_ char *labs = strf("%s/labs", aside_folder(b->aside)),
			    *root = strf("%s/%s", labs, b->proof->lab->slug),
			    *file = strf("%s/canary", aside_folder(b->aside)),
			    *line = strf("%s\n", b->proof->canary);
	int r = catalog_snapshot(b->proof->lab, labs, e);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(secret); i++) {
		_cleanup_free_ char *folder = strf("%s/%s", root, secret[i]);

		r = plant(folder, b->proof->canary, 0, e);
	}
	if (r == 0)
		r = fs_write_atomic(file, line, strlen(line), 0600, e);
	return r == 0 ? lab_load_variant(&b->lab, root, lab_variant_id(b->proof->lab), NULL, e) : r;
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
	strv_add(&v, aside_socket(b->aside));
	strv_add(&v, l->root);
	strv_add(&v, l->slug);
	strv_add(&v, lab_variant_id(l) ? lab_variant_id(l) : "");
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
	int bad = child_spawn(&r->child, client_loop(b->client), &spec, NULL, NULL, e);
	close(ends[1]);
	if (bad < 0) {
		close(ends[0]);
		free(r);
		return NULL;
	}
	r->watch = watch_new(client_loop(b->client), r->fd, on_output, r);
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
		x->name, name, aside_socket(b->aside), name, aside_socket(b->aside), name);
}

static int discard(struct bench *b, const char *session, struct err *e)
{
	_cleanup_free_ char *path = strf("/v1/sessions/%s/stop", session);
	_cleanup_buf_ struct buf body = BUF(64);

	(void)buf_adds(&body, "{\"discard\":true}"); /* fits */
	return client_call(b->client, "POST", path, &body, NULL, e);
}

/* What nobody was told of: whose start failed, or was under way when everything ended. */
static void discard_rest(struct bench *b)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	const struct json *s;

	if (client_call(b->client, "GET", "/v1/sessions", NULL, &doc, NULL) < 0)
		return; /* they expire */
	json_for_each (s, json_get(doc, "sessions")) {
		const char *name = json_str_or(json_get(s, "name"), "");

		if (!strstr(buf_str(&b->kept), name))
			(void)discard(b, name, NULL);
	}
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
		return session_of(x) ? discard(b, session_of(x), e) : 0;
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
		int64_t left = until_ms - loop_now_ms(client_loop(b->client));

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
		struct runner *last = running[--n];

		if (r == ERR_TIMEOUT)
			late(b->proof, last);
		if (r == ERR_TIMEOUT && b->proof->keep)
			keep(b, last->box);
		runner_free(last);
	}
	progress_clear(b->cli);
	return r;
}

const char *bench_kept(const struct bench *b)
{
	return b->kept.len ? buf_str(&b->kept) : NULL;
}

/* --- life --- */

int bench_new(struct bench **ret, struct cli *c, struct proof *p, struct err *e)
{
	struct bench *b = NEW(struct bench);
	int r;

	*b = (struct bench){.cli = c, .proof = p, .kept = BUF(64 << 10)};
	*ret = b;
	if ((r = aside_new(&b->aside, c, p->lab->slug, e)) < 0)
		return r;
	b->client = aside_client(b->aside);
	if ((r = copy(b, e)) < 0 || (r = aside_launch(b->aside, b->lab->repository, e)) < 0)
		return r;
	p->engine = xstrdup(aside_engine(b->aside));
	return 0;
}

void bench_free(struct bench *b)
{
	if (!b)
		return;
	if (b->kept.len && !interrupt_signal()) {
		discard_rest(b);
		(void)aside_leave(b->aside); /* else it goes, too */
	}
	aside_free(b->aside);
	lab_free(b->lab);
	buf_done(&b->kept);
	free(b);
}
