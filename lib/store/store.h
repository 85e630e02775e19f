/*
 * store.h - the one database: SQLite in WAL mode, written by one db thread.
 *
 * The loop builds a transaction (struct tx) from typed rows and commits it; the completion comes
 * on the loop after the commit is durable (synchronous=FULL). Transactions are carried out in the
 * order of their commit; waiting ones (at most 64) share one SQLite transaction with a savepoint
 * each, and one that the schema refuses does not touch the others. Domain state lives in memory
 * on the loop: everything is read once by store_load() before the loop runs. What is only history
 * is asked with store_query().
 *
 * Degraded: when the disk is full or fails, nothing of the batch under way is kept and every
 * commit fails until store_retry() has worked. A failed fsync is never believed again (the kernel
 * forgets what it could not write), nor is a file that turned out to be damaged: the store stays
 * degraded until the next start, which repairs the one and refuses the other.
 *
 * Nothing is ever deleted but verdicts and repositories; records cannot be, nor changed. A text is
 * at most 16 MiB. All functions are for the loop's thread.
 */
#pragma once

#include "base/err.h"
#include "ev/worker.h"

struct store;
struct tx;

/* --- rows: NULL text is SQL NULL; strings are borrowed for the call -------------------------- */

struct row_session {
	int64_t id;
	const char *name;                          /* drift-retrain-7k2m */
	const char *lab, *source, *digest;         /* slug, folder it came from, content digest */
	const char *commit;                        /* git commit or NULL */
	const char *version;                       /* the lab's, or NULL */
	const char *variant;                       /* of the lab, or NULL */
	unsigned char seed[32];
	const char *state;                         /* word of session/state.tbl.h */
	int64_t gen;
	int64_t created_ms, ready_ms, expires_ms;  /* wall clock; 0 = not yet */
	int64_t keep_until_ms, activity_ms;
	const char *activity;                      /* its source: "terminal trainer" */
	int64_t extended;                          /* how often */
	int64_t warned;                            /* how often, that it ends soon */
	const char *cause;                         /* why it failed or was stopped */
	bool tainted;
	int64_t ended_ms;                          /* gone */
};

struct row_object {
	int64_t id;                                /* the intent number = label labd.intent */
	int64_t session, gen;
	const char *kind;                          /* network volume container exec */
	const char *role, *slot;                   /* role; service, network, volume it is for */
	const char *name;
	const char *engine_id;
	const char *state;                         /* intent unknown live deleting gone */
	const char *spec;                          /* JSON: how it was made (subnet, filled) */
	int64_t epoch, tries, changed_ms;
	const char *last_error;
};

struct row_event {
	int64_t id, session, at_ms;
	const char *kind, *data;                   /* word; JSON object */
	const char *session_name;                  /* only read; also of one that is gone */
};

struct row_verdict {                               /* the last result of a check */
	int64_t session, gen, at_ms, ms, earned_m;
	const char *check, *verdict, *reason, *text, *hint, *output;
	bool quick;                                /* from lab check, not from a grade */
};

struct row_hint {
	int64_t session, cost_m, at_ms;
	const char *task, *hint;
};

struct row_grade {
	int64_t id, session, n;                    /* n: attempt within (lab) */
	const char *key;                           /* idempotency key, unique */
	const char *state;                         /* running done incomplete aborted */
	unsigned char seed[32];
	const char *options;                       /* comma list of phases' options */
	int64_t started_ms, ended_ms;
	const char *result;                        /* JSON as shown to the learner */
	int64_t record_seq;                        /* 0 = no record */
	const char *lab;                           /* slug, or repo/slug */
	const char *session_name;                  /* only read */
};

struct row_record {
	const char *chain;
	int64_t seq;                               /* 1, 2, 3 ... of the chain, without a gap */
	const char *record_id, *body;              /* canonical JSON */
	unsigned char hash[32], sig[64];
	int64_t at_ms;
};

struct row_repo {
	const char *name, *url, *ref;              /* ref NULL = what its HEAD names */
	const char *commit;                        /* of the last sync that worked */
	const char *error;                         /* why the last one failed, or NULL */
	bool has_key;                              /* there is a file with its credential */
	int64_t added_ms, synced_ms;
};

struct row_repo_lab {
	const char *repo, *slug;
	const char *commit, *digest;               /* of the last good one; NULL = none ever */
	const char *state;                         /* what the last sync said */
	const char *problems;                      /* JSON array of lines, or NULL */
};

/* --- opening ---------------------------------------------------------------------------------- */

/*
 * Open or make <folder>/labyard.db (0600), take the folder's lock, check, migrate, raise the
 * epoch. Blocking. A doubt changes nothing and is told with what to do.
 *
 * Errors: ERR_EXISTS (another labd holds the folder; the text has its process id), ERR_STATE
 * (damaged, missing although <folder>/install says it was there, of another installation, of
 * another program, or of a newer labd), ERR_IO, ERR_NO_SPACE.
 */
int store_open(struct store **ret, struct loop *l, const char *folder, struct err *e);

/* Commits what waits and delivers every completion. Not from inside a completion. */
void store_free(struct store *s);
DEFINE_CLEANUP(struct store *, store_free)

const char *store_install(const struct store *s); /* uuid, made with the database */
int64_t store_epoch(const struct store *s);       /* raised at each open */

/* Unique over all tables and epochs, for sessions, objects, events, grades. 1 is the first. */
int64_t store_next_id(struct store *s);

struct store_loader {
	void *arg;
	void (*session)(void *arg, const struct row_session *r); /* not gone */
	void (*object)(void *arg, const struct row_object *r);   /* not gone */
	void (*verdict)(void *arg, const struct row_verdict *r); /* of sessions not gone */
	void (*hint)(void *arg, const struct row_hint *r);       /* of sessions not gone */
	void (*grade)(void *arg, const struct row_grade *r);     /* all, oldest first */
	void (*record)(void *arg, const struct row_record *r);   /* the last of each chain */
	void (*repo)(void *arg, const struct row_repo *r);
	void (*repo_lab)(void *arg, const struct row_repo_lab *r);
};

/*
 * Blocking; before the loop runs. Kinds of rows come in the order above; NULL = not wanted. What is
 * committed meanwhile, also from inside a callback, is written when the loop turns: the one
 * connection cannot be read here and written by the db thread at once.
 */
int store_load(struct store *s, const struct store_loader *to, struct err *e);

/* --- writing ---------------------------------------------------------------------------------- */

/*
 * err is never NULL; code 0 = durable. After an error nothing of the transaction is there.
 * Codes: ERR_NO_SPACE, ERR_IO (the store is degraded), ERR_EXISTS (a unique value is in use, for
 * example a grade's key), ERR_STATE (a record that is not the next of its chain), ERR_LIMIT (a
 * text over 16 MiB), ERR_INTERNAL (a row that the schema refuses).
 */
typedef void (*store_done)(void *arg, const struct err *err);

struct tx *tx_new(struct store *s);
void tx_session(struct tx *t, const struct row_session *r); /* insert or replace by id */
void tx_object(struct tx *t, const struct row_object *r);   /* insert or replace by id */
void tx_event(struct tx *t, const struct row_event *r);     /* insert */
void tx_verdict(struct tx *t, const struct row_verdict *r); /* replaces by (session, check) */
void tx_clear_verdicts(struct tx *t, int64_t session);
void tx_hint(struct tx *t, const struct row_hint *r);       /* the first stays */
void tx_grade(struct tx *t, const struct row_grade *r);     /* insert or replace by id */
void tx_record(struct tx *t, const struct row_record *r);   /* append */
void tx_repo(struct tx *t, const struct row_repo *r);       /* insert or replace by name */
void tx_clear_repo(struct tx *t, const char *name);
void tx_repo_lab(struct tx *t, const struct row_repo_lab *r); /* by (repo, slug) */
void tx_clear_repo_labs(struct tx *t, const char *repo);

/* Hand over; takes t. done (may be NULL) comes on the loop, exactly once, never from inside. */
void tx_commit(struct tx *t, store_done done, void *arg);
void tx_free(struct tx *t); /* not committed */

/* Nothing waits or is under way: nobody is going to be called back. */
bool store_idle(const struct store *s);

/* NULL when the store works; else why not. */
const struct err *store_degraded(const struct store *s);

/* Try whether it works again; at most one try is under way. Every few seconds while degraded. */
void store_retry(struct store *s);

/* --- history ---------------------------------------------------------------------------------- */

enum store_query_kind {
	QUERY_EVENTS,  /* of session (0 = all), ids above `after`, oldest first */
	QUERY_LAST_EVENTS, /* the newest of all sessions, oldest first */
	/*
	 * Of lab `text` (a slug: of every lab that has it; NULL = all), ids below `after` (0 =
	 * all), newest first.
	 */
	QUERY_GRADES,
	QUERY_RECORDS, /* of chain `text`, from seq `after`, in order */
};

struct store_query {
	enum store_query_kind kind;
	int64_t session, after;
	const char *text; /* lab or chain */
	int limit;        /* at most 1000 */
};

struct store_rows {
	void (*event)(void *arg, const struct row_event *r);
	void (*grade)(void *arg, const struct row_grade *r);
	void (*record)(void *arg, const struct row_record *r);
	store_done done;
};

/*
 * The query and the callbacks are copied. What was committed before is seen. The rows arrive on
 * the loop, then done, exactly once and never from inside; after an error no row has come.
 * Codes: ERR_CAPACITY (64 questions are under way), ERR_LIMIT (rows over 32 MiB together),
 * ERR_CANCELED (the store is being closed), ERR_IO.
 */
void store_query(struct store *s, const struct store_query *q, const struct store_rows *rows,
	void *arg);
