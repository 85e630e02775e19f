/* test_score.c - the points of a grade: the example of the design, the edges, and random labs. */
#include "record/record.h"
#include "record/score.h"
#include "tests/unit/test.h"

#include <stdlib.h>

static void scaling_is_exact(void **state)
{
	assert_int_equal(record_scale(15000, 3, 4), 11250);
	assert_int_equal(record_scale(10, 1, 4), 3); /* 2.5: half up */
	assert_int_equal(record_scale(10, 1, 3), 3);
	assert_int_equal(record_scale(10, 2, 3), 7);
	assert_int_equal(record_scale(0, 7, 3), 0);
	assert_int_equal(record_scale(75825, 9500, 10000), 72034);
	assert_int_equal(record_scale(INT64_MAX, INT64_MAX, INT64_MAX), INT64_MAX);
	assert_int_equal(record_scale(INT64_MAX, 3, 6), INT64_MAX / 2 + 1);
	assert_int_equal(record_scale(INT64_MAX, INT64_MAX, 1), INT64_MAX);
}

/* Eight tasks: 3/4 in the first, a hint for the second, the seventh failed. */
static void the_worked_example(void **state)
{
	static const int64_t max[] = {15000, 15000, 20000, 15000, 10000, 10000, 10000, 5000};
	static const int64_t raw[] = {11250, 15000, 20000, 15000, 10000, 10000, 0, 5000};
	static const int64_t attain[] = {15000, 13000, 20000, 15000, 10000, 10000, 10000, 5000};
	static const int64_t earned[] = {11250, 13000, 20000, 15000, 10000, 10000, 0, 5000};
	struct score_check checks[8];
	struct score_task tasks[8];
	struct score s;

	for (int i = 0; i < 8; i++) {
		tasks[i] = (struct score_task){.max_m = max[i], .pass_at_bp = 10000};
		checks[i] = (struct score_check){.task = i, .max_m = max[i]};
	}
	checks[0].verdict = SCORE_FAIL;
	checks[0].n = 3;
	checks[0].d = 4;
	tasks[1].hint_cost_m = 2000;
	checks[6].verdict = SCORE_FAIL;
	score(&s, checks, 8, tasks, 8, 7000, 3000);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(tasks[i].raw_m, raw[i]);
		assert_int_equal(tasks[i].attain_m, attain[i]);
		assert_int_equal(tasks[i].earned_m, earned[i]);
		assert_int_equal(tasks[i].passed, i != 0 && i != 6);
	}
	assert_int_equal(s.max_m, 100000);
	assert_int_equal(s.earned_m, 84250);
	assert_int_equal(s.percent_bp, 8425);
	assert_true(s.passed);
	assert_false(s.incomplete);
	assert_int_equal(record_scale(s.earned_m, 9000, 10000), 75825); /* third attempt */
	assert_int_equal(record_scale(75825, 9500, 10000), 72034);      /* a day late */
}

static struct score_task one(struct score *s, struct score_check *checks, size_t n,
	struct score_task t, int pass_mark_bp, int hint_floor_bp)
{
	score(s, checks, n, &t, 1, pass_mark_bp, hint_floor_bp);
	return t;
}

static void every_verdict_earns_what_the_table_says(void **state)
{
	static const struct {
		enum score_verdict verdict;
		int64_t n, d, earned_m;
	} rows[] = {
		{SCORE_PASS, 0, 0, 1000},
		{SCORE_PASS, 1, 3, 333},
		{SCORE_PASS, 3, 3, 1000},
		{SCORE_FAIL, 0, 0, 0},
		{SCORE_FAIL, 2, 3, 667},
		{SCORE_ERROR, 3, 3, 0},
		{SCORE_TIMEOUT, 3, 3, 0},
		{SCORE_SKIPPED, 3, 3, 0},
		{SCORE_PASS, 9, 3, 1000},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct score_check c = {
			.max_m = 1000, .verdict = rows[i].verdict, .n = rows[i].n, .d = rows[i].d};
		struct score s;

		(void)one(&s, &c, 1, (struct score_task){.max_m = 1000}, 0, 0);
		assert_int_equal(c.earned_m, rows[i].earned_m);
		assert_int_equal(s.earned_m, rows[i].earned_m);
		assert_int_equal(s.incomplete, rows[i].verdict == SCORE_ERROR);
	}
}

static void required_checks_decide_over_their_task(void **state)
{
	static const struct {
		enum score_verdict verdict;
		bool keep, passed;
		int64_t raw_m;
	} rows[] = {
		{SCORE_PASS, false, true, 800},
		{SCORE_FAIL, false, false, 0},
		{SCORE_TIMEOUT, false, false, 0},
		{SCORE_FAIL, true, false, 800},
		{SCORE_SKIPPED, false, false, 800},
		{SCORE_ERROR, false, false, 800},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct score_check c[] = {
			{.max_m = 800, .verdict = SCORE_PASS},
			{.max_m = 0, .required = true, .verdict = rows[i].verdict},
			{.max_m = 200, .verdict = SCORE_FAIL},
		};
		struct score s;
		struct score_task t = one(&s, c, 3,
			(struct score_task){.max_m = 1000,
				.pass_at_bp = 8000,
				.required = true,
				.keep_on_fail = rows[i].keep},
			0, 0);

		assert_int_equal(t.raw_m, rows[i].raw_m);
		assert_int_equal(t.passed, rows[i].passed);
		assert_int_equal(s.passed, rows[i].passed); /* the task is required */
		assert_int_equal(s.incomplete, rows[i].verdict == SCORE_ERROR);
	}
}

static void info_checks_change_nothing(void **state)
{
	struct score_check c[] = {
		{.max_m = 1000, .verdict = SCORE_PASS},
		{.max_m = 1000, .verdict = SCORE_PASS, .info = true},
		{.max_m = 1000, .verdict = SCORE_ERROR, .info = true},
	};
	struct score s;
	struct score_task t =
		one(&s, c, 3, (struct score_task){.max_m = 1000, .pass_at_bp = 10000}, 10000, 0);

	assert_int_equal(t.raw_m, 1000);
	assert_int_equal(c[1].earned_m, 0);
	assert_true(s.passed);
	assert_false(s.incomplete);
}

static void hints_lower_the_task_but_not_below_its_floor(void **state)
{
	struct score_check c = {.max_m = 999, .verdict = SCORE_FAIL, .n = 1, .d = 2};
	struct score s;
	struct score_task t = {.max_m = 999, .hint_cost_m = 99, .pass_at_bp = 5000};

	t = one(&s, &c, 1, t, 0, 3000);
	assert_int_equal(t.raw_m, 500);
	assert_int_equal(t.attain_m, 900);
	assert_int_equal(t.earned_m, 450); /* half of what is left, not the smaller of the two */
	assert_true(t.passed);             /* a hint never fails a task */
	t.hint_cost_m = 5000;
	t = one(&s, &c, 1, t, 0, 3000);
	assert_int_equal(t.attain_m, 300); /* 299.7 rounded up */
	assert_int_equal(t.earned_m, 150);
}

static void a_task_earns_no_more_than_its_points(void **state)
{
	struct score_check c[] = {
		{.max_m = 800, .verdict = SCORE_PASS}, {.max_m = 800, .verdict = SCORE_PASS}};
	struct score s;
	struct score_task t = one(&s, c, 2, (struct score_task){.max_m = 1000}, 0, 0);

	assert_int_equal(t.raw_m, 1000);
	assert_int_equal(t.earned_m, 1000);
}

static void a_distinction_is_not_part_of_the_sum(void **state)
{
	struct score_check c[] = {{.task = 0, .max_m = 1000, .verdict = SCORE_FAIL},
		{.task = 1, .max_m = 5000, .verdict = SCORE_PASS}};
	struct score_task t[] = {{.max_m = 1000, .pass_at_bp = 10000},
		{.max_m = 5000, .pass_at_bp = 10000, .distinction = true}};
	struct score s;

	score(&s, c, 2, t, 2, 7000, 0);
	assert_int_equal(s.max_m, 1000);
	assert_int_equal(s.earned_m, 0);
	assert_int_equal(t[1].earned_m, 5000);
	assert_true(t[1].passed);
	assert_false(s.passed);
}

static void the_mark_is_compared_exactly(void **state)
{
	struct score_check c = {.max_m = 100000, .verdict = SCORE_FAIL, .n = 69995, .d = 100000};
	struct score s;

	(void)one(&s, &c, 1, (struct score_task){.max_m = 100000}, 7000, 0);
	assert_int_equal(s.percent_bp, 6999);
	assert_false(s.passed);
	c.n = 69999;
	(void)one(&s, &c, 1, (struct score_task){.max_m = 100000}, 7000, 0);
	assert_int_equal(s.percent_bp, 6999);
	assert_false(s.passed);
	c.n = 70000;
	(void)one(&s, &c, 1, (struct score_task){.max_m = 100000}, 7000, 0);
	assert_true(s.passed);
	score(&s, NULL, 0, NULL, 0, 7000, 0);
	assert_int_equal(s.percent_bp, 0);
}

/* --- random labs ------------------------------------------------------------------------------ */

enum { TASKS = 5, CHECKS = 12 };

struct random_lab {
	struct score_check checks[CHECKS];
	struct score_task tasks[TASKS];
	int pass_mark_bp, floor_bp;
};

static int64_t up_to(int64_t n)
{
	return n > 0 ? rand() % (n + 1) : 0;
}

static void make_lab(struct random_lab *l)
{
	*l = (struct random_lab){.pass_mark_bp = (int)up_to(10000), .floor_bp = (int)up_to(10000)};
	for (int i = 0; i < CHECKS; i++) {
		struct score_check *c = &l->checks[i];

		*c = (struct score_check){.task = rand() % TASKS,
			.verdict = rand() % 2 ? SCORE_PASS : (unsigned)rand() % 5,
			.required = rand() % 4 == 0,
			.info = rand() % 5 == 0,
			.d = up_to(7)};
		c->n = up_to(c->d);
		c->max_m = c->info ? 0 : up_to(20000);
		l->tasks[c->task].max_m += c->max_m;
	}
	for (int i = 0; i < TASKS; i++) {
		struct score_task *t = &l->tasks[i];

		t->hint_cost_m = rand() % 2 ? up_to(t->max_m * 2) : 0;
		t->pass_at_bp = (int)up_to(10000);
		t->required = rand() % 6 == 0;
		t->distinction = rand() % 4 == 0;
		t->keep_on_fail = rand() % 2;
	}
}

static struct score run(struct random_lab *l)
{
	struct score s;

	score(&s, l->checks, CHECKS, l->tasks, TASKS, l->pass_mark_bp, l->floor_bp);
	return s;
}

static void hold_bounds(const struct random_lab *l, const struct score *s)
{
	assert_true(s->earned_m >= 0 && s->earned_m <= s->max_m);
	assert_true(s->percent_bp >= 0 && s->percent_bp <= 10000);
	for (int i = 0; i < TASKS; i++) {
		const struct score_task *t = &l->tasks[i];

		assert_true(t->raw_m >= 0 && t->raw_m <= t->max_m);
		assert_true(t->attain_m >= 0 && t->attain_m <= t->max_m);
		assert_true(t->earned_m >= 0 && t->earned_m <= MIN(t->raw_m, t->attain_m));
	}
	for (int i = 0; i < CHECKS; i++)
		assert_true(
			l->checks[i].earned_m >= 0 && l->checks[i].earned_m <= l->checks[i].max_m);
}

/* A better verdict, fewer hints or a lower mark never takes points or a pass away. */
static void hold_monotone(struct random_lab l, const struct score *before)
{
	struct score_check *c = &l.checks[rand() % CHECKS];
	struct score_task *t = &l.tasks[rand() % TASKS];

	if (rand() % 2)
		c->n = MIN(c->n + 1, c->d);
	else
		*c = (struct score_check){.task = c->task,
			.max_m = c->max_m,
			.info = c->info,
			.required = c->required,
			.verdict = SCORE_PASS};
	t->hint_cost_m = up_to(t->hint_cost_m);
	l.pass_mark_bp = (int)up_to(l.pass_mark_bp);
	struct score after = run(&l);
	assert_true(after.earned_m >= before->earned_m);
	assert_true(after.passed || !before->passed);
}

/* The order of checks does not matter, and the sum says the same as the whole. */
static void hold_order(struct random_lab l, const struct score *before)
{
	struct score after;

	for (int i = CHECKS - 1; i > 0; i--) {
		int j = rand() % (i + 1);
		struct score_check c = l.checks[i];

		l.checks[i] = l.checks[j];
		l.checks[j] = c;
	}
	score_sum(&after, l.checks, CHECKS, l.tasks, TASKS, l.pass_mark_bp, l.floor_bp);
	assert_int_equal(after.earned_m, before->earned_m);
	assert_int_equal(after.passed, before->passed);
	assert_int_equal(after.incomplete, before->incomplete);
}

static void random_labs_keep_the_rules(void **state)
{
	int passed = 0;

	srand(42);
	for (int i = 0; i < 20000; i++) {
		struct random_lab l;

		make_lab(&l);
		struct score s = run(&l);
		hold_bounds(&l, &s);
		hold_monotone(l, &s);
		hold_order(l, &s);
		passed += s.passed;
	}
	assert_true(passed > 2000 && passed < 18000); /* both sides were seen */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scaling_is_exact),
		cmocka_unit_test(the_worked_example),
		cmocka_unit_test(every_verdict_earns_what_the_table_says),
		cmocka_unit_test(required_checks_decide_over_their_task),
		cmocka_unit_test(info_checks_change_nothing),
		cmocka_unit_test(hints_lower_the_task_but_not_below_its_floor),
		cmocka_unit_test(a_task_earns_no_more_than_its_points),
		cmocka_unit_test(a_distinction_is_not_part_of_the_sum),
		cmocka_unit_test(the_mark_is_compared_exactly),
		cmocka_unit_test(random_labs_keep_the_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
