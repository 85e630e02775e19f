/* judge.c - the labs of a tree: which are new, which changed, which are not good. */
#include "base/fsutil.h"
#include "lab/catalog.h"
#include "repo/impl.h"

#define PROBLEMS_SHOWN 20 /* of a lab: the rest would be noise */

static const struct repo_lab *known_lab(const struct repo_lab *known, size_t n, const char *slug)
{
	for (size_t i = 0; i < n; i++)
		if (streq(known[i].slug, slug))
			return &known[i];
	return NULL;
}

/* The lines of problems begin at the repository's top, not with a folder of ours. */
static void keep_problems(
	struct repo_lab *lab, const char *tree, const struct problems *p, const struct err *e)
{
	_cleanup_free_ char *lead = strf("%s/", tree);

	lab->problems = strv_new();
	for (size_t i = 0; i < p->n && strv_len(lab->problems) < PROBLEMS_SHOWN; i++) {
		_cleanup_free_ char *line = problem_line(&p->items[i]);

		if (!p->items[i].warning)
			strv_add(&lab->problems,
				str_starts(line, lead) ? line + strlen(lead) : line);
	}
	if (!lab->problems[0])
		strv_add(&lab->problems, e->text);
}

static void judge_lab(
	struct repo_lab *lab, const char *tree, const char *commit, const struct repo_lab *known)
{
	_cleanup_(lab_freep) struct lab *l = NULL;
	struct problems problems = {0};
	struct err e = ERR_NONE;

	if (catalog_load(tree, lab->slug, &l, &problems, &e) == 0) {
		str_set(&lab->commit, commit);
		str_set(&lab->digest, l->digest);
		lab->state = !known || !known->digest          ? REPO_LAB_NEW
			     : streq(known->digest, l->digest) ? REPO_LAB_UNCHANGED
							       : REPO_LAB_CHANGED;
	} else {
		str_set(&lab->commit, known ? known->commit : NULL);
		str_set(&lab->digest, known ? known->digest : NULL);
		lab->state = REPO_LAB_REJECTED;
		keep_problems(lab, tree, &problems, &e);
	}
	problems_done(&problems);
}

static int by_slug(const void *a, const void *b)
{
	return strcmp(((const struct repo_lab *)a)->slug, ((const struct repo_lab *)b)->slug);
}

int judge_tree(const char *tree, const char *commit, const struct repo_lab *known, size_t n_known,
	struct repo_lab **ret, size_t *ret_n, struct err *e)
{
	_cleanup_(strv_freep) char **slugs = NULL;
	struct repo_lab *labs;
	size_t n = 0;
	int r = catalog_slugs(tree, &slugs, e);

	if (r < 0)
		return r;
	if (!slugs[0])
		return err_set(e, ERR_INVALID,
			"commit %.12s has no lab: a lab is a folder at the top with a lab.yaml",
			commit);
	labs = xcalloc(strv_len(slugs) + n_known, sizeof(*labs));
	for (char **s = slugs; *s; s++) {
		labs[n].slug = xstrdup(*s);
		judge_lab(&labs[n++], tree, commit, known_lab(known, n_known, *s));
	}
	for (size_t i = 0; i < n_known; i++)
		if (!strv_has(slugs, known[i].slug))
			labs[n++] = (struct repo_lab){
				.slug = xstrdup(known[i].slug), .state = REPO_LAB_REMOVED};
	qsort(labs, n, sizeof(*labs), by_slug);
	*ret = labs;
	*ret_n = n;
	return 0;
}
