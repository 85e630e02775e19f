/*
 * client.h - talking to labd: finding it, starting it, one call, a stream of events.
 *
 * Everything here blocks the caller and turns the client's own loop meanwhile. Errors of the daemon
 * arrive as struct err with its exit code's kind; advice and reference of the last problem are kept.
 */
#pragma once

#include "cmd/lab/cli.h"
#include "net/http.h"
#include "net/stream.h"

struct client;

/* Find the daemon's socket; start labd when nobody answers and `start` says so; shake hands. Errors: ERR_UNREACHABLE, ERR_STATE. */
int client_open(struct client **ret, struct cli *c, bool start, struct err *e);
void client_free(struct client *k);
struct loop *client_loop(struct client *k);
struct http *client_http(struct client *k);

/* One call with a JSON body (NULL = none); *ret is the answer's document (may be NULL for empty answers). */
int client_call(struct client *k, const char *method, const char *path, const struct buf *body, struct json **ret, struct err *e);
/* The same with an Idempotency-Key that is drawn once per call. */
int client_create(struct client *k, const char *path, const struct buf *body, struct json **ret, struct err *e);
/* The raw answer (receipts, JUnit). */
int client_raw(struct client *k, const char *path, struct buf *out, struct err *e);

/* Advice lines and reference of the last problem; NULL when there were none. */
char *const *client_advice(const struct client *k);
const char *client_ref(const struct client *k);

/*
 * Follow server-sent events until fn returns false, the stream ends, the deadline (0 = none) passes (ERR_TIMEOUT), or
 * Ctrl-C (ERR_CANCELED). kind and the event's document are valid during fn. A lost connection is taken up again after the
 * last event.
 */
typedef bool (*event_fn)(void *arg, const char *kind, const struct json *event);
int client_follow(struct client *k, const char *path, int64_t deadline_ms, event_fn fn, void *arg, struct err *e);

/* Turn the loop until *done, or Ctrl-C (ERR_CANCELED). For verbs with streams of their own. */
int client_wait(struct client *k, const bool *done, struct err *e);

/* Resolve what a user calls a session: full name, unique prefix, slug, or NULL for the only live one. Errors: ERR_NOT_FOUND, ERR_USAGE (ambiguous; the candidates are in the text). */
int client_session(struct client *k, const char *word, struct json **ret, struct err *e);
