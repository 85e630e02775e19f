/*
 * repo.h - repositories of labs: adding, syncing, removing them, and finding a lab in one.
 *
 * A sync fetches the commit that the repository's ref names (lab-fetch), reads every lab of its
 * tree, and keeps the tree below <state>/repos/<name>/<commit>. A lab that is not good, or in whose
 * folder an entry was not accepted, is rejected with its problems, and its last good commit stays.
 * Entries that concern all labs refuse the sync. Everything of a sync is committed at once, or
 * nothing: one that fails, is killed or finds the disk full changes nothing. What a learner has
 * started was copied at its start (catalog_snapshot), so neither a force-push nor a removal touches
 * it.
 *
 * Beside the trees a repository has its key file (0600). All functions are for the loop's thread.
 */
#pragma once

#include "content/fetch.h"
#include "ev/worker.h"
#include "store/store.h"

struct repos;
struct repo;
struct sync;

struct repos_config {
	const char *state;     /* the daemon's state folder */
	const char *lab_fetch; /* program */
};

/*
 * Loads what the store has, and removes what a sync that was killed left behind. Blocking; before
 * the loop runs. Errors: as store_load, ERR_IO.
 */
int repos_new(struct repos **ret, struct loop *l, struct store *store, struct worker *io,
	const struct repos_config *c, struct err *e);
void repos_stop(struct repos *m); /* ends what runs; while io and store still are */
void repos_free(struct repos *m); /* after store_free(); NULL is fine */

/* --- what there is --- */

enum repo_lab_state {
	REPO_LAB_NEW,
	REPO_LAB_CHANGED,
	REPO_LAB_UNCHANGED,
	REPO_LAB_REJECTED,
	REPO_LAB_REMOVED
};
const char *repo_lab_state_name(enum repo_lab_state s);

/* A lab by the last sync. Commit and digest are of its last good one; NULL when none ever was. */
struct repo_lab {
	char *slug, *commit, *digest;
	enum repo_lab_state state;
	char **problems; /* why the newest one is rejected, a line each; NULL when it is not */
};

struct repo_info {
	const char *name, *url;
	const char *ref;    /* NULL = the repository's HEAD */
	const char *commit; /* of the last sync that worked */
	const char *error;  /* why the last one failed, or NULL */
	bool has_key;
	int64_t added_ms, synced_ms; /* wall clock */
	const struct repo_lab *labs; /* by slug */
	size_t n_labs;
	int64_t sync; /* id of the one that runs, 0 = none */
};

size_t repos_count(const struct repos *m);
struct repo *repos_at(const struct repos *m, size_t i); /* in the order of their names */
struct repo *repos_by_name(const struct repos *m, const char *name); /* NULL when there is none */
void repo_info(const struct repo *r, struct repo_info *ret);

/* --- changing --- */

struct repo_spec {
	const char *url;
	const char *name;       /* NULL = the last part of the address */
	const char *ref;        /* or NULL */
	const char *credential; /* content of a key file, or NULL */
};

/*
 * Add one; it is there when its first sync has worked. Errors: ERR_USAGE (address, name, ref),
 * ERR_EXISTS, ERR_CAPACITY (four syncs run), ERR_LIMIT (100 repositories).
 */
int repos_add(struct repos *m, const struct repo_spec *spec, struct sync **ret, struct err *e);

/* The latter two change nothing: what would change; which commit the ref names now. */
enum sync_kind { SYNC_FULL, SYNC_DRY, SYNC_COMMIT };
const char *sync_kind_name(enum sync_kind k);
bool sync_kind_parse(const char *word, enum sync_kind *ret);

/* Errors: ERR_STATE (one runs already), ERR_CAPACITY. */
int repo_sync(struct repo *r, enum sync_kind kind, struct sync **ret, struct err *e);

/* The labs that were started from it go on. done comes when it is durable. Errors: ERR_STATE. */
void repo_remove(struct repo *r, store_done done, void *arg);

/* --- a sync: the last 32 are known --- */

enum sync_state { SYNC_RUNNING, SYNC_DONE, SYNC_FAILED, SYNC_CANCELED };
const char *sync_state_name(enum sync_state s);

struct sync_info {
	int64_t id;
	const char *repo;
	enum sync_kind kind;
	enum sync_state state;
	const char *phase; /* "fetch", "read" or "check" */
	struct fetch_progress progress;
	const char *commit; /* NULL = not known yet */
	int64_t started_ms, ended_ms;
	struct err err;
	const struct repo_lab *labs; /* when it is done */
	size_t n_labs;
};

struct sync *repos_sync(const struct repos *m, int64_t id);
void sync_info(const struct sync *s, struct sync_info *ret);
void sync_cancel(struct sync *s);

/* Called for every progress, and at the end; never from inside another call. */
typedef void (*sync_cb)(void *arg, struct sync *s);
void repos_listen(struct repos *m, sync_cb fn, void *arg);
void repos_unlisten(struct repos *m, sync_cb fn, void *arg);

/* --- finding a lab --- */

/* Where a lab is. The strings are the caller's. */
struct lab_place {
	char *folder;               /* for catalog_load() */
	char *slug, *repo, *commit; /* repo and commit NULL: of the catalogue */
	bool exact;                 /* the commit was asked for */
};
void lab_place_done(struct lab_place *p);
char *lab_place_name(const struct lab_place *p); /* slug, or repo/slug; the caller owns it */

/*
 * "slug" (the catalogue's, else the only repository's that has it), "repo/slug" (its last good
 * commit) or "repo/slug@commit" (at least 7 digits of one that was synced and is still kept). A
 * slug that nobody has is looked for in the catalogue, whose folder is `labs`.
 * Errors: ERR_NOT_FOUND, ERR_USAGE (several have it, no such form), ERR_INVALID (never good).
 */
int repos_find(const struct repos *m, const char *labs, const char *word, struct lab_place *ret,
	struct err *e);
