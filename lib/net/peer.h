/*
 * peer.h - what http.c and stream.c share about the one peer; private to lib/net.
 */
#pragma once

#include "base/list.h"
#include "net/http.h"
#include "net/multi.h"

struct http {
	struct loop *loop;
	char *unix_path, *base_url;
	char *ca_pem, *cert_pem, *key_pem;
	int64_t connect_timeout_ms;

	struct multi *ctl, *bulk; /* requests */
	struct multi *raw; /* streams: their own, so that a callback of bulk may write to one */
	struct list ops;   /* every open http_op */
	struct list todo;  /* those to start, resume or cancel in the next turn */
	struct timer *kick;
	struct list streams; /* every stream that is not dead */
};

const char *peer_name(const struct http *h); /* for error texts */

/* An easy handle with everything that does not depend on the request; `url_path` as in http.h. */
CURL *peer_easy(const struct http *h, const char *url_path, char error[CURL_ERROR_SIZE]);

/*
 * Bytes of ours that would change the framing of a request never reach the wire: is this a method
 * and a path, and are the headers (NULL = none) one line each?
 */
bool peer_well_formed(const char *method, const char *path, char *const *headers);

/* Why the peer could not be reached. Returns the code put into *e. */
int peer_unreachable(
	const struct http *h, CURL *easy, CURLcode code, const char *text, struct err *e);

/* http.c: start, resume and cancel what waits in `todo` (arg: the http). */
void ops_kick(void *arg);

/* Complete everything that is open, because the peer is being freed. */
void ops_cancel(struct http *h);
void streams_cancel(struct http *h); /* stream.c */
