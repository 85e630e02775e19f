/*
 * check_tasks.c - what tasks, checks and phases mean together, and what follows from them: the
 * services a check runs in, and the points of each check and hint.
 *
 * Runs when every form and every reference is right; all indexes can be followed.
 */
#include "lab/reader.h"
#include "base/fsutil.h"
#include "base/str.h"
#include "lab/graph.h"
#include "lab/program.h"

/* --- what is left out --- */

static void fill_in_check(const struct lab *l, struct lab_check *c)
{
	if (c->in < 0)
		c->in = l->entry;
	if (c->by < 0 && (c->vantage == VANTAGE_NEIGHBOUR || c->vantage == VANTAGE_FROZEN))
		c->by = l->grading_by;
	c->quick = c->phase < 0;
}

static bool runs_work(const struct lab *l, int service)
{
	return service >= 0 && l->services[service].when == WHEN_REPLAY;
}

/* A replay check with one program is one of one step. */
static void fill_in_steps(const struct lab *l, struct lab_check *c)
{
	if (c->vantage == VANTAGE_REPLAY && !c->n_steps) {
		c->steps = NEW(struct lab_step);
		c->steps[c->n_steps++] = (struct lab_step){.by = c->by, .run = TAKE(c->run)};
		c->by = -1;
	}
	c->forgeable = c->vantage == VANTAGE_INSIDE ||
		       (c->n_steps && runs_work(l, c->steps[c->n_steps - 1].by));
}

/* --- services of a check --- */

/* A service that judges: of the grading side, there when the check is asked, and no stranger's. */
static void check_judge(
	struct reader *r, const void *at, const char *key, const struct lab_check *c, int service)
{
	const struct lab_service *by = &r->lab->services[service];

	if (service != r->lab->grading_by && (by->role != ROLE_HIDDEN ||
			by->when == WHEN_SESSION || by->when == WHEN_REPLAY))
		report_key(r, at, key, "G005",
			"service '%s' must be hidden and start with a check or grade to judge",
			by->name);
	else if (c->quick && by->when == WHEN_GRADE)
		report_key(r, at, key, "G005",
			"service '%s' does not exist yet when the quick check '%s' runs", by->name,
			c->name);
}

static void check_by(struct reader *r, const struct lab_check *c)
{
	const struct lab_service *by = c->by < 0 ? NULL : &r->lab->services[c->by];
	bool needs = c->vantage == VANTAGE_NEIGHBOUR || c->vantage == VANTAGE_FROZEN;

	if (!needs && by)
		report_key(r, c, "by", "G005",
			"a check with the vantage '%s' runs in no other service",
			lab_vantage_name(c->vantage));
	else if (needs && !by)
		report_key(r, c, "vantage", "G005",
			"check '%s' needs a grading service: 'by', or 'grading.by'", c->name);
	else if (needs)
		check_judge(r, c, "by", c, c->by);
	if (c->vantage == VANTAGE_NEIGHBOUR && by && !by->n_networks)
		report_key(r, c, "by", "G005",
			"service '%s' has no network, so it is nobody's neighbour", by->name);
}

/* --- steps --- */

static bool given_before(const struct lab_check *c, size_t step, const char *name)
{
	for (size_t i = 0; i < step; i++)
		if (c->steps[i].gives && strv_has(c->steps[i].gives, name))
			return true;
	return false;
}

static void check_files(struct reader *r, const struct lab_check *c, size_t i)
{
	const struct lab_step *s = &c->steps[i];

	for (char **f = s->takes; f && *f; f++)
		if (!given_before(c, i, *f))
			report_key(r, s, "takes", "G033", "no earlier step gives '%s'", *f);
	for (char **f = s->gives; f && *f; f++)
		if (given_before(c, i, *f))
			report_key(
				r, s, "gives", "G033", "an earlier step gives '%s' already", *f);
	if (runs_work(r->lab, s->by) && !s->takes && !lab_capture(r->lab, c->in))
		report_key(r, s, NULL, "G013",
			"step %zu has nothing of the learner's: it takes no file, and "
			"'grading.capture' names no path of '%s'",
			i + 1, r->lab->services[c->in].name);
	if (i + 1 == c->n_steps && (s->gives || s->may_fail))
		report_key(r, s, s->gives ? "gives" : "may_fail", "G033",
			"the last step gives the verdict, so it gives no files and its end counts");
}

/* What learners made may see what is theirs, and nothing else that is captured. */
static void check_fed(struct reader *r, const struct lab_check *c)
{
	const struct lab *l = r->lab;

	for (size_t i = 0; lab_capture(l, c->in) && i < l->n_captures; i++)
		if (l->services[l->captures[i].service].role != ROLE_LEARNER)
			report_key(r, c, "vantage", "G013",
				"'%s' would show the captured files of '%s', which is no learner's "
				"service, to what learners made",
				c->name, l->services[l->captures[i].service].name);
}

static void check_steps(struct reader *r, const struct lab_check *c)
{
	const struct yaml *steps = yaml_get(origin_of(r, c)->node, "steps");
	bool any = false;

	if (c->vantage != VANTAGE_REPLAY)
		return;
	for (size_t i = 0; i < c->n_steps; i++)
		any = any || runs_work(r->lab, c->steps[i].by);
	if (!any)
		report_key(r, c, steps ? "steps" : "vantage", "G005",
			"check '%s' needs a service with 'start: replay' in 'by': only there "
			"a learner's work may run",
			c->name);
	check_fed(r, c);
	for (size_t i = 0; steps && i < c->n_steps; i++) {
		if (!runs_work(r->lab, c->steps[i].by))
			check_judge(r, &c->steps[i], "by", c, c->steps[i].by);
		check_files(r, c, i);
	}
	if (!steps && any && !lab_capture(r->lab, c->in))
		report_key(r, c, "in", "G013",
			"'grading.capture' names no path of '%s' that could be replayed",
			r->lab->services[c->in].name);
}

static void check_in(struct reader *r, const struct lab_check *c)
{
	const struct lab_service *in = &r->lab->services[c->in];

	if (c->vantage == VANTAGE_INSIDE && in->role != ROLE_LEARNER)
		report_key(r, c, "in", "G005",
			"a check with the vantage 'inside' needs a learner's service, not '%s'",
			in->name);
	else if (in->when != WHEN_SESSION || !in->keep_running)
		report_key(r, c, "in", "G005",
			"service '%s' does not run during the session, so there is nothing to "
			"judge",
			in->name);
	else if (c->vantage == VANTAGE_FROZEN && !lab_capture(r->lab, c->in))
		report_key(r, c, "in", "G013",
			"'grading.capture' names no path of '%s' that a frozen check could read",
			in->name);
	else if (c->vantage == VANTAGE_NEIGHBOUR && !in->health)
		report_key(r, c, "in", "L035",
			"service '%s' has no 'healthcheck', so a check may come too early",
			in->name);
}

static void check_forgeable(struct reader *r, const struct lab_check *c)
{
	const struct lab_service *in = &r->lab->services[c->in];
	bool root = !in->user || strtol(in->user, NULL, 10) == 0;
	bool inside = c->vantage == VANTAGE_INSIDE;

	if (!c->forgeable || !c->max_m || (inside && !root))
		return;
	if (r->lab->exam)
		report_key(r, c, "vantage", "G030", "in an exam no points can stand on '%s': %s",
			c->name,
			inside ? "its learner is root"
			       : "its verdict comes from where the learner's work runs");
	else
		report_key(r, c, "vantage", "L022", "points stand on '%s', which %s could forge",
			c->name,
			inside ? "a learner who is root"
			       : "the learner's work that runs beside its last program");
}

/* --- programs and texts --- */

/* One that is there and could not be run is told at its own place (lint.c). */
static void check_program(struct reader *r, const void *value, char *const *run)
{
	struct err e = ERR_NONE;

	if (run && program_check(r->dir, "checks", run[0], &e) == ERR_NOT_FOUND)
		report_key(r, value, "run", "G006", "%s", e.text);
}

static void check_text(struct reader *r, const struct lab_task *t)
{
	_cleanup_buf_ struct buf text = BUF(256 * 1024);
	struct err e = ERR_NONE;

	if (fs_read_beneath(r->dir, t->text, &text, &e) < 0)
		report_key(r, t, "id", "D009", "task '%s' has no text: %s", t->id, e.text);
	else if (!text.len)
		report_key(r, t, "id", "D009", "the text '%s' is empty", t->text);
}

/* Words that put the blame on the reader. */
static bool blames(const char *s)
{
	static const char *const words[] = {
		"you forgot", "You forgot", "you failed", "You failed", "your fault"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(s, words[i]))
			return true;
	return false;
}

static void check_fail_text(struct reader *r, const struct lab_task *t, const struct lab_check *c)
{
	size_t n = strlen(c->fail);

	if (n < 20 || n > 200)
		report_key(r, c, "fail", "L014",
			"the text has %zu characters; 20 to 200 say what was seen", n);
	else if (blames(c->fail))
		report_key(r, c, "fail", "L014",
			"the text blames; say what was seen, and what was expected");
	for (size_t i = 0; i < t->n_hints; i++)
		if (streq(t->hints[i].text, c->fail))
			report_key(r, &t->hints[i], "text", "L052",
				"the hint says the same as the text of '%s'", c->name);
}

/* --- what waits for what --- */

/* Nodes: tasks first, then all checks. A task waits for its checks; a check for its needs and its
 * task's. */
struct needs_graph {
	const struct lab *lab;
	size_t n;
	const struct lab_task **task;   /* per node: its task */
	const struct lab_check **check; /* or NULL */
	size_t *first;                  /* per task: node of its first check */
};

static int next_of_task(const struct needs_graph *g, size_t task, size_t k)
{
	return k < g->lab->tasks[task].n_checks ? (int)(g->first[task] + k) : -1;
}

static int next_need(const void *arg, int node, size_t k)
{
	const struct needs_graph *g = arg;
	const struct lab_check *c = g->check[node];
	const struct lab_task *t = g->task[node];

	if (!c)
		return next_of_task(g, (size_t)node, k);
	if (k < t->n_needs)
		return t->needs[k];
	k -= t->n_needs;
	if (k >= c->n_needs)
		return -1;
	return c->needs[k].check < 0 ? c->needs[k].task
				     : (int)g->first[c->needs[k].task] + c->needs[k].check;
}

static void check_needs(struct reader *r)
{
	const struct lab *l = r->lab;
	struct needs_graph g = {.lab = l, .n = l->n_tasks};
	size_t total = l->n_tasks;

	for (size_t t = 0; t < l->n_tasks; t++)
		total += l->tasks[t].n_checks;
	_cleanup_free_ const struct lab_task **task = g.task = xcalloc(total, sizeof(*task));
	_cleanup_free_ const struct lab_check **check = g.check = xcalloc(total, sizeof(*check));
	_cleanup_free_ size_t *first = g.first = xcalloc(l->n_tasks, sizeof(*first));
	_cleanup_free_ int *circle = NULL;
	for (size_t t = 0; t < l->n_tasks; t++) {
		task[t] = &l->tasks[t];
		first[t] = g.n;
		for (size_t c = 0; c < l->tasks[t].n_checks; c++) {
			task[g.n] = &l->tasks[t];
			check[g.n++] = &l->tasks[t].checks[c];
		}
	}
	size_t n = graph_circle(total, next_need, &g, &circle);
	if (n) {
		size_t at =
			check[circle[0]] || n == 1 ? 0 : 1; /* name a check rather than a task */
		const struct lab_check *c = check[circle[at]];
		report_key(r, c, c->n_needs ? "needs" : NULL, "G007",
			"check '%s' needs what needs it", c->name);
	}
}

/* --- phases --- */

static void check_phase(struct reader *r, size_t i)
{
	const struct lab *l = r->lab;
	const struct lab_phase *p = &l->phases[i];

	check_program(r, p, p->run);
	if (p->run && l->grading_by < 0)
		report_key(r, p, "run", "G005",
			"phase '%s' needs 'grading.by': the service that runs its program", p->id);
	for (size_t k = 0; k < p->n_needs; k++)
		if (p->needs[k] >= (int)i)
			report_key(r, p, "needs", "D010",
				"phase '%s' can only need earlier phases, not '%s'", p->id,
				l->phases[p->needs[k]].id);
	for (size_t k = 0; k < p->n_recreate; k++) {
		const struct lab_service *s = &l->services[p->recreate[k]];

		if (s->when != WHEN_SESSION || !s->keep_running)
			report_key(r, p, "do", "D012",
				"service '%s' does not run for the whole session and cannot be "
				"recreated",
				s->name);
	}
}

static void check_budget(struct reader *r)
{
	const struct lab *l = r->lab;
	int64_t sum = 0;

	for (size_t i = 0; i < l->n_phases; i++)
		sum += l->phases[i].most_ms;
	if (sum > l->budget_ms)
		report_key(r, l, "grading.budget", "G011",
			"the phases may take %s together, 'budget' is %s", str_human_ms(sum),
			str_human_ms(l->budget_ms));
}

static void check_grading_service(struct reader *r)
{
	const struct lab *l = r->lab;
	const struct lab_service *by = l->grading_by < 0 ? NULL : &l->services[l->grading_by];

	if (by && (by->role != ROLE_HIDDEN || by->when == WHEN_SESSION || by->when == WHEN_REPLAY))
		report_key(r, l, "grading.by", "G005",
			"service '%s' must be hidden and start with a check or grade to judge",
			by->name);
}

static bool on_volume(const struct lab_service *s, const char *path)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		size_t n = strlen(s->mounts[i].target);

		if (str_starts(path, s->mounts[i].target) && (path[n] == '/' || !path[n]))
			return true;
	}
	return false;
}

static void check_captures(struct reader *r)
{
	const struct lab *l = r->lab;

	for (size_t i = 0; i < l->n_captures; i++) {
		const struct lab_service *s = &l->services[l->captures[i].service];

		for (char **p = l->captures[i].paths; p && *p; p++)
			if (!on_volume(s, *p))
				report_key(r, l, "grading.capture", "G013",
					"'%s' of '%s' lies on no volume, so Kubernetes cannot read "
					"it from outside",
					*p, s->name);
	}
}

/* --- points --- */

/*
 * Share `total` among n parts by weight: whole parts first, what is left over goes to the largest
 * remainders, in order among equals.
 */
static void share(int64_t total, const int64_t *weight, int64_t *part, size_t n)
{
	int64_t sum = 0, left = total;

	for (size_t i = 0; i < n; i++)
		sum += weight[i];
	for (size_t i = 0; i < n; i++) {
		part[i] = sum ? total * weight[i] / sum : 0;
		left -= part[i];
	}
	_cleanup_free_ bool *served = xcalloc(n + 1, sizeof(bool));
	for (; sum && left > 0; left--) {
		size_t best = n;

		for (size_t i = 0; i < n; i++)
			if (!served[i] &&
				(best == n || total * weight[i] % sum > total * weight[best] % sum))
				best = i;
		part[best]++;
		served[best] = true;
	}
}

/* Tasks that name no points share what is left of 100 equally. */
static void share_tasks(struct lab *l)
{
	_cleanup_free_ int64_t *weight = xcalloc(l->n_tasks + 1, sizeof(int64_t));
	_cleanup_free_ int64_t *part = xcalloc(l->n_tasks + 1, sizeof(int64_t));
	int64_t rest = 100 * 1000;

	for (size_t i = 0; i < l->n_tasks; i++) {
		weight[i] = l->tasks[i].points_m == 0;
		rest -= l->tasks[i].distinction ? 0 : l->tasks[i].points_m;
	}
	share(MAX(rest, 0), weight, part, l->n_tasks);
	for (size_t i = 0; i < l->n_tasks; i++)
		l->tasks[i].points_m += part[i];
}

static void share_checks(struct reader *r, struct lab_task *t)
{
	_cleanup_free_ int64_t *weight = xcalloc(t->n_checks + 1, sizeof(int64_t));
	_cleanup_free_ int64_t *part = xcalloc(t->n_checks + 1, sizeof(int64_t));
	int64_t sum = 0;

	for (size_t i = 0; i < t->n_checks; i++) {
		weight[i] = t->checks[i].severity == SEVERITY_INFO ? 0 : t->checks[i].weight;
		sum += weight[i];
	}
	share(t->points_m, weight, part, t->n_checks);
	for (size_t i = 0; i < t->n_checks; i++)
		t->checks[i].max_m = part[i];
	if (!sum)
		report_key(r, t, "checks", "G009", "no check of task '%s' can carry its points",
			t->id);
}

static void price_hints(struct reader *r, struct lab_task *t)
{
	int64_t sum = 0, percent;

	for (size_t i = 0; i < t->n_hints; i++) {
		struct lab_hint *h = &t->hints[i];

		if (decimal_read(yaml_get(origin_of(r, h)->node, "cost"), 2, &percent))
			h->cost_m = t->points_m * percent / 10000;
		if (h->cost_m > t->points_m)
			report_key(r, h, NULL, "G017",
				"hint '%s' costs more than the task has points", h->id);
		for (size_t k = 0; k < h->n_requires; k++)
			if (h->requires[k] >= (int)i)
				report_key(r, h, "requires", "G017",
					"hint '%s' can only require earlier hints", h->id);
		sum += h->cost_m;
	}
	if (sum > t->points_m * (10000 - r->lab->hint_floor_bp) / 10000)
		report_key(r, t, "hints", "L050",
			"the hints of '%s' together cost more than %d %% of its points", t->id,
			100 - r->lab->hint_floor_bp / 100);
}

static void check_total(struct reader *r)
{
	int64_t total = lab_points_m(r->lab);

	if (total <= 0 || total > 10000 * 1000)
		report_key(r, r->lab, "tasks", "G009",
			"the points of all tasks must be more than 0 and at most 10000");
	else if (total != 100 * 1000)
		report_key(r, r->lab, "tasks", "L091",
			"the points of all tasks without distinctions are %g, not 100",
			(double)total / 1000);
	for (size_t t = 0; t < r->lab->n_tasks; t++)
		for (size_t i = 0; i < r->lab->tasks[t].n_checks; i++)
			if (r->lab->tasks[t].checks[i].max_m * 2 > total &&
				!r->lab->tasks[t].distinction)
				report_key(r, &r->lab->tasks[t].checks[i], NULL, "L023",
					"check '%s' carries more than half of all points",
					r->lab->tasks[t].checks[i].name);
}

/* --- all of it --- */

static void check_window(
	struct reader *r, const struct lab_check *c, const char *key, int64_t window_ms)
{
	if (c->phase >= 0 && window_ms > r->lab->phases[c->phase].most_ms)
		report_key(r, c, key, "G011", "'%s' is longer than the phase '%s' may take", key,
			r->lab->phases[c->phase].id);
}

static void check_check(struct reader *r, const struct lab_task *t, struct lab_check *c)
{
	bool steps = yaml_get(origin_of(r, c)->node, "steps");

	fill_in_check(r->lab, c);
	fill_in_steps(r->lab, c);
	check_by(r, c);
	check_steps(r, c);
	check_in(r, c);
	check_forgeable(r, c);
	for (size_t i = 0; lab_check_program(c, i); i++)
		check_program(r, steps ? (const void *)&c->steps[i] : c, lab_check_program(c, i));
	check_fail_text(r, t, c);
	check_window(r, c, "eventually", c->eventually_ms);
	check_window(r, c, "always_for", c->always_for_ms);
}

/* That a container is still the same says nothing about work. */
static void check_work(struct reader *r, const struct lab_task *t)
{
	bool work = false;

	for (size_t i = 0; i < t->n_checks; i++) {
		const struct lab_check *c = &t->checks[i];

		work = work || (c->max_m && c->type != CHECK_CONTAINER);
		if (c->max_m && c->type == CHECK_CONTAINER && !c->n_needs)
			report_key(r, c, NULL, "L092",
				"'%s' also passes when nobody has done anything; give it 'needs' "
				"with a check that shows work",
				c->name);
	}
	if (!work)
		report_key(r, t, "checks", "L092",
			"all checks of task '%s' say that nothing happened", t->id);
}

static void check_task(struct reader *r, struct lab_task *t)
{
	check_text(r, t);
	share_checks(r, t);
	price_hints(r, t);
	check_work(r, t);
	for (size_t i = 0; i < t->n_checks; i++)
		check_check(r, t, &t->checks[i]);
	if (t->n_affected_by > 2)
		report_key(r, t, "affected_by", "L094",
			"task '%s' is affected by more than two others", t->id);
}

static void check_flakes(struct reader *r)
{
	int64_t sum = 0;

	for (size_t t = 0; t < r->lab->n_tasks; t++)
		for (size_t i = 0; i < r->lab->tasks[t].n_checks; i++)
			sum += r->lab->tasks[t].checks[i].flake_ppm;
	if (sum > 1000)
		report_key(r, r->lab, "tasks", "L095",
			"the stated 'flake' of all checks adds up to %g", (double)sum / 1e6);
}

void tasks_check(struct reader *r)
{
	struct lab *l = r->lab;

	share_tasks(l);
	check_grading_service(r);
	for (size_t i = 0; i < l->n_tasks; i++)
		check_task(r, &l->tasks[i]);
	for (size_t i = 0; i < l->n_phases; i++)
		check_phase(r, i);
	check_needs(r);
	check_budget(r);
	check_captures(r);
	check_total(r);
	check_flakes(r);
}
