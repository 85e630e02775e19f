/*
 * db.h - the database file, for store.c alone: opening, writing, reading. Everything here blocks.
 *
 * A struct db is used by one thread at a time: by the loop's until the worker has it, then by the
 * db thread alone. Only SQLite opens the file, and nothing forks without exec while it is open.
 */
#pragma once

#include "store/store.h"
#include "store/table.h"

struct sqlite3;

/* Fixed statements that are kept prepared. */
enum db_step {
	DB_BEGIN, DB_COMMIT, DB_ROLLBACK, DB_SAVE, DB_RELEASE, DB_UNDO, DB_RESERVE, DB_STEPS,
};

/* What can be read. */
enum db_select {
	SELECT_SESSIONS,
	SELECT_OBJECTS,
	SELECT_VERDICTS,
	SELECT_HINTS,
	SELECT_GRADES,
	SELECT_LAST_RECORDS,
	SELECT_REPOS,
	SELECT_REPO_LABS,
	SELECT_LOADS_, /* those above are what store_load reads, in this order */
	SELECT_EVENTS = SELECT_LOADS_,
	SELECT_EVENTS_OF_SESSION,
	SELECT_LAST_EVENTS,
	SELECT_GRADES_NEWEST,
	SELECT_GRADES_OF_LAB,
	SELECT_RECORDS_OF_CHAIN,
	SELECT_COUNT
};

struct db {
	struct sqlite3 *sql;
	char *path;
	int lock; /* descriptor of the folder's lock file */
	char install[37];
	int64_t epoch;
	int64_t first_id; /* the first that may be handed out */
	int64_t reserved; /* ids below are known to the database as handed out */
	int sys;          /* errno of the last statement, 0 when it worked */
	struct err broken; /* code != 0: nothing may be written before the next start */
	struct sqlite3_stmt *steps[DB_STEPS], *writes[TABLE_COUNT], *reads[SELECT_COUNT];
};

/* One transaction: its rows, its outcome, and whom to tell. */
struct tx {
	struct tx *next;
	struct row *rows, **end;
	struct err err;
	struct store *store;
	store_done done;
	void *arg;
};

/* As store_open, without the thread. */
int db_open(struct db **ret, const char *folder, struct err *e);
void db_close(struct db *d); /* NULL is fine */
DEFINE_CLEANUP(struct db *, db_close)

/* For open.c. db_prepare needs the tables; db_fail fills *e from SQLite's last error. */
int db_prepare(struct db *d, struct err *e);
int db_exec(struct db *d, const char *sql, struct err *e);
int db_fail(struct db *d, const char *what, struct err *e);

/*
 * Carry out a list of transactions as one, with a savepoint each. A transaction whose rows the
 * schema refuses gets its t->err and leaves no trace; the others are not touched by it.
 * Returns 0 when everything else is durable. A failure means that nothing of the list is there.
 * next_id is the next that the loop would hand out: its block is reserved with the same commit.
 */
int db_write(struct db *d, struct tx *first, int64_t next_id, struct err *e);

/* Does a small transaction work (again)? */
int db_probe(struct db *d, struct err *e);

/* Rows in order; the row is borrowed for the call. A negative answer of fn stops with that code. */
typedef int (*db_row_cb)(void *arg, enum table t, const void *row, struct err *e);
/* key: session or text by the select; both are ignored where the select has none. */
int db_read(struct db *d, enum db_select what, const struct store_query *q, db_row_cb fn, void *arg,
	struct err *e);
