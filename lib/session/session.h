/*
 * session.h - a learner's running lab: states, limits, and everything that may be asked of it.
 *
 * One struct sessions per daemon owns all sessions. Everything runs on the loop's thread. Each
 * change of a session is committed to the store before it is acted on; what must exist in the
 * engine follows from the committed rows (converge.h), so a restart goes on where it was.
 * Pointers to sessions are valid until the end of the turn: hold ids, not pointers.
 */
#pragma once

#include "engine/engine.h"
#include "ev/worker.h"
#include "lab/draw.h"
#include "lab/lab.h"
#include "store/store.h"

enum session_state {
#define X(c, word, next) c,
#include "session/state.tbl.h"
#undef X
	STATE_COUNT_
};

const char *session_state_name(enum session_state s);

struct sessions;
struct session;

struct sessions_config {
	const char *labs;       /* the catalogue's folder */
	const char *state;      /* the daemon's state folder */
	const char *lab_fetch;  /* program */
	int64_t max_sessions;   /* live ones; 0 = 8 */
	int64_t max_expires_ms; /* operator's cap; 0 = 12 h */
	const char *subnets;    /* "10.213.0.0/16" */
	bool several;           /* every start makes another session, also of the same lab */
};

/* What a part of the daemon wants to know. Called on the loop. */
struct session_event {
	int64_t id;      /* rises; per daemon */
	int64_t session; /* its id */
	const char *name;
	int64_t at_ms;
	const char *kind; /* state, progress, service, warning, limit, check, phase, grade, hint,
			     exec … */
	const char *data; /* JSON object */
};
typedef void (*session_event_cb)(void *arg, const struct session_event *ev);

int sessions_new(struct sessions **ret, struct loop *l, struct store *store, struct engine *engine,
	struct worker *io, const struct sessions_config *c, struct err *e);
/* Load what the store has, connect to the engine, reconcile, go on. */
int sessions_start(struct sessions *m, struct err *e);
/*
 * No further steps; who waits for a service is told so. Then, while the loop turns, grader_stop();
 * and then free the engine (its open calls complete), the grader, and the sessions. Labs go on
 * running.
 */
void sessions_stop(struct sessions *m);
void sessions_free(struct sessions *m);

/* Everybody who listens gets every event (SSE, lab status --watch). */
void sessions_listen(struct sessions *m, session_event_cb fn, void *arg);
void sessions_unlisten(struct sessions *m, session_event_cb fn, void *arg);
/* The last events of one session that are kept in memory (at most 256), oldest first, with id >
 * after. */
void session_replay(struct session *s, int64_t after, session_event_cb fn, void *arg);

/* --- finding --- */

struct session *sessions_by_id(struct sessions *m, int64_t id);      /* NULL = gone */
struct session *sessions_by_name(struct sessions *m, const char *name);
size_t sessions_count(const struct sessions *m);
struct session *sessions_at(const struct sessions *m, size_t i);     /* in order of creation */
size_t sessions_live(
	const struct sessions *m); /* neither stopped nor failed: what keeps a self-started labd */
/* The engine's state: err.code != 0 while it does not answer, and since when (boot ms). Of one that
 * answers: since when it did not, the last time; 0 = it always did. */
const struct err *sessions_engine_error(const struct sessions *m, int64_t *since_ms);
/* The engine has objects of a later run than the database knows: nothing is changed by itself. */
bool sessions_quarantined(const struct sessions *m);

/* --- what a session is; read only outside lib/session --- */

enum service_state {
	SERVICE_ABSENT,
	SERVICE_CREATED,
	SERVICE_STARTED,
	SERVICE_READY,
	SERVICE_DONE,
	SERVICE_FAILED
};
const char *service_state_name(enum service_state s);

struct session_info {
	int64_t id;
	const char *name, *cause, *activity;
	const char *repository, *commit; /* that the lab came from; NULL: the catalogue */
	const struct lab *lab;
	enum session_state state;
	int64_t gen;
	int64_t created_ms, ready_ms, expires_ms, keep_until_ms, activity_ms; /* wall clock */
	int64_t extended;
	bool tainted;
	unsigned char seed[SEED_BYTES];
	size_t ready, wanted;   /* services */
	size_t queue_place;     /* 1 = next; 0 = not queued */
	int64_t next_ms;        /* when the next automatic action comes (wall), 0 = none */
	const char *next_rule;  /* "idle.pause_after 20m", "expires 4h" */
	const char *next_action; /* pause, stop, remove */
	int64_t startup_started_ms, startup_took_ms;
};
void session_info(const struct session *s, struct session_info *ret);
/* State of one service, with the last words of its health test or of its failure ("" = nothing to
 * say). */
enum service_state session_service(const struct session *s, int service, const char **ret_note);
/* Engine id of its container, or NULL; when it was (last) started, wall ms. */
const char *session_container(const struct session *s, int service, int64_t *started_ms);
const char *session_image(const struct session *s, int service); /* image id, or NULL */
const char *session_network_id(const struct session *s, int network);

/* --- changing; done comes when the wish is durable, not when it is carried out --- */

typedef void (*session_done)(void *arg, struct session *s, const struct err *e);

struct start_options {
	const char *lab;        /* slug */
	const char *folder;     /* where it is; NULL = the catalogue */
	const char *repository; /* that it is of, and its commit; NULL: of the catalogue */
	const char *commit;
	bool exact;        /* a session of another commit is not resumed: ERR_STATE */
	bool fresh;        /* discard an existing session of this lab first */
	const unsigned char *seed; /* NULL = draw one */
	const char *variant; /* NULL = the first whose images are there (variant.c) */
	const char *key;   /* idempotency key, or NULL */
};
/*
 * Create or resume. Loads and snapshots the definition on an io thread. Errors: ERR_NOT_FOUND,
 * ERR_INVALID (with the problems in the text), ERR_QUOTA, ERR_STATE (also: it runs as another
 * variant), ERR_NO_SPACE, and with variants those of the engine.
 */
void sessions_open(struct sessions *m, const struct start_options *o, session_done done, void *arg);
void session_pause(struct session *s, const char *rule, session_done done, void *arg);
void session_resume(struct session *s, session_done done, void *arg);
void session_stop(struct session *s, bool discard, const char *rule, session_done done, void *arg);
/*
 * The whole lab (service -1) as new, or one service: its container, and the volumes that it writes
 * and no other service mounts. A warning event names those that stay.
 */
void session_reset(struct session *s, int service, session_done done, void *arg);
/*
 * Take over the definition as it is now in the folder that this session came from, which is the
 * catalogue's. Services whose part of it has changed are made anew, and all with other services,
 * networks or volumes; an event of kind definition tells which. A session that had failed is tried
 * again. may() is asked at the last moment, when nothing can come in between. Errors:
 * ERR_NOT_FOUND, ERR_INVALID (nothing has changed then), ERR_STATE (try again), and may()'s.
 */
void session_redefine(struct session *s, bool (*may)(void *arg, struct err *e), session_done done,
	void *arg);
void session_extend(
	struct session *s, int64_t by_ms, session_done done, void *arg); /* 0 = the lab's */
/* Learner activity: moves the idle timer. source: "terminal trainer". */
void session_touch(struct session *s, const char *source);
/* Suspend the idle rules (grade, keep-awake). Counts. */
void session_hold(struct session *s);
void session_unhold(struct session *s);

/* Verdicts and hints that are stored with the session: see grade.h. */

/* --- for grading: services on demand, recreate, files, execs --- */

/*
 * Want a service that does not start with the session (counted). ready() once: it is ready, or why
 * not. One with `start: replay` has one user at a time: when that wants it no longer, its container
 * and volumes are thrown away at once, frozen or not, and who still waits for it hears
 * ERR_CANCELED from inside the call; the next wish is for new ones.
 */
void session_want(struct session *s, int service, session_done ready, void *arg);
void session_unwant(struct session *s, int service);
/*
 * New containers from the same images with the same volumes; done when all are ready, or why not.
 * ERR_TIMEOUT: a service runs and does not become ready; ERR_UNREACHABLE: the engine has not made
 * it.
 */
void session_recreate(struct session *s, const int *services, size_t n, int64_t deadline_ms,
	session_done done, void *arg);
/*
 * Pause these services until session_thaw(); done when all are paused, or why not. One whose
 * program has ended counts as paused, and is not started until then. Counts per service. A restart
 * of the daemon thaws.
 */
void session_freeze(struct session *s, const int *services, size_t n, session_done done, void *arg);
/* done when they run again, or why not; NULL: nobody waits. */
void session_thaw(struct session *s, const int *services, size_t n, session_done done, void *arg);
/* ready -> grading -> ready. Errors: ERR_STATE. Terminals are closed and refused meanwhile. */
int session_begin_grade(struct session *s, struct err *e);
void session_end_grade(struct session *s);

/* An exec of a learner or of a check in a service. Terminals count against 8 per session. Errors:
 * ERR_STATE (not running, a grade runs), ERR_QUOTA; later ones come to ended(). */
struct session_exec {
	int service;
	char *const *argv;
	char *const *env;
	const char *user, *workdir;
	bool stdin_open, tty, tells_pid; /* as in struct exec_spec */
	int rows, cols;
	bool learner; /* refused and closed while grading; counts as activity */
	enum engine_class class;
};
struct exec *session_exec(struct session *s, const struct session_exec *x,
	const struct exec_ops *ops, void *arg, struct err *e);
void sessions_exec_done(
	struct sessions *m, struct exec *x); /* frees it; works also when its session is gone */
void session_taint(struct session *s, const char *why);

/* Put a tar of our own (copied) below `path` of a service's container. */
void session_put(struct session *s, int service, const char *path, const void *tar, size_t n,
	engine_done done, void *arg);

/* Where the parts are. */
struct engine *sessions_engine(struct sessions *m);
struct store *sessions_store(struct sessions *m);
struct loop *sessions_loop(struct sessions *m);
struct worker *sessions_io(struct sessions *m);
const struct sessions_config *sessions_config(const struct sessions *m);
struct sessions *session_manager(struct session *s);

/* Store and send an event of a session; data is a JSON object (copied). */
void session_emit(struct session *s, const char *kind, const char *data);

/* --- operator --- */

struct gc_item {
	enum engine_object_kind kind;
	const char *name, *session, *why;
};
/* What would go: orphans, and volumes of stopped sessions older than `older_ms`. apply: remove it
 * too. */
void sessions_gc(struct sessions *m, bool apply, int64_t older_ms,
	void (*item)(void *arg, const struct gc_item *i),
	void (*done)(void *arg, const struct err *e), void *arg);
