/* test_cli_blocking.c - threads that read and write for the loop: order, limits, the end. */
#include "base/buf.h"
#include "cmd/lab/blocking.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct box {
	struct loop *l;
	int fds[2];
	struct feed *feed;
	struct buf got;
	int reads, moves;
	bool ended;
};

static void open_box(struct box *b)
{
	*b = (struct box){.got = BUF(8 << 20)};
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(loop_new(&b->l, NULL, NULL), 0);
	assert_int_equal(pipe2(b->fds, O_CLOEXEC), 0);
}

static void close_box(struct box *b)
{
	for (int i = 0; i < 2; i++)
		if (b->fds[i] >= 0)
			close(b->fds[i]);
	loop_free(b->l);
	buf_done(&b->got);
}

static void late(void *arg)
{
	fail_msg("nothing happened for 20 s");
}

/* The threads are not seen by the loop: a timer keeps it waiting. */
static void turn_until(struct box *b, bool (*over)(struct box *))
{
	struct timer *t = timer_new_real(b->l, late, NULL);

	timer_start(t, 20000);
	while (!over(b))
		loop_once(b->l, true);
	timer_free(t);
}

/* --- reading --- */

static void on_data(void *arg, const char *p, size_t n)
{
	struct box *b = arg;

	b->reads++;
	b->ended = n == 0;
	(void)buf_add(&b->got, p, n);
}

static bool read_once(struct box *b)
{
	return b->reads == 1;
}

static bool read_to_the_end(struct box *b)
{
	while (!b->ended) {
		int before = b->reads;

		feed_next(b->feed);
		while (b->reads == before)
			loop_once(b->l, true);
	}
	return true;
}

static void a_feed_reads_when_it_is_asked(void **state)
{
	struct box b;

	open_box(&b);
	b.feed = feed_new(b.l, b.fds[0], on_data, &b);
	assert_int_equal(write(b.fds[1], "one", 3), 3);
	loop_once(b.l, false);
	assert_int_equal(b.reads, 0); /* nobody asked */
	feed_next(b.feed);
	turn_until(&b, read_once);
	assert_int_equal(write(b.fds[1], "two", 3), 3);
	close(b.fds[1]);
	b.fds[1] = -1;
	turn_until(&b, read_to_the_end);
	assert_string_equal(buf_str(&b.got), "onetwo");
	assert_int_equal(fcntl(b.fds[0], F_GETFL) & O_NONBLOCK, 0);
	feed_free(b.feed);
	close_box(&b);
}

static void a_feed_that_hangs_can_be_left(void **state)
{
	struct box b;

	open_box(&b);
	b.feed = feed_new(b.l, b.fds[0], on_data, &b);
	feed_next(b.feed);
	feed_free(b.feed); /* its thread reads on */
	close_box(&b);     /* and ends by this */
	assert_int_equal(b.reads, 0);
}

/* --- writing --- */

static void on_moved(void *arg)
{
	((struct box *)arg)->moves++;
}

static struct outlet *outlet;

static bool has_moved(struct box *b)
{
	return b->moves > 0;
}

static bool is_idle(struct box *b)
{
	return outlet_idle(outlet);
}

static bool is_not_full(struct box *b)
{
	char chunk[4096];
	struct pollfd ready = {.fd = b->fds[0], .events = POLLIN};
	/* everything may have come already, and the outlet learns of it in its next turn only */
	ssize_t n = outlet_full(outlet) && poll(&ready, 1, 0) == 1
			    ? read(b->fds[0], chunk, sizeof(chunk))
			    : 0;

	(void)buf_add(&b->got, chunk, (size_t)n);
	return !outlet_full(outlet);
}

static void an_outlet_is_full_and_empties_in_order(void **state)
{
	enum { N = 300000 };
	struct box b;
	char *text = xmalloc(N);

	for (int i = 0; i < N; i++)
		text[i] = (char)('a' + i % 26);
	open_box(&b);
	outlet = outlet_new(b.l, 100000, on_moved, &b);
	assert_true(outlet_idle(outlet));
	outlet_write(outlet, b.fds[1], text, 50000);
	assert_false(outlet_full(outlet));
	outlet_write(outlet, b.fds[1], text + 50000, N - 50000); /* never refused */
	assert_true(outlet_full(outlet));
	while (!is_not_full(&b))
		;
	while (b.got.len < N)
		assert_true(
			read(b.fds[0], buf_room(&b.got, 1), 1) == 1 && (buf_grew(&b.got, 1), true));
	turn_until(&b, has_moved);
	turn_until(&b, is_idle);
	assert_memory_equal(b.got.data, text, N);
	outlet_free(outlet);
	close_box(&b);
	free(text);
}

static bool has_failed(struct box *b)
{
	return outlet_error(outlet) != 0;
}

static void an_outlet_tells_that_nobody_reads(void **state)
{
	struct box b;

	open_box(&b);
	close(b.fds[0]);
	b.fds[0] = -1;
	outlet = outlet_new(b.l, 10, on_moved, &b);
	outlet_write(outlet, b.fds[1], "more than fits", 14);
	turn_until(&b, has_failed);
	assert_int_equal(outlet_error(outlet), EPIPE);
	assert_true(outlet_idle(outlet));
	assert_false(outlet_full(outlet));
	outlet_write(outlet, b.fds[1], "x", 1); /* vanishes */
	assert_true(outlet_idle(outlet));
	outlet_free(outlet);
	close_box(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_feed_reads_when_it_is_asked),
		cmocka_unit_test(a_feed_that_hangs_can_be_left),
		cmocka_unit_test(an_outlet_is_full_and_empties_in_order),
		cmocka_unit_test(an_outlet_tells_that_nobody_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
