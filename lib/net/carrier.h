/*
 * carrier.h - what carries requests and streams to the peer; private to lib/net.
 *
 * http.c knows operations (limits, deadlines, callbacks, outcomes) and stream.c raw streams
 * (queues, heads, refusals). Connections and their bytes are a carrier's: curl/ reaches any peer,
 * local/ one on a unix socket. A program links one of the two.
 *
 * A carrier tells an operation what happened by the op_ functions below, on the loop's thread;
 * op_ended() comes once, never from inside a callback of the operation, and takes the exchange
 * with it.
 */
#pragma once

#include "base/list.h"
#include "net/http.h"

struct carrier;

struct http {
	struct loop *loop;
	char *unix_path, *base_url;
	int64_t connect_timeout_ms;
	struct carrier *carrier;
	struct list ops;  /* every open http_op */
	struct list todo; /* those to start, resume or cancel in the next turn */
	struct timer *kick;
	struct list streams; /* every stream that is not dead */
};

/* The rest of `h` is filled in. Errors: ERR_USAGE (it cannot reach such a peer). */
int carrier_new(struct carrier **ret, struct http *h, const struct http_peer *peer, struct err *e);
/* Every exchange and wire is gone before. */
void carrier_free(struct carrier *c);

/* --- one request and its answer --------------------------------------------------------------- */

/* What is sent; well formed, and the operation's. */
struct request {
	char *method, *path;
	char **headers; /* lines beside Host and what tells the length */
	char *body;     /* NULL = none */
	size_t body_len;
	bool upload; /* the body is asked for by op_upload() and sent in chunks */
	bool bulk;   /* taken or given piece by piece: may stay open for long */
};

struct exchange;

/* Begin; `request` and `op` are borrowed until it is freed. op_ended() may come before it returns.
 */
void exchange_start(
	struct exchange **ret, struct http *h, const struct request *request, struct http_op *op);
/* After HTTP_PAUSE of op_body() or op_upload(). */
void exchange_resume(struct exchange *x);
/* Has a byte of it left us? On any of the connections that were tried. */
bool exchange_sent(const struct exchange *x);
/* Stops it when it has not ended. NULL is fine. */
void exchange_free(struct exchange *x);

/* Would a second try change nothing? */
bool request_reads(const struct request *r);

#define OP_MAX_HEAD (64u << 10) /* more of a head is refused */

/* The final head comes: forget what there was of an earlier one (100 Continue). */
void op_head_begin(struct http_op *op);
/* Lines of it, with their ends. Negative = stop: op_ended() has to come. */
int op_head_lines(struct http_op *op, const char *p, size_t n);
int op_head_end(struct http_op *op, int status);
/* n, HTTP_PAUSE, or negative = stop. */
int64_t op_body(struct http_op *op, const char *p, size_t n);
/* How many bytes of the body there are; 0 = its end, HTTP_PAUSE, or negative = stop. */
int64_t op_upload(struct http_op *op, char *p, size_t n);
/*
 * It is over. code 0 = the answer ended where it has to. Else `why`, and ERR_UNREACHABLE,
 * ERR_UNKNOWN (broke) or ERR_PROTO; after a stop the operation knows better.
 */
void op_ended(struct http_op *op, int code, const char *why);

/* --- the bytes of a raw stream ---------------------------------------------------------------- */

struct wire;

/* fd >= 0: connected, ready to be watched. Else why. */
typedef void (*wire_fn)(void *arg, int fd, const char *why);

/* Connect. connected() comes once, in a later turn. */
struct wire *wire_open(struct http *h, wire_fn connected, void *arg);
/*
 * Send, or go on with what is held (n = 0). Returns how many bytes need not be kept, which may be
 * none, or -1 when the peer does not read any more.
 */
ssize_t wire_send(struct wire *w, const void *p, size_t n);
size_t wire_held(const struct wire *w); /* bytes taken that still have to be sent */
/* Bytes, 0 = the end, -EAGAIN = not now; any other negative value = broken. */
ssize_t wire_recv(struct wire *w, void *p, size_t n);
void wire_shut(struct wire *w);  /* no more bytes from us, where that can be said */
void wire_close(struct wire *w); /* its descriptor is not watched any more; NULL is fine */

/* --- for http_new() and http_free() ----------------------------------------------------------- */

/* Start, resume and cancel what waits in `todo` (arg: the http). */
void ops_kick(void *arg);

/* Complete everything that is open, because the peer is being freed. */
void ops_cancel(struct http *h);
void streams_cancel(struct http *h);

/* --- pieces (peer.c, message.c) --------------------------------------------------------------- */

const char *peer_name(const struct http *h); /* for error texts */
/* "cannot reach 'peer': why"; returns the code. */
int peer_unreachable(const struct http *h, const char *why, struct err *e);

/*
 * Bytes of ours that would change the framing of a request never reach the wire: is this a method
 * and a path, and are the headers (NULL = none) one line each?
 */
bool message_well_formed(const char *method, const char *path, char *const *headers);

/* The first line of a request and its Host. */
void message_begin(struct buf *out, const struct http *h, const char *method, const char *path);

/* Bytes of the head that s begins with, its empty line included; 0 = it is not whole yet. */
size_t message_head(const char *s);
/* Status of a whole head, -1 when it is none. *ret_lines is where its lines begin. */
int message_status(const char *head, const char **ret_lines);
