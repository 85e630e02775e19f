/* store_test.h - a state folder of its own, a loop, and transactions that are waited for. */
#pragma once

#include "base/fsutil.h"
#include "base/str.h"
#include "store/store.h"
#include "tests/unit/test.h"

#include <sqlite3.h>

struct place {
	char folder[64];
	struct loop *loop;
	struct store *store;
};

static inline void place_new(struct place *p)
{
	/* in memory where that can be had: a crash of a process loses nothing that was written */
	*p = (struct place){.folder = "/dev/shm/labyard-store-XXXXXX"};
	if (!mkdtemp(p->folder)) {
		(void)snprintf(p->folder, sizeof(p->folder), "/tmp/labyard-store-XXXXXX");
		assert_non_null(mkdtemp(p->folder));
	}
	assert_int_equal(loop_new(&p->loop, NULL, NULL), 0);
}

static inline void place_open(struct place *p)
{
	struct err e = ERR_NONE;

	if (store_open(&p->store, p->loop, p->folder, &e) < 0)
		fail_msg("%s", e.text);
}

static inline void place_close(struct place *p)
{
	store_free(TAKE(p->store));
}

static inline void place_done(struct place *p)
{
	place_close(p);
	loop_free(p->loop);
	assert_int_equal(fs_remove_tree(p->folder, NULL), 0);
}

static inline int place_setup(void **state)
{
	struct place *p = NEW(struct place);

	place_new(p);
	place_open(p);
	*state = p;
	return 0;
}

static inline int place_teardown(void **state)
{
	place_done(*state);
	free(*state);
	return 0;
}

struct answer {
	bool told;
	struct err err;
};

static inline void answer_take(void *arg, const struct err *err)
{
	struct answer *a = arg;

	assert_false(a->told);
	a->told = true;
	a->err = *err;
}

static inline int answer_wait(struct place *p, struct answer *a)
{
	while (!a->told)
		if (!loop_once(p->loop, true) && !a->told)
			fail_msg("nobody will answer");
	return a->err.code;
}

static inline int commit(struct place *p, struct tx *t)
{
	struct answer a = {0};

	tx_commit(t, answer_take, &a);
	assert_false(a.told);
	return answer_wait(p, &a);
}

/* Rows with every required column; the caller changes what matters. */
static inline struct row_session a_session(int64_t id)
{
	return (struct row_session){.id = id,
		.name = "hello-lab-7k2m",
		.lab = "hello-lab",
		.source = "/labs",
		.digest = "d1",
		.seed = {1, 2, 3},
		.state = "ready",
		.gen = 1,
		.created_ms = 1000};
}

static inline struct row_grade a_grade(int64_t id, int64_t session, const char *key)
{
	return (struct row_grade){.id = id,
		.session = session,
		.n = 1,
		.key = key,
		.state = "done",
		.seed = {9},
		.started_ms = 1,
		.ended_ms = 2,
		.result = "{}",
		.lab = "hello-lab"};
}

static inline struct row_record a_record(int64_t seq, const char *record_id)
{
	return (struct row_record){.chain = "local",
		.seq = seq,
		.record_id = record_id,
		.body = "{}",
		.hash = {7},
		.sig = {8},
		.at_ms = 3};
}

/* The database itself, without lib/store. */
static inline sqlite3 *place_sql(const struct place *p)
{
	_cleanup_free_ char *path = strf("%s/labyard.db", p->folder);
	sqlite3 *sql;

	assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
	return sql;
}

static inline int64_t sql_int(sqlite3 *sql, const char *text)
{
	sqlite3_stmt *st;

	assert_int_equal(sqlite3_prepare_v2(sql, text, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	int64_t v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

static inline void place_exec(const struct place *p, const char *text)
{
	sqlite3 *sql = place_sql(p);

	assert_int_equal(sqlite3_exec(sql, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(sql);
}
