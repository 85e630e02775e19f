/* test_cli_lock.c - what has moved since a lab was locked. */
#include "base/str.h"
#include "cmd/lab/lock.h"
#include "tests/unit/test.h"

static struct json *parse(const char *text)
{
	struct json *doc = NULL;
	struct err e = ERR_NONE;

	assert_int_equal(json_parse(&doc, text, strlen(text), &e), 0);
	return doc;
}

/* "curl 1 -> 2; jq 1 -> -" */
static char *moves(const char *locked, const char *now)
{
	_cleanup_(json_freep) struct json *was = parse(locked), *is = parse(now);
	_cleanup_(lock_moves_done) struct lock_moves m = {0};
	struct buf text = BUF(4096);

	lock_compare_image(&m, "lab/pg", was, is);
	assert_int_equal(buf_adds(&text, ""), 0);
	for (size_t i = 0; i < m.n; i++) {
		assert_string_equal(m.items[i].image, "lab/pg");
		assert_int_equal(buf_addf(&text, "%s%s %s -> %s", i ? "; " : "", m.items[i].package,
					 m.items[i].locked, m.items[i].now),
			0);
	}
	return buf_take(&text);
}

static void expect(const char *locked, const char *now, const char *expected)
{
	_cleanup_free_ char *got = moves(locked, now);

	assert_string_equal(got, expected);
}

static void packages_move_alone(void **state)
{
	expect("{\"digest\": null, \"packages\": {\"curl\": \"1\", \"jq\": \"1\", \"sed\": \"4\"}}",
		"{\"digest\": null, "
		"\"packages\": {\"curl\": \"2\", \"sed\": \"4\", \"new\": \"1\"}}",
		"curl 1 -> 2; jq 1 -> -");
	expect("{\"digest\": null, \"packages\": {}}",
		"{\"digest\": \"sha256:b\", \"packages\": {\"curl\": \"2\"}}", "");
}

static void digests_are_compared_where_both_are_known(void **state)
{
	expect("{\"digest\": \"sha256:a\", \"packages\": {}}",
		"{\"digest\": \"sha256:b\", \"packages\": {}}", " sha256:a -> sha256:b");
	expect("{\"digest\": \"sha256:a\", \"packages\": {}}",
		"{\"digest\": \"sha256:a\", \"packages\": {}}", "");
	expect("{\"digest\": \"sha256:a\", \"packages\": {}}", "{\"digest\": null}", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packages_move_alone),
		cmocka_unit_test(digests_are_compared_where_both_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
