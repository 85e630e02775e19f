/* test_http.c - the HTTP client against a scripted peer that cuts, stalls, garbles and floods. */
#include "net/http.h"

#include "tests/unit/server.h"

#include <netinet/in.h>

#define HEAD      "HTTP/1.1 200 OK\r\n"
#define LIST(...) ((char **)(const char *[]){__VA_ARGS__, NULL})

static int64_t fake_now;

static int64_t fake_ms(void *arg)
{
	return fake_now;
}

static const struct clock fake_clock = {fake_ms, fake_ms, NULL};

/* One of each for every test. */
static struct loop *loop;
static struct server server;
static struct http *http;

/* What an operation came to. */
struct outcome {
	int calls;
	enum http_outcome how;
	int status, code;
	char *body, *headers, *text;
	size_t body_len;

	/* streams */
	struct http_op *op;
	struct buf got;
	int heads, pauses;    /* on_head calls; how often to pause still */
	bool cancel_inside;   /* cancel from the callback */
	int give_up;          /* what the callback returns instead */
	size_t to_send, sent; /* upload */
	struct outcome *next; /* sent from done() */
};

static void on_done(void *arg, const struct http_result *r)
{
	struct outcome *o = arg;

	o->calls++;
	o->how = r->outcome;
	o->status = r->status;
	o->code = r->err.code;
	o->body = xmemdup(buf_str(&r->body), r->body.len + 1);
	o->body_len = r->body.len;
	o->headers = xstrdup(r->headers);
	o->text = xstrdup(r->err.text);
	if (r->outcome != HTTP_ANSWERED) {
		assert_int_equal(r->status, 0);
		assert_int_not_equal(r->err.code, 0);
	}
	if (o->next)
		o->next->op = http_send(http,
			&(struct http_request){.method = "GET", .path = "/next"}, on_done, o->next);
}

static void outcome_done(struct outcome *o)
{
	free(o->body);
	free(o->headers);
	free(o->text);
	buf_done(&o->got);
	*o = (struct outcome){0};
}

/* A server that hangs would hang the test: a real timer ends it. */
static void too_long(void *arg)
{
	fail_msg("the loop has waited for 10 s");
}

static struct timer *guard;

static int setup(void **state)
{
	fake_now = 1000000;
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

static void until_done(struct outcome *o)
{
	while (!o->calls)
		assert_true(loop_once(loop, true));
	for (int i = 0; i < 3; i++)
		loop_once(loop, false);
	assert_int_equal(o->calls, 1);
}

static void turns(int n)
{
	while (n-- > 0)
		loop_once(loop, false);
}

static void later(int64_t ms)
{
	fake_now += ms;
	loop_advance(loop);
	turns(2);
}

static void send_simple(struct outcome *o, const char *method, const char *path)
{
	struct http_request req = {.method = method, .path = path, .deadline_ms = 5000};

	*o = (struct outcome){0};
	o->op = http_send(http, &req, on_done, o);
	assert_int_equal(o->calls, 0);
}

/* --- answers ---------------------------------------------------------------------------------- */

static bool head_in(struct conn *c)
{
	return strstr(buf_str(&c->in), "\r\n\r\n") != NULL;
}

static void say_hello(struct conn *c)
{
	if (!head_in(c))
		return;
	buf_clear(&c->in);
	conn_says(c, HEAD "Content-Length: 5\r\nX-Colour:  green \r\n\r\nhello");
}

static void an_answer_comes_whole(void **state)
{
	struct outcome o;

	server.on_bytes = say_hello;
	send_simple(&o, "GET", "/a");
	until_done(&o);
	assert_int_equal(o.how, HTTP_ANSWERED);
	assert_int_equal(o.status, 200);
	assert_int_equal(o.code, 0);
	assert_string_equal(o.body, "hello");
	char *colour = http_header(o.headers, "x-colour"), *none = http_header(o.headers, "Colour");
	assert_string_equal(colour, "green");
	assert_null(none);
	assert_null(strstr(o.headers, "HTTP/1.1"));
	free(colour);
	outcome_done(&o);
}

static void connections_are_kept(void **state)
{
	struct outcome o;

	server.on_bytes = say_hello;
	for (int i = 0; i < 5; i++) {
		send_simple(&o, i % 2 ? "POST" : "GET", "/a");
		until_done(&o);
		assert_int_equal(o.status, 200);
		outcome_done(&o);
	}
	assert_int_equal(server.accepted, 1);
}

static char *last_request;

static void record_request(struct conn *c)
{
	if (!head_in(c) ||
		(strstr(c->in.data, "Content-Length: 9") && !strstr(c->in.data, "{\"a\": 1}\n")))
		return;
	free(last_request);
	last_request = xstrdup(c->in.data);
	buf_clear(&c->in);
	conn_says(c, "HTTP/1.1 204 No Content\r\n\r\n");
}

static void a_request_says_what_it_was_told(void **state)
{
	struct outcome o = {0};
	struct http_request req = {
		.method = "POST",
		.path = "/v1/x?q=%20&p=../a",
		.headers = LIST("X-Auth: abc", "Accept: text/plain"),
		.body = "{\"a\": 1}\n",
		.body_len = 9,
	};

	server.on_bytes = record_request;
	http_send(http, &req, on_done, &o);
	until_done(&o);
	assert_int_equal(o.status, 204);
	assert_true(str_starts(last_request, "POST /v1/x?q=%20&p=../a HTTP/1.1\r\nHost: d\r\n"));
	assert_non_null(strstr(last_request, "\r\nX-Auth: abc\r\n"));
	assert_non_null(strstr(last_request, "\r\nAccept: text/plain\r\n"));
	assert_non_null(strstr(last_request, "\r\nContent-Type: application/json\r\n"));
	assert_null(strstr(last_request, "Expect"));
	assert_non_null(strstr(last_request, "\r\n\r\n{\"a\": 1}\n"));
	outcome_done(&o);

	/* without a body: a POST has a length, a DELETE has none; nobody has a type */
	send_simple(&o, "POST", "/start");
	until_done(&o);
	assert_non_null(strstr(last_request, "\r\nContent-Length: 0\r\n"));
	assert_null(strstr(last_request, "Content-Type"));
	outcome_done(&o);
	send_simple(&o, "DELETE", "/x");
	until_done(&o);
	assert_true(str_starts(last_request, "DELETE /x HTTP/1.1\r\n"));
	assert_null(strstr(last_request, "Content-"));
	outcome_done(&o);
	free(last_request);
	last_request = NULL;
}

static void requests_that_would_break_the_framing_stay_here(void **state)
{
	struct outcome o = {0};
	struct http_request bad[] = {
		{.method = "GET", .path = "/a b"},
		{.method = "GET", .path = "relative"},
		{.method = "GET", .path = "/a\r\nX: y"},
		{.method = "GET", .path = "/a", .headers = LIST("A: b\r\nC: d")},
		{.method = "GE T", .path = "/a"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		http_send(http, &bad[i], on_done, &o);
		assert_int_equal(o.calls, 0);
		until_done(&o);
		assert_int_equal(o.how, HTTP_NOT_SENT);
		assert_int_equal(o.code, ERR_INTERNAL);
		outcome_done(&o);
	}
	assert_int_equal(server.accepted, 0);
}

static void redirect(struct conn *c)
{
	conn_says(c, "HTTP/1.1 302 Found\r\nLocation: http://d/other\r\nContent-Length: 0\r\n\r\n");
}

static void a_redirect_is_an_answer_like_any_other(void **state)
{
	struct outcome o;

	server.on_bytes = redirect;
	send_simple(&o, "GET", "/a");
	until_done(&o);
	assert_int_equal(o.status, 302);
	assert_int_equal(o.code, 0);
	outcome_done(&o);
}

static void head_only(struct conn *c)
{
	if (head_in(c))
		conn_says(c, HEAD "Content-Length: 100\r\n\r\n");
}

static void a_head_request_has_no_body(void **state)
{
	struct outcome o;

	server.on_bytes = head_only;
	send_simple(&o, "HEAD", "/a");
	until_done(&o);
	assert_int_equal(o.status, 200);
	assert_int_equal(o.code, 0);
	assert_int_equal(o.body_len, 0);
	outcome_done(&o);
}

/* --- slow, cut and garbled -------------------------------------------------------------------- */

static const char chunked[] =
	"HTTP/1.1 100 Continue\r\n\r\n" HEAD "Transfer-Encoding: chunked\r\nA: b\r\n\r\n"
	"4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n";

static void a_slow_chunked_answer_is_put_together(void **state)
{
	struct outcome o;

	send_simple(&o, "GET", "/a");
	while (!server.open)
		loop_once(loop, true);
	for (size_t i = 0; i < sizeof(chunked) - 1; i++) {
		assert_int_equal(buf_addc(&server_last(&server)->out, chunked[i]), 0);
		conn_flush(server_last(&server));
		turns(2);
	}
	until_done(&o);
	assert_int_equal(o.status, 200);
	assert_int_equal(o.code, 0);
	assert_string_equal(o.body, "Wikipedia");
	assert_non_null(strstr(o.headers, "A: b\r\n"));
	outcome_done(&o);
}

static size_t cut_at;

static void cut_answer(struct conn *c)
{
	if (!head_in(c))
		return;
	assert_int_equal(buf_add(&c->out, chunked, cut_at), 0);
	conn_hang_up(c);
}

static void an_answer_cut_at_any_byte_is_never_taken_for_whole(void **state)
{
	size_t head_end = (size_t)(strstr(chunked, "A: b\r\n\r\n") + 8 - chunked);

	server.on_bytes = cut_answer;
	/* the line feed at the very end is not missed */
	for (cut_at = 0; cut_at < sizeof(chunked) - 2; cut_at++) {
		for (int post = 0; post < 2; post++) {
			struct outcome o;

			send_simple(&o, post ? "POST" : "GET", "/a");
			until_done(&o);
			assert_int_equal(
				o.how, cut_at < head_end ? HTTP_MAYBE_SENT : HTTP_ANSWERED);
			assert_int_equal(o.status, cut_at < head_end ? 0 : 200);
			assert_true(o.code == ERR_UNKNOWN ||
				    (o.code == ERR_PROTO && cut_at < head_end));
			assert_true(strlen(o.text) > 20);
			outcome_done(&o);
		}
	}
}

static const char *garbage;

static void say_garbage(struct conn *c)
{
	if (!head_in(c))
		return;
	conn_says(c, garbage);
	conn_hang_up(c);
}

static void what_is_no_http_is_said_to_be_none(void **state)
{
	const char *bad[] = {
		"SSH-2.0-OpenSSH_9.2p1\r\n\r\n",
		"HTTP/9.9 200 OK\r\n\r\n",
		"HTTP/1.1 2x0 OK\r\n\r\n",
		HEAD "Content-Length: -5\r\n\r\nhello",
	};

	server.on_bytes = say_garbage;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct outcome o;

		garbage = bad[i];
		send_simple(&o, "POST", "/a");
		until_done(&o);
		assert_int_equal(o.how, HTTP_MAYBE_SENT);
		assert_int_equal(o.code, ERR_PROTO);
		outcome_done(&o);
	}
}

static void a_body_in_no_framing_is_an_error(void **state)
{
	const char *bad[] = {
		HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
		HEAD "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\nhello\r\n",
		HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloworld\r\n0\r\n\r\n",
	};

	server.on_bytes = say_garbage;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct outcome o;

		garbage = bad[i];
		send_simple(&o, "GET", "/a");
		until_done(&o);
		assert_int_equal(o.how, HTTP_ANSWERED);
		assert_true(o.code == ERR_PROTO || o.code == ERR_UNKNOWN);
		outcome_done(&o);
	}
}

static void nobody_there_means_not_sent(void **state)
{
	struct outcome o;

	server_deafen(&server);
	send_simple(&o, "POST", "/a");
	until_done(&o);
	assert_int_equal(o.how, HTTP_NOT_SENT);
	assert_int_equal(o.code, ERR_UNREACHABLE);
	assert_non_null(strstr(o.text, server.path));
	assert_non_null(strstr(o.text, strerror(ENOENT)));
	outcome_done(&o);
}

#ifdef LOCAL
static void only_unix_sockets_are_reached(void **state)
{
	struct http_peer peer = {.base_url = "http://127.0.0.1:1"};
	struct http *none = NULL;
	struct err e;

	assert_int_equal(http_new(&none, loop, &peer, &e), ERR_USAGE);
	assert_non_null(strstr(e.text, "'http://127.0.0.1:1': it is no unix socket"));
	assert_null(none);
}

/* A unix socket whose queue is full says so at once. */
static void a_full_queue_is_waited_for(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct outcome o;

	memcpy(a.sun_path, server.path, strlen(server.path) + 1);
	assert_int_equal(listen(server.fd, 0), 0);
	watch_set(server.watch, 0);
	int first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int second = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(connect(first, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(connect(second, (struct sockaddr *)&a, sizeof(a)), -1);
	assert_int_equal(errno, EAGAIN);
	server.on_bytes = say_hello;
	send_simple(&o, "POST", "/a");
	turns(5);
	assert_int_equal(o.calls, 0);
	watch_set(server.watch, WATCH_READ);
	until_done(&o);
	assert_int_equal(o.status, 200);
	close(first);
	close(second);
	outcome_done(&o);
}
#else
/* A proxy in the environment listens; the peer does not. */
static void the_environment_does_not_redirect(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int proxy = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct http_peer peer = {.base_url = "http://127.0.0.1:1"};
	struct outcome o;

	assert_int_equal(bind(proxy, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(proxy, 5), 0);
	assert_int_equal(getsockname(proxy, (struct sockaddr *)&a, &n), 0);
	_cleanup_free_ char *url = strf("http://127.0.0.1:%d", ntohs(a.sin_port));
	setenv("http_proxy", url, 1);
	http_free(http);
	assert_int_equal(http_new(&http, loop, &peer, NULL), 0);
	send_simple(&o, "POST", "/a");
	until_done(&o);
	unsetenv("http_proxy");
	assert_int_equal(o.how, HTTP_NOT_SENT);
	assert_non_null(strstr(o.text, "'http://127.0.0.1:1': Connection refused"));
	assert_int_equal(accept(proxy, NULL, NULL), -1);
	close(proxy);
	outcome_done(&o);
}
#endif

/* The second request on a kept connection finds it closed. */
static int seen;

static void answer_once_then_hang_up(struct conn *c)
{
	if (!head_in(c))
		return;
	seen++;
	if (c->number > 0 || seen == 1) {
		say_hello(c);
		return;
	}
	conn_hang_up(c);
}

static void a_kept_connection_that_closes_repeats_reads_only(void **state)
{
	struct outcome o;

	server.on_bytes = answer_once_then_hang_up;
	for (int post = 0; post < 2; post++) {
		seen = 0;
		server.accepted = 0;
		send_simple(&o, "GET", "/first");
		until_done(&o);
		outcome_done(&o);
		send_simple(&o, post ? "POST" : "GET", "/second");
		until_done(&o);
		if (post) {
			assert_int_equal(o.how, HTTP_MAYBE_SENT);
			assert_int_equal(o.code, ERR_UNKNOWN);
			assert_int_equal(seen, 2); /* not a third time */
		} else {
			assert_int_equal(o.how, HTTP_ANSWERED);
			assert_int_equal(seen, 3);
		}
		outcome_done(&o);
		http_free(http);
		turns(2);
		struct http_peer peer = {.unix_path = server.path, .base_url = "http://d"};
		assert_int_equal(http_new(&http, loop, &peer, NULL), 0);
	}
}

static void hang_up_and_stop_listening(struct conn *c)
{
	if (!head_in(c))
		return;
	if (c->number == 0 && seen++ == 0) {
		say_hello(c);
		return;
	}
	server_deafen(c->server);
	conn_hang_up(c);
}

/* libcurl would try again, be refused, and forget that the first try was sent. */
static void a_repeat_that_is_refused_does_not_mean_not_sent(void **state)
{
	struct outcome o;

	server.on_bytes = hang_up_and_stop_listening;
	seen = 0;
	send_simple(&o, "GET", "/first");
	until_done(&o);
	outcome_done(&o);
	send_simple(&o, "POST", "/second");
	until_done(&o);
	assert_int_equal(o.how, HTTP_MAYBE_SENT);
	outcome_done(&o);
}

/* --- limits and deadlines --------------------------------------------------------------------- */

static void bodies_and_heads_have_limits(void **state)
{
	struct outcome o = {0};
	struct http_request req = {.method = "GET", .path = "/a", .max_body = 4};
	struct buf big = BUF(1 << 20);

	server.on_bytes = say_hello;
	http_send(http, &req, on_done, &o);
	until_done(&o);
	assert_int_equal(o.how, HTTP_ANSWERED);
	assert_int_equal(o.code, ERR_LIMIT);
	outcome_done(&o);
	req.max_body = 5;
	http_send(http, &req, on_done, &o);
	until_done(&o);
	assert_int_equal(o.code, 0);
	outcome_done(&o);

	buf_adds(&big, HEAD);
	for (int i = 0; i < 1000; i++)
		buf_addf(&big, "X-%d: %080d\r\n", i, i);
	buf_adds(&big, "\r\n");
	garbage = big.data;
	server.on_bytes = say_garbage;
	send_simple(&o, "GET", "/a");
	until_done(&o);
	assert_int_equal(o.how, HTTP_MAYBE_SENT);
	assert_int_equal(o.code, ERR_LIMIT);
	outcome_done(&o);
	buf_done(&big);
}

static void a_deadline_ends_a_call_that_waits(void **state)
{
	struct outcome o;

	send_simple(&o, "POST", "/slow"); /* deadline 5 s; nobody answers */
	while (!server.open || server_last(&server)->in.len == 0)
		loop_once(loop, true);
	later(4999);
	assert_int_equal(o.calls, 0);
	later(1);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.how, HTTP_MAYBE_SENT);
	assert_int_equal(o.code, ERR_TIMEOUT);
	assert_non_null(strstr(o.text, "POST '/slow'"));
	while (server.open) /* the connection was closed, too */
		loop_once(loop, true);
	outcome_done(&o);

	send_simple(&o, "POST", "/slow"); /* runs out before anything was done */
	later(5000);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.how, HTTP_NOT_SENT);
	assert_int_equal(o.code, ERR_TIMEOUT);
	outcome_done(&o);
}

/* --- streams ---------------------------------------------------------------------------------- */

static int on_head(void *arg, int status, struct err *e)
{
	struct outcome *o = arg;

	o->heads++;
	assert_int_equal(o->got.len, 0);
	return 0;
}

static int refuse_head(void *arg, int status, struct err *e)
{
	return err_set(e, ERR_STATE, "no such head");
}

static int64_t on_data(void *arg, const char *p, size_t n, struct err *e)
{
	struct outcome *o = arg;

	assert_int_equal(o->calls, 0);
	if (o->cancel_inside)
		http_cancel(o->op);
	if (o->give_up)
		return err_set(e, o->give_up, "given up");
	if (o->pauses > 0) {
		o->pauses--;
		return HTTP_PAUSE;
	}
	assert_int_equal(buf_add(&o->got, p, n), 0);
	return (int64_t)n;
}

static struct http_request stream_request(void)
{
	return (struct http_request){
		.method = "GET",
		.path = "/events",
		.on_head = on_head,
		.on_data = on_data,
		.silence_ms = 30000,
	};
}

static void open_stream(struct outcome *o, const struct http_request *req)
{
	*o = (struct outcome){.got = BUF(16 << 20)};
	o->op = http_send(http, req, on_done, o);
}

static void wait_connected(void)
{
	while (!server.open || !head_in(server_last(&server)))
		loop_once(loop, true);
}

static void say(const char *text)
{
	conn_says(server_last(&server), text);
	conn_flush(server_last(&server));
	turns(4);
}

static void a_stream_is_heard_piece_by_piece(void **state)
{
	struct outcome o;
	struct http_request req = stream_request();

	open_stream(&o, &req);
	wait_connected();
	say(HEAD "\r\n");
	assert_int_equal(o.heads, 1);
	say("one");
	assert_string_equal(buf_str(&o.got), "one");
	say("two");
	assert_string_equal(buf_str(&o.got), "onetwo");
	conn_hang_up(server_last(&server));
	conn_flush(server_last(&server));
	until_done(&o);
	assert_int_equal(o.code, 0);
	assert_int_equal(o.body_len, 0);
	outcome_done(&o);
}

static void a_silent_stream_times_out_a_paused_one_does_not(void **state)
{
	struct outcome o;
	struct http_request req = stream_request();

	open_stream(&o, &req);
	wait_connected();
	later(29000);
	say(HEAD "\r\n");
	later(29000);
	say("x");
	later(29000);
	o.pauses = 1;
	say("y");
	later(90000);
	assert_int_equal(o.calls, 0);
	http_resume(o.op);
	turns(4);
	assert_string_equal(buf_str(&o.got), "xy");
	later(29999);
	assert_int_equal(o.calls, 0);
	later(1);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.how, HTTP_ANSWERED);
	assert_int_equal(o.code, ERR_TIMEOUT);
	assert_non_null(strstr(o.text, "nothing heard"));
	outcome_done(&o);
}

static void pattern(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (char)('a' + i % 23 + i / 1000 % 3);
}

#define FLOOD (4u << 20)

static void flood(struct conn *c)
{
	if (!head_in(c))
		return;
	buf_clear(&c->in);
	conn_says(c, HEAD "Content-Length: 4194304\r\n\r\n");
	pattern(buf_room(&c->out, FLOOD), FLOOD);
	buf_grew(&c->out, FLOOD);
}

static void a_paused_download_holds_the_peer_and_loses_nothing(void **state)
{
	struct outcome o;
	struct http_request req = stream_request();
	char *want = xmalloc(FLOOD);

	pattern(want, FLOOD);
	server.on_bytes = flood;
	req.silence_ms = 0;
	open_stream(&o, &req);
	o.pauses = 1;
	while (o.pauses)
		loop_once(loop, true);
	for (int i = 0; i < 200; i++)
		loop_once(loop, false);
	size_t held = server_last(&server)->written;
	assert_true(held < 1 << 20); /* only what the kernel and one buffer hold */
	turns(50);
	assert_int_equal(server_last(&server)->written, held);
	for (int i = 0; !o.calls; i++) {
		o.pauses = i % 3; /* also pauses again inside resume */
		http_resume(o.op);
		loop_once(loop, true);
	}
	assert_int_equal(o.code, 0);
	assert_int_equal(o.got.len, FLOOD);
	assert_memory_equal(o.got.data, want, FLOOD);
	free(want);
	outcome_done(&o);
}

static void a_stream_has_a_limit_when_it_was_given_one(void **state)
{
	struct outcome o;
	struct http_request req = stream_request();

	server.on_bytes = flood;
	req.max_body = 100000;
	open_stream(&o, &req);
	until_done(&o);
	assert_int_equal(o.code, ERR_LIMIT);
	assert_true(o.got.len <= 100000);
	outcome_done(&o);
}

static void flood_error(struct conn *c)
{
	if (!head_in(c))
		return;
	conn_says(c, "HTTP/1.1 404 Not Found\r\n\r\n");
	pattern(buf_room(&c->out, 200000), 200000);
	buf_grew(&c->out, 200000);
}

static void the_error_body_of_a_stream_is_kept_apart(void **state)
{
	struct outcome o;
	struct http_request req = stream_request();

	garbage = "HTTP/1.1 409 Conflict\r\nContent-Length: 6\r\n\r\nin use";
	server.on_bytes = say_garbage;
	open_stream(&o, &req);
	until_done(&o);
	assert_int_equal(o.status, 409);
	assert_int_equal(o.code, 0);
	assert_string_equal(o.body, "in use");
	assert_int_equal(o.got.len, 0);
	outcome_done(&o);

	server.on_bytes =
		flood_error; /* only its beginning is kept, and nobody waits for the end */
	open_stream(&o, &req);
	until_done(&o);
	assert_int_equal(o.status, 404);
	assert_int_equal(o.code, 0);
	assert_int_equal(o.body_len, 65536);
	outcome_done(&o);
}

static void callbacks_may_give_up(void **state)
{
	struct outcome o;
	struct http_request req = stream_request();

	server.on_bytes = say_hello;
	open_stream(&o, &req);
	o.give_up = ERR_PROTO;
	until_done(&o);
	assert_int_equal(o.how, HTTP_ANSWERED);
	assert_int_equal(o.code, ERR_PROTO);
	assert_string_equal(o.text, "given up");
	outcome_done(&o);
	req.on_head = refuse_head;
	open_stream(&o, &req);
	until_done(&o);
	assert_int_equal(o.status, 200);
	assert_int_equal(o.code, ERR_STATE);
	assert_int_equal(o.got.len, 0);
	outcome_done(&o);
}

/* --- uploads ---------------------------------------------------------------------------------- */

static int64_t on_send(void *arg, char *p, size_t n, struct err *e)
{
	struct outcome *o = arg;

	assert_int_equal(o->calls, 0);
	if (o->cancel_inside)
		http_cancel(o->op);
	if (o->give_up)
		return err_set(e, o->give_up, "given up");
	if (o->pauses > 0) {
		o->pauses--;
		return HTTP_PAUSE;
	}
	n = MIN(n, o->to_send - o->sent);
	memset(p, 'u', n);
	o->sent += n;
	return (int64_t)n;
}

static struct http_request upload_request(void)
{
	return (struct http_request){
		.method = "PUT",
		.path = "/archive",
		.content_type = "application/x-tar",
		.on_send = on_send,
		.silence_ms = 30000,
	};
}

static void answer_whole_upload(struct conn *c)
{
	if (c->in.len > 5 && memcmp(c->in.data + c->in.len - 5, "0\r\n\r\n", 5) == 0)
		conn_says(c, HEAD "Content-Length: 2\r\n\r\nok");
}

static void an_upload_is_chunked_and_may_pause(void **state)
{
	struct outcome o;
	struct http_request req = upload_request();

	server.on_bytes = answer_whole_upload;
	open_stream(&o, &req);
	o.to_send = 1000000;
	o.pauses = 1;
	while (o.pauses)
		loop_once(loop, true);
	later(60000); /* paused: no silence */
	assert_int_equal(o.sent, 0);
	for (int i = 0; !o.calls; i++) {
		o.pauses = i % 3;
		http_resume(o.op);
		loop_once(loop, true);
	}
	assert_int_equal(o.status, 200);
	assert_int_equal(o.code, 0);
	assert_string_equal(o.body, "ok");
	assert_int_equal(o.sent, 1000000);
	struct conn *c = server_last(&server);
	assert_non_null(strstr(c->in.data, "\r\nTransfer-Encoding: chunked\r\n"));
	assert_non_null(strstr(c->in.data, "\r\nContent-Type: application/x-tar\r\n"));
	assert_null(strstr(c->in.data, "Expect"));
	size_t u = 0;
	for (size_t i = (size_t)(strstr(c->in.data, "\r\n\r\n") - c->in.data); i < c->in.len; i++)
		u += c->in.data[i] == 'u';
	assert_int_equal(u, 1000000);
	outcome_done(&o);
}

static void refuse_upload(struct conn *c)
{
	if (head_in(c) && c->out.len == 0 && c->written == 0)
		conn_says(c, "HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno");
}

static void an_upload_that_is_refused_ends_at_once(void **state)
{
	struct outcome o;
	struct http_request req = upload_request();

	server.on_bytes = refuse_upload;
	for (int paused = 0; paused < 2; paused++) {
		open_stream(&o, &req);
		o.to_send = SIZE_MAX;
		o.pauses = paused ? 1 : 0;
		until_done(&o);
		assert_int_equal(o.status, 400);
		assert_int_equal(o.code, 0);
		assert_string_equal(o.body, "no");
		outcome_done(&o);
	}
}

static void an_upload_may_give_up(void **state)
{
	struct outcome o;
	struct http_request req = upload_request();

	open_stream(&o, &req);
	o.give_up = ERR_NO_SPACE;
	until_done(&o);
	assert_int_not_equal(o.how, HTTP_ANSWERED); /* libcurl 8 asks before it sends the head */
	assert_int_equal(o.code, ERR_NO_SPACE);
	outcome_done(&o);
}

/* --- cancel ----------------------------------------------------------------------------------- */

static void expect_canceled(struct outcome *o, enum http_outcome how)
{
	assert_int_equal(o->calls, 0);
	http_cancel(o->op);
	assert_int_equal(o->calls, 0);
	until_done(o);
	assert_int_equal(o->how, how);
	assert_int_equal(o->code, ERR_CANCELED);
	while (server.open)
		loop_once(loop, true); /* nothing stays connected */
	outcome_done(o);
}

static void a_call_can_be_canceled_at_every_stage(void **state)
{
	struct outcome o;

	send_simple(&o, "POST", "/a");
	expect_canceled(&o, HTTP_NOT_SENT); /* before it was started */

	send_simple(&o, "POST", "/a");
	wait_connected();
	expect_canceled(&o, HTTP_MAYBE_SENT); /* sent */

	send_simple(&o, "POST", "/a");
	wait_connected();
	say(HEAD "Content-Len");
	expect_canceled(&o, HTTP_MAYBE_SENT); /* inside the head */

	send_simple(&o, "POST", "/a");
	wait_connected();
	say(HEAD "Content-Length: 10\r\n\r\nhal");
	expect_canceled(&o, HTTP_ANSWERED); /* inside the body */
}

static void a_stream_can_be_canceled_at_every_stage(void **state)
{
	struct outcome o;
	struct http_request req = stream_request();

	open_stream(&o, &req);
	wait_connected();
	say(HEAD "\r\nabc");
	expect_canceled(&o, HTTP_ANSWERED);

	open_stream(&o, &req);
	o.pauses = 1;
	wait_connected();
	say(HEAD "\r\nabc");
	expect_canceled(&o, HTTP_ANSWERED); /* paused */

	open_stream(&o, &req);
	o.cancel_inside = true;
	wait_connected();
	say(HEAD "\r\nabc");
	until_done(&o);
	assert_int_equal(o.code, ERR_CANCELED);
	outcome_done(&o);

	req = upload_request();
	open_stream(&o, &req);
	o.cancel_inside = true;
	o.to_send = 10;
	until_done(&o);
	assert_int_equal(o.code, ERR_CANCELED);
	outcome_done(&o);
}

static void freeing_the_client_completes_everything(void **state)
{
	struct outcome o[4] = {0};
	struct http_request stream = stream_request(), upload = upload_request();

	send_simple(&o[0], "GET", "/a");
	open_stream(&o[1], &stream);
	open_stream(&o[2], &upload);
	o[2].to_send = SIZE_MAX;
	turns(20);
	send_simple(&o[3], "GET", "/late");
	http_free(http);
	http = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(o); i++) {
		assert_int_equal(o[i].calls, 1);
		assert_int_equal(o[i].code, ERR_CANCELED);
		assert_int_equal(o[i].how, i == 3 ? HTTP_NOT_SENT : HTTP_MAYBE_SENT);
		outcome_done(&o[i]);
	}
}

/* --- many ------------------------------------------------------------------------------------- */

static void a_hundred_calls_at_once(void **state)
{
	struct outcome o[100];

	server.on_bytes = say_hello;
	for (size_t i = 0; i < ARRAY_SIZE(o); i++)
		send_simple(&o[i], "GET", "/a");
	for (size_t i = 0; i < ARRAY_SIZE(o); i++) {
		until_done(&o[i]);
		assert_int_equal(o[i].code, 0);
		assert_string_equal(o[i].body, "hello");
		outcome_done(&o[i]);
	}
	assert_in_range(server.peak, 2, 64);
}

static void count_requests(struct conn *c)
{
	seen += head_in(c);
}

static void open_streams_do_not_use_up_the_connections_of_calls(void **state)
{
	struct outcome o[80], call;
	struct http_request req = stream_request();

	seen = 0;
	server.on_bytes = count_requests;
	for (size_t i = 0; i < ARRAY_SIZE(o); i++)
		open_stream(&o[i], &req);
	while (seen < (int)ARRAY_SIZE(o))
		loop_once(loop, true);
	server.on_bytes = say_hello;
	send_simple(&call, "GET", "/ping");
	until_done(&call);
	assert_int_equal(call.status, 200);
	outcome_done(&call);
	for (size_t i = 0; i < ARRAY_SIZE(o); i++)
		http_cancel(o[i].op);
	for (size_t i = 0; i < ARRAY_SIZE(o); i++) {
		until_done(&o[i]);
		outcome_done(&o[i]);
	}
}

static void a_completion_may_send_the_next_request(void **state)
{
	struct outcome a, b = {0};

	server.on_bytes = say_hello;
	send_simple(&a, "GET", "/a");
	a.next = &b;
	until_done(&a);
	until_done(&b);
	assert_int_equal(b.status, 200);
	assert_int_equal(server.accepted, 1);
	outcome_done(&a);
	outcome_done(&b);
}

static void words_are_escaped(void **state)
{
	char *s = http_escape("a b/c?d=\xc3\xa9~");

	assert_string_equal(s, "a%20b%2Fc%3Fd%3D%C3%A9~");
	char *back = http_unescape(s), *odd = http_unescape("100%, %zz %4");
	assert_string_equal(back, "a b/c?d=\xc3\xa9~");
	assert_string_equal(odd, "100%, %zz %4");
	free(s);
	free(back);
	free(odd);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_answer_comes_whole),
		T(connections_are_kept),
		T(a_request_says_what_it_was_told),
		T(requests_that_would_break_the_framing_stay_here),
		T(a_redirect_is_an_answer_like_any_other),
		T(a_head_request_has_no_body),
		T(a_slow_chunked_answer_is_put_together),
		T(an_answer_cut_at_any_byte_is_never_taken_for_whole),
		T(what_is_no_http_is_said_to_be_none),
		T(a_body_in_no_framing_is_an_error),
		T(nobody_there_means_not_sent),
#ifdef LOCAL
		T(only_unix_sockets_are_reached),
		T(a_full_queue_is_waited_for),
#else
		T(the_environment_does_not_redirect),
#endif
		T(a_kept_connection_that_closes_repeats_reads_only),
		T(a_repeat_that_is_refused_does_not_mean_not_sent),
		T(bodies_and_heads_have_limits),
		T(a_deadline_ends_a_call_that_waits),
		T(a_stream_is_heard_piece_by_piece),
		T(a_silent_stream_times_out_a_paused_one_does_not),
		T(a_paused_download_holds_the_peer_and_loses_nothing),
		T(a_stream_has_a_limit_when_it_was_given_one),
		T(the_error_body_of_a_stream_is_kept_apart),
		T(callbacks_may_give_up),
		T(an_upload_is_chunked_and_may_pause),
		T(an_upload_that_is_refused_ends_at_once),
		T(an_upload_may_give_up),
		T(a_call_can_be_canceled_at_every_stage),
		T(a_stream_can_be_canceled_at_every_stage),
		T(freeing_the_client_completes_everything),
		T(a_hundred_calls_at_once),
		T(open_streams_do_not_use_up_the_connections_of_calls),
		T(a_completion_may_send_the_next_request),
		T(words_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
