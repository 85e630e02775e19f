/* judge.c - the labs of a tree: which are new, which changed, which are not good. */
#include "base/fsutil.h"
#include "lab/catalog.h"
#include "repo/impl.h"

#define PROBLEMS_SHOWN 20          /* of a lab: the rest would be noise */
#define TEXT_MAX       (300 << 10) /* of all: it has to fit into an event of the API */

static const struct repo_lab *known_lab(const struct judging *j, const char *slug)
{
	for (size_t i = 0; i < j->n_known; i++)
		if (streq(j->known[i].slug, slug))
			return &j->known[i];
	return NULL;
}

/* --- one lab --- */

static void add_problem(struct repo_lab *lab, const char *line)
{
	if (strv_len(lab->problems) < PROBLEMS_SHOWN)
		strv_add(&lab->problems, line);
}

/* The lines of problems begin at the repository's top, not with a folder of ours. */
static void keep_problems(
	struct repo_lab *lab, const char *tree, const struct problems *p, const struct err *e)
{
	_cleanup_free_ char *lead = strf("%s/", tree);

	for (size_t i = 0; i < p->n; i++) {
		_cleanup_free_ char *line = problem_line(&p->items[i]);

		if (!p->items[i].warning)
			add_problem(lab, str_starts(line, lead) ? line + strlen(lead) : line);
	}
	if (!lab->problems[0])
		strv_add(&lab->problems, e->text);
}

static bool keep_left(struct repo_lab *lab, char *const *left)
{
	_cleanup_free_ char *lead = strf("%s/", lab->slug);

	for (; *left; left++)
		if (str_starts(*left, lead))
			add_problem(lab, *left);
	return lab->problems[0];
}

/* What is left of one that did not come whole: nobody may start that. */
static int drop(const struct judging *j, const struct repo_lab *lab, struct err *e)
{
	_cleanup_free_ char *folder = strf("%s/%s", j->tree, lab->slug);

	return fs_remove_tree(folder, e);
}

static int judge_lab(const struct judging *j, struct repo_lab *lab, struct err *e)
{
	const struct repo_lab *known = known_lab(j, lab->slug);
	_cleanup_(lab_freep) struct lab *l = NULL;
	struct problems problems = {0};
	struct err why = ERR_NONE;
	int r = 0;

	lab->problems = strv_new();
	if (keep_left(lab, j->left))
		r = drop(j, lab, e);
	else if (catalog_load(j->tree, lab->slug, &l, &problems, &why) < 0)
		keep_problems(lab, j->tree, &problems, &why);
	problems_done(&problems);
	if (l) {
		strv_free(TAKE(lab->problems));
		str_set(&lab->commit, j->commit);
		str_set(&lab->digest, l->digest);
		lab->state = !known || !known->digest          ? REPO_LAB_NEW
			     : streq(known->digest, l->digest) ? REPO_LAB_UNCHANGED
							       : REPO_LAB_CHANGED;
	} else {
		str_set(&lab->commit, known ? known->commit : NULL);
		str_set(&lab->digest, known ? known->digest : NULL);
		lab->state = REPO_LAB_REJECTED;
	}
	return r;
}

/* --- all of them --- */

/*
 * Besides those in the tree: known ones, and those whose lab.yaml was left out. The names come from
 * lab-fetch, which may say anything.
 */
static void add_left(char ***slugs, const struct judging *j)
{
	for (char *const *line = j->left; *line; line++) {
		_cleanup_free_ char *slug = xstrndup(*line, strcspn(*line, "/"));

		if (!fs_path_safe(slug) || strv_has(*slugs, slug))
			continue;
		if (known_lab(j, slug) || str_starts(*line + strlen(slug), "/lab.yaml:"))
			strv_add(slugs, slug);
	}
}

/* The first problem of every lab, then the second, as long as there is room. */
static void shorten(struct repo_lab *labs, size_t n)
{
	size_t room = TEXT_MAX;

	for (size_t i = 0; i < n; i++)
		room -= MIN(room, strlen(labs[i].slug));
	for (size_t k = 0; k < PROBLEMS_SHOWN; k++)
		for (size_t i = 0; i < n; i++) {
			char **p = labs[i].problems;

			if (strv_len(p) <= k)
				continue;
			if (strlen(p[k]) <= room) {
				room -= strlen(p[k]);
				continue;
			}
			for (char **rest = p + k; *rest; rest++)
				free(TAKE(*rest));
			if (k == 0)
				strv_add(&labs[i].problems, "too much is wrong to say it here");
		}
}

static int by_slug(const void *a, const void *b)
{
	return strcmp(((const struct repo_lab *)a)->slug, ((const struct repo_lab *)b)->slug);
}

int judge_tree(const struct judging *j, struct repo_lab **ret, size_t *ret_n, struct err *e)
{
	_cleanup_(strv_freep) char **slugs = NULL;
	struct repo_lab *labs;
	size_t n = 0;
	int r = catalog_slugs(j->tree, &slugs, e);

	if (r < 0)
		return r;
	add_left(&slugs, j);
	if (!slugs[0])
		return err_set(e, ERR_INVALID,
			"commit %.12s has no lab: a lab is a folder at the top with a lab.yaml",
			j->commit);
	if (strv_len(slugs) > CATALOG_LABS_MAX)
		return err_set(e, ERR_LIMIT, "commit %.12s has more than %d labs", j->commit,
			CATALOG_LABS_MAX);
	labs = xcalloc(strv_len(slugs) + j->n_known, sizeof(*labs));
	for (char **s = slugs; *s && r == 0; s++) {
		labs[n].slug = xstrdup(*s);
		r = judge_lab(j, &labs[n++], e);
	}
	for (size_t i = 0; i < j->n_known; i++)
		if (!strv_has(slugs, j->known[i].slug))
			labs[n++] = (struct repo_lab){
				.slug = xstrdup(j->known[i].slug), .state = REPO_LAB_REMOVED};
	if (r < 0) {
		repo_labs_free(labs, n);
		return r;
	}
	shorten(labs, n);
	qsort(labs, n, sizeof(*labs), by_slug);
	*ret = labs;
	*ret_n = n;
	return 0;
}
