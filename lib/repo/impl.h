/* impl.h - what the files of lib/repo share; nobody else includes it. */
#pragma once

#include "base/list.h"
#include "base/str.h"
#include "repo/repo.h"

#define TREES_KEPT  8 /* of a repository, besides those that its labs need */
#define RUNNING_MAX 4 /* syncs at once */

struct repo {
	struct repos *m;
	char *name, *url, *ref, *commit, *error;
	bool has_key, stored, removing;
	int64_t added_ms, synced_ms;
	struct repo_lab *labs;
	size_t n_labs;
	struct sync *sync; /* that runs */
};

struct sync_listener {
	sync_cb fn;
	void *arg;
};

struct repos {
	struct loop *loop;
	struct store *store;
	struct worker *io;
	char *folder, *lab_fetch;
	struct repo **items;
	size_t n, cap;
	struct list syncs; /* oldest first */
	size_t n_syncs, running;
	struct sync_listener *listeners;
	size_t n_listeners, cap_listeners;
	bool stopped;
};

void repo_labs_free(struct repo_lab *labs, size_t n);
struct repo_lab *repo_labs_copy(const struct repo_lab *labs, size_t n);

/* repos.c: rows of the repository and its labs, in place of those that were there. */
void repo_put(struct tx *t, const struct repo *r);
void repo_drop(struct repo *r); /* out of the list, and free */

/* sync.c */
/* The caller has seen that there is room and that none runs for it. */
struct sync *sync_begin(struct repo *r, enum sync_kind kind, char *take_credential);
void syncs_stop(struct repos *m);
void syncs_free(struct repos *m);

/* --- kept.c: the folder of a repository; everything blocks --- */

struct kept_entry {
	struct list link;
	char *path;
	int mode;
	bool dir, more; /* more: of the file that is there */
	struct buf data;
};

/* Write entries below the folder, parents before children. */
int kept_write(const char *folder, struct list *entries, struct err *e);
void kept_entries_free(struct list *entries);
/* The tree that was written becomes <folder>/<commit>, on the disk whole or not at all. */
int kept_settle(const char *part, const char *folder, const char *commit, struct err *e);
/* Remove the oldest trees but these commits. */
void kept_prune(const char *folder, char *const *commits);
/* What a sync that was killed left in the folder of all repositories. */
int kept_clean(const char *repos, char *const *names, struct err *e);
/* The commit that begins so; NULL: none, or several. */
char *kept_find(const char *folder, const char *beginning);

/* --- judge.c: the labs of a tree; blocks --- */

struct judging {
	const char *tree, *commit;
	char *const *left; /* problems of what was left out of the tree, "SLUG/PATH:..." each */
	const struct repo_lab *known; /* by slug */
	size_t n_known;
};

/*
 * Every lab of the tree against those that are known, by slug. A lab of which something was left
 * out is rejected, and the rest of it removed from the tree. The caller owns the list.
 * Errors: ERR_INVALID (no lab in it), ERR_LIMIT, ERR_IO.
 */
int judge_tree(const struct judging *j, struct repo_lab **ret, size_t *ret_n, struct err *e);
