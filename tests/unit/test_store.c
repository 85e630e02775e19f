/* test_store.c - rows, transactions, ids, locks, versions and history of the database. */
#include "tests/unit/store_test.h"

#include <sys/stat.h>
#include <unistd.h>

/* --- rows come back --------------------------------------------------------------------------- */

struct seen {
	int sessions, objects, verdicts, hints, grades, records, repos, repo_labs, warned;
};

static void see_session(void *arg, const struct row_session *r)
{
	((struct seen *)arg)->sessions++;
	((struct seen *)arg)->warned = (int)r->warned;
	assert_int_equal(r->id, 41);
	assert_string_equal(r->name, "drift-retrain-7k2m");
	assert_string_equal(r->lab, "drift-retrain");
	assert_string_equal(r->source, "/labs");
	assert_string_equal(r->digest, "abc");
	assert_null(r->commit);
	assert_string_equal(r->version, "1.2.0");
	assert_int_equal(r->seed[0], 1);
	assert_int_equal(r->seed[31], 32);
	assert_string_equal(r->state, "paused");
	assert_int_equal(r->gen, 2);
	assert_int_equal(r->created_ms, 3);
	assert_int_equal(r->ready_ms, 4);
	assert_int_equal(r->expires_ms, INT64_MAX);
	assert_int_equal(r->keep_until_ms, 6);
	assert_int_equal(r->activity_ms, 7);
	assert_string_equal(r->activity, "terminal tr\xc3\xa4iner 'x'");
	assert_int_equal(r->extended, 8);
	assert_string_equal(r->cause, "");
	assert_true(r->tainted);
	assert_int_equal(r->ended_ms, 9);
}

static void see_object(void *arg, const struct row_object *r)
{
	((struct seen *)arg)->objects++;
	assert_int_equal(r->id, 42);
	assert_int_equal(r->session, 41);
	assert_int_equal(r->gen, 1);
	assert_string_equal(r->kind, "container");
	assert_string_equal(r->role, "learner");
	assert_string_equal(r->slot, "serve");
	assert_string_equal(r->name, "lab-x-serve-42");
	assert_string_equal(r->engine_id, "beef");
	assert_string_equal(r->state, "live");
	assert_string_equal(r->spec, "{\"a\":1}");
	assert_int_equal(r->epoch, 5);
	assert_int_equal(r->tries, 6);
	assert_int_equal(r->changed_ms, 7);
	assert_null(r->last_error);
}

static void see_verdict(void *arg, const struct row_verdict *r)
{
	((struct seen *)arg)->verdicts++;
	assert_int_equal(r->session, 41);
	assert_int_equal(r->gen, 2);
	assert_int_equal(r->at_ms, 3);
	assert_int_equal(r->ms, 4);
	assert_int_equal(r->earned_m, 5);
	assert_string_equal(r->check, "measure/ranks");
	assert_string_equal(r->verdict, "fail");
	assert_null(r->reason);
	assert_string_equal(r->text, "no");
	assert_string_equal(r->hint, "look");
	assert_string_equal(r->output, "a\nb");
	assert_true(r->quick);
}

static void see_hint(void *arg, const struct row_hint *r)
{
	((struct seen *)arg)->hints++;
	assert_int_equal(r->session, 41);
	assert_int_equal(r->cost_m, 2000);
	assert_int_equal(r->at_ms, 3);
	assert_string_equal(r->task, "alert");
	assert_string_equal(r->hint, "pointer");
}

static void see_grade(void *arg, const struct row_grade *r)
{
	((struct seen *)arg)->grades++;
	assert_int_equal(r->id, 43);
	assert_int_equal(r->session, 41);
	assert_int_equal(r->n, 3);
	assert_string_equal(r->key, "k1");
	assert_string_equal(r->state, "done");
	assert_int_equal(r->seed[31], 77);
	assert_string_equal(r->options, "distinction");
	assert_int_equal(r->started_ms, 4);
	assert_int_equal(r->ended_ms, 5);
	assert_string_equal(r->result, "{\"x\":1}");
	assert_int_equal(r->record_seq, 1);
	assert_string_equal(r->lab, "drift-retrain");
}

static void see_record(void *arg, const struct row_record *r)
{
	((struct seen *)arg)->records++;
	assert_string_equal(r->chain, "local");
	assert_int_equal(r->seq, 2);
	assert_string_equal(r->record_id, "r2");
	assert_string_equal(r->body, "{\"v\":1}");
	assert_int_equal(r->hash[31], 5);
	assert_int_equal(r->sig[63], 6);
	assert_int_equal(r->at_ms, 7);
}

static void see_repo(void *arg, const struct row_repo *r)
{
	((struct seen *)arg)->repos++;
	assert_string_equal(r->name, "mlops");
	assert_string_equal(r->url, "https://git.example/mlops");
	assert_null(r->ref);
	assert_string_equal(r->commit, "c2");
	assert_null(r->error);
	assert_true(r->has_key);
	assert_int_equal(r->added_ms, 3);
	assert_int_equal(r->synced_ms, 4);
}

static void see_repo_lab(void *arg, const struct row_repo_lab *r)
{
	((struct seen *)arg)->repo_labs++;
	assert_string_equal(r->repo, "mlops");
	assert_string_equal(r->slug, "drift");
	assert_null(r->commit);
	assert_null(r->digest);
	assert_string_equal(r->state, "rejected");
	assert_string_equal(r->problems, "[\"x\"]");
}

static struct seen load(struct place *p)
{
	struct seen seen = {0};
	struct store_loader to = {&seen, see_session, see_object, see_verdict, see_hint, see_grade,
		see_record, see_repo, see_repo_lab};

	assert_int_equal(store_load(p->store, &to, NULL), 0);
	return seen;
}

static struct tx *tx_full(struct store *s)
{
	struct tx *t = tx_new(s);
	char passing[] = "drift-retrain-7k2m"; /* strings are copied: this one goes */
	struct row_session session = {.id = 41,
		.name = passing,
		.lab = "drift-retrain",
		.source = "/labs",
		.digest = "abc",
		.version = "1.2.0",
		.state = "paused",
		.gen = 2,
		.created_ms = 3,
		.ready_ms = 4,
		.expires_ms = INT64_MAX,
		.keep_until_ms = 6,
		.activity_ms = 7,
		.activity = "terminal tr\xc3\xa4iner 'x'",
		.extended = 8,
		.warned = 10,
		.cause = "",
		.tainted = true,
		.ended_ms = 9};
	for (int i = 0; i < 32; i++)
		session.seed[i] = (unsigned char)(i + 1);
	tx_session(t, &session);
	memset(passing, 'x', sizeof(passing) - 1);
	tx_object(t, &(struct row_object){.id = 42,
			     .session = 41,
			     .gen = 1,
			     .kind = "container",
			     .role = "learner",
			     .slot = "serve",
			     .name = "lab-x-serve-42",
			     .engine_id = "beef",
			     .state = "live",
			     .spec = "{\"a\":1}",
			     .epoch = 5,
			     .tries = 6,
			     .changed_ms = 7});
	tx_verdict(t, &(struct row_verdict){.session = 41,
			      .gen = 2,
			      .at_ms = 3,
			      .ms = 4,
			      .earned_m = 5,
			      .check = "measure/ranks",
			      .verdict = "fail",
			      .text = "no",
			      .hint = "look",
			      .output = "a\nb",
			      .quick = true});
	tx_hint(t, &(struct row_hint){41, 2000, 3, "alert", "pointer"});
	struct row_grade grade = {.id = 43,
		.session = 41,
		.n = 3,
		.key = "k1",
		.state = "done",
		.options = "distinction",
		.started_ms = 4,
		.ended_ms = 5,
		.result = "{\"x\":1}",
		.record_seq = 1,
		.lab = "drift-retrain"};
	grade.seed[31] = 77;
	tx_grade(t, &grade);
	for (int i = 1; i <= 2; i++) {
		struct row_record record = {
			.chain = "local", .seq = i, .body = "{\"v\":1}", .at_ms = 7};

		record.record_id = i == 1 ? "r1" : "r2";
		record.hash[31] = 5;
		record.sig[63] = 6;
		tx_record(t, &record);
	}
	struct row_repo repo = {"mlops", "https://git.example/mlops", NULL, "c1", "no", true, 3, 4};
	tx_repo(t, &repo);
	repo.commit = "c2"; /* replaces */
	repo.error = NULL;
	tx_repo(t, &repo);
	tx_repo_lab(t, &(struct row_repo_lab){"mlops", "old", "c1", "d", "new", NULL});
	tx_clear_repo_labs(t, "mlops");
	tx_repo_lab(t, &(struct row_repo_lab){"mlops", "drift", NULL, NULL, "rejected", "[\"x\"]"});
	repo.name = "other";
	tx_repo(t, &repo);
	tx_clear_repo(t, "other");
	return t;
}

#define VERSION_4 "ALTER TABLE session DROP COLUMN warned; PRAGMA user_version = 4"
#define VERSION_3 \
	VERSION_4 "; ALTER TABLE session DROP COLUMN variant; PRAGMA user_version = 3"
#define VERSION_2 VERSION_3 "; CREATE INDEX grade_lab ON grade (lab); PRAGMA user_version = 2"
#define VERSION_1 "DROP TABLE repo; DROP TABLE repo_lab; " VERSION_2 "; PRAGMA user_version = 1"

/* A database of the first version gets what came later, and keeps what it has. */
static void an_older_database_is_brought_up(void **state)
{
	struct place *p = *state;

	assert_int_equal(commit(p, tx_full(p->store)), 0);
	place_close(p);
	place_exec(p, VERSION_1);
	place_open(p);
	struct seen seen = load(p);
	assert_int_equal(seen.sessions, 1);
	assert_int_equal(seen.repos, 0);
	assert_int_equal(seen.warned, 0);
	assert_int_equal(commit(p, tx_new(p->store)), 0);
}

struct names {
	char text[64];
};

static void grade_name(void *arg, const struct row_grade *g)
{
	struct names *to = arg;
	size_t n = strlen(to->text);

	(void)snprintf(to->text + n, sizeof(to->text) - n, "%s ", g->lab);
}

/* Version 2 kept a grade of mlops/drift-retrain as one of the catalogue's drift-retrain. */
static void old_grades_are_given_to_the_lab_they_are_of(void **state)
{
	static const char *const sources[] = {"/srv/labs", "repo/mlops"};
	struct place *p = *state;
	struct names seen = {""};
	const struct store_loader to = {.arg = &seen, .grade = grade_name};
	struct tx *t = tx_new(p->store);

	for (int i = 0; i < 2; i++) {
		struct row_session session = a_session(41 + i);
		struct row_grade grade = a_grade(51 + i, 41 + i, sources[i]);

		session.source = sources[i];
		grade.lab = "drift-retrain";
		tx_session(t, &session);
		tx_grade(t, &grade);
	}
	assert_int_equal(commit(p, t), 0);
	place_close(p);
	place_exec(p, VERSION_2);
	place_open(p);
	assert_int_equal(store_load(p->store, &to, NULL), 0);
	assert_string_equal(seen.text, "drift-retrain mlops/drift-retrain ");
}

static void rows_come_back_as_they_were_written(void **state)
{
	struct place *p = *state;

	assert_int_equal(commit(p, tx_full(p->store)), 0);
	place_close(p);
	place_open(p);
	struct seen seen = load(p);
	assert_memory_equal(&seen, (&(struct seen){1, 1, 1, 1, 1, 1, 1, 1, 10}), sizeof(seen));
}

static void what_is_gone_is_not_loaded(void **state)
{
	struct place *p = *state;
	struct row_session session = a_session(41);

	assert_int_equal(commit(p, tx_full(p->store)), 0);
	struct tx *t = tx_new(p->store);
	session.state = "gone";
	tx_session(t, &session);
	tx_object(t, &(struct row_object){.id = 42,
			     .session = 41,
			     .kind = "container",
			     .name = "x",
			     .state = "gone"});
	assert_int_equal(commit(p, t), 0);
	struct seen seen = load(p);
	assert_memory_equal(&seen,
		(&(struct seen){.grades = 1, .records = 1, .repos = 1, .repo_labs = 1}),
		sizeof(seen));
}

static void count_verdict(void *arg, const struct row_verdict *r)
{
	(*(int *)arg)++;
	assert_string_equal(r->verdict, "pass");
}

static void count_hint(void *arg, const struct row_hint *r)
{
	(*(int *)arg)++;
	assert_int_equal(r->cost_m, 2000);
}

static void verdicts_are_replaced_and_hints_are_not(void **state)
{
	struct place *p = *state;
	int verdicts = 0, hints = 0;

	assert_int_equal(commit(p, tx_full(p->store)), 0);
	struct tx *t = tx_new(p->store);
	tx_verdict(t,
		&(struct row_verdict){.session = 41, .check = "measure/ranks", .verdict = "pass"});
	tx_hint(t, &(struct row_hint){41, 9000, 99, "alert", "pointer"});
	assert_int_equal(commit(p, t), 0);
	assert_int_equal(
		store_load(p->store,
			&(struct store_loader){.arg = &verdicts, .verdict = count_verdict}, NULL),
		0);
	assert_int_equal(store_load(p->store,
				 &(struct store_loader){.arg = &hints, .hint = count_hint}, NULL),
		0);
	assert_int_equal(verdicts, 1);
	assert_int_equal(hints, 1);

	t = tx_new(p->store);
	tx_clear_verdicts(t, 41);
	assert_int_equal(commit(p, t), 0);
	assert_int_equal(load(p).verdicts, 0);
}

/* --- transactions ----------------------------------------------------------------------------- */

static void a_refused_transaction_leaves_no_trace_and_others_alone(void **state)
{
	struct place *p = *state;
	struct answer a[4] = {0};
	struct row_session session = a_session(1);
	struct row_grade grades[4] = {a_grade(10, 1, "k10"), a_grade(11, 1, "k11"),
		a_grade(12, 1, "k11"), a_grade(13, 1, "k13")};

	for (int i = 0; i < 4; i++) { /* they share a transaction */
		struct tx *t = tx_new(p->store);

		tx_session(t, &session);
		tx_event(t, &(struct row_event){100 + i, 1, 5, "graded", "{}", NULL});
		tx_grade(t, &grades[i]);
		tx_commit(t, answer_take, &a[i]);
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(answer_wait(p, &a[i]), i == 2 ? ERR_EXISTS : 0);
	assert_null(store_degraded(p->store));
	place_close(p);
	sqlite3 *sql = place_sql(p);
	assert_int_equal(sql_int(sql, "SELECT count(*) FROM grade"), 3);
	assert_int_equal(sql_int(sql, "SELECT count(*) FROM event WHERE id = 102"), 0);
	assert_int_equal(sql_int(sql, "SELECT count(*) FROM event"), 3);
	sqlite3_close(sql);
}

static void what_nobody_waits_for_is_written_by_itself(void **state)
{
	struct place *p = *state;
	struct tx *t = tx_new(p->store);

	tx_event(t, &(struct row_event){1, 0, 0, "tick", NULL, NULL});
	tx_commit(t, NULL, NULL);
	assert_false(store_idle(p->store));
	for (int turns = 0; turns < 100 && !store_idle(p->store); turns++)
		(void)loop_once(p->loop, true);
	sqlite3 *sql = place_sql(p);
	assert_int_equal(sql_int(sql, "SELECT count(*) FROM event"), 1);
	sqlite3_close(sql);
}

static void a_row_outside_the_schema_is_refused(void **state)
{
	struct place *p = *state;
	struct row_session session = a_session(1);
	struct tx *t = tx_new(p->store);

	session.name = NULL;
	tx_session(t, &session);
	assert_int_equal(commit(p, t), ERR_INTERNAL);
	t = tx_new(p->store);
	tx_object(t,
		&(struct row_object){.id = 1, .kind = "container", .name = "x", .state = "lost"});
	assert_int_equal(commit(p, t), ERR_INTERNAL);
	t = tx_new(p->store);
	tx_hint(t, &(struct row_hint){999, 0, 0, "t", "h"}); /* no such session */
	assert_int_equal(commit(p, t), ERR_INTERNAL);
	t = tx_new(p->store);
	char *huge = xmalloc((16 << 20) + 2);
	memset(huge, 'x', (16 << 20) + 1);
	huge[(16 << 20) + 1] = '\0';
	tx_event(t, &(struct row_event){5, 0, 0, "big", huge, NULL});
	free(huge);
	assert_int_equal(commit(p, t), ERR_LIMIT);
	assert_null(store_degraded(p->store));
}

struct order {
	int next;
};

static struct order *order;

static void in_order(void *arg, const struct err *err)
{
	assert_int_equal(err->code, 0);
	assert_int_equal((intptr_t)arg, order->next);
	order->next++;
}

static void transactions_complete_in_order_and_closing_waits_for_them(void **state)
{
	struct place *p = *state;
	struct order o = {0};

	order = &o;
	for (int i = 0; i < 500; i++) {
		struct tx *t = tx_new(p->store);

		tx_event(t, &(struct row_event){i + 1, 0, 0, "tick", NULL, NULL});
		tx_commit(t, in_order, (void *)(intptr_t)i);
	}
	assert_int_equal(o.next, 0); /* never from inside */
	while (o.next < 100)
		assert_true(loop_once(p->loop, true));
	place_close(p);
	assert_int_equal(o.next, 500);
	sqlite3 *sql = place_sql(p);
	assert_int_equal(sql_int(sql, "SELECT count(*) FROM event"), 500);
	sqlite3_close(sql);
	tx_free(NULL);
}

static void records_cannot_be_changed(void **state)
{
	static const char *const attempts[] = {
		"DELETE FROM record",
		"UPDATE record SET body = '{}'",
		"UPDATE record SET seq = 9 WHERE seq = 2",
		"INSERT OR REPLACE INTO record SELECT chain, seq, 'new', '', hash, sig, 0 FROM "
		"record",
		"INSERT OR REPLACE INTO record SELECT chain, 3, record_id, '', hash, sig, 0 FROM "
		"record"
		" WHERE seq = 1",
		"INSERT INTO record SELECT chain, seq + 3, 'r5', body, hash, sig, 0 FROM record",
	};
	struct place *p = *state;

	assert_int_equal(commit(p, tx_full(p->store)), 0);
	struct tx *t = tx_new(p->store);
	struct row_record record = a_record(4, "r4"); /* 3 is missing */
	tx_record(t, &record);
	assert_int_equal(commit(p, t), ERR_STATE);
	sqlite3 *sql = place_sql(p);
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
		assert_int_equal(
			sqlite3_exec(sql, attempts[i], NULL, NULL, NULL), SQLITE_CONSTRAINT);
	assert_int_equal(sql_int(sql, "SELECT count(*) FROM record WHERE body = '{\"v\":1}'"), 2);
	sqlite3_close(sql);
}

/* --- opening ---------------------------------------------------------------------------------- */

static void epochs_rise_and_ids_never_come_twice(void **state)
{
	struct place *p = *state;
	char install[37];
	int64_t last = 0;

	assert_int_equal(store_next_id(p->store), 1);
	(void)snprintf(install, sizeof(install), "%s", store_install(p->store));
	assert_int_equal(strlen(install), 36);
	for (int epoch = 1; epoch < 5; epoch++) {
		assert_int_equal(store_epoch(p->store), epoch);
		assert_string_equal(store_install(p->store), install);
		for (int i = 0; i < 3000; i++) { /* more than one reserved block */
			int64_t id = store_next_id(p->store);

			assert_true(id > last);
			last = id;
			if (i % 100)
				continue;
			struct tx *t = tx_new(p->store);
			tx_event(t, &(struct row_event){id, 0, 0, "x", NULL, NULL});
			assert_int_equal(commit(p, t), 0);
		}
		place_close(p);
		place_open(p);
	}
	assert_true(store_next_id(p->store) < 5 * 5000); /* names stay short */
}

static void files_are_private(void **state)
{
	static const char *const names[] = {"labyard.db", "labyard.db-wal", "lock", "install"};
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = strf("%s/%s", p->folder, names[i]);
		struct stat st;

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
}

/* It must be refused with `code`, a text that has `word`, and the file left as it was. */
static void refused(struct place *p, int code, const char *word)
{
	_cleanup_free_ char *path = strf("%s/labyard.db", p->folder);
	_cleanup_buf_ struct buf before = BUF(1 << 20), after = BUF(1 << 20);
	struct store *s = NULL;
	struct err e = ERR_NONE;
	bool there = fs_read(path, &before, NULL) == 0;

	assert_int_equal(store_open(&s, p->loop, p->folder, &e), code);
	if (!strstr(e.text, word))
		fail_msg("'%s' is not in '%s'", word, e.text);
	assert_int_equal(fs_read(path, &after, NULL) == 0, there);
	assert_int_equal(before.len, after.len);
	if (there)
		assert_memory_equal(before.data, after.data, before.len);
}

static void a_second_daemon_is_told_who_holds_the_folder(void **state)
{
	struct place *p = *state;
	char word[32];

	(void)snprintf(word, sizeof(word), "process %d", (int)getpid());
	refused(p, ERR_EXISTS, word);
	place_close(p);
	place_open(p);
}

static void foreign_and_newer_databases_are_refused(void **state)
{
	struct place *p = *state;

	place_close(p);
	place_exec(p, "PRAGMA user_version = 6");
	refused(p, ERR_STATE, "version 6 and this labd knows 5");
	place_exec(p, "PRAGMA user_version = -1");
	refused(p, ERR_STATE, "damaged");
	place_exec(p, "PRAGMA user_version = 5; PRAGMA application_id = 5");
	refused(p, ERR_STATE, "another program");
	place_exec(p, "PRAGMA application_id = 1281450617; UPDATE meta SET install = 'other'");
	refused(p, ERR_STATE, "of installation other");
	place_exec(p, "DELETE FROM meta");
	refused(p, ERR_STATE, "a row is missing");
	place_exec(p, "DROP TABLE meta");
	refused(p, ERR_STATE, "no such table");
}

static void copy(const struct place *from, const struct place *to, const char *name)
{
	_cleanup_free_ char *source = strf("%s/%s", from->folder, name);
	_cleanup_free_ char *target = strf("%s/%s", to->folder, name);
	_cleanup_buf_ struct buf b = BUF(8 << 20);

	assert_int_equal(fs_read(source, &b, NULL), 0);
	assert_int_equal(fs_write_atomic(target, b.data, b.len, 0600, NULL), 0);
}

/* Closing a database moves its log into it: not into one that we refuse. */
static void a_refused_database_keeps_its_log(void **state)
{
	struct place *p = *state, q;
	char id[38] = "00000000-0000-4000-8000-000000000000\n";

	place_new(&q);
	_cleanup_free_ char *install = strf("%s/install", q.folder);
	assert_int_equal(commit(p, tx_full(p->store)), 0);
	copy(p, &q, "labyard.db");
	copy(p, &q, "labyard.db-wal"); /* as after a crash */
	assert_int_equal(fs_write_atomic(install, id, 37, 0600, NULL), 0);
	refused(&q, ERR_STATE, "of installation");
	assert_int_equal(unlink(install), 0);
	place_open(&q);
	assert_int_equal(load(&q).sessions, 1);
	place_done(&q);
}

static void a_lost_database_is_not_taken_for_a_new_one(void **state)
{
	struct place *p = *state;
	_cleanup_free_ char *db = strf("%s/labyard.db", p->folder);
	_cleanup_free_ char *install = strf("%s/install", p->folder);

	place_close(p);
	assert_int_equal(unlink(install), 0);
	place_open(p); /* only the file was lost: it is written again */
	assert_true(fs_exists(install));
	place_close(p);
	assert_int_equal(truncate(db, 0), 0);
	refused(p, ERR_STATE, "missing");
	assert_int_equal(unlink(db), 0);
	refused(p, ERR_STATE, "remove");
	assert_int_equal(unlink(install), 0);
	place_open(p);
	assert_int_equal(store_epoch(p->store), 1);
}

/* --- history ---------------------------------------------------------------------------------- */

struct found {
	struct answer answer;
	int64_t ids[32];
	int n;
};

static void take_event(void *arg, const struct row_event *r)
{
	struct found *f = arg;

	assert_string_equal(r->kind, "tick");
	assert_true(str_same(r->session_name, r->session == 1 ? a_session(1).name : NULL));
	f->ids[f->n++] = r->id;
}

static void take_grade(void *arg, const struct row_grade *r)
{
	struct found *f = arg;

	assert_string_equal(r->result, "{}");
	assert_string_equal(r->session_name, a_session(1).name);
	f->ids[f->n++] = r->id;
}

static void take_record(void *arg, const struct row_record *r)
{
	struct found *f = arg;

	assert_int_equal(r->hash[0], 7);
	f->ids[f->n++] = r->seq;
}

static void take_end(void *arg, const struct err *err)
{
	answer_take(&((struct found *)arg)->answer, err);
}

static const struct store_rows takers = {take_event, take_grade, take_record, take_end};

static struct found ask(struct place *p, struct store_query q)
{
	struct found f = {0};

	store_query(p->store, &q, &takers, &f);
	assert_false(f.answer.told);
	assert_int_equal(answer_wait(p, &f.answer), 0);
	return f;
}

static void expect(struct found f, int n, const int64_t *ids)
{
	assert_int_equal(f.n, n);
	for (int i = 0; i < n; i++)
		assert_int_equal(f.ids[i], ids[i]);
}
#define EXPECT(f, ...)                                                                             \
	expect(f, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),                       \
		(int64_t[]){__VA_ARGS__})

static void history_is_asked_in_pages(void **state)
{
	struct place *p = *state;
	struct tx *t = tx_new(p->store);
	struct row_session session = a_session(1);

	tx_session(t, &session);
	for (int i = 1; i <= 6; i++) {
		char key[8];

		(void)snprintf(key, sizeof(key), "%d", i);
		tx_event(t, &(struct row_event){
			i, i % 2 ? 1 : 2, 0, "tick", NULL, "is not written"});
		struct row_grade grade = a_grade(i, 1, key);
		grade.lab = i % 2 == 0 ? "b" : i == 1 ? "repo/a" : "a";
		tx_grade(t, &grade);
		struct row_record record = a_record(i, key);
		tx_record(t, &record);
	}
	tx_commit(t, NULL, NULL); /* what was committed before is seen */
	EXPECT(ask(p, (struct store_query){QUERY_EVENTS, 0, 0, NULL, 4}), 1, 2, 3, 4);
	EXPECT(ask(p, (struct store_query){QUERY_EVENTS, 0, 4, NULL, 4}), 5, 6);
	EXPECT(ask(p, (struct store_query){QUERY_EVENTS, 2, 2, NULL, 4}), 4, 6);
	EXPECT(ask(p, (struct store_query){QUERY_LAST_EVENTS, 0, 0, NULL, 4}), 3, 4, 5, 6);
	EXPECT(ask(p, (struct store_query){QUERY_LAST_EVENTS, 0, 0, NULL, 9}), 1, 2, 3, 4, 5, 6);
	EXPECT(ask(p, (struct store_query){QUERY_GRADES, 0, 0, NULL, 3}), 6, 5, 4);
	EXPECT(ask(p, (struct store_query){QUERY_GRADES, 0, 5, "a", 9}), 3, 1);
	EXPECT(ask(p, (struct store_query){QUERY_GRADES, 0, 0, "repo/a", 9}), 1);
	EXPECT(ask(p, (struct store_query){QUERY_RECORDS, 0, 4, "local", 2}), 4, 5);
	assert_int_equal(ask(p, (struct store_query){QUERY_RECORDS, 0, 1, "other", 2}).n, 0);
}

static void questions_have_limits(void **state)
{
	struct place *p = *state;
	struct found f[70] = {0}, late = {0};
	int capacity = 0;

	for (int i = 0; i < 70; i++)
		store_query(p->store, &(struct store_query){.kind = QUERY_EVENTS, .limit = 1},
			&takers, &f[i]);
	for (int i = 0; i < 70; i++)
		capacity += answer_wait(p, &f[i].answer) == ERR_CAPACITY;
	assert_int_equal(capacity, 6);

	char *large = xmalloc(12 << 20);
	memset(large, 'x', 12 << 20);
	large[(12 << 20) - 1] = '\0';
	for (int i = 0; i < 3; i++) {
		struct tx *t = tx_new(p->store);

		tx_event(t, &(struct row_event){i + 1, 0, 0, "tick", large, NULL});
		assert_int_equal(commit(p, t), 0);
	}
	free(large);
	store_query(
		p->store, &(struct store_query){.kind = QUERY_EVENTS, .limit = 3}, &takers, &late);
	assert_int_equal(answer_wait(p, &late.answer), ERR_LIMIT);
	assert_int_equal(late.n, 0);
	EXPECT(ask(p, (struct store_query){QUERY_EVENTS, 0, 0, NULL, 2}), 1, 2);
}

static void ask_again(void *arg, const struct err *err)
{
	struct place *p = arg;

	assert_int_equal(err->code, 0);
	store_query(p->store, &(struct store_query){.kind = QUERY_EVENTS, .limit = 1}, &takers,
		order); /* answered after the store has gone */
}

static void a_closing_store_still_answers(void **state)
{
	struct place *p = *state;
	struct found f = {0};
	struct tx *t = tx_new(p->store);

	order = (void *)&f;
	tx_event(t, &(struct row_event){1, 0, 0, "tick", NULL, NULL});
	tx_commit(t, ask_again, p);
	store_free(p->store);
	p->store = NULL;
	assert_int_equal(answer_wait(p, &f.answer), ERR_CANCELED);
}

#define T(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(rows_come_back_as_they_were_written),
		T(an_older_database_is_brought_up),
		T(old_grades_are_given_to_the_lab_they_are_of),
		T(what_is_gone_is_not_loaded),
		T(verdicts_are_replaced_and_hints_are_not),
		T(a_refused_transaction_leaves_no_trace_and_others_alone),
		T(what_nobody_waits_for_is_written_by_itself),
		T(a_row_outside_the_schema_is_refused),
		T(transactions_complete_in_order_and_closing_waits_for_them),
		T(records_cannot_be_changed),
		T(epochs_rise_and_ids_never_come_twice),
		T(files_are_private),
		T(a_second_daemon_is_told_who_holds_the_folder),
		T(foreign_and_newer_databases_are_refused),
		T(a_refused_database_keeps_its_log),
		T(a_lost_database_is_not_taken_for_a_new_one),
		T(history_is_asked_in_pages),
		T(questions_have_limits),
		T(a_closing_store_still_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
