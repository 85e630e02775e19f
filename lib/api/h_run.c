/*
 * h_run.c - checks and grades: start, look, stop, receipt, JUnit.
 *
 * A run that is not in memory any more is read from the database: its result was kept in the form
 * in which it is shown.
 */
#include "api/impl.h"

#include <inttypes.h>

#define WAIT_MAX_MS 10000

/* --- starting --- */

static void set_location(struct request *r, int64_t id)
{
	_cleanup_free_ char *where = strf("/v1/runs/%" PRId64, id);

	request_set_header(r, "Location", where);
}

/* Who has asked to hear the end of the run at once. */
struct patient {
	struct api *api;
	struct request *request;
	struct timer *patience;
	int64_t session, run;
	bool answered;
};

static void patient_answer(struct patient *p, struct run *run)
{
	struct err e = ERR_NONE;

	if (p->answered)
		return;
	p->answered = true;
	if (run) {
		reply_run(p->request, 202, run);
	} else {
		err_set(&e, ERR_NOT_FOUND, "run %" PRId64 " has ended and is forgotten", p->run);
		reply_problem(p->request, &e);
	}
}

static void on_event(void *arg, const struct session_event *ev)
{
	struct patient *p = arg;
	struct run *run = grader_run(p->api->grader, p->run);
	struct run_info info = {.done = true};

	if (ev->session != p->session)
		return;
	if (run)
		run_info(run, &info);
	if (info.done)
		patient_answer(p, run);
}

static void patience_over(void *arg)
{
	struct patient *p = arg;

	patient_answer(p, grader_run(p->api->grader, p->run));
}

static void patient_gone(void *arg)
{
	struct patient *p = arg;

	sessions_unlisten(p->api->sessions, on_event, p);
	timer_free(p->patience);
	request_unref(p->request);
	free(p);
}

static void answer_at_end(struct api *a, struct request *r, const struct run_info *info, int64_t ms)
{
	struct patient *p = NEW(struct patient);

	*p = (struct patient){
		.api = a, .request = request_ref(r), .session = info->session, .run = info->id};
	p->patience = timer_new(a->loop, patience_over, p);
	timer_start(p->patience, ms);
	sessions_listen(a->sessions, on_event, p);
	request_on_gone(r, patient_gone, p);
}

/* Answer with the run: when it has ended, but not later than in wait_ms. */
static void start(struct api *a, struct request *r, struct session *s, const struct run_options *o,
	int64_t wait_ms)
{
	struct err e = ERR_NONE;
	struct run_info info;
	struct run *run = run_start(a->grader, s, o, &e);

	if (!run) {
		reply_problem(r, &e);
		return;
	}
	run_info(run, &info);
	set_location(r, info.id);
	if (wait_ms && !info.done)
		answer_at_end(a, r, &info, wait_ms);
	else
		reply_run(r, 202, run);
}

void h_check(struct api *a, struct request *r, const struct match *m)
{
	static const char *const known[] = {"only", NULL};
	struct session *s = ask_session(a, r, m);
	_cleanup_(strv_freep) char **only = NULL;
	int64_t wait_ms = 0;
	struct body b;

	if (!s || !ask_int(r, "wait_ms", 0, WAIT_MAX_MS, &wait_ms))
		return;
	body_open(&b, r, known);
	only = body_strv(&b, "only", 64);
	if (body_good(&b, r))
		start(a, r, s, &(struct run_options){.only = only}, wait_ms);
	body_done(&b);
}

enum wish { WISH_RESULT, WISH_STARTED, WISH_RECEIPT };
static void answer_from_past(struct api *a, struct request *r, int64_t id, enum wish wish);

/* The same key again, and its run is not in memory any more: it is not charged twice. */
static bool answer_again(struct api *a, struct request *r, const char *key)
{
	int64_t id = key ? grader_keyed(a->grader, key) : 0;

	if (!id || grader_run(a->grader, id))
		return false;
	set_location(r, id);
	answer_from_past(a, r, id, WISH_STARTED);
	return true;
}

void h_grade(struct api *a, struct request *r, const struct match *m)
{
	static const char *const known[] = {"with", "seed", NULL};
	struct session *s = ask_session(a, r, m);
	struct run_options o = {.grade = true};
	_cleanup_(strv_freep) char **with = NULL;
	unsigned char seed[SEED_BYTES];
	struct body b;

	if (!s || !ask_key(r, &o.key))
		return;
	body_open(&b, r, known);
	o.with = with = body_strv(&b, "with", 16);
	o.seed = body_seed(&b, "seed", seed) ? seed : NULL;
	if (body_good(&b, r) && !answer_again(a, r, o.key))
		start(a, r, s, &o, 0);
	body_done(&b);
}

/* --- one of the past --- */

struct past {
	struct api *api;
	struct request *request;
	enum wish wish;
	int64_t id, seq;
	struct buf out;
	struct err err;
};

static void past_free(struct past *p)
{
	request_unref(p->request);
	buf_done(&p->out);
	free(p);
}

static void past_answer(struct past *p)
{
	if (p->err.code == 0 && !p->out.len)
		err_set(&p->err, ERR_NOT_FOUND, "there is no %s %" PRId64,
			p->wish == WISH_RECEIPT ? "receipt of run" : "run", p->id);
	if (p->err.code != 0)
		reply_problem(p->request, &p->err);
	else
		reply_json(p->request, p->wish == WISH_STARTED ? 202 : 200, &p->out);
	past_free(p);
}

static void take_record(void *arg, const struct row_record *row)
{
	struct past *p = arg;

	if (row->seq == p->seq && !request_gone(p->request))
		(void)grader_receipt(p->api->grader, row, &p->out, &p->err); /* p->err tells */
}

static void record_read(void *arg, const struct err *err)
{
	struct past *p = arg;

	if (p->err.code == 0)
		p->err = *err;
	past_answer(p);
}

static void take_grade(void *arg, const struct row_grade *g)
{
	struct past *p = arg;
	struct json_writer w;

	if (g->id != p->id)
		return;
	p->seq = g->record_seq;
	if (p->wish == WISH_RECEIPT)
		return;
	json_begin(&w, &p->out, false);
	view_past_run(&w, g);
}

static void grade_read(void *arg, const struct err *err)
{
	static const struct store_rows rows = {.record = take_record, .done = record_read};
	struct past *p = arg;

	p->err = *err;
	if (p->wish == WISH_RECEIPT && p->seq && p->err.code == 0 && !request_gone(p->request))
		store_query(p->api->store,
			&(struct store_query){.kind = QUERY_RECORDS,
				.text = "local",
				.after = p->seq - 1,
				.limit = 1},
			&rows, p);
	else
		past_answer(p);
}

static void answer_from_past(struct api *a, struct request *r, int64_t id, enum wish wish)
{
	static const struct store_rows rows = {.grade = take_grade, .done = grade_read};
	struct past *p = NEW(struct past);

	*p = (struct past){.api = a,
		.request = request_ref(r),
		.wish = wish,
		.id = id,
		.out = BUF(ANSWER_MAX)};
	store_query(a->store,
		&(struct store_query){.kind = QUERY_GRADES, .after = id + 1, .limit = 1}, &rows, p);
}

/* --- looking --- */

static bool ask_id(struct request *r, const struct match *m, int64_t *ret)
{
	struct err e = ERR_NONE;

	if (str_int(m->part[0], 1, INT64_MAX, ret, &e) == 0)
		return true;
	reply_error(r, ERR_NOT_FOUND, "'%.40s' is no run", m->part[0]);
	return false;
}

void h_run(struct api *a, struct request *r, const struct match *m)
{
	struct run *run;
	int64_t id;

	if (!ask_id(r, m, &id))
		return;
	run = grader_run(a->grader, id);
	if (run)
		reply_run(r, 200, run);
	else
		answer_from_past(a, r, id, WISH_RESULT);
}

void h_run_cancel(struct api *a, struct request *r, const struct match *m)
{
	struct run *run;
	int64_t id;

	if (!ask_id(r, m, &id))
		return;
	run = grader_run(a->grader, id);
	if (!run) {
		reply_error(r, ERR_NOT_FOUND, "run %" PRId64 " is not going on", id);
		return;
	}
	run_cancel(run);
	reply_run(r, 202, run);
}

void h_run_receipt(struct api *a, struct request *r, const struct match *m)
{
	struct buf out = BUF(ANSWER_MAX);
	struct err e = ERR_NONE;
	struct run *run;
	int64_t id;

	if (!ask_id(r, m, &id))
		return;
	run = grader_run(a->grader, id);
	if (!run)
		answer_from_past(a, r, id, WISH_RECEIPT);
	else if (run_receipt(run, &out, &e) < 0)
		reply_problem(r, &e);
	else
		reply_json(r, 200, &out);
	buf_done(&out);
}

void h_run_junit(struct api *a, struct request *r, const struct match *m)
{
	struct buf out = BUF(ANSWER_MAX);
	struct err e = ERR_NONE;
	struct run *run;
	int64_t id;

	if (!ask_id(r, m, &id))
		return;
	run = grader_run(a->grader, id);
	if (!run)
		reply_error(r, ERR_NOT_FOUND, "run %" PRId64 " is not among the last ones", id);
	else if (run_junit(run, &out, &e) < 0)
		reply_problem(r, &e);
	else
		request_reply(r, 200, "application/xml", &out);
	buf_done(&out);
}
