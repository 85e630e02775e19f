/*
 * remote.h - a command or a shell in a lab: its streams are ours until it ends.
 */
#pragma once

#include "cmd/lab/client.h"

struct remote_spec {
	const char *session;
	const char *service; /* NULL = the lab's entry */
	const char *user, *workdir;
	char *const *argv; /* NULL = the lab's shell */
	char *const *env;  /* NAME=VALUE, or NULL */
	bool tty;          /* raw where stdin is a terminal */
	bool input;        /* pass stdin on */
	int input_fd;      /* read from here; 0 is stdin */
	struct buf *out,
		*err; /* gather output here, as much as fits; NULL = our stdout and stderr */
};

/*
 * Run it to its end. *ret is its exit status; 0 when the user left by '~.', 141 when nobody reads
 * our output any more. Errors: the daemon's problem when it could not start or broke,
 * ERR_CANCELED, ERR_IO and ERR_NO_SPACE (our output cannot be written).
 */
int remote_run(struct cli *c, const struct remote_spec *spec, int *ret, struct err *e);

/* Does a command get a terminal when nobody says otherwise: are all three streams one? */
bool remote_on_terminal(void);

/* A shell in a session that was just started (cmd_shell.c); returns the exit code. */
int shell_open(struct cli *c, const char *session);
