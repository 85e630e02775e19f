/*
 * bed.h - one place where a labd is tormented: its state folder, its engine, its process, its API.
 *
 * The engine is a fake one of the bed's own, or a real one that all beds share. Calls block. What
 * goes wrong is told with bed_fail(), which keeps the first reason.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "codec/json.h"
#include "tests/fake/fakeengine.h"

#include <sys/types.h>

struct bed_options {
	const char *programs; /* folder of the auditors, and of labd unless another one is named */
	const char *labd;     /* NULL: the one of that folder */
	const char *labs, *lab; /* the catalogue, and the lab of it that is used */
	const char *engine;   /* NULL: a fake one */
	bool verbose;
};

struct bed {
	struct bed_options options;
	char *folder, *socket, *database, *engine;
	struct fake *fake; /* NULL on a real engine */
	pid_t labd;        /* 0: does not run */
	int speed;         /* how much faster its clock goes */
	void *curl;
	char why[600];     /* "" = nothing went wrong */
};

/* A new state folder, and a new engine where it is a fake one, with objects of strangers in it. */
void bed_open(struct bed *b, const struct bed_options *o);
void bed_close(struct bed *b, bool keep_folder);

bool bed_fail(struct bed *b, const char *fmt, ...) format_printf(2, 3); /* false */

/* Start labd and wait until it is ready or dead: true when it is ready. kill: LABD_KILL, or NULL.
 */
bool labd_start(struct bed *b, const char *kill);
bool labd_alive(struct bed *b);
void labd_kill(struct bed *b); /* SIGKILL, and reap */
bool labd_end(struct bed *b);  /* SIGTERM; false when it did not end well */

/* One request to labd. */
struct reply {
	int status; /* 0: no answer */
	struct json *json;
};
void reply_done(struct reply *r);
#define _cleanup_reply_ _cleanup_(reply_done)

/* body NULL: none. key NULL: no Idempotency-Key. */
struct reply bed_call(
	struct bed *b, const char *method, const char *path, const char *body, const char *key);
/* The same with bytes of any type. */
struct reply bed_send(struct bed *b, const char *method, const char *path, const char *type,
	const void *p, size_t n);

/* One request to the engine, with a body of JSON or none. */
struct reply engine_call(struct bed *b, const char *method, const char *path, const char *body);

void pause_ms(int ms);
int64_t now_ms(void); /* monotonic */
