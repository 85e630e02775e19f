/* client_impl.h - private to the client's files (client.c, daemon.c, follow.c, names.c). */
#pragma once

#include "cmd/lab/client.h"

#define CALL_DEADLINE_MS 60000

struct client {
	struct cli *cli;
	struct loop *loop;
	struct http *http;
	struct watch *interrupts;
	char *socket;
	int64_t call_deadline_ms;
	struct json *version;  /* what the daemon said of itself */
	struct json *sessions; /* the last list (names.c) */
	char **advice;
	char *ref;
	int64_t retry_after_s;
};

/* Start labd again when it has gone and is ours to start. Errors: as client_open(). */
int client_revive(struct client *k, struct err *e);
