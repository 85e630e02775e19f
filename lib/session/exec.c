/*
 * exec.c - programs of learners and checks inside services.
 *
 * Every exec carries a marker, so that what a broken connection or a crash of labd left behind is
 * found again: "learner-…" or "check-…". Terminals of learners are refused and closed while a
 * grade runs: the machine must react, not the person.
 */
#include "session/impl.h"

#include <inttypes.h>

#define MAX_TERMINALS 8

struct running {
	struct list link;
	int64_t session;
	struct exec *exec;
	bool learner, tty, closing;
};

static int terminals(const struct session *s)
{
	struct running *r;
	int n = 0;

	list_for_each(r, &s->m->execs, link)
		n += r->session == s->id && r->tty;
	return n;
}

static int may_exec(
	struct session *s, const struct session_exec *x, const struct slot *slot, struct err *e)
{
	const char *name = s->lab->services[x->service].name;

	if (x->learner && s->state == STATE_GRADING)
		return err_set(e, ERR_STATE,
			"a grade is running: shells of '%s' are held until it ends", s->name);
	if (s->waking)
		return err_set(e, ERR_STATE, "'%s' is waking up: try again in a moment", s->name);
	if (s->state == STATE_PAUSED || (slot && slot->paused))
		return err_set(
			e, ERR_STATE, "'%s' is paused: 'lab resume' brings it back", s->name);
	if ((!slot || !slot->running) && s->m->engine_error.code)
		return err_copy(e, &s->m->engine_error); /* so it is not known whether it runs */
	if (!slot || !slot->running || !state_wants_up(s->state))
		return err_set(e, ERR_STATE,
			"service '%s' of '%s' is not running (the session is %s)", name, s->name,
			session_state_name(s->state));
	if (x->tty && terminals(s) >= MAX_TERMINALS)
		return err_set(e, ERR_QUOTA, "'%s' has %d terminals open, which is the most",
			s->name, MAX_TERMINALS);
	return 0;
}

struct exec *session_exec(struct session *s, const struct session_exec *x,
	const struct exec_ops *ops, void *arg, struct err *e)
{
	struct slot *slot = plan_service(s, x->service);

	if (may_exec(s, x, slot, e) < 0)
		return NULL;
	_cleanup_free_ char *marker = strf("%s-%" PRId64 "-%" PRId64,
		x->learner ? "learner" : "check", store_epoch(s->m->store), ++s->m->exec_number);
	struct running *r = NEW(struct running);
	r->session = s->id;
	r->learner = x->learner;
	r->tty = x->tty;
	list_append(&s->m->execs, &r->link);
	r->exec = exec_start(s->m->engine, (struct engine_turn){x->class, s->id},
		&(struct exec_spec){
			.container = slot->object->engine_id,
			.argv = x->argv,
			.env = x->env,
			.user = x->user,
			.workdir = x->workdir,
			.marker = marker,
			.stdin_open = x->stdin_open,
			.tty = x->tty,
			.tells_pid = x->tells_pid,
			.rows = x->rows,
			.cols = x->cols,
		},
		ops, arg);
	if (x->learner)
		session_touch(s, slot->name);
	return r->exec;
}

void sessions_exec_done(struct sessions *m, struct exec *x)
{
	struct running *r, *tmp;

	list_for_each_safe(r, tmp, &m->execs, link)
		if (r->exec == x) {
			list_unlink(&r->link);
			free(r);
			break;
		}
	exec_free(x);
}

struct killing {
	struct sessions *m;
	int64_t session;
};

static void killed(void *arg, const struct engine_result *res)
{
	struct killing *k = arg;
	struct session *s = sessions_by_id(k->m, k->session);

	if (s && res->err.code == ERR_STATE && state_wants_up(s->state))
		session_taint(s, "a process could not be removed from a container");
	free(k);
}

void execs_close_learners(struct session *s, const char *why)
{
	struct running *r;
	bool any = false;

	list_for_each(r, &s->m->execs, link) {
		if (r->session != s->id || !r->learner || r->closing)
			continue;
		struct killing *k = NEW(struct killing);

		*k = (struct killing){s->m, s->id};
		r->closing = any = true;
		exec_kill(r->exec, killed, k);
	}
	if (any)
		emit_words(s, "terminals", "text", why, NULL);
}

void execs_sweep(struct session *s, struct slot *slot)
{
	_cleanup_free_ char *ours = strf("check-%" PRId64 "-", store_epoch(s->m->store));

	if (s->lab->services[slot->index].role != ROLE_LEARNER || slot->paused)
		return;
	struct killing *k = NEW(struct killing);
	*k = (struct killing){s->m, s->id};
	exec_kill_marked(s->m->engine, slot->object->engine_id, NULL, "check-", ours, killed, k);
}

void session_taint(struct session *s, const char *why)
{
	s->tainted = true;
	session_commit(s);
	emit_words(s, "warning", "text", why, "flag", "tainted", NULL);
}

/* --- putting files --- */

struct put {
	char *tar;
	size_t n, at;
	struct err err;
	engine_done done;
	void *arg;
};

static int64_t put_source(void *arg, char *p, size_t n, struct err *e)
{
	struct put *put = arg;
	size_t some = MIN(n, put->n - put->at);

	memcpy(p, put->tar + put->at, some);
	put->at += some;
	return (int64_t)some;
}

static void put_done(void *arg, const struct engine_result *r)
{
	struct put *p = arg;

	p->done(p->arg, r);
	free(p->tar);
	free(p);
}

static void put_refused(void *arg)
{
	put_done(arg, &(struct engine_result){
			      .outcome = ENGINE_REFUSED, .err = ((struct put *)arg)->err});
}

void session_put(struct session *s, int service, const char *path, const void *tar, size_t n,
	engine_done done, void *arg)
{
	struct slot *slot = plan_service(s, service);
	struct put *p = NEW(struct put);

	p->tar = xmemdup(tar, n);
	p->n = n;
	p->done = done;
	p->arg = arg;
	if (slot && slot->object && slot->object->state == OBJ_LIVE) {
		container_put(s->m->engine, (struct engine_turn){CLASS_CHECK, s->id},
			slot->object->engine_id, path, put_source, put_done, p);
		return;
	}
	err_set(&p->err, ERR_STATE, "service '%s' is not there", s->lab->services[service].name);
	loop_defer(s->m->loop, put_refused, p);
}
