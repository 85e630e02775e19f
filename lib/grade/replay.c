/*
 * replay.c - the steps of a replay check, and the files that they hand on.
 *
 * A step beside a learner's work has a container of its own: wanted for it, fed, asked, frozen,
 * read, thrown away. A step of the grading side runs where its other programs run. What a step
 * gives is read as a stranger's (haul.c), kept in memory, and put into the next that takes it;
 * labd looks into none of it.
 *
 * One wait at a time: for the container, for files on their way in, for the program, for the
 * container to stand still, for a file on its way out. Its end calls the next.
 */
#include "grade/impl.h"

#include "codec/json.h"
#include "content/tar.h"

#define MAX_FILE  (16 << 20)
#define MAX_FILES (32 << 20) /* of one check together: on their way they are there thrice */

struct passed_file {
	char *name;
	struct buf bytes;
};

/* How a step ended: what steps.json says of it. */
struct outcome {
	bool known; /* the runner could tell */
	int exit;
	int64_t ms;
	bool timed_out, too_long;
	const char **missing; /* per name of gives: why it is not there; NULL = it is */
};

struct replay {
	struct run *run;
	struct item *item;
	const struct lab_check *check;
	size_t at; /* step */
	struct outcome *outcomes;
	struct passed_file *files;
	size_t n_files;
	int64_t bytes;          /* of all files */
	struct runner *runner;  /* in a container of its own */
	bool wanted, frozen;    /* that container */
	int puts;
	struct haul *haul;
	size_t giving;          /* which of gives */
	struct passed_file incoming;
	bool canceled, over;
	struct err err;         /* of puts, and of a stream that broke */
	void (*done)(struct item *it);
};

static void begin(struct replay *p);
static void give_next(struct replay *p);

bool replays_capture(const struct lab *l, const struct lab_check *c)
{
	return c->vantage == VANTAGE_REPLAY && lab_capture(l, c->in);
}

static const struct lab_step *step_of(const struct replay *p)
{
	return &p->check->steps[p->at];
}

static bool beside_work(const struct replay *p)
{
	return p->run->lab->services[step_of(p)->by].when == WHEN_REPLAY;
}

static struct session *session_of(const struct replay *p)
{
	return sessions_by_id(p->run->g->m, p->run->session);
}

static struct loop *loop_of(const struct replay *p)
{
	return sessions_loop(p->run->g->m);
}

/* --- ends --- */

static void outcomes_free(struct replay *p)
{
	for (size_t i = 0; i < p->check->n_steps; i++)
		free(p->outcomes[i].missing);
	free(p->outcomes);
}

static void finished(void *arg)
{
	struct replay *p = arg;
	struct item *it = p->item;
	void (*done)(struct item *) = p->done;

	for (size_t i = 0; i < p->n_files; i++) {
		free(p->files[i].name);
		buf_done(&p->files[i].bytes);
	}
	buf_done(&p->incoming.bytes);
	free(p->files);
	outcomes_free(p);
	free(p);
	done(it);
}

/* The container of this step goes, with whatever still runs in it. */
static void leave(struct replay *p)
{
	struct session *s = session_of(p);
	int by = step_of(p)->by;
	bool frozen = p->frozen, wanted = p->wanted;

	p->frozen = p->wanted = false;
	runner_close(TAKE(p->runner));
	if (s && wanted)
		session_unwant(s, by);
	if (s && frozen)
		session_thaw(s, &by, 1, NULL, NULL);
}

/* The item's judgement is the check's. */
static void end(struct replay *p)
{
	if (p->over)
		return;
	p->over = true;
	leave(p);
	loop_defer(loop_of(p), finished, p);
}

static void end_error(struct replay *p, const char *reason, const char *text)
{
	judge_error(&p->item->j, reason, text);
	end(p);
}

/* Is there no reason to go on? Then it has ended. */
static bool stopped(struct replay *p)
{
	if (p->over)
		return true;
	if (!p->canceled && session_of(p))
		return false;
	end_error(p, "session_dead", "the run was stopped");
	return true;
}

/* Say which step it was, where the text is ours. */
static void name_step(struct replay *p)
{
	struct judgement *j = &p->item->j;

	if (p->check->n_steps < 2 || !j->text)
		return;
	char *text = strf("step %zu (%s in '%s'): %s", p->at + 1, step_of(p)->run[0],
		p->run->lab->services[step_of(p)->by].name, j->text);
	free(j->text);
	j->text = text;
}

/* --- files that came --- */

static struct passed_file *find_file(struct replay *p, const char *name)
{
	for (size_t i = 0; i < p->n_files; i++)
		if (streq(p->files[i].name, name))
			return &p->files[i];
	return NULL;
}

/* --- in: takes, steps.json, captured files --- */

static void put_outcome(struct replay *p, size_t i, struct json_writer *w)
{
	const struct lab_step *s = &p->check->steps[i];
	const struct outcome *o = &p->outcomes[i];

	json_object(w, NULL);
	json_put_int(w, "step", (int64_t)i + 1);
	json_put_str(w, "by", p->run->lab->services[s->by].name);
	if (o->known)
		json_put_int(w, "exit", o->exit);
	else
		json_put_null(w, "exit");
	json_put_int(w, "ms", o->ms);
	json_put_bool(w, "timed_out", o->timed_out);
	json_put_bool(w, "too_long", o->too_long);
	json_array(w, "gives");
	for (size_t k = 0; s->gives && s->gives[k]; k++)
		if (!o->missing[k])
			json_put_str(w, NULL, s->gives[k]);
	json_end(w);
	json_object(w, "missing");
	for (size_t k = 0; s->gives && s->gives[k]; k++)
		if (o->missing[k])
			json_put_str(w, s->gives[k], o->missing[k]);
	json_end(w);
	json_end(w);
}

static void add_outcomes(struct replay *p, struct tar_plan *t)
{
	_cleanup_buf_ struct buf text = BUF(64 << 10);
	struct json_writer w;

	json_begin(&w, &text, false);
	json_array(&w, NULL);
	for (size_t i = 0; i < p->at; i++)
		put_outcome(p, i, &w);
	json_end(&w);
	tar_add_file(t, "step/takes/steps.json", text.data, text.len, 0644, 0, 0);
}

/* Whoever the program runs as may write gives, and remove takes. */
static int plan_step(struct replay *p, struct buf *tar, struct err *e)
{
	_cleanup_(tar_plan_freep) struct tar_plan *t = tar_plan_new();
	char **name;

	tar_add_dir(t, "step", 0777, 0, 0);
	tar_add_dir(t, "step/takes", 0777, 0, 0);
	tar_add_dir(t, "step/gives", 0777, 0, 0);
	for (name = step_of(p)->takes; name && *name; name++) {
		_cleanup_free_ char *as = strf("step/takes/%s", *name);
		const struct passed_file *f = find_file(p, *name);

		if (f)
			tar_add_file(t, as, f->bytes.data, f->bytes.len, 0644, 0, 0);
	}
	if (p->at)
		add_outcomes(p, t);
	return tar_plan_write(t, tar, e);
}

static void ran(void *arg, const struct program_result *res);

static void ask(struct replay *p)
{
	struct run *r = p->run;
	struct session *s = session_of(p);
	const struct lab_step *step = step_of(p);
	_cleanup_buf_ struct buf text = BUF(256 << 10);
	struct err e = ERR_NONE;

	if (run_program(r, step->run[0], &text, &e) < 0) {
		end_error(p, "internal", e.text);
		return;
	}
	_cleanup_(strv_freep) char **env = run_environment(r, step->by, p->item,
		r->phase < 0 ? "main" : r->lab->phases[r->phase].id,
		loop_wall_ms(loop_of(p)) + p->check->timeout_ms);
	if (beside_work(p))
		p->runner = runner_open(r->g->m, r->session, step->by);
	if (p->runner && runner_broken(p->runner)) { /* before anything of a stranger ran */
		end_error(p, "not_ready", "the container of the step does not run");
		return;
	}
	runner_run(p->runner ? p->runner : crew_runner(r->g, s, step->by),
		&(struct program){
			buf_str(&text), text.len, step->run + 1, env, p->check->timeout_ms},
		ran, p);
}

static void put_done(void *arg, const struct engine_result *res)
{
	struct replay *p = arg;

	if (res->outcome != ENGINE_DONE && p->err.code == 0)
		p->err = res->err;
	if (--p->puts || stopped(p))
		return;
	if (p->err.code != 0)
		end_error(p, "engine_unreachable", p->err.text);
	else
		ask(p);
}

static void feed(struct replay *p)
{
	struct session *s = session_of(p);
	_cleanup_buf_ struct buf tar = BUF(MAX_FILES + (1 << 20));
	const struct captured *fed = beside_work(p) && replays_capture(p->run->lab, p->check)
					     ? item_captured(p->item)
					     : NULL;
	struct err e = ERR_NONE;

	if (plan_step(p, &tar, &e) < 0) {
		end_error(p, "internal", e.text);
		return;
	}
	p->err = ERR_NONE;
	p->puts = fed ? 2 : 1;
	session_put(s, step_of(p)->by, "/lab", tar.data, tar.len, put_done, p);
	if (fed)
		session_put(s, step_of(p)->by, "/lab", fed->tar.data, fed->tar.len, put_done, p);
}

/* --- a place for the step --- */

static void ready(void *arg, struct session *s, const struct err *e)
{
	struct replay *p = arg;

	if (stopped(p))
		return;
	if (e->code != 0)
		end_error(p, "not_ready", e->text);
	else
		feed(p);
}

static void swept(void *arg, const struct program_result *res)
{
	struct replay *p = arg;

	if (stopped(p))
		return;
	if (res->err.code != 0 || res->exit != 0)
		end_error(p, "internal",
			res->err.code ? res->err.text : "the files of an earlier step do not go");
	else
		feed(p);
}

static void begin(struct replay *p)
{
	static const char sweep[] = "#!/bin/sh\nrm -rf /lab/step/takes /lab/step/gives\n";
	struct session *s = session_of(p);
	int by = step_of(p)->by;

	if (stopped(p))
		return;
	if (beside_work(p)) {
		p->wanted = true;
		session_want(s, by, ready, p);
		return;
	}
	_cleanup_(strv_freep) char **env =
		run_environment(p->run, by, NULL, "", loop_wall_ms(loop_of(p)) + SWEEP_MS);
	runner_run(crew_runner(p->run->g, s, by),
		&(struct program){sweep, strlen(sweep), NULL, env, SWEEP_MS}, swept, p);
}

static void next(struct replay *p)
{
	leave(p);
	p->at++;
	begin(p);
}

/* --- out: gives --- */

static int take_entry(void *arg, const struct fetch_entry *t, struct err *e)
{
	struct replay *p = arg;

	if (t->dir || t->link)
		return err_set(e, ERR_FORBIDDEN, "it is no plain file");
	if (p->bytes + (int64_t)t->size > MAX_FILES)
		return err_set(e, ERR_LIMIT, "too much");
	p->incoming.name = step_of(p)->gives[p->giving]; /* the mark that it came */
	return buf_add(&p->incoming.bytes, t->data, t->size);
}

/* Why a file is not there, or NULL: it is our side that failed. */
static const char *absence(const struct err *e)
{
	return e->code == ERR_NOT_FOUND ? "it is not there"
	       : e->code == ERR_LIMIT   ? "it is larger than 16 MiB, or all files of the check are "
					  "larger than 32 MiB together"
	       : e->code == ERR_FORBIDDEN ? "it is no plain file"
					  : NULL;
}

/* Not there, and this step may not fail: that is the verdict. */
static void end_missing(struct replay *p, const char *why)
{
	struct judgement *j = &p->item->j;

	judge_error(j, "cannot_judge", "");
	if (beside_work(p)) {
		j->verdict = VERDICT_FAIL;
		*j->reason = '\0';
	}
	free(j->text);
	j->text = strf("there is no file '%s' from it: %s", step_of(p)->gives[p->giving], why);
	name_step(p);
	end(p);
}

static void hauled(void *arg, const struct err *e)
{
	struct replay *p = arg;
	const char *why = NULL;

	p->haul = NULL;
	if (stopped(p))
		return;
	if (e->code != 0 && !(why = absence(e))) {
		end_error(p, "engine_unreachable", e->text);
		return;
	}
	if (e->code == 0 && !p->incoming.name)
		why = absence(&(struct err){.code = ERR_FORBIDDEN}); /* an archive of nothing */
	if (why && !step_of(p)->may_fail) {
		end_missing(p, why);
		return;
	}
	p->outcomes[p->at].missing[p->giving] = why;
	if (!why) {
		p->files = xrealloc_array(p->files, p->n_files + 1, sizeof(*p->files));
		p->files[p->n_files++] =
			(struct passed_file){xstrdup(p->incoming.name), p->incoming.bytes};
		p->bytes += (int64_t)p->incoming.bytes.len;
		p->incoming.bytes = (struct buf){0};
	}
	buf_done(&p->incoming.bytes);
	p->giving++;
	give_next(p);
}

static void give_next(struct replay *p)
{
	static const struct haul_ops ops = {.entry = take_entry, .done = hauled};
	static const struct fetch_limits limits = {
		.bytes = MAX_FILE, .entries = 2, .file = MAX_FILE};
	struct session *s = session_of(p);
	const struct lab_step *step = step_of(p);
	const char *container = session_container(s, step->by, NULL);

	if (!step->gives || !step->gives[p->giving]) {
		next(p);
		return;
	}
	if (!container) {
		end_error(p, "not_ready", "the container of the step is gone");
		return;
	}
	_cleanup_free_ char *path = strf("/lab/step/gives/%s", step->gives[p->giving]);
	p->incoming.name = NULL;
	buf_init(&p->incoming.bytes, MAX_FILE);
	p->haul = haul_path(p->run->g->m, container, path, &limits, &ops, p);
}

static void frozen(void *arg, struct session *s, const struct err *e)
{
	struct replay *p = arg;

	if (stopped(p))
		return;
	if (e->code != 0)
		end_error(p, "engine_unreachable", e->text);
	else
		give_next(p);
}

/* What a stranger left running must not change a file while it is read. */
static void give(struct replay *p)
{
	int by = step_of(p)->by;
	size_t n = strv_len(step_of(p)->gives);

	p->giving = 0;
	p->outcomes[p->at].missing = xcalloc(n + 1, sizeof(char *));
	if (!n || !beside_work(p)) {
		give_next(p);
		return;
	}
	runner_close(TAKE(p->runner));
	p->frozen = true;
	session_freeze(session_of(p), &by, 1, frozen, p);
}

/* --- what a program did --- */

static void keep_outcome(struct replay *p, const struct program_result *res)
{
	struct outcome *o = &p->outcomes[p->at];
	bool known = res->err.code == 0;

	o->known = known;
	o->exit = known ? res->exit : 0;
	o->timed_out = known ? res->timed_out : res->silent;
	o->too_long = known && res->too_long;
	o->ms = known ? MAX(res->ms, (int64_t)0) : 0;
	p->item->ms += o->ms;
	str_set(&p->item->evidence, known ? res->evidence : NULL);
	str_set(&p->item->errout, known ? res->errout : NULL);
}

static void decide(struct replay *p, const struct program_result *res)
{
	const struct lab_step *step = step_of(p);
	struct judgement *j = &p->item->j;
	bool spoke = res->err.code == 0 && !res->timed_out && !res->too_long && res->exit <= 2;
	bool passed = spoke && res->exit == 0;

	keep_outcome(p, res);
	if (beside_work(p))
		judge_work(j, res);
	else
		judge(j, res);
	bool ours = j->verdict == VERDICT_ERROR && res->err.code != 0;
	if (p->at + 1 < p->check->n_steps && (passed || (step->may_fail && !ours))) {
		judgement_done(j);
		give(p);
		return;
	}
	if (!spoke)
		name_step(p);
	end(p);
}

/* The stream broke: did the engine fail, or has somebody ended the whole container? */
static void looked(void *arg, const struct container_state *c)
{
	struct replay *p = arg;

	if (stopped(p))
		return;
	decide(p, &(struct program_result){
			  .err = p->err, .spoilt = c->err.code == 0 && !c->running});
}

static void ran(void *arg, const struct program_result *res)
{
	struct replay *p = arg;
	const char *container;

	if (stopped(p))
		return;
	container = session_container(session_of(p), step_of(p)->by, NULL);
	if (res->err.code == 0 || res->spoilt || res->silent || !container || !p->runner ||
		!runner_began(p->runner)) {
		decide(p, res);
		return;
	}
	p->err = res->err;
	container_inspect(sessions_engine(p->run->g->m), container, false, looked, p);
}

/* --- life --- */

static void start(void *arg)
{
	begin(arg);
}

struct replay *replay_start(struct run *r, struct item *it, void (*done)(struct item *it))
{
	struct replay *p = NEW(struct replay);

	p->run = r;
	p->item = it;
	p->check = it->check;
	p->done = done;
	p->outcomes = xcalloc(it->check->n_steps, sizeof(*p->outcomes));
	it->ms = 0;
	loop_defer(loop_of(p), start, p);
	return p;
}

void replay_cancel(struct replay *p)
{
	p->canceled = true;
	if (p->haul)
		haul_cancel(p->haul);
	else if (p->runner)
		runner_close(TAKE(p->runner)); /* its program ends with ERR_CANCELED */
	else if (p->wanted && !p->puts && session_of(p))
		leave(p); /* who waits for the container hears of it */
}
