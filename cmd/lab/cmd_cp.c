/*
 * cmd_cp.c - `lab cp`: files into a lab, or out of it.
 *
 * What comes out was written by a learner: the archive is read by lab-fetch in its sandbox, and
 * what that says is written by landing.h. Of what is no file, folder or link inside the copy the
 * user is told: by labd, whose archive has been read before, and by the two here.
 */
#include "base/fsutil.h"
#include "cmd/lab/blocking.h"
#include "cmd/lab/client.h"
#include "cmd/lab/landing.h"
#include "cmd/lab/output.h"
#include "cmd/lab/place.h"
#include "cmd/lab/remote.h"
#include "content/tar.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

#define MAX_ARCHIVE (TAR_BYTES_MAX + (16 << 20)) /* heads and padding of 10 000 entries */
#define SILENCE_MS  120000
#define LEFT_TOLD   10

/* "/v1/sessions/NAME/files?path=...&service=..." */
static char *files_path(const char *session, const char *service, const char *path)
{
	_cleanup_free_ char *p = http_escape(path), *s = service ? http_escape(service) : NULL;

	return strf(
		"/v1/sessions/%s/files?path=%s%s%s", session, p, s ? "&service=" : "", s ? s : "");
}

/* --- into a lab --- */

/* Is there a folder of this name? Returns 0, or an exit code. */
static int is_folder(
	struct cli *c, const char *session, const char *service, const char *path, bool *ret)
{
	char *argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)"test -d \"$1\"", (char *)"sh",
		(char *)path, NULL};
	_cleanup_buf_ struct buf out = BUF(4096);
	struct remote_spec spec = {
		.session = session, .service = service, .argv = argv, .out = &out, .err = &out};
	struct err e = ERR_NONE;
	int status;

	*ret = str_ends(path, "/");
	if (*ret)
		return 0;
	if (remote_run(c, &spec, &status, &e) < 0)
		return fail(c, &e);
	if (status > 1) {
		err_set(&e, ERR_STATE,
			"cannot see whether '%s' is a folder: end it with / when it is one", path);
		return fail(c, &e);
	}
	*ret = status == 0;
	return 0;
}

struct upload {
	struct buf archive;
	size_t sent;
};

static int64_t send_archive(void *arg, char *p, size_t n, struct err *e)
{
	struct upload *u = arg;

	n = MIN(n, u->archive.len - u->sent);
	memcpy(p, u->archive.data + u->sent, n);
	u->sent += n;
	return (int64_t)n;
}

/* The folder of the lab, and the name of the copy in it. */
struct aim {
	char *folder, *name;
};

static void aim_at(struct aim *a, const char *real, const char *path, bool folder)
{
	_cleanup_free_ char *one = xstrdup(path), *two = xstrdup(path);

	a->folder = xstrdup(folder ? path : dirname(one));
	a->name = xstrdup(folder ? strrchr(real, '/') + 1 : basename(two));
}

static int pack(struct upload *u, const char *real, const char *as, struct err *e)
{
	_cleanup_(tar_plan_freep) struct tar_plan *plan = tar_plan_new();
	_cleanup_free_ char *copy = xstrdup(real), *root = xstrdup(dirname(copy));
	int r = tar_add_copy(plan, root, strrchr(real, '/') + 1, as, e);

	return r < 0 ? r : tar_plan_write(plan, &u->archive, e);
}

static int put_archive(struct cli *c, const char *session, const struct place *to,
	const char *folder, struct client_stream *stream)
{
	_cleanup_free_ char *path = files_path(session, to->service, folder);
	struct err e = ERR_NONE;

	stream->method = "PUT";
	stream->path = path;
	stream->content_type = "application/x-tar";
	stream->silence_ms = SILENCE_MS;
	return client_stream(c->client, stream, &e) < 0 ? fail(c, &e) : 0;
}

static int copy_in(struct cli *c, const char *from, const char *session, const struct place *to)
{
	char real[PATH_MAX];
	struct upload u = {.archive = BUF(MAX_ARCHIVE)};
	struct client_stream stream = {.on_send = send_archive, .arg = &u};
	struct aim aim;
	struct err e = ERR_NONE;
	bool folder;
	int r;

	if (!realpath(from, real)) {
		err_sys(&e, errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO,
			"cannot read '%s'", from);
		return fail(c, &e);
	}
	if (streq(real, "/"))
		return fail_usage(c, "not the whole machine");
	r = is_folder(c, session, to->service, to->path, &folder);
	if (r != 0)
		return r;
	aim_at(&aim, real, to->path, folder);
	progress(c, "packing %s", from);
	r = pack(&u, real, aim.name, &e) < 0 ? fail(c, &e)
					     : put_archive(c, session, to, aim.folder, &stream);
	progress_clear(c);
	buf_done(&u.archive);
	free(aim.folder);
	free(aim.name);
	return r;
}

/* --- an archive on stdin --- */

struct pouring {
	struct http_op *op;
	struct feed *feed;
	struct buf chunk;
	bool asked, ended, paused;
};

static void poured(void *arg, const char *p, size_t n)
{
	struct pouring *s = arg;

	s->asked = false;
	s->ended = n == 0;
	(void)buf_add(&s->chunk, p, n); /* it was empty */
	if (s->paused) {
		s->paused = false;
		http_resume(s->op);
	}
}

static int64_t pour(void *arg, char *p, size_t n, struct err *e)
{
	struct pouring *s = arg;

	if (!s->chunk.len && !s->ended && !s->asked) {
		s->asked = true;
		feed_next(s->feed);
	}
	if (!s->chunk.len && !s->ended) {
		s->paused = true;
		return HTTP_PAUSE;
	}
	n = MIN(n, s->chunk.len);
	memcpy(p, buf_str(&s->chunk), n);
	buf_drop(&s->chunk, n);
	return (int64_t)n;
}

static void on_pouring(void *arg, struct http_op *op)
{
	((struct pouring *)arg)->op = op;
}

static int pour_in(struct cli *c, const char *session, const struct place *to)
{
	struct pouring s = {.chunk = BUF(1 << 20)};
	struct client_stream stream = {.on_send = pour, .started = on_pouring, .arg = &s};

	s.feed = feed_new(client_loop(c->client), STDIN_FILENO, poured, &s);
	int r = put_archive(c, session, to, to->path, &stream);
	feed_free(s.feed);
	buf_done(&s.chunk);
	return r;
}

/* --- out of a lab --- */

struct download {
	struct cli *cli;
	struct fetch *fetch;
	struct landing *landing;
	struct outlet *outlet;
	struct http_op *op;
	bool paused, done;
	size_t n_left;
	struct err err;
};

static void on_download(void *arg, struct http_op *op)
{
	((struct download *)arg)->op = op;
}

static void go_on(struct download *d)
{
	if (!d->paused)
		return;
	d->paused = false;
	http_resume(d->op);
}

static void on_left_out(void *arg, const char *path, const char *why)
{
	struct download *d = arg;

	if (d->n_left++ < LEFT_TOLD)
		warn(d->cli, "left out: '%s' %s", path, why);
}

static int on_entry(void *arg, const struct fetch_entry *t, struct err *e)
{
	struct download *d = arg;
	int r = landing_entry(d->landing, t, e);

	if (r > 0)
		on_left_out(d, t->path, "is a link that leads out of the copy");
	return MIN(r, 0);
}

static void on_headers(void *arg, const char *headers)
{
	struct download *d = arg;
	_cleanup_free_ char *list = http_header(headers, "Labyard-Left-Out");
	_cleanup_(strv_freep) char **items = list ? strv_split(list, ',') : NULL;

	for (char **i = items; i && *i; i++) {
		_cleanup_free_ char *text = http_unescape(*i);

		warn(d->cli, "left out: %s", text);
	}
}

static void on_room(void *arg)
{
	go_on(arg);
}

static void on_end(void *arg, const struct err *e)
{
	struct download *d = arg;

	d->done = true;
	d->err = *e;
	go_on(d); /* to learn that it is over */
}

static const struct fetch_ops fetch_ops = {
	.entry = on_entry, .drained = on_room, .ended = on_end, .left_out = on_left_out};

static int64_t to_fetch(void *arg, const char *p, size_t n, struct err *e)
{
	struct download *d = arg;
	int r;

	if (d->done)
		return d->err.code ? err_copy(e, &d->err) : (int64_t)n;
	d->paused = fetch_full(d->fetch);
	if (d->paused)
		return HTTP_PAUSE;
	r = fetch_write(d->fetch, p, n, e);
	return r < 0 ? r : (int64_t)n;
}

static char *fetch_program(void)
{
	_cleanup_free_ char *dir = fs_program_dir();
	char *beside = strf("%s/lab-fetch", dir);

	if (fs_exists(beside))
		return beside;
	free(beside);
	return xstrdup(LABYARD_PREFIX "/libexec/labyard/lab-fetch");
}

/* Through the sandbox and into place. */
static int receive(struct cli *c, struct download *d, struct client_stream *stream, char **ret_path,
	struct err *e)
{
	_cleanup_free_ char *program = fetch_program();
	struct fetch_limits limits = {.links = true, .leave_out = true};
	int r;

	d->fetch = fetch_untar(client_loop(c->client), program, &limits, &fetch_ops, d);
	r = client_stream(c->client, stream, e);
	if (r == 0) {
		fetch_finish(d->fetch);
		r = client_wait(c->client, &d->done, e);
	}
	fetch_free(d->fetch);
	if (d->done && d->err.code)
		r = err_copy(e, &d->err); /* the reason why the stream was given up, too */
	return r < 0 ? r : landing_finish(d->landing, ret_path, e);
}

static int copy_out(struct cli *c, const char *session, const struct place *from, const char *to)
{
	_cleanup_free_ char *path = files_path(session, from->service, from->path), *landed = NULL;
	struct download d = {.cli = c};
	struct client_stream stream = {.method = "GET",
		.path = path,
		.started = on_download,
		.on_data = to_fetch,
		.on_headers = on_headers,
		.arg = &d,
		.silence_ms = SILENCE_MS};
	struct err e = ERR_NONE;

	if (landing_new(&d.landing, to, &e) < 0)
		return fail(c, &e);
	progress(c, "copying %s", from->path);
	int r = receive(c, &d, &stream, &landed, &e);
	landing_free(d.landing);
	if (d.n_left > LEFT_TOLD)
		warn(c, "left out: and %zu more", d.n_left - LEFT_TOLD);
	progress_clear(c);
	if (r < 0)
		return fail(c, &e);
	_cleanup_free_ char *shown = visible(landed);
	puts(shown);
	return 0;
}

/* --- an archive on stdout --- */

static int64_t to_stdout(void *arg, const char *p, size_t n, struct err *e)
{
	struct download *d = arg;

	if (outlet_error(d->outlet))
		return err_set(e, ERR_CANCELED, "nobody reads");
	d->paused = outlet_full(d->outlet);
	if (d->paused)
		return HTTP_PAUSE;
	outlet_write(d->outlet, STDOUT_FILENO, p, n);
	return (int64_t)n;
}

static void on_written(void *arg)
{
	struct download *d = arg;

	d->done = outlet_idle(d->outlet);
	if (!outlet_full(d->outlet))
		go_on(d);
}

static int pour_out(struct cli *c, const char *session, const struct place *from)
{
	_cleanup_free_ char *path = files_path(session, from->service, from->path);
	struct download d = {.cli = c};
	struct client_stream stream = {.method = "GET",
		.path = path,
		.started = on_download,
		.on_data = to_stdout,
		.on_headers = on_headers,
		.arg = &d};
	struct err e = ERR_NONE;

	if (c->tty_out)
		return fail_usage(c, "an archive is not for a terminal: redirect it");
	d.outlet = outlet_new(client_loop(c->client), 1 << 20, on_written, &d);
	int r = client_stream(c->client, &stream, &e);
	d.done = outlet_idle(d.outlet);
	if (r == 0)
		r = client_wait(c->client, &d.done, &e);
	int error = outlet_error(d.outlet);
	outlet_free(d.outlet);
	if (error == EPIPE)
		return 128 + SIGPIPE;
	if (error) {
		errno = error;
		r = err_sys(&e, ERR_IO, "cannot write the archive");
	}
	return r < 0 ? fail(c, &e) : 0;
}

/* --- the verb --- */

static int copy(struct cli *c, const struct place *from, const struct place *to)
{
	const struct json *s;
	const char *word = from->remote ? from->session : to->session;
	struct client *k;
	struct err e = ERR_NONE;

	if (client_open(&k, c, &e) < 0 || client_session(k, word, &s, &e) < 0)
		return fail(c, &e);
	const char *session = json_str_or(json_get(s, "name"), "");
	if (to->remote)
		return streq(from->path, "-") ? pour_in(c, session, to)
					      : copy_in(c, from->path, session, to);
	return streq(to->path, "-") ? pour_out(c, session, from)
				    : copy_out(c, session, from, to->path);
}

int cmd_cp(struct cli *c, int argc, char **argv)
{
	struct place from, to;
	int r;

	if (argc != 2)
		return fail_usage(c, "a source and a target");
	place_parse(&from, argv[0]);
	place_parse(&to, argv[1]);
	if (from.remote == to.remote)
		r = fail_usage(c, from.remote ? "one of the two must be on this machine"
					      : "one of the two must be SESSION:SERVICE:/path");
	else
		r = copy(c, &from, &to);
	place_done(&from);
	place_done(&to);
	return r;
}
