/* test_stdcopy.c - frames of Docker's output: whole, cut anywhere, and not frames at all. */
#include "codec/stdcopy.h"
#include "tests/fuzz/fuzz_stdcopy.c"
#include "tests/fuzz/replay.h"

#define HELLO "\1\0\0\0\0\0\0\5hello"
#define EMPTY "\1\0\0\0\0\0\0\0"
#define OOPS  "\2\0\0\0\0\0\0\4oops"

static int mark(void *arg, int stream, const char *p, size_t n, struct err *e)
{
	return buf_addf(arg, "%d%.*s", stream, (int)n, p);
}

static void frames_may_be_cut_anywhere(void **state)
{
	static const char text[] = HELLO EMPTY OOPS HELLO;
	size_t n = sizeof(text) - 1;

	for (size_t at = 0; at <= n; at++) {
		struct buf streams[2] = {BUF(64), BUF(64)};
		struct stdcopy s = {0};

		assert_int_equal(stdcopy_feed(&s, text, at, collect, streams, NULL), 0);
		assert_int_equal(stdcopy_feed(&s, text + at, n - at, collect, streams, NULL), 0);
		assert_int_equal(stdcopy_end(&s, NULL), 0);
		assert_string_equal(buf_str(&streams[0]), "hellohello");
		assert_string_equal(buf_str(&streams[1]), "oops");
		buf_done(&streams[0]);
		buf_done(&streams[1]);
	}
}

static void payloads_come_in_order_and_at_once(void **state)
{
	_cleanup_buf_ struct buf b = BUF(64);
	struct stdcopy s = {0};

	assert_int_equal(stdcopy_feed(&s, HELLO OOPS EMPTY, 33, mark, &b, NULL), 0);
	assert_string_equal(b.data, "1hello2oops");
	/* a part of a payload does not wait for the rest */
	assert_int_equal(stdcopy_feed(&s, HELLO, 10, mark, &b, NULL), 0);
	assert_string_equal(b.data, "1hello2oops1he");
}

static void what_is_no_frame_is_refused(void **state)
{
	static const char *const bad[] = {"\0\0\0\0\0\0\0\1x", "\3\0\0\0\0\0\0\1x",
		"\1\0\0\1\0\0\0\1x", "\1\0\0\0\1\0\0\1x", "\1\0\0\0\xff\xff\xff\xffx",
		"OCI runtime"};
	_cleanup_buf_ struct buf b = BUF(64);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct stdcopy s = {0};

		assert_int_equal(stdcopy_feed(&s, bad[i], 9, mark, &b, NULL), ERR_PROTO);
	}
	assert_int_equal(b.len, 0);
	struct stdcopy s = {0};
	assert_int_equal(stdcopy_feed(&s, "\1\0\0\0\1\0\0\0x", 9, mark, &b, NULL), 0);
}

static void an_end_inside_a_frame_is_an_error(void **state)
{
	for (size_t at = 1; at < sizeof(HELLO) - 1; at++) {
		_cleanup_buf_ struct buf b = BUF(64);
		struct stdcopy s = {0};

		assert_int_equal(stdcopy_feed(&s, HELLO, at, mark, &b, NULL), 0);
		assert_int_equal(stdcopy_end(&s, NULL), ERR_PROTO);
	}
}

static int refuse(void *arg, int stream, const char *p, size_t n, struct err *e)
{
	++*(int *)arg;
	return err_set(e, ERR_LIMIT, "enough");
}

static void the_reader_can_stop(void **state)
{
	struct stdcopy s = {0};
	struct err e = ERR_NONE;
	int calls = 0;

	assert_int_equal(stdcopy_feed(&s, HELLO OOPS, 25, refuse, &calls, &e), ERR_LIMIT);
	assert_int_equal(calls, 1);
	assert_string_equal(e.text, "enough");
}

static void corpus(void **state)
{
	replay_corpus("stdcopy");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_may_be_cut_anywhere),
		cmocka_unit_test(payloads_come_in_order_and_at_once),
		cmocka_unit_test(what_is_no_frame_is_refused),
		cmocka_unit_test(an_end_inside_a_frame_is_an_error),
		cmocka_unit_test(the_reader_can_stop),
		cmocka_unit_test(corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
