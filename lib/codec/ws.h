/*
 * ws.h - one end of a WebSocket (RFC 6455) without a socket: bytes in, messages out, and back.
 *
 * The owner feeds what the connection brings and writes what send() hands out, in order and
 * whole; so back-pressure is the owner's: it stops feeding and stops sending while its own queue
 * is full. Callbacks come from inside the functions below and may call any of them, also ws_free().
 * Pings of the peer are answered here. Extensions are never agreed to. Not thread-safe.
 */
#pragma once

#include "base/err.h"

#define WS_MAX_MESSAGE (1u << 20)
#define WS_MAX_REASON  123

enum ws_role { WS_SERVER, WS_CLIENT };
enum ws_kind { WS_TEXT = 1, WS_BINARY = 2 };

/* Close codes in use (RFC 6455, 7.4). */
enum {
	WS_CLOSE_NORMAL = 1000,
	WS_CLOSE_AWAY = 1001,
	WS_CLOSE_PROTOCOL = 1002,
	WS_CLOSE_NONE = 1005,   /* the peer's close frame has no code; never sent */
	WS_CLOSE_BROKEN = 1006, /* there was no close frame; never sent */
	WS_CLOSE_POLICY = 1008,
	WS_CLOSE_TOO_BIG = 1009,
	WS_CLOSE_INTERNAL = 1011,
	WS_CLOSE_RESTART = 1012,
};

struct ws;

struct ws_ops {
	/* Bytes for the connection; borrowed. */
	void (*send)(void *arg, const void *p, size_t n);
	/* A whole message of at most WS_MAX_MESSAGE; text is valid UTF-8; borrowed. */
	void (*message)(void *arg, enum ws_kind kind, const char *p, size_t n);
	/* An answer to ws_ping(). May be NULL. */
	void (*pong)(void *arg);
	/*
	 * Both sides have said goodbye, or the peer broke the rules and was told so: close the
	 * connection once everything given to send() is written. Once, the last callback. code and
	 * reason are the peer's, or those that it was told.
	 */
	void (*closed)(void *arg, int code, const char *reason);
};

struct ws *ws_new(enum ws_role role, const struct ws_ops *ops, void *arg); /* `ops` is borrowed */
void ws_free(struct ws *w); /* no callback after it; NULL is fine */
DEFINE_CLEANUP(struct ws *, ws_free)

/* What the connection brought. Bytes after the end are ignored. */
void ws_feed(struct ws *w, const char *p, size_t n);

/* One message, one frame. Errors: ERR_STATE (closing or closed), ERR_LIMIT (over WS_MAX_MESSAGE).
 */
int ws_send(struct ws *w, enum ws_kind kind, const void *p, size_t n, struct err *e);
void ws_ping(struct ws *w);

/*
 * Say goodbye; nothing can be sent after it. closed() follows when the peer has answered: the owner
 * needs a deadline. The reason is cut at WS_MAX_REASON bytes; NULL = none.
 */
void ws_close(struct ws *w, int code, const char *reason);

/* The handshake: a fresh Sec-WebSocket-Key, and the Sec-WebSocket-Accept that answers a key. */
void ws_key(char out[static 25]);
void ws_accept(const char *key, char out[static 29]);
