/* test_ws.c - WebSocket framing: two ends joined, frames by hand, limits, closing, freeing. */
#include "codec/ws.h"

#include "base/buf.h"
#include "base/id.h"
#include "tests/fuzz/fuzz_ws.c"
#include "tests/fuzz/replay.h"

/* One end and what it told. */
struct end {
	struct ws *ws;
	struct buf wire, got; /* to the peer; "t:text;" "b:bytes;" "pong;" "closed 1000 why;" */
	bool echo, free_in_message, close_in_message;
	size_t bytes;
};

static void on_send(void *arg, const void *p, size_t n)
{
	struct end *e = arg;

	assert_int_equal(buf_add(&e->wire, p, n), 0);
}

static void on_message(void *arg, enum ws_kind kind, const char *p, size_t n)
{
	struct end *e = arg;

	e->bytes += n;
	if (n <= 100)
		buf_addf(&e->got, "%c:%.*s;", kind == WS_TEXT ? 't' : 'b', (int)n, p);
	if (e->echo)
		assert_int_equal(ws_send(e->ws, kind, p, n, NULL), 0);
	if (e->close_in_message)
		ws_close(e->ws, WS_CLOSE_POLICY, "enough");
	if (e->free_in_message) {
		ws_free(e->ws);
		e->ws = NULL;
	}
}

static void on_pong(void *arg)
{
	buf_adds(&((struct end *)arg)->got, "pong;");
}

static void on_closed(void *arg, int code, const char *reason)
{
	buf_addf(&((struct end *)arg)->got, "closed %d %s;", code, reason);
}

static const struct ws_ops ops = {on_send, on_message, on_pong, on_closed};

static void begin(struct end *e, enum ws_role role)
{
	*e = (struct end){.wire = BUF(4 << 20), .got = BUF(1 << 20)};
	e->ws = ws_new(role, &ops, e);
}

static void done(struct end *e)
{
	ws_free(e->ws);
	buf_done(&e->wire);
	buf_done(&e->got);
}

/* Carry bytes both ways, `step` at a time, until nothing is left. */
static void carry(struct end *a, struct end *b, size_t step)
{
	while (a->wire.len || b->wire.len)
		for (int i = 0; i < 2; i++) {
			struct end *from = i ? b : a, *to = i ? a : b;
			size_t n = MIN(step, from->wire.len);
			char *p = xmemdup(buf_str(&from->wire), n);

			buf_drop(&from->wire, n);
			ws_feed(to->ws, p, n);
			free(p);
		}
}

static void messages_pass_both_ways_however_they_are_cut(void **state)
{
	for (size_t step = 1; step < 40; step += 6) {
		struct end client, server;

		begin(&client, WS_CLIENT);
		begin(&server, WS_SERVER);
		server.echo = true;
		assert_int_equal(ws_send(client.ws, WS_TEXT, "h\xc3\xa9llo", 6, NULL), 0);
		assert_int_equal(ws_send(client.ws, WS_BINARY, "\xff\x01", 2, NULL), 0);
		assert_int_equal(ws_send(client.ws, WS_BINARY, NULL, 0, NULL), 0);
		ws_ping(client.ws);
		carry(&client, &server, step);
		assert_string_equal(server.got.data, "t:h\xc3\xa9llo;b:\xff\x01;b:;");
		assert_string_equal(client.got.data, "t:h\xc3\xa9llo;b:\xff\x01;b:;pong;");
		done(&client);
		done(&server);
	}
}

static void a_client_masks_every_frame_anew(void **state)
{
	struct end c;
	char first[20];

	begin(&c, WS_CLIENT);
	assert_int_equal(ws_send(c.ws, WS_TEXT, "hello", 5, NULL), 0);
	assert_int_equal(c.wire.len, 11);
	assert_memory_equal(c.wire.data, "\x81\x85", 2);
	assert_memory_not_equal(c.wire.data + 6, "hello", 5);
	memcpy(first, c.wire.data, 11);
	buf_clear(&c.wire);
	assert_int_equal(ws_send(c.ws, WS_TEXT, "hello", 5, NULL), 0);
	assert_memory_not_equal(c.wire.data, first, 11);
	done(&c);
}

/* --- the handshake's keys --------------------------------------------------------------------- */

static void keys_are_answered_as_the_rfc_says(void **state)
{
	char accept[29], key[25], other[25];

	ws_accept("dGhlIHNhbXBsZSBub25jZQ==", accept);
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	ws_key(key);
	ws_key(other);
	assert_int_equal(strlen(key), 24);
	assert_string_not_equal(key, other);
}

/* --- closing ---------------------------------------------------------------------------------- */

static void closing_is_a_handshake(void **state)
{
	struct end client, server;

	begin(&client, WS_CLIENT);
	begin(&server, WS_SERVER);
	ws_close(server.ws, WS_CLOSE_RESTART, "labd goes down");
	assert_int_equal(server.got.len, 0); /* the peer has not answered */
	assert_int_equal(ws_send(server.ws, WS_TEXT, "x", 1, NULL), ERR_STATE);
	carry(&client, &server, 1);
	assert_string_equal(client.got.data, "closed 1012 labd goes down;");
	assert_string_equal(server.got.data, "closed 1012 labd goes down;");
	assert_int_equal(ws_send(client.ws, WS_TEXT, "x", 1, NULL), ERR_STATE);
	ws_ping(client.ws);
	ws_close(client.ws, WS_CLOSE_NORMAL, NULL);
	assert_int_equal(client.wire.len, 0);
	done(&client);
	done(&server);
}

static void messages_before_the_goodbye_still_arrive(void **state)
{
	struct end client, server;

	begin(&client, WS_CLIENT);
	begin(&server, WS_SERVER);
	ws_send(server.ws, WS_TEXT, "last", 4, NULL);
	ws_close(server.ws, WS_CLOSE_NORMAL, NULL);
	carry(&client, &server, 100);
	assert_string_equal(client.got.data, "t:last;closed 1000 ;");
	done(&client);
	done(&server);
}

static void a_long_reason_is_cut_between_characters(void **state)
{
	struct end client, server;
	char reason[201] = "x";

	for (int i = 1; i < 200; i++)
		reason[i] = i % 2 ? '\xc3' : '\xa9';
	reason[199] = '\0';
	begin(&client, WS_CLIENT);
	begin(&server, WS_SERVER);
	ws_close(server.ws, WS_CLOSE_INTERNAL, reason);
	carry(&client, &server, 1000);
	reason[123] = '\0';
	_cleanup_free_ char *want = strf("closed 1011 %s;", reason);
	assert_string_equal(client.got.data, want);
	done(&client);
	done(&server);
}

/* --- frames by hand --------------------------------------------------------------------------- */

/* A frame as a client sends it, with a mask of zeros. */
static void frame(struct buf *b, int first, const char *p, size_t n)
{
	buf_addc(b, (char)first);
	if (n < 126) {
		buf_addc(b, (char)(0x80 | n));
	} else {
		buf_addc(b, (char)(0x80 | 127));
		for (int i = 7; i >= 0; i--)
			buf_addc(b, (char)(n >> (8 * i)));
	}
	buf_add(b, "\0\0\0\0", 4);
	buf_add(b, p, n);
}

static void expect(struct buf *in, const char *got)
{
	struct end s;

	begin(&s, WS_SERVER);
	ws_feed(s.ws, in->data, in->len);
	assert_string_equal(buf_str(&s.got), got);
	ws_feed(s.ws, in->data, in->len); /* after the end nothing happens */
	assert_string_equal(buf_str(&s.got), got);
	assert_int_equal(s.wire.data[0] & 0xff, 0x88); /* the peer was told */
	done(&s);
	buf_clear(in);
}

static void broken_rules_are_told_and_end_it(void **state)
{
	struct buf b = BUF(4 << 20);

	buf_add(&b, "\x81\x02hi", 4); /* no mask */
	expect(&b, "closed 1002 ;");
	frame(&b, 0x91, "hi", 2); /* reserved bit */
	expect(&b, "closed 1002 ;");
	frame(&b, 0x83, "hi", 2); /* unknown opcode */
	expect(&b, "closed 1002 ;");
	frame(&b, 0x80, "hi", 2); /* continues nothing */
	expect(&b, "closed 1002 ;");
	frame(&b, 0x01, "a", 1); /* a new message inside one */
	frame(&b, 0x81, "b", 1);
	expect(&b, "closed 1002 ;");
	frame(&b, 0x81, "\xc0\xaf", 2); /* overlong UTF-8 */
	expect(&b, "closed 1007 ;");
	frame(&b, 0x81, "\xc3", 1); /* half a character */
	expect(&b, "closed 1007 ;");
	frame(&b, 0x88, "\x03\xed", 2); /* code 1005 must not be sent */
	expect(&b, "closed 1002 ;");
	frame(&b, 0x88, "", 0); /* goodbye without a code */
	expect(&b, "closed 1005 ;");
	buf_done(&b);
}

static void fragments_are_put_together_around_control_frames(void **state)
{
	struct buf b = BUF(1000);
	struct end s;

	frame(&b, 0x01, "on", 2);
	frame(&b, 0x89, "are you there", 13);
	frame(&b, 0x00, "", 0);
	frame(&b, 0x8a, "unasked pong", 12);
	frame(&b, 0x80, "e", 1);
	begin(&s, WS_SERVER);
	for (size_t i = 0; i < b.len; i++)
		ws_feed(s.ws, b.data + i, 1);
	assert_string_equal(s.got.data, "pong;t:one;");
	assert_int_equal(s.wire.len, 15);
	assert_memory_equal(s.wire.data,
		"\x8a\x0d"
		"are you there",
		15);
	done(&s);
	buf_done(&b);
}

static void messages_have_a_limit(void **state)
{
	struct buf b = BUF(8 << 20);
	char *mega = xcalloc(1, WS_MAX_MESSAGE + 1);
	struct end client, server;

	begin(&client, WS_CLIENT);
	begin(&server, WS_SERVER);
	assert_int_equal(ws_send(client.ws, WS_BINARY, mega, WS_MAX_MESSAGE + 1, NULL), ERR_LIMIT);
	assert_int_equal(ws_send(client.ws, WS_BINARY, mega, WS_MAX_MESSAGE, NULL), 0);
	carry(&client, &server, 70000);
	assert_int_equal(server.bytes, WS_MAX_MESSAGE);
	done(&client);
	done(&server);

	frame(&b, 0x82, mega, WS_MAX_MESSAGE + 1); /* one frame: its head is enough */
	b.len = 20;
	expect(&b, "closed 1009 ;");
	for (int i = 0; i < 5; i++) /* a fragment that is one too many */
		frame(&b, i ? 0x00 : 0x02, mega, WS_MAX_MESSAGE / 4);
	expect(&b, "closed 1009 ;");
	free(mega);
	buf_done(&b);
}

static void tiny_fragments_cost_no_more_than_their_bytes(void **state)
{
	struct buf b = BUF(1 << 20);
	struct end s;

	begin(&s, WS_SERVER);
	for (int i = 0; i < 50000; i++)
		frame(&b, i == 0 ? 0x02 : i < 49999 ? 0x00 : 0x80, "x", 1);
	ws_feed(s.ws, b.data, b.len);
	assert_int_equal(s.bytes, 50000);
	done(&s);
	buf_done(&b);
}

/* --- callbacks that do things ----------------------------------------------------------------- */

static void a_callback_may_close_or_free(void **state)
{
	struct end client, server;

	begin(&client, WS_CLIENT);
	begin(&server, WS_SERVER);
	server.close_in_message = true;
	ws_send(client.ws, WS_TEXT, "a", 1, NULL);
	ws_send(client.ws, WS_TEXT, "b", 1, NULL);
	carry(&client, &server, 1000);
	assert_string_equal(server.got.data, "t:a;t:b;closed 1008 enough;");
	done(&client);
	done(&server);

	begin(&client, WS_CLIENT);
	begin(&server, WS_SERVER);
	server.free_in_message = true;
	ws_send(client.ws, WS_TEXT, "a", 1, NULL);
	ws_send(client.ws, WS_TEXT, "b", 1, NULL);
	ws_feed(server.ws, client.wire.data, client.wire.len);
	assert_null(server.ws);
	assert_string_equal(server.got.data, "t:a;");
	done(&client);
	done(&server);
}

static void the_corpus_is_replayed(void **state)
{
	replay_corpus("ws");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_pass_both_ways_however_they_are_cut),
		cmocka_unit_test(a_client_masks_every_frame_anew),
		cmocka_unit_test(keys_are_answered_as_the_rfc_says),
		cmocka_unit_test(closing_is_a_handshake),
		cmocka_unit_test(messages_before_the_goodbye_still_arrive),
		cmocka_unit_test(a_long_reason_is_cut_between_characters),
		cmocka_unit_test(broken_rules_are_told_and_end_it),
		cmocka_unit_test(fragments_are_put_together_around_control_frames),
		cmocka_unit_test(messages_have_a_limit),
		cmocka_unit_test(tiny_fragments_cost_no_more_than_their_bytes),
		cmocka_unit_test(a_callback_may_close_or_free),
		cmocka_unit_test(the_corpus_is_replayed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
