/* view_run.c - a check or a grade as JSON, from memory or from the database. */
#include "api/problem.h"
#include "api/view.h"
#include "base/str.h"

void view_run(struct json_writer *w, const struct run *r)
{
	struct run_info info;

	run_info(r, &info);
	json_object(w, NULL);
	run_json(r, w);
	if (info.err.code != 0) {
		struct problem_doc p;

		problem_init(&p, &info.err);
		problem_json(&p, w, "error");
	} else {
		json_put_null(w, "error");
	}
	json_end(w);
}

/* What is left of a grade that has no result: nobody keeps how far it came. */
static void put_unfinished(struct json_writer *w, const struct row_grade *g)
{
	json_put_str(w, "schema", "labyard/run/v1");
	json_put_int(w, "id", g->id);
	json_put_str(w, "session", g->session_name);
	json_put_str(w, "lab", g->lab);
	json_put_str(w, "kind", "grade");
	json_put_str(w, "state", g->state);
	json_put_null(w, "phase");
	view_moment(w, "started_at", g->started_ms);
	view_moment(w, "ended_at", g->ended_ms);
	json_array(w, "checks");
	json_end(w);
}

static void put_why(struct json_writer *w, const struct row_grade *g)
{
	struct problem_doc p;
	struct err e = ERR_NONE;

	err_set(&e, streq(g->state, "aborted") ? ERR_CANCELED : ERR_ENGINE,
		"the grade did not come to its end: nothing was charged, and nothing is recorded");
	problem_init(&p, &e);
	problem_json(&p, w, "error");
}

void view_past_run(struct json_writer *w, const struct row_grade *g)
{
	_cleanup_(json_freep) struct json *result = NULL;

	json_object(w, NULL);
	if (g->result && json_parse(&result, g->result, strlen(g->result), NULL) == 0) {
		for (size_t i = 0; i < json_len(result); i++)
			json_put(w, json_key(result, i), json_at(result, i));
		json_put_null(w, "error");
	} else {
		put_unfinished(w, g);
		put_why(w, g);
	}
	json_end(w);
}
