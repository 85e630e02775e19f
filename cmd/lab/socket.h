/*
 * socket.h - a WebSocket to labd: messages both ways, with back-pressure.
 *
 * Every outcome comes to a callback of the loop, never from inside a function below.
 */
#pragma once

#include "cmd/lab/client.h"
#include "codec/ws.h"

struct socket;

struct socket_ops {
	void (*opened)(void *arg);
	/* Borrowed. At most a few already read ones come while paused. */
	void (*message)(void *arg, enum ws_kind kind, const char *p, size_t n);
	void (*drained)(void *arg); /* room again after socket_full() */
	/*
	 * Once, the last callback. e->code 0 = closed as agreed (code 1000). Otherwise: refused
	 * (the daemon's problem), lost, or closed with another code.
	 */
	void (*ended)(void *arg, const struct err *e);
};

/* `ops` is borrowed. protocol: "labyard.exec.v1" and the like. */
struct socket *socket_open(struct client *k, const char *path, const char *protocol,
	const struct socket_ops *ops, void *arg);
/* Stop producing while socket_full(). Errors: ERR_LIMIT, ERR_STATE (not open). */
int socket_send(struct socket *s, enum ws_kind kind, const void *p, size_t n, struct err *e);
bool socket_full(const struct socket *s);
/* While paused the daemon hears from us now and then, so that it does not give us up. */
void socket_pause(struct socket *s, bool pause);
void socket_close(struct socket *s); /* say goodbye; ended() follows within some seconds */
void socket_free(struct socket *s);  /* no callback after it; NULL is fine */
