/* test_cli_proof.c - which sandboxes a proof has, and what their answers mean. */
#include "base/str.h"
#include "cmd/lab/proof.h"
#include "lab/load.h"
#include "tests/unit/test.h"

static void begin(struct proof *p, struct lab **lab, const char *tier, const char *only)
{
	struct err e = ERR_NONE;

	*p = (struct proof){.canary = xstrdup("canary")};
	assert_int_equal(lab_load(lab, "labs/hello-lab", NULL, &e), 0);
	p->lab = *lab;
	assert_int_equal(plan_steps(p, tier, only, &e), 0);
	p->repeat = 2;
	assert_int_equal(plan_cheats(p, &e), 0);
}

static void end(struct proof *p, struct lab *lab)
{
	proof_done(p);
	lab_free(lab);
}

/* "start check grade discard" */
static char *words(const struct box *b)
{
	struct buf text = BUF(4096);

	for (size_t i = 0; i < b->n; i++)
		assert_int_equal(buf_addf(&text, "%s%s", i ? " " : "", b->acts[i].word), 0);
	return buf_take(&text);
}

static const struct box *box(const struct proof *p, const char *name)
{
	for (size_t i = 0; i < p->n_boxes; i++)
		if (streq(p->boxes[i]->name, name))
			return p->boxes[i];
	fail_msg("there is no sandbox '%s'", name);
	return NULL;
}

static void expect_words(const struct proof *p, const char *name, const char *expected)
{
	_cleanup_free_ char *got = words(box(p, name));

	assert_string_equal(got, expected);
}

/* --- plans --- */

static void smoke_grades_nothing(void **state)
{
	struct proof p;
	struct lab *lab;

	begin(&p, &lab, "smoke", NULL);
	plan_first(&p);
	plan_rest(&p);
	assert_int_equal(p.n_boxes, 2);
	expect_words(&p, "pristine", "start check discard");
	expect_words(&p, "seed 1",
		"start run:solution/greet.sh settle:greet run:solution/badge.sh settle:badge "
		"run:solution/visits.sh check discard");
	end(&p, lab);
}

static void full_does_everything(void **state)
{
	struct proof p;
	struct lab *lab;

	begin(&p, &lab, "full", NULL);
	plan_first(&p);
	plan_rest(&p);
	assert_int_equal(p.n_boxes, 2 + 1 + 3 + 5 + 1); /* seed 2, tasks, cheats, twice */
	expect_words(&p, "pristine", "start check grade hidden:canary discard");
	expect_words(&p, "without greet",
		"start run:solution/badge.sh settle:badge try:solution/visits.sh "
		"grade discard");
	expect_words(&p, "without visits",
		"start run:solution/greet.sh settle:greet run:solution/badge.sh "
		"settle:badge grade discard");
	expect_words(&p, "cheat fresh-start",
		"start run:solution/greet.sh settle:greet "
		"run:solution/visits.sh run:cheats/fresh-start.sh grade discard");
	_cleanup_free_ char *solved = words(box(&p, "seed 1"));
	assert_non_null(strstr(solved, "check check check grade again"));
	end(&p, lab);
}

static void long_grades_are_left_to_the_full_tier(void **state)
{
	struct proof p;
	struct lab *lab;

	begin(&p, &lab, "standard", NULL);
	p.grade_ms = 121000;
	plan_first(&p);
	plan_rest(&p);
	assert_int_equal(p.n_boxes, 2);
	assert_false(p.wanted[STEP_CHEATS]);
	end(&p, lab);
}

static void one_step_brings_what_it_stands_on(void **state)
{
	static const struct {
		const char *only;
		size_t boxes;
	} rows[] = {{"lint", 0}, {"build", 1}, {"pristine", 1}, {"solve", 1}, {"reset", 1},
		{"hidden", 1}, {"leave-out", 4}, {"cheats", 6}, {"idempotent", 2}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct proof p;
		struct lab *lab;

		begin(&p, &lab, "standard", rows[i].only);
		p.grade_ms = 121000; /* what is asked for by its name is done */
		plan_first(&p);
		plan_rest(&p);
		if (p.n_boxes != rows[i].boxes)
			fail_msg("%s has %zu sandboxes", rows[i].only, p.n_boxes);
		end(&p, lab);
	}
}

static void what_was_not_tried_is_not_proven(void **state)
{
	struct proof p;
	struct lab *lab;

	begin(&p, &lab, "full", NULL);
	plan_first(&p);
	proof_case(&p, STEP_SOLVE, "seed 1", PROOF_FAIL, NULL, NULL, 0);
	plan_rest(&p);
	plan_close(&p);
	assert_int_equal(p.n_boxes, 2);
	for (int s = STEP_BUILD; s < STEP_COUNT_; s++)
		assert_int_equal(step_outcome(&p, (enum proof_step)s),
			s == STEP_SOLVE ? PROOF_FAIL : PROOF_SKIPPED);
	end(&p, lab);
}

static void numbers_that_would_do_nothing_are_refused(void **state)
{
	static const struct {
		const char *tier, *only;
		int seeds, repeat, r;
	} rows[] = {{"full", NULL, 5, 5, 0}, {"standard", NULL, 5, 0, 0},
		{"standard", "solve", 5, 0, 0}, {"standard", "repeat", 5, 5, 0},
		{"smoke", NULL, 5, 0, ERR_USAGE}, {"full", "cheats", 5, 0, ERR_USAGE},
		{"full", "hidden", 5, 0, ERR_USAGE}, {"standard", NULL, 0, 5, ERR_USAGE},
		{"full", "solve", 0, 5, ERR_USAGE}};
	const struct lab lab = {.test_seeds = 2};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct proof p = {.lab = &lab, .seeds = rows[i].seeds, .repeat = rows[i].repeat};
		struct err e = ERR_NONE;

		assert_int_equal(plan_steps(&p, rows[i].tier, rows[i].only, &e), rows[i].r);
		proof_done(&p);
	}
}

static void other_tiers_and_steps_are_refused(void **state)
{
	struct proof p = {0};
	struct err e = ERR_NONE;

	assert_int_equal(plan_steps(&p, "whole", NULL, &e), ERR_USAGE);
	assert_int_equal(plan_steps(&p, "full", "paint", &e), ERR_USAGE);
	proof_done(&p);
}

/* --- verdicts --- */

/* "greet/answers=pass": the answer to a grade, or to the act `word`. */
static void answer(const struct box *b, const char *word, const char *verdicts)
{
	_cleanup_(strv_freep) char **pairs = strv_split(verdicts, ' ');
	struct buf text = BUF(65536);
	struct act *a = NULL;

	for (size_t i = 0; i < b->n && !a; i++)
		if (streq(b->acts[i].word, word) && !b->acts[i].answer)
			a = &b->acts[i];
	assert_non_null(a);
	(void)buf_adds(&text, "{\"ms\":5,\"run\":{\"took_ms\":5,\"checks\":[");
	for (char **v = pairs; *v; v++) {
		char *equals = strchr(*v, '=');
		const char *check = xstrndup(*v, (size_t)(equals - *v)),
			   *slash = strchr(check, '/');

		(void)buf_addf(&text,
			"%s{\"check\":\"%s\",\"task\":\"%.*s\",\"verdict\":\"%s\",\"reason\":%s,"
			"\"max_m\":%d,"
			"\"message\":\"seen\",\"duration_ms\":1}",
			v == pairs ? "" : ",", check, (int)(slash - check), check, equals + 1,
			streq(equals + 1, "skipped") ? "\"needs\"" : "null",
			streq(check, "greet/script") ? 0 : 20000);
		free((char *)check);
	}
	(void)buf_adds(&text, "],\"grade\":{\"earned_m\":0,\"max_m\":100000}}}");
	assert_int_equal(json_parse(&a->answer, buf_str(&text), text.len, NULL), 0);
	buf_done(&text);
}

/* Every other act was done, and there is nothing to say of it. */
static void answer_rest(const struct box *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (!b->acts[i].answer)
			assert_int_equal(json_parse(&b->acts[i].answer, "{}", 2, NULL), 0);
}

#define ALL                                                                                        \
	"greet/script=pass greet/answers=pass badge/kept=pass visits/counts=pass "                 \
	"visits/steady=pass"

/* Judges one sandbox of a full proof; expected: text of the case, NULL = as it should be. */
static void judged(const char *name, const char *word, const char *verdicts, enum proof_step step,
	enum proof_outcome outcome, const char *expected)
{
	struct proof p;
	struct lab *lab;
	bool found = !expected;

	begin(&p, &lab, "full", NULL);
	plan_first(&p);
	plan_rest(&p);
	struct box *b = (struct box *)box(&p, name);
	answer(b, word, verdicts);
	answer_rest(b);
	assert_int_equal(judge_box(&p, b), outcome <= PROOF_SKIPPED);
	if (step_outcome(&p, step) != outcome)
		fail_msg("%s %s: outcome %d", name, verdicts, step_outcome(&p, step));
	for (size_t i = 0; i < p.n_cases; i++)
		found |= p.cases[i].step == step && p.cases[i].text &&
			 strstr(p.cases[i].text, expected ? expected : "");
	if (!found)
		fail_msg("%s %s: nobody says '%s'", name, verdicts, expected);
	end(&p, lab);
}

static void a_lab_that_nobody_worked_in_passes_nothing(void **state)
{
	const char *name = "pristine";

	judged(name, "grade",
		"greet/script=pass greet/answers=fail badge/kept=fail visits/counts=skipped",
		STEP_PRISTINE, PROOF_OK, NULL);
	judged(name, "grade", "greet/answers=pass badge/kept=fail", STEP_PRISTINE, PROOF_FAIL,
		"nobody has worked in");
	judged(name, "check", "greet/answers=error", STEP_PRISTINE, PROOF_ERROR,
		"could not judge: seen");
	judged(name, "check", "greet/answers=timeout", STEP_PRISTINE, PROOF_TIMEOUT,
		"time was over");
}

static void a_solved_lab_passes_everything(void **state)
{
	judged("seed 1", "grade", ALL, STEP_SOLVE, PROOF_OK, NULL);
	judged("seed 2", "grade", "greet/script=fail greet/answers=pass", STEP_SOLVE, PROOF_FAIL,
		"all solutions were applied: seen");
	judged("seed 1", "grade", "greet/answers=skipped", STEP_SOLVE, PROOF_FAIL, "skipped");
	judged("twice", "grade", "greet/answers=fail", STEP_IDEMPOTENT, PROOF_FAIL, "fails");
}

static void without_a_solution_its_task_fails_and_no_other(void **state)
{
	const char *greet = "without greet";

	judged(greet, "grade",
		"greet/script=pass greet/answers=fail badge/kept=pass visits/counts=skipped "
		"visits/steady=skipped",
		STEP_LEAVE_OUT, PROOF_OK, NULL);
	judged(greet, "grade", "greet/answers=pass", STEP_LEAVE_OUT, PROOF_FAIL,
		"greet/answers passes without solution/greet.sh");
	judged(greet, "grade", "greet/answers=fail badge/kept=fail", STEP_LEAVE_OUT, PROOF_FAIL,
		"badge/kept fails, too");
	judged(greet, "grade", "greet/answers=fail visits/counts=pass", STEP_LEAVE_OUT, PROOF_FAIL,
		"visits/counts is judged (pass)");
	judged("without visits", "grade",
		"greet/answers=pass visits/counts=fail visits/steady=skipped", STEP_LEAVE_OUT,
		PROOF_OK, NULL);
	judged("without visits", "grade", "greet/answers=pass visits/counts=error", STEP_LEAVE_OUT,
		PROOF_ERROR, "visits/counts");
}

static void a_cheat_is_caught_by_its_check(void **state)
{
	const char *name = "cheat one-counter";

	judged(name, "grade", "visits/counts=fail greet/answers=pass", STEP_CHEATS, PROOF_OK, NULL);
	judged(name, "grade", "visits/counts=timeout", STEP_CHEATS, PROOF_OK, NULL);
	judged(name, "grade", "visits/counts=pass greet/answers=fail", STEP_CHEATS, PROOF_FAIL,
		"visits/counts passes");
	judged(name, "grade", "visits/counts=skipped", STEP_CHEATS, PROOF_FAIL, "was skipped");
	judged(name, "grade", "visits/counts=error", STEP_CHEATS, PROOF_ERROR, "visits/counts");
	judged(name, "grade", "greet/answers=fail", STEP_CHEATS, PROOF_ERROR, "visits/counts");
}

/* The answer to the next act `word`, as it comes. */
static void answer_as(const struct box *b, const char *word, const char *json)
{
	for (size_t i = 0; i < b->n; i++)
		if (streq(b->acts[i].word, word) && !b->acts[i].answer) {
			assert_int_equal(
				json_parse(&b->acts[i].answer, json, strlen(json), NULL), 0);
			return;
		}
	fail_msg("'%s' is not done in %s", word, b->name);
}

static void what_a_broken_sandbox_left_out_does_not_look_proven(void **state)
{
	struct proof p;
	struct lab *lab;

	begin(&p, &lab, "full", NULL);
	plan_first(&p);
	struct box *b = (struct box *)box(&p, "seed 1");
	answer(b, "check", ALL);
	answer_as(b, "check", "{\"ms\":1,\"error\":{\"kind\":\"unreachable\",\"text\":\"away\"}}");
	answer_as(b, "check", "{\"ms\":0,\"left\":true}");
	answer_as(b, "grade", "{\"ms\":0,\"left\":true}");
	assert_false(judge_box(&p, b));
	assert_int_equal(step_outcome(&p, STEP_REPEAT), PROOF_ERROR);
	assert_int_equal(step_outcome(&p, STEP_SOLVE), PROOF_SKIPPED);
	end(&p, lab);
}

/* What a proof says of greet/script, which has no points, after these two runs. */
static void noted(const char *tier, const char *pristine, const char *cheated, const char *expected)
{
	struct proof p;
	struct lab *lab;

	begin(&p, &lab, tier, NULL);
	plan_first(&p);
	plan_rest(&p);
	answer(box(&p, "pristine"), "check", pristine);
	if (cheated)
		answer(box(&p, "cheat one-name"), "grade", cheated);
	judge_whole(&p);
	const char *note = p.notes[STEP_PRISTINE];
	if (!expected ? note != NULL : !note || !strstr(note, expected))
		fail_msg("%s: '%s'", pristine, note ? note : "nothing");
	end(&p, lab);
}

static void a_check_without_points_is_seen_to_fail(void **state)
{
	noted("full", "greet/script=pass", "greet/script=pass", "never seen to fail: greet/script");
	noted("full", "greet/script=pass", "greet/script=skipped",
		"never seen to fail: greet/script");
	noted("full", "greet/script=pass", "greet/script=fail", NULL);
	noted("full", "greet/script=fail", "greet/script=pass", NULL);
	noted("full", "greet/answers=pass", "greet/answers=pass", NULL); /* that is a failure */
	noted("smoke", "greet/script=pass", NULL, NULL);                 /* nobody has tried */
}

/* A check may pass with a part of its points; whoever has solved the lab has all of them. */
static void a_solved_lab_earns_everything(void **state)
{
	static const struct {
		int earned_m;
		enum proof_outcome outcome;
	} rows[] = {{20000, PROOF_OK}, {15000, PROOF_FAIL}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *json =
			strf("{\"ms\":5,\"run\":{\"checks\":[{\"check\":\"greet/answers\","
			     "\"task\":\"greet\",\"verdict\":\"pass\",\"earned_m\":%d,"
			     "\"max_m\":20000}]}}",
				rows[i].earned_m);
		struct proof p;
		struct lab *lab;

		begin(&p, &lab, "full", NULL);
		plan_first(&p);
		answer_as(box(&p, "seed 1"), "grade", json);
		answer_rest(box(&p, "seed 1"));
		judge_box(&p, (struct box *)box(&p, "seed 1"));
		assert_int_equal(step_outcome(&p, STEP_SOLVE), rows[i].outcome);
		assert_int_equal(p.false_fails, rows[i].outcome != PROOF_OK);
		end(&p, lab);
	}
}

/* One place of a hidden step. */
static void searched(const char *place, enum proof_outcome outcome, const char *expected)
{
	_cleanup_free_ char *json =
		strf("{\"ms\":1,\"places\":[{\"place\":\"files of hello\",%s}]}", place);
	struct proof p;
	struct lab *lab;

	begin(&p, &lab, "full", NULL);
	plan_first(&p);
	answer_as(box(&p, "pristine"), "hidden:canary", json);
	answer_rest(box(&p, "pristine"));
	judge_box(&p, (struct box *)box(&p, "pristine"));
	if (step_outcome(&p, STEP_HIDDEN) != outcome)
		fail_msg("%s: outcome %d", place, step_outcome(&p, STEP_HIDDEN));
	const struct proof_case *last = &p.cases[p.n_cases - 1];
	if (expected && !strstr(last->text, expected))
		fail_msg("%s: '%s'", place, last->text);
	end(&p, lab);
}

/* grep ends with 2 for a file that it may not read, and for an option that it does not know. */
static void a_search_that_was_none_shows_nothing(void **state)
{
	searched("\"status\":0,\"found\":\"/srv/x\"", PROOF_FAIL, "/srv/x");
	searched("\"status\":1", PROOF_OK, NULL);
	searched("\"status\":2", PROOF_OK, NULL);
	searched("\"status\":2,\"found\":\"/srv/x\"", PROOF_FAIL, "/srv/x");
	searched(
		"\"status\":2,\"said\":\"grep: unrecognized option\"", PROOF_ERROR, "unrecognized");
	searched("\"status\":137", PROOF_ERROR, "137");
	searched("\"status\":127,\"said\":\"grep: not found\"", PROOF_ERROR, "not found");
}

static void the_worst_decides_the_exit_code(void **state)
{
	static const struct {
		enum proof_outcome worst;
		int code;
	} rows[] = {{PROOF_OK, 0}, {PROOF_SKIPPED, 0}, {PROOF_FAIL, 1}, {PROOF_TIMEOUT, 5},
		{PROOF_ERROR, 4}};
	struct proof p = {0};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		proof_case(&p, STEP_SOLVE, "x", rows[i].worst, NULL, NULL, 0);
		proof_case(&p, STEP_SOLVE, "x", PROOF_OK, NULL, NULL, 0);
		assert_int_equal(proof_exit(&p), rows[i].code);
	}
	assert_int_equal(p.n_cases, 1);
	proof_case(&p, STEP_LINT, "x", PROOF_FAIL, NULL, NULL, 0);
	assert_int_equal(proof_exit(&p), 8);
	proof_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smoke_grades_nothing),
		cmocka_unit_test(full_does_everything),
		cmocka_unit_test(long_grades_are_left_to_the_full_tier),
		cmocka_unit_test(one_step_brings_what_it_stands_on),
		cmocka_unit_test(what_was_not_tried_is_not_proven),
		cmocka_unit_test(numbers_that_would_do_nothing_are_refused),
		cmocka_unit_test(other_tiers_and_steps_are_refused),
		cmocka_unit_test(a_lab_that_nobody_worked_in_passes_nothing),
		cmocka_unit_test(a_solved_lab_passes_everything),
		cmocka_unit_test(without_a_solution_its_task_fails_and_no_other),
		cmocka_unit_test(a_cheat_is_caught_by_its_check),
		cmocka_unit_test(what_a_broken_sandbox_left_out_does_not_look_proven),
		cmocka_unit_test(a_check_without_points_is_seen_to_fail),
		cmocka_unit_test(a_solved_lab_earns_everything),
		cmocka_unit_test(a_search_that_was_none_shows_nothing),
		cmocka_unit_test(the_worst_decides_the_exit_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
