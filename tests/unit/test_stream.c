/* test_stream.c - upgraded streams against a scripted peer: heads, refusals, queues, half-close. */
#include "net/stream.h"

#include "tests/unit/server.h"

#define HEAD "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nX-A: b\r\n\r\n"

static int64_t fake_now;

static int64_t fake_ms(void *arg)
{
	return fake_now;
}

static const struct clock fake_clock = {fake_ms, fake_ms, NULL};

static struct loop *loop;
static struct server server;
static struct http *http;
static struct timer *guard;

/* What a stream has told. */
struct ear {
	struct stream *stream;
	int opened, status, code, drained, ends, failed;
	enum http_outcome how;
	char text[512];
	struct buf got;
	const char *free_in; /* the callback that frees the stream */
	bool pause_in_opened;
};

static void maybe_free(struct ear *e, const char *callback)
{
	if (!e->free_in || !streq(e->free_in, callback))
		return;
	stream_free(e->stream);
	e->stream = NULL;
}

static void on_opened(void *arg, int status, enum http_outcome how, const struct err *err)
{
	struct ear *e = arg;

	e->opened++;
	e->status = status;
	e->how = how;
	e->code = err->code;
	(void)snprintf(e->text, sizeof(e->text), "%s", err->text);
	if (e->pause_in_opened)
		stream_pause(e->stream, true);
	maybe_free(e, "opened");
}

static void on_data(void *arg, const char *p, size_t n)
{
	struct ear *e = arg;

	assert_non_null(e->stream);
	assert_int_equal(e->opened, 1);
	assert_int_equal(e->ends, 0);
	if (n == 0)
		e->ends++;
	assert_int_equal(buf_add(&e->got, p, n), 0);
	maybe_free(e, "data");
}

static void on_drained(void *arg)
{
	struct ear *e = arg;

	assert_non_null(e->stream);
	e->drained++;
	maybe_free(e, "drained");
}

static void on_failed(void *arg, const struct err *err)
{
	struct ear *e = arg;

	e->failed++;
	e->code = err->code;
	maybe_free(e, "failed");
}

static const struct stream_ops ops = {on_opened, on_data, on_drained, on_failed};

static void too_long(void *arg)
{
	fail_msg("the loop has waited for 10 s");
}

static int setup(void **state)
{
	assert_int_equal(loop_new(&loop, &fake_clock, NULL), 0);
	server_start(&server, loop, NULL);
	struct http_peer peer = {.unix_path = server.path, .base_url = "http://d"};
	assert_int_equal(http_new(&http, loop, &peer, NULL), 0);
	guard = timer_new_real(loop, too_long, NULL);
	timer_start(guard, 10000);
	return 0;
}

static int teardown(void **state)
{
	http_free(http);
	server_stop(&server);
	timer_free(guard);
	loop_free(loop);
	return 0;
}

static void turns(int n)
{
	while (n-- > 0)
		loop_once(loop, false);
}

static void begin(struct ear *e)
{
	*e = (struct ear){.got = BUF(16 << 20)};
	e->stream = stream_open(http, "POST", "/exec/1/start", "tcp", NULL, "{}", 2, 5000, &ops, e);
	assert_int_equal(e->opened, 0);
}

static void end(struct ear *e)
{
	stream_free(e->stream);
	buf_done(&e->got);
	turns(3);
}

static bool request_in(struct conn *c)
{
	return c->in.len >= 6 && memcmp(c->in.data + c->in.len - 6, "\r\n\r\n{}", 6) == 0;
}

static const char *answer;

static void accept_upgrade(struct conn *c)
{
	if (!request_in(c))
		return;
	buf_clear(&c->in);
	conn_says(c, answer);
}

/* An open stream; the server then does nothing by itself. */
static void open_one(struct ear *e)
{
	answer = HEAD;
	server.on_bytes = accept_upgrade;
	begin(e);
	while (!e->opened)
		assert_true(loop_once(loop, true));
	assert_int_equal(e->status, 101);
	assert_int_equal(e->code, 0);
	assert_int_equal(e->how, HTTP_ANSWERED);
	server.on_bytes = NULL;
}

static void say(const char *text)
{
	conn_says(server_last(&server), text);
	conn_flush(server_last(&server));
	turns(4);
}

static char *request;

static void keep_request(struct conn *c)
{
	if (!request_in(c))
		return;
	request = xstrdup(c->in.data);
	accept_upgrade(c);
}

static void the_request_is_as_told(void **state)
{
	struct ear e;
	char *headers[] = {(char *)(uintptr_t) "X-Auth: abc", NULL};

	answer = HEAD;
	server.on_bytes = keep_request;
	e = (struct ear){.got = BUF(100)};
	e.stream = stream_open(http, "POST", "/e?a=b", "tcp", headers, "{}", 2, 0, &ops, &e);
	while (!e.opened)
		loop_once(loop, true);
	assert_string_equal(request,
		"POST /e?a=b HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
		"X-Auth: abc\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
	char *a = http_header(stream_head(e.stream), "x-a");
	assert_string_equal(a, "b");
	assert_string_equal(stream_refusal(e.stream), "");
	free(a);
	free(request);
	end(&e);
}

static void bytes_that_came_with_the_head_come_first(void **state)
{
	struct ear e;

	answer = "HTTP/1.1 100 Continue\r\n\r\n" HEAD "early";
	server.on_bytes = accept_upgrade;
	begin(&e);
	while (e.got.len < 5)
		loop_once(loop, true);
	say(" late");
	assert_string_equal(e.got.data, "early late");
	end(&e);
}

static void a_head_may_come_byte_by_byte(void **state)
{
	struct ear e;
	const char *text = HEAD "x";

	begin(&e);
	while (!server.open || !request_in(server_last(&server)))
		loop_once(loop, true);
	for (const char *p = text; *p; p++) {
		char one[2] = {*p, '\0'};

		assert_int_equal(e.opened, p >= text + strlen(text) - 1);
		say(one);
	}
	assert_string_equal(e.got.data, "x");
	end(&e);
}

static void a_stream_paused_at_birth_keeps_the_order(void **state)
{
	struct ear e;

	answer = HEAD "early";
	server.on_bytes = accept_upgrade;
	begin(&e);
	e.pause_in_opened = true;
	while (!e.opened)
		loop_once(loop, true);
	say(" late");
	assert_int_equal(e.got.len, 0);
	stream_pause(e.stream, false);
	turns(4);
	assert_string_equal(e.got.data, "early late");
	end(&e);
}

/* --- refusals and failures -------------------------------------------------------------------- */

static void say_answer(struct conn *c)
{
	if (!request_in(c))
		return;
	conn_says(c, answer);
	conn_hang_up(c);
}

static void expect_failure(int status, enum http_outcome how, int code)
{
	struct ear e;

	server.on_bytes = say_answer;
	begin(&e);
	while (!e.opened)
		assert_true(loop_once(loop, true));
	turns(3);
	assert_int_equal(e.opened, 1);
	assert_int_equal(e.failed, 0);
	assert_int_equal(e.status, status);
	assert_int_equal(e.how, how);
	assert_int_equal(e.code, code);
	assert_non_null(strstr(e.text, server.path));
	assert_int_equal(stream_write(e.stream, "x", 1, NULL), ERR_STATE);
	if (status)
		assert_true(stream_refusal(e.stream)[0] != '\0');
	end(&e);
}

static void a_refusal_is_told_with_the_words_of_the_peer(void **state)
{
	answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 15\r\n\r\nno such exec: 1";
	expect_failure(404, HTTP_ANSWERED, ERR_NOT_FOUND);
	answer = "HTTP/1.1 409 Conflict\r\n\r\npaused"; /* until the end */
	expect_failure(409, HTTP_ANSWERED, ERR_STATE);
	answer = "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\noops\r\n0\r\n\r\n";
	expect_failure(500, HTTP_ANSWERED, ERR_ENGINE);
	answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
	expect_failure(200, HTTP_ANSWERED, ERR_PROTO);
}

static void a_200_without_length_is_a_stream_unless_it_must_be_a_websocket(void **state)
{
	struct ear e;

	answer = "HTTP/1.1 200 OK\r\nContent-Type: x\r\n\r\nraw";
	server.on_bytes = accept_upgrade;
	begin(&e);
	while (e.got.len < 3)
		loop_once(loop, true);
	assert_int_equal(e.status, 200);
	assert_int_equal(e.code, 0);
	end(&e);
	server.on_bytes = say_answer;
	e = (struct ear){.got = BUF(100)};
	e.stream = stream_open(http, "GET", "/ws", "websocket", NULL, "{}", 2, 0, &ops, &e);
	while (!e.opened)
		loop_once(loop, true);
	assert_int_equal(e.code, ERR_PROTO);
	end(&e);
}

static void what_is_no_answer_is_told(void **state)
{
	struct buf big = BUF(1 << 20);

	answer = "SSH-2.0-OpenSSH\r\n\r\n";
	expect_failure(0, HTTP_MAYBE_SENT, ERR_PROTO);
	answer = "";
	expect_failure(0, HTTP_MAYBE_SENT, ERR_UNKNOWN);
	answer = "HTTP/1.1 101 UPGRADED\r\nConn";
	expect_failure(0, HTTP_MAYBE_SENT, ERR_UNKNOWN);
	buf_addf(&big, "HTTP/1.1 101 OK\r\nX: %020000d", 1);
	answer = big.data;
	expect_failure(0, HTTP_MAYBE_SENT, ERR_LIMIT);
	buf_adds(&big, "\r\n\r\n"); /* also when it is whole */
	answer = big.data;
	expect_failure(0, HTTP_MAYBE_SENT, ERR_LIMIT);
	buf_done(&big);
	server_deafen(&server);
	expect_failure(0, HTTP_NOT_SENT, ERR_UNREACHABLE);
}

static void a_malformed_request_stays_here(void **state)
{
	struct ear e = {.got = BUF(10)};

	e.stream = stream_open(http, "GET", "/a b", "tcp", NULL, NULL, 0, 0, &ops, &e);
	assert_int_equal(e.opened, 0);
	turns(3);
	assert_int_equal(e.opened, 1);
	assert_int_equal(e.code, ERR_INTERNAL);
	assert_int_equal(e.how, HTTP_NOT_SENT);
	assert_int_equal(server.accepted, 0);
	end(&e);
}

static void opening_has_a_deadline_and_being_open_has_none(void **state)
{
	struct ear e;

	begin(&e);
	while (!server.open || !request_in(server_last(&server)))
		loop_once(loop, true);
	fake_now += 5000;
	loop_advance(loop);
	assert_int_equal(e.opened, 1);
	assert_int_equal(e.code, ERR_TIMEOUT);
	assert_int_equal(e.how, HTTP_MAYBE_SENT);
	end(&e);

	open_one(&e);
	fake_now += 50000;
	loop_advance(loop);
	assert_int_equal(e.failed, 0);
	end(&e);
}

/* --- bytes both ways -------------------------------------------------------------------------- */

static void produce(struct ear *e, size_t *left)
{
	static const char block[4096] = "written";

	while (*left > 0 && !stream_full(e->stream)) {
		size_t n = MIN(sizeof(block), *left);

		assert_int_equal(stream_write(e->stream, block, n, NULL), 0);
		*left -= n;
	}
}

static void writing_is_bounded_and_goes_on_when_the_queue_drains(void **state)
{
	struct ear e;
	size_t left = 3 << 20;
	struct err err;

	open_one(&e);
	struct conn *c = server_last(&server);
	c->deaf = true;
	conn_flush(c);
	produce(&e, &left);
	assert_true(left > 0);
	assert_true(stream_full(e.stream));
	char *mega = xcalloc(1, 1 << 20);
	assert_int_equal(stream_write(e.stream, mega, 1 << 20, &err), ERR_LIMIT);
	assert_non_null(strstr(err.text, "would wait"));
	free(mega);
	assert_int_equal(e.drained, 0);
	c->deaf = false;
	conn_flush(c);
	for (int before = 0; left > 0; before = e.drained) {
		while (e.drained == before)
			loop_once(loop, true);
		produce(&e, &left);
	}
	while (c->in.len < 3 << 20)
		loop_once(loop, true);
	assert_int_equal(c->in.len, 3 << 20);
	for (size_t i = 0; i < c->in.len; i += 4096)
		assert_string_equal(c->in.data + i, "written");
	assert_true(e.drained >= 2);
	end(&e);
}

static void a_half_close_comes_after_everything_written(void **state)
{
	struct ear e;
	size_t left = 300 << 10;

	open_one(&e);
	struct conn *c = server_last(&server);
	c->deaf = true;
	conn_flush(c);
	produce(&e, &left);
	stream_shutdown(e.stream);
	assert_int_equal(stream_write(e.stream, "x", 1, NULL), ERR_STATE);
	turns(3);
	size_t wrote = (300 << 10) - left;
	c->deaf = false;
	/* the server ends its connection when it has read our end, with a last word before */
	conn_says(c, "last word");
	conn_flush(c);
	while (!e.ends)
		loop_once(loop, true);
	assert_string_equal(e.got.data, "last word");
	assert_int_equal(server.last_in, wrote);
	assert_int_equal(e.failed, 0);
	end(&e);
}

static void a_peer_that_stops_reading_is_still_heard(void **state)
{
	struct ear e;

	open_one(&e);
	stream_pause(e.stream, true);
	conn_says(server_last(&server), "goodbye");
	conn_hang_up(server_last(&server));
	conn_flush(server_last(&server));
	assert_int_equal(server.open, 0);
	assert_int_equal(stream_write(e.stream, "x", 1, NULL), 0);
	assert_int_equal(stream_write(e.stream, "x", 1, NULL), ERR_STATE);
	stream_pause(e.stream, false);
	while (!e.ends && !e.failed)
		loop_once(loop, true);
	assert_string_equal(e.got.data, "goodbye");
	assert_int_equal(e.ends, 1);
	end(&e);
}

static void pausing_holds_the_peer(void **state)
{
	struct ear e;

	open_one(&e);
	struct conn *c = server_last(&server);
	stream_pause(e.stream, true);
	memset(buf_room(&c->out, 4 << 20), 'd', 4 << 20);
	buf_grew(&c->out, 4 << 20);
	conn_flush(c);
	turns(20);
	assert_int_equal(e.got.len, 0);
	assert_true(c->out.len > 3 << 20);
	stream_pause(e.stream, false);
	while (e.got.len < 4 << 20)
		loop_once(loop, true);
	assert_int_equal(e.got.len, 4 << 20);
	end(&e);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void a_stream_may_be_freed_in_any_callback(void **state)
{
	struct ear e;
	size_t left = 1 << 20;

	for (int refused = 0; refused < 2; refused++) {
		answer = refused ? "HTTP/1.1 404 N\r\nContent-Length: 1\r\n\r\nx" : HEAD "early";
		server.on_bytes = accept_upgrade;
		begin(&e);
		e.free_in = "opened";
		while (!e.opened)
			loop_once(loop, true);
		assert_null(e.stream);
		end(&e);
		assert_int_equal(e.got.len, 0);
	}
	open_one(&e);
	e.free_in = "data";
	say("x");
	assert_null(e.stream);
	end(&e);

	open_one(&e);
	e.free_in = "drained";
	server_last(&server)->deaf = true;
	conn_flush(server_last(&server));
	produce(&e, &left);
	server_last(&server)->deaf = false;
	conn_flush(server_last(&server));
	while (!e.drained)
		loop_once(loop, true);
	assert_null(e.stream);
	end(&e);

	open_one(&e);
	e.free_in = "failed";
	http_free(http);
	http = NULL;
	assert_int_equal(e.failed, 1);
	assert_null(e.stream);
	end(&e);
	while (server.open)
		loop_once(loop, true); /* every connection was closed */
}

static void a_stream_may_be_freed_at_any_stage(void **state)
{
	struct ear e;

	begin(&e);
	end(&e); /* before it was connected */
	begin(&e);
	while (!server.open || !request_in(server_last(&server)))
		loop_once(loop, true);
	end(&e); /* before the answer */
	open_one(&e);
	end(&e);
	while (server.open)
		loop_once(loop, true);
	assert_int_equal(e.failed, 0);
}

static void freeing_the_client_fails_its_streams(void **state)
{
	struct ear open, waiting;

	open_one(&open);
	begin(&waiting);
	http_free(http);
	http = NULL;
	assert_int_equal(open.failed, 1);
	assert_int_equal(open.code, ERR_CANCELED);
	assert_int_equal(waiting.opened, 1);
	assert_int_equal(waiting.code, ERR_CANCELED);
	assert_int_equal(waiting.how, HTTP_NOT_SENT);
	assert_int_equal(stream_write(open.stream, "x", 1, NULL), ERR_STATE);
	stream_pause(open.stream, true);
	stream_shutdown(open.stream);
	end(&open);
	end(&waiting);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_request_is_as_told),
		T(bytes_that_came_with_the_head_come_first),
		T(a_head_may_come_byte_by_byte),
		T(a_stream_paused_at_birth_keeps_the_order),
		T(a_refusal_is_told_with_the_words_of_the_peer),
		T(a_200_without_length_is_a_stream_unless_it_must_be_a_websocket),
		T(what_is_no_answer_is_told),
		T(a_malformed_request_stays_here),
		T(opening_has_a_deadline_and_being_open_has_none),
		T(writing_is_bounded_and_goes_on_when_the_queue_drains),
		T(a_half_close_comes_after_everything_written),
		T(a_peer_that_stops_reading_is_still_heard),
		T(pausing_holds_the_peer),
		T(a_stream_may_be_freed_in_any_callback),
		T(a_stream_may_be_freed_at_any_stage),
		T(freeing_the_client_fails_its_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
