/*
 * client.h - talking to labd: finding it, starting it, one call, streams, names of sessions.
 *
 * Everything here blocks the caller and turns the client's own loop meanwhile; Ctrl-C ends it with
 * ERR_CANCELED. Errors of the daemon arrive as struct err of their kind; advice, reference and the
 * time to wait of the last problem are kept.
 */
#pragma once

#include "cmd/lab/cli.h"
#include "net/http.h"
#include "net/stream.h"

struct client;

/* --- life (daemon.c) ------------------------------------------------------------------------- */

/*
 * Find the daemon; start labd when nobody answers, unless --host names one; shake hands. A
 * self-started daemon of another version with nothing to do is replaced. *ret is also c->client,
 * whose owner is main. Errors: ERR_UNREACHABLE (with labd's last words when it ended at once).
 */
int client_open(struct client **ret, struct cli *c, struct err *e);
/* The same with a short deadline, and nobody is started. */
int client_peek(struct client **ret, struct cli *c, int64_t deadline_ms, struct err *e);
void client_free(struct client *k);
struct loop *client_loop(struct client *k);
struct http *client_http(struct client *k);
const struct json *client_version(const struct client *k); /* of the handshake */

/* Turn the loop until *done, or Ctrl-C (ERR_CANCELED). */
int client_wait(struct client *k, const bool *done, struct err *e);
/* As client_wait, with a deadline (0 = none; ERR_TIMEOUT). */
int client_wait_for(struct client *k, const bool *done, int64_t deadline_ms, struct err *e);
/* Rest. Errors: ERR_CANCELED. */
int client_rest(struct client *k, int64_t ms, struct err *e);

/*
 * When --timeout is over, on the loop's clock; INT64_MAX = never. It is one for the whole command,
 * and begins when this is first asked: what a person takes to answer a question does not count.
 */
int64_t client_until_ms(struct client *k);

/* --- calls (client.c) ------------------------------------------------------------------------ */

/* One call with a JSON body (NULL = none); *ret is the answer's document, NULL for an empty one;
 * ret may be NULL. */
int client_call(struct client *k, const char *method, const char *path, const struct buf *body,
	struct json **ret, struct err *e);
/* The same with an Idempotency-Key that is drawn once per call. */
int client_create(struct client *k, const char *path, const struct buf *body, struct json **ret,
	struct err *e);
/* The raw answer (receipts, JUnit). */
int client_raw(struct client *k, const char *path, struct buf *out, struct err *e);

/* An answer, or a body, that is taken as it comes; callbacks as in http.h, each may be NULL. */
struct client_stream {
	const char *method, *path, *content_type;
	void (*started)(void *arg, struct http_op *op); /* whom to http_resume() after a pause */
	int64_t (*on_data)(void *arg, const char *p, size_t n, struct err *e);
	int64_t (*on_send)(void *arg, char *p, size_t n, struct err *e);
	void (*on_headers)(void *arg, const char *headers); /* raw, once it was answered whole */
	void *arg;
	int64_t silence_ms;
};
int client_stream(struct client *k, const struct client_stream *s, struct err *e);

/* A problem document becomes an error of its kind; what is no such document gives ERR_PROTO. */
int client_problem(struct client *k, int status, const char *text, size_t n, struct err *e);
/* The same for one inside another document. */
int client_problem_doc(struct client *k, const struct json *doc, struct err *e);

/* Of the last problem; NULL and 0 when it said nothing. */
char *const *client_advice(const struct client *k);
const char *client_ref(const struct client *k);
int64_t client_retry_after_s(const struct client *k);

/* --- events (follow.c) ----------------------------------------------------------------------- */

/*
 * Follow server-sent events, those after the event or run `after` (-1 = all that there are), until
 * fn returns false, the stream ends, it is until_ms on the loop's clock (INT64_MAX = never;
 * ERR_TIMEOUT), or Ctrl-C (ERR_CANCELED). kind and the event's document are valid during fn. A
 * lost connection is taken up again after the last event; who waits for work also starts labd again
 * when it has gone (a mere onlooker does not), and hears of it by kind "" and event NULL.
 */
enum follow_mode { FOLLOW_WORK, FOLLOW_WATCH };
typedef bool (*event_fn)(void *arg, const char *kind, const struct json *event);
int client_follow(struct client *k, const char *path, int64_t after, enum follow_mode mode,
	int64_t until_ms, event_fn fn, void *arg, struct err *e);

/* --- names (names.c) ------------------------------------------------------------------------- */

/*
 * Resolve what a user calls a session: full name, unique prefix, slug, or NULL for the only live
 * one. The session is borrowed until the next of these calls. Errors: ERR_NOT_FOUND, ERR_USAGE
 * (ambiguous; the candidates are in the text).
 */
int client_session(struct client *k, const char *word, const struct json **ret, struct err *e);
/* Of a session as labd tells it: its name, and the id of the change that this is the answer to. */
const char *session_name(const struct json *s);
int64_t session_change(const struct json *s);

/*
 * The same for verbs of the form [SESSION] WORD...: the first word is taken when it names a
 * session; a task or port of that name wins over a mere beginning of a session's name.
 */
int client_session_word(
	struct client *k, int *argc, char ***argv, const struct json **ret, struct err *e);
/* Which of the sessions (a list) does the word mean? NULL when none or several do. */
const struct json *session_named(const struct json *sessions, const char *word, size_t *ret_n);
