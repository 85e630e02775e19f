/*
 * sums.c - the points of a record, computed again from its own checks, tasks and hints.
 *
 * A key that signs wrong sums (a bug, or an issuer who edits a total) is found by anyone who has
 * the record: no definition of the lab is needed.
 */
#include "record/form.h"

#include "base/str.h"
#include "record/score.h"

#include <inttypes.h>

/* The record's lists as score.h wants them. */
struct sums {
	struct score_task *tasks;
	struct score_check *checks;
	size_t n_tasks, n_checks;
	int64_t forgeable_m;
	int weakest; /* index into vantages; -1 = no check earned points */
};

static const char *const vantages[] = {
	"inside", "replay", "neighbour", "frozen", "outside"};

static const char *const verdicts[] = {
	[SCORE_PASS] = "pass",
	[SCORE_FAIL] = "fail",
	[SCORE_ERROR] = "error",
	[SCORE_TIMEOUT] = "timeout",
	[SCORE_SKIPPED] = "skipped",
};

static void sums_done(struct sums *s)
{
	free(s->tasks);
	free(s->checks);
}

static int index_of(const char *const *words, const char *word)
{
	int i = 0;

	while (!streq(words[i], word)) /* the form has seen to it that it is there */
		i++;
	return i;
}

static int64_t num(const struct json *j, const char *key)
{
	return json_int(json_get(j, key), 0);
}

static bool yes(const struct json *j, const char *key)
{
	return json_bool(json_get(j, key), false);
}

static const char *text(const struct json *j, const char *key)
{
	return json_str_or(json_get(j, key), "");
}

static const struct json *list(const struct json *record, const char *key)
{
	return json_get(record, key);
}

/* The task of "task/check" or "task/hint". Errors: ERR_STATE. */
static int task_of(const struct json *record, const char *id, struct err *e)
{
	const struct json *tasks = list(record, "tasks");

	for (size_t i = 0; i < json_len(tasks); i++) {
		const char *task = text(json_at(tasks, i), "id");
		size_t n = strlen(task);

		if (strncmp(id, task, n) == 0 && id[n] == '/' && id[n + 1])
			return (int)i;
	}
	return err_set(e, ERR_STATE, "'%s' belongs to no task of the record", id);
}

/* Ids are unique within their list. */
static int ids_check(const struct json *items, struct err *e)
{
	for (size_t i = 0; i < json_len(items); i++)
		for (size_t k = 0; k < i; k++)
			if (streq(text(json_at(items, i), "id"), text(json_at(items, k), "id")))
				return err_set(e, ERR_STATE, "'%s' is in the record twice",
					text(json_at(items, i), "id"));
	return 0;
}

static int read_tasks(struct sums *s, const struct json *record, struct err *e)
{
	const struct json *tasks = list(record, "tasks");

	s->n_tasks = json_len(tasks);
	s->tasks = xcalloc(s->n_tasks + 1, sizeof(*s->tasks));
	for (size_t i = 0; i < s->n_tasks; i++) {
		const struct json *t = json_at(tasks, i);

		if (strchr(text(t, "id"), '/'))
			return err_set(e, ERR_STATE, "'%s' is not the id of a task", text(t, "id"));
		s->tasks[i] = (struct score_task){
			.max_m = num(t, "max_m"),
			.pass_at_bp = (int)num(t, "pass_at_bp"),
			.required = yes(t, "required"),
			.distinction = yes(t, "distinction"),
			.keep_on_fail = yes(t, "keep_on_fail"),
		};
	}
	return ids_check(tasks, e);
}

static int read_hints(struct sums *s, const struct json *record, struct err *e)
{
	const struct json *hint, *hints = list(record, "hints");

	json_for_each(hint, hints) {
		int at = task_of(record, text(hint, "id"), e);

		if (at < 0)
			return at;
		s->tasks[at].hint_cost_m += num(hint, "cost_m");
	}
	return ids_check(hints, e);
}

static void weigh(struct sums *s, const struct json *c, int64_t earned_m)
{
	int vantage = index_of(vantages, text(c, "trust"));

	if (earned_m > 0 && (s->weakest < 0 || vantage < s->weakest))
		s->weakest = vantage;
	if (yes(c, "forgeable"))
		s->forgeable_m += earned_m;
}

static int read_check(struct sums *s, const struct json *record, const struct json *c,
	struct err *e)
{
	struct score_check *to = &s->checks[s->n_checks++];

	*to = (struct score_check){
		.task = task_of(record, text(c, "id"), e),
		.max_m = num(c, "max_m"),
		.earned_m = num(c, "earned_m"),
		.required = streq(text(c, "severity"), "required"),
		.info = streq(text(c, "severity"), "info"),
		.verdict = (enum score_verdict)index_of(verdicts, text(c, "verdict")),
	};
	bool earns = to->verdict == SCORE_PASS || to->verdict == SCORE_FAIL;

	if (to->task < 0)
		return to->task;
	if (to->earned_m > (earns ? to->max_m : 0) || (to->info && to->max_m > 0))
		return err_set(e, ERR_STATE, "'%s' has points that its verdict cannot earn",
			text(c, "id"));
	weigh(s, c, to->earned_m);
	return 0;
}

static int read_checks(struct sums *s, const struct json *record, struct err *e)
{
	const struct json *c, *checks = list(record, "checks");
	int r = 0;

	s->checks = xcalloc(json_len(checks) + 1, sizeof(*s->checks));
	json_for_each(c, checks)
		if (r == 0)
			r = read_check(s, record, c, e);
	return r < 0 ? r : ids_check(checks, e);
}

/* --- comparing ------------------------------------------------------------------------------- */

static int same(const char *where, const char *key, const struct json *j, int64_t right,
	struct err *e)
{
	int64_t is = json_type(json_get(j, key)) == JSON_BOOL ? yes(j, key) : num(j, key);

	if (is == right)
		return 0;
	return err_set(e, ERR_STATE, "'%s.%s' is %" PRId64 ", but the checks give %" PRId64, where,
		key, is, right);
}

static int same_task(const struct json *j, const struct score_task *t, struct err *e)
{
	_cleanup_free_ char *where = strf("task %s", text(j, "id"));
	int r = same(where, "raw_m", j, t->raw_m, e);

	if (r == 0)
		r = same(where, "attain_m", j, t->attain_m, e);
	if (r == 0)
		r = same(where, "earned_m", j, t->earned_m, e);
	return r < 0 ? r : same(where, "passed", j, t->passed, e);
}

static int same_score(const struct json *j, const struct score *s, struct err *e)
{
	int r = same("score", "earned_m", j, s->earned_m, e);

	if (r == 0)
		r = same("score", "max_m", j, s->max_m, e);
	if (r == 0)
		r = same("score", "percent_bp", j, s->percent_bp, e);
	if (r == 0 && s->incomplete)
		r = err_set(
			e, ERR_STATE, "a check that counts could not be judged: no record is due");
	return r < 0 ? r : same("score", "passed", j, s->passed, e);
}

static int same_trust(const struct json *j, const struct sums *s, struct err *e)
{
	const char *min = s->weakest < 0 ? "" : vantages[s->weakest];

	if (!streq(text(j, "min"), min))
		return err_set(e, ERR_STATE, "'trust.min' is '%s', but the checks give '%s'",
			text(j, "min"), min);
	return same("trust", "forgeable_m", j, s->forgeable_m, e);
}

int sums_check(const struct json *record, struct err *e)
{
	_cleanup_(sums_done) struct sums s = {.weakest = -1};
	const struct json *score_, *tasks = list(record, "tasks");
	struct score total;
	int r;

	if ((r = read_tasks(&s, record, e)) < 0 || (r = read_hints(&s, record, e)) < 0 ||
		(r = read_checks(&s, record, e)) < 0)
		return r;
	score_ = json_get(record, "score");
	score_sum(&total, s.checks, s.n_checks, s.tasks, s.n_tasks,
		(int)num(score_, "pass_mark_bp"), (int)num(score_, "hint_floor_bp"));
	for (size_t i = 0; i < s.n_tasks && r == 0; i++)
		r = same_task(json_at(tasks, i), &s.tasks[i], e);
	if (r == 0)
		r = same_score(score_, &total, e);
	return r < 0 ? r : same_trust(json_get(record, "trust"), &s, e);
}
