/*
 * ask.c - one observation of one check: by a program in a service, or by looking at a container.
 */
#include "grade/impl.h"

#include "base/fsutil.h"
#include "lab/draw.h"

#include <fcntl.h>
#include <inttypes.h>

#define ASK_AGAIN_MS 1000
#define MAX_PROGRAM (256 << 10)

int run_program(const struct run *r, const char *name, struct buf *out, struct err *e)
{
	_cleanup_free_ char *path = strf("checks/%s", name);
	_cleanup_close_ int root = open(r->lab->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return err_sys(e, ERR_IO, "cannot open '%s'", r->lab->root);
	return fs_read_beneath(root, path, out, e);
}

/* --- environment --- */

static void add_upper(char ***env, const char *prefix, const char *name, const char *value)
{
	char *s = strf("%s%s=%s", prefix, name, value);

	for (char *p = s; *p && *p != '='; p++)
		*p = *p == '-' ? '_' : *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
	strv_take(env, s);
}

static void add_params(struct run *r, const struct session_info *info, char ***env)
{
	for (size_t i = 0; i < r->lab->n_params; i++) {
		const struct lab_param *p = &r->lab->params[i];

		if (p->at_grade && !r->grade)
			continue;
		_cleanup_free_ char *v = draw_param(p, p->at_grade ? r->seed : info->seed);
		add_upper(env, "LAB_PARAM_", p->name, v);
	}
}

static void add_declared(struct run *r, const struct session_info *info, int service, char ***env)
{
	const struct lab_service *v = &r->lab->services[service];
	_cleanup_(strv_freep) char **declared =
		v->env ? draw_list(r->lab, v->env, info->seed) : NULL;

	for (size_t i = 0; declared && declared[i]; i++)
		strv_add(env, declared[i]);
	strv_add(env, "LAB_SCRATCH=/lab/scratch");
}

static void add_hidden(struct run *r, char ***env)
{
	strv_take(env, strf("LAB_FENCE_MS=%" PRId64, r->fence_ms));
	strv_add(env, "LAB_CHECKS=/lab/checks");
	strv_add(env, "LAB_SECRETS=/lab/secrets");
	for (size_t i = 0; i < r->lab->n_services; i++)
		add_upper(env, "LAB_TARGET_", r->lab->services[i].name, r->lab->services[i].name);
}

char **run_environment(struct run *r, int service, const struct item *it, const char *phase,
	int64_t deadline_wall_ms)
{
	struct session *s = sessions_by_id(r->g->m, r->session);
	struct session_info info;
	char **env = strv_new();
	bool beside_work = r->lab->services[service].when == WHEN_REPLAY;

	session_info(s, &info);
	strv_add(&env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strv_add(&env, "HOME=/tmp");
	strv_add(&env, "LANG=C.UTF-8");
	strv_take(&env, strf("LAB_PHASE=%s", phase));
	strv_take(&env, strf("LAB_DEADLINE_MS=%" PRId64, deadline_wall_ms));
	if (it) {
		strv_take(&env, strf("LAB_CHECK=%s", it->check->name));
		strv_take(&env, strf("LAB_TASK=%s", it->task->id));
		if (it->check->vantage == VANTAGE_FROZEN ||
			(beside_work && replays_capture(r->lab, it->check)))
			strv_take(&env,
				strf("LAB_ROOT=/lab/root/%d", item_captured(it)->number));
		if (it->check->vantage == VANTAGE_REPLAY) {
			strv_add(&env, "LAB_TAKES=/lab/step/takes");
			strv_add(&env, "LAB_GIVES=/lab/step/gives");
		}
	}
	if (!beside_work)
		add_params(r, &info, &env);
	if (r->lab->services[service].role == ROLE_HIDDEN) {
		add_declared(r, &info, service, &env);
		if (!beside_work)
			add_hidden(r, &env);
	}
	return env;
}

/* --- deciding --- */

static bool temporal(const struct item *it)
{
	return it->check->eventually_ms || it->check->always_for_ms;
}

static int64_t window_end(const struct item *it)
{
	return it->run->stage_ms + MAX(it->check->eventually_ms, it->check->always_for_ms);
}

void item_decide(struct item *it)
{
	struct run *r = it->run;

	it->state = ITEM_DECIDED;
	it->at_ms = loop_wall_ms(sessions_loop(r->g->m));
	if (it->j.verdict == VERDICT_FAIL && !it->j.text && it->check->fail)
		it->j.text = xstrdup(it->check->fail);
	run_say(r, "check", it, NULL);
}

static bool settled(const struct item *it, int64_t now)
{
	if (!temporal(it))
		return true;
	if (it->check->eventually_ms ? it->j.verdict == VERDICT_PASS
				     : it->j.verdict == VERDICT_FAIL)
		return true;
	return now >= window_end(it) || it->run->last_part;
}

/* One more look at what broke on our side, never at what failed. */
static bool worth_retrying(struct item *it)
{
	if (temporal(it) || it->retried || it->j.verdict != VERDICT_ERROR)
		return false;
	it->retried = true;
	return true;
}

static void observed(struct item *it)
{
	struct run *r = it->run;
	int64_t now = loop_now_ms(sessions_loop(r->g->m));

	it->looks++;
	it->state = ITEM_WAITING;
	if (r->done)
		return;
	if (r->canceled)
		it->state = ITEM_DECIDED;
	else if (worth_retrying(it))
		it->next_ms = now + ASK_AGAIN_MS;
	else if (settled(it, now))
		item_decide(it);
	else
		it->next_ms = now + ASK_AGAIN_MS;
	stage_step(r);
}

static void program_done(void *arg, const struct program_result *res)
{
	struct item *it = arg;

	judge(&it->j, res);
	it->ms = res->err.code ? loop_now_ms(sessions_loop(it->run->g->m)) - it->asked_ms : res->ms;
	str_set(&it->evidence, res->err.code ? NULL : res->evidence);
	str_set(&it->errout, res->err.code ? NULL : res->errout);
	observed(it);
}

/* --- by a program --- */

static void cannot_ask(struct item *it, const char *reason, const char *text)
{
	judge_error(&it->j, reason, text);
	it->retried = true;
	it->state = ITEM_WAITING;
	item_decide(it);
}

static void ask_program(struct run *r, struct session *s, struct item *it)
{
	const struct lab_check *c = it->check;
	int service = c->vantage == VANTAGE_INSIDE ? c->in : c->by;
	struct loop *l = sessions_loop(r->g->m);
	_cleanup_buf_ struct buf text = BUF(MAX_PROGRAM);
	struct err e = ERR_NONE;

	if (run_program(r, c->run[0], &text, &e) < 0) {
		cannot_ask(it, "internal", e.text);
		return;
	}
	int64_t left = temporal(it) ? window_end(it) - loop_now_ms(l) : c->timeout_ms;
	_cleanup_(strv_freep) char **env =
		run_environment(r, service, it, r->phase < 0 ? "main" : r->lab->phases[r->phase].id,
			loop_wall_ms(l) + MAX(left, (int64_t)0));
	struct runner *runner = crew_runner(r->g, s, service);
	runner_run(runner,
		&(struct program){buf_str(&text), text.len, c->run + 1, env, c->timeout_ms},
		program_done, it);
}

/* --- by steps --- */

static void replayed(struct item *it)
{
	it->run->replay = NULL;
	observed(it);
}

/* --- by the engine --- */

static void looked(void *arg, const struct container_state *c)
{
	struct item *it = arg;
	struct run *r = it->run;
	struct session *s = sessions_by_id(r->g->m, r->session);
	const char *container = s ? session_container(s, it->check->in, NULL) : NULL;
	char text[160];

	judgement_done(&it->j);
	it->ms = loop_now_ms(sessions_loop(r->g->m)) - it->asked_ms;
	if (c->err.code != 0 && c->err.code != ERR_NOT_FOUND) {
		judge_error(&it->j, "engine_unreachable", c->err.text);
	} else {
		bool same = container && str_same(container, r->fenced[it->check->in].container);
		bool before = c->err.code == 0 && c->running && c->started_wall_ms <= r->fence_ms;

		(void)snprintf(text, sizeof(text),
			"{\"same_container\":%s,\"running\":%s,\"started_ms\":%" PRId64
			",\"fence_ms\":%" PRId64 "}",
			same ? "true" : "false", c->running ? "true" : "false", c->started_wall_ms,
			r->fence_ms);
		str_set(&it->evidence, text);
		it->j = (struct judgement){.verdict = same && before ? VERDICT_PASS : VERDICT_FAIL,
			.n = same && before,
			.d = 1};
	}
	observed(it);
}

static void ask_container(struct run *r, struct session *s, struct item *it)
{
	const char *container = session_container(s, it->check->in, NULL);

	if (!container) {
		it->j = (struct judgement){.verdict = VERDICT_FAIL, .n = 0, .d = 1};
		it->state = ITEM_WAITING;
		item_decide(it);
		return;
	}
	container_inspect(sessions_engine(r->g->m), container, false, looked, it);
}

void item_ask(struct run *r, struct item *it)
{
	struct session *s = sessions_by_id(r->g->m, r->session);

	if (!s) {
		cannot_ask(it, "session_dead", "the session is gone");
		return;
	}
	if (r->broken[it->check->in]) {
		judgement_done(&it->j);
		it->j = (struct judgement){.verdict = VERDICT_FAIL,
			.text = xstrdup(r->broken_why[it->check->in]),
			.n = 0,
			.d = 1};
		item_decide(it);
		return;
	}
	it->state = ITEM_ASKING;
	it->asked_ms = loop_now_ms(sessions_loop(r->g->m));
	if (it->check->type == CHECK_CONTAINER)
		ask_container(r, s, it);
	else if (it->check->vantage == VANTAGE_REPLAY)
		r->replay = replay_start(r, it, replayed);
	else
		ask_program(r, s, it);
}
