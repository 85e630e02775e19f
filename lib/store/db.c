/* db.c - writing and reading the database: the only place that steps statements. */
#include "store/db.h"

#include "base/str.h"

#include <errno.h>
#include <sqlite3.h>

enum { ID_BLOCK = 1024 }; /* ids reserved at once; what is left of a block is lost at a restart */

static const char *const step_sql[DB_STEPS] = {
	[DB_BEGIN] = "BEGIN IMMEDIATE",
	[DB_COMMIT] = "COMMIT",
	[DB_ROLLBACK] = "ROLLBACK",
	[DB_SAVE] = "SAVEPOINT tx",
	[DB_RELEASE] = "RELEASE tx",
	[DB_UNDO] = "ROLLBACK TO tx",
	[DB_RESERVE] = "UPDATE meta SET next_id = ?1",
};

#define OF_LIVE "WHERE session IN (SELECT id FROM session WHERE state <> 'gone') ORDER BY session"

static const struct {
	enum table table;
	const char *tail;
} selects[SELECT_COUNT] = {
	[SELECT_SESSIONS] = {TABLE_SESSION, "WHERE state <> 'gone' ORDER BY id"},
	[SELECT_OBJECTS] = {TABLE_OBJECT, "WHERE state <> 'gone' ORDER BY id"},
	[SELECT_VERDICTS] = {TABLE_VERDICT, OF_LIVE ", \"check\""},
	[SELECT_HINTS] = {TABLE_HINT, OF_LIVE ", at_ms, task, hint"},
	[SELECT_GRADES] = {TABLE_GRADE, "ORDER BY id"},
	[SELECT_LAST_RECORDS] = {TABLE_RECORD,
		"AS r WHERE seq = (SELECT max(seq) FROM record WHERE chain = r.chain) ORDER BY "
		"chain"},
	[SELECT_REPOS] = {TABLE_REPO, "ORDER BY name"},
	[SELECT_REPO_LABS] = {TABLE_REPO_LAB, "ORDER BY repo, slug"},
	[SELECT_EVENTS] = {TABLE_EVENT, "WHERE id > :after ORDER BY id LIMIT :limit"},
	[SELECT_EVENTS_OF_SESSION] = {TABLE_EVENT,
		"WHERE session = :session AND id > :after ORDER BY id LIMIT :limit"},
	[SELECT_LAST_EVENTS] = {TABLE_EVENT,
		"WHERE id IN (SELECT id FROM event ORDER BY id DESC LIMIT :limit) ORDER BY id"},
	[SELECT_GRADES_NEWEST] = {TABLE_GRADE, "WHERE id < :before ORDER BY id DESC LIMIT :limit"},
	[SELECT_GRADES_OF_LAB] = {TABLE_GRADE,
		"WHERE :text IN (lab, substr(lab, instr(lab, '/') + 1)) AND id < :before "
		"ORDER BY id DESC LIMIT :limit"},
	[SELECT_RECORDS_OF_CHAIN] = {TABLE_RECORD,
		"WHERE chain = :text AND seq >= :after ORDER BY seq LIMIT :limit"},
};

/* --- errors ---------------------------------------------------------------------------------- */

/* SQLite's code (extended before primary), ours, and the advice. */
static const struct {
	int sqlite, code;
	const char *advice;
} causes[] = {
	{SQLITE_CONSTRAINT_UNIQUE, ERR_EXISTS, ""},
	{SQLITE_CONSTRAINT_PRIMARYKEY, ERR_EXISTS, ""},
	{SQLITE_CONSTRAINT_TRIGGER, ERR_STATE, ""},
	{SQLITE_IOERR_FSYNC, ERR_IO, ": start labd again when its disk works"},
	{SQLITE_IOERR_DIR_FSYNC, ERR_IO, ": start labd again when its disk works"},
	{SQLITE_FULL, ERR_NO_SPACE, ": free space on its disk"},
	{SQLITE_READONLY, ERR_NO_SPACE, ": make its folder writable"},
	{SQLITE_IOERR, ERR_IO, ""},
	{SQLITE_CANTOPEN, ERR_IO, ""},
	{SQLITE_BUSY, ERR_IO, ": close the other program that has it open"},
	{SQLITE_TOOBIG, ERR_LIMIT, ""},
	{SQLITE_CORRUPT, ERR_STATE, ": it is damaged; stop labd and restore a backup"},
	{SQLITE_NOTADB, ERR_STATE, ": it is damaged; stop labd and restore a backup"},
};

int db_fail(struct db *d, const char *what, struct err *e)
{
	int x = sqlite3_extended_errcode(d->sql);
	int sys = d->sys ? d->sys : sqlite3_system_errno(d->sql);
	int code = ERR_INTERNAL;
	const char *advice = "";

	if ((x & 0xff) == SQLITE_IOERR && (sys == EDQUOT || sys == ENOSPC || sys == EFBIG))
		x = SQLITE_FULL;
	for (size_t i = ARRAY_SIZE(causes); i-- > 0;) {
		if (causes[i].sqlite == x || causes[i].sqlite == (x & 0xff)) {
			code = causes[i].code;
			advice = causes[i].advice;
		}
	}
	err_set(e, code, "cannot %s the database '%s': %s%s", what, d->path, sqlite3_errmsg(d->sql),
		advice);
	if (e && (x & 0xff) == SQLITE_IOERR)
		e->sys = sys;
	return code;
}

/*
 * A failed fsync may have dropped what it was to save, and the next one would not say so
 * (the kernel marks the pages clean). Only a start, which writes the log's pages anew, is safe.
 */
static bool must_restart(struct db *d)
{
	int x = sqlite3_extended_errcode(d->sql);

	return x == SQLITE_IOERR_FSYNC || x == SQLITE_IOERR_DIR_FSYNC ||
		(x & 0xff) == SQLITE_CORRUPT || x == SQLITE_NOTADB;
}

/* --- statements ------------------------------------------------------------------------------ */

static int prepare(struct db *d, const char *sql, struct sqlite3_stmt **ret, struct err *e)
{
	if (sqlite3_prepare_v3(d->sql, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL) == SQLITE_OK)
		return 0;
	return db_fail(d, "prepare a statement for", e);
}

int db_prepare(struct db *d, struct err *e)
{
	int r = 0;

	for (int i = 0; i < DB_STEPS && r == 0; i++)
		r = prepare(d, step_sql[i], &d->steps[i], e);
	for (enum table t = 0; t < TABLE_COUNT && r == 0; t++) {
		_cleanup_free_ char *sql = table_write_sql(t);

		r = prepare(d, sql, &d->writes[t], e);
	}
	for (int i = 0; i < SELECT_COUNT && r == 0; i++) {
		_cleanup_free_ char *sql = table_read_sql(selects[i].table, selects[i].tail);

		r = prepare(d, sql, &d->reads[i], e);
	}
	return r;
}

void db_close(struct db *d)
{
	if (!d)
		return;
	for (int i = 0; i < DB_STEPS; i++)
		sqlite3_finalize(d->steps[i]);
	for (int i = 0; i < TABLE_COUNT; i++)
		sqlite3_finalize(d->writes[i]);
	for (int i = 0; i < SELECT_COUNT; i++)
		sqlite3_finalize(d->reads[i]);
	sqlite3_close(d->sql);
	close_fd(&d->lock); /* last: it is what keeps a second program out */
	free(d->path);
	free(d);
}

int db_exec(struct db *d, const char *sql, struct err *e)
{
	errno = 0;
	if (sqlite3_exec(d->sql, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	d->sys = errno;
	return db_fail(d, "write", e);
}

/* An SQLite code; the statement is ready for its next use. */
static int step(struct db *d, struct sqlite3_stmt *st)
{
	errno = 0;
	int r = sqlite3_step(st);
	bool good = r == SQLITE_DONE || r == SQLITE_ROW;
	d->sys = good ? 0 : errno; /* SQLite does not keep the errno of a failed COMMIT */
	(void)sqlite3_reset(st);   /* repeats r */
	return good ? SQLITE_OK : r;
}

/* --- writing --------------------------------------------------------------------------------- */

/* The row is at fault, not the database. */
static bool refused(struct db *d, int r)
{
	return ((r & 0xff) == SQLITE_CONSTRAINT || (r & 0xff) == SQLITE_TOOBIG) &&
		!sqlite3_get_autocommit(d->sql);
}

static int write_rows(struct db *d, struct row *row)
{
	int r = SQLITE_OK;

	for (; row && r == SQLITE_OK; row = row->next) {
		r = row_bind(d->writes[row->table], row->table, row->data);
		if (r == SQLITE_OK)
			r = step(d, d->writes[row->table]);
	}
	return r;
}

static int write_tx(struct db *d, struct tx *t)
{
	int r = step(d, d->steps[DB_SAVE]);

	if (r != SQLITE_OK)
		return r;
	r = write_rows(d, t->rows);
	if (refused(d, r)) {
		db_fail(d, "write", &t->err);
		r = step(d, d->steps[DB_UNDO]);
	}
	return r == SQLITE_OK ? step(d, d->steps[DB_RELEASE]) : r;
}

static int reserve(struct db *d, int64_t below)
{
	(void)sqlite3_bind_int64(d->steps[DB_RESERVE], 1, below);
	return step(d, d->steps[DB_RESERVE]);
}

int db_write(struct db *d, struct tx *first, int64_t next_id, struct err *e)
{
	int64_t reserved = d->reserved;

	if (d->broken.code)
		return err_copy(e, &d->broken);
	int r = step(d, d->steps[DB_BEGIN]);
	for (struct tx *t = first; t && r == SQLITE_OK; t = t->next)
		r = write_tx(d, t);
	if (r == SQLITE_OK && next_id > reserved - ID_BLOCK / 2) {
		reserved = next_id + ID_BLOCK;
		r = reserve(d, reserved);
	}
	if (r == SQLITE_OK)
		r = step(d, d->steps[DB_COMMIT]);
	if (r == SQLITE_OK) {
		d->reserved = reserved;
		return 0;
	}

	struct err cause;
	db_fail(d, "write", &cause);
	if (must_restart(d))
		d->broken = cause;
	if (!sqlite3_get_autocommit(d->sql) && step(d, d->steps[DB_ROLLBACK]) != SQLITE_OK)
		d->broken = cause; /* half a transaction would stay open */
	return err_copy(e, &cause);
}

int db_probe(struct db *d, struct err *e)
{
	/* a higher next_id is a change that matters to nobody, and it must reach the disk */
	return db_write(d, NULL, d->reserved, e);
}

/* --- reading --------------------------------------------------------------------------------- */

static void bind_query(struct sqlite3_stmt *st, const struct store_query *q)
{
	int at; /* 0 where the select has no such parameter */

	if ((at = sqlite3_bind_parameter_index(st, ":session")))
		(void)sqlite3_bind_int64(st, at, q->session);
	if ((at = sqlite3_bind_parameter_index(st, ":after")))
		(void)sqlite3_bind_int64(st, at, q->after);
	if ((at = sqlite3_bind_parameter_index(st, ":before")))
		(void)sqlite3_bind_int64(st, at, q->after ? q->after : INT64_MAX);
	if ((at = sqlite3_bind_parameter_index(st, ":text")))
		(void)sqlite3_bind_text(st, at, q->text, -1, SQLITE_STATIC);
	if ((at = sqlite3_bind_parameter_index(st, ":limit")))
		(void)sqlite3_bind_int(st, at, q->limit);
}

int db_read(struct db *d, enum db_select what, const struct store_query *q, db_row_cb fn, void *arg,
	struct err *e)
{
	union {
		struct row_session session;
		struct row_object object;
		struct row_event event;
		struct row_verdict verdict;
		struct row_hint hint;
		struct row_grade grade;
		struct row_record record;
		struct row_repo repo;
		struct row_repo_lab repo_lab;
	} row;
	struct sqlite3_stmt *st = d->reads[what];
	int r = 0, code = SQLITE_DONE;

	if (q)
		bind_query(st, q);
	while (r == 0 && (code = sqlite3_step(st)) == SQLITE_ROW) {
		row_read(st, selects[what].table, &row);
		r = fn(arg, selects[what].table, &row, e);
	}
	if (r == 0 && code != SQLITE_DONE)
		r = db_fail(d, "read", e);
	(void)sqlite3_reset(st); /* repeats code */
	return r;
}
