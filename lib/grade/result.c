/*
 * result.c - a run as others see it: values, JSON, receipt, JUnit.
 */
#include "grade/impl.h"

#include "codec/json.h"

void run_info(const struct run *r, struct run_info *ret)
{
	*ret = (struct run_info){
		.id = r->id,
		.session = r->session,
		.attempt = r->attempt,
		.grade = r->grade,
		.done = r->done,
		.err = r->err,
		.state = r->state,
		.phase = r->phase >= 0 ? r->lab->phases[r->phase].title : "",
		.n = r->n_items,
		.started_ms = r->started_ms,
		.ended_ms = r->ended_ms,
		.earned_m = r->earned_m,
		.max_m = r->max_m,
		.percent_bp = r->percent_bp,
		.pass_mark_bp = r->lab->pass_mark_bp,
		.passed = r->passed,
		.trust_min = r->trust,
		.forgeable_m = r->forgeable_m,
		.record_seq = r->record_seq,
	};
}

void run_result(const struct run *r, size_t i, struct check_result *ret)
{
	const struct item *it = &r->items[i];

	*ret = (struct check_result){
		.check = it->check,
		.task = it->task,
		.verdict = it->state == ITEM_DECIDED ? it->j.verdict : VERDICT_NONE,
		.reason = it->j.reason,
		.text = it->j.text ? it->j.text : "",
		.hint = it->j.hint ? it->j.hint : "",
		.output = it->j.output ? it->j.output : "",
		.evidence = it->evidence ? it->evidence : "",
		.n = it->j.n,
		.d = it->j.d,
		.earned_m = it->earned_m,
		.max_m = it->check->severity == SEVERITY_INFO ? 0 : it->check->max_m,
		.ms = it->ms,
		.at_ms = it->at_ms,
		.forgeable = it->check->forgeable,
	};
}

size_t run_tasks(const struct run *r)
{
	return r->n_tasks;
}

void run_task(const struct run *r, size_t i, struct run_task *ret)
{
	*ret = r->tasks[i];
}

size_t run_phases(const struct run *r)
{
	return r->grade ? r->lab->n_phases : 0;
}

void run_phase(const struct run *r, size_t i, struct run_phase *ret)
{
	*ret = (struct run_phase){r->lab->phases[i].id, r->lab->phases[i].title, r->phase_ms[i]};
}

/* --- JSON: the Run of lib/api/openapi.yaml --- */

/* "" = null: not known, or not shown */
static void put_text(struct json_writer *w, const char *key, const char *text, bool shown)
{
	json_put_str(w, key, shown && *text ? text : NULL);
}

static void put_moment(struct json_writer *w, const char *key, int64_t wall_ms)
{
	char text[32];

	str_rfc3339(wall_ms, text);
	json_put_str(w, key, wall_ms ? text : NULL);
}

static void put_check(struct json_writer *w, const struct run *r, size_t i)
{
	struct check_result c;

	run_result(r, i, &c);
	json_object(w, NULL);
	json_put_str(w, "check", c.check->name);
	json_put_str(w, "task", c.task->id);
	put_text(w, "verdict", verdict_name(c.verdict), c.verdict != VERDICT_NONE);
	put_text(w, "reason", c.reason, true);
	json_put_str(w, "trust", lab_vantage_name(c.check->vantage));
	json_put_bool(w, "forgeable", c.forgeable);
	json_put_int(w, "earned_m", c.earned_m);
	json_put_int(w, "max_m", c.max_m);
	put_text(w, "message", c.text, true);
	put_text(w, "hint", c.hint, true);
	put_text(w, "output", c.output, true);
	json_put_int(w, "duration_ms", c.ms);
	put_moment(w, "at", c.at_ms);
	json_end(w);
}

static void put_tasks(struct json_writer *w, const struct run *r)
{
	json_array(w, "tasks");
	for (size_t i = 0; i < r->n_tasks; i++) {
		const struct run_task *t = &r->tasks[i];

		json_object(w, NULL);
		json_put_str(w, "id", t->task->id);
		json_put_str(w, "title", t->task->title);
		json_put_bool(w, "distinction", t->task->distinction);
		json_put_int(w, "max_m", t->task->points_m);
		json_put_int(w, "raw_m", t->raw_m);
		json_put_int(w, "attainable_m", t->attain_m);
		json_put_int(w, "earned_m", t->earned_m);
		json_put_bool(w, "passed", t->passed);
		json_put_int(w, "pass", (int64_t)t->pass);
		json_put_int(w, "fail", (int64_t)t->fail);
		json_put_int(w, "other", (int64_t)t->other);
		json_end(w);
	}
	json_end(w);
}

static void put_phases(struct json_writer *w, const struct run *r)
{
	json_array(w, "phases");
	for (size_t i = 0; i < run_phases(r); i++) {
		struct run_phase p;

		run_phase(r, i, &p);
		json_object(w, NULL);
		json_put_str(w, "id", p.id);
		json_put_str(w, "title", p.title);
		if (p.ms >= 0)
			json_put_int(w, "took_ms", p.ms);
		else
			json_put_null(w, "took_ms");
		json_end(w);
	}
	json_end(w);
}

static void put_grade(struct json_writer *w, const struct run *r)
{
	json_object(w, "grade");
	json_put_int(w, "attempt", r->attempt);
	json_put_int(w, "earned_m", r->earned_m);
	json_put_int(w, "max_m", r->max_m);
	json_put_int(w, "percent_bp", r->percent_bp);
	json_put_int(w, "pass_mark_bp", r->lab->pass_mark_bp);
	json_put_bool(w, "passed", r->passed);
	put_text(w, "trust_min", r->trust, true);
	json_put_int(w, "forgeable_m", r->forgeable_m);
	json_put_bool(w, "recorded", r->record_seq != 0);
	put_tasks(w, r);
	put_phases(w, r);
	json_end(w);
}

void run_json(const struct run *r, struct json_writer *w)
{
	json_put_str(w, "schema", "labyard/run/v1");
	json_put_int(w, "id", r->id);
	json_put_str(w, "session", r->session_name);
	json_put_str(w, "lab", r->lab_name);
	json_put_str(w, "kind", r->grade ? "grade" : "check");
	json_put_str(w, "state", r->state);
	put_text(w, "phase", r->phase >= 0 ? r->lab->phases[r->phase].title : "",
		streq(r->state, "running"));
	put_moment(w, "started_at", r->started_ms);
	put_moment(w, "ended_at", r->ended_ms);
	json_array(w, "checks");
	for (size_t i = 0; i < r->n_items; i++)
		put_check(w, r, i);
	json_end(w);
	if (r->grade)
		put_grade(w, r);
}

int run_receipt(const struct run *r, struct buf *out, struct err *e)
{
	if (!r->record.body || !r->done)
		return err_set(e, ERR_NOT_FOUND, "run %lld has no record: it is %s",
			(long long)r->id, r->grade ? r->state : "a quick check");
	return record_receipt(&r->record, r->g->key, out, e);
}

int grader_receipt(
	const struct grader *g, const struct row_record *row, struct buf *out, struct err *e)
{
	struct record rec = {.body = (char *)row->body};

	memcpy(rec.hash, row->hash, sizeof(rec.hash));
	memcpy(rec.sig, row->sig, sizeof(rec.sig));
	return record_receipt(&rec, g->key, out, e);
}
