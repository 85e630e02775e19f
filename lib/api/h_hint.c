/* h_hint.c - hints of a task: list, buy. */
#include "api/impl.h"

#define HINTS_MAX 32

static int ask_task(struct request *r, const struct lab *l, const char *id)
{
	int task = lab_task(l, id);

	if (task < 0)
		reply_error(r, ERR_NOT_FOUND, "'%s' has no task '%.64s'", l->slug, id);
	return task;
}

void h_hints(struct api *a, struct request *r, const struct match *m)
{
	struct session *s = ask_session(a, r, m);
	struct hint_info hints[HINTS_MAX];
	struct buf out = BUF(ANSWER_MAX);
	struct session_info info;
	struct json_writer w;
	int task;

	if (!s)
		return;
	session_info(s, &info);
	task = ask_task(r, info.lab, m->part[1]);
	if (task < 0)
		return;
	size_t n = hint_list(a->grader, s, task, hints, HINTS_MAX);
	json_begin(&w, &out, false);
	json_object(&w, NULL);
	json_put_str(&w, "schema", "labyard/hints/v1");
	json_put_str(&w, "session", info.name);
	json_put_str(&w, "task", m->part[1]);
	json_array(&w, "hints");
	for (size_t i = 0; i < n; i++)
		view_hint(&w, NULL, m->part[1], &hints[i]);
	json_end(&w);
	json_end(&w);
	reply_json(r, 200, &out);
}

struct purchase {
	struct request *request;
	char *task;
};

static void bought(void *arg, const struct hint_info *h, const struct err *e)
{
	struct purchase *p = arg;
	struct buf out = BUF(ANSWER_MAX);
	struct json_writer w;

	if (e->code != 0) {
		reply_problem(p->request, e);
	} else {
		json_begin(&w, &out, false);
		view_hint(&w, NULL, p->task, h);
		reply_json(p->request, 200, &out);
	}
	request_unref(p->request);
	free(p->task);
	free(p);
}

void h_hint_buy(struct api *a, struct request *r, const struct match *m)
{
	static const char *const known[] = {"hint", "accept_m", NULL};
	struct session *s = ask_session(a, r, m);
	struct session_info info;
	struct purchase *p;
	struct body b;
	int task;

	if (!s)
		return;
	session_info(s, &info);
	task = ask_task(r, info.lab, m->part[1]);
	if (task < 0)
		return;
	body_open(&b, r, known);
	const char *hint = body_str(&b, "hint", 64);
	int64_t accept_m = body_int(&b, "accept_m", 0, 0);
	if (body_good(&b, r)) {
		p = NEW(struct purchase);
		*p = (struct purchase){request_ref(r), xstrdup(m->part[1])};
		hint_buy(a->grader, s, task, hint, accept_m, bought, p);
	}
	body_done(&b);
}
