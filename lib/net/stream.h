/*
 * stream.h - a raw byte stream after an HTTP upgrade (exec, attach, WebSocket).
 *
 * We send the request head ourselves, check the 101 (or a 200 without upgrade), then bytes run both
 * ways. Reading stops while paused; writing goes through a bounded queue. Callbacks come from the
 * loop, never from inside a function below, and may call any of them, also stream_free().
 */
#pragma once

#include "net/http.h"

struct stream;

struct stream_ops {
	/*
	 * Once: status 101 or 200 and e->code 0 = open. Otherwise e tells why (with the peer's
	 * text) and outcome how far it got; the stream is dead. Errors: ERR_UNREACHABLE,
	 * ERR_TIMEOUT, ERR_UNKNOWN, ERR_PROTO (also: answered 2xx without switching), ERR_LIMIT
	 * (head over 16 KiB), ERR_CANCELED, and for a refusal ERR_NOT_FOUND (404), ERR_STATE (409),
	 * ERR_ENGINE (any other).
	 */
	void (*opened)(void *arg, int status, enum http_outcome outcome, const struct err *e);
	/* Bytes; n = 0 means the peer has ended its side. Not called while paused. */
	void (*data)(void *arg, const char *p, size_t n);
	/* The write queue has drained below 64 KiB after it was full. May be NULL. */
	void (*drained)(void *arg);
	/* Once, instead of further calls: the connection broke. */
	void (*failed)(void *arg, const struct err *e);
};

/*
 * upgrade: value of the Upgrade header ("tcp", "websocket"; the latter takes a 101 only); extra
 * headers as lines or NULL; body may be NULL, else JSON. The open must happen within deadline_ms
 * (0 = none). All strings are copied; `ops` is borrowed.
 */
struct stream *stream_open(struct http *h, const char *method, const char *path,
	const char *upgrade, char *const *headers, const void *body, size_t body_len,
	int64_t deadline_ms, const struct stream_ops *ops, void *arg);

/* The head of the answer as in http_result.headers; borrowed, valid from opened() on. */
const char *stream_head(const struct stream *s);

/* What a refusing peer said (at most 64 KiB, "" when nothing); borrowed, valid from opened() on. */
const char *stream_refusal(const struct stream *s);

/*
 * Queue bytes. Errors: ERR_LIMIT (more than 1 MiB would wait; nothing was queued), ERR_STATE (not
 * open, shut down, or the peer does not read any more). Stop producing while stream_full().
 */
int stream_write(struct stream *s, const void *p, size_t n, struct err *e);
bool stream_full(const struct stream *s); /* above 256 KiB */

/*
 * Half-close after the queue has drained. Over TLS nothing is sent, as libcurl cannot: there the
 * peer must know the length by itself.
 */
void stream_shutdown(struct stream *s);
void stream_pause(struct stream *s, bool pause);
void stream_free(struct stream *s); /* closes; no callback after it; NULL is fine */
DEFINE_CLEANUP(struct stream *, stream_free)
