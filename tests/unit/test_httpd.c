/*
 * test_httpd.c - the HTTP server: our own client and raw bytes against it, in one loop.
 */
#include "api/httpd.h"
#include "api/listen.h"
#include "net/http.h"
#include "net/stream.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int64_t fake_now;

static int64_t fake_ms(void *arg)
{
	return fake_now;
}

static const struct clock fake_clock = {fake_ms, fake_ms, NULL};

/* What the handlers below do and have seen; one of each for every test. */
static struct loop *loop;
static struct httpd *httpd;
static struct http *http;
static struct timer *guard_timer;
static char dir[32], path[64];
static int requests, gone;
static struct request *held; /* of "/later", "/stream", "/sse": ours to unref */
static char *seen;           /* what the last request was */
static struct buf upload;
static size_t take_at_most; /* of an upload, per call */
static int uploads_ended, drained;
static struct httpd_socket *sock;
static struct buf sock_log;

static void set_seen(char *s)
{
	free(seen);
	seen = s;
}

static void count(void *arg)
{
	++*(int *)arg;
}

static size_t take_upload(void *arg, const char *p, size_t n)
{
	n = MIN(n, take_at_most);
	assert_int_equal(buf_add(&upload, p, n), 0);
	return n;
}

static void upload_done(void *arg)
{
	struct buf text = BUF(100);

	uploads_ended++;
	buf_addf(&text, "%zu", upload.len);
	request_reply(held, 200, "text/plain", &text);
}

static void on_message(void *arg, enum ws_kind kind, const char *p, size_t n)
{
	assert_ptr_equal(arg, &sock);
	if (n < 100)
		buf_addf(&sock_log, "%.*s;", (int)n, p);
	if (n >= 4 && memcmp(p, "quit", 4) == 0)
		httpd_socket_close(sock, WS_CLOSE_NORMAL, "as you wish");
	else
		assert_int_equal(httpd_socket_send(sock, kind, p, n, NULL), 0);
}

static void on_drained(void *arg)
{
	drained++;
}

static void on_closed(void *arg, int code, const char *reason)
{
	buf_addf(&sock_log, "closed %d %s", code, reason);
	sock = NULL;
}

static const struct httpd_socket_ops socket_ops = {on_message, on_drained, on_closed};

static void reply_text(struct request *r, int status, const char *text)
{
	struct buf b = BUF(1 << 20);

	buf_adds(&b, text);
	request_reply(r, status, "text/plain", &b);
}

static void hold(struct request *r)
{
	held = request_ref(r);
	request_on_gone(r, count, &gone);
}

static void upgrade(struct request *r)
{
	struct err e;

	if (request_upgrade(r, "labyard.test.v1", &socket_ops, &sock, &sock, &e) < 0)
		reply_text(r, 400, e.text);
	else
		assert_int_equal(httpd_socket_send(sock, WS_TEXT, "welcome", 7, NULL), 0);
}

static void on_request(void *arg, struct request *r)
{
	const char *where = request_path(r), *q = request_query(r, "q");

	requests++;
	set_seen(strf("%s %s q=%s body=%s", request_method(r), where, q ? q : "-",
		buf_str(request_body(r))));
	if (streq(where, "/now"))
		reply_text(r, 200, "hello");
	else if (streq(where, "/upgrade"))
		upgrade(r);
	else if (streq(where, "/empty"))
		request_reply(r, 204, NULL, NULL);
	else if (streq(where, "/later") || streq(where, "/never"))
		hold(r);
	else if (streq(where, "/upload"))
		hold(r), request_receive(r, 1 << 20, take_upload, upload_done, NULL);
	else if (streq(where, "/stream"))
		hold(r), request_stream(r, 200, "text/plain", count, &drained);
	else if (streq(where, "/sse"))
		hold(r), request_sse(r, count, &drained);
	else
		reply_text(r, 404, "nothing here");
}

static int64_t on_head(void *arg, struct request *r)
{
	if (streq(request_path(r), "/upload"))
		return HTTPD_STREAM;
	if (streq(request_path(r), "/forbidden"))
		reply_text(r, 403, "no");
	return 1000;
}

static const struct httpd_ops ops = {.on_head = on_head, .on_request = on_request};

static void too_long(void *arg)
{
	fail_msg("the loop has waited for 10 s");
}

static int setup(void **state)
{
	fake_now = 1000000;
	requests = gone = uploads_ended = drained = 0;
	take_at_most = SIZE_MAX;
	upload = BUF(64 << 20);
	sock_log = BUF(1000);
	(void)snprintf(dir, sizeof(dir), "/tmp/labyard-test-XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/run/s", dir);
	assert_int_equal(loop_new(&loop, &fake_clock, NULL), 0);
	assert_int_equal(httpd_new(&httpd, loop, &ops, NULL, NULL), 0);
	assert_int_equal(httpd_listen_unix(httpd, path, NULL), 0);
	struct http_peer peer = {.unix_path = path, .base_url = "http://localhost"};
	assert_int_equal(http_new(&http, loop, &peer, NULL), 0);
	guard_timer = timer_new_real(loop, too_long, NULL);
	timer_start(guard_timer, 10000);
	return 0;
}

static int teardown(void **state)
{
	http_free(http);
	httpd_free(httpd);
	request_unref(held);
	held = NULL;
	timer_free(guard_timer);
	loop_free(loop);
	assert_false(fs_exists(path));
	assert_int_equal(fs_remove_tree(dir, NULL), 0);
	set_seen(NULL);
	buf_done(&upload);
	buf_done(&sock_log);
	return 0;
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
	turns(5);
}

/* --- our own client --------------------------------------------------------------------------- */

struct answer {
	int calls, status, code;
	char *body, *headers;
	struct buf got;
	bool pause;
	size_t to_send, sent;
	struct http_op *op;
};

static void on_answer(void *arg, const struct http_result *r)
{
	struct answer *a = arg;

	a->calls++;
	a->status = r->status;
	a->code = r->err.code;
	a->body = xmemdup(buf_str(&r->body), r->body.len + 1);
	a->headers = xstrdup(r->headers);
}

static int64_t on_piece(void *arg, const char *p, size_t n, struct err *e)
{
	struct answer *a = arg;

	if (a->pause)
		return HTTP_PAUSE;
	assert_int_equal(buf_add(&a->got, p, n), 0);
	return (int64_t)n;
}

static int64_t on_upload(void *arg, char *p, size_t n, struct err *e)
{
	struct answer *a = arg;

	n = MIN(n, a->to_send - a->sent);
	memset(p, 'u', n);
	a->sent += n;
	return (int64_t)n;
}

static void ask(struct answer *a, const char *method, const char *where, const char *body)
{
	struct http_request req = {.method = method, .path = where, .body = body};

	req.body_len = body ? strlen(body) : 0;
	*a = (struct answer){0};
	a->op = http_send(http, &req, on_answer, a);
}

static void listen_to(struct answer *a, const char *where)
{
	struct http_request req = {.method = "GET", .path = where, .on_data = on_piece};

	*a = (struct answer){.got = BUF(64 << 20)};
	a->op = http_send(http, &req, on_answer, a);
}

static void until(const int *what, int n)
{
	while (*what < n)
		assert_true(loop_once(loop, true));
}

static void answer_done(struct answer *a)
{
	if (!a->calls) {
		http_cancel(a->op);
		until(&a->calls, 1);
	}
	free(a->body);
	free(a->headers);
	buf_done(&a->got);
}

static void expect(
	const char *method, const char *where, const char *body, int status, const char *text)
{
	struct answer a;

	ask(&a, method, where, body);
	until(&a.calls, 1);
	assert_int_equal(a.code, 0);
	assert_int_equal(a.status, status);
	assert_string_equal(a.body, text);
	answer_done(&a);
}

/* Nothing happens, so the loop must sleep: with a busy loop this would be thousands of turns. */
static void expect_idle(void)
{
	int fired = 0, n = 0;
	struct timer *t = timer_new_real(loop, count, &fired);

	turns(5);
	timer_start(t, 20);
	for (; timer_active(t); n++)
		loop_once(loop, true);
	assert_in_range(n, 1, 20);
	timer_free(t);
}

/* --- raw bytes -------------------------------------------------------------------------------- */

static int raw_open(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(a.sun_path, path, strlen(path) + 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void raw_say(int fd, const char *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), n);
	turns(10);
}

/* Everything that can be read now is added; true when the peer has closed. */
static bool raw_hear(int fd, struct buf *b)
{
	char chunk[65536];
	ssize_t n;

	turns(5);
	while ((n = recv(fd, chunk, sizeof(chunk), 0)) > 0) {
		assert_int_equal(buf_add(b, chunk, (size_t)n), 0);
		turns(5);
	}
	return n == 0 || errno == ECONNRESET;
}

#define OK_HEAD " HTTP/1.1\r\nHost: localhost\r\n"

/* --- whole answers ---------------------------------------------------------------------------- */

static void a_request_is_understood_and_answered(void **state)
{
	expect("GET", "/now", NULL, 200, "hello");
	expect("GET", "/n%6fw?x&q=a%20b+c%2B%c3%a9", NULL, 200, "hello");
	assert_string_equal(seen, "GET /now q=a b c+\xc3\xa9 body=");
	expect("POST", "/now?q", "{\"a\": 1}", 200, "hello");
	assert_string_equal(seen, "POST /now q= body={\"a\": 1}");
	expect("DELETE", "/empty", NULL, 204, "");
	expect("GET", "/nowhere", NULL, 404, "nothing here");
	expect("POST", "/forbidden", "body", 403, "no");
	assert_int_equal(requests, 5);
}

static void connections_are_kept(void **state)
{
	struct buf b = BUF(1 << 20);
	int fd = raw_open();

	for (int i = 0; i < 5; i++) {
		raw_say(fd, "GET /now" OK_HEAD "\r\n", sizeof("GET /now" OK_HEAD "\r\n") - 1);
		assert_false(raw_hear(fd, &b));
		assert_non_null(strstr(b.data, "hello"));
		assert_null(strcasestr(b.data, "connection: close"));
		buf_clear(&b);
	}
	raw_say(fd, "POST /now" OK_HEAD "Content-Length: 3\r\n\r\nabcGET /now" OK_HEAD "\r\n",
		sizeof("POST /now" OK_HEAD "Content-Length: 3\r\n\r\nabcGET /now" OK_HEAD "\r\n") -
			1);
	assert_false(raw_hear(fd, &b));
	assert_int_equal(requests, 7); /* pipelined */
	/* also when it is refused by its head, as long as there is no body */
	buf_clear(&b);
	raw_say(fd, "GET /forbidden" OK_HEAD "\r\n", sizeof("GET /forbidden" OK_HEAD "\r\n") - 1);
	assert_false(raw_hear(fd, &b));
	assert_non_null(strstr(b.data, "403"));
	close(fd);
	buf_done(&b);
}

static void an_answer_may_come_later(void **state)
{
	struct answer a;

	ask(&a, "GET", "/later", NULL);
	until(&requests, 1);
	expect_idle();
	request_set_header(held, "Location", "/v1/x");
	reply_text(held, 201, "made");
	assert_false(request_gone(held));
	until(&a.calls, 1);
	assert_int_equal(a.status, 201);
	assert_string_equal(a.body, "made");
	char *location = http_header(a.headers, "location");
	assert_string_equal(location, "/v1/x");
	free(location);
	turns(5);
	assert_int_equal(gone, 1);
	assert_true(request_gone(held));
	reply_text(held, 200, "twice"); /* nothing happens */
	assert_null(request_header(held, "Host"));
	answer_done(&a);
}

static void who_waits_too_long_is_told(void **state)
{
	struct answer a;

	ask(&a, "GET", "/never", NULL);
	until(&requests, 1);
	turns(5);
	later(59999);
	assert_int_equal(a.calls, 0);
	later(1);
	until(&a.calls, 1);
	assert_int_equal(a.status, 504);
	assert_non_null(strstr(a.body, "GET '/never'"));
	turns(5);
	assert_int_equal(gone, 1);
	reply_text(held, 200, "too late");
	answer_done(&a);
}

static void a_client_that_left_does_not_matter(void **state)
{
	struct answer a;

	ask(&a, "GET", "/later", NULL);
	until(&requests, 1);
	answer_done(&a); /* cancels */
	reply_text(held, 200, "to nobody");
	until(&gone, 1);
	expect("GET", "/now", NULL, 200, "hello");
}

static void many_clients_at_once(void **state)
{
	struct answer a[200];

	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		ask(&a[i], i % 2 ? "POST" : "GET", "/now", i % 2 ? "x" : NULL);
	for (size_t i = 0; i < ARRAY_SIZE(a); i++) {
		until(&a[i].calls, 1);
		assert_string_equal(a[i].body, "hello");
		answer_done(&a[i]);
	}
}

/* --- bodies ----------------------------------------------------------------------------------- */

static void bodies_have_a_limit(void **state)
{
	char big[1102];
	struct answer a;

	memset(big, 'b', sizeof(big));
	big[1000] = '\0';
	expect("POST", "/now", big, 200, "hello");
	big[1000] = 'b';
	big[1001] = '\0';
	expect("POST", "/now", big, 413, "the body is larger than 1000 B\n");
	assert_int_equal(requests, 1);

	/* chunked: nobody knows before */
	struct http_request req = {.method = "PUT", .path = "/now", .on_send = on_upload};
	a = (struct answer){.to_send = 100000};
	http_send(http, &req, on_answer, &a);
	until(&a.calls, 1);
	assert_int_equal(a.status, 413);
	assert_int_equal(requests, 1);
	answer_done(&a);
}

static void begin_upload(struct answer *a, size_t n)
{
	struct http_request req = {.method = "PUT", .path = "/upload", .on_send = on_upload};

	*a = (struct answer){.to_send = n};
	a->op = http_send(http, &req, on_answer, a);
}

static void an_upload_is_taken_piece_by_piece(void **state)
{
	struct answer a;

	take_at_most = 0;
	begin_upload(&a, 1 << 20);
	until(&requests, 1);
	expect_idle(); /* paused */
	assert_int_equal(upload.len, 0);
	assert_true(a.sent < 1 << 20);
	for (int i = 0; !a.calls; i++) {
		take_at_most = i % 2 ? SIZE_MAX : 3000;
		request_resume(held);
		loop_once(loop, true);
	}
	assert_int_equal(a.status, 200);
	assert_string_equal(a.body, "1048576");
	assert_int_equal(uploads_ended, 1);
	for (size_t i = 0; i < upload.len; i++)
		if (upload.data[i] != 'u')
			fail();
	answer_done(&a);
}

static size_t resume_inside(void *arg, const char *p, size_t n)
{
	if (++*(int *)arg % 2) {
		request_resume(held);
		return 0;
	}
	upload.len += n;
	return n;
}

static int64_t stream_body(void *arg, struct request *r)
{
	return HTTPD_STREAM;
}

static int inside;

static void receive_with_resume(void *arg, struct request *r)
{
	hold(r);
	request_receive(r, 1 << 20, resume_inside, upload_done, &inside);
}

static void a_resume_from_inside_is_not_lost(void **state)
{
	static const struct httpd_ops own = {
		.on_head = stream_body, .on_request = receive_with_resume};
	struct answer a;

	httpd_free(httpd);
	inside = 0;
	assert_int_equal(httpd_new(&httpd, loop, &own, NULL, NULL), 0);
	assert_int_equal(httpd_listen_unix(httpd, path, NULL), 0);
	begin_upload(&a, 200000);
	until(&a.calls, 1);
	assert_string_equal(a.body, "200000");
	upload.len = 0; /* was only counted */
	answer_done(&a);
}

static void word_refusal(void *arg, struct request *r, int status, const struct err *why)
{
	_cleanup_free_ char *text = strf("%d %s", status, err_kind(why->code));

	reply_text(r, status, text);
}

static void refusals_are_worded_by_the_owner(void **state)
{
	static const struct httpd_ops own = {.on_request = on_request, .on_refusal = word_refusal};
	struct answer a;

	httpd_free(httpd);
	assert_int_equal(httpd_new(&httpd, loop, &own, NULL, NULL), 0);
	assert_int_equal(httpd_listen_unix(httpd, path, NULL), 0);
	expect("GET", "/now?a=1&a=2", NULL, 400, "400 usage");
	ask(&a, "GET", "/never", NULL);
	until(&requests, 1);
	turns(5);
	later(60000);
	until(&a.calls, 1);
	assert_string_equal(a.body, "504 timeout");
	answer_done(&a);
}

static void an_upload_has_a_limit(void **state)
{
	struct answer a;

	begin_upload(&a, (1 << 20) + 1);
	until(&a.calls, 1);
	assert_int_equal(a.status, 413);
	assert_int_equal(uploads_ended, 0);
	turns(5);
	assert_int_equal(gone, 1);
	answer_done(&a);
}

static void an_upload_may_be_answered_before_its_end(void **state)
{
	struct answer a;

	take_at_most = 1;
	begin_upload(&a, 4 << 20);
	until(&requests, 1);
	turns(5);
	reply_text(held, 409, "not now");
	until(&a.calls, 1);
	assert_int_equal(a.status, 409);
	assert_string_equal(a.body, "not now");
	assert_int_equal(uploads_ended, 0);
	answer_done(&a);
}

static void an_upload_that_nobody_resumes_is_cut(void **state)
{
	struct answer a;

	take_at_most = 0;
	begin_upload(&a, 4 << 20);
	until(&requests, 1);
	turns(5);
	later(60000);
	until(&a.calls, 1);
	assert_int_not_equal(a.code, 0);
	until(&gone, 1);
	answer_done(&a);
}

static void a_client_that_leaves_during_an_upload_is_noticed(void **state)
{
	struct answer a;

	begin_upload(&a, SIZE_MAX);
	until(&requests, 1);
	answer_done(&a);
	until(&gone, 1);
	assert_int_equal(uploads_ended, 0);
}

/* --- streams ---------------------------------------------------------------------------------- */

static void a_stream_comes_as_it_is_written(void **state)
{
	struct answer a;

	listen_to(&a, "/stream");
	until(&requests, 1);
	expect_idle();
	assert_int_equal(request_write(held, "one ", 4, NULL), 0);
	turns(10);
	assert_string_equal(buf_str(&a.got), "one ");
	assert_int_equal(request_write(held, "two ", 4, NULL), 0);
	assert_int_equal(request_write(held, "three", 5, NULL), 0);
	request_end(held, true);
	assert_int_equal(request_write(held, "x", 1, NULL), ERR_STATE);
	until(&a.calls, 1);
	assert_int_equal(a.code, 0);
	assert_string_equal(buf_str(&a.got), "one two three");
	turns(5);
	assert_int_equal(gone, 1);
	answer_done(&a);
	expect("GET", "/now", NULL, 200, "hello");
}

static void a_slow_reader_holds_the_producer(void **state)
{
	static char block[10000];
	struct answer a;
	size_t total = 0;
	struct err e;

	memset(block, 's', sizeof(block));
	listen_to(&a, "/stream");
	a.pause = true;
	until(&requests, 1);
	while (!request_full(held)) {
		assert_int_equal(request_write(held, block, sizeof(block), NULL), 0);
		total += sizeof(block);
		turns(10);
	}
	expect_idle();
	while (request_write(held, block, sizeof(block), &e) == 0)
		total += sizeof(block);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_in_range(total, 1 << 20, 2 << 20); /* one in our queue, the rest in the kernel */
	assert_int_equal(drained, 0);
	a.pause = false;
	http_resume(a.op);
	until(&drained, 1);
	assert_false(request_full(held));
	request_end(held, true);
	until(&a.calls, 1);
	assert_int_equal(a.got.len, total);
	answer_done(&a);
}

static void a_broken_stream_is_seen_as_broken(void **state)
{
	struct answer a;

	listen_to(&a, "/stream");
	until(&requests, 1);
	assert_int_equal(request_write(held, "half", 4, NULL), 0);
	turns(10);
	request_end(held, false);
	until(&a.calls, 1);
	assert_int_equal(a.status, 200);
	assert_int_equal(a.code, ERR_UNKNOWN);
	until(&gone, 1);
	answer_done(&a);
}

static void a_listener_that_leaves_is_noticed_without_a_word(void **state)
{
	struct answer a;

	listen_to(&a, "/stream");
	until(&requests, 1);
	turns(10);
	answer_done(&a);
	until(&gone, 1);
	assert_int_equal(request_write(held, "x", 1, NULL), ERR_STATE);
}

static void events_are_formatted_and_kept_alive(void **state)
{
	struct answer a;

	listen_to(&a, "/sse");
	until(&requests, 1);
	assert_int_equal(request_sse_send(held, "state", "7", "{\"a\":\n1}", NULL), 0);
	assert_int_equal(request_sse_send(held, NULL, NULL, "plain", NULL), 0);
	turns(10);
	assert_string_equal(
		buf_str(&a.got), "id: 7\nevent: state\ndata: {\"a\":\ndata: 1}\n\ndata: plain\n\n");
	buf_clear(&a.got);
	later(14999);
	turns(10);
	assert_int_equal(a.got.len, 0);
	later(1);
	turns(10);
	assert_string_equal(buf_str(&a.got), ":\n\n");
	later(15000);
	turns(10);
	assert_string_equal(buf_str(&a.got), ":\n\n:\n\n");
	request_end(held, true);
	until(&a.calls, 1);
	assert_int_equal(a.code, 0);
	char *type = http_header(a.headers, "Content-Type");
	assert_string_equal(type, "text/event-stream");
	free(type);
	answer_done(&a);
}

/* --- the guard -------------------------------------------------------------------------------- */

static void heads_with_two_meanings_are_refused(void **state)
{
	static const char *const bad[] = {
		"GET /now HTTP/1.1\r\n\r\n",
		"GET /now HTTP/1.0\r\n\r\n",
		"GET /now HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
		"GET /now HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"GET /now HTTP/1.1\r\nHost: localhost:80\r\n\r\n",
		"POST /now" OK_HEAD "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
		"POST /now" OK_HEAD
		"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST /now" OK_HEAD
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST /now" OK_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"POST /now" OK_HEAD "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"POST /now" OK_HEAD "Content-Length: +3\r\n\r\nabc",
		"POST /now" OK_HEAD "Content-Length: -3\r\n\r\nabc",
		"POST /now" OK_HEAD "Content-Length: 3, 3\r\n\r\nabc",
		"POST /now" OK_HEAD "Content-Length: 0x3\r\n\r\nabc",
		"POST /now" OK_HEAD "Content-Length: 1234567890123456789\r\n\r\nabc",
		"POST /now" OK_HEAD "Content-Length : 3\r\n\r\nabc",
		"GET /now" OK_HEAD "X\x01Y: a\r\n\r\n",
		"GET /now" OK_HEAD "X: a\x01z\r\n\r\n",
		"GET /now%00" OK_HEAD "\r\n",
		"GET /now%2" OK_HEAD "\r\n",
		"GET /now%zz" OK_HEAD "\r\n",
		"GET /v1%2fnow" OK_HEAD "\r\n",
		"GET /now%0a" OK_HEAD "\r\n",
		"GET /now%c0%af" OK_HEAD "\r\n",
		"GET now" OK_HEAD "\r\n",
		"GET http://localhost/now" OK_HEAD "\r\n",
		"GET /now?q=%00" OK_HEAD "\r\n",
		"GET /now?q=%ff" OK_HEAD "\r\n",
		"GET /now?q=1&q=2" OK_HEAD "\r\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct buf b = BUF(1 << 20);
		int fd = raw_open();

		raw_say(fd, bad[i], strlen(bad[i]));
		bool closed = raw_hear(fd, &b);
		if (!str_starts(buf_str(&b), "HTTP/1.1 400 ") &&
			!str_starts(buf_str(&b), "HTTP/1.0 400 "))
			fail_msg("taken: %s -> %s", bad[i], buf_str(&b));
		if (!closed)
			fail_msg("not closed: %s", bad[i]);
		close(fd);
		buf_done(&b);
	}
	assert_int_equal(requests, 0);
}

static void a_large_head_is_refused(void **state)
{
	struct buf b = BUF(1 << 20), head = BUF(1 << 20);
	int fd = raw_open();

	buf_addf(&head, "GET /now" OK_HEAD "X: %0100000d\r\n\r\n", 1);
	raw_say(fd, head.data, head.len);
	while (!raw_hear(fd, &b))
		;
	assert_true(str_starts(b.data, "HTTP/1.1 431"));
	assert_int_equal(requests, 0);
	close(fd);
	buf_done(&b);
	buf_done(&head);
}

static void a_head_has_a_deadline(void **state)
{
	struct buf b = BUF(1 << 20);
	int fd = raw_open();

	raw_say(fd, "GET /now HTTP/1.1\r\nHos", 22);
	later(9999);
	raw_say(fd, "t", 1); /* drip by drip does not help */
	assert_false(raw_hear(fd, &b));
	later(1);
	assert_true(raw_hear(fd, &b));
	close(fd);

	fd = raw_open();
	turns(5);
	raw_say(fd, "GET /now" OK_HEAD "\r\n", sizeof("GET /now" OK_HEAD "\r\n") - 1);
	later(59999);
	raw_say(fd, "G", 1);
	assert_false(raw_hear(fd, &b));
	assert_non_null(strstr(b.data, "hello"));
	later(1);
	assert_true(raw_hear(fd, &b));
	close(fd);
	buf_done(&b);
}

/* --- WebSockets ------------------------------------------------------------------------------- */

/* A client: a stream and our own framing. */
struct client {
	struct stream *stream;
	struct ws *ws;
	struct buf log;
	size_t bytes;
	int opened, closed, failed, ended;
	bool mute; /* reads, and answers nothing */
};

static void client_send(void *arg, const void *p, size_t n)
{
	assert_int_equal(stream_write(((struct client *)arg)->stream, p, n, NULL), 0);
}

static void client_message(void *arg, enum ws_kind kind, const char *p, size_t n)
{
	struct client *c = arg;

	c->bytes += n;
	if (n < 100)
		buf_addf(&c->log, "%.*s;", (int)n, p);
}

static void client_pong(void *arg)
{
	buf_adds(&((struct client *)arg)->log, "pong;");
}

static void client_closed(void *arg, int code, const char *reason)
{
	struct client *c = arg;

	buf_addf(&c->log, "closed %d %s", code, reason);
	c->closed++;
}

static const struct ws_ops client_ops = {client_send, client_message, client_pong, client_closed};

static void stream_opened(void *arg, int status, enum http_outcome how, const struct err *e)
{
	struct client *c = arg;

	if (e->code)
		c->failed = status;
	c->opened++;
}

static void stream_data(void *arg, const char *p, size_t n)
{
	struct client *c = arg;

	if (n > 0 && !c->mute)
		ws_feed(c->ws, p, n);
	else if (n == 0)
		c->ended++;
}

static void stream_failed(void *arg, const struct err *e)
{
	((struct client *)arg)->ended++;
}

static const struct stream_ops client_stream = {stream_opened, stream_data, NULL, stream_failed};

static void dial(struct client *c, const char *protocol)
{
	char key[25], want[29];
	_cleanup_(strv_freep) char **headers = strv_new();

	ws_key(key);
	ws_accept(key, want);
	strv_take(&headers, strf("Sec-WebSocket-Key: %s", key));
	strv_add(&headers, "Sec-WebSocket-Version: 13");
	strv_take(&headers, strf("Sec-WebSocket-Protocol: %s", protocol));
	*c = (struct client){.log = BUF(1000)};
	c->ws = ws_new(WS_CLIENT, &client_ops, c);
	c->stream = stream_open(
		http, "GET", "/upgrade", "websocket", headers, NULL, 0, 0, &client_stream, c);
	until(&c->opened, 1);
	char *accept = http_header(stream_head(c->stream), "Sec-WebSocket-Accept");
	if (!c->failed)
		assert_string_equal(accept, want);
	free(accept);
	turns(10);
}

static void hang_up(struct client *c)
{
	stream_free(c->stream);
	ws_free(c->ws);
	buf_done(&c->log);
	turns(10);
}

static void messages_pass_a_websocket_both_ways(void **state)
{
	struct client c;

	dial(&c, "other, labyard.test.v1");
	assert_int_equal(c.failed, 0);
	ws_send(c.ws, WS_TEXT, "one", 3, NULL);
	ws_send(c.ws, WS_BINARY, "two", 3, NULL);
	ws_ping(c.ws);
	turns(10);
	assert_string_equal(c.log.data, "welcome;one;two;pong;");
	expect_idle();
	ws_close(c.ws, WS_CLOSE_NORMAL, "bye");
	until(&c.ended, 1); /* the server closes the connection */
	assert_string_equal(sock_log.data, "one;two;closed 1000 bye");
	assert_int_equal(c.closed, 1);
	hang_up(&c);
	expect("GET", "/now", NULL, 200, "hello");
}

static void the_server_may_say_goodbye(void **state)
{
	struct client c;

	dial(&c, "labyard.test.v1");
	ws_send(c.ws, WS_TEXT, "quit", 4, NULL);
	ws_send(c.ws, WS_TEXT, "not heard any more", 18, NULL);
	until(&c.ended, 1);
	assert_string_equal(c.log.data, "welcome;closed 1000 as you wish");
	assert_string_equal(sock_log.data, "quit;closed 1000 as you wish");
	hang_up(&c);
}

static void a_peer_that_does_not_answer_the_goodbye_is_cut(void **state)
{
	struct client c;

	dial(&c, "labyard.test.v1");
	stream_pause(c.stream, true);
	httpd_socket_close(sock, WS_CLOSE_POLICY, "out");
	assert_int_equal(httpd_socket_send(sock, WS_TEXT, "x", 1, NULL), ERR_STATE);
	turns(10);
	assert_int_equal(sock_log.len, 0);
	later(5000);
	assert_string_equal(sock_log.data, "closed 1006 ");
	hang_up(&c);
}

static void a_lost_peer_is_noticed(void **state)
{
	struct client c;

	for (int paused = 0; paused < 2; paused++) {
		dial(&c, "labyard.test.v1");
		httpd_socket_pause(sock, paused);
		hang_up(&c);
		turns(10);
		assert_string_equal(sock_log.data, "closed 1006 ");
		buf_clear(&sock_log);
	}
}

static void a_silent_peer_is_pinged_and_then_cut(void **state)
{
	struct client c;

	dial(&c, "labyard.test.v1");
	for (int i = 0; i < 10; i++)
		later(20000); /* it answers the pings */
	assert_int_equal(sock_log.len, 0);
	c.mute = true;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(sock_log.len, 0);
		later(20000);
		turns(5);
	}
	assert_string_equal(sock_log.data, "closed 1006 ");
	hang_up(&c);
}

static void who_pages_through_the_output_is_not_cut(void **state)
{
	struct client c;

	dial(&c, "labyard.test.v1");
	turns(5);
	stream_pause(c.stream, true);
	assert_int_equal(httpd_socket_send(sock, WS_TEXT, "page", 4, NULL), 0);
	for (int i = 0; i < 10; i++) {
		later(20000);
		turns(2);
	}
	assert_int_equal(sock_log.len, 0);
	stream_pause(c.stream, false);
	turns(10);
	assert_non_null(strstr(buf_str(&c.log), "page;"));
	assert_int_equal(sock_log.len, 0);
	hang_up(&c);
}

static void a_slow_peer_holds_the_producer(void **state)
{
	static char block[60000];
	struct client c;
	size_t total = 7; /* "welcome" */
	struct err e;

	dial(&c, "labyard.test.v1");
	stream_pause(c.stream, true);
	while (!httpd_socket_full(sock)) {
		assert_int_equal(httpd_socket_send(sock, WS_BINARY, block, sizeof(block), NULL), 0);
		total += sizeof(block);
	}
	expect_idle();
	while (httpd_socket_send(sock, WS_BINARY, block, sizeof(block), &e) == 0)
		total += sizeof(block);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(drained, 0);
	stream_pause(c.stream, false);
	until(&drained, 1);
	while (c.bytes < total)
		loop_once(loop, true);
	assert_int_equal(c.bytes, total);
	hang_up(&c);
}

static void a_paused_socket_does_not_read(void **state)
{
	struct client c;

	dial(&c, "labyard.test.v1");
	httpd_socket_pause(sock, true);
	ws_send(c.ws, WS_TEXT, "wait", 4, NULL);
	turns(10);
	assert_int_equal(sock_log.len, 0);
	httpd_socket_pause(sock, false);
	turns(10);
	assert_string_equal(sock_log.data, "wait;");
	hang_up(&c);
}

static void a_bad_handshake_is_refused(void **state)
{
	struct client c;

	dial(&c, "somebody.elses.v1");
	assert_int_equal(c.failed, 400);
	assert_non_null(strstr(stream_refusal(c.stream), "labyard.test.v1"));
	hang_up(&c);
	assert_null(sock);
	expect("GET", "/upgrade", NULL, 400, "'/upgrade' is a WebSocket; ask for an upgrade");
	expect("POST", "/upgrade", NULL, 400, "'/upgrade' is a WebSocket; ask for an upgrade");
}

static void frames_that_came_with_the_request_are_heard(void **state)
{
	static const char request[] =
		"GET /upgrade" OK_HEAD "Upgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Protocol: labyard.test.v1\r\n\r\n"
		"\x81\x85\0\0\0\0early";
	struct buf b = BUF(1 << 20);
	int fd = raw_open();

	raw_say(fd, request, sizeof(request) - 1);
	assert_false(raw_hear(fd, &b));
	assert_non_null(strstr(b.data, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
	assert_non_null(strstr(b.data, "\r\n\r\n\x81\x07welcome\x81\x05"
				       "early"));
	raw_say(fd, "\x81\x02hi", 4); /* without a mask */
	assert_true(raw_hear(fd, &b));
	assert_string_equal(sock_log.data, "early;closed 1002 ");
	close(fd);
	buf_done(&b);
}

/* --- going down ------------------------------------------------------------------------------- */

static void going_down_is_gentle(void **state)
{
	struct answer waiting, events, late;
	struct client c;
	struct buf b = BUF(1 << 20);
	int idle = raw_open(), kept = raw_open(), down = 0;

	dial(&c, "labyard.test.v1");
	listen_to(&events, "/sse");
	until(&requests, 2);
	request_unref(held);
	held = NULL;
	raw_say(kept, "POST /now" OK_HEAD "Content-Length: 1\r\n\r\n",
		sizeof("POST /now" OK_HEAD "Content-Length: 1\r\n\r\n") - 1);
	ask(&waiting, "GET", "/later", NULL);
	until(&requests, 3);
	turns(5);

	httpd_stop(httpd, count, &down);
	assert_int_equal(down, 0);
	assert_false(fs_exists(path));
	until(&events.calls, 1);
	assert_int_equal(events.code, 0);
	until(&c.ended, 1);
	assert_string_equal(c.log.data, "welcome;closed 1012 the daemon goes down");
	/* who was on the way is served; who comes after it on the same connection is not */
	raw_say(kept, "xGET /now" OK_HEAD "\r\n", sizeof("xGET /now" OK_HEAD "\r\n") - 1);
	assert_true(raw_hear(kept, &b));
	assert_non_null(strstr(b.data, "hello"));
	assert_non_null(strstr(b.data, "HTTP/1.1 503 "));
	assert_non_null(strstr(b.data, "Retry-After: 5\r\n"));
	buf_clear(&b);
	raw_say(idle, "GET /now" OK_HEAD "\r\n", sizeof("GET /now" OK_HEAD "\r\n") - 1);
	assert_true(raw_hear(idle, &b));
	assert_true(str_starts(b.data, "HTTP/1.1 503 "));
	assert_int_equal(requests, 4);
	ask(&late, "GET", "/now", NULL);
	until(&late.calls, 1);
	assert_int_equal(late.code, ERR_UNREACHABLE);
	turns(10);
	assert_int_equal(down, 0);
	reply_text(held, 200, "finished");
	until(&waiting.calls, 1);
	assert_string_equal(waiting.body, "finished");
	until(&down, 1);
	answer_done(&waiting);
	answer_done(&events);
	answer_done(&late);
	hang_up(&c);
	close(idle);
	close(kept);
	buf_done(&b);
}

static void freeing_the_server_ends_everything(void **state)
{
	struct answer a, b, d;
	struct client c;

	dial(&c, "labyard.test.v1");
	ask(&a, "GET", "/later", NULL);
	until(&requests, 2);
	request_unref(held);
	listen_to(&b, "/stream");
	until(&requests, 3);
	request_unref(held);
	take_at_most = 0;
	begin_upload(&d, 1 << 20);
	until(&requests, 4);
	turns(10);
	httpd_free(httpd);
	httpd = NULL;
	assert_int_equal(gone, 3);
	assert_string_equal(sock_log.data, "closed 1006 ");
	until(&a.calls, 1);
	until(&b.calls, 1);
	until(&c.ended, 1);
	until(&d.calls, 1);
	assert_true(request_gone(held));
	answer_done(&a);
	answer_done(&b);
	answer_done(&d);
	hang_up(&c);
}

/* --- the socket ------------------------------------------------------------------------------- */

static void the_socket_is_ours_alone(void **state)
{
	struct stat st;
	struct err e;
	int fd = -1;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	_cleanup_free_ char *run = strf("%s/run", dir), *other = strf("%s/open/s", dir),
			    *open_dir = strf("%s/open", dir);
	assert_int_equal(stat(run, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(listen_unix(path, &fd, &e), ERR_EXISTS);
	assert_non_null(strstr(e.text, "already listens"));
	assert_int_equal(mkdir(open_dir, 0755), 0);
	assert_int_equal(listen_unix(other, &fd, &e), ERR_FORBIDDEN);
	assert_int_equal(chmod(open_dir, 0700), 0);
	assert_int_equal(close(open(other, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
	assert_int_equal(listen_unix(other, &fd, &e), ERR_EXISTS); /* a file of somebody stays */
	assert_true(fs_exists(other));
	char deep[200];
	(void)snprintf(deep, sizeof(deep), "%s/%0150d", dir, 1);
	assert_int_equal(listen_unix(deep, &fd, &e), ERR_USAGE);
	assert_int_equal(fd, -1);
}

static void an_old_socket_is_replaced_and_a_new_one_left(void **state)
{
	_cleanup_free_ char *old = strf("%s/run/old", dir);
	int first = -1, second = -1;

	assert_int_equal(listen_unix(old, &first, NULL), 0);
	close(first); /* as after a crash: the file stays */
	assert_true(fs_exists(old));
	assert_int_equal(listen_unix(old, &first, NULL), 0);
	assert_int_equal(unlink(old), 0);
	assert_int_equal(listen_unix(old, &second, NULL), 0);
	listen_close(first, old); /* not its file any more */
	assert_true(fs_exists(old));
	listen_close(second, old);
	assert_false(fs_exists(old));
}

/* Root only: somebody else connects through permissions that were opened on purpose. */
static void strangers_are_not_heard(void **state)
{
	_cleanup_free_ char *run = strf("%s/run", dir);
	int go[2], status;

	if (geteuid() != 0)
		skip();
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	assert_int_equal(chmod(dir, 0711) | chmod(run, 0711) | chmod(path, 0666), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char c;
		if (setuid(65534) < 0)
			_exit(9);
		int fd = raw_open();
		(void)!send(fd, "GET /now" OK_HEAD "\r\n", sizeof("GET /now" OK_HEAD "\r\n") - 1,
			MSG_NOSIGNAL);
		(void)fcntl(fd, F_SETFL, 0); /* blocking */
		(void)!write(go[1], "x", 1);
		_exit(recv(fd, &c, 1, 0) > 0 ? 1 : 0);
	}
	char c;
	assert_int_equal(read(go[0], &c, 1), 1);
	turns(20);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(requests, 0);
	assert_int_equal(chmod(run, 0700), 0); /* listen_close() insists */
	close(go[0]);
	close(go[1]);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_request_is_understood_and_answered),
		T(connections_are_kept),
		T(an_answer_may_come_later),
		T(who_waits_too_long_is_told),
		T(a_client_that_left_does_not_matter),
		T(many_clients_at_once),
		T(bodies_have_a_limit),
		T(an_upload_is_taken_piece_by_piece),
		T(a_resume_from_inside_is_not_lost),
		T(refusals_are_worded_by_the_owner),
		T(an_upload_has_a_limit),
		T(an_upload_may_be_answered_before_its_end),
		T(an_upload_that_nobody_resumes_is_cut),
		T(a_client_that_leaves_during_an_upload_is_noticed),
		T(a_stream_comes_as_it_is_written),
		T(a_slow_reader_holds_the_producer),
		T(a_broken_stream_is_seen_as_broken),
		T(a_listener_that_leaves_is_noticed_without_a_word),
		T(events_are_formatted_and_kept_alive),
		T(heads_with_two_meanings_are_refused),
		T(a_large_head_is_refused),
		T(a_head_has_a_deadline),
		T(messages_pass_a_websocket_both_ways),
		T(the_server_may_say_goodbye),
		T(a_peer_that_does_not_answer_the_goodbye_is_cut),
		T(a_lost_peer_is_noticed),
		T(a_silent_peer_is_pinged_and_then_cut),
		T(who_pages_through_the_output_is_not_cut),
		T(a_slow_peer_holds_the_producer),
		T(a_paused_socket_does_not_read),
		T(a_bad_handshake_is_refused),
		T(frames_that_came_with_the_request_are_heard),
		T(going_down_is_gentle),
		T(freeing_the_server_ends_everything),
		T(the_socket_is_ours_alone),
		T(an_old_socket_is_replaced_and_a_new_one_left),
		T(strangers_are_not_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
