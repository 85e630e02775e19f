/*
 * multi.h - one curl_multi on the loop; private to lib/net/curl, like every type of libcurl.
 *
 * A transfer ends by its ended() callback, which is never called from inside one of libcurl's
 * own callbacks and may therefore remove, free and add handles.
 */
#pragma once

#include "ev/loop.h"

#include <curl/curl.h>

struct multi;

struct transfer {
	CURL *easy;
	void (*ended)(struct transfer *t, CURLcode code); /* still in the multi */
};

struct multi *multi_new(struct loop *l, long max_connections); /* 0 = no limit; others wait */
void multi_free(struct multi *m); /* all transfers are removed before; NULL is fine */

/* Not from inside a callback of libcurl on the same multi. */
void multi_add(struct multi *m, struct transfer *t);
void multi_remove(struct multi *m, struct transfer *t);

/* A connected handle's descriptor is watched by its owner from here on. */
void multi_release(struct multi *m, int fd);
