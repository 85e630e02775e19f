/* test_verdict.c - the contract of check programs, row by row. */
#include "base/str.h"
#include "grade/verdict.h"
#include "tests/unit/test.h"

static struct judgement j;

static void run_with(int exit_code, const char *out)
{
	judge(&j, &(struct program_result){.exit = exit_code, .out = out, .n_out = strlen(out)});
}

static int done(void **state)
{
	judgement_done(&j);
	return 0;
}

static void exit_codes_are_verdicts(void **state)
{
	run_with(0, "");
	assert_int_equal(j.verdict, VERDICT_PASS);
	assert_int_equal(j.n, j.d);
	run_with(1, "");
	assert_int_equal(j.verdict, VERDICT_FAIL);
	assert_int_equal(j.n, 0);
	run_with(2, "");
	assert_int_equal(j.verdict, VERDICT_ERROR);
	assert_string_equal(j.reason, "cannot_judge");
	run_with(7, "");
	assert_string_equal(j.reason, "exit_other");
	run_with(139, "");
	assert_string_equal(j.reason, "signal");
}

static void only_a_judging_program_gives_the_reason(void **state)
{
	run_with(2, "FAIL: the machine was overloaded\n");
	assert_string_equal(j.text, "the machine was overloaded");
	run_with(139, "FAIL: it was wrong\n");
	assert_string_equal(j.text, "the check program was ended by signal 11");
}

static void header_lines_come_first(void **state)
{
	run_with(1, "FAIL: four series\nHINT: one is missing\nSCORE: 3/4\nmore\nFAIL: not a header "
		    "any more\n");
	assert_string_equal(j.text, "four series");
	assert_string_equal(j.hint, "one is missing");
	assert_int_equal(j.n, 3);
	assert_int_equal(j.d, 4);
	assert_string_equal(j.output, "more\nFAIL: not a header any more\n");
}

static void scores_meet_exits(void **state)
{
	run_with(0, "SCORE: 3/4\n");
	assert_int_equal(j.verdict, VERDICT_PASS);
	assert_int_equal(j.n, 3);
	run_with(0, "SCORE: 0/4\n");
	assert_string_equal(j.reason, "contradiction");
	run_with(1, "SCORE: 4/4\n");
	assert_string_equal(j.reason, "contradiction");
}

static void senseless_scores_are_our_error(void **state)
{
	static const char *const bad[] = {"SCORE: 5/4\n", "SCORE: -1/4\n", "SCORE: 1\n",
		"SCORE: 1/0\n", "SCORE: a/b\n", "SCORE: 1/2\nSCORE: 1/2\n"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		run_with(1, bad[i]);
		assert_int_equal(j.verdict, VERDICT_ERROR);
		assert_string_equal(j.reason, "bad_score");
	}
}

static void time_and_size_win_over_the_exit(void **state)
{
	judge(&j, &(struct program_result){.exit = 124, .timed_out = true, .out = "", .n_out = 0});
	assert_int_equal(j.verdict, VERDICT_TIMEOUT);
	judge(&j, &(struct program_result){.exit = 0, .too_long = true, .out = "", .n_out = 0});
	assert_string_equal(j.reason, "output_limit");
}

static void what_broke_on_our_side_never_fails_the_learner(void **state)
{
	static const int unheard[] = {ERR_UNREACHABLE, ERR_UNKNOWN, ERR_TIMEOUT};
	struct program_result r = {0};

	for (size_t i = 0; i < ARRAY_SIZE(unheard); i++) {
		err_set(&r.err, unheard[i], "the engine is away");
		judge(&j, &r);
		assert_int_equal(j.verdict, VERDICT_ERROR);
		assert_string_equal(j.reason, "engine_unreachable");
	}
	err_set(&r.err, ERR_STATE, "the runner ended");
	judge(&j, &r);
	assert_int_equal(j.verdict, VERDICT_ERROR);
	assert_string_equal(j.reason, "internal");
}

static void work_with(const struct program_result *r)
{
	struct program_result whole = *r;

	whole.out = r->out ? r->out : "";
	whole.n_out = strlen(whole.out);
	judge_work(&j, &whole);
}

static void what_work_does_to_its_judge_fails_it(void **state)
{
	static const struct program_result ends[] = {{.exit = 7}, {.exit = 137}, {.too_long = true},
		{.out = "SCORE: 9/3\n"}, {.out = "SCORE: 0/3\n"}, {.err = {.code = ERR_STATE},
		.spoilt = true}, {.err = {.code = ERR_PROTO}, .spoilt = true}};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		work_with(&ends[i]);
		assert_int_equal(j.verdict, VERDICT_FAIL);
		assert_string_equal(j.reason, "");
		assert_int_equal(j.n, 0);
		assert_true(j.text && *j.text); /* a sentence of ours */
	}
	work_with(&(struct program_result){.err = {.code = ERR_UNKNOWN}, .silent = true});
	assert_int_equal(j.verdict, VERDICT_TIMEOUT);
	work_with(&(struct program_result){.exit = 124, .timed_out = true});
	assert_int_equal(j.verdict, VERDICT_TIMEOUT);
}

static void what_is_not_the_works_stays_an_error(void **state)
{
	work_with(&(struct program_result){.exit = 2});
	assert_string_equal(j.reason, "cannot_judge");
	for (int code = ERR_FIRST_ + 1; code < ERR_LAST_; code++) {
		work_with(&(struct program_result){.err = {.code = code}});
		assert_int_equal(j.verdict, VERDICT_ERROR);
	}
	work_with(&(struct program_result){.exit = 0});
	assert_int_equal(j.verdict, VERDICT_PASS);
	work_with(&(struct program_result){.exit = 1, .out = "FAIL: it is 5\n"});
	assert_int_equal(j.verdict, VERDICT_FAIL);
	assert_string_equal(j.text, "it is 5");
}

static void words_survive_the_shell(void **state)
{
	struct buf b = BUF(64);

	shell_quote(&b, "it's $HOME");
	assert_string_equal(buf_str(&b), "'it'\\''s $HOME'");
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(exit_codes_are_verdicts, done),
		cmocka_unit_test_teardown(only_a_judging_program_gives_the_reason, done),
		cmocka_unit_test_teardown(header_lines_come_first, done),
		cmocka_unit_test_teardown(scores_meet_exits, done),
		cmocka_unit_test_teardown(senseless_scores_are_our_error, done),
		cmocka_unit_test_teardown(time_and_size_win_over_the_exit, done),
		cmocka_unit_test_teardown(what_broke_on_our_side_never_fails_the_learner, done),
		cmocka_unit_test_teardown(what_work_does_to_its_judge_fails_it, done),
		cmocka_unit_test_teardown(what_is_not_the_works_stays_an_error, done),
		cmocka_unit_test(words_survive_the_shell),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
