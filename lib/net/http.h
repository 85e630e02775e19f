/*
 * http.h - an HTTP/1.1 client for one peer: curl_multi on the loop.
 *
 * Two multis: `ctl` for short calls with a whole body, `bulk` for streams, so that open streams
 * never use up the connections of control calls. No redirects, no proxies from the environment,
 * no netrc. Every operation completes exactly once, never from inside its start function.
 */
#pragma once

#include "base/buf.h"
#include "ev/loop.h"

struct http;
struct http_op;

/* Where the peer listens. Strings are copied by http_new. */
struct http_peer {
	const char *unix_path; /* a unix socket, or NULL */
	const char *base_url;  /* "http://host:port", "https://…"; for unix sockets "http://d" */
	const char *ca_pem, *cert_pem, *key_pem; /* TLS material as text, or NULL */
	int64_t connect_timeout_ms;              /* 0 = 2 s unix, 5 s TCP */
};

int http_new(struct http **ret, struct loop *l, const struct http_peer *peer, struct err *e);
void http_free(struct http *h); /* cancels what is open; completions still come (ERR_CANCELED) before it returns */
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
	struct buf body;     /* whole body of a ctl call, or the (<= 64 KiB) error body of a stream with status >= 300 */
	const char *headers; /* raw, "Name: value\r\n" lines; borrowed until the callback returns */
	struct err err;      /* code 0 when answered whole (whatever the status) */
};

typedef void (*http_done)(void *arg, const struct http_result *r);

struct http_request {
	const char *method;       /* "GET", "POST", "HEAD", "DELETE", "PUT" */
	const char *path;         /* "/v1.41/containers/json?all=1", already encoded */
	const char *content_type; /* NULL = application/json when there is a body */
	char *const *headers;     /* further "Name: value", NULL-terminated, or NULL */
	const void *body;         /* copied; NULL = none */
	size_t body_len;
	int64_t deadline_ms;      /* whole call; 0 = none (streams) */
	size_t max_body;          /* 0 = 8 MiB */

	/* A stream (all below optional; setting on_data makes it one). Called on the loop. */
	int (*on_head)(void *arg, int status, struct err *e); /* negative = give up */
	/* Return bytes taken: n, or HTTP_PAUSE (call http_resume later; the same bytes come again), or a negative code. */
	int64_t (*on_data)(void *arg, const char *p, size_t n, struct err *e);
	/* Upload: fill up to n bytes; 0 = end, HTTP_PAUSE, or a negative code. Chunked. */
	int64_t (*on_send)(void *arg, char *p, size_t n, struct err *e);
	int64_t silence_ms; /* a stream without a byte for so long fails with ERR_TIMEOUT; 0 = never */
};
#define HTTP_PAUSE INT64_MAX

/* Start. The operation is valid until done() has returned. Never fails at once: errors come to done(). */
struct http_op *http_send(struct http *h, const struct http_request *req, http_done done, void *arg);
void http_resume(struct http_op *op);
void http_cancel(struct http_op *op); /* leads to done() with ERR_CANCELED */

/* Value of a header in http_result.headers, or NULL; the caller owns it. */
char *http_header(const char *headers, const char *name);

/* "Percent-encoded" for one path or query part; the caller owns it. */
char *http_escape(const char *s);
