/* h_history.c - the grades of the past. */
#include "api/impl.h"

bool grade_sum_read(const struct row_grade *g, struct grade_sum *ret)
{
	_cleanup_(json_freep) struct json *result = NULL;
	const struct json *grade;
	const char *trust;

	*ret = (struct grade_sum){0};
	if (!streq(g->state, "done") || !g->result ||
		json_parse(&result, g->result, strlen(g->result), NULL) < 0)
		return false;
	grade = json_get(result, "grade");
	trust = json_str_or(json_get(grade, "trust_min"), "");
	ret->percent_bp = json_int(json_get(grade, "percent_bp"), 0);
	ret->passed = json_bool(json_get(grade, "passed"), false);
	(void)snprintf(ret->trust_min, sizeof(ret->trust_min), "%s", trust);
	return true;
}

struct history {
	struct api *api;
	struct request *request;
	struct buf out;
	struct json_writer w;
};

static void put_row(void *arg, const struct row_grade *g)
{
	struct history *h = arg;
	struct json_writer *w = &h->w;
	struct grade_sum sum;
	bool known = grade_sum_read(g, &sum);

	if (request_gone(h->request))
		return;
	json_object(w, NULL);
	json_put_int(w, "run", g->id);
	json_put_str(w, "lab", g->lab);
	json_put_str(w, "session", g->session_name);
	json_put_int(w, "attempt", g->n);
	json_put_str(w, "state", g->state);
	view_moment(w, "started_at", g->started_ms);
	view_moment(w, "ended_at", g->ended_ms);
	if (known) {
		json_put_int(w, "percent_bp", sum.percent_bp);
		json_put_bool(w, "passed", sum.passed);
	} else {
		json_put_null(w, "percent_bp");
		json_put_null(w, "passed");
	}
	view_text(w, "trust_min", sum.trust_min);
	if (g->record_seq)
		json_put_int(w, "record_seq", g->record_seq);
	else
		json_put_null(w, "record_seq");
	json_end(w);
}

static void read_all(void *arg, const struct err *err)
{
	struct history *h = arg;

	json_end(&h->w);
	json_end(&h->w);
	if (err->code != 0)
		reply_problem(h->request, err);
	else
		reply_json(h->request, 200, &h->out);
	request_unref(h->request);
	buf_done(&h->out);
	free(h);
}

void h_history(struct api *a, struct request *r, const struct match *m)
{
	static const struct store_rows rows = {.grade = put_row, .done = read_all};
	int64_t limit = 100;
	struct history *h;

	if (!ask_int(r, "limit", 1, HISTORY_MAX, &limit))
		return;
	h = NEW(struct history);
	*h = (struct history){.api = a, .request = request_ref(r), .out = BUF(ANSWER_MAX)};
	json_begin(&h->w, &h->out, false);
	json_object(&h->w, NULL);
	json_put_str(&h->w, "schema", "labyard/history/v1");
	json_array(&h->w, "grades");
	store_query(a->store,
		&(struct store_query){
			.kind = QUERY_GRADES, .text = request_query(r, "lab"), .limit = (int)limit},
		&rows, h);
}
