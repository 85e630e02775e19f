/*
 * easy.h - the libcurl carrier and its handles; private to lib/net/curl.
 *
 * Three multis: `ctl` for short calls with a whole body, `bulk` for what may stay open, so that
 * open streams never use up the connections of control calls, and `raw` for raw streams, so that
 * a callback of bulk may write to one.
 */
#pragma once

#include "net/carrier.h"
#include "net/curl/multi.h"

struct carrier {
	char *ca_pem, *cert_pem, *key_pem;
	struct multi *ctl, *bulk, *raw;
};

/* An easy handle with everything that does not depend on the request; `url_path` as in http.h. */
CURL *easy_new(const struct http *h, const char *url_path, char error[CURL_ERROR_SIZE]);
bool easy_tls(const struct http *h);

/* Why a transfer ended. Borrowed until the next call, or with `error`. */
const char *easy_why(CURLcode code, const char *error);
/* The same when the peer was not reached. */
const char *easy_why_unreached(const struct http *h, CURL *easy, CURLcode code, const char *error);
