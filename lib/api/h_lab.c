/*
 * h_lab.c - the catalogue, and the labs of repositories. Labs are read on an io thread for every
 * request: files of authors change while the daemon runs, and a whole catalogue takes milliseconds.
 */
#include "api/impl.h"

#include "lab/catalog.h"

#include <ctype.h>
#include <strings.h>

struct place {
	struct lab_place at;
	char **problems; /* of one that was never good */
};

struct look {
	struct api *api;
	struct request *request;
	char *labs, *state, *words;
	struct place *places; /* of repositories, or the one that is asked for */
	size_t n, cap;
	struct map *best; /* name of a lab -> struct view_best */
	struct buf out;
	struct err err;
};

static void look_free(struct look *x)
{
	for (size_t i = 0; i < x->n; i++) {
		lab_place_done(&x->places[i].at);
		strv_free(x->places[i].problems);
	}
	free(x->places);
	request_unref(x->request);
	map_free(x->best);
	buf_done(&x->out);
	free(x->labs);
	free(x->state);
	free(x->words);
	free(x);
}

static void looked(void *arg)
{
	struct look *x = arg;

	if (x->err.code != 0)
		reply_problem(x->request, &x->err);
	else
		reply_json(x->request, 200, &x->out);
	look_free(x);
}

static struct look *look_new(struct api *a, struct request *r)
{
	struct look *x = NEW(struct look);

	*x = (struct look){.api = a, .request = request_ref(r), .out = BUF(ANSWER_MAX)};
	x->labs = xstrdup(sessions_config(a->sessions)->labs);
	x->state = xstrdup(sessions_config(a->sessions)->state);
	x->best = map_new(free);
	return x;
}

static void submit(struct look *x, loop_cb run)
{
	struct err e = ERR_NONE;

	if (worker_submit(sessions_io(x->api->sessions), run, looked, x, &e) == 0)
		return;
	reply_problem(x->request, &e);
	look_free(x);
}

/* --- one --- */

static void read_one(void *arg)
{
	struct look *x = arg;
	const struct lab_place *at = &x->places->at;
	_cleanup_(lab_freep) struct lab *l = NULL;
	struct problems p = {0};
	struct json_writer w;

	json_begin(&w, &x->out, false);
	if (catalog_load(at->folder, at->slug, &l, &p, &x->err) == 0) {
		_cleanup_(json_freep) struct json *proof = proof_read(x->state, l->digest);

		(void)view_lab(&w, at, l, proof, &x->err); /* x->err tells */
	}
	problems_done(&p);
}

static struct place *add_place(struct look *x)
{
	ARRAY_GROW(x->places, x->n, x->cap);
	x->places[x->n] = (struct place){.problems = NULL};
	return &x->places[x->n++];
}

static void look_at(struct api *a, struct request *r, const char *word)
{
	struct lab_place at = {0};
	struct look *x;

	if (!ask_lab(a, r, word, &at))
		return;
	x = look_new(a, r);
	add_place(x)->at = at;
	submit(x, read_one);
}

void h_lab(struct api *a, struct request *r, const struct match *m)
{
	look_at(a, r, m->part[0]);
}

void h_lab_of_repo(struct api *a, struct request *r, const struct match *m)
{
	_cleanup_free_ char *word = strf("%s/%s", m->part[0], m->part[1]);

	look_at(a, r, word);
}

/* --- all --- */

static bool list_has(char *const *list, const char *word)
{
	for (; list && *list; list++)
		if (strcasestr(*list, word))
			return true;
	return false;
}

static bool lab_has(const struct lab *l, const char *word)
{
	return strcasestr(l->title, word) || (l->summary && strcasestr(l->summary, word)) ||
	       (l->level && strcasestr(l->level, word)) || list_has(l->paths, word) ||
	       list_has(l->tracks, word);
}

static bool wanted(const struct lab_place *at, const struct lab *l, char *const *words)
{
	for (; *words; words++)
		if (**words && !strcasestr(at->slug, *words) &&
			!(at->repo && strcasestr(at->repo, *words)) && !(l && lab_has(l, *words)))
			return false;
	return true;
}

static char **problem_lines(const struct problems *p, const struct err *e)
{
	char **lines = strv_new();

	for (size_t i = 0; i < p->n; i++)
		strv_take(&lines, problem_line(&p->items[i]));
	if (!p->n)
		strv_add(&lines, e->text);
	return lines;
}

static void list_one(
	struct look *x, struct json_writer *w, const struct lab_place *at, char *const *words)
{
	static const struct view_best none = {.percent_bp = -1};
	_cleanup_free_ char *name = lab_place_name(at);
	const struct view_best *best = map_get(x->best, name);
	_cleanup_(strv_freep) char **lines = NULL;
	_cleanup_(lab_freep) struct lab *l = NULL;
	struct problems p = {0};
	struct err e = ERR_NONE;
	int r = catalog_load(at->folder, at->slug, &l, &p, &e);

	if (wanted(at, l, words)) {
		_cleanup_(json_freep) struct json *proof =
			l ? proof_read(x->state, l->digest) : NULL;

		if (r == 0)
			view_lab_summary(w, at, l, best ? best : &none, proof);
		else
			view_lab_broken(w, at, lines = problem_lines(&p, &e));
	}
	problems_done(&p);
}

static void list_place(
	struct look *x, struct json_writer *w, const struct place *p, char *const *words)
{
	if (!p->problems)
		list_one(x, w, &p->at, words);
	else if (wanted(&p->at, NULL, words))
		view_lab_broken(w, &p->at, p->problems);
}

static void read_all(void *arg)
{
	struct look *x = arg;
	_cleanup_(strv_freep) char **slugs = NULL, **words = strv_split(x->words, ' ');
	struct json_writer w;

	if (catalog_slugs(x->labs, &slugs, &x->err) < 0)
		return;
	json_begin(&w, &x->out, false);
	json_object(&w, NULL);
	json_put_str(&w, "schema", "labyard/labs/v1");
	json_array(&w, "labs");
	for (char **s = slugs; *s; s++)
		list_one(x, &w, &(struct lab_place){.folder = x->labs, .slug = *s}, words);
	for (size_t i = 0; i < x->n; i++)
		list_place(x, &w, &x->places[i], words);
	json_end(&w);
	json_end(&w);
}

static void grade_row(void *arg, const struct row_grade *g)
{
	struct look *x = arg;
	struct grade_sum sum;
	struct view_best *best;

	if (!grade_sum_read(g, &sum))
		return;
	best = map_get(x->best, g->lab);
	if (!best) {
		best = NEW(struct view_best);
		best->percent_bp = -1;
		map_put(x->best, g->lab, best);
	}
	if (sum.percent_bp > best->percent_bp)
		*best = (struct view_best){sum.percent_bp, sum.passed};
}

static void grades_read(void *arg, const struct err *err)
{
	struct look *x = arg;

	if (request_gone(x->request))
		look_free(x);
	else
		submit(x, read_all); /* without the best ones when the database does not answer */
}

static void add_repo_lab(struct look *x, const char *repo, const struct repo_lab *lab)
{
	_cleanup_free_ char *word = strf("%s/%s", repo, lab->slug);
	struct place *p = add_place(x);

	if (repos_find(x->api->repos, x->labs, word, &p->at, NULL) == 0)
		return;
	p->at.slug = xstrdup(lab->slug); /* it was never good */
	p->at.repo = xstrdup(repo);
	p->problems = lab->problems ? strv_copy(lab->problems) : strv_new();
}

static void add_repos(struct look *x)
{
	for (size_t i = 0; i < repos_count(x->api->repos); i++) {
		struct repo_info info;

		repo_info(repos_at(x->api->repos, i), &info);
		for (size_t k = 0; k < info.n_labs; k++)
			add_repo_lab(x, info.name, &info.labs[k]);
	}
}

void h_labs(struct api *a, struct request *r, const struct match *m)
{
	static const struct store_rows rows = {.grade = grade_row, .done = grades_read};
	const char *q = request_query(r, "q");
	struct look *x;

	if (q && strlen(q) > 200) {
		reply_error(r, ERR_USAGE, "'q' is longer than 200 bytes");
		return;
	}
	x = look_new(a, r);
	x->words = xstrdup(q ? q : "");
	add_repos(x);
	store_query(a->store, &(struct store_query){.kind = QUERY_GRADES, .limit = HISTORY_MAX},
		&rows, x);
}
