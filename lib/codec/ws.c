/*
 * ws.c - WebSocket framing over wslay.
 *
 * wslay would keep a message as one allocation per fragment, so that a megabyte in fragments of one
 * byte costs a hundred; it runs without buffering and messages are put together here. Its functions
 * must not be entered after it was freed by a callback: `depth` delays that to the outermost call.
 */
#include "codec/ws.h"

#include "base/buf.h"
#include "base/id.h"
#include "base/str.h"

#include <wslay/wslay.h>

#define MAX_FEED (64u << 10) /* at a time, so that the answers to it are bounded, too */
#define MAX_OUT  (2u * WS_MAX_MESSAGE)

struct ws {
	wslay_event_context_ptr wslay;
	const struct ws_ops *ops;
	void *arg;
	const char *feed; /* what ws_feed() was given and wslay has not taken */
	size_t feed_len;
	struct buf message; /* what has come of the present one */
	int opcode;         /* of the present frame */
	struct buf goodbye; /* payload of a close frame */
	struct buf out;
	int code; /* the peer's; 0 = it has not said goodbye */
	char reason[WS_MAX_REASON + 1];
	bool closed, freed;
	int depth;
};

/* --- in and out ------------------------------------------------------------------------------- */

static void destroy(struct ws *w)
{
	wslay_event_context_free(w->wslay);
	buf_done(&w->message);
	buf_done(&w->goodbye);
	buf_done(&w->out);
	free(w);
}

static void flush(struct ws *w)
{
	(void)wslay_event_send(w->wslay); /* only send_bytes() can fail, and it does not */
	if (w->out.len == 0)
		return;
	struct buf out = w->out;

	buf_init(&w->out, MAX_OUT);
	w->ops->send(w->arg, out.data, out.len);
	if (w->out.cap == 0) { /* keep the memory for the next time */
		buf_clear(&out);
		w->out = out;
	} else {
		buf_done(&out);
	}
}

static bool over(const struct ws *w)
{
	return wslay_event_get_close_sent(w->wslay) &&
	       (wslay_event_get_close_received(w->wslay) ||
		       !wslay_event_get_read_enabled(w->wslay));
}

/* Hands out what is to be sent; the outermost call tells the end. */
static void leave(struct ws *w)
{
	if (!w->freed)
		flush(w);
	if (w->depth == 1 && !w->freed && !w->closed && over(w)) {
		w->closed = true;
		int code = w->code ? w->code : wslay_event_get_status_code_sent(w->wslay);
		w->ops->closed(w->arg, code, w->reason);
	}
	if (--w->depth == 0 && w->freed)
		destroy(w);
}

void ws_feed(struct ws *w, const char *p, size_t n)
{
	if (w->closed || w->freed)
		return;
	w->depth++;
	for (size_t done = 0; done < n && !w->freed; done += MAX_FEED) {
		w->feed = p + done;
		w->feed_len = MIN(n - done, (size_t)MAX_FEED);
		(void)wslay_event_recv(w->wslay); /* what it does not like, it tells the peer */
		if (!w->freed)
			flush(w);
	}
	w->feed_len = 0;
	leave(w);
}

/* --- callbacks of wslay ----------------------------------------------------------------------- */

static ssize_t recv_bytes(wslay_event_context_ptr c, uint8_t *p, size_t n, int flags, void *arg)
{
	struct ws *w = arg;

	if (w->feed_len == 0 || w->freed) {
		wslay_event_set_error(c, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	n = MIN(n, w->feed_len);
	memcpy(p, w->feed, n);
	w->feed += n;
	w->feed_len -= n;
	return (ssize_t)n;
}

static ssize_t send_bytes(
	wslay_event_context_ptr c, const uint8_t *p, size_t n, int flags, void *arg)
{
	struct ws *w = arg;

	if (buf_add(&w->out, p, n) < 0)
		abort(); /* every message and every MAX_FEED is flushed by itself */
	return (ssize_t)n;
}

static int make_mask(wslay_event_context_ptr c, uint8_t *p, size_t n, void *arg)
{
	random_bytes(p, n);
	return 0;
}

static void frame_start(
	wslay_event_context_ptr c, const struct wslay_event_on_frame_recv_start_arg *a, void *arg)
{
	struct ws *w = arg;

	w->opcode = a->opcode;
}

static void frame_chunk(
	wslay_event_context_ptr c, const struct wslay_event_on_frame_recv_chunk_arg *a, void *arg)
{
	struct ws *w = arg;

	if (w->opcode == WSLAY_CONNECTION_CLOSE)
		(void)buf_add(&w->goodbye, a->data, a->data_length); /* fits: wslay checks */
	else if (!wslay_is_ctrl_frame(w->opcode))
		(void)buf_add(&w->message, a->data, a->data_length);
	if (w->message.full && !w->freed) {
		ws_close(w, WS_CLOSE_TOO_BIG, NULL);
		wslay_event_shutdown_read(c);
	}
}

static void told_goodbye(struct ws *w)
{
	const unsigned char *p = (const unsigned char *)buf_str(&w->goodbye);
	size_t n = w->goodbye.len;

	w->code = n >= 2 ? p[0] << 8 | p[1] : WS_CLOSE_NONE;
	/* of a payload that comes in pieces, wslay checks not every byte */
	if (n > 2 && str_utf8((const char *)p + 2, n - 2))
		(void)snprintf(w->reason, sizeof(w->reason), "%.*s", (int)n - 2, p + 2);
}

/*
 * wslay 1.1 takes the codes 1012 to 1014, which were registered after the RFC, for an error. They
 * are answered here before it looks.
 */
static void frame_end(wslay_event_context_ptr c, void *arg)
{
	struct ws *w = arg;

	if (w->opcode != WSLAY_CONNECTION_CLOSE || w->freed)
		return;
	told_goodbye(w);
	if (w->code >= 1012 && w->code <= 1014)
		ws_close(w, w->code, w->reason);
	else
		w->code = 0; /* until wslay agrees */
}

static void message_whole(
	wslay_event_context_ptr c, const struct wslay_event_on_msg_recv_arg *a, void *arg)
{
	struct ws *w = arg;

	if (w->freed)
		return;
	if (a->opcode == WSLAY_CONNECTION_CLOSE) {
		told_goodbye(w);
	} else if (a->opcode == WSLAY_PONG) {
		if (w->ops->pong)
			w->ops->pong(w->arg);
	} else if (a->opcode != WSLAY_PING && !w->message.full) {
		w->ops->message(w->arg, a->opcode == WSLAY_TEXT_FRAME ? WS_TEXT : WS_BINARY,
			buf_str(&w->message), w->message.len);
		buf_clear(&w->message);
	}
	if (w->freed)
		wslay_event_shutdown_read(c);
}

/* --- the rest --------------------------------------------------------------------------------- */

struct ws *ws_new(enum ws_role role, const struct ws_ops *ops, void *arg)
{
	static const struct wslay_event_callbacks callbacks = {
		.recv_callback = recv_bytes,
		.send_callback = send_bytes,
		.genmask_callback = make_mask,
		.on_frame_recv_start_callback = frame_start,
		.on_frame_recv_chunk_callback = frame_chunk,
		.on_frame_recv_end_callback = frame_end,
		.on_msg_recv_callback = message_whole,
	};
	struct ws *w = NEW(struct ws);

	w->ops = ops;
	w->arg = arg;
	buf_init(&w->message, WS_MAX_MESSAGE);
	buf_init(&w->goodbye, 2 + WS_MAX_REASON);
	buf_init(&w->out, MAX_OUT);
	int r = role == WS_SERVER ? wslay_event_context_server_init(&w->wslay, &callbacks, w)
				  : wslay_event_context_client_init(&w->wslay, &callbacks, w);
	if (r != 0)
		abort();
	wslay_event_config_set_no_buffering(w->wslay, 1);
	wslay_event_config_set_max_recv_msg_length(w->wslay, WS_MAX_MESSAGE);
	return w;
}

void ws_free(struct ws *w)
{
	if (!w)
		return;
	w->freed = true;
	if (w->depth == 0)
		destroy(w);
}

static int queue(struct ws *w, int opcode, const void *p, size_t n)
{
	struct wslay_event_msg m = {.opcode = (uint8_t)opcode, .msg = p, .msg_length = n};

	if (w->freed)
		return -1;
	w->depth++;
	int r = wslay_event_queue_msg(w->wslay, &m);
	if (r == WSLAY_ERR_NOMEM)
		abort();
	leave(w);
	return r;
}

int ws_send(struct ws *w, enum ws_kind kind, const void *p, size_t n, struct err *e)
{
	if (n > WS_MAX_MESSAGE)
		return err_set(
			e, ERR_LIMIT, "a message of %zu bytes is too large for a WebSocket", n);
	if (queue(w, kind == WS_TEXT ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME, p, n) != 0)
		return err_set(e, ERR_STATE, "the WebSocket is closing");
	return 0;
}

void ws_ping(struct ws *w)
{
	(void)queue(w, WSLAY_PING, NULL, 0); /* nobody asks when it is closing */
}

void ws_close(struct ws *w, int code, const char *reason)
{
	size_t n = reason ? strnlen(reason, WS_MAX_REASON) : 0;

	if (w->freed)
		return;
	while (n > 0 && !str_utf8(reason, n))
		n--; /* cut between characters */
	w->depth++;
	(void)wslay_event_queue_close(w->wslay, (uint16_t)code, (const uint8_t *)reason, n);
	leave(w);
}
