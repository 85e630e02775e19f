/*
 * stream.h - a raw byte stream after an HTTP upgrade (exec, attach, WebSocket): CONNECT_ONLY.
 *
 * We send the request head ourselves, check the 101 (or a 200 without upgrade), then bytes run both
 * ways. Reading stops while paused; writing goes through a bounded queue.
 */
#pragma once

#include "net/http.h"

struct stream;

struct stream_ops {
	/* Once: status 101 or 200 = open. Otherwise e tells why (with the peer's text) and outcome how far it got; the stream is dead. */
	void (*opened)(void *arg, int status, enum http_outcome outcome, const struct err *e);
	/* Bytes; n = 0 means the peer has ended its side. Not called while paused. */
	void (*data)(void *arg, const char *p, size_t n);
	/* The write queue has drained below 64 KiB after it was full. May be NULL. */
	void (*drained)(void *arg);
	/* Once, instead of further calls: the connection broke or a deadline ran out. */
	void (*failed)(void *arg, const struct err *e);
};

/* upgrade: value of the Upgrade header ("tcp", "websocket"); extra headers as lines or NULL. The open must happen within deadline_ms. */
struct stream *stream_open(struct http *h, const char *method, const char *path, const char *upgrade,
	char *const *headers, const void *body, size_t body_len, int64_t deadline_ms,
	const struct stream_ops *ops, void *arg);
/* Queue bytes. Errors: ERR_LIMIT (more than 1 MiB would wait; nothing was queued), ERR_STATE. Stop producing while stream_full(). */
int stream_write(struct stream *s, const void *p, size_t n, struct err *e);
bool stream_full(const struct stream *s); /* above 256 KiB */
void stream_shutdown(struct stream *s);   /* half-close after the queue has drained (plain sockets) */
void stream_pause(struct stream *s, bool pause);
void stream_free(struct stream *s); /* closes; no callback after it; NULL is fine */
