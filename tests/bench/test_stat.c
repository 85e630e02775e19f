/* test_stat.c - the statistics of the benchmarks: medians, intervals, verdicts. */
#include "tests/bench/stat.h"
#include "tests/unit/test.h"

#include <math.h>

/* 1 … n, shuffled */
static struct summary of_first(size_t n)
{
	double v[40];

	for (size_t i = 0; i < n; i++)
		v[i] = (double)((i * 7) % n + 1);
	return summarise(v, n);
}

static void test_interval(void **state)
{
	static const struct {
		size_t n;
		double low, high;
	} rows[] = {{9, 2, 8}, {15, 4, 12}, {11, 2, 10}, {33, 11, 23}, {5, 1, 5}, {1, 1, 1}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct summary s = of_first(rows[i].n);

		assert_int_equal(s.n, rows[i].n);
		assert_true(s.low == rows[i].low && s.high == rows[i].high);
		assert_true(s.min == 1 && s.max == (double)rows[i].n);
		assert_true(s.median == ((double)rows[i].n + 1) / 2);
	}
}

static void test_missing(void **state)
{
	const double num[] = {2, NAN, 6, 8}, den[] = {1, 1, NAN, 2};
	double r[4];

	ratios(r, num, den, 4);
	struct summary s = summarise(r, 4);
	assert_int_equal(s.n, 2);
	assert_true(s.median == 3);
	assert_int_equal(summarise(NULL, 0).n, 0);
}

static void test_verdicts(void **state)
{
	struct summary s = of_first(9); /* median 5, interval 2 to 8 */

	assert_int_equal(judge(&s, 5, 9), VERDICT_PASS);
	assert_int_equal(judge(&s, 5, 10), VERDICT_FEW);
	assert_int_equal(judge(&s, 4.9, 9), VERDICT_NOISE);
	assert_int_equal(judge(&s, 2, 9), VERDICT_NOISE);
	assert_int_equal(judge(&s, 1.9, 9), VERDICT_FAIL);
	assert_int_equal(judge(&s, 0, 9), VERDICT_INFO);
	s.n = 0;
	assert_int_equal(judge(&s, 5, 9), VERDICT_NOT_RUN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interval),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_verdicts),
	};

	return cmocka_run_group_tests_name("stat", tests, NULL, NULL);
}
