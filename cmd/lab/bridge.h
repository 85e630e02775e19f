/*
 * bridge.h - one local TCP connection, carried to a port of a lab over a WebSocket.
 */
#pragma once

#include "cmd/lab/client.h"

struct bridge;

/* Once, from the loop; e->code 0 = both sides have ended. The owner frees the bridge in it. */
typedef void (*bridge_end)(void *arg, struct bridge *b, const struct err *e);

/* Takes the connected descriptor. path: /v1/sessions/…/forward?… */
struct bridge *bridge_new(struct client *k, int fd, const char *path, bridge_end end, void *arg);
void bridge_free(struct bridge *b); /* closes both sides; NULL is fine */
