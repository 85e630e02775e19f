/* api.c - the interface as a whole: requests find their handlers. */
#include "api/impl.h"

static const struct route *find(struct request *r, struct match *m, struct err *e)
{
	return route_find(request_method(r), request_path(r), m, e);
}

static int64_t on_head(void *arg, struct request *r)
{
	struct match m;
	const struct route *route = find(r, &m, NULL);

	match_done(&m);
	return route && route->streams ? HTTPD_STREAM : JSON_BODY;
}

static void on_request(void *arg, struct request *r)
{
	struct api *a = arg;
	struct err e = ERR_NONE;
	struct match m;
	const struct route *route = find(r, &m, &e);

	a->requests++;
	a->last_ms = loop_now_ms(a->loop);
	log_debug("api", "%s %s", request_method(r), request_path(r));
	if (route)
		route->handle(a, r, &m);
	else
		reply_problem_as(r, e.code == ERR_USAGE ? 405 : 404, &e);
	match_done(&m);
}

static void on_refusal(void *arg, struct request *r, int status, const struct err *why)
{
	((struct api *)arg)->refused++;
	reply_problem_as(r, status, why);
}

static const struct httpd_ops ops = {on_head, on_request, on_refusal};

int api_new(struct api **ret, const struct api_config *c, struct err *e)
{
	struct api *a = NEW(struct api);
	int r;

	a->loop = sessions_loop(c->sessions);
	a->sessions = c->sessions;
	a->grader = c->grader;
	a->repos = c->repos;
	a->store = sessions_store(c->sessions);
	a->engine = sessions_engine(c->sessions);
	a->self_started = c->self_started;
	a->started_ms = loop_wall_ms(a->loop);
	a->last_ms = loop_now_ms(a->loop);
	a->starts = map_new(free);
	list_init(&a->endless);
	r = httpd_new(&a->httpd, a->loop, &ops, a, e);
	if (r < 0) {
		api_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

int api_listen_unix(struct api *a, const char *path, struct err *e)
{
	return httpd_listen_unix(a->httpd, path, e);
}

void api_stop(struct api *a, loop_cb drained, void *arg)
{
	struct endless *x, *tmp;

	httpd_stop(a->httpd, drained, arg);
	list_for_each_safe(x, tmp, &a->endless, link)
		x->end(x->arg);
}

void api_cut(struct api *a)
{
	if (a && a->httpd)
		httpd_free(TAKE(a->httpd));
}

void api_free(struct api *a)
{
	if (!a)
		return;
	api_cut(a);
	map_free(a->starts);
	free(a);
}

int64_t api_quiet_ms(const struct api *a)
{
	return a->open ? 0 : loop_now_ms(a->loop) - a->last_ms;
}

void api_count_slow(struct api *a)
{
	a->slow++;
}

/* --- what is open --- */

void api_opened(struct api *a)
{
	a->open++;
}

void api_closed(struct api *a)
{
	a->open--;
	a->last_ms = loop_now_ms(a->loop);
}
