/* table.c - the columns of every table, once: SQL, binding, reading and copying come from them. */
#include "store/table.h"

#include "base/buf.h"
#include "store/store.h"

#include <sqlite3.h>
#include <string.h>

enum column_type { COL_INT, COL_BOOL, COL_TEXT, COL_BLOB };

struct column {
	const char *name;
	enum column_type type;
	size_t offset, size;
	const char *sql; /* of a column that is only read; these come last */
};

/* A column is named as its member; its type follows from the member's. */
#define TYPE(x)                                                                                    \
	_Generic(x, int64_t: COL_INT, bool: COL_BOOL, const char *: COL_TEXT,                      \
		unsigned char *: COL_BLOB)
#define COLUMN(row, m)                                                                             \
	{                                                                                          \
		.name = #m, .type = TYPE(((struct row *)0)->m), .offset = offsetof(struct row, m), \
		.size = sizeof(((struct row *)0)->m)                                               \
	}

#define SESSION_NAME(row, table)                                                                   \
	{                                                                                          \
		.name = "session_name", .type = COL_TEXT,                                          \
		.offset = offsetof(struct row, session_name), .size = sizeof(char *),              \
		.sql = "(SELECT name FROM session AS s WHERE s.id = " table ".session)"            \
	}

#define C(m) COLUMN(row_session, m)
static const struct column session_columns[] = {C(id), C(name), C(lab), C(source), C(digest),
	C(commit), C(version), C(variant), C(seed), C(state), C(gen), C(created_ms), C(ready_ms),
	C(expires_ms), C(keep_until_ms), C(activity_ms), C(activity), C(extended), C(warned),
	C(cause), C(tainted), C(ended_ms)};
#undef C
#define C(m) COLUMN(row_object, m)
static const struct column object_columns[] = {C(id), C(session), C(gen), C(kind), C(role), C(slot),
	C(name), C(engine_id), C(state), C(spec), C(epoch), C(tries), C(changed_ms), C(last_error)};
#undef C
#define C(m) COLUMN(row_event, m)
static const struct column event_columns[] = {C(id), C(session), C(at_ms), C(kind), C(data),
	SESSION_NAME(row_event, "event")};
#undef C
#define C(m) COLUMN(row_verdict, m)
static const struct column verdict_columns[] = {C(session), C(check), C(gen), C(at_ms), C(ms),
	C(earned_m), C(verdict), C(reason), C(text), C(hint), C(output), C(quick)};
#undef C
#define C(m) COLUMN(row_hint, m)
static const struct column hint_columns[] = {C(session), C(task), C(hint), C(cost_m), C(at_ms)};
#undef C
#define C(m) COLUMN(row_grade, m)
static const struct column grade_columns[] = {C(id), C(session), C(lab), C(n), C(key), C(state),
	C(seed), C(options), C(started_ms), C(ended_ms), C(result), C(record_seq),
	SESSION_NAME(row_grade, "grade")};
#undef C
#define C(m) COLUMN(row_record, m)
static const struct column record_columns[] = {C(chain), C(seq), C(record_id), C(body), C(hash),
	C(sig), C(at_ms)};
#undef C
#define C(m) COLUMN(row_repo, m)
static const struct column repo_columns[] = {C(name), C(url), C(ref), C(commit), C(error),
	C(has_key), C(added_ms), C(synced_ms)};
#undef C
#define C(m) COLUMN(row_repo_lab, m)
static const struct column repo_lab_columns[] = {
	C(repo), C(slug), C(commit), C(digest), C(state), C(problems)};
#undef C

enum conflict { REFUSE, REPLACE, KEEP_FIRST, CLEAR };

static const struct {
	const char *name;
	size_t row_size;
	const struct column *columns;
	size_t n;      /* columns */
	size_t n_key;  /* the first columns are the primary key */
	enum conflict conflict;
} tables[TABLE_COUNT] = {
#define T(name, n_key, conflict)                                                                   \
	{#name, sizeof(struct row_##name), name##_columns, ARRAY_SIZE(name##_columns), n_key,      \
		conflict}
	[TABLE_SESSION] = T(session, 1, REPLACE),
	[TABLE_OBJECT] = T(object, 1, REPLACE),
	[TABLE_EVENT] = T(event, 1, REFUSE),
	[TABLE_VERDICT] = T(verdict, 2, REPLACE),
	[TABLE_VERDICT_CLEAR] = {"verdict", sizeof(struct row_verdict), verdict_columns, 1, 1,
		CLEAR},
	[TABLE_HINT] = T(hint, 3, KEEP_FIRST),
	[TABLE_GRADE] = T(grade, 1, REPLACE),
	[TABLE_RECORD] = T(record, 2, REFUSE),
	[TABLE_REPO] = T(repo, 1, REPLACE),
	[TABLE_REPO_CLEAR] = {"repo", sizeof(struct row_repo), repo_columns, 1, 1, CLEAR},
	[TABLE_REPO_LAB] = T(repo_lab, 2, REPLACE),
	[TABLE_REPO_LAB_CLEAR] = {"repo_lab", sizeof(struct row_repo_lab), repo_lab_columns, 1, 1,
		CLEAR},
#undef T
};

/* --- SQL ------------------------------------------------------------------------------------- */

/* How many columns are also written. */
static size_t n_written(enum table t)
{
	size_t n = tables[t].n;

	while (tables[t].columns[n - 1].sql)
		n--;
	return n;
}

/* The first n columns; names are quoted, because "check" and "commit" are words of SQL. */
static void add_columns(struct buf *b, enum table t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct column *c = &tables[t].columns[i];

		(void)buf_adds(b, i ? ", " : "");
		if (c->sql)
			(void)buf_adds(b, c->sql);
		else
			(void)buf_addf(b, "\"%s\"", c->name);
	}
}

static void add_conflict(struct buf *b, enum table t)
{
	(void)buf_adds(b, " ON CONFLICT (");
	add_columns(b, t, tables[t].n_key);
	(void)buf_adds(b, tables[t].conflict == REPLACE ? ") DO UPDATE SET " : ") DO NOTHING");
	for (size_t i = tables[t].n_key; tables[t].conflict == REPLACE && i < n_written(t); i++)
		(void)buf_addf(b, "%s\"%s\" = excluded.\"%s\"", i > tables[t].n_key ? ", " : "",
			tables[t].columns[i].name, tables[t].columns[i].name);
}

char *table_write_sql(enum table t)
{
	struct buf b = BUF(8192); /* far above the longest table */

	if (tables[t].conflict == CLEAR) {
		(void)buf_addf(&b, "DELETE FROM \"%s\" WHERE ", tables[t].name);
		add_columns(&b, t, 1);
		(void)buf_adds(&b, " = ?1");
		return buf_take(&b);
	}
	(void)buf_addf(&b, "INSERT INTO \"%s\" (", tables[t].name);
	add_columns(&b, t, n_written(t));
	(void)buf_adds(&b, ") VALUES (");
	for (size_t i = 0; i < n_written(t); i++)
		(void)buf_addf(&b, "%s?%zu", i ? ", " : "", i + 1);
	(void)buf_addc(&b, ')');
	if (tables[t].conflict != REFUSE)
		add_conflict(&b, t);
	return buf_take(&b);
}

char *table_read_sql(enum table t, const char *tail)
{
	struct buf b = BUF(8192);

	(void)buf_adds(&b, "SELECT ");
	add_columns(&b, t, tables[t].n);
	(void)buf_addf(&b, " FROM \"%s\" %s", tables[t].name, tail);
	return buf_take(&b);
}

/* --- rows ------------------------------------------------------------------------------------ */

static const char *text_of(const struct column *c, const void *data)
{
	const char *s;

	memcpy(&s, (const char *)data + c->offset, sizeof(s));
	return s;
}

int row_bind(struct sqlite3_stmt *st, enum table t, const void *data)
{
	int r = SQLITE_OK;

	for (size_t i = 0; i < n_written(t) && r == SQLITE_OK; i++) {
		const struct column *c = &tables[t].columns[i];
		const char *p = (const char *)data + c->offset;
		int at = (int)i + 1;

		switch (c->type) {
		case COL_INT:
			r = sqlite3_bind_int64(st, at, *(const int64_t *)(const void *)p);
			break;
		case COL_BOOL:
			r = sqlite3_bind_int(st, at, *(const bool *)p);
			break;
		case COL_TEXT: /* NULL text binds SQL NULL */
			r = sqlite3_bind_text(st, at, text_of(c, data), -1, SQLITE_STATIC);
			break;
		case COL_BLOB:
			r = sqlite3_bind_blob(st, at, p, (int)c->size, SQLITE_STATIC);
			break;
		}
	}
	return r;
}

void row_read(struct sqlite3_stmt *st, enum table t, void *data)
{
	memset(data, 0, tables[t].row_size);
	for (size_t i = 0; i < tables[t].n; i++) {
		const struct column *c = &tables[t].columns[i];
		char *p = (char *)data + c->offset;
		int at = (int)i;

		if (c->type == COL_INT) {
			*(int64_t *)(void *)p = sqlite3_column_int64(st, at);
		} else if (c->type == COL_BOOL) {
			*(bool *)p = sqlite3_column_int(st, at) != 0;
		} else if (c->type == COL_TEXT) {
			const char *s = (const char *)sqlite3_column_text(st, at);

			memcpy(p, &s, sizeof(s));
		} else { /* its length is the schema's promise; a damaged row reads as zeros */
			const void *blob = sqlite3_column_blob(st, at);

			if (blob && (size_t)sqlite3_column_bytes(st, at) == c->size)
				memcpy(p, blob, c->size);
		}
	}
}

struct row *row_copy(enum table t, const void *data)
{
	size_t size = sizeof(struct row) + tables[t].row_size;

	for (size_t i = 0; i < tables[t].n; i++)
		if (tables[t].columns[i].type == COL_TEXT && text_of(&tables[t].columns[i], data))
			size += strlen(text_of(&tables[t].columns[i], data)) + 1;

	struct row *row = xmalloc(size);
	char *to = (char *)row->data + tables[t].row_size;

	*row = (struct row){.table = t, .size = size};
	memcpy(row->data, data, tables[t].row_size);
	for (size_t i = 0; i < tables[t].n; i++) {
		const struct column *c = &tables[t].columns[i];
		const char *s = c->type == COL_TEXT ? text_of(c, data) : NULL;

		if (!s)
			continue;
		memcpy(row->data + c->offset, &to, sizeof(to));
		to = stpcpy(to, s) + 1;
	}
	return row;
}

void row_free_list(struct row *first)
{
	while (first) {
		struct row *next = first->next;

		free(first);
		first = next;
	}
}
