/*
 * api.h - the daemon's interface: openapi.yaml served over httpd.
 *
 * routes.c has one row per operation, h_<noun>.c its handler, view*.c the resources as JSON,
 * problem.c the errors. All of it runs on the loop; what has to read files does so on an io thread.
 */
#pragma once

#include "grade/grade.h"
#include "repo/repo.h"

struct api;

struct api_config {
	struct sessions *sessions;
	struct grader *grader;
	struct repos *repos;
	bool self_started;
};

int api_new(struct api **ret, const struct api_config *c, struct err *e);

/* Serve at a unix socket (see httpd_listen_unix). Errors: ERR_EXISTS, ERR_FORBIDDEN, ERR_IO, … */
int api_listen_unix(struct api *a, const char *path, struct err *e);

/* Refuse what is new, end what is open; drained(arg) comes when nothing is open any more. */
void api_stop(struct api *a, loop_cb drained, void *arg);

/*
 * Cut what is still open; nothing is served any more. Before sessions_stop() and engine_free(),
 * whose open calls still find the api. NULL is fine.
 */
void api_cut(struct api *a);
/* After engine_free(), before sessions_free(). NULL is fine. */
void api_free(struct api *a);

/* For how long nobody has asked for anything; 0 while a stream or a socket is open. */
int64_t api_quiet_ms(const struct api *a);

/* A callback of the loop took too long (for /metrics). */
void api_count_slow(struct api *a);
