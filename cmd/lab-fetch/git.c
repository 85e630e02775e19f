/* git.c - one job: where the commit comes from, and its tree. */
#include "git.h"
#include "base/fsutil.h"
#include "base/str.h"
#include "content/frame.h"
#include "gitremote.h"
#include "gitwalk.h"

static int no_repository(const struct giturl *at, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND, "there is no repository at '%s'", at->text);
}

int git_prepare(const struct fetch_git *g, const struct giturl *at, struct err *e)
{
	static const git_config_level_t levels[] = {GIT_CONFIG_LEVEL_PROGRAMDATA,
		GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL};
	int r;

	/* libgit2 looks there for known hosts, and nobody's configuration is to be found */
	if (setenv("HOME", g->scratch, 1) < 0)
		return err_sys(e, ERR_INTERNAL, "cannot set HOME");
	r = git_libgit2_init();
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(levels); i++)
		r = git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
	if (r >= 0)
		r = git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1);
	if (r < 0)
		return err_set(e, ERR_INTERNAL, "cannot set up libgit2");
	if (at->kind != GITURL_PATH)
		return gitremote_prepare(g, at, e);
	return fs_is_dir(at->text) ? 0 : no_repository(at, e);
}

/* --- a repository of this machine, which is read where it is --- */

static int local_ref(git_repository *repository, const char *ref, git_oid *ret)
{
	static const char *const forms[] = {"refs/heads/", "refs/tags/", ""};
	int r = GIT_ENOTFOUND;

	if (!ref)
		return git_reference_name_to_id(ret, repository, "HEAD");
	if (strlen(ref) == COMMIT_HEX - 1 && git_oid_fromstr(ret, ref) == 0)
		return 0;
	for (size_t i = 0; r == GIT_ENOTFOUND && i < ARRAY_SIZE(forms); i++) {
		_cleanup_free_ char *name = strf("%s%s", forms[i], ref);

		if (*forms[i] || str_starts(ref, "refs/"))
			r = git_reference_name_to_id(ret, repository, name);
	}
	return r == GIT_EINVALIDSPEC ? GIT_ENOTFOUND : r;
}

static int open_local(git_repository **ret, git_oid *ret_commit, const struct fetch_git *g,
	const struct giturl *at, struct err *e)
{
	git_object *object = NULL, *commit = NULL;
	int r = git_repository_open_ext(ret, at->text, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);

	if (r == GIT_ENOTFOUND)
		return no_repository(at, e);
	if (r < 0)
		return git_fail(r, "cannot open", at, e);
	r = local_ref(*ret, g->ref, ret_commit);
	if (r == GIT_ENOTFOUND)
		return g->ref ? err_set(e, ERR_NOT_FOUND, "'%s' has no branch or tag '%.100s'",
					at->text, g->ref)
			      : err_set(e, ERR_NOT_FOUND, "'%s' has no commit yet", at->text);
	if (r == 0)
		r = git_object_lookup(&object, *ret, ret_commit, GIT_OBJECT_ANY);
	if (r == GIT_ENOTFOUND)
		return err_set(e, ERR_NOT_FOUND, "'%s' has no commit '%.100s'", at->text,
			g->ref ? g->ref : "HEAD");
	if (r == 0)
		r = git_object_peel(&commit, object, GIT_OBJECT_COMMIT);
	if (r == 0)
		*ret_commit = *git_object_id(commit);
	git_object_free(object);
	git_object_free(commit);
	return r < 0 ? git_fail(r, "cannot read", at, e) : 0;
}

/* --- the job --- */

int git_run(const struct git_io *io, const struct fetch_git *g, const struct giturl *at,
	const struct fetch_limits *limits, struct err *e)
{
	git_repository *repository = NULL;
	char hex[GIT_OID_HEXSZ + 1];
	git_oid commit;
	int r = at->kind == GITURL_PATH ? open_local(&repository, &commit, g, at, e)
					: gitremote_fetch(&repository, &commit, io, g, at, e);

	if (r == 0) {
		git_oid_tostr(hex, sizeof(hex), &commit);
		r = io->commit(io->arg, hex, e);
	}
	if (r == 0 && !g->peek && !str_same(hex, g->have))
		r = gitwalk(repository, &commit, io, at, limits, e);
	git_repository_free(repository);
	return r;
}
