/*
 * connector.h - a helper process outside the sandbox that opens connections to one place only.
 *
 * The sandboxed process can make no connection. It asks here, and is handed one to the host and
 * port that were named before a byte of a stranger was read; nothing it says can change them. The
 * helper reads nothing from the connections; it ends one on which nothing has come for too long.
 */
#pragma once

#include "base/err.h"

#define CONNECTOR_FD 4

/* Fork the helper; CONNECTOR_FD is our end afterwards. Errors: ERR_IO. */
int connector_start(const char *host, const char *port, int64_t silence_ms, struct err *e);

/*
 * A new connection, or ERR_UNREACHABLE (also: no such host), ERR_TIMEOUT, ERR_LIMIT (16 were
 * opened).
 */
int connector_open(struct err *e);

/* Why the helper has ended the last connection (ERR_TIMEOUT); code 0 when it has not. */
void connector_explain(struct err *e);
