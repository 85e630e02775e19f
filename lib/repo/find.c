/* find.c - from what a user calls a lab to the folder where it is. */
#include "base/fsutil.h"
#include "repo/impl.h"

#define COMMIT_MIN 7

void lab_place_done(struct lab_place *p)
{
	free(p->folder);
	free(p->slug);
	free(p->repo);
	free(p->commit);
	*p = (struct lab_place){0};
}

char *lab_place_name(const struct lab_place *p)
{
	return p->repo ? strf("%s/%s", p->repo, p->slug) : xstrdup(p->slug);
}

static const struct repo_lab *lab_of(const struct repo *r, const char *slug)
{
	for (size_t i = 0; i < r->n_labs; i++)
		if (streq(r->labs[i].slug, slug))
			return &r->labs[i];
	return NULL;
}

static int no_lab(const struct repo *r, const char *slug, struct err *e)
{
	_cleanup_free_ const char **slugs = xcalloc(r->n_labs + 1, sizeof(*slugs));

	for (size_t i = 0; i < r->n_labs; i++)
		slugs[i] = r->labs[i].slug;
	const char *near = str_nearest(slug, slugs, r->n_labs);
	return err_set(e, ERR_NOT_FOUND, "repository '%s' has no lab '%.64s'%s%s%s", r->name, slug,
		near ? "; did you mean '" : "; see 'lab repo list'", near ? near : "",
		near ? "'?" : "");
}

static int never_good(const struct repo *r, const struct repo_lab *l, struct err *e)
{
	return err_set(e, ERR_INVALID, "'%s/%s' has never been good: %s", r->name, l->slug,
		l->problems && *l->problems ? *l->problems : "see 'lab repo list'");
}

/* commit: NULL = the last good one. */
static int place(struct lab_place *p, const struct repo *r, const char *slug, const char *commit,
	struct err *e)
{
	const struct repo_lab *l = lab_of(r, slug);
	_cleanup_free_ char *folder = strf("%s/%s", r->m->folder, r->name), *found = NULL;

	if (!commit && !l)
		return no_lab(r, slug, e);
	if (!commit && !l->commit)
		return never_good(r, l, e);
	found = commit ? kept_find(folder, commit) : xstrdup(l->commit);
	if (!found)
		return err_set(e, ERR_NOT_FOUND,
			"commit '%s' of '%s' is not kept here, or several begin so: 'lab repo "
			"sync' fetches what the ref names",
			commit, r->name);
	*p = (struct lab_place){
		.folder = strf("%s/%s", folder, found),
		.slug = xstrdup(slug),
		.repo = xstrdup(r->name),
		.commit = TAKE(found),
		.exact = commit != NULL,
	};
	return 0;
}

static int find_in(const struct repos *m, const char *word, const char *slash,
	struct lab_place *ret, struct err *e)
{
	const char *at = strchr(slash, '@');
	_cleanup_free_ char *name = xstrndup(word, (size_t)(slash - word)),
			    *slug = xstrndup(
				    slash + 1, at ? (size_t)(at - slash - 1) : strlen(slash + 1));
	const struct repo *r = repos_by_name(m, name);

	if (at && (strlen(at + 1) < COMMIT_MIN || strlen(at + 1) > COMMIT_HEX - 1 ||
			  at[1 + strspn(at + 1, "0123456789abcdef")]))
		return err_set(e, ERR_USAGE, "'%.64s' is no commit: at least %d hex digits", at + 1,
			COMMIT_MIN);
	if (!r || !r->stored || r->removing)
		return err_set(e, ERR_NOT_FOUND,
			"there is no repository '%.64s': 'lab repo list' shows them", name);
	return place(ret, r, slug, at ? at + 1 : NULL, e);
}

int repos_find(const struct repos *m, const char *labs, const char *word, struct lab_place *ret,
	struct err *e)
{
	_cleanup_free_ char *bundled = strf("%s/%s/lab.yaml", labs, word);
	const char *slash = strchr(word, '/');
	const struct repo *only = NULL;

	if (slash)
		return find_in(m, word, slash, ret, e);
	for (size_t i = 0; i < m->n && !fs_exists(bundled); i++) {
		const struct repo *r = m->items[i];

		if (r->removing || !lab_of(r, word))
			continue;
		if (only)
			return err_set(e, ERR_USAGE,
				"several repositories have '%s': name one, "
				"'%s/%s' or '%s/%s'",
				word, only->name, word, r->name, word);
		only = r;
	}
	if (only)
		return place(ret, only, word, NULL, e);
	*ret = (struct lab_place){.folder = xstrdup(labs), .slug = xstrdup(word)};
	return 0;
}
