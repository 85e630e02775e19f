/* proof_judge.c - what the answers of a sandbox show. */
#include "cmd/lab/proof.h"

#include <inttypes.h>

/* --- cases --- */

void proof_case(struct proof *p, enum proof_step step, const char *name, enum proof_outcome o,
	char *text, char *fix, int64_t ms)
{
	struct proof_case *c = NULL;

	for (size_t i = 0; !c && i < p->n_cases; i++)
		if (p->cases[i].step == step && streq(p->cases[i].name, name))
			c = &p->cases[i];
	if (!c) {
		ARRAY_GROW(p->cases, p->n_cases, p->cap_cases);
		c = &p->cases[p->n_cases++];
		*c = (struct proof_case){.step = step, .name = xstrdup(name)};
	}
	c->ms += ms;
	p->latest = MAX(p->latest, o);
	if (o <= c->outcome) {
		free(text);
		free(fix);
		return;
	}
	free(c->text);
	free(c->fix);
	c->text = text;
	c->fix = fix;
	c->outcome = o;
}

enum proof_outcome step_outcome(const struct proof *p, enum proof_step step)
{
	enum proof_outcome worst = PROOF_OK;

	for (size_t i = 0; i < p->n_cases; i++)
		if (p->cases[i].step == step)
			worst = MAX(worst, p->cases[i].outcome);
	return worst;
}

enum proof_outcome proof_outcome(const struct proof *p)
{
	enum proof_outcome worst = PROOF_OK;

	for (size_t i = 0; i < p->n_cases; i++)
		worst = MAX(worst, p->cases[i].outcome);
	return worst;
}

int proof_exit(const struct proof *p)
{
	static const int codes[] = {0, 0, 1, 5, 4};

	if (step_outcome(p, STEP_LINT) == PROOF_FAIL)
		return err_exit(ERR_INVALID);
	return codes[proof_outcome(p)];
}

void proof_done(struct proof *p)
{
	for (size_t i = 0; i < p->n_cheats; i++) {
		free(p->cheats[i].name);
		free(p->cheats[i].check);
		strv_free(p->cheats[i].after);
	}
	free(p->cheats);
	for (size_t i = 0; i < p->n_boxes; i++) {
		for (size_t k = 0; k < p->boxes[i]->n; k++) {
			free(p->boxes[i]->acts[k].word);
			json_free(p->boxes[i]->acts[k].answer);
		}
		free(p->boxes[i]->acts);
		free(p->boxes[i]->name);
		free(p->boxes[i]);
	}
	free(p->boxes);
	for (size_t i = 0; i < p->n_cases; i++) {
		free(p->cases[i].name);
		free(p->cases[i].text);
		free(p->cases[i].fix);
	}
	free(p->cases);
	for (size_t i = 0; i < STEP_COUNT_; i++)
		free(p->notes[i]);
	free(p->tier);
	free(p->only);
	free(p->task);
	free(p->canary);
	free(p->engine);
}

/* --- verdicts --- */

static const struct lab_check *check_named(const struct lab *l, const char *name, int *ret_task)
{
	for (size_t t = 0; t < l->n_tasks; t++)
		for (size_t i = 0; i < l->tasks[t].n_checks; i++)
			if (streq(l->tasks[t].checks[i].name, name)) {
				*ret_task = (int)t;
				return &l->tasks[t].checks[i];
			}
	return NULL;
}

static const char *word_of(const struct json *r, const char *key)
{
	return json_str_or(json_get(r, key), "");
}

static const char *verdict(const struct json *r)
{
	return word_of(r, "verdict");
}

/* A verdict that says nothing about the work. */
static enum proof_outcome trouble(const struct json *r)
{
	return streq(verdict(r), "error")     ? PROOF_ERROR
	       : streq(verdict(r), "timeout") ? PROOF_TIMEOUT
					      : PROOF_OK;
}

static char *said(const struct json *r, const char *lead)
{
	const char *text = word_of(r, "message"), *why = word_of(r, "reason");

	return strf("%s%s%s", lead, *text || *why ? ": " : "", *text ? text : why);
}

static char *trouble_text(const struct json *r)
{
	return said(r, streq(verdict(r), "error") ? "it could not judge" : "its time was over");
}

static const char TROUBLE_FIX[] =
	"let it answer pass or fail within its time, whatever state the lab is in";

/* --- a lab that nobody has worked in --- */

static void judge_pristine(struct proof *p, enum proof_step step, const struct json *run)
{
	const struct json *r;

	json_for_each (r, json_get(run, "checks")) {
		const char *name = word_of(r, "check"), *reason = word_of(r, "reason");
		int64_t ms = json_int(json_get(r, "duration_ms"), 0);
		enum proof_outcome o = trouble(r);

		if (json_int(json_get(r, "max_m"), 0) == 0)
			continue;
		if (o != PROOF_OK)
			proof_case(p, step, name, o, trouble_text(r), xstrdup(TROUBLE_FIX), ms);
		else if (streq(verdict(r), "pass"))
			proof_case(p, step, name, PROOF_FAIL,
				xstrdup("it passes in a lab that nobody has worked in"),
				xstrdup("let it see the work; what says that nothing happened "
					"needs a check that shows work"),
				ms);
		else if (streq(verdict(r), "skipped") && !streq(reason, "needs") &&
			 !streq(reason, "phase"))
			proof_case(
				p, step, name, PROOF_ERROR, said(r, "it was not judged"), NULL, ms);
		else
			proof_case(p, step, name, PROOF_OK, NULL, NULL, ms);
	}
	int64_t earned = json_int(json_path(run, "grade.earned_m"), 0);
	if (earned)
		proof_case(p, step, "score", PROOF_FAIL,
			strf("a lab that nobody has worked in earns %" PRId64 " of %" PRId64
			     " milli-points",
				earned, json_int(json_path(run, "grade.max_m"), 0)),
			xstrdup("let no check pass there that carries points"), 0);
}

/* --- a lab that is solved --- */

/* What is missing, or NULL; a check may also pass with a part of its points. */
static char *unsolved(const struct json *r)
{
	int64_t max_m = json_int(json_get(r, "max_m"), 0),
		earned_m = json_int(json_get(r, "earned_m"), max_m);

	if (!streq(verdict(r), "pass"))
		return said(r, streq(verdict(r), "skipped")
				       ? "it is skipped although all solutions were applied"
				       : "it fails although all solutions were applied");
	return earned_m == max_m ? NULL
				 : strf("it passes with %" PRId64 " of %" PRId64
					" milli-points although all solutions were applied",
					   earned_m, max_m);
}

static void judge_solved(
	struct proof *p, enum proof_step step, const struct box *b, const struct json *run)
{
	const struct json *r;

	json_for_each (r, json_get(run, "checks")) {
		_cleanup_free_ char *name = strf("%s %s", b->name, word_of(r, "check"));
		int64_t ms = json_int(json_get(r, "duration_ms"), 0);
		enum proof_outcome o = trouble(r);
		char *why = o == PROOF_OK ? unsolved(r) : trouble_text(r);

		p->judged++;
		p->false_fails += why != NULL;
		if (!why)
			proof_case(p, step, name, PROOF_OK, NULL, NULL, ms);
		else if (o != PROOF_OK)
			proof_case(p, step, name, o, why, xstrdup(TROUBLE_FIX), ms);
		else
			proof_case(p, step, name, PROOF_FAIL, why,
				strf("see what solution/%s.sh leaves undone, or what the check "
				     "asks beyond the task",
					word_of(r, "task")),
				ms);
	}
	if (json_get(run, "grade"))
		p->grade_ms = MAX(p->grade_ms, json_int(json_get(run, "took_ms"), 0));
}

/* The slowest check, and how much of its time it took. */
static void note_slowest(struct proof *p, const struct json *run)
{
	const struct json *r;
	int64_t most = 0;
	int task;

	json_for_each (r, json_get(run, "checks")) {
		const struct lab_check *c = check_named(p->lab, word_of(r, "check"), &task);
		int64_t ms = json_int(json_get(r, "duration_ms"), 0);

		if (!c || ms <= most)
			continue;
		most = ms;
		_cleanup_free_ char *took = xstrdup(str_human_ms(ms)),
				    *of = xstrdup(str_human_ms(c->timeout_ms));
		free(p->notes[STEP_REPEAT]);
		p->notes[STEP_REPEAT] = strf("slowest %s %s of %s%s", c->name, took, of,
			ms * 2 > c->timeout_ms ? ": more than half of its time" : "");
	}
}

/* --- a lab without one solution --- */

/* What a task or check is, when the solution of `out` is missing. */
enum tie { TIE_NONE, TIE_EITHER, TIE_SKIPPED };

static enum tie task_tie(const struct lab *l, int task, int out, size_t depth);

static enum tie check_tie(const struct lab *l, const struct lab_check *c, int out, size_t depth)
{
	enum tie tie = TIE_NONE;

	for (size_t i = 0; i < c->n_needs && depth <= l->n_tasks; i++) {
		const struct lab_need *n = &c->needs[i];
		enum tie of = n->task == out ? TIE_SKIPPED : task_tie(l, n->task, out, depth + 1);

		if (n->check >= 0 && n->task != out)
			of = MAX(of,
				check_tie(l, &l->tasks[n->task].checks[n->check], out, depth + 1));
		tie = MAX(tie, of);
	}
	return tie;
}

static enum tie task_tie(const struct lab *l, int task, int out, size_t depth)
{
	const struct lab_task *t = &l->tasks[task];
	enum tie tie = TIE_NONE;

	for (size_t i = 0; i < t->n_affected_by; i++)
		if (t->affected_by[i] == out)
			tie = TIE_EITHER;
	for (size_t i = 0; i < t->n_needs && depth <= l->n_tasks; i++)
		tie = MAX(tie, t->needs[i] == out ? TIE_SKIPPED
						  : task_tie(l, t->needs[i], out, depth + 1));
	return tie;
}

/* The checks of the task itself: none with points may pass. */
static void judge_missing(struct proof *p, const struct box *b, const struct json *r)
{
	const char *task = p->lab->tasks[b->left_out].id;
	enum proof_outcome o = streq(verdict(r), "error") ? PROOF_ERROR : PROOF_OK;

	if (o == PROOF_ERROR)
		proof_case(p, STEP_LEAVE_OUT, task, o, said(r, word_of(r, "check")),
			xstrdup(TROUBLE_FIX), 0);
	else if (streq(verdict(r), "pass") && json_int(json_get(r, "max_m"), 0) > 0)
		proof_case(p, STEP_LEAVE_OUT, task, PROOF_FAIL,
			strf("%s passes without solution/%s.sh", word_of(r, "check"), task),
			strf("let %s see the work of this task, or move what solves it into "
			     "solution/%s.sh",
				word_of(r, "check"), task),
			0);
}

/* A check of another task: it passes, unless it is tied to the one that was left out. */
static void judge_other(struct proof *p, const struct box *b, const struct json *r,
	const struct lab_check *c, int task)
{
	const struct lab *l = p->lab;
	const char *out = l->tasks[b->left_out].id;
	enum tie tie = MAX(task_tie(l, task, b->left_out, 0), check_tie(l, c, b->left_out, 0));
	bool pass = streq(verdict(r), "pass"), skipped = streq(verdict(r), "skipped");

	if (streq(verdict(r), "error"))
		proof_case(p, STEP_LEAVE_OUT, out, PROOF_ERROR, said(r, c->name),
			xstrdup(TROUBLE_FIX), 0);
	else if (tie == TIE_NONE && !pass)
		proof_case(p, STEP_LEAVE_OUT, out, PROOF_FAIL,
			strf("without '%s', %s %s, too", out, c->name,
				skipped ? "is skipped" : "fails"),
			strf("declare 'needs: [%s]' or 'affected_by: [%s]' on task %s, or make %s "
			     "independent",
				out, out, l->tasks[task].id, c->name),
			0);
	else if (tie == TIE_SKIPPED && !skipped)
		proof_case(p, STEP_LEAVE_OUT, out, PROOF_FAIL,
			strf("without '%s', %s is judged (%s), although its task needs it", out,
				c->name, verdict(r)),
			strf("take '%s' out of its 'needs', or let %s fail without it", out, out),
			0);
}

static void judge_leave_out(struct proof *p, const struct box *b, const struct json *run)
{
	const char *out = p->lab->tasks[b->left_out].id;
	const struct json *r;
	int task;

	proof_case(p, STEP_LEAVE_OUT, out, PROOF_OK, NULL, NULL,
		json_int(json_get(run, "took_ms"), 0));
	json_for_each (r, json_get(run, "checks")) {
		const struct lab_check *c = check_named(p->lab, word_of(r, "check"), &task);

		if (c && task == b->left_out)
			judge_missing(p, b, r);
		else if (c)
			judge_other(p, b, r, c, task);
	}
}

/* --- cheats --- */

static void judge_cheat(struct proof *p, const struct box *b, const struct json *run)
{
	const struct cheat *c = b->cheat;
	int64_t ms = json_int(json_get(run, "took_ms"), 0);
	const struct json *r, *found = NULL;

	json_for_each (r, json_get(run, "checks"))
		if (streq(word_of(r, "check"), c->check))
			found = r;
	const char *v = verdict(found);
	if (streq(v, "fail") || streq(v, "timeout"))
		proof_case(p, STEP_CHEATS, c->name, PROOF_OK, NULL, NULL, ms);
	else if (streq(v, "pass"))
		proof_case(p, STEP_CHEATS, c->name, PROOF_FAIL,
			strf("%s passes: it does not see the cheat", c->check),
			strf("let %s ask for what cheats/%s.sh leaves out", c->check, c->name), ms);
	else if (streq(v, "skipped"))
		proof_case(p, STEP_CHEATS, c->name, PROOF_FAIL,
			said(found, "its check was skipped, so nothing is shown"),
			strf("name the tasks that are solved before in '# after:' of cheats/%s.sh",
				c->name),
			ms);
	else
		proof_case(p, STEP_CHEATS, c->name, PROOF_ERROR, said(found, c->check),
			xstrdup(TROUBLE_FIX), ms);
}

/* --- acts --- */

static void judge_start(struct proof *p, const struct act *a)
{
	int64_t took = json_int(json_path(a->answer, "session.startup.took_ms"), 0),
		images = MAX(json_int(json_get(a->answer, "ms"), 0) - took, (int64_t)0);
	_cleanup_free_ char *ready = xstrdup(str_human_ms(took)),
			    *of = xstrdup(str_human_ms(p->lab->startup_ms)),
			    *made = xstrdup(str_human_ms(images));

	free(p->notes[STEP_BUILD]);
	p->notes[STEP_BUILD] = strf("images in %s, ready in %s of %s%s", made, ready, of,
		took * 2 > p->lab->startup_ms ? ": more than half of it" : "");
	proof_case(p, STEP_BUILD, "start", PROOF_OK, NULL, NULL, took + images);
}

/* The name of what an act of this box is about, for cases that are not about a check. */
static char *subject(const struct proof *p, const struct box *b, const struct act *a)
{
	if (a->step == STEP_LEAVE_OUT)
		return xstrdup(p->lab->tasks[b->left_out].id);
	return a->step == STEP_CHEATS ? xstrdup(b->cheat->name) : strf("%s %s", b->name, a->word);
}

static void judge_program(struct proof *p, const struct box *b, const struct act *a)
{
	int64_t status = json_int(json_get(a->answer, "exit"), 0);
	_cleanup_free_ char *name = subject(p, b, a);
	const char *file = a->word + strlen("run:"), *last = word_of(a->answer, "output");
	char *fix = b->left_out >= 0
			    ? strf("declare 'needs' or 'affected_by: [%s]' on its task, or let it "
				   "work alone",
				      p->lab->tasks[b->left_out].id)
			    : strf("let it end with 0 when it has done its work");

	if (status == 0 || str_starts(a->word, "try:"))
		free(fix);
	else
		proof_case(p, a->step, name, PROOF_FAIL,
			strf("%s%s%s%s ended with %" PRId64 "%s%s",
				b->left_out >= 0 ? "without '" : "",
				b->left_out >= 0 ? p->lab->tasks[b->left_out].id : "",
				b->left_out >= 0 ? "', " : "", file, status, *last ? ": " : "",
				last),
			fix, 0);
}

static void judge_run(struct proof *p, const struct box *b, const struct act *a)
{
	const struct json *run = json_get(a->answer, "run");

	if (a->step == STEP_PRISTINE || a->step == STEP_RESET)
		judge_pristine(p, a->step, run);
	else if (a->step == STEP_LEAVE_OUT)
		judge_leave_out(p, b, run);
	else if (a->step == STEP_CHEATS)
		judge_cheat(p, b, run);
	else
		judge_solved(p, a->step, b, run);
	if (a->step == STEP_REPEAT)
		note_slowest(p, run);
}

/*
 * Why a search shows nothing, or NULL; the caller owns it. With -s, grep ends with 2 and no word
 * for what it may not read (a file that went away, a process of somebody else): the rest counts.
 * With a word it has not looked: it is a grep without that option, or has no memory left.
 */
static char *blind(const struct json *place)
{
	int64_t status = json_int(json_get(place, "status"), 0);
	const char *said = word_of(place, "said");

	if (status < 2 || (status == 2 && !*said))
		return NULL;
	return *said ? xstrdup(said) : strf("grep ended with %" PRId64, status);
}

static void judge_hidden(struct proof *p, const struct act *a)
{
	const struct json *place;

	json_for_each (place, json_get(a->answer, "places")) {
		const char *name = word_of(place, "place"),
			   *found = json_str(json_get(place, "found"));
		_cleanup_free_ char *why = blind(place);

		if (found)
			proof_case(p, STEP_HIDDEN, name, PROOF_FAIL,
				strf("the text of a check or a solution is in %s", found),
				xstrdup("keep checks/, solution/ and cheats/ out of images, "
					"volumes, "
					"output and environment"),
				0);
		else if (why)
			proof_case(p, STEP_HIDDEN, name, PROOF_ERROR,
				strf("cannot be searched: %s", why),
				xstrdup("put GNU grep into the image, or look by hand"), 0);
		else
			proof_case(p, STEP_HIDDEN, name, PROOF_OK, NULL, NULL, 0);
	}
}

/* It could not be done. */
static void judge_broken(
	struct proof *p, const struct box *b, const struct act *a, const struct json *error)
{
	_cleanup_free_ char *name = subject(p, b, a);
	int code = err_from_kind(word_of(error, "kind"));

	proof_case(p, a->step, name, code == ERR_TIMEOUT ? PROOF_TIMEOUT : PROOF_ERROR,
		strf("%s: %s", b->name, word_of(error, "text")), NULL, 0);
}

static void judge_act(struct proof *p, const struct box *b, const struct act *a)
{
	const struct json *error = json_get(a->answer, "error");

	p->step_ms[a->step] += json_int(json_get(a->answer, "ms"), 0);
	if (json_type(error) == JSON_OBJECT)
		judge_broken(p, b, a, error);
	else if (a->step == STEP_BUILD && streq(a->word, "start"))
		judge_start(p, a);
	else if (json_get(a->answer, "exit"))
		judge_program(p, b, a);
	else if (json_get(a->answer, "run"))
		judge_run(p, b, a);
	else if (json_get(a->answer, "places"))
		judge_hidden(p, a);
}

/* Has it cases, and all of them good? */
static bool looks_proven(const struct proof *p, enum proof_step step)
{
	for (size_t i = 0; i < p->n_cases; i++)
		if (p->cases[i].step == step)
			return step_outcome(p, step) == PROOF_OK;
	return false;
}

/* What it did not come to, where the rest of the step would pass for the whole. */
static void judge_left(struct proof *p, const struct box *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct act *a = &b->acts[i];
		bool done = a->answer && !json_get(a->answer, "left");

		if (done || streq(a->word, "discard") || !looks_proven(p, a->step))
			continue;
		_cleanup_free_ char *name = subject(p, b, a);
		proof_case(p, a->step, name, PROOF_SKIPPED,
			xstrdup("not tried: what comes before it could not be done"), NULL, 0);
	}
}

bool judge_box(struct proof *p, struct box *b)
{
	p->latest = PROOF_OK;
	for (size_t i = 0; i < b->n; i++)
		if (b->acts[i].answer)
			judge_act(p, b, &b->acts[i]);
	judge_left(p, b);
	b->judged = true;
	return p->latest <= PROOF_SKIPPED;
}

/* --- all sandboxes together --- */

static bool ended(const struct json *run, const char *check, const char *word)
{
	const struct json *r;

	json_for_each (r, json_get(run, "checks"))
		if (streq(word_of(r, "check"), check) && streq(verdict(r), word))
			return true;
	return false;
}

/* Did the check end with this verdict, in that step (or any: STEP_COUNT_)? */
static bool seen(const struct proof *p, enum proof_step step, const char *check, const char *word)
{
	for (size_t i = 0; i < p->n_boxes; i++)
		for (size_t k = 0; k < p->boxes[i]->n; k++) {
			const struct act *a = &p->boxes[i]->acts[k];

			if ((step == STEP_COUNT_ || a->step == step) &&
				ended(json_get(a->answer, "run"), check, word))
				return true;
		}
	return false;
}

void judge_whole(struct proof *p)
{
	struct buf names = BUF(16 << 10);
	const struct lab *l = p->lab;

	if (!p->wanted[STEP_LEAVE_OUT] || !p->wanted[STEP_CHEATS] || p->task ||
		step_outcome(p, STEP_SOLVE) != PROOF_OK)
		return;
	for (size_t t = 0; t < l->n_tasks; t++)
		for (size_t i = 0; i < l->tasks[t].n_checks; i++) {
			const struct lab_check *c = &l->tasks[t].checks[i];

			if (c->max_m == 0 && seen(p, STEP_PRISTINE, c->name, "pass") &&
				!seen(p, STEP_COUNT_, c->name, "fail"))
				(void)buf_addf(&names, "%s%s", names.len ? ", " : "", c->name);
		}
	if (names.len)
		p->notes[STEP_PRISTINE] =
			strf("without points and never seen to fail: %s", buf_str(&names));
	buf_done(&names);
}
