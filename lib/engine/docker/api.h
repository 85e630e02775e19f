/*
 * api.h - an operation as a row of HTTP calls, and what the engine's answers mean.
 *
 * General rules (a call's own table comes first):
 *   not sent                       REFUSED, ERR_UNREACHABLE or ERR_TIMEOUT
 *   sent, no whole answer          UNKNOWN for changes; reads: ERR_UNREACHABLE, ERR_TIMEOUT
 *   2xx                            DONE; a body that is no JSON is ERR_PROTO and UNKNOWN
 *   4xx                            REFUSED: 404 ERR_NOT_FOUND, 409 ERR_STATE, else ERR_ENGINE
 *   5xx                            UNKNOWN, ERR_ENGINE or ERR_NO_SPACE: it may have happened
 * A 400 about the API version leads to a new negotiation and one repetition.
 */
#pragma once

#include "base/buf.h"
#include "codec/json.h"
#include "engine/engine_impl.h"
#include "net/http.h"

struct docker;
struct docker_op;

#define STATUS_ANY (-1)

/* What an answer means for one call; the first row that fits wins; a table ends with status 0. */
struct rule {
	int status;       /* or STATUS_ANY: every status that is not 2xx */
	const char *text; /* part of the engine's message, or NULL */
	int code;         /* ERR_OK with ENGINE_DONE */
	enum engine_outcome outcome;
	bool busy;
};

/* One call. `path` and `body` belong to the operation from op_call() until the answer. */
struct call {
	const char *method;
	char *path; /* without the version, encoded; NULL: nothing but the negotiation */
	struct buf body;
	const struct rule *rules;
	int64_t deadline_ms; /* 0 = 20 s for GET, 60 s for others */
	size_t max_body;     /* 0 = http.h's */
	bool no_version;     /* the path is whole: no negotiation, no prefix */

	/* Streams (see http.h); called with the operation. */
	int64_t (*on_data)(void *op, const char *p, size_t n, struct err *e);
	int64_t (*on_send)(void *op, char *p, size_t n, struct err *e);
	int (*on_head)(void *op, int status, struct err *e);
	const char *content_type;
	char **headers; /* owned too */
	int64_t silence_ms;
	bool endless; /* no deadline */
};

struct reply {
	struct engine_result result; /* by the rules; err.text is a whole sentence */
	int status;                  /* 0 = no answer */
	struct json *json; /* body of a 2xx, or NULL when there was none; TAKE() it to keep it */
};

typedef void (*op_step)(struct docker_op *op);
typedef void (*op_next)(struct docker_op *op, struct reply *r);
typedef void (*op_end_fn)(struct docker_op *op, const struct engine_result *r);

/* What every operation of this engine begins with. */
struct docker_op {
	struct engine_op base; /* first */
	struct docker *d;
	struct list link;      /* d->ops */
	struct sched_ticket ticket;
	op_step begin;  /* the first step, when the turn has come */
	op_end_fn end;  /* tells the caller */
	op_step clear;  /* frees what the kind owns, or NULL */
	engine_done done;
	void *arg;
	char what[200]; /* "cannot start the container 'x'": what errors begin with */

	struct call call; /* under way */
	op_next next;
	struct http_op *http;
	struct list version_wait; /* d->unversioned */
	struct engine_result late; /* what op_end_later() will say */
	bool sent_again;
	bool canceled;
	bool must_finish; /* cleaning up: nobody can cancel it any more */
	bool ended;
};

/*
 * A new operation of `size` bytes, a struct docker_op first; what_format makes `what`. It ends with
 * op_end(), which calls done(arg, result) unless the kind sets another `end`.
 */
void *op_new(struct docker *d, size_t size, engine_done done, void *arg, const char *what_format,
	...) format_printf(5, 6);

/* Wait for a turn, then begin(op). A full queue ends the operation later. Returns the handle. */
struct engine_op *op_enter(struct docker_op *op, enum sched_lane lane, struct engine_turn turn,
	op_step begin);

/* As op_enter, where the first step is this call. */
struct engine_op *op_enter_call(struct docker_op *op, enum sched_lane lane, struct engine_turn turn,
	struct call call, op_next next);

/* Make a call; next(op, reply) follows in a later moment. A canceled operation calls nobody. */
void op_call(struct docker_op *op, struct call call, op_next next);

/* Give the slot back, tell the caller once, free later. */
void op_end(struct docker_op *op, const struct engine_result *r);
void op_end_done(struct docker_op *op, const char *id);
/* End with an error of our own: "what: text". */
void op_end_err(struct docker_op *op, enum engine_outcome outcome, int code, const char *fmt, ...)
	format_printf(4, 5);
/* As op_end_err, in a later moment: for errors found inside a start. Returns the handle. */
struct engine_op *op_end_later(struct docker_op *op, int code, const char *fmt, ...)
	format_printf(3, 4);

/* An op_next for calls whose reply is the operation's result. */
void op_end_reply(struct docker_op *op, struct reply *r);

/* "/containers/" + escaped id + "/start". The caller owns it. */
char *path_of(const char *before, const char *id, const char *after);

/* api.c for docker.c: send what waited for the negotiation, or fail it with *why. */
void api_versioned(struct docker *d);
void api_unversioned(struct docker *d, const struct err *why);
/* Cancel everything, at once: the engine is being freed. */
void api_close(struct docker *d);
/* "/v1.41" + path for streams that are opened beside api.c. The caller owns it. */
char *api_path(const struct docker *d, const char *path);

/* The engine's message in an error body, made visible; the caller owns it. */
char *message_of(const char *body, size_t n);
/* Apply rules to an answer that is not 2xx; *ret gets outcome, busy, and err = "what: message". */
void api_judge(struct engine_result *ret, const struct rule *rules, const char *what, int status,
	const char *message);
