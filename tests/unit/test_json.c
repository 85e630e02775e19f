/* test_json.c - the JSON reader's strictness and limits, streams cut anywhere, the writer. */
#include "codec/json.h"
#include "tests/fuzz/fuzz_json.c"
#include "tests/fuzz/replay.h"

#include <math.h>

static struct json *parse(const char *text)
{
	struct json *j = NULL;
	struct err e = ERR_NONE;

	if (json_parse(&j, text, strlen(text), &e) < 0)
		fail_msg("%s: %s", text, e.text);
	return j;
}

static void values_are_found(void **state)
{
	_cleanup_(json_freep) struct json *j =
		parse(" {\"a\": {\"b\": {\"n\": -9223372036854775808}}, \"s\": "
		      "\"x\\u00e9\\ud83d\\ude00\\n\\\"\",\n"
		      "\"list\": [1, 2.5, true, null, \"t\"], \"empty\": {}, \"big\": "
		      "18446744073709551615, \"e\": 1e2}\r\n");
	const struct json *list = json_get(j, "list"), *child;
	size_t seen = 0;

	assert_int_equal(json_type(j), JSON_OBJECT);
	assert_int_equal(json_len(j), 6);
	assert_string_equal(json_key(j, 1), "s");
	assert_null(json_key(j, 6));
	assert_true(json_int(json_path(j, "a.b.n"), 0) == INT64_MIN);
	assert_null(json_path(j, "a.b.n.x"));
	assert_null(json_path(j, "a..n"));
	assert_string_equal(json_str(json_get(j, "s")), "x\xc3\xa9\xf0\x9f\x98\x80\n\"");
	assert_int_equal(json_type(json_get(j, "big")), JSON_DOUBLE);
	assert_int_equal(json_int(json_get(j, "big"), 7), 7);
	assert_true(json_double(json_get(j, "big"), 0) > 1.8e19);
	assert_int_equal(json_type(json_get(j, "e")), JSON_DOUBLE);
	assert_true(json_double(json_at(list, 0), 0) == 1.0);
	assert_true(json_double(json_at(list, 1), 0) == 2.5);
	assert_true(json_bool(json_at(list, 2), false));
	json_for_each (child, list)
		seen += (size_t)json_type(child);
	assert_int_equal(seen, JSON_INT + JSON_DOUBLE + JSON_BOOL + JSON_NULL + JSON_STRING);
	assert_int_equal(json_len(json_get(j, "empty")), 0);
}

static void getters_answer_with_the_default(void **state)
{
	_cleanup_(json_freep) struct json *j = parse("[\"a\"]");

	assert_null(json_get(j, "a"));
	assert_null(json_get(NULL, "a"));
	assert_null(json_at(j, 1));
	assert_null(json_at(json_at(j, 0), 0));
	assert_null(json_str(j));
	assert_string_equal(json_str_or(NULL, "d"), "d");
	assert_int_equal(json_int(json_at(j, 0), 4), 4);
	assert_true(json_bool(j, true));
	assert_true(json_double(j, 1.5) == 1.5);
	assert_int_equal(json_type(NULL), JSON_NULL);
}

static const struct {
	const char *text;
	int code;
	const char *says;
} refused[] = {
	{"", ERR_PROTO, "line 1, column 1: premature EOF"},
	{" \n{\"a\":", ERR_PROTO, "line 2, column 6: premature EOF"},
	{"{\"a\":1,\n \"a\":2}", ERR_PROTO, "line 2, column 2: duplicate key 'a'"},
	{"{\"\\u001b\":1,\"\\u001b\":2}", ERR_PROTO, "duplicate key '\\x1b'"},
	{"[1,]", ERR_PROTO, "line 1, column"},
	{"[1] 2", ERR_PROTO, "trailing garbage"},
	{"0\"", ERR_PROTO, "line 1, column 2: more text behind the value"},
	{"[]  \"a", ERR_PROTO, "line 1, column 5: more text behind the value"},
	{"[1,\v2]", ERR_PROTO, "line 1, column 4: a control character"},
	{"1\f", ERR_PROTO, "line 1, column 2: a control character"},
	{"[01]", ERR_PROTO, "line 1"},
	{"[1.]", ERR_PROTO, "line 1"},
	{"[+1]", ERR_PROTO, "line 1"},
	{"[NaN]", ERR_PROTO, "line 1"},
	{"[.5]", ERR_PROTO, "line 1"},
	{"nul", ERR_PROTO, "line 1"},
	{"'a'", ERR_PROTO, "line 1"},
	{"{a:1}", ERR_PROTO, "line 1"},
	{"[1e400]", ERR_PROTO, "the number that ends here is too large"},
	{"[1] // no", ERR_PROTO, "line 1"},
	{"/* no */ 1", ERR_PROTO, "line 1"},
	{"\"\\u0000\"", ERR_PROTO, "line 1, column 2: a NUL"},
	{"{\"a\\u0000\":1}", ERR_PROTO, "a NUL"},
	{"\"\\ud800\"", ERR_PROTO, "half a surrogate"},
	{"\"\\ud800\\u0041\"", ERR_PROTO, "half a surrogate"},
	{"\"\\udc00\"", ERR_PROTO, "half a surrogate"},
	{"\"\\u12g4\"", ERR_PROTO, "line 1"},
	{"\"\\x\"", ERR_PROTO, "line 1"},
	{"\"a\nb\"", ERR_PROTO, "line 1"},
	{"\"\xc0\xaf\"", ERR_PROTO, "line 1, column 2: not valid UTF-8"},
	{"\"aaaaaaaaaaaaaaaa\xed\xa0\x80\"", ERR_PROTO, "column 18: not valid UTF-8"},
	{"\"\xf4\x90\x80\x80\"", ERR_PROTO, "not valid UTF-8"},
	{"\"\xe2\x82", ERR_PROTO, "not valid UTF-8"},
	{"\xef\xbb\xbf[]", ERR_PROTO, "line 1"},
};

static void bad_text_is_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct json *j = NULL;
		struct err e = ERR_NONE;

		assert_int_equal(json_parse(&j, refused[i].text, strlen(refused[i].text), &e),
			refused[i].code);
		assert_null(j);
		if (!strstr(e.text, refused[i].says))
			fail_msg("'%s' does not say '%s'", e.text, refused[i].says);
	}
	struct json *j = NULL;
	assert_int_equal(json_parse(&j, "\"a\0b\"", 5, NULL), ERR_PROTO);
	assert_int_equal(json_parse(&j, "1\0", 2, NULL), ERR_PROTO);
}

/* n times `a`, then `middle`, then n times `b` */
static char *nest(size_t n, const char *a, const char *middle, const char *b)
{
	struct buf t = BUF(64 << 20);

	for (size_t i = 0; i < n; i++)
		assert_int_equal(buf_adds(&t, a), 0);
	assert_int_equal(buf_adds(&t, middle), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(buf_adds(&t, b), 0);
	return buf_take(&t);
}

static int code_of(const char *text, size_t n)
{
	_cleanup_(json_freep) struct json *j = NULL;

	return json_parse(&j, text, n, NULL);
}

static void limits_hold(void **state)
{
	_cleanup_free_ char *deepest = nest(64, "[", "1", "]");
	_cleanup_free_ char *too_deep = nest(65, "{\"a\":", "1", "}");
	_cleanup_free_ char *very_deep = nest(1000000, "[", "", "");
	_cleanup_free_ char *digits = nest(200, "1", "", "");
	_cleanup_free_ char *large = calloc(1, JSON_TEXT_MAX + 1);

	assert_int_equal(code_of(deepest, strlen(deepest)), 0);
	assert_int_equal(code_of(too_deep, strlen(too_deep)), ERR_LIMIT);
	assert_int_equal(code_of(very_deep, strlen(very_deep)), ERR_LIMIT);
	assert_int_equal(code_of(digits, strlen(digits)), ERR_PROTO);
	memset(large, ' ', JSON_TEXT_MAX + 1);
	large[0] = '1';
	assert_int_equal(code_of(large, JSON_TEXT_MAX), 0);
	assert_int_equal(code_of(large, JSON_TEXT_MAX + 1), ERR_LIMIT);
}

static void one_value_too_many_is_refused(void **state)
{
	/* the array counts too */
	_cleanup_free_ char *most = nest(JSON_NODES_MAX - 2, "1,", "1]", ""),
			    *fits = strf("[%s", most);
	_cleanup_free_ char *over = strf("[1,%s", most);

	assert_int_equal(code_of(fits, strlen(fits)), 0);
	assert_int_equal(code_of(over, strlen(over)), ERR_LIMIT);
}

static void equal_keys_are_found_among_many(void **state)
{
	_cleanup_buf_ struct buf b = BUF(1 << 20);

	(void)buf_adds(&b, "{\"x\":[{\"k1\":1}]");
	for (int i = 0; i < 5000; i++)
		(void)buf_addf(&b, ",\"k%d\":%d", i, i);
	_cleanup_free_ char *good = strf("%s}", b.data), *bad = strf("%s,\"k4711\":0}", b.data);
	_cleanup_(json_freep) struct json *j = parse(good);

	assert_int_equal(json_int(json_get(j, "k4999"), 0), 4999);
	assert_int_equal(code_of(bad, strlen(bad)), ERR_PROTO);
}

/* --- streams --- */

struct seen {
	struct buf text;
	int stop_at;
	int docs;
};

static int collect(void *arg, const struct json *doc, struct err *e)
{
	struct seen *s = arg;
	struct json_writer w;

	if (++s->docs == s->stop_at)
		return err_set(e, ERR_CANCELED, "enough");
	json_begin(&w, &s->text, false);
	json_put(&w, NULL, doc);
	(void)buf_addc(&s->text, ';');
	return 0;
}

static void streams_may_be_cut_anywhere(void **state)
{
	static const char text[] =
		"{\"a\":\"}\\\"{\"}\r\n\n{\"b\":[1,{}]}[2] 12\t\"s\\\\\"true\n-1.5{}false";

	for (size_t step = 1; step <= sizeof(text); step++) {
		struct seen seen = {.text = BUF(4096)};
		_cleanup_(json_stream_freep) struct json_stream *s =
			json_stream_new(collect, &seen);

		for (size_t i = 0; i < sizeof(text) - 1; i += step)
			assert_int_equal(json_stream_feed(s, text + i,
						 MIN(step, sizeof(text) - 1 - i), NULL),
				0);
		assert_int_equal(json_stream_end(s, NULL), 0);
		assert_string_equal(seen.text.data,
			"{\"a\":\"}\\\"{\"};{\"b\":[1,{}]};[2];12;\"s\\\\\";true;-1.5;{};false;");
		buf_done(&seen.text);
	}
}

static void a_stream_stops_at_its_first_error(void **state)
{
	struct seen seen = {.text = BUF(4096), .stop_at = 2};
	_cleanup_(json_stream_freep) struct json_stream *s = json_stream_new(collect, &seen);
	_cleanup_(json_stream_freep) struct json_stream *cut = json_stream_new(collect, &seen);
	_cleanup_(json_stream_freep) struct json_stream *bad = json_stream_new(collect, &seen);
	struct err e = ERR_NONE;

	assert_int_equal(json_stream_feed(s, "[1][2][3]", 9, &e), ERR_CANCELED);
	assert_int_equal(json_stream_feed(s, "[4]", 3, &e), ERR_CANCELED);
	assert_string_equal(e.text, "enough");
	assert_int_equal(seen.docs, 2);
	assert_int_equal(json_stream_feed(cut, "{\"a\":", 5, &e), 0);
	assert_int_equal(json_stream_end(cut, &e), ERR_PROTO);
	assert_int_equal(json_stream_feed(bad, "[1}", 3, &e), ERR_PROTO);
	assert_int_equal(json_stream_end(bad, &e), ERR_PROTO);
	buf_done(&seen.text);
}

static void a_document_of_a_stream_has_a_limit(void **state)
{
	_cleanup_free_ char *large = malloc(JSON_CHUNK_MAX + 1);
	struct seen seen = {.text = BUF(4 << 20)};

	memset(large, 'a', JSON_CHUNK_MAX + 1);
	large[0] = large[JSON_CHUNK_MAX] = '"';
	for (size_t step = 1 << 14; step <= 1 << 21; step *= 128) {
		_cleanup_(json_stream_freep) struct json_stream *s =
			json_stream_new(collect, &seen);
		int r = 0;

		for (size_t i = 0; r == 0 && i <= JSON_CHUNK_MAX; i += step)
			r = json_stream_feed(
				s, large + i, MIN(step, (size_t)JSON_CHUNK_MAX + 1 - i), NULL);
		assert_int_equal(r, ERR_LIMIT);
	}
	assert_int_equal(seen.docs, 0);
	buf_done(&seen.text);
}

/* --- writer --- */

static void writer_writes(void **state)
{
	_cleanup_buf_ struct buf b = BUF(4096);
	_cleanup_(json_freep) struct json *tree = parse("{\"k\":[],\"l\":[{\"m\":1}]}");
	struct json_writer w;
	char *list[] = {(char *)"a", (char *)"b", NULL};

	json_begin(&w, &b, false);
	json_object(&w, NULL);
	json_put_str(&w, "s", "a\"\\\n\x01\x7f/<\xc3\xa9");
	json_put_str(&w, "bad", "\xffx\xc3");
	json_put_str(&w, "none", NULL);
	json_put_strn(&w, "n", "ab\0c", 4);
	json_put_int(&w, "i", INT64_MIN);
	json_put_bool(&w, "b", true);
	json_put(&w, "tree", tree);
	json_put(&w, "null", NULL);
	json_put_strv(&w, "list", list);
	json_put_strv(&w, "nolist", NULL);
	json_array(&w, "mixed");
	json_put_double(&w, NULL, 0.1);
	json_put_double(&w, NULL, 3);
	json_put_double(&w, NULL, 1e300);
	json_put_double(&w, NULL, 1.0 / 3);
	json_put_double(&w, NULL, NAN);
	json_put_null(&w, NULL);
	json_object(&w, NULL);
	json_end(&w);
	json_end(&w);
	json_end(&w);
	assert_string_equal(b.data,
		"{\"s\":\"a\\\"\\\\\\n\\u0001\x7f/"
		"<\xc3\xa9\",\"bad\":\"\xef\xbf\xbdx\xef\xbf\xbd\",\"none\":null,"
		"\"n\":\"ab\\u0000c\",\"i\":-9223372036854775808,\"b\":true,"
		"\"tree\":{\"k\":[],\"l\":[{\"m\":1}]},\"null\":null,\"list\":[\"a\",\"b\"],"
		"\"nolist\":[],"
		"\"mixed\":[0.1,3.0,1e+300,0.3333333333333333,null,null,{}]}");
}

static void pretty_text_is_indented(void **state)
{
	_cleanup_buf_ struct buf b = BUF(4096);
	_cleanup_(json_freep) struct json *tree = parse("{\"a\":[1,{}],\"b\":{}}");
	struct json_writer w;

	json_begin(&w, &b, true);
	json_object(&w, NULL);
	json_put(&w, "t", tree);
	json_array(&w, "e");
	json_end(&w);
	json_end(&w);
	assert_string_equal(b.data, "{\n  \"t\": {\n    \"a\": [\n      1,\n      {}\n    ],\n    "
				    "\"b\": {}\n  },\n  \"e\": []\n}");
}

static void a_full_buffer_is_seen(void **state)
{
	_cleanup_buf_ struct buf b = BUF(8);
	struct json_writer w;

	json_begin(&w, &b, false);
	json_array(&w, NULL);
	json_put_str(&w, NULL, "0123456789");
	json_end(&w);
	assert_true(b.full);
}

static void corpus(void **state)
{
	replay_corpus("json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_found),
		cmocka_unit_test(getters_answer_with_the_default),
		cmocka_unit_test(bad_text_is_refused),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(one_value_too_many_is_refused),
		cmocka_unit_test(equal_keys_are_found_among_many),
		cmocka_unit_test(streams_may_be_cut_anywhere),
		cmocka_unit_test(a_stream_stops_at_its_first_error),
		cmocka_unit_test(a_document_of_a_stream_has_a_limit),
		cmocka_unit_test(writer_writes),
		cmocka_unit_test(pretty_text_is_indented),
		cmocka_unit_test(a_full_buffer_is_seen),
		cmocka_unit_test(corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
