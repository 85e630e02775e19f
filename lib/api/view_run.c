/* view_run.c - a check or a grade as JSON. */
#include "api/problem.h"
#include "api/view.h"

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
