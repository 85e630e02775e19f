/*
 * table.h - the columns of every table, once: SQL, binding, reading and copying come from them.
 *
 * A "row" here is a pointer to the struct row_<table> of store.h. Pure; safe on every thread.
 */
#pragma once

#include "base/err.h"

struct sqlite3_stmt;

enum table {
	TABLE_SESSION,
	TABLE_OBJECT,
	TABLE_EVENT,
	TABLE_VERDICT,
	TABLE_VERDICT_CLEAR, /* not a table: "delete the verdicts of this session" */
	TABLE_HINT,
	TABLE_GRADE,
	TABLE_RECORD,
	TABLE_REPO,
	TABLE_REPO_CLEAR, /* as above: this repository */
	TABLE_REPO_LAB,
	TABLE_REPO_LAB_CLEAR, /* the labs of this repository */
	TABLE_COUNT
};

/* A copy of a row with its strings, in one allocation: free() ends it. */
struct row {
	struct row *next;
	enum table table;
	size_t size; /* of the whole allocation */
	_Alignas(max_align_t) unsigned char data[];
};

struct row *row_copy(enum table t, const void *data);
void row_free_list(struct row *first);

char *table_write_sql(enum table t);                    /* the caller owns it */
char *table_read_sql(enum table t, const char *tail);   /* SELECT every column, then tail */

/* Parameters ?1.. in the order of the columns; data must live until the statement is reset. */
int row_bind(struct sqlite3_stmt *st, enum table t, const void *data); /* an SQLite code */

/* Strings are borrowed from st and valid until its next step. */
void row_read(struct sqlite3_stmt *st, enum table t, void *data);
