/* proof_plan.c - which sandboxes a proof needs, and what is done in each. */
#include "base/fsutil.h"
#include "cmd/lab/proof.h"
#include "lab/program.h"

#include <dirent.h>

#define REPEAT 3
#define SHORT_GRADE_MS                                                                             \
	120000 /* `standard` also leaves out and cheats where a grade is this short */

/* --- steps --- */

static const char *const names[] = {"lint", "build", "pristine", "solve", "leave-out", "cheats",
	"repeat", "idempotent", "reset", "persist", "hidden"};

const char *step_name(enum proof_step s)
{
	return names[s];
}

bool step_parse(const char *word, enum proof_step *ret)
{
	for (size_t i = 0; i < STEP_COUNT_; i++)
		if (streq(word, names[i])) {
			*ret = (enum proof_step)i;
			return true;
		}
	return false;
}

/* Everything but lint stands on a lab that starts; these, on one that is solved. */
static void want_bases(struct proof *p)
{
	p->wanted[STEP_LINT] = true;
	for (int s = STEP_PRISTINE; s < STEP_COUNT_; s++)
		p->wanted[STEP_BUILD] |= p->wanted[s];
	p->wanted[STEP_SOLVE] |= p->wanted[STEP_REPEAT] || p->wanted[STEP_RESET] ||
				 p->wanted[STEP_PERSIST] || p->wanted[STEP_LEAVE_OUT] ||
				 p->wanted[STEP_IDEMPOTENT];
	p->wanted[STEP_PRISTINE] |= p->wanted[STEP_HIDDEN];
}

int plan_steps(struct proof *p, const char *tier, const char *only, struct err *e)
{
	static const int last[] = {STEP_SOLVE, STEP_CHEATS, STEP_HIDDEN};
	static const char *const tiers[] = {"smoke", "standard", "full"};
	enum proof_step one;
	size_t t = 0;

	while (t < ARRAY_SIZE(tiers) && !streq(tiers[t], tier))
		t++;
	if (t == ARRAY_SIZE(tiers))
		return err_set(e, ERR_USAGE, "'%s' is not a tier: smoke, standard or full", tier);
	if (only && !step_parse(only, &one))
		return err_set(e, ERR_USAGE,
			"'%s' is not a step: lint, build, pristine, solve, leave-out, cheats, "
			"repeat, idempotent, reset, persist or hidden",
			only);
	str_set(&p->tier, tier);
	str_set(&p->only, only);
	p->graded = t > 0 || only;
	for (int s = 0; s < STEP_COUNT_; s++)
		p->wanted[s] = only ? s == (int)one : s <= last[t];
	want_bases(p);
	if (p->seeds && !(p->graded && p->wanted[STEP_SOLVE]))
		return err_set(e, ERR_USAGE,
			"--seeds: no solution is graded here; take --tier standard or full");
	if (p->repeat && !p->wanted[STEP_REPEAT])
		return err_set(e, ERR_USAGE,
			"--repeat: nothing is repeated here; take --tier full, or --only repeat");
	if (!p->seeds)
		p->seeds = t == 2 ? MAX(p->lab->test_seeds, 1) : 1;
	if (!p->repeat)
		p->repeat = REPEAT;
	return 0;
}

/* --- cheats --- */

static bool about_task(const struct proof *p, const char *check)
{
	size_t n = p->task ? strlen(p->task) : 0;

	return !p->task || (strncmp(check, p->task, n) == 0 && check[n] == '/');
}

/* Lint has seen that its head is as it should be. */
static int read_cheat(struct proof *p, const char *folder, const char *file, struct err *e)
{
	_cleanup_free_ char *path = strf("%s/%s", folder, file);
	_cleanup_buf_ struct buf text = BUF(PROGRAM_MAX);
	int r = fs_read(path, &text, e);

	if (r < 0)
		return r;
	const char *second = strchr(buf_str(&text), '\n'), *head = second ? second + 1 : "";
	_cleanup_free_ char *check = program_header(head, "cheat"),
			    *after = program_header(head, "after");
	if (!check || !about_task(p, check))
		return 0;
	ARRAY_GROW(p->cheats, p->n_cheats, p->cap_cheats);
	p->cheats[p->n_cheats++] = (struct cheat){
		.name = xstrndup(file, strlen(file) - strlen(".sh")),
		.check = TAKE(check),
		.after = strv_split(after ? after : "", ' '),
	};
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int plan_cheats(struct proof *p, struct err *e)
{
	_cleanup_free_ char *folder = strf("%s/cheats", p->lab->root);
	_cleanup_(strv_freep) char **files = strv_new();
	DIR *d = opendir(folder);
	int r = 0;

	for (struct dirent *f; d && (f = readdir(d));)
		if (str_ends(f->d_name, ".sh"))
			strv_add(&files, f->d_name);
	if (d)
		closedir(d);
	qsort(files, strv_len(files), sizeof(*files), by_name);
	for (char **f = files; r == 0 && *f; f++)
		r = read_cheat(p, folder, *f, e);
	if (!p->n_cheats && p->wanted[STEP_CHEATS] && r == 0)
		proof_case(p, STEP_CHEATS, "cheats", PROOF_SKIPPED,
			xstrdup("there is no program in cheats/ to try"),
			xstrdup("write down each shortcut you know as cheats/NAME.sh"), 0);
	return r;
}

/* --- boxes --- */

static struct box *box_new(struct proof *p, char *name)
{
	struct box *b = NEW(struct box);

	*b = (struct box){.name = name, .left_out = -1};
	ARRAY_GROW(p->boxes, p->n_boxes, p->cap_boxes);
	p->boxes[p->n_boxes++] = b;
	return b;
}

static void act_take(struct box *b, enum proof_step step, char *word)
{
	ARRAY_GROW(b->acts, b->n, b->cap);
	b->acts[b->n++] = (struct act){step, word, NULL};
}

static void act(struct box *b, enum proof_step step, const char *word)
{
	act_take(b, step, xstrdup(word));
}

static void finish(const struct proof *p, struct box *b, enum proof_step step)
{
	if (!p->keep)
		act(b, step, "discard");
}

static bool has_quick(const struct lab_task *t)
{
	for (size_t i = 0; i < t->n_checks; i++)
		if (t->checks[i].quick && t->checks[i].phase < 0)
			return true;
	return false;
}

static bool leans(const struct lab *l, int task, int on, int depth)
{
	const struct lab_task *t = &l->tasks[task];

	if (task == on)
		return true;
	if (depth > (int)l->n_tasks)
		return false;
	for (size_t i = 0; i < t->n_needs; i++)
		if (leans(l, t->needs[i], on, depth + 1))
			return true;
	for (size_t i = 0; i < t->n_affected_by; i++)
		if (t->affected_by[i] == on)
			return true;
	return false;
}

/* Its own quick checks have to pass before what builds on it begins, as a learner would wait. */
static void act_settle(const struct lab *l, struct box *b, enum proof_step step, int task)
{
	if (has_quick(&l->tasks[task]))
		act_take(b, step, strf("settle:%s", l->tasks[task].id));
}

static void act_solve(const struct lab *l, struct box *b, enum proof_step step, int task, int times)
{
	bool may_fail = b->left_out >= 0 && leans(l, task, b->left_out, 0);

	if (task == b->left_out)
		return;
	for (int i = 0; i < times; i++)
		act_take(b, step,
			strf("%s:solution/%s.sh", may_fail ? "try" : "run", l->tasks[task].id));
	if (!may_fail)
		act_settle(l, b, step, task);
}

static void act_solve_all(const struct lab *l, struct box *b, enum proof_step step, int times)
{
	for (size_t t = 0; t < l->n_tasks; t++)
		act_solve(l, b, step, (int)t, times);
}

static void plan_pristine(struct proof *p)
{
	struct box *b = box_new(p, xstrdup("pristine"));

	act(b, STEP_BUILD, "start");
	if (p->wanted[STEP_PRISTINE])
		act(b, STEP_PRISTINE, "check");
	if (p->wanted[STEP_PRISTINE] && p->graded)
		act(b, STEP_PRISTINE, "grade");
	if (p->wanted[STEP_HIDDEN])
		act_take(b, STEP_HIDDEN, strf("hidden:%s", p->canary));
	finish(p, b, STEP_PRISTINE);
}

static void plan_again(const struct proof *p, struct box *b)
{
	act(b, STEP_PERSIST, "again");
	for (size_t t = 0; t < p->lab->n_tasks; t++)
		act_settle(p->lab, b, STEP_PERSIST, (int)t);
	act(b, STEP_PERSIST, "grade");
}

static void plan_solved(struct proof *p)
{
	struct box *b = box_new(p, xstrdup("seed 1"));

	act(b, p->n_boxes == 1 ? STEP_BUILD : STEP_SOLVE, "start");
	act_solve_all(p->lab, b, STEP_SOLVE, 1);
	act(b, STEP_SOLVE, "check");
	for (int i = 0; p->wanted[STEP_REPEAT] && i < p->repeat; i++)
		act(b, STEP_REPEAT, "check");
	if (p->graded)
		act(b, STEP_SOLVE, "grade");
	if (p->wanted[STEP_PERSIST])
		plan_again(p, b);
	if (p->wanted[STEP_RESET]) {
		act(b, STEP_RESET, "reset");
		act(b, STEP_RESET, "check");
	}
	finish(p, b, STEP_SOLVE);
}

void plan_first(struct proof *p)
{
	if (p->wanted[STEP_PRISTINE] || (p->wanted[STEP_BUILD] && !p->wanted[STEP_SOLVE]))
		plan_pristine(p);
	if (p->wanted[STEP_SOLVE])
		plan_solved(p);
}

static void plan_graded(struct proof *p, struct box *b, enum proof_step step)
{
	act(b, step, "grade");
	finish(p, b, step);
}

static void plan_leave_out(struct proof *p, int task)
{
	struct box *b = box_new(p, strf("without %s", p->lab->tasks[task].id));

	b->left_out = task;
	act(b, STEP_LEAVE_OUT, "start");
	act_solve_all(p->lab, b, STEP_LEAVE_OUT, 1);
	plan_graded(p, b, STEP_LEAVE_OUT);
}

static void plan_cheat(struct proof *p, const struct cheat *c)
{
	struct box *b = box_new(p, strf("cheat %s", c->name));

	b->cheat = c;
	act(b, STEP_CHEATS, "start");
	for (size_t t = 0; t < p->lab->n_tasks; t++)
		if (strv_has(c->after, p->lab->tasks[t].id))
			act_solve(p->lab, b, STEP_CHEATS, (int)t, 1);
	act_take(b, STEP_CHEATS, strf("run:cheats/%s.sh", c->name));
	plan_graded(p, b, STEP_CHEATS);
}

static void plan_more_seeds(struct proof *p)
{
	for (int i = 2; i <= p->seeds; i++) {
		struct box *b = box_new(p, strf("seed %d", i));

		act(b, STEP_SOLVE, "start");
		act_solve_all(p->lab, b, STEP_SOLVE, 1);
		plan_graded(p, b, STEP_SOLVE);
	}
}

/* What builds on solutions has nothing to say while they do not solve the lab. */
static bool solved(const struct proof *p, enum proof_step step)
{
	return p->wanted[step] && step_outcome(p, STEP_SOLVE) == PROOF_OK;
}

static bool short_enough(struct proof *p, enum proof_step step)
{
	if (p->only || !streq(p->tier, "standard") || p->grade_ms <= SHORT_GRADE_MS)
		return true;
	p->wanted[step] = false;
	return false;
}

void plan_rest(struct proof *p)
{
	bool without = short_enough(p, STEP_LEAVE_OUT) && solved(p, STEP_LEAVE_OUT),
	     cheats = short_enough(p, STEP_CHEATS) && solved(p, STEP_CHEATS);

	if (p->graded && solved(p, STEP_SOLVE))
		plan_more_seeds(p);
	for (size_t t = 0; without && t < p->lab->n_tasks; t++)
		if (!p->task || streq(p->lab->tasks[t].id, p->task))
			plan_leave_out(p, (int)t);
	for (size_t i = 0; cheats && i < p->n_cheats; i++)
		plan_cheat(p, &p->cheats[i]);
	if (solved(p, STEP_IDEMPOTENT)) {
		struct box *b = box_new(p, xstrdup("twice"));

		act(b, STEP_IDEMPOTENT, "start");
		act_solve_all(p->lab, b, STEP_IDEMPOTENT, 2);
		plan_graded(p, b, STEP_IDEMPOTENT);
	}
}

void plan_close(struct proof *p)
{
	bool unsolved = step_outcome(p, STEP_SOLVE) > PROOF_SKIPPED;

	for (int s = 0; s < STEP_COUNT_; s++) {
		bool tried = !p->wanted[s];

		for (size_t i = 0; i < p->n_cases; i++)
			tried |= p->cases[i].step == (enum proof_step)s;
		if (!tried)
			proof_case(p, (enum proof_step)s, names[s], PROOF_SKIPPED,
				xstrdup(unsolved ? "not tried: the solutions do not solve the lab"
						 : "not tried"),
				NULL, 0);
	}
}

void plan_until(struct proof *p, int task)
{
	struct box *b = box_new(p, strf("until %s", p->lab->tasks[task].id));

	act(b, STEP_BUILD, "start");
	for (int t = 0; t <= task; t++)
		act_solve(p->lab, b, STEP_SOLVE, t, 1);
}
