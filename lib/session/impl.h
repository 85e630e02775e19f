/*
 * impl.h - what the files of lib/session share; nobody else includes it.
 *
 * The idea: a session is a list of *slots* (each network, volume and container of its plan). A slot
 * points to at most one *object*: a journal row and what it stands for in the engine. converge()
 * compares what the session's state wants with what the rows say and starts the next steps; every
 * completion calls it again. A restart, a reset, a recreate and a stop are the same function.
 */
#pragma once

#include "base/killpoint.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "lab/images.h"
#include "session/session.h"

#define RETRY_COMMIT_MS                                                                            \
	5000 /* a row that could not be saved, an intent that could not be committed */

enum slot_kind { SLOT_NETWORK, SLOT_VOLUME, SLOT_CONTAINER };

enum object_state { OBJ_INTENT, OBJ_UNKNOWN, OBJ_LIVE, OBJ_DELETING, OBJ_GONE };

/* One journal row. Freed when it is gone, its row says so, and nothing is in flight. */
struct object {
	int64_t id;
	struct session *session;
	int64_t gen;
	enum slot_kind kind;
	char *slot; /* service, network or volume name */
	const char *role;
	char *name, *engine_id, *last_error;
	enum object_state state;
	char *subnet;      /* networks */
	bool filled;       /* volumes: their start content is in */
	bool in_flight;    /* a commit or an engine call runs for it */
	bool unsaved;      /* its row says something older */
	int saving;        /* commits under way that nothing waits for */
	bool removed;      /* the engine said it is gone; a listing must agree */
	int absent;        /* listings in a row that lacked it */
	int64_t opened_at; /* number of the last listing that was begun before its call was answered
			    */
	int64_t epoch, retry_at_ms;
	int tries;
	struct list link;  /* session->objects */
};

struct slot {
	enum slot_kind kind;
	int index;  /* network, volume (also beyond the lab's own) or service of the lab */
	char *name; /* slot word */
	struct object *object;

	/* volumes */
	char *fill;         /* below the lab folder, or NULL */
	int uid, gid;
	bool lab_folder;    /* the volume of labd at /lab in a hidden service */
	bool filling;

	/* containers */
	enum service_state state;
	bool running, paused;
	bool recreate;      /* replace it by a new one */
	bool busy;          /* an engine call for it runs (start, stop, pause, inspect) */
	int wants, freezes; /* counted wishes of the grader */
	int restarts;
	int errors;         /* answers in a row that leave the outcome open: slot_again() */
	int misses;         /* pauses and unpauses in a row that failed */
	int64_t restart_at_ms, started_ms; /* boot; wall */
	bool completed;     /* one-shot: done in this start */
	bool died;          /* its end was seen while a call for it ran */
	int died_code;
	struct probe *probe;
	bool probe_again; /* the last one ended without success */
	char *note;
};

enum awaited { AWAIT_READY, AWAIT_PAUSED, AWAIT_THAWED };

/* Somebody who waits for services, or for the reason why not. */
struct waiter {
	struct list link;
	struct session *session;
	int *services;
	size_t n;
	enum awaited what;
	struct timer *timer;
	session_done done;
	void *arg;
};

struct kept_event {
	int64_t id, at_ms;
	char *kind, *data;
};

#define KEPT_EVENTS 256 /* at most; a power of two times 16 */

struct session {
	struct sessions *m;
	int64_t id;
	char *name, *source, *digest, *commit; /* source: the catalogue's folder, or "repo/NAME" */
	struct lab *lab;
	char *lost; /* why its definition cannot be read: `lab` has nothing but a name; or NULL */
	unsigned char seed[SEED_BYTES];
	enum session_state state;
	int64_t gen;
	int64_t created_ms, ready_ms, expires_ms, keep_until_ms, activity_ms; /* wall */
	char *activity, *cause;
	enum err_code failed_as; /* of the last failure */
	int64_t extended;
	bool tainted;
	int holds; /* idle rules are suspended */

	struct lab_images images;
	bool images_planned, images_ready;
	int planning; /* image plans that run on io threads */
	char **image_ids;      /* per image */
	char ***image_volumes; /* per image: its VOLUME paths */
	struct image_job *image_job;

	struct slot *slots;
	size_t n_slots;
	struct list objects; /* every row that is not gone */
	struct list waiters;
	bool converging, again;
	struct last_words *failing; /* read before it fails */
	bool waking; /* paused, and its services are being unpaused: ready when all of them run */
	struct timer *later; /* the nearest retry or restart */

	struct timer *startup;  /* deadline of a bring-up */
	int64_t startup_started_ms, startup_took_ms; /* boot; duration */
	int warned;             /* how many of lab->warn were given */
	int64_t busy_since_ms, cpu_ns, cpu_at_ms; /* idle rule: CPU samples */
	bool sampling;

	struct kept_event *kept; /* a ring, which grows until it holds KEPT_EVENTS */
	size_t kept_at, n_kept, cap_kept;

	int answers; /* that are due to somebody who changed it */
	bool freeing;
};

struct listener {
	session_event_cb fn;
	void *arg;
};

struct sessions {
	struct loop *loop;
	struct store *store;
	struct engine *engine;
	struct worker *io;
	size_t openings; /* starts whose definition is being read */
	size_t leaving;  /* sessions of which it is not durable yet that they are gone */
	bool unsure;     /* of one it could not be written: no copy of a definition goes */
	char *left_last; /* digest of the definition whose copy was left last, or NULL */
	struct sessions_config config;
	char *labs, *state_dir, *lab_fetch, *subnets_text;

	struct session **items;
	size_t n, cap;
	struct listener *listeners;
	size_t n_listeners, cap_listeners;
	int emitting; /* depth; an event may cause events */

	struct subnets *subnets;
	struct timer *tick;      /* the nearest limit of any session */
	int64_t tick_wall_ms, tick_boot_ms;
	struct timer *list_timer;
	bool listing, list_again;
	int64_t lists;           /* listings that were begun, of all or of one session */
	int64_t list_began;      /* number of the one of all that runs */
	struct err engine_error;
	int64_t engine_error_ms; /* boot; since when */
	bool probed, probing, reconciled,
		stopped;         /* reconciled: the first listing has been worked in */
	bool quarantined;        /* the engine knows a later epoch than the database */
	struct list execs; /* running ones of all sessions */
	int64_t exec_number;
	struct map *images_making; /* tag -> the session that makes it now */
	struct timer *rewrite;     /* rows that could not be saved are tried again */
};

/* --- sessions.c --- */
struct row_session;
void session_row(const struct session *s, struct row_session *r);
void session_save(struct session *s, struct tx *t); /* adds the row to t */
void session_commit(struct session *s);             /* a transaction of its own, nobody waits */
struct session *session_new(struct sessions *m);
void session_forget(struct session *s); /* gone: leave the list; freed at the end of the turn */
void session_slots_free(struct session *s);
void session_images_free(struct session *s);
/* done comes after everything that was committed until now is durable; NULL: nobody waits. */
void session_answer(struct session *s, session_done done, void *arg);
/* done comes with this error, at the end of the turn. */
void sessions_refuse(struct sessions *m, session_done done, void *arg, const struct err *e);
/* The repository that its lab came from; NULL: the catalogue's folder. */
const char *session_repository(const struct session *s);

/* --- change.c --- */
/* done hears that in its state it cannot be `verb` ("paused"). */
void session_refuse(struct session *s, const char *verb, session_done done, void *arg);
/* Its object goes. The generation stays, so the row says by itself that it is leaving. */
void slot_leave(struct slot *slot);

/* --- move.c --- */
void session_startup_over(void *session);
/* The one setter: checks the table, saves, tells listeners, then acts. */
void session_move(struct session *s, enum session_state to, const char *cause);
bool session_may(const struct session *s, enum session_state to);
/* code: what clients tell by it, and end with; what an engine does not do is ERR_ENGINE. */
void session_fail(struct session *s, enum err_code code, const char *fmt, ...) format_printf(3, 4);
void sessions_admit(struct sessions *m); /* queued -> starting while there is room */
bool state_wants_up(enum session_state st);

/* --- events.c --- */
/* emit_words(s, "service", "service", "db", "state", "ready", NULL) */
void emit_words(struct session *s, const char *kind, ...) __attribute__((sentinel));
void events_done(struct session *s);

/* --- fail.c --- */
/* Show the last lines of the service's log, then fail the session. */
void fail_with_log(struct session *s, struct slot *slot, enum err_code code, const char *fmt, ...)
	format_printf(4, 5);

/*
 * A slot could not be brought up. That fails a bring-up and a lab that lost a part of itself; what
 * only graders want, or a volume of it, fails those who wait for it.
 */
void slot_fail(struct session *s, struct slot *slot, const struct err *why);

/* --- journal.c --- */
struct object *journal_open(
	struct session *s, struct slot *slot); /* a new row for the slot, not yet committed */
void journal_create(struct object *o, struct slot *slot); /* commit the intent, then create */
void journal_remove(struct object *o); /* commit, then remove; a listing confirms */
void journal_live(struct object *o, const char *engine_id);
void journal_gone(struct object *o);
void journal_save(struct object *o); /* until it is durable: the store may be degraded */
void journal_rewrite(
	void *sessions); /* save all rows of all sessions, when the store works again */
void journal_filled(
	struct object *o); /* commit that the volume has its start content, then converge */
void journal_disown(struct object *o); /* no slot points to it any more, also after a restart */
/* Certainly not done, and asking again would not change that. */
bool engine_said_no(const struct engine_result *r);
void object_free(struct object *o);
const char *object_state_name(enum object_state s);
bool object_state_parse(const char *word, enum object_state *ret);
struct engine_turn session_turn(const struct session *s);

/* --- plan.c --- */
void plan_slots(struct session *s); /* at load and after images are known; keeps what exists */
void plan_attach(struct session *s, struct object *o); /* a loaded row finds its slot */
void slot_detach(struct slot *slot); /* its object stays a row, and goes */
/* A service's container and the volumes that it alone mounts leave; the next ones are new. */
void plan_throw_away(struct session *s, int service);
bool plan_idle(struct session *s, const struct slot *volume); /* of such a service, unwanted now */
struct slot *plan_user(struct session *s, struct slot *slot); /* of its volume: the container */
struct slot *plan_slot(struct session *s, enum slot_kind kind, const char *name);
char **image_paths(const struct session *s, int service);
struct slot *plan_service(struct session *s, int service);
/* A container's spec; everything in it is owned by the returned holder. */
struct container_plan;
struct container_plan *plan_container(
	struct session *s, struct slot *slot, struct object *o, struct container_spec *ret);
void plan_container_free(struct container_plan *p);
struct engine_labels plan_labels(const struct session *s, const struct object *o);
const char *slot_role(const struct session *s, const struct slot *slot);

/* --- converge.c --- */
void converge(struct session *s);
void converge_died(struct session *s, struct slot *slot, int exit_code);
void converge_adopt(struct session *s,
	struct slot *slot); /* after a restart: look what the container is doing */
bool slot_wanted(const struct session *s, const struct slot *slot);
void slot_again(struct session *s, struct slot *slot,
	const struct err *why); /* an unclear end: list, and try it later */

/* --- fill.c --- */
/* Do programs of checks or phases run in this service? */
bool runs_checks(const struct lab *l, int service);
/* Start content of the volumes this created container mounts; true when all of them have it. */
bool volumes_filled(struct session *s, struct slot *slot);

/* --- waiters.c --- */
void waiters_check(struct session *s);
void waiters_fail(struct session *s, const struct err *e);
void waiters_fail_slot(
	struct session *s, const struct slot *slot, const struct err *e); /* who waits for it */

/* --- ready.c --- */
void probe_start(struct session *s, struct slot *slot);
void probe_stop(struct slot *slot);

/* --- variant.c --- */
/*
 * Which variant a new session gets: the first of whose images the engine has all. A variant that
 * needs none is always there, so put it last. done: its index, or -1 with the error.
 * Errors: ERR_ENGINE (there is none), those of the engine.
 */
void variant_choose(struct engine *g, const struct lab *l,
	void (*done)(void *arg, int variant, const struct err *e), void *arg);

/* --- image.c --- */
void images_make(struct session *s); /* -> images_ready and converge, or session_fail */
void images_stop(struct session *s);

/* --- home.c --- */
void home_guard(struct sessions *m); /* no engine is asked but the one that has our objects */

/* --- reconcile.c --- */
void reconcile_soon(struct sessions *m);
void reconcile_session(struct session *s); /* only this one's objects, now */
bool object_inherits(
	const struct engine_object *t); /* its labels are an image's: not ours to judge */
void reconcile_start(struct sessions *m);
void reconcile_stop(struct sessions *m);

/* --- limits.c --- */
void limits_arm(struct sessions *m); /* set the tick to the nearest limit */
void limits_tick(void *sessions);
void limits_next(const struct session *s, int64_t *when, const char **rule, const char **action);

/* --- snapshot.c --- */
/* Where a session's own copy of its definition is. The caller owns the path. */
char *snapshot_path(const struct sessions *m, const char *digest, const char *slug);
/* The session is gone, or has another definition: once that is durable, its copy may go. */
void snapshot_leave(struct session *s);
/* Remove what no session uses but the last one, unless it is not the time; on an io thread. */
void snapshots_sweep(struct sessions *m);

/* --- subnet.c --- */
struct subnets *subnets_new(const char *text, struct err *e);
void subnets_free(struct subnets *n);
/* Take a free /27 as "10.213.0.32/27"; NULL when none is left. The caller owns it. */
char *subnets_take(struct subnets *n);
void subnets_mark(struct subnets *n, const char *cidr); /* in use */
void subnets_give(struct subnets *n, const char *cidr); /* free again */
/* Address number i of the block as text (1 = gateway); the caller owns it. */
char *subnet_address(const char *cidr, int i);

/* --- exec.c --- */
void execs_close_learners(struct session *s, const char *why);
/* After a restart: end what checks of the daemon before left behind in a learner's service. */
void execs_sweep(struct session *s, struct slot *slot);
