/*
 * h_file.c - files out of a service and into it, as tar archives.
 *
 * Both archives are a stranger's: what comes from a container, and what comes from a client. So
 * both go through lab-fetch, and what passed its checks is written anew.
 *
 *   GET  engine -> lab-fetch -> plan -> tar_stream -> client
 *   PUT  client -> lab-fetch -> plan -> archive -> engine
 *
 * What no archive of ours may hold ends a PUT. From a container the rest still comes: its owner
 * may not know what programs left there, and is told in a header.
 */
#include "api/impl.h"

#include "content/fetch.h"
#include "content/tar.h"
#include "net/http.h"

#define UPLOAD_MAX  (INT64_C(96) << 20) /* 64 MiB of files, and their headers */
#define ARCHIVE_MAX ((size_t)96 << 20)
#define LEFT_TOLD   10

struct copy {
	struct api *api;
	struct loop *loop; /* a job may outlive the api */
	struct request *request;
	int64_t session;
	int uid, gid;
	char *service, *path; /* its name: a preview's lab may get another definition meanwhile */
	struct fetch *fetch;
	struct engine_op *op;      /* GET: the archive comes */
	struct tar_plan *plan;     /* what passed the checks */
	struct map *dirs;          /* folders in it */
	struct tar_stream *stream; /* GET: it goes out */
	struct buf archive;        /* PUT: it goes in */
	struct buf told;           /* GET: the header that names what is left out */
	size_t n_left;
	struct err err;
	bool streaming; /* GET: answered */
	bool left;      /* the client is gone */
	bool busy;      /* a job or the engine has it; nothing is freed */
};

static void copy_free(void *arg)
{
	struct copy *c = arg;

	fetch_free(c->fetch);
	tar_plan_free(c->plan);
	map_free(c->dirs);
	tar_stream_free(c->stream);
	buf_done(&c->archive);
	buf_done(&c->told);
	request_unref(c->request);
	free(c->service);
	free(c->path);
	free(c);
}

/* The exchange is over, and nobody else holds the copy: free it at the end of the turn. */
static void release(struct copy *c)
{
	if (c->left && !c->op && !c->busy)
		loop_defer(c->loop, copy_free, c);
}

static void left(void *arg)
{
	struct copy *c = arg;

	c->left = true;
	api_closed(c->api);
	fetch_free(TAKE(c->fetch));
	tar_stream_free(TAKE(c->stream));
	if (c->op)
		engine_cancel(c->op);
	release(c);
}

static void fail(struct copy *c, const struct err *e)
{
	if (c->streaming)
		request_end(c->request, false);
	else
		reply_problem(c->request, e);
}

/* Folders that the archive only implies: the engine would make them, and give them to root. */
static void keep_parents(struct copy *c, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		_cleanup_free_ char *parent = xstrndup(path, (size_t)(slash - path));

		if (map_add(c->dirs, parent, c))
			tar_add_dir(c->plan, parent, 0755, c->uid, c->gid);
	}
}

static int keep_entry(void *arg, const struct fetch_entry *t, struct err *e)
{
	struct copy *c = arg;

	keep_parents(c, t->path);
	if (t->dir)
		map_put(c->dirs, t->path, c);
	if (t->dir)
		tar_add_dir(c->plan, t->path, t->mode, c->uid, c->gid);
	else if (t->link)
		tar_add_link(c->plan, t->path, t->link, c->uid, c->gid);
	else
		tar_add_file(c->plan, t->path, t->data, t->size, t->mode, c->uid, c->gid);
	return 0;
}

/* --- asking --- */

/* "1000:1000" and "1000" -> numbers; a name or nothing -> root. */
static void owner(const struct lab_service *v, int *uid, int *gid)
{
	_cleanup_(strv_freep) char **parts = strv_split(v->user ? v->user : "", ':');
	int64_t n;

	*uid = *gid = 0;
	if (!parts[0] || str_int(parts[0], 0, INT32_MAX, &n, NULL) < 0)
		return;
	*uid = *gid = (int)n;
	if (parts[1] && str_int(parts[1], 0, INT32_MAX, &n, NULL) == 0)
		*gid = (int)n;
}

static bool ask_path(struct request *r, const char **ret)
{
	*ret = request_query(r, "path");
	if (*ret && **ret == '/' && strlen(*ret) <= 4096)
		return true;
	reply_error(r, ERR_USAGE, "'path' has to be absolute");
	return false;
}

/* A copy for the service and path that the request names; NULL = answered. */
static struct copy *copy_new(
	struct api *a, struct request *r, const struct match *m, const struct fetch_ops *ops)
{
	const struct fetch_limits limits = {.links = true, .leave_out = ops->left_out != NULL};
	struct session *s = ask_session(a, r, m);
	struct session_info info;
	struct err held;
	const char *path;
	struct copy *c;
	int service;

	if (!s || !ask_path(r, &path))
		return NULL;
	session_info(s, &info);
	service = ask_service(r, info.lab, request_query(r, "service"), "files");
	if (service < 0)
		return NULL;
	if (see_held(s, "files", &held) < 0) {
		reply_problem(r, &held);
		return NULL;
	}
	if (!ask_container(r, s, service))
		return NULL;
	session_touch(s, info.lab->services[service].name);
	c = NEW(struct copy);
	*c = (struct copy){.api = a, .loop = a->loop, .request = request_ref(r)};
	c->session = info.id;
	c->service = xstrdup(info.lab->services[service].name);
	c->path = xstrdup(path);
	c->plan = tar_plan_new();
	c->dirs = map_new(NULL);
	c->archive = BUF(ARCHIVE_MAX);
	c->told = BUF(32 << 10);
	owner(&info.lab->services[service], &c->uid, &c->gid);
	c->fetch = fetch_untar(a->loop, sessions_config(a->sessions)->lab_fetch, &limits, ops, c);
	api_opened(a);
	request_on_gone(r, left, c);
	return c;
}

/* The session and the index of the service in it, as they are now; NULL = gone. */
static struct session *find_service(const struct copy *c, int *ret)
{
	struct session *s = sessions_by_id(c->api->sessions, c->session);
	struct session_info info;

	if (!s)
		return NULL;
	session_info(s, &info);
	*ret = lab_service(info.lab, c->service);
	return *ret < 0 ? NULL : s;
}

/* --- out --- */

static void pump(void *arg)
{
	struct copy *c = arg;
	char block[64 << 10];
	struct err e = ERR_NONE;
	int64_t n;

	while (c->stream && !request_full(c->request)) {
		n = tar_stream_read(c->stream, block, sizeof(block), &e);
		if (n == TAR_PAUSE)
			return;
		if (n <= 0) {
			tar_stream_free(TAKE(c->stream));
			request_end(c->request, n == 0);
		} else if (request_write(c->request, block, (size_t)n, NULL) < 0) {
			request_end(c->request, false);
			return;
		}
	}
}

/* Percent-encoded: a header is no place for a stranger's bytes. */
static void tell(struct copy *c, const char *text)
{
	_cleanup_free_ char *escaped = http_escape(text);

	(void)buf_addf(&c->told, "%s%s", c->told.len ? "," : "", escaped); /* few and short */
}

static void leave_out(void *arg, const char *path, const char *why)
{
	struct copy *c = arg;
	_cleanup_free_ char *text = strf("'%s' %s", path, why);

	if (c->n_left++ < LEFT_TOLD)
		tell(c, text);
}

static void set_left_out(struct copy *c)
{
	_cleanup_free_ char *more = strf("and %zu more", c->n_left - MIN(c->n_left, LEFT_TOLD));

	if (c->n_left > LEFT_TOLD)
		tell(c, more);
	if (c->n_left)
		request_set_header(c->request, "Labyard-Left-Out", buf_str(&c->told));
}

static void got_all(void *arg, const struct err *e)
{
	struct copy *c = arg;

	fetch_free(TAKE(c->fetch));
	if (e->code != 0) {
		fail(c, c->err.code ? &c->err : e);
		return;
	}
	c->streaming = true;
	set_left_out(c);
	request_stream(c->request, 200, "application/x-tar", pump, c);
	c->stream =
		tar_stream_new(sessions_io(c->api->sessions), c->api->loop, TAKE(c->plan), pump, c);
	pump(c);
}

static int64_t from_engine(void *arg, const char *p, size_t n, struct err *e)
{
	struct copy *c = arg;

	if (!c->fetch)
		return err_set(e, ERR_CANCELED, "nobody reads the archive any more");
	if (fetch_full(c->fetch))
		return TAR_PAUSE;
	return fetch_write(c->fetch, p, n, e) < 0 ? ERR_LIMIT : (int64_t)n;
}

static void more_from_engine(void *arg)
{
	struct copy *c = arg;

	if (c->op)
		engine_resume(c->op);
}

static void engine_over(void *arg, const struct engine_result *res)
{
	struct copy *c = arg;

	c->op = NULL;
	if (res->err.code != 0 && c->fetch) {
		fetch_free(TAKE(c->fetch));
		fail(c, &res->err);
	} else if (c->fetch) {
		fetch_finish(c->fetch);
	}
	release(c);
}

void h_files_get(struct api *a, struct request *r, const struct match *m)
{
	static const struct fetch_ops ops = {.entry = keep_entry,
		.drained = more_from_engine,
		.ended = got_all,
		.left_out = leave_out};
	struct copy *c = copy_new(a, r, m, &ops);
	struct session *s;
	int service;

	if (!c)
		return;
	s = find_service(c, &service);
	c->op = container_get(a->engine, session_container(s, service, NULL), c->path, from_engine,
		engine_over, c);
}

/* --- in --- */

static size_t from_client(void *arg, const char *p, size_t n)
{
	struct copy *c = arg;

	if (!c->fetch)
		return n; /* refused: the answer is on its way */
	if (fetch_full(c->fetch))
		return 0;
	return fetch_write(c->fetch, p, n, NULL) < 0 ? 0 : n;
}

static void more_from_client(void *arg)
{
	request_resume(((struct copy *)arg)->request);
}

static void client_over(void *arg)
{
	struct copy *c = arg;

	if (c->fetch)
		fetch_finish(c->fetch);
}

static void put_over(void *arg, const struct engine_result *res)
{
	struct copy *c = arg;

	c->busy = false;
	if (res->outcome != ENGINE_DONE)
		reply_problem(c->request, &res->err);
	else
		request_reply(c->request, 204, NULL, NULL);
	release(c);
}

static void write_archive(void *arg)
{
	struct copy *c = arg;

	c->err.code = tar_plan_write(c->plan, &c->archive, &c->err);
}

static void archive_written(void *arg)
{
	struct copy *c = arg;
	struct session *s;
	int service;

	c->busy = false;
	if (c->left) {
		release(c);
		return;
	}
	s = find_service(c, &service);
	if (!s && c->err.code == 0)
		err_set(&c->err, ERR_NOT_FOUND, "the service '%s' went away", c->service);
	if (c->err.code == 0)
		(void)see_held(s, "files", &c->err); /* a grade may have begun meanwhile */
	if (c->err.code != 0) {
		fail(c, &c->err);
		return;
	}
	c->busy = true;
	session_put(s, service, c->path, c->archive.data, c->archive.len, put_over, c);
	buf_done(&c->archive);
}

static void sent_all(void *arg, const struct err *e)
{
	struct copy *c = arg;
	struct err why = *e;

	fetch_free(TAKE(c->fetch));
	if (why.code == 0) {
		c->busy = true;
		if (worker_submit(sessions_io(c->api->sessions), write_archive, archive_written, c,
			    &why) == 0)
			return;
		c->busy = false;
	}
	fail(c, &why);
}

void h_files_put(struct api *a, struct request *r, const struct match *m)
{
	static const struct fetch_ops ops = {
		.entry = keep_entry, .drained = more_from_client, .ended = sent_all};
	struct copy *c = copy_new(a, r, m, &ops);

	if (c)
		request_receive(r, UPLOAD_MAX, from_client, client_over, c);
}
