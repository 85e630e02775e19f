/*
 * httpd.h - an HTTP/1.1 server on the loop (libmicrohttpd behind it). It knows nothing of labs.
 *
 * A request passes the guard (one Host, Content-Length and Transfer-Encoding at most, and so on),
 * then on_head() and on_request(). It may be answered at once or later: whoever answers later
 * takes a reference. A client may leave at any time; every function below is then without effect,
 * so nobody has to ask first. All callbacks come from the loop's thread; apart from httpd_free(),
 * everything may be called from inside them.
 *
 * Limits: head 10 s after connecting and 60 s after the last answer; 60 s for an answer, else 504;
 * 90 s without a byte moving where the client has to move; collected bodies as on_head() says.
 */
#pragma once

#include "base/buf.h"
#include "codec/ws.h"
#include "ev/loop.h"

struct httpd;
struct request;
struct httpd_socket;

/* --- the server ------------------------------------------------------------------------------- */

#define HTTPD_STREAM (-1) /* on_head(): the body is taken piece by piece */

struct httpd_ops {
	/*
	 * The head is there. Return the largest body to collect, or HTTPD_STREAM. May already
	 * answer: then the body is not read. NULL = collect up to 1 MiB.
	 */
	int64_t (*on_head)(void *arg, struct request *r);
	/* The request is there, with its whole body; for HTTPD_STREAM before it. */
	void (*on_request)(void *arg, struct request *r);
	/*
	 * httpd itself refuses a request (400, 413, 503, 504): answer it with request_reply(). NULL
	 * = the text as text/plain.
	 */
	void (*on_refusal)(void *arg, struct request *r, int status, const struct err *why);
};

/* `ops` is borrowed. Errors: ERR_IO. */
int httpd_new(
	struct httpd **ret, struct loop *l, const struct httpd_ops *ops, void *arg, struct err *e);

/* Serve at a unix socket, for our user and root only; Host must be "localhost". As listen_unix().
 */
int httpd_listen_unix(struct httpd *h, const char *path, struct err *e);

/*
 * Go down gently: nobody is accepted, new requests on kept connections get 503 with Retry-After,
 * event streams end, sockets are closed with 1012. drained(arg) follows from the loop once nothing
 * is open any more (also at once); what others stream is theirs to end. A second call does nothing.
 */
void httpd_stop(struct httpd *h, loop_cb drained, void *arg);

/* Cut everything; closed() callbacks still come before it returns. Not from inside a callback. */
void httpd_free(struct httpd *h);
DEFINE_CLEANUP(struct httpd *, httpd_free)

/* --- a request -------------------------------------------------------------------------------- */

struct request *request_ref(struct request *r);
void request_unref(struct request *r); /* NULL is fine */

/* Has the exchange ended (answered whole, client gone, refused)? */
bool request_gone(const struct request *r);

/*
 * Called once when the exchange ends (not when it has ended already). At most one; NULL takes it
 * back. While an answer is awaited a client's leaving is seen late, in a stream or socket at once.
 */
void request_on_gone(struct request *r, loop_cb fn, void *arg);

const char *request_method(const struct request *r);
const char *request_path(const struct request *r); /* decoded; begins with '/'; valid UTF-8 */
/* Decoded, valid UTF-8, "" when without a value, NULL when absent. */
const char *request_query(const struct request *r, const char *name);
const char *request_header(const struct request *r, const char *name); /* NULL: absent, or gone */
const struct buf *request_body(const struct request *r);               /* the collected one */

/*
 * Take the body of an HTTPD_STREAM request. on_data returns how many of the n bytes it took; less =
 * paused until request_resume(), then the rest comes again. on_end: it was whole, answer now. More
 * than max bytes are refused with 413 by httpd. After an answer nothing of it comes any more.
 */
void request_receive(struct request *r, int64_t max,
	size_t (*on_data)(void *arg, const char *p, size_t n), loop_cb on_end, void *arg);
void request_resume(struct request *r);

/* --- answers: exactly one of reply, stream, sse, upgrade -------------------------------------- */

/* A further header of the answer, before it. Name and value are ours, never a stranger's bytes. */
void request_set_header(struct request *r, const char *name, const char *value);

/* A whole answer; takes what is in body (NULL = empty). */
void request_reply(struct request *r, int status, const char *content_type, struct buf *body);

/*
 * An answer in pieces. Stop producing while request_full(); drained(arg) (may be NULL) follows when
 * less than 64 KiB wait. Errors of write: ERR_LIMIT (more than 1 MiB would wait; nothing was
 * queued), ERR_STATE (gone or ended). End with whole = false when something broke: the client sees
 * a cut answer, not a short one.
 */
void request_stream(
	struct request *r, int status, const char *content_type, loop_cb drained, void *arg);
int request_write(struct request *r, const void *p, size_t n, struct err *e);
bool request_full(const struct request *r); /* above 256 KiB */
void request_end(struct request *r, bool whole);

/*
 * Server-sent events: a stream that is kept alive by a comment every 15 s. event and id may be
 * NULL; data may have several lines. End and errors as above.
 */
void request_sse(struct request *r, loop_cb drained, void *arg);
int request_sse_send(
	struct request *r, const char *event, const char *id, const char *data, struct err *e);

/* --- WebSockets ------------------------------------------------------------------------------- */

struct httpd_socket_ops {
	void (*message)(void *arg, enum ws_kind kind, const char *p, size_t n); /* borrowed */
	void (*drained)(void *arg); /* less than 64 KiB wait, after it was full; may be NULL */
	/* Once and last, also after httpd_socket_close(). code as in ws.h, 1006 when it broke. */
	void (*closed)(void *arg, int code, const char *reason);
};

/*
 * Answer with 101. Messages may be sent at once. protocol: the subprotocol agreed to, which the
 * client must have offered, or NULL. Who may upgrade (Origin, tickets) is the caller's to check.
 * The socket is valid until closed() has returned; it is pinged every 20 s and cut when it has read
 * everything and was not heard for 60 s (who does not read may page through the output). Errors:
 * ERR_USAGE (no proper handshake; the caller answers), ERR_STATE (gone).
 */
int request_upgrade(struct request *r, const char *protocol, const struct httpd_socket_ops *ops,
	void *arg, struct httpd_socket **ret, struct err *e);

/* Errors: ERR_LIMIT (more than 1 MiB would wait, or message too large), ERR_STATE (closing). */
int httpd_socket_send(
	struct httpd_socket *s, enum ws_kind kind, const void *p, size_t n, struct err *e);
bool httpd_socket_full(const struct httpd_socket *s); /* above 256 KiB */

/* Stop reading. What was read already (at most 64 KiB) still comes. */
void httpd_socket_pause(struct httpd_socket *s, bool pause);

/* Say goodbye: no message comes any more; closed() follows within 5 s. */
void httpd_socket_close(struct httpd_socket *s, int code, const char *reason);
