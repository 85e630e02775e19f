/*
 * repos.h - bare repositories for tests, written object by object: also such as git would not make.
 */
#pragma once

#include "base/buf.h"
#include "base/fsutil.h"
#include "base/str.h"

#include <git2.h>

struct repo {
	git_repository *git;
	git_odb *odb;
};

static inline void repo_check(int r)
{
	if (r < 0) {
		fprintf(stderr, "libgit2: %s\n", git_error_last()->message);
		abort();
	}
}

static inline void repo_make(struct repo *r, const char *path)
{
	repo_check(git_libgit2_init());
	repo_check(git_repository_init(&r->git, path, true));
	repo_check(git_repository_odb(&r->odb, r->git));
}

static inline void repo_open(struct repo *r, const char *path)
{
	repo_check(git_libgit2_init());
	repo_check(git_repository_open_bare(&r->git, path));
	repo_check(git_repository_odb(&r->odb, r->git));
}

static inline void repo_done(struct repo *r)
{
	git_odb_free(r->odb);
	git_repository_free(r->git);
	git_libgit2_shutdown();
}

static inline git_oid repo_object(struct repo *r, git_object_t type, const void *p, size_t n)
{
	git_oid id;

	repo_check(git_odb_write(&id, r->odb, p, n, type));
	return id;
}

static inline git_oid repo_blob(struct repo *r, const char *text)
{
	return repo_object(r, GIT_OBJECT_BLOB, text, strlen(text));
}

/* One entry of a tree that is being written. */
static inline void tree_add(struct buf *tree, const char *mode, const char *name, git_oid id)
{
	(void)buf_addf(tree, "%s %s", mode, name);
	(void)buf_add(tree, "", 1);
	(void)buf_add(tree, id.id, 20);
}

/* Ends it. */
static inline git_oid repo_tree(struct repo *r, struct buf *tree)
{
	git_oid id = repo_object(r, GIT_OBJECT_TREE, buf_str(tree), tree->len);

	buf_done(tree);
	return id;
}

/* A commit of the tree on a branch, whatever was on it before. Gives its name in hex. */
static inline void repo_commit(
	struct repo *r, const char *branch, git_oid tree, const char *message, char hex[static 41])
{
	_cleanup_free_ char *ref = strf("refs/heads/%s", branch);
	char name[41];
	git_reference *made;

	git_oid_tostr(name, sizeof(name), &tree);
	_cleanup_free_ char *text = strf("tree %s\nauthor A <a@example> 1700000000 +0000\n"
					 "committer A <a@example> 1700000000 +0000\n\n%s\n",
		name, message);
	git_oid id = repo_object(r, GIT_OBJECT_COMMIT, text, strlen(text));
	repo_check(git_reference_create(&made, r->git, ref, &id, true, NULL));
	git_reference_free(made);
	repo_check(git_repository_set_head(r->git, ref));
	git_oid_tostr(hex, 41, &id);
}
