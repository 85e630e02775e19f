/*
 * tcp.h - one outgoing TCP connection on the loop (port forwards): bytes both ways, bounded.
 *
 * The same manners as stream.h: every outcome comes to a callback, never from inside tcp_open();
 * reading stops while paused; what is written waits in a queue with a limit.
 */
#pragma once

#include "base/buf.h"
#include "ev/loop.h"

struct tcp;

struct tcp_ops {
	void (*opened)(void *arg);
	/* n = 0: the peer has ended its side. Not called while paused. */
	void (*data)(void *arg, const char *p, size_t n);
	void (*drained)(void *arg); /* below 64 KiB after it was full; may be NULL */
	void (*failed)(void *arg, const struct err *e); /* once, instead of further calls */
};

/*
 * address: IPv4 or IPv6 as numbers. Errors come to failed(): ERR_USAGE (no address),
 * ERR_UNREACHABLE (refused, no route), ERR_TIMEOUT (not open within deadline_ms), ERR_IO (broke).
 */
struct tcp *tcp_open(struct loop *l, const char *address, int port, int64_t deadline_ms,
	const struct tcp_ops *ops, void *arg);
/*
 * Queue bytes. What a peer does not take any more is dropped until all that it said was read.
 * Errors: ERR_LIMIT (over 1 MiB would wait; nothing was queued), ERR_STATE (closed).
 */
int tcp_write(struct tcp *t, const void *p, size_t n, struct err *e);
bool tcp_full(const struct tcp *t); /* above 256 KiB */
void tcp_shutdown(struct tcp *t);   /* no more bytes from us, after the queue has drained */
void tcp_pause(struct tcp *t, bool pause);
void tcp_free(struct tcp *t); /* closes; no callback after it; NULL is fine */
