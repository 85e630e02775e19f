/*
 * crew.c - the hidden services that are up for judging a session, and the runners in them.
 *
 * They come up for the first check and stay for a minute after the last one, so that the next
 * check finds them and their open streams. A grade begins and ends without them: its services
 * are fresh, and gone when it is over.
 */
#include "grade/impl.h"

#define REST_MS 60000

struct post {
	int service;
	struct runner *runner;
};

struct crew {
	struct list link;
	struct grader *g;
	int64_t session;
	int *wanted; /* services we hold up */
	size_t n_wanted;
	struct post *posts;
	size_t n_posts;
	struct timer *timer;
};

struct muster {
	size_t left;
	struct err err;
	session_done done;
	void *arg;
};

static struct crew *find(struct grader *g, int64_t session)
{
	struct crew *c;

	list_for_each(c, &g->crews, link)
		if (c->session == session)
			return c;
	return NULL;
}

static void rested(void *arg)
{
	struct crew *c = arg;

	crew_down(c->g, c->session);
}

static struct crew *get(struct grader *g, int64_t session)
{
	struct crew *c = find(g, session);

	if (c)
		return c;
	c = NEW(struct crew);
	c->g = g;
	c->session = session;
	c->timer = timer_new(sessions_loop(g->m), rested, c);
	list_append(&g->crews, &c->link);
	return c;
}

static void crew_free(struct crew *c)
{
	list_unlink(&c->link);
	for (size_t i = 0; i < c->n_posts; i++)
		runner_close(c->posts[i].runner);
	timer_free(c->timer);
	free(c->posts);
	free(c->wanted);
	free(c);
}

void crew_down(struct grader *g, int64_t session)
{
	struct crew *c = find(g, session);
	struct session *s = sessions_by_id(g->m, session);

	if (!c)
		return;
	for (size_t i = 0; s && i < c->n_wanted; i++)
		session_unwant(s, c->wanted[i]);
	crew_free(c);
}

void crew_rest(struct grader *g, int64_t session)
{
	struct crew *c = find(g, session);

	if (c)
		timer_start(c->timer, REST_MS);
}

void crews_free(struct grader *g)
{
	struct crew *c, *tmp;

	list_for_each_safe(c, tmp, &g->crews, link)
		crew_free(c);
}

static bool holds(const struct crew *c, int service)
{
	for (size_t i = 0; i < c->n_wanted; i++)
		if (c->wanted[i] == service)
			return true;
	return false;
}

static void one_ready(void *arg, struct session *s, const struct err *e)
{
	struct muster *m = arg;

	if (e->code != 0 && m->err.code == 0)
		m->err = *e;
	if (--m->left)
		return;
	m->done(m->arg, s, &m->err);
	free(m);
}

static void nobody(void *arg)
{
	struct muster *m = arg;

	m->left = 1;
	one_ready(m, NULL, &ERR_NONE);
}

void crew_up(struct grader *g, struct session *s, const int *services, size_t n, session_done done,
	void *arg)
{
	struct session_info info;
	struct crew *c;
	struct muster *m = NEW(struct muster);

	session_info(s, &info);
	c = get(g, info.id);
	timer_stop(c->timer);
	*m = (struct muster){.done = done, .arg = arg};
	for (size_t i = 0; i < n; i++) {
		if (info.lab->services[services[i]].when == WHEN_SESSION)
			continue;
		m->left++;
		session_want(s, services[i], one_ready, m);
		if (holds(c, services[i])) { /* it may have ended since, or never have come up */
			session_unwant(s, services[i]);
			continue;
		}
		c->wanted = xrealloc_array(c->wanted, c->n_wanted + 1, sizeof(int));
		c->wanted[c->n_wanted++] = services[i];
	}
	if (!m->left)
		loop_defer(sessions_loop(g->m), nobody, m);
}

struct runner *crew_runner(struct grader *g, struct session *s, int service)
{
	struct session_info info;
	struct post *p = NULL;

	session_info(s, &info);
	struct crew *c = get(g, info.id);
	for (size_t i = 0; i < c->n_posts && !p; i++)
		if (c->posts[i].service == service)
			p = &c->posts[i];
	if (!p) {
		c->posts = xrealloc_array(c->posts, c->n_posts + 1, sizeof(*c->posts));
		p = &c->posts[c->n_posts++];
		*p = (struct post){service, NULL};
	}
	if (p->runner && runner_broken(p->runner))
		runner_close(TAKE(p->runner));
	if (!p->runner)
		p->runner = runner_open(g->m, info.id, service);
	return p->runner;
}
