/* client_impl.h - private to the client's files (client.c, daemon.c, follow.c, names.c), and of
 * aside.c, which has a daemon of its own. */
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
	int64_t until_ms; /* 0 = the time of the command has not begun */
	struct json *version;  /* what the daemon said of itself */
	struct json *sessions; /* the last list (names.c) */
	char **advice;
	char *ref;
	int64_t retry_after_s;
};

/* The labd that belongs to this lab; the caller owns the path. */
char *daemon_program(void);
/* The last line of a log from there on; the caller owns it. */
char *daemon_last_words(int fd, off_t from);

/* Start labd again when it has gone and is ours to start. Errors: as client_open(). */
int client_revive(struct client *k, struct err *e);
