/* test_yaml.c - the YAML tree, its positions, what is refused and where, limits and their cost. */
#include "codec/yaml.h"
#include "tests/fuzz/fuzz_yaml.c"
#include "tests/fuzz/replay.h"

#include <time.h>

static struct yaml *parse(const char *text)
{
	struct yaml *y = NULL;
	struct yaml_pos pos;
	struct err e = ERR_NONE;

	if (yaml_parse(&y, text, strlen(text), &pos, &e) < 0)
		fail_msg("%d:%d: %s", pos.line, pos.col, e.text);
	return y;
}

static void tree_has_values_and_positions(void **state)
{
	_cleanup_(yaml_freep) struct yaml *y = parse("# head\n"
						     "name: drift\n"
						     "list:\n"
						     "  - \"8080:80\"\n"
						     "  - \xc3\xa9: {k: v}\n"
						     "text: |\n"
						     "  one\n"
						     "  two\n"
						     "none:\n");
	const struct yaml *list = yaml_get(y, "list"), *child, *inner;
	size_t n = 0;

	assert_int_equal(yaml_type(y), YAML_MAP);
	assert_int_equal(yaml_len(y), 4);
	assert_string_equal(yaml_str(yaml_get(y, "name")), "drift");
	assert_int_equal(yaml_pos(yaml_get(y, "name")).line, 2);
	assert_int_equal(yaml_pos(yaml_get(y, "name")).col, 7);
	assert_string_equal(yaml_key(y, 2), "text");
	assert_int_equal(yaml_key_pos(y, 2).line, 6);
	assert_int_equal(yaml_key_pos(y, 2).col, 1);
	assert_string_equal(yaml_str(yaml_get(y, "text")), "one\ntwo\n");
	assert_true(yaml_quoted(yaml_get(y, "text")));
	assert_true(yaml_quoted(yaml_at(list, 0)));
	inner = yaml_get(yaml_at(list, 1), "\xc3\xa9");
	assert_string_equal(yaml_str(yaml_get(inner, "k")), "v");
	assert_int_equal(yaml_pos(inner).line, 5);
	assert_int_equal(yaml_pos(inner).col, 8); /* characters, not bytes */
	yaml_for_each (child, list)
		n += yaml_type(child);
	assert_int_equal(n, YAML_SCALAR + YAML_MAP);
	assert_int_equal(yaml_type(yaml_get(y, "none")), YAML_NULL);
	assert_null(yaml_str(yaml_get(y, "none")));
	assert_non_null(yaml_get(y, "none"));
}

static void getters_take_anything(void **state)
{
	_cleanup_(yaml_freep) struct yaml *y = parse("[a]");
	int64_t i;
	bool b;

	assert_null(yaml_get(y, "a"));
	assert_null(yaml_get(NULL, "a"));
	assert_null(yaml_at(y, 1));
	assert_null(yaml_at(NULL, 0));
	assert_null(yaml_key(y, 0));
	assert_null(yaml_str(y));
	assert_false(yaml_is_int(NULL, &i));
	assert_false(yaml_is_bool(y, &b));
	assert_int_equal(yaml_type(NULL), YAML_NULL);
	assert_int_equal(yaml_len(yaml_at(y, 0)), 0);
}

static void plain_scalars_follow_the_core_schema(void **state)
{
	static const struct {
		const char *text;
		enum { STRING, INT, BOOL, NONE } is;
		int64_t value;
	} rows[] = {
		{"42", INT, 42},
		{"-7", INT, -7},
		{"+7", INT, 7},
		{"0", INT, 0},
		{"0o17", INT, 15},
		{"0x1F", INT, 31},
		{"9223372036854775807", INT, INT64_MAX},
		{"9223372036854775808", STRING, 0},
		{"0755", STRING, 0},
		{"0o8", STRING, 0},
		{"1_000", STRING, 0},
		{"3.10", STRING, 0},
		{"8080:80", STRING, 0},
		{"1e3", STRING, 0},
		{"\"42\"", STRING, 0},
		{"'true'", STRING, 0},
		{"true", BOOL, 1},
		{"True", BOOL, 1},
		{"FALSE", BOOL, 0},
		{"yes", STRING, 0},
		{"no", STRING, 0},
		{"on", STRING, 0},
		{"~", NONE, 0},
		{"null", NONE, 0},
		{"Null", NONE, 0},
		{"\"null\"", STRING, 0},
		{"''", STRING, 0},
		{"nULL", STRING, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(yaml_freep) struct yaml *y = parse(rows[i].text);
		int64_t v = 0;
		bool b = false;

		assert_int_equal(yaml_is_int(y, &v), rows[i].is == INT);
		assert_int_equal(yaml_is_bool(y, &b), rows[i].is == BOOL);
		assert_int_equal(yaml_type(y), rows[i].is == NONE ? YAML_NULL : YAML_SCALAR);
		assert_true(v + b == rows[i].value);
	}
}

static void aliases_share_what_they_name(void **state)
{
	_cleanup_(yaml_freep) struct yaml *y =
		parse("base: &b {cpu: 1, list: [a, b]}\nx: *b\ny: &b two\nz: *b\n");
	const struct yaml *x = yaml_get(y, "x");

	assert_int_equal(yaml_type(x), YAML_MAP);
	assert_int_equal(yaml_len(yaml_get(x, "list")), 2);
	assert_int_equal(yaml_pos(x).line, 2);
	assert_int_equal(yaml_pos(x).col, 4);
	assert_int_equal(yaml_pos(yaml_get(x, "cpu")).line, 1);
	assert_string_equal(yaml_str(yaml_get(y, "z")), "two"); /* the latest anchor of a name */
}

static void an_empty_text_is_null(void **state)
{
	_cleanup_(yaml_freep) struct yaml *a = parse(""), *b = parse("# only\n"),
					  *c = parse("---\n");

	assert_int_equal(yaml_type(a), YAML_NULL);
	assert_int_equal(yaml_pos(a).line, 1);
	assert_int_equal(yaml_type(b), YAML_NULL);
	assert_int_equal(yaml_type(c), YAML_NULL);
}

static const struct {
	const char *text;
	int line, col;
	const char *says;
} refused[] = {
	{"a: 1\nb:\n  c: 2\n  d: 3\n  c: 4\n", 5, 3,
		"duplicate key 'c', first at line 3, column 3"},
	{"{a: 1, \"a\": 2}", 1, 8, "duplicate key 'a', first at line 1, column 2"},
	{"a: {<<: {b: 1}}", 1, 5, "merge keys"},
	{"a: !!str 1", 1, 4, "tags are not allowed"},
	{"a: !x {}", 1, 4, "tags are not allowed"},
	{"a: ! x", 1, 4, "tags are not allowed"},
	{"%TAG !e! tag:e,2000:\n---\na: 1\n", 1, 1, "tags are not allowed"},
	{"a:\n\tb: 1\n", 2, 1, "a tab cannot indent"},
	{"a:\n  b: 1\n\tc: 2\n", 3, 1, "tab"},
	{"-\t- a\n", 1, 2, "a tab cannot indent"},
	{"80: x", 1, 1, "the key '80' is not text"},
	{"1.5: x", 1, 1, "the key '1.5' is not text"},
	{"true: x", 1, 1, "the key 'true' is not text"},
	{"~: x", 1, 1, "the key '~' is not text"},
	{"? \n: x", 1, 2, "the key '' is not text"},
	{"? [a]\n: x", 1, 3, "a key must be text"},
	{"a: &a b\n*a : x", 2, 1, "a key must be text"},
	{"a: &a [*a]", 1, 8, "the alias '*a' contains itself"},
	{"a: *b", 1, 4, "no anchor '&b'"},
	{"a: 1\n---\nb: 2\n", 2, 1, "a second document"},
	{"a: [1,\n  2\nb: 3\n", 3, 2, "flow sequence"},
	{"a: \"x", 1, 6, "end of stream"},
	{"a: b: c", 1, 5, "mapping values are not allowed"},
	{"a: \"\\0\"", 1, 4, "NUL"},
	{"a: x\nb: \xc0\xaf\n", 2, 4, "not valid UTF-8"},
	{"a: x\nb: \x01\n", 2, 4, "control characters are not allowed"},
};

static void each_refusal_has_its_reason_and_place(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct yaml *y = NULL;
		struct yaml_pos pos = {0, 0};
		struct err e = ERR_NONE;
		const char *text = refused[i].text;

		if (yaml_parse(&y, text, strlen(text), &pos, &e) != ERR_INVALID || y)
			fail_msg("%s: not refused", text);
		if (!strstr(e.text, refused[i].says) || pos.line != refused[i].line ||
			pos.col != refused[i].col)
			fail_msg("%s: %d:%d: %s", text, pos.line, pos.col, e.text);
	}
}

static void what_looks_like_a_problem_but_is_none(void **state)
{
	static const char *const good[] = {"\"<<\": 1", "\"80\": x", "a:\t1", "a: \"\t\"",
		"a: |\n  x:\n  \ty\n", "3x: 1", "1.2.3: 1", "1e: 1", "-: 1",
		"a: &a {b: &b c}\nd: *b\n", "--- # c\na: 1\n...\n", "%YAML 1.2\n--- a\n",
		"\xef\xbb\xbf"
		"a: 1\n",
		"a: 1\r\nb: 2\r\n", "yes: no", "[\n\t1\n]"};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		yaml_free(parse(good[i]));
}

/* --- limits --- */

static char *repeat(const char *s, size_t n)
{
	struct buf b = BUF(64 << 20);

	while (n--)
		assert_int_equal(buf_adds(&b, s), 0);
	return buf_take(&b);
}

static int code_of(const char *text)
{
	_cleanup_(yaml_freep) struct yaml *y = NULL;
	int r = yaml_parse(&y, text, strlen(text), NULL, NULL);

	return r;
}

static void limits_hold(void **state)
{
	_cleanup_free_ char *open16 = repeat("[", 16), *close16 = repeat("]", 16);
	_cleanup_free_ char *deepest = strf("%sx%s", open16, close16);
	_cleanup_free_ char *too_deep = strf("[%s]", deepest);
	_cleanup_free_ char *items = repeat("- x\n", 19999), *item = strf("- x\n%s", items);
	_cleanup_free_ char *uses = repeat(", *a", 63), *aliases = strf("[&a x, *a%s]", uses);
	_cleanup_free_ char *one_more = strf("[&a x, *a, *a%s]", uses);
	_cleanup_free_ char *comment = repeat("#", YAML_TEXT_MAX), *large = strf("#%s", comment);
	_cleanup_free_ char *seven =
		strf("a: &a %.8sx%.8s\nb: [[[[[[[*a]]]]]]]\n", open16, close16);
	_cleanup_free_ char *eight =
		strf("a: &a %.8sx%.8s\nb: [[[[[[[[*a]]]]]]]]\n", open16, close16);

	assert_int_equal(code_of(deepest), 0);
	assert_int_equal(code_of(too_deep), ERR_LIMIT);
	assert_int_equal(code_of(items), 0); /* the list itself is a node */
	assert_int_equal(code_of(item), ERR_LIMIT);
	assert_int_equal(code_of(aliases), 0);
	assert_int_equal(code_of(one_more), ERR_LIMIT);
	assert_int_equal(code_of(comment), 0);
	assert_int_equal(code_of(large), ERR_LIMIT);
	assert_int_equal(code_of(seven), 0); /* map + 7 + 8 levels */
	assert_int_equal(code_of(eight), ERR_LIMIT);
}

static void aliases_count_as_often_as_they_expand(void **state)
{
	_cleanup_buf_ struct buf b = BUF(4096);

	(void)buf_adds(&b, "a0: &a0 [x, x]\n");
	for (int i = 1; i < 15; i++)
		(void)buf_addf(&b, "a%d: &a%d [*a%d, *a%d]\n", i, i, i - 1, i - 1);
	assert_int_equal(code_of(b.data), ERR_LIMIT);
}

static int64_t cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Each of these took seconds with a careless reader. */
static void hostile_shapes_are_cheap(void **state)
{
	static const char *const units[] = {
		"[", "{", "- ", "? ", "{a: ", "[\n", "? - ", "\"\\x41\" "};
	_cleanup_buf_ struct buf keys = BUF(1 << 20);
	int64_t before = cpu_ms();

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		_cleanup_free_ char *text = repeat(
			units[i], MIN((size_t)100000, (size_t)YAML_TEXT_MAX / strlen(units[i])));

		assert_true(code_of(text) < 0);
	}
	for (int i = 0; i < 9990; i++)
		(void)buf_addf(&keys, "key-%d: x\n", i);
	assert_int_equal(code_of(keys.data), 0);
	assert_true(cpu_ms() - before < 1000); /* about 40 ms; sanitizers are slow */
}

static void corpus(void **state)
{
	replay_corpus("yaml");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree_has_values_and_positions),
		cmocka_unit_test(getters_take_anything),
		cmocka_unit_test(plain_scalars_follow_the_core_schema),
		cmocka_unit_test(aliases_share_what_they_name),
		cmocka_unit_test(an_empty_text_is_null),
		cmocka_unit_test(each_refusal_has_its_reason_and_place),
		cmocka_unit_test(what_looks_like_a_problem_but_is_none),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(aliases_count_as_often_as_they_expand),
		cmocka_unit_test(hostile_shapes_are_cheap),
		cmocka_unit_test(corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
