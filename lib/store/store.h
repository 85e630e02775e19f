/*
 * store.h - the one database: SQLite in WAL mode, written by one db thread.
 *
 * The loop builds a transaction (struct tx) from typed rows and commits it; tx_commit's completion
 * comes on the loop after the commit is durable (synchronous=FULL). Transactions are carried out in the order of their commit; waiting
 * ones (at most 64) share one SQLite transaction with a savepoint each. Domain state lives in memory on the loop: everything is
 * read once by store_load() before the loop runs. What is only history is asked with store_query().
 *
 * After ERR_NO_SPACE or ERR_IO the store is degraded: every commit fails until store_retry() works.
 */
#pragma once

#include "base/err.h"
#include "ev/worker.h"

struct store;
struct tx;

/* --- rows: NULL text is SQL NULL; strings are borrowed for the call -------------------------- */

struct row_session {
	int64_t id;
	const char *name; /* drift-retrain-7k2m */
	const char *lab, *source, *digest, *commit, *version; /* slug, folder it came from, content digest, git commit or NULL, lab's version */
	unsigned char seed[32];
	const char *state, *desired; /* words of session/state.tbl.h */
	int64_t gen;
	int64_t created_ms, ready_ms, expires_ms, keep_until_ms, activity_ms; /* wall clock; 0 = not yet */
	const char *activity; /* its source: "terminal trainer" */
	int64_t extended;     /* how often */
	const char *cause;    /* why it failed or was stopped */
	bool tainted;
	int64_t ended_ms;     /* gone */
};

struct row_object {
	int64_t id; /* the intent number = label labd.intent */
	int64_t session, gen;
	const char *kind;  /* network volume container exec */
	const char *role, *slot; /* role; service, network or volume name it stands for */
	const char *name;
	const char *engine_id;
	const char *state; /* intent unknown live deleting gone */
	const char *spec;  /* what must be remembered of how it was made (JSON): subnet, filled, container of an exec */
	int64_t epoch, tries, changed_ms;
	const char *last_error;
};

struct row_event {
	int64_t id, session, at_ms;
	const char *kind, *data; /* word; JSON object */
};

struct row_verdict { /* last result of a check in a session's generation */
	int64_t session, gen, at_ms, ms, earned_m;
	const char *check, *verdict, *reason, *text, *hint, *output;
	bool quick; /* from lab check, not from a grade */
};

struct row_hint {
	int64_t session, cost_m, at_ms;
	const char *task, *hint;
};

struct row_grade {
	int64_t id, session, n; /* n: attempt within (lab) */
	const char *key;        /* idempotency key, unique */
	const char *state;      /* running done incomplete aborted */
	unsigned char seed[32];
	const char *options;    /* comma list of phases' options */
	int64_t started_ms, ended_ms;
	const char *result;     /* JSON as shown to the learner */
	int64_t record_seq;     /* 0 = no record */
	const char *lab;
};

struct row_record { /* append-only; a trigger refuses UPDATE and DELETE */
	const char *chain;
	int64_t seq;
	const char *record_id, *body; /* canonical JSON */
	unsigned char hash[32], sig[64];
	int64_t at_ms;
};

/* --- opening ---------------------------------------------------------------------------------- */

/*
 * Open or make <folder>/labyard.db (0600), migrate, check quickly, take the folder's flock.
 * Errors: ERR_EXISTS (another labd holds the folder; the text has its pid), ERR_STATE (database of a newer program, or damaged: the
 * text says what to do, nothing is changed), ERR_IO, ERR_NO_SPACE.
 */
int store_open(struct store **ret, struct loop *l, const char *folder, struct err *e);
void store_free(struct store *s); /* commits what waits, delivers completions */
DEFINE_CLEANUP(struct store *, store_free)

const char *store_install(const struct store *s); /* uuid, made with the database */
int64_t store_epoch(const struct store *s);       /* raised at each open */
int64_t store_next_id(struct store *s);           /* unique over all tables and epochs, for sessions, objects, events, grades */

struct store_loader {
	void *arg;
	void (*session)(void *arg, const struct row_session *r);
	void (*object)(void *arg, const struct row_object *r);   /* not gone */
	void (*verdict)(void *arg, const struct row_verdict *r); /* of sessions not gone */
	void (*hint)(void *arg, const struct row_hint *r);
	void (*grade)(void *arg, const struct row_grade *r);     /* all, oldest first */
	void (*record)(void *arg, const struct row_record *r);   /* the last of each chain */
};
/* Blocking; before the loop runs. Sessions that are not gone. Any callback may be NULL. */
int store_load(struct store *s, const struct store_loader *to, struct err *e);

/* --- writing ---------------------------------------------------------------------------------- */

typedef void (*store_done)(void *arg, const struct err *err);

struct tx *tx_new(struct store *s);
void tx_session(struct tx *t, const struct row_session *r); /* insert or replace by id */
void tx_object(struct tx *t, const struct row_object *r);
void tx_event(struct tx *t, const struct row_event *r);     /* insert */
void tx_verdict(struct tx *t, const struct row_verdict *r); /* by (session, check) */
void tx_clear_verdicts(struct tx *t, int64_t session);
void tx_hint(struct tx *t, const struct row_hint *r);
void tx_grade(struct tx *t, const struct row_grade *r);     /* by id */
void tx_record(struct tx *t, const struct row_record *r);
/* Hand over. done (may be NULL) comes on the loop, exactly once, after durability. Takes t. */
void tx_commit(struct tx *t, store_done done, void *arg);
void tx_free(struct tx *t); /* not committed */

/* NULL when the store works; else why not. */
const struct err *store_degraded(const struct store *s);
void store_retry(struct store *s); /* on the loop, every few seconds while degraded */

/* --- history ---------------------------------------------------------------------------------- */

enum store_query_kind {
	QUERY_EVENTS,   /* by session (0 = all), after id, at most limit, oldest first -> event rows */
	QUERY_GRADES,   /* by lab (NULL = all), newest first -> grade rows */
	QUERY_RECORDS,  /* by chain, from seq -> record rows */
};
struct store_query {
	enum store_query_kind kind;
	int64_t session, after;
	const char *text; /* lab or chain */
	int limit;
};
/* Rows arrive on the loop, then done. Runs on the db thread. Same lifetime rules as tx_commit. */
struct store_rows {
	void (*event)(void *arg, const struct row_event *r);
	void (*grade)(void *arg, const struct row_grade *r);
	void (*record)(void *arg, const struct row_record *r);
	store_done done;
};
void store_query(struct store *s, const struct store_query *q, const struct store_rows *rows, void *arg);
