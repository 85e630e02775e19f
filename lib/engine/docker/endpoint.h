/*
 * endpoint.h - where the Docker engine listens.
 *
 * The order is docker's: DOCKER_HOST, then the current context, then the sockets; so labd speaks
 * to the engine that the user's `docker` speaks to. All calls block on small local files.
 */
#pragma once

#include "base/err.h"

/* One engine's address; TLS material as PEM text. */
struct endpoint {
	char *text;      /* as written: "unix:///var/run/docker.sock" */
	char *unix_path; /* NULL for TCP */
	char *base_url;
	char *ca, *cert, *key; /* NULL = none */
};

/*
 * Find the engine, or read `where` ("unix:///path", "tcp://host:port": TLS unless the host is this
 * machine). Errors: ERR_USAGE (text of where or of DOCKER_HOST, context without such files),
 * ERR_NOT_FOUND (no engine anywhere), ERR_IO.
 */
int endpoint_find(struct endpoint *ret, const char *where, struct err *e);
void endpoint_done(struct endpoint *ep);
