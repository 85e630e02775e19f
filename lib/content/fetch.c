/*
 * fetch.c - one running lab-fetch: feeding it, reading its frames, and what its end means.
 *
 * Three ways to end: an answer (DONE, ERROR, or our own verdict on a frame), the deadline, or the
 * death of the child, which counts only when its descriptor has been read to the end as well: what
 * it said before it died comes first. Every way leads through finish(), once.
 */
#include "content/fetch.h"
#include "content/frame.h"
#include "content/rules.h"
#include "ev/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEADLINE_MS    120000
#define GIT_MS         300000
#define GIT_FILE_MAX   (16 << 20)
#define QUEUE_MAX      (1 << 20)
#define QUEUE_FULL     (256 << 10)
#define QUEUE_LOW      (64 << 10)
#define READ_BYTES     65536
#define READS_PER_TURN 4 /* then others have their turn */

struct fetch {
	struct loop *loop;
	struct fetch_ops ops;
	void *arg;
	struct child *child;
	struct timer *deadline;
	struct watch *watch;
	int fd;
	struct buf out; /* frames to the child, from `sent` on */
	size_t sent;
	struct buf in; /* frames from the child */
	struct rules *rules;
	bool leave_out;
	struct buf name; /* the last ENTRY; `entry` points into it */
	struct fetch_entry entry;
	struct buf content; /* of the entry, so far; not with ops.data */
	size_t got;         /* bytes of it */
	bool in_entry;      /* they are not all yet */
	bool finished_input, was_full;
	bool eof, exited; /* of the descriptor; of the child */
	int status;
	bool git;
	struct timer *again; /* frames that were read before a pause */
	const char *what;    /* "archive" or "repository" */
	int64_t deadline_ms;
	bool paused, has_commit;
	bool ended; /* ended() was called */
	bool freed; /* by the owner; destroyed at the end of the turn */
	struct err start_err;
};

/* --- ending --- */

static void release(struct fetch *f)
{
	watch_free(TAKE(f->watch));
	timer_free(TAKE(f->deadline));
	timer_free(TAKE(f->again));
	child_free(TAKE(f->child));
	close_fd(&f->fd);
	f->fd = -1;
}

static void destroy(void *fetch)
{
	struct fetch *f = fetch;

	rules_free(f->rules);
	buf_done(&f->out);
	buf_done(&f->in);
	buf_done(&f->name);
	buf_done(&f->content);
	free(f);
}

void fetch_free(struct fetch *f)
{
	if (!f || f->freed)
		return;
	f->freed = true;
	release(f);
	loop_defer(f->loop, destroy, f); /* we may be inside its callback */
}

/* The one end. e->code 0 = whole and good. */
static void finish(struct fetch *f, const struct err *e)
{
	if (f->ended || f->freed)
		return;
	f->ended = true;
	release(f);
	f->ops.ended(f->arg, e);
}

static void fail(struct fetch *f, const struct err *e)
{
	struct err unsaid = ERR_NONE;

	if (!e->code)
		err_set(&unsaid, ERR_INTERNAL, "lab-fetch failed without a reason");
	finish(f, e->code ? e : &unsaid);
}

static void explain_death(const struct fetch *f, struct err *e)
{
	int status = f->status;

	if (status == 128 + SIGSYS)
		err_set(e, ERR_INTERNAL, "lab-fetch was stopped by its sandbox");
	else if (status == 128 + SIGXCPU)
		err_set(e, ERR_LIMIT, "the %s took more work than is allowed", f->what);
	else if (status == 128 + SIGXFSZ)
		err_set(e, ERR_LIMIT, "the %s is larger than is allowed", f->what);
	else
		err_set(e, ERR_INTERNAL, "lab-fetch ended with status %d before it was done",
			status);
}

static void check_death(struct fetch *f)
{
	struct err e = ERR_NONE;

	if (!f->eof || !f->exited)
		return; /* a pause is over by then: what it said is heard first */
	explain_death(f, &e);
	fail(f, &e);
}

static void on_exit_status(void *arg, int status)
{
	struct fetch *f = arg;

	f->exited = true;
	f->status = status;
	check_death(f);
}

static void on_deadline(void *arg)
{
	struct fetch *f = arg;
	struct err e;

	err_set(&e, ERR_TIMEOUT, "the %s was not read within %d s", f->what,
		(int)(f->deadline_ms / 1000));
	fail(f, &e);
}

/* --- frames from the child --- */

/* Its content is whole. */
static int deliver(struct fetch *f, struct err *e)
{
	f->in_entry = false;
	if (f->ops.data)
		return 0;
	if (!f->entry.dir && !f->entry.link)
		f->entry.data = buf_str(&f->content);
	return f->ops.entry(f->arg, &f->entry, e);
}

static int on_entry(struct fetch *f, const struct frame *frame, struct err *e)
{
	struct frame copy = *frame;
	int r;

	buf_clear(&f->name);
	buf_clear(&f->content);
	(void)buf_add(&f->name, frame->p, frame->n); /* a frame fits */
	copy.p = buf_str(&f->name);
	r = frame_get_entry(&copy, &f->entry, e);
	if (r == 0)
		r = rules_check(f->rules, &f->entry, e);
	if (r == 0 && f->ops.data)
		r = f->ops.entry(f->arg, &f->entry, e);
	if (r < 0)
		return r;
	f->in_entry = true;
	f->got = 0;
	return f->entry.size ? 0 : deliver(f, e);
}

static int on_data(struct fetch *f, const struct frame *frame, struct err *e)
{
	int r = 0;

	if (!f->in_entry || frame->n > f->entry.size - f->got)
		return err_set(e, ERR_PROTO, "lab-fetch sent more of a file than it said");
	f->got += frame->n;
	if (f->ops.data)
		r = f->ops.data(f->arg, frame->p, frame->n, e);
	else if (buf_add(&f->content, frame->p, frame->n) < 0)
		r = err_set(e, ERR_LIMIT, "a file of the %s is too large", f->what);
	return r == 0 && f->got == f->entry.size ? deliver(f, e) : r;
}

static int on_left(struct fetch *f, const struct frame *frame, struct err *e)
{
	_cleanup_free_ char *path = NULL, *why = NULL;
	int r = frame_get_left(frame, &path, &why, e);

	if (r == 0 && !f->leave_out)
		r = err_set(e, ERR_PROTO, "lab-fetch left out '%s' unasked", path);
	if (r == 0)
		r = rules_leave_out(f->rules, e);
	if (r == 0)
		f->ops.left_out(f->arg, path, why);
	return r;
}

/* 1 = that was all. */
static int on_done(struct fetch *f, struct err *e)
{
	if (f->in_entry || !f->finished_input || (f->git && !f->has_commit))
		return err_set(e, ERR_PROTO, "lab-fetch was done too early");
	return 1;
}

static int on_commit(struct fetch *f, const struct frame *frame, struct err *e)
{
	char hex[COMMIT_HEX];
	int r = frame_get_commit(frame, hex, e);

	if (r == 0 && f->has_commit)
		r = err_set(e, ERR_PROTO, "lab-fetch named two commits");
	if (r < 0)
		return r;
	f->has_commit = true;
	if (f->ops.commit)
		f->ops.commit(f->arg, hex);
	return 0;
}

static int on_progress(struct fetch *f, const struct frame *frame, struct err *e)
{
	struct fetch_progress p;
	int r = frame_get_progress(frame, &p, e);

	if (r == 0 && f->ops.progress)
		f->ops.progress(f->arg, &p);
	return r;
}

static int on_git_frame(struct fetch *f, const struct frame *frame, struct err *e)
{
	if (frame->type == FRAME_PROGRESS)
		return on_progress(f, frame, e);
	if (frame->type == FRAME_COMMIT)
		return on_commit(f, frame, e);
	if (frame->type == FRAME_ENTRY && f->has_commit)
		return on_entry(f, frame, e);
	if (frame->type == FRAME_LEFT && f->has_commit)
		return on_left(f, frame, e);
	return err_set(e, ERR_PROTO, "lab-fetch sent a frame of an unknown type");
}

static int on_frame(struct fetch *f, const struct frame *frame, struct err *e)
{
	if (frame->type == FRAME_DATA)
		return on_data(f, frame, e);
	if (f->in_entry && frame->type != FRAME_ERROR)
		return err_set(e, ERR_PROTO, "lab-fetch sent less of a file than it said");
	if (frame->type == FRAME_DONE)
		return on_done(f, e);
	if (frame->type == FRAME_ERROR)
		return frame_get_error(frame, e);
	if (f->git)
		return on_git_frame(f, frame, e);
	if (frame->type == FRAME_ENTRY)
		return on_entry(f, frame, e);
	if (frame->type == FRAME_LEFT)
		return on_left(f, frame, e);
	return err_set(e, ERR_PROTO, "lab-fetch sent a frame of an unknown type");
}

/* Every whole frame of `in`. 0 = go on reading, else the job is over and e says how. */
static int take_frames(struct fetch *f, struct err *e)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && !f->freed && !f->paused && f->in.len - at >= FRAME_HEAD) {
		struct frame frame;

		r = frame_parse_head(f->in.data + at, &frame, e);
		if (r < 0 || f->in.len - at - FRAME_HEAD < frame.n)
			break;
		frame.p = f->in.data + at + FRAME_HEAD;
		at += FRAME_HEAD + frame.n;
		r = on_frame(f, &frame, e);
	}
	buf_drop(&f->in, at);
	return r;
}

static void read_some(struct fetch *f)
{
	struct err e = ERR_NONE;
	int r = 0;

	for (int i = 0; r == 0 && !f->freed && !f->paused && i < READS_PER_TURN; i++) {
		char *room = buf_room(&f->in, READ_BYTES); /* a frame and a read fit */
		ssize_t n = read(f->fd, room, READ_BYTES);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			f->eof = true; /* also ECONNRESET: it died with our bytes unread */
			watch_free(TAKE(f->watch));
			check_death(f);
			return;
		}
		buf_grew(&f->in, (size_t)n);
		r = take_frames(f, &e);
	}
	if (r > 0)
		finish(f, &ERR_NONE);
	else if (r < 0)
		fail(f, &e);
}

/* --- bytes for the child --- */

static void want(struct fetch *f)
{
	if (f->watch)
		watch_set(f->watch,
			(f->paused ? 0 : WATCH_READ) | (f->out.len > f->sent ? WATCH_WRITE : 0));
}

static void queue(struct fetch *f, enum frame_type type, const void *p, size_t n)
{
	char head[FRAME_HEAD];

	frame_head(head, type, n);
	(void)buf_add(&f->out, head, sizeof(head)); /* out has room for QUEUE_MAX and heads */
	(void)buf_add(&f->out, p, n);
	want(f);
}

static size_t waiting(const struct fetch *f)
{
	return f->out.len - f->sent;
}

static void write_some(struct fetch *f)
{
	/* MSG_NOSIGNAL: a dead child is seen by reading */
	ssize_t n = send(f->fd, f->out.data + f->sent, waiting(f), MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	f->sent = n < 0 ? f->out.len : f->sent + (size_t)n;
	if (f->sent == f->out.len || f->sent > QUEUE_FULL) {
		buf_drop(&f->out, f->sent);
		f->sent = 0;
	}
	want(f);
	if (f->was_full && waiting(f) <= QUEUE_LOW) {
		f->was_full = false;
		if (f->ops.drained)
			f->ops.drained(f->arg);
	}
}

static void on_ready(void *arg, int events)
{
	struct fetch *f = arg;

	if (events & WATCH_READ)
		read_some(f);
	if (events & WATCH_WRITE && !f->freed && !f->ended && f->watch && waiting(f))
		write_some(f);
}

int fetch_write(struct fetch *f, const char *p, size_t n, struct err *e)
{
	if (f->ended || f->freed || f->eof || !n)
		return 0;
	if (n > QUEUE_MAX - MIN(waiting(f), (size_t)QUEUE_MAX))
		return err_set(
			e, ERR_LIMIT, "more than %d KiB would wait for lab-fetch", QUEUE_MAX >> 10);
	queue(f, FRAME_INPUT, p, n);
	f->was_full |= fetch_full(f);
	return 0;
}

bool fetch_full(const struct fetch *f)
{
	return waiting(f) > QUEUE_FULL;
}

void fetch_finish(struct fetch *f)
{
	if (f->finished_input)
		return;
	f->finished_input = true;
	if (!f->ended && !f->freed && !f->eof)
		queue(f, FRAME_INPUT, "", 0);
}

/* --- pausing --- */

/* What was read before the pause comes first. */
static void go_on(void *arg)
{
	struct fetch *f = arg;
	struct err e = ERR_NONE;
	int r;

	f->paused = false;
	r = take_frames(f, &e);
	if (r == 0 && !f->freed)
		want(f);
	if (r > 0)
		finish(f, &ERR_NONE);
	else if (r < 0)
		fail(f, &e);
}

void fetch_pause(struct fetch *f, bool pause)
{
	if (f->freed || f->ended || !f->again)
		return;
	if (!pause) {
		if (f->paused)
			timer_start(f->again, 0);
		return;
	}
	f->paused = true;
	timer_stop(f->again);
	want(f);
}

/* --- starting --- */

static int start(struct fetch *f, const char *program, struct err *e)
{
	char *argv[] = {(char *)"lab-fetch", f->git ? (char *)"git" : NULL, NULL};
	_cleanup_close_ int theirs = -1;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, ERR_IO, "cannot make a socket pair");
	f->fd = pair[0];
	theirs = pair[1];
	struct child_spec spec = {
		.program = program,
		.argv = argv,
#ifdef SANITIZED
		.fds = {-1, -1, STDERR_FILENO, theirs}, /* a sanitizer's report must be seen */
#else
		.fds = {-1, -1, -1, theirs},
#endif
	};
	return child_spawn(&f->child, f->loop, &spec, on_exit_status, f, e);
}

static void start_failed(void *arg)
{
	struct fetch *f = arg;

	fail(f, &f->start_err);
}

/* A job with its request; `f` says which. */
static struct fetch *begin(struct fetch *f, const char *program, enum frame_type type,
	const struct buf *request, const struct fetch_limits *limits)
{
	struct loop *l = f->loop;

	f->fd = -1;
	f->rules = rules_new(limits);
	f->leave_out = limits->leave_out;
	buf_init(&f->out, 2 * QUEUE_MAX + QUEUE_FULL);
	buf_init(&f->in, FRAME_MAX + FRAME_HEAD + READ_BYTES);
	buf_init(&f->name, FRAME_MAX);
	buf_init(&f->content, (size_t)rules_bytes(f->rules));
	if (start(f, program, &f->start_err) < 0) {
		f->deadline = timer_new(l, start_failed, f);
		timer_start(f->deadline, 0);
		return f;
	}
	f->watch = watch_new(l, f->fd, on_ready, f);
	f->again = timer_new(l, go_on, f);
	f->deadline = timer_new(l, on_deadline, f);
	timer_start(f->deadline, f->deadline_ms);
	queue(f, type, request->data, request->len);
	return f;
}

struct fetch *fetch_untar(struct loop *l, const char *program, const struct fetch_limits *limits,
	const struct fetch_ops *ops, void *arg)
{
	struct fetch *f = NEW(struct fetch);
	_cleanup_buf_ struct buf request = BUF(64);

	*f = (struct fetch){
		.loop = l, .ops = *ops, .arg = arg, .what = "archive", .deadline_ms = DEADLINE_MS};
	frame_put_limits(&request, limits);
	return begin(f, program, FRAME_UNTAR, &request, limits);
}

struct fetch *fetch_git(struct loop *l, const char *program, const struct fetch_git *g,
	const struct fetch_limits *limits, const struct fetch_ops *ops, void *arg)
{
	struct fetch *f = NEW(struct fetch);
	struct fetch_limits strict = *limits;
	_cleanup_buf_ struct buf request = BUF(FRAME_MAX);

	*f = (struct fetch){.loop = l,
		.ops = *ops,
		.arg = arg,
		.git = true,
		.what = "repository",
		.deadline_ms = GIT_MS,
		.finished_input = true};
	strict.links = false;
	strict.repository = true;
	strict.file = limits->file ? limits->file : GIT_FILE_MAX;
	frame_put_git(&request, g, &strict);
	return begin(f, program, FRAME_GIT, &request, &strict);
}
