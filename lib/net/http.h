/*
 * http.h - an HTTP/1.1 client for one peer, on the loop.
 *
 * Open streams never use up the connections of control calls (at most 64). No redirects, no proxies
 * from the environment, no netrc. Every operation completes exactly once, never from inside its
 * start function. What carries the bytes is chosen by linking (carrier.h): libcurl reaches any
 * peer, our own carrier one on a unix socket.
 *
 * Deadlines and silence run on the loop's clock; the time to connect on the system's. A GET or
 * HEAD that met a kept-alive connection which the peer had just closed is sent again on a fresh
 * one; anything else ends as HTTP_MAYBE_SENT instead, because only its owner can find out what
 * happened.
 *
 * Errors: ERR_UNREACHABLE (HTTP_NOT_SENT: no connection), ERR_TIMEOUT (deadline or silence),
 * ERR_UNKNOWN (the connection broke after sending began), ERR_PROTO (no HTTP), ERR_LIMIT (head
 * over 64 KiB, body over max_body), ERR_CANCELED, and what the callbacks returned.
 */
#pragma once

#include "base/buf.h"
#include "ev/loop.h"

struct http;
struct http_op;

/* Where the peer listens. Strings are copied by http_new. */
struct http_peer {
	const char *unix_path; /* a unix socket, or NULL */
	const char *base_url;  /* "http://host:port", "https://..."; for unix sockets "http://d" */
	const char *ca_pem, *cert_pem, *key_pem; /* TLS material as text, or NULL */
	int64_t connect_timeout_ms;              /* 0 = 2 s unix, 5 s TCP */
};

/* Nothing is connected yet. Errors: ERR_USAGE (no base_url, or no peer for the linked carrier). */
int http_new(struct http **ret, struct loop *l, const struct http_peer *peer, struct err *e);

/*
 * Cancels what is open; completions still come (ERR_CANCELED) before it returns. Streams of
 * stream.h fail the same way and stay their owners' to free. Not from inside one of its callbacks.
 */
void http_free(struct http *h);
DEFINE_CLEANUP(struct http *, http_free)

/* How far a request got when it failed: what decides whether a change may have happened. */
enum http_outcome {
	HTTP_ANSWERED,   /* there is a status */
	HTTP_NOT_SENT,   /* connection refused, no socket: the peer has seen nothing */
	HTTP_MAYBE_SENT, /* cut, timed out or canceled after sending began */
};

struct http_result {
	enum http_outcome outcome;
	int status;          /* 0 unless HTTP_ANSWERED */
	struct buf body;     /* whole body of a call without on_data, or the (first 64 KiB of the)
				error body of a stream with status >= 300 */
	const char *headers; /* raw, "Name: value\r\n" lines; never NULL */
	struct err err;      /* code 0 when answered whole (whatever the status) */
};

/* The result, with body and headers, is borrowed until the callback returns. */
typedef void (*http_done)(void *arg, const struct http_result *r);

struct http_request {
	const char *method;       /* "GET", "POST", "HEAD", "DELETE", "PUT" */
	const char *path;         /* "/v1.41/containers/json?all=1", already encoded */
	const char *content_type; /* NULL = application/json when there is a body */
	char *const *headers;     /* further "Name: value", NULL-terminated, or NULL */
	const void *body;         /* copied; NULL = none */
	size_t body_len;
	int64_t deadline_ms; /* whole call; 0 = none (streams) */
	size_t max_body;     /* 0 = 8 MiB; for on_data: 0 = no limit */

	/* A stream (all below optional; on_data or on_send makes it one). Called on the loop. */

	/* The head is there. Negative = give up. */
	int (*on_head)(void *arg, int status, struct err *e);
	/*
	 * Bytes of an answer with status < 300. Return n, or HTTP_PAUSE (call http_resume later;
	 * the same bytes come again), or a negative code.
	 */
	int64_t (*on_data)(void *arg, const char *p, size_t n, struct err *e);
	/*
	 * Upload, chunked: fill up to n bytes. Return their number, 0 = end, HTTP_PAUSE, or a
	 * negative code. Not asked any more once the peer has answered with an error.
	 */
	int64_t (*on_send)(void *arg, char *p, size_t n, struct err *e);
	int64_t silence_ms; /* a stream that moves no byte for so long fails with ERR_TIMEOUT (a
			       paused one never does); 0 = never */
};
#define HTTP_PAUSE INT64_MAX

/*
 * Start. The operation is valid until done() has returned; strings and body are copied. Never
 * fails at once: errors come to done().
 */
struct http_op *http_send(
	struct http *h, const struct http_request *req, http_done done, void *arg);
void http_resume(struct http_op *op);

/* Leads to done() with ERR_CANCELED; no other callback comes before it. */
void http_cancel(struct http_op *op);

/* Value of a header in http_result.headers, or NULL; the caller owns it. */
char *http_header(const char *headers, const char *name);

/* "Percent-encoded" for one path or query part; the caller owns it. */
char *http_escape(const char *s);
/* The other way round. */
char *http_unescape(const char *s);
