/*
 * gitwalk.c - the tree of one commit as entries.
 *
 * What is visited is counted, not what is stored: a small repository may name the same folder a
 * thousand million times. A blob's size is asked for before the blob.
 */
#include "gitwalk.h"
#include "base/str.h"
#include "content/rules.h"
#include "gitremote.h"

#define PIECE 65536

struct walk {
	git_repository *repository;
	git_odb *odb;
	const struct git_io *io;
	const struct giturl *at;
	struct rules *rules;
	bool leave_out;
};

static int damaged(const struct walk *w, int code, const char *path, struct err *e)
{
	git_fail(code, "cannot read", w->at, e);
	return err_wrap(e, "'%.200s'", path);
}

/* --- files --- */

static int send_blob(const struct walk *w, git_odb_object *blob, struct err *e)
{
	const char *p = git_odb_object_data(blob);
	size_t left = git_odb_object_size(blob);
	int r = 0;

	for (size_t n; r == 0 && left; p += n, left -= n) {
		n = MIN(left, (size_t)PIECE);
		r = w->io->data(w->io->arg, p, n, e);
	}
	return r;
}

static int walk_file(
	const struct walk *w, const char *path, int mode, const git_oid *id, struct err *e)
{
	struct fetch_entry t = {.path = path, .mode = mode};
	git_odb_object *blob = NULL;
	git_object_t type;
	int r = git_odb_read_header(&t.size, &type, w->odb, id);

	if (r < 0)
		return damaged(w, r, path, e);
	if (type != GIT_OBJECT_BLOB)
		return rules_refuse(w->rules, path, "is said to be a file, and is none", e);
	r = rules_check(w->rules, &t, e);
	if (r < 0)
		return r;
	r = git_odb_read(&blob, w->odb, id);
	if (r < 0)
		return damaged(w, r, path, e);
	if (git_odb_object_size(blob) != t.size)
		r = rules_refuse(w->rules, path, "is not as large as it says", e);
	if (r == 0)
		r = w->io->entry(w->io->arg, &t, e);
	if (r == 0)
		r = send_blob(w, blob, e);
	git_odb_object_free(blob);
	return r;
}

/* --- folders --- */

static int walk_folder(const struct walk *w, const char *path, const git_oid *id, struct err *e);

static int enter_folder(const struct walk *w, const char *path, const git_oid *id, struct err *e)
{
	struct fetch_entry t = {.path = path, .mode = 0755, .dir = true};
	int r = rules_check(w->rules, &t, e);

	if (r == 0)
		r = w->io->entry(w->io->arg, &t, e);
	return r == 0 ? walk_folder(w, path, id, e) : r;
}

static const char *bad_mode(int mode)
{
	switch (mode & 0170000) {
	case 0120000:
		return "is a symbolic link";
	case 0160000:
		return "is a submodule";
	case 0100000:
		return "has a mode other than 100644 and 100755";
	default:
		return "is of a kind that is not known";
	}
}

static int take_entry(
	const struct walk *w, const char *path, const git_tree_entry *entry, struct err *e)
{
	int mode = (int)git_tree_entry_filemode_raw(entry);

	if (strchr(git_tree_entry_name(entry), '/'))
		return rules_refuse(w->rules, path, "has a '/' within one name", e);
	if (mode == 0040000)
		return enter_folder(w, path, git_tree_entry_id(entry), e);
	if (mode == 0100644 || mode == 0100755)
		return walk_file(w, path, mode & 0777, git_tree_entry_id(entry), e);
	return rules_refuse(w->rules, path, bad_mode(mode), e);
}

/* What lies in the folder of one lab concerns that one; '_images' and '_lib' are of all. */
static int leave_out(const struct walk *w, const char *path, int code, struct err *e)
{
	char why[RULES_WHY];
	int r;

	if (!w->leave_out || !rules_why(w->rules, why))
		return code;
	r = rules_leave_out(w->rules, e);
	return r == 0 ? w->io->left_out(w->io->arg, path, why, e) : r;
}

static int walk_entry(
	const struct walk *w, const char *folder, const git_tree_entry *entry, struct err *e)
{
	_cleanup_free_ char *path =
		strf("%s%s%s", folder, *folder ? "/" : "", git_tree_entry_name(entry));
	int r = take_entry(w, path, entry, e);

	return r < 0 && *folder && *folder != '_' ? leave_out(w, path, r, e) : r;
}

static int walk_folder(const struct walk *w, const char *path, const git_oid *id, struct err *e)
{
	git_tree *tree;
	int r = git_tree_lookup(&tree, w->repository, id);

	if (r < 0)
		return damaged(w, r, *path ? path : "/", e);
	for (size_t i = 0; r == 0 && i < git_tree_entrycount(tree); i++)
		r = walk_entry(w, path, git_tree_entry_byindex(tree, i), e);
	git_tree_free(tree);
	return r;
}

/* --- the commit --- */

static int find_commit(const struct walk *w, const git_oid *id, git_commit **ret, struct err *e)
{
	char hex[GIT_OID_HEXSZ + 1];
	git_object *object = NULL;
	int r = git_object_lookup(&object, w->repository, id, GIT_OBJECT_ANY);

	if (r == GIT_ENOTFOUND)
		return err_set(e, ERR_NOT_FOUND, "no branch of '%s' has the commit %s", w->at->text,
			git_oid_tostr(hex, sizeof(hex), id));
	if (r == 0)
		r = git_object_peel((git_object **)ret, object, GIT_OBJECT_COMMIT);
	git_object_free(object);
	return r < 0 ? git_fail(r, "cannot find the commit in", w->at, e) : 0;
}

int gitwalk(git_repository *repository, const git_oid *commit, const struct git_io *io,
	const struct giturl *at, const struct fetch_limits *limits, struct err *e)
{
	struct walk w = {
		.repository = repository, .io = io, .at = at, .leave_out = limits->leave_out};
	git_commit *c = NULL;
	int r = git_repository_odb(&w.odb, repository);

	if (r < 0)
		return git_fail(r, "cannot read", at, e);
	w.rules = rules_new(limits);
	r = find_commit(&w, commit, &c, e);
	if (r == 0)
		r = walk_folder(&w, "", git_commit_tree_id(c), e);
	git_commit_free(c);
	rules_free(w.rules);
	git_odb_free(w.odb);
	return r;
}
