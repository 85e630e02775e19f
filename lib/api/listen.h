/*
 * listen.h - a unix socket that only its user (and root) can talk to.
 */
#pragma once

#include "base/err.h"

/*
 * Listen at `path`: the socket has mode 0600 and its folder, made when it is missing, must be ours
 * and closed to everybody else. A socket file that nobody listens at is replaced; two daemons that
 * start at the same time do not meet there, because the folder is locked meanwhile. Blocks for the
 * disk. The descriptor is non-blocking and the caller's.
 *
 * Errors: ERR_EXISTS (somebody listens there), ERR_FORBIDDEN (the folder is open to others),
 * ERR_USAGE (path too long), ERR_IO.
 */
int listen_unix(const char *path, int *ret_fd, struct err *e);

/* Close a descriptor of listen_unix() and remove its file, unless it is another's by now. */
void listen_close(int fd, const char *path);

/*
 * Accept one connection of our own user or root; the descriptor is non-blocking. Returns -1 when
 * none waits (errno EAGAIN) or there is no room (EMFILE and the like); others are closed unheard.
 */
int listen_accept(int fd);
