/* test_draw.c - seeds give the same values for ever, all values alike, and Compose's interpolation.
 */
#include "base/id.h"
#include "base/str.h"
#include "lab/draw.h"
#include "lab/interpolate.h"
#include "tests/unit/test.h"

static const unsigned char seed[SEED_BYTES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
	16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

#define S(text) ((char[]){text}) /* a string that a char * may point at */

static char *words[] = {S("plain"), S("routes"), S("legs"), NULL};
static struct lab_param params[] = {
	{.name = S("rate"), .kind = PARAM_INT, .min = 18, .max = 24},
	{.name = S("word"), .kind = PARAM_PICK, .pick = words},
	{.name = S("probe"), .kind = PARAM_TOKEN, .length = 64, .at_grade = true},
	{.name = S("big"), .kind = PARAM_INT, .min = -((int64_t)1 << 53), .max = (int64_t)1 << 53},
};
static struct lab_secret secrets[] = {
	{.name = S("key")}, {.name = S("db_admin")}, {.name = S("control"), .at_grade = true}};
static const struct lab lab = {.params = params,
	.n_params = ARRAY_SIZE(params),
	.secrets = secrets,
	.n_secrets = ARRAY_SIZE(secrets)};

/* The vectors were computed by another implementation. They may never change: records depend on
 * them. */
static void values_stay_the_same(void **state)
{
	static const char *const expected[] = {"20", "plain",
		"aswsuxp996ab5xnrcth749viepb9dk754g9dezq4cscza8g236vcz92g8m92mdn9",
		"-7177937785883872"};
	char hex[65];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(params); i++) {
		_cleanup_free_ char *v = draw_param(&params[i], seed);

		assert_string_equal(v, expected[i]);
	}
	_cleanup_free_ char *key = draw_secret("key", seed);
	assert_string_equal(
		key, "65155673b32b7d28990fe2c3d80a05987f4cd2b95d6f5062c0960148ca032844");
	draw_commitment(seed, hex);
	assert_string_equal(
		hex, "86b672f4d64665d3d5c08ff447a1b328a58405b5cfab032a3289b9d61061f410");
}

static void every_value_comes_as_often(void **state)
{
	enum { DRAWS = 7000 };
	unsigned seen[7] = {0};
	unsigned char s[SEED_BYTES] = {0};
	double chi2 = 0;

	(void)state;
	for (int i = 0; i < DRAWS; i++) {
		s[0] = (unsigned char)i;
		s[1] = (unsigned char)(i >> 8);
		_cleanup_free_ char *v = draw_param(&params[0], s);
		int64_t n;
		assert_int_equal(str_int(v, 18, 24, &n, NULL), 0);
		seen[n - 18]++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
		double off = seen[i] - DRAWS / 7.0;

		chi2 += off * off / (DRAWS / 7.0);
	}
	assert_true(chi2 < 22.5); /* one in a thousand would be above; these seeds are fixed */
}

static void names_and_seeds_are_independent(void **state)
{
	unsigned char other[SEED_BYTES];

	(void)state;
	memcpy(other, seed, sizeof(other));
	other[31] ^= 1;
	_cleanup_free_ char *a = draw_secret("key", seed);
	_cleanup_free_ char *b = draw_secret("kez", seed);
	_cleanup_free_ char *c = draw_secret("key", other);
	assert_string_not_equal(a, b);
	assert_string_not_equal(a, c);
}

/* --- interpolation --- */

static void assert_interpolated(const char *value, const char *expected)
{
	_cleanup_free_ char *got = draw_interpolate(&lab, value, seed);

	assert_string_equal(got, expected);
}

static void variables_are_replaced(void **state)
{
	(void)state;
	assert_interpolated("", "");
	assert_interpolated("plain text", "plain text");
	assert_interpolated("${LAB_PARAM_RATE}", "20");
	assert_interpolated("$LAB_PARAM_RATE/s", "20/s");
	assert_interpolated("a${LAB_PARAM_WORD}b${LAB_PARAM_RATE}c", "aplainb20c");
	assert_interpolated("${LAB_PARAM_RATE:-7}", "20");
	assert_interpolated("${LAB_PARAM_RATE:?not drawn}", "20");
	assert_interpolated("$$5 $${LAB_PARAM_RATE}", "$5 ${LAB_PARAM_RATE}");
	assert_interpolated("${LAB_SECRET_KEY}",
		"65155673b32b7d28990fe2c3d80a05987f4cd2b95d6f5062c0960148ca032844");
	assert_interpolated(
		"${LAB_SEED}", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
}

static void names_belong_to_the_session(void **state)
{
	size_t i = 99;

	(void)state;
	assert_int_equal(draw_variable(&lab, "LAB_SECRET_DB_ADMIN", &i), DRAW_SECRET);
	assert_int_equal(i, 1);
	assert_int_equal(
		draw_variable(&lab, "LAB_PARAM_PROBE", &i), DRAW_UNKNOWN); /* of the grade */
	assert_int_equal(
		draw_variable(&lab, "LAB_SECRET_CONTROL", &i), DRAW_UNKNOWN); /* likewise */
	assert_int_equal(draw_variable(&lab, "LAB_PARAM_rate", &i), DRAW_UNKNOWN);
	assert_int_equal(draw_variable(&lab, "LAB_PARAM_RAT", &i), DRAW_UNKNOWN);
	assert_int_equal(draw_variable(&lab, "LAB_PARAM_RATES", &i), DRAW_UNKNOWN);
}

static int take_any(void *arg, const char *name, const char *fallback)
{
	return 0;
}

static void other_forms_are_refused(void **state)
{
	static const char *const bad[] = {"$", "a $ b", "${", "${}", "${X", "${X-d}", "${X?t}",
		"${X+a}", "${X:+a}", "${1X}", "${X:-${Y}}", "$-", "${X y}"};
	const struct interpolation to = {.var = take_any};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(interpolation_scan(bad[i], &to, NULL), ERR_INVALID);
	assert_int_equal(interpolation_scan("$X_1 ${X:-} ${X:?} $$", &to, NULL), 0);
}

static void lists_are_interpolated_whole(void **state)
{
	char *argv[] = {S("serve"), S("--rate=${LAB_PARAM_RATE}"), NULL};
	_cleanup_(strv_freep) char **got = draw_list(&lab, argv, seed);

	(void)state;
	assert_string_equal(got[0], "serve");
	assert_string_equal(got[1], "--rate=20");
	assert_null(got[2]);
	assert_null(draw_list(&lab, NULL, seed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_stay_the_same),
		cmocka_unit_test(every_value_comes_as_often),
		cmocka_unit_test(names_and_seeds_are_independent),
		cmocka_unit_test(variables_are_replaced),
		cmocka_unit_test(names_belong_to_the_session),
		cmocka_unit_test(other_forms_are_refused),
		cmocka_unit_test(lists_are_interpolated_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
