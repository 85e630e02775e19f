/*
 * h_repo.c - repositories of labs: list, add, remove, and their syncs.
 *
 * A sync answers at once with a resource that has a state; its events tell how it goes, each with
 * the whole resource, the last one "done".
 */
#include "api/impl.h"

#include <inttypes.h>

#define URL_BYTES 1000
#define KEY_BYTES (32 << 10)

/* --- list --- */

void h_repos(struct api *a, struct request *r, const struct match *m)
{
	struct buf out = BUF(ANSWER_MAX);
	struct json_writer w;

	json_begin(&w, &out, false);
	json_object(&w, NULL);
	json_put_str(&w, "schema", "labyard/repos/v1");
	json_array(&w, "repos");
	for (size_t i = 0; i < repos_count(a->repos); i++) {
		struct repo_info info;

		repo_info(repos_at(a->repos, i), &info);
		if (info.commit) /* else its first sync runs */
			view_repo(&w, NULL, repos_at(a->repos, i));
	}
	json_end(&w);
	json_end(&w);
	reply_json(r, 200, &out);
}

static struct repo *ask_repo(struct api *a, struct request *r, const struct match *m)
{
	struct repo *repo = repos_by_name(a->repos, m->part[0]);

	if (!repo)
		reply_error(r, ERR_NOT_FOUND,
			"there is no repository '%.80s': 'lab repo list' shows them", m->part[0]);
	return repo;
}

/* --- remove --- */

static void removed(void *arg, const struct err *e)
{
	if (e->code)
		reply_problem(arg, e);
	else
		request_reply(arg, 204, NULL, NULL);
	request_unref(arg);
}

void h_repo_remove(struct api *a, struct request *r, const struct match *m)
{
	struct repo *repo = ask_repo(a, r, m);

	if (repo)
		repo_remove(repo, removed, request_ref(r));
}

/* --- syncs --- */

static void reply_sync(struct request *r, int status, const struct sync *s)
{
	struct buf out = BUF(ANSWER_MAX);
	struct sync_info info;
	struct json_writer w;

	sync_info(s, &info);
	_cleanup_free_ char *where = strf("/v1/syncs/%" PRId64, info.id);
	if (status == 202)
		request_set_header(r, "Location", where);
	json_begin(&w, &out, false);
	view_sync(&w, NULL, s);
	reply_json(r, status, &out);
}

void h_repo_add(struct api *a, struct request *r, const struct match *m)
{
	static const char *const known[] = {"url", "name", "ref", "key", NULL};
	struct repo_spec spec;
	struct sync *sync;
	struct body b;

	body_open(&b, r, known);
	spec.url = body_str(&b, "url", URL_BYTES);
	spec.name = body_str(&b, "name", 64);
	spec.ref = body_str(&b, "ref", 200);
	spec.credential = body_str(&b, "key", KEY_BYTES);
	if (!spec.url)
		err_set(b.err.code ? NULL : &b.err, ERR_USAGE, "the body has no url");
	if (b.err.code == 0)
		(void)repos_add(a->repos, &spec, &sync, &b.err); /* b.err tells */
	if (body_good(&b, r))
		reply_sync(r, 202, sync);
	body_done(&b);
}

void h_repo_sync(struct api *a, struct request *r, const struct match *m)
{
	static const char *const known[] = {"kind", NULL};
	struct repo *repo = ask_repo(a, r, m);
	enum sync_kind kind = SYNC_FULL;
	struct sync *sync;
	struct body b;

	if (!repo)
		return;
	body_open(&b, r, known);
	const char *word = body_str(&b, "kind", 16);
	if (word && !sync_kind_parse(word, &kind))
		err_set(&b.err, ERR_USAGE, "'kind' is full, dry or commit");
	if (b.err.code == 0)
		(void)repo_sync(repo, kind, &sync, &b.err); /* b.err tells */
	if (body_good(&b, r))
		reply_sync(r, 202, sync);
	body_done(&b);
}

static struct sync *ask_sync(struct api *a, struct request *r, const struct match *m)
{
	struct sync *s = NULL;
	int64_t id;

	if (str_int(m->part[0], 1, INT64_MAX, &id, NULL) == 0)
		s = repos_sync(a->repos, id);
	if (!s)
		reply_error(r, ERR_NOT_FOUND, "'%.40s' is no sync, or none of the last ones",
			m->part[0]);
	return s;
}

void h_sync(struct api *a, struct request *r, const struct match *m)
{
	struct sync *s = ask_sync(a, r, m);

	if (s)
		reply_sync(r, 200, s);
}

void h_sync_cancel(struct api *a, struct request *r, const struct match *m)
{
	struct sync *s = ask_sync(a, r, m);

	if (!s)
		return;
	sync_cancel(s);
	reply_sync(r, 202, s);
}

/* --- events of a sync --- */

struct watcher {
	struct api *api;
	struct request *request;
	int64_t sync, sent; /* sent: number of the last event */
};

static void send(struct watcher *x, const struct sync *s)
{
	_cleanup_buf_ struct buf json = BUF(1 << 20);
	struct sync_info info;
	struct json_writer w;
	char id[24];

	sync_info(s, &info);
	bool over = info.state != SYNC_RUNNING;
	json_begin(&w, &json, false);
	view_sync(&w, NULL, s);
	(void)snprintf(id, sizeof(id), "%" PRId64, ++x->sent);
	if (json.full || request_sse_send(x->request, over ? "done" : "progress", id,
				 buf_str(&json), NULL) < 0)
		request_end(x->request, false);
	else if (over)
		request_end(x->request, true);
}

static void on_sync(void *arg, struct sync *s)
{
	struct watcher *x = arg;
	struct sync_info info;

	sync_info(s, &info);
	if (info.id == x->sync && !request_gone(x->request))
		send(x, s);
}

static void gone(void *arg)
{
	struct watcher *x = arg;

	repos_unlisten(x->api->repos, on_sync, x);
	api_closed(x->api);
	request_unref(x->request);
	free(x);
}

void h_sync_events(struct api *a, struct request *r, const struct match *m)
{
	struct sync *s = ask_sync(a, r, m);
	struct watcher *x;

	if (!s)
		return;
	x = NEW(struct watcher);
	*x = (struct watcher){.api = a, .request = request_ref(r)};
	(void)str_int(m->part[0], 1, INT64_MAX, &x->sync, NULL); /* ask_sync has read it */
	request_sse(r, NULL, NULL);
	api_opened(a);
	request_on_gone(r, gone, x);
	repos_listen(a->repos, on_sync, x);
	send(x, s);
}
