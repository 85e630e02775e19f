/*
 * seal.c - the end of a grade: evidence on disk, the signed record, one transaction, then the
 * answer.
 *
 * Evidence files are written and synced on an io thread before the row that names them. The grade
 * row, the record and the verdicts are one transaction; only when it is durable is the grade called
 * done.
 */
#include "grade/impl.h"

#include "base/fsutil.h"
#include "base/hash.h"
#include "base/id.h"
#include "codec/json.h"

#include <inttypes.h>

#define MAX_EVIDENCE (16 << 20)

struct file {
	char *path; /* below the evidence folder of the grade */
	char *data;
	size_t size;
	char sha256[65];
};

struct seal {
	struct run *r;
	char *folder;
	struct file *files;
	size_t n, cap;
	struct buf leaves;  /* canonical list of leaves */
	char root[65], record_id[17];
	struct err err;
};

static void seal_free(struct seal *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->files[i].path);
		free(x->files[i].data);
	}
	free(x->files);
	free(x->folder);
	buf_done(&x->leaves);
	free(x);
}

/* --- what is kept --- */

static void add(struct seal *x, char *take_path, const void *data, size_t n)
{
	ARRAY_GROW(x->files, x->n, x->cap);
	x->files[x->n] = (struct file){.path = take_path, .data = xmemdup(data, n), .size = n};
	sha256_hex(data, n, x->files[x->n].sha256);
	x->n++;
}

static void add_text(struct seal *x, const char *folder, const char *name, const char *text)
{
	if (text && *text)
		add(x, strf("%s/%s", folder, name), text, strlen(text));
}

static void add_buf(struct seal *x, const char *name, const struct buf *b)
{
	if (b->len)
		add(x, xstrdup(name), b->data, b->len);
}

static void add_timeline(struct seal *x, const struct run *r)
{
	_cleanup_buf_ struct buf b = BUF(1 << 20);
	struct json_writer w;

	json_begin(&w, &b, false);
	json_object(&w, NULL);
	json_put_int(&w, "started_ms", r->started_ms);
	json_put_int(&w, "fence_ms", r->fence_ms);
	json_array(&w, "phases");
	for (size_t i = 0; i < r->lab->n_phases; i++) {
		json_object(&w, NULL);
		json_put_str(&w, "id", r->lab->phases[i].id);
		json_put_int(&w, "took_ms", r->phase_ms[i]);
		json_end(&w);
	}
	json_end(&w);
	json_end(&w);
	add(x, xstrdup("phases.json"), b.data, b.len);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

static void gather(struct seal *x, const struct run *r)
{
	struct json_writer w;

	for (size_t i = 0; i < r->n_items; i++) {
		const struct item *it = &r->items[i];
		_cleanup_free_ char *folder = strf("checks/%s", it->check->name);

		add_text(x, folder, "stdout", it->j.output);
		add_text(x, folder, "stderr", it->errout);
		add_text(x, folder, "evidence.json", it->evidence);
	}
	add_buf(x, "capture.tar", &r->before.tar);
	add_buf(x, "capture.left_out", &r->before.left_out);
	add_buf(x, "capture.again.tar", &r->again.tar);
	add_buf(x, "capture.again.left_out", &r->again.left_out);
	add_timeline(x, r);
	qsort(x->files, x->n, sizeof(*x->files), by_path);
	json_begin(&w, &x->leaves, false);
	json_array(&w, NULL);
	for (size_t i = 0; i < x->n; i++) { /* keys in order: this is canonical JSON */
		json_object(&w, NULL);
		json_put_str(&w, "path", x->files[i].path);
		json_put_str(&w, "sha256", x->files[i].sha256);
		json_put_int(&w, "size", (int64_t)x->files[i].size);
		json_end(&w);
	}
	json_end(&w);
	sha256_hex(x->leaves.data, x->leaves.len, x->root);
}

/* On an io thread. */
static int write_file(struct seal *x, const char *name, const void *data, size_t n)
{
	_cleanup_free_ char *path = strf("%s/%s", x->folder, name);
	_cleanup_free_ char *dir = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	if (fs_mkdirs(dir, 0700, &x->err) < 0)
		return x->err.code;
	return fs_write_atomic(path, data, n, 0600, &x->err);
}

static void write_run(void *arg)
{
	struct seal *x = arg;

	for (size_t i = 0; i < x->n; i++)
		if (write_file(x, x->files[i].path, x->files[i].data, x->files[i].size) < 0)
			return;
	(void)write_file(x, "leaves.json", x->leaves.data, x->leaves.len); /* x->err tells */
}

/* --- the record --- */

struct lists {
	struct record_check *checks;
	struct record_task *tasks;
	struct record_hint *hints;
	char **hint_names, **evidence;
	const char **image_names, **image_ids;
	size_t n_hints, n_images;
};

static void lists_done(struct lists *l)
{
	free(l->checks);
	free(l->tasks);
	free(l->hints);
	strv_free(l->hint_names);
	strv_free(l->evidence);
	free(l->image_names);
	free(l->image_ids);
}

static const char *evidence_of(const struct seal *x, const char *check, char ***keep)
{
	_cleanup_free_ char *path = strf("checks/%s/evidence.json", check);

	for (size_t i = 0; i < x->n; i++)
		if (streq(x->files[i].path, path)) {
			strv_take(keep, strf("sha256:%s", x->files[i].sha256));
			return (*keep)[strv_len(*keep) - 1];
		}
	return NULL;
}

static void list_checks(struct lists *l, const struct seal *x, const struct run *r)
{
	l->checks = xcalloc(r->n_items, sizeof(*l->checks));
	for (size_t i = 0; i < r->n_items; i++) {
		const struct item *it = &r->items[i];
		const struct lab_check *c = it->check;

		l->checks[i] = (struct record_check){
			.id = c->name,
			.verdict = verdict_name(it->j.verdict),
			.trust = lab_vantage_name(c->vantage),
			.reason = *it->j.reason ? it->j.reason : NULL,
			.earned_m = it->earned_m,
			.max_m = c->severity == SEVERITY_INFO ? 0 : c->max_m,
			.ms = it->ms,
			.forgeable = c->forgeable,
			.evidence = evidence_of(x, c->name, &l->evidence),
			.required = c->severity == SEVERITY_REQUIRED,
			.info = c->severity == SEVERITY_INFO,
		};
	}
	l->tasks = xcalloc(r->n_tasks, sizeof(*l->tasks));
	for (size_t i = 0; i < r->n_tasks; i++) {
		const struct run_task *t = &r->tasks[i];

		l->tasks[i] = (struct record_task){
			.id = t->task->id,
			.max_m = t->task->points_m,
			.raw_m = t->raw_m,
			.attain_m = t->attain_m,
			.earned_m = t->earned_m,
			.passed = t->passed,
			.required = t->task->required,
			.distinction = t->task->distinction,
			.pass_at_bp = t->task->pass_at_bp,
		};
	}
}

static void list_hints(struct lists *l, const struct run *r)
{
	struct bought *b;

	l->hint_names = strv_new();
	list_for_each(b, &r->g->hints, link) {
		if (b->session != r->session)
			continue;
		l->hints = xrealloc_array(l->hints, l->n_hints + 1, sizeof(*l->hints));
		strv_take(&l->hint_names, strf("%s/%s", b->task, b->hint));
		l->hints[l->n_hints] = (struct record_hint){NULL, b->cost_m, b->at_ms};
		l->n_hints++;
	}
	for (size_t i = 0; i < l->n_hints; i++)
		l->hints[i].id = l->hint_names[i];
}

static void list_images(struct lists *l, const struct run *r, const struct session *s)
{
	size_t n = r->lab->n_services;

	l->image_names = xcalloc(n, sizeof(char *));
	l->image_ids = xcalloc(n, sizeof(char *));
	for (size_t i = 0; i < n; i++) {
		const char *id = session_image(s, (int)i);
		size_t at = l->n_images;

		if (!id)
			continue;
		for (; at > 0 && strcmp(l->image_names[at - 1], r->lab->services[i].name) > 0;
			at--) {
			l->image_names[at] = l->image_names[at - 1];
			l->image_ids[at] = l->image_ids[at - 1];
		}
		l->image_names[at] = r->lab->services[i].name;
		l->image_ids[at] = id;
		l->n_images++;
	}
}

/* What was asked, in one hash: names, weights and limits of every check. */
static void check_set(const struct run *r, char hex[static 65])
{
	_cleanup_buf_ struct buf b = BUF(MAX_EVIDENCE);

	for (size_t i = 0; i < r->n_items; i++)
		(void)buf_addf(&b, "%s %" PRId64 " %d %d\n", r->items[i].check->name,
			r->items[i].check->max_m, (int)r->items[i].check->severity,
			(int)r->items[i].check->vantage);
	sha256_hex(b.data, b.len, hex);
}

static int make_record(struct seal *x, struct run *r, struct session *s, struct err *e)
{
	_cleanup_(lists_done) struct lists l = {0};
	const struct engine_info *engine = engine_info(sessions_engine(r->g->m));
	struct session_info info;
	char attempt[24], seed_session[65], seed_grade[65], set[65];

	session_info(s, &info);
	l.evidence = strv_new();
	list_checks(&l, x, r);
	list_hints(&l, r);
	list_images(&l, r, s);
	id_random(x->record_id, 16);
	(void)snprintf(attempt, sizeof(attempt), "a:%" PRIx64, r->id);
	draw_commitment(info.seed, seed_session);
	draw_commitment(r->seed, seed_grade);
	check_set(r, set);
	struct record_input in = {
		.record_id = x->record_id,
		.chain = "local",
		.seq = r->g->chain_seq + 1,
		.learner = r->g->learner,
		.slug = r->lab_name,
		.digest = r->lab->digest,
		.commit = info.commit,
		.version = r->lab->version,
		.variant = lab_variant_id(r->lab),
		.image_names = l.image_names,
		.image_ids = l.image_ids,
		.n_images = l.n_images,
		.attempt_id = attempt,
		.attempt_n = r->attempt,
		.mode = r->lab->exam ? "exam" : "practice",
		.seed_session = seed_session,
		.seed_grade = seed_grade,
		.submitted_ms = r->started_ms,
		.graded_ms = loop_wall_ms(sessions_loop(r->g->m)),
		.evidence_root = x->root,
		.capture_ms = r->capture_ms,
		.capture_complete = r->captures == 0 || r->capture_complete,
		.check_set = set,
		.grader_version = LABYARD_VERSION,
		.engine_kind = "docker",
		.engine_version = engine->version,
		.tasks = l.tasks,
		.n_tasks = r->n_tasks,
		.checks = l.checks,
		.n_checks = r->n_items,
		.hints = l.hints,
		.n_hints = l.n_hints,
		.earned_m = r->earned_m,
		.max_m = r->max_m,
		.percent_bp = r->percent_bp,
		.pass_mark_bp = r->lab->pass_mark_bp,
		.hint_floor_bp = r->lab->hint_floor_bp,
		.passed = r->passed,
		.trust_min = r->trust,
		.forgeable_m = r->forgeable_m,
	};
	memcpy(in.prev, r->g->chain_hash, sizeof(in.prev));
	return record_make(&r->record, &in, r->g->key, e);
}

/* --- the transaction --- */

/* However it ended: the run is over, and the next one that waits may write its record. */
static void seal_over(struct seal *x, const char *state, const struct err *e)
{
	struct grader *g = x->r->g;
	struct run *next;

	x->r->finishing = g->sealing = false;
	run_finish(x->r, state, e);
	seal_free(x);
	list_for_each(next, &g->runs, link)
		if (next->wants_seal) {
			next->wants_seal = false;
			run_seal(next);
			return;
		}
}

static void committed(void *arg, const struct err *e)
{
	struct seal *x = arg;
	struct run *r = x->r;

	killpoint("after-record");
	if (e->code !=
		0) { /* nothing of it is durable: the chain goes back, nobody is told of a grade */
		seal_over(x, "incomplete", e);
		return;
	}
	r->record_seq = ++r->g->chain_seq;
	memcpy(r->g->chain_hash, r->record.hash, sizeof(r->g->chain_hash));
	map_put(r->g->attempts, r->lab_name, (void *)(intptr_t)r->attempt);
	seal_over(x, "done", &ERR_NONE);
}

static void result_text(struct run *r, struct buf *out)
{
	struct json_writer w;

	json_begin(&w, out, false);
	json_object(&w, NULL);
	run_json(r, &w);
	json_end(&w);
}

static void written(void *arg)
{
	struct seal *x = arg;
	struct run *r = x->r;
	struct session *s = sessions_by_id(r->g->m, r->session);
	_cleanup_buf_ struct buf result = BUF(4 << 20);
	struct err e = x->err;

	if (e.code == 0 && !s)
		err_set(&e, ERR_STATE, "the session went away before its grade was recorded");
	if (e.code != 0 || make_record(x, r, s, &e) < 0) {
		seal_over(x, "incomplete", &e);
		return;
	}
	r->record_seq =
		r->g->chain_seq + 1; /* these three for the rows only, until they are durable */
	r->ended_ms = loop_wall_ms(sessions_loop(r->g->m));
	str_set(&r->state, "done");
	result_text(r, &result);
	struct tx *t = tx_new(sessions_store(r->g->m));
	struct row_record row = {.chain = "local",
		.seq = r->record_seq,
		.body = r->record.body,
		.at_ms = r->ended_ms};
	row.record_id = x->record_id;
	memcpy(row.hash, r->record.hash, sizeof(row.hash));
	memcpy(row.sig, r->record.sig, sizeof(row.sig));
	tx_record(t, &row);
	run_save(r, t, buf_str(&result));
	grader_keep(r->g, r, t);
	str_set(&r->state, "running");
	r->record_seq = r->ended_ms = 0;
	killpoint("before-record");
	tx_commit(t, committed, x);
}

/* The first check whose error makes the grade incomplete, and what is known of it. */
static void say_incomplete(const struct run *r, struct err *e)
{
	for (size_t i = 0; i < r->n_items; i++) {
		const struct item *it = &r->items[i];
		const char *text = it->j.text ? it->j.text : "";

		if (it->j.verdict != VERDICT_ERROR || it->check->severity == SEVERITY_INFO)
			continue;
		_cleanup_free_ char *why = str_visible(text, MIN(strlen(text), (size_t)300), false);
		err_set(e, ERR_ENGINE,
			"nothing was charged, and nothing is recorded: '%s' could not be judged: "
			"%s",
			it->check->name, why);
		return;
	}
}

/* Quick runs only keep their verdicts. Grades that miss a verdict for points are not recorded. */
void run_seal(struct run *r)
{
	struct err e = ERR_NONE;

	run_score(r);
	if (!r->grade || r->incomplete) {
		struct tx *t = tx_new(sessions_store(r->g->m));

		grader_keep(r->g, r, t);
		tx_commit(t, NULL, NULL);
		if (r->incomplete)
			say_incomplete(r, &e);
		run_finish(r, r->grade && r->incomplete ? "incomplete" : "done", &e);
		return;
	}
	if (r->g->sealing) { /* one record of the chain at a time */
		r->wants_seal = true;
		return;
	}
	r->finishing = r->g->sealing = true;
	struct seal *x = NEW(struct seal);
	x->r = r;
	x->folder = strf("%s/evidence/%" PRId64, r->g->state_dir, r->id);
	buf_init(&x->leaves, MAX_EVIDENCE);
	gather(x, r);
	if (worker_submit(sessions_io(r->g->m), write_run, written, x, &e) < 0)
		seal_over(x, "incomplete", &e);
}
