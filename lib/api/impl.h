/*
 * impl.h - what the files of lib/api share (httpd's and the views apart); nobody else includes it.
 */
#pragma once

#include "api/api.h"
#include "api/httpd.h"
#include "api/problem.h"
#include "api/view.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"

#define API_MAJOR   1
#define JSON_BODY   (64 << 10)
#define ANSWER_MAX  (8 << 20)
#define ROUTE_PARTS 2

struct api {
	struct loop *loop;
	struct httpd *httpd;
	struct sessions *sessions;
	struct grader *grader;
	struct repos *repos;
	struct store *store;
	struct engine *engine;
	bool self_started;
	int64_t started_ms; /* wall */
	int64_t last_ms;    /* boot: of the last request */
	size_t open;        /* streams and sockets */
	struct list endless; /* struct endless: what has to be told to end */
	int64_t requests, refused, slow;
	struct map *starts; /* idempotency key -> struct start of h_session.c, the last ones */
};

/* A stream that would go on for ever: end(arg) is called when the daemon goes down. */
struct endless {
	struct list link;
	loop_cb end;
	void *arg;
};

/* --- api.c: while a stream or a socket is open, the daemon is in use --- */

void api_opened(struct api *a);
void api_closed(struct api *a);

/* --- routes.c --- */

/* What stands in the place of the {} of a pattern. */
struct match {
	char *part[ROUTE_PARTS];
};

typedef void (*handler)(struct api *a, struct request *r, const struct match *m);

struct route {
	const char *method, *pattern;
	handler handle;
	bool streams; /* its body is taken piece by piece */
};

/* The route of a request, or why there is none (ERR_NOT_FOUND; ERR_USAGE: another method). */
const struct route *route_find(
	const char *method, const char *path, struct match *ret, struct err *e);
void match_done(struct match *m);

/* --- reply.c --- */

/* A problem document; the request is answered. */
void reply_problem(struct request *r, const struct err *e);
void reply_problem_as(struct request *r, int status, const struct err *e);
void reply_error(struct request *r, int code, const char *fmt, ...) format_printf(3, 4);
/* What was written into `out` (of ANSWER_MAX) as application/json. */
void reply_json(struct request *r, int status, struct buf *out);
void reply_session(
	struct api *a, struct request *r, int status, struct session *s, int64_t change);
void reply_run(struct request *r, int status, const struct run *run);

/* --- ask.c: what a request says; a function that returns NULL or false has answered --- */

struct session *ask_session(struct api *a, struct request *r, const struct match *m);
/* What a user calls a lab: "slug", "repo/slug", "repo/slug@commit". */
#define LAB_NAME_MAX 180
bool ask_lab(struct api *a, struct request *r, const char *word, struct lab_place *ret);
bool ask_flag(struct request *r, const char *name, bool *ret);
bool ask_int(struct request *r, const char *name, int64_t min, int64_t max, int64_t *ret);
/* The service `name` (NULL = the lab's entry) that a learner may touch: index, or -1. */
int ask_service(struct request *r, const struct lab *l, const char *name, const char *what);
/*
 * Does a grade hold `what` ("files") of the session? It may have begun since a request came: ask
 * again before something begins. Errors: ERR_STATE.
 */
int see_held(const struct session *s, const char *what, struct err *e);
/*
 * The container of a service; NULL: there is none, or the session is on its way down, when nobody
 * should begin anything in it.
 */
const char *lasting_container(const struct session *s, int service);
/* The same; NULL: answered. */
const char *ask_container(struct request *r, struct session *s, int service);
int learner_service(const struct lab *l, const char *name, const char *what, struct err *e);
bool ask_key(struct request *r, const char **ret); /* Idempotency-Key; NULL when absent */

/* A JSON object as body; "" counts as {}. The first thing that is wrong is kept in err. */
struct body {
	struct json *doc;
	struct err err;
};
/* known: NULL-terminated names of the members there may be. */
void body_open(struct body *b, struct request *r, const char *const *known);
const char *body_str(struct body *b, const char *key, size_t max); /* NULL: absent or null */
bool body_flag(struct body *b, const char *key);
int64_t body_int(struct body *b, const char *key, int64_t min, int64_t otherwise);
char **body_strv(
	struct body *b, const char *key, size_t max); /* NULL: absent; the caller owns it */
bool body_seed(struct body *b, const char *key, unsigned char seed[static SEED_BYTES]);
bool body_good(struct body *b, struct request *r); /* false: answered */
void body_done(struct body *b);

/* --- h_history.c --- */

#define HISTORY_MAX 10000

/* What the result of a finished grade says; false when it is not finished. */
struct grade_sum {
	int64_t percent_bp;
	bool passed;
	char trust_min[16];
};
bool grade_sum_read(const struct row_grade *g, struct grade_sum *ret);

/* --- h_proof.c --- */

/* The proof of the lab with this digest, or NULL; the caller owns it. Blocking, any thread. */
struct json *proof_read(const char *state_folder, const char *digest);

/* --- handlers --- */

void h_version(struct api *a, struct request *r, const struct match *m);
void h_metrics(struct api *a, struct request *r, const struct match *m);
void h_healthz(struct api *a, struct request *r, const struct match *m);
void h_readyz(struct api *a, struct request *r, const struct match *m);
void h_doctor(struct api *a, struct request *r, const struct match *m);
void h_gc(struct api *a, struct request *r, const struct match *m);
void h_labs(struct api *a, struct request *r, const struct match *m);
void h_lab(struct api *a, struct request *r, const struct match *m);
void h_lab_of_repo(struct api *a, struct request *r, const struct match *m);
void h_repos(struct api *a, struct request *r, const struct match *m);
void h_repo_add(struct api *a, struct request *r, const struct match *m);
void h_repo_remove(struct api *a, struct request *r, const struct match *m);
void h_repo_sync(struct api *a, struct request *r, const struct match *m);
void h_sync(struct api *a, struct request *r, const struct match *m);
void h_sync_cancel(struct api *a, struct request *r, const struct match *m);
void h_sync_events(struct api *a, struct request *r, const struct match *m);
void h_proof_put(struct api *a, struct request *r, const struct match *m);
void h_packages(struct api *a, struct request *r, const struct match *m);
void h_history(struct api *a, struct request *r, const struct match *m);
void h_sessions(struct api *a, struct request *r, const struct match *m);
void h_session_start(struct api *a, struct request *r, const struct match *m);
void h_session(struct api *a, struct request *r, const struct match *m);
void h_session_pause(struct api *a, struct request *r, const struct match *m);
void h_session_resume(struct api *a, struct request *r, const struct match *m);
void h_session_stop(struct api *a, struct request *r, const struct match *m);
void h_session_reset(struct api *a, struct request *r, const struct match *m);
void h_session_redefine(struct api *a, struct request *r, const struct match *m);
void h_session_extend(struct api *a, struct request *r, const struct match *m);
void h_session_events(struct api *a, struct request *r, const struct match *m);
void h_events(struct api *a, struct request *r, const struct match *m);
void h_check(struct api *a, struct request *r, const struct match *m);
void h_grade(struct api *a, struct request *r, const struct match *m);
void h_run(struct api *a, struct request *r, const struct match *m);
void h_run_cancel(struct api *a, struct request *r, const struct match *m);
void h_run_receipt(struct api *a, struct request *r, const struct match *m);
void h_run_junit(struct api *a, struct request *r, const struct match *m);
void h_hints(struct api *a, struct request *r, const struct match *m);
void h_hint_buy(struct api *a, struct request *r, const struct match *m);
void h_logs(struct api *a, struct request *r, const struct match *m);
void h_files_get(struct api *a, struct request *r, const struct match *m);
void h_files_put(struct api *a, struct request *r, const struct match *m);
void h_exec(struct api *a, struct request *r, const struct match *m);
void h_forward(struct api *a, struct request *r, const struct match *m);
