/*
 * h_lab.c - the catalogue. Labs are read on an io thread for every request: files of authors
 * change while the daemon runs, and a whole catalogue takes milliseconds.
 */
#include "api/impl.h"

#include "lab/catalog.h"

#include <ctype.h>
#include <strings.h>

struct look {
	struct api *api;
	struct request *request;
	char *labs, *slug, *words; /* slug NULL = the list */
	struct map *best;          /* slug -> struct view_best */
	struct buf out;
	struct err err;
};

static void look_free(struct look *x)
{
	request_unref(x->request);
	map_free(x->best);
	buf_done(&x->out);
	free(x->labs);
	free(x->slug);
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
	_cleanup_(lab_freep) struct lab *l = NULL;
	struct problems p = {0};
	struct json_writer w;

	json_begin(&w, &x->out, false);
	if (catalog_load(x->labs, x->slug, &l, &p, &x->err) == 0)
		(void)view_lab(&w, l, &x->err); /* x->err tells */
	problems_done(&p);
}

void h_lab(struct api *a, struct request *r, const struct match *m)
{
	struct look *x = look_new(a, r);

	x->slug = xstrdup(m->part[0]);
	submit(x, read_one);
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
	return strcasestr(l->slug, word) || strcasestr(l->title, word) ||
	       (l->summary && strcasestr(l->summary, word)) ||
	       (l->level && strcasestr(l->level, word)) || list_has(l->paths, word) ||
	       list_has(l->tracks, word);
}

static bool wanted(const struct lab *l, const char *slug, char *const *words)
{
	for (; *words; words++)
		if (**words && !(l ? lab_has(l, *words) : strcasestr(slug, *words) != NULL))
			return false;
	return true;
}

static void list_one(struct look *x, struct json_writer *w, const char *slug, char *const *words)
{
	static const struct view_best none = {.percent_bp = -1};
	const struct view_best *best = map_get(x->best, slug);
	_cleanup_(lab_freep) struct lab *l = NULL;
	struct problems p = {0};
	struct err e = ERR_NONE;
	int r = catalog_load(x->labs, slug, &l, &p, &e);

	if (wanted(l, slug, words)) {
		if (r == 0)
			view_lab_summary(w, l, best ? best : &none);
		else
			view_lab_broken(w, slug, &p, &e);
	}
	problems_done(&p);
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
		list_one(x, &w, *s, words);
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
	store_query(a->store, &(struct store_query){.kind = QUERY_GRADES, .limit = HISTORY_MAX},
		&rows, x);
}
