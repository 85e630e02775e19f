/* test_tcp.c - outgoing connections: bytes both ways, ends, refusals, pauses and limits. */
#include "base/str.h"
#include "net/tcp.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop *loop;
static int listener, port, peer;

static struct {
	bool opened, ended, drained;
	struct buf in;
	struct err err;
} seen;

static void on_opened(void *arg)
{
	seen.opened = true;
}

static void on_data(void *arg, const char *p, size_t n)
{
	seen.ended |= n == 0;
	(void)buf_add(&seen.in, p, n);
}

static void on_drained(void *arg)
{
	seen.drained = true;
}

static void on_failed(void *arg, const struct err *e)
{
	seen.err = *e;
}

static const struct tcp_ops ops = {on_opened, on_data, on_drained, on_failed};

static void turns(int n)
{
	for (int i = 0; i < n; i++)
		loop_once(loop, false);
}

static int setup(void **state)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(to);

	assert_int_equal(loop_new(&loop, NULL, NULL), 0);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&to, &len), 0);
	port = ntohs(to.sin_port);
	peer = -1;
	memset(&seen, 0, sizeof(seen));
	seen.in = BUF(1 << 20);
	return 0;
}

static int teardown(void **state)
{
	buf_done(&seen.in);
	close(listener);
	if (peer >= 0)
		close(peer);
	loop_free(loop);
	return 0;
}

static struct tcp *connected(void)
{
	struct tcp *t = tcp_open(loop, "127.0.0.1", port, 1000, &ops, NULL);

	assert_false(seen.opened);
	peer = accept(listener, NULL, NULL);
	while (!seen.opened)
		loop_once(loop, true);
	return t;
}

static void bytes_and_ends_go_both_ways(void **state)
{
	struct tcp *t = connected();
	char got[8] = {0};

	assert_int_equal(tcp_write(t, "ping", 4, NULL), 0);
	tcp_shutdown(t);
	turns(3);
	assert_int_equal(read(peer, got, sizeof(got)), 4);
	assert_string_equal(got, "ping");
	assert_int_equal(read(peer, got, sizeof(got)), 0);
	assert_int_equal(tcp_write(t, "more", 4, NULL), ERR_STATE);
	assert_int_equal(write(peer, "pong", 4), 4);
	turns(2);
	assert_string_equal(buf_str(&seen.in), "pong");
	assert_false(seen.ended);
	shutdown(peer, SHUT_WR);
	turns(2);
	assert_true(seen.ended);
	assert_int_equal(seen.err.code, 0);
	tcp_free(t);
}

static void an_end_may_be_said_before_it_is_open(void **state)
{
	struct tcp *t = tcp_open(loop, "127.0.0.1", port, 1000, &ops, NULL);
	char got[8];

	assert_int_equal(tcp_write(t, "hi", 2, NULL), 0);
	tcp_shutdown(t);
	peer = accept(listener, NULL, NULL);
	turns(4);
	assert_int_equal(read(peer, got, sizeof(got)), 2);
	assert_int_equal(read(peer, got, sizeof(got)), 0);
	tcp_free(t);
}

static void a_paused_connection_reads_nothing(void **state)
{
	struct tcp *t = connected();

	tcp_pause(t, true);
	assert_int_equal(write(peer, "x", 1), 1);
	turns(3);
	assert_int_equal(seen.in.len, 0);
	tcp_pause(t, false);
	turns(3);
	assert_int_equal(seen.in.len, 1);
	tcp_free(t);
}

static void the_queue_has_a_limit_and_drains(void **state)
{
	struct tcp *t = connected();
	static char block[256 << 10];
	size_t total = 0;

	for (int i = 0; i < 3; i++)
		assert_int_equal(tcp_write(t, block, sizeof(block), NULL), 0);
	assert_true(tcp_full(t));
	assert_int_equal(tcp_write(t, block, sizeof(block), NULL), 0);
	assert_int_equal(tcp_write(t, "x", 1, NULL), ERR_LIMIT);
	while (total < 4 * sizeof(block)) {
		loop_once(loop, false);
		ssize_t n = recv(peer, block, sizeof(block), MSG_DONTWAIT);
		total += n > 0 ? (size_t)n : 0;
	}
	assert_true(seen.drained);
	assert_false(tcp_full(t));
	tcp_free(t);
}

static void a_peer_that_takes_nothing_more_is_read_to_its_end(void **state)
{
	struct tcp *t = connected();
	static char block[256 << 10];

	tcp_pause(t, true);
	assert_int_equal(write(peer, "bye", 3), 3);
	close(peer);
	peer = -1;
	for (int i = 0; i < 3; i++)
		assert_int_equal(tcp_write(t, block, sizeof(block), NULL), 0);
	for (int i = 0; i < 8; i++) { /* the peer's reset comes after the first of it */
		turns(1);
		assert_int_equal(tcp_write(t, "x", 1, NULL), 0);
	}
	turns(1);
	assert_int_equal(seen.err.code, 0);
	assert_true(seen.drained);
	assert_int_equal(seen.in.len, 0);
	tcp_pause(t, false);
	turns(3);
	assert_string_equal(buf_str(&seen.in), "bye");
	assert_true(seen.ended);
	assert_int_equal(seen.err.code, 0);
	assert_int_equal(tcp_write(t, "x", 1, NULL), ERR_STATE);
	tcp_free(t);
}

static void refusals_come_to_failed(void **state)
{
	struct tcp *t;

	t = tcp_open(loop, "db.example", 80, 1000, &ops, NULL);
	turns(1);
	assert_int_equal(seen.err.code, ERR_USAGE);
	tcp_free(t);
	close(listener);
	t = tcp_open(loop, "127.0.0.1", port, 1000, &ops, NULL);
	turns(3);
	assert_int_equal(seen.err.code, ERR_UNREACHABLE);
	assert_false(seen.opened);
	tcp_free(t);
	t = tcp_open(loop, "127.0.0.1", port, 1000, &ops, NULL);
	tcp_free(t); /* before anything happened: no callback */
	seen.err = ERR_NONE;
	turns(3);
	assert_int_equal(seen.err.code, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bytes_and_ends_go_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_end_may_be_said_before_it_is_open, setup, teardown),
		cmocka_unit_test_setup_teardown(a_paused_connection_reads_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(the_queue_has_a_limit_and_drains, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_peer_that_takes_nothing_more_is_read_to_its_end, setup, teardown),
		cmocka_unit_test_setup_teardown(refusals_come_to_failed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
