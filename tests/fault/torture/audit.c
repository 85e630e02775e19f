/* audit.c - the engine's lists against the rows of the database. */
#include "tests/fault/torture/audit.h"

#include "base/fsutil.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <unistd.h>

#define BUSY_MS 5000

/* --- the engine's side -------------------------------------------------------------------------
 */

struct thing {
	const char *kind;
	char *id, *name, *slot, *state;
	int64_t intent;
};

struct row {
	char *kind, *slot, *name, *state;
	int64_t id;
};

struct audit {
	struct thing *things;
	size_t n_things;
	struct row *rows;
	size_t n_rows;
};

static void audit_done(struct audit *a)
{
	for (size_t i = 0; i < a->n_things; i++) {
		free(a->things[i].id);
		free(a->things[i].name);
		free(a->things[i].slot);
		free(a->things[i].state);
	}
	for (size_t i = 0; i < a->n_rows; i++) {
		free(a->rows[i].kind);
		free(a->rows[i].slot);
		free(a->rows[i].name);
		free(a->rows[i].state);
	}
	free(a->things);
	free(a->rows);
}

static const struct {
	const char *kind, *path, *list, *name;
} lists[] = {
	{"container", "/containers/json?all=1", NULL, "Names"},
	{"network", "/networks", NULL, "Name"},
	{"volume", "/volumes", "Volumes", "Name"},
};

static const char *name_of(const struct json *j, const char *key)
{
	const struct json *v = json_get(j, key);
	const char *name = json_str_or(json_type(v) == JSON_ARRAY ? json_at(v, 0) : v, "");

	return *name == '/' ? name + 1 : name;
}

static void add_thing(struct audit *a, const char *kind, const struct json *j, const char *name_key)
{
	const struct json *labels = json_get(j, "Labels");
	int64_t intent = 0;

	a->things = xrealloc_array(a->things, a->n_things + 1, sizeof(*a->things));
	(void)str_int(
		json_str_or(json_get(labels, "labd.intent"), "0"), 0, INT64_MAX, &intent, NULL);
	a->things[a->n_things++] = (struct thing){
		.kind = kind,
		.id = xstrdup(json_str_or(json_get(j, "Id"), "")),
		.name = xstrdup(name_of(j, name_key)),
		.slot = xstrdup(json_str_or(json_get(labels, "labd.service"), "")),
		.state = xstrdup(json_str_or(json_get(j, "State"), "")),
		.intent = intent,
	};
}

/* All objects with the install label of this bed; install NULL: all objects. */
static bool read_engine(struct bed *b, struct audit *a, const char *install)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		_cleanup_reply_ struct reply r = engine_call(b, "GET", lists[i].path, NULL);
		const struct json *one,
			*list = lists[i].list ? json_get(r.json, lists[i].list) : r.json;

		if (r.status != 200)
			return bed_fail(b, "the engine does not list %ss", lists[i].kind);
		json_for_each(one, list)
			if (!install || str_same(json_str(json_get(
							 json_get(one, "Labels"), "labd.install")),
						install))
				add_thing(a, lists[i].kind, one, lists[i].name);
	}
	return true;
}

/* --- the database's side -----------------------------------------------------------------------
 */

static struct sqlite3 *database(struct bed *b)
{
	struct sqlite3 *db = NULL;

	if (sqlite3_open_v2(b->database, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
		bed_fail(b, "the database cannot be opened: %s", sqlite3_errmsg(db));
		sqlite3_close(db);
		return NULL;
	}
	sqlite3_busy_timeout(db, BUSY_MS);
	return db;
}

static char *text(struct sqlite3_stmt *s, int column)
{
	const char *t = (const char *)sqlite3_column_text(s, column);

	return xstrdup(t ? t : "");
}

static bool read_rows(struct bed *b, struct audit *a)
{
	struct sqlite3 *db = database(b);
	struct sqlite3_stmt *s = NULL;
	int r = db ? sqlite3_prepare_v2(db,
			     "SELECT id, kind, slot, name, state FROM object WHERE state <> 'gone'",
			     -1, &s, NULL)
		   : SQLITE_ERROR;

	while (r == SQLITE_OK && (r = sqlite3_step(s)) == SQLITE_ROW) {
		a->rows = xrealloc_array(a->rows, a->n_rows + 1, sizeof(*a->rows));
		a->rows[a->n_rows++] = (struct row){
			text(s, 1), text(s, 2), text(s, 3), text(s, 4), sqlite3_column_int64(s, 0)};
		r = SQLITE_OK;
	}
	if (db && r != SQLITE_DONE)
		bed_fail(b, "the database cannot be read: %s", sqlite3_errmsg(db));
	sqlite3_finalize(s);
	sqlite3_close(db);
	return r == SQLITE_DONE;
}

/* The id of the bed's installation; NULL: labd has never run. The caller owns it. */
static char *install_of(struct bed *b)
{
	_cleanup_free_ char *path = strf("%s/state/install", b->folder);
	_cleanup_buf_ struct buf text = BUF(100);

	if (fs_read(path, &text, NULL) < 0) {
		bed_fail(b, "there is no file '%s'", path);
		return NULL;
	}
	return xstrndup(buf_str(&text), strcspn(buf_str(&text), "\n"));
}

static bool audit_read(struct bed *b, struct audit *a)
{
	_cleanup_free_ char *install = install_of(b);

	return install && read_engine(b, a, install) && read_rows(b, a);
}

/* --- comparing ---------------------------------------------------------------------------------
 */

static const struct row *row_of(const struct audit *a, const struct thing *t)
{
	for (size_t i = 0; i < a->n_rows; i++)
		if (a->rows[i].id == t->intent && streq(a->rows[i].kind, t->kind) &&
			streq(a->rows[i].name, t->name))
			return &a->rows[i];
	return NULL;
}

static bool has_thing(const struct audit *a, const struct row *r)
{
	for (size_t i = 0; i < a->n_things; i++)
		if (row_of(a, &a->things[i]) == r)
			return true;
	return false;
}

bool audit_intents(struct bed *b)
{
	_cleanup_(audit_done) struct audit a = {0};
	bool good = audit_read(b, &a);

	for (size_t i = 0; good && i < a.n_things; i++)
		if (!row_of(&a, &a.things[i]))
			good = bed_fail(b, "%s %s was made without a row", a.things[i].kind,
				a.things[i].name);
	return good;
}

static bool one_to_one(struct bed *b, const struct audit *a)
{
	for (size_t i = 0; i < a->n_things; i++) {
		const struct row *r = row_of(a, &a->things[i]);

		if (!r)
			return bed_fail(b, "orphan: %s %s has no row", a->things[i].kind,
				a->things[i].name);
		if (!streq(r->state, "live"))
			return bed_fail(b, "%s %s is there, and its row says %s", r->kind, r->name,
				r->state);
	}
	for (size_t i = 0; i < a->n_rows; i++)
		if (!has_thing(a, &a->rows[i]))
			return bed_fail(b, "missing: %s %s, its row says %s", a->rows[i].kind,
				a->rows[i].name, a->rows[i].state);
	return true;
}

static const struct expected *expectation(const struct expected *e, const struct thing *t)
{
	for (; e && e->kind; e++)
		if (streq(e->kind, t->kind) && streq(e->slot, t->slot))
			return e;
	return NULL;
}

static bool as_expected(struct bed *b, const struct audit *a, const struct expected *e)
{
	for (size_t i = 0; i < a->n_things; i++) {
		const struct thing *t = &a->things[i];
		const struct expected *x = expectation(e, t);

		if (!x)
			return bed_fail(b, "%s %s is left", t->kind, t->name);
		if (x->state && !streq(x->state, t->state))
			return bed_fail(b, "%s %s is %s instead of %s", t->kind, t->name, t->state,
				x->state);
	}
	for (; e && e->kind; e++) {
		int n = 0;

		for (size_t i = 0; i < a->n_things; i++)
			n += expectation(e, &a->things[i]) == e;
		if (n < e->least || n > e->most)
			return bed_fail(b, "%d times %s %s", n, e->kind, e->slot);
	}
	return true;
}

bool audit_objects(struct bed *b, const struct expected *e)
{
	_cleanup_(audit_done) struct audit a = {0};

	return audit_read(b, &a) && one_to_one(b, &a) && as_expected(b, &a, e);
}

bool audit_empty(struct bed *b)
{
	return audit_objects(b, &(struct expected){0});
}

bool audit_absent(struct bed *b, const char *kind, const char *slot)
{
	_cleanup_(audit_done) struct audit a = {0};
	bool absent = audit_read(b, &a);

	for (size_t i = 0; i < a.n_things; i++)
		absent &= !streq(a.things[i].kind, kind) || !streq(a.things[i].slot, slot);
	return absent;
}

/* --- removing ----------------------------------------------------------------------------------
 */

static void remove_thing(struct bed *b, const char *kind, const char *name)
{
	_cleanup_free_ char *path = strf("/%ss/%s?force=1", kind, name);

	reply_done(&(struct reply){.json = engine_call(b, "DELETE", path, NULL).json});
}

static void remove_images(struct bed *b, const char *install)
{
	_cleanup_reply_ struct reply r = engine_call(b, "GET", "/images/json", NULL);
	const struct json *one;

	json_for_each(one, r.json)
		if (str_same(json_str(json_get(json_get(one, "Labels"), "labd.install")), install))
			remove_thing(b, "image", json_str_or(json_get(one, "Id"), ""));
}

/* Containers come first in the list, and hold the others. */
void objects_remove(struct bed *b)
{
	_cleanup_(audit_done) struct audit a = {0};
	_cleanup_free_ char *install = install_of(b);

	if (!install || !read_engine(b, &a, install))
		return;
	for (size_t i = 0; i < a.n_things; i++)
		remove_thing(b, a.things[i].kind, a.things[i].name);
	remove_images(b, install);
}

/* --- strangers ---------------------------------------------------------------------------------
 */

/* Labels as ours with another installation's id, a name as ours without labels, a label alone. */
static const struct {
	const char *path, *body, *name;
} strangers[] = {
	{"/networks/create",
		"{\"Name\":\"lab-tiny-lab-aaaa-front-1\",\"Labels\":{\"labd.install\":\"00000000-"
		"0000-0000-0000-000000000000\",\"labd.session\":\"tiny-lab-aaaa\",\"labd.intent\":"
		"\"1\",\"labd.epoch\":\"1\"}}",
		"lab-tiny-lab-aaaa-front-1"},
	{"/volumes/create", "{\"Name\":\"lab-tiny-lab-aaaa-work-2\"}", "lab-tiny-lab-aaaa-work-2"},
	{"/volumes/create",
		"{\"Name\":\"stranger-volume\",\"Labels\":{\"labd.session\":\"tiny-lab-aaaa\","
		"\"labd.intent\":\"3\"}}",
		"stranger-volume"},
	{"/containers/create?name=lab-tiny-lab-aaaa-box-4",
		"{\"Image\":\"debian:12-slim\",\"Cmd\":[\"sleep\",\"infinity\"],\"Labels\":{\"labd."
		"install\":\"00000000-0000-0000-0000-000000000000\",\"labd.intent\":\"4\"}}",
		"lab-tiny-lab-aaaa-box-4"},
};

bool strangers_plant(struct bed *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(strangers); i++) {
		_cleanup_reply_ struct reply r =
			engine_call(b, "POST", strangers[i].path, strangers[i].body);

		if (r.status != 201)
			return bed_fail(b, "cannot plant %s", strangers[i].name);
	}
	return true;
}

bool strangers_there(struct bed *b)
{
	_cleanup_(audit_done) struct audit a = {0};
	bool good = read_engine(b, &a, NULL);

	for (size_t i = 0; good && i < ARRAY_SIZE(strangers); i++) {
		bool found = false;

		for (size_t k = 0; k < a.n_things; k++)
			found |= streq(a.things[k].name, strangers[i].name);
		good = found || bed_fail(b, "somebody else's %s is gone", strangers[i].name);
	}
	return good;
}

void strangers_remove(struct bed *b)
{
	static const char *const kinds[] = {"container", "network", "volume", "volume"};
	static const int order[] = {3, 0, 1, 2};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		remove_thing(b, kinds[i], strangers[order[i]].name);
}

/* --- other auditors ----------------------------------------------------------------------------
 */

/* Run it; what it prints is the reason of a failure. */
static bool program_agrees(struct bed *b, const char *command)
{
	char line[500] = "";
	FILE *f = popen(command, "re");

	if (!f)
		return bed_fail(b, "cannot run '%s'", command);
	bool any = fgets(line, sizeof(line), f) != NULL;
	while (any && fgetc(f) != EOF)
		;
	int status = pclose(f);
	line[strcspn(line, "\n")] = '\0';
	return status == 0 || bed_fail(b, "%.20s… says: %s", strrchr(command, '/') + 1, line);
}

static char *orphancheck(const struct bed *b, const char *rest)
{
	return strf("exec 2>&1; '%s/orphancheck' %s -e '%s' %s", b->options.programs,
		b->fake ? "-o" : "", b->engine, rest);
}

bool auditors_baseline(struct bed *b)
{
	_cleanup_free_ char *rest = strf("-l >'%s/baseline'", b->folder),
			    *command = orphancheck(b, rest);

	return program_agrees(b, command);
}

bool auditors_grade_told(struct bed *b, const char *key, const char *signature)
{
	_cleanup_free_ char *path = strf("%s/acks", b->folder);
	_cleanup_fclose_ FILE *f = fopen(path, "ae");

	return f && fprintf(f, "%s %s\n", key, signature) > 0 && fflush(f) == 0 &&
	       fsync(fileno(f)) == 0;
}

bool auditors_agree(struct bed *b)
{
	_cleanup_free_ char *acks = strf("%s/acks", b->folder),
			    *rest = strf("-b '%s/baseline' -w 20 '%s/state'", b->folder, b->folder),
			    *orphans = orphancheck(b, rest),
			    *grades = strf("exec 2>&1; '%s/gradecheck' '%s/state' %s",
				    b->options.programs, b->folder, fs_exists(acks) ? acks : "");

	return program_agrees(b, orphans) && program_agrees(b, grades);
}

/* --- grades ------------------------------------------------------------------------------------
 */

static int64_t number(struct bed *b, struct sqlite3 *db, const char *sql, int64_t arg)
{
	struct sqlite3_stmt *s = NULL;
	int64_t n = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK &&
		sqlite3_bind_int64(s, 1, arg) != SQLITE_NOMEM && sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	else
		bed_fail(b, "the database cannot be read: %s", sqlite3_errmsg(db));
	sqlite3_finalize(s);
	return n;
}

static bool grades_hold(struct bed *b, struct sqlite3 *db, const int64_t *acknowledged, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (number(b, db,
			    "SELECT count(*) FROM \"grade\" g JOIN record r ON r.seq = "
			    "g.record_seq WHERE g.id = ?1 AND g.state = 'done'",
			    acknowledged[i]) != 1)
			return bed_fail(b, "the grade %" PRId64 " was acknowledged, and is lost",
				acknowledged[i]);
	int64_t records = number(b, db, "SELECT count(*) FROM record WHERE ?1 = ?1", 0);

	if (number(b, db, "SELECT count(*) FROM \"grade\" WHERE state = 'done' AND record_seq > ?1",
		    0) != records)
		return bed_fail(b, "grades and records do not fit together");
	return records == number(b, db, "SELECT coalesce(max(seq), ?1) FROM record", 0) ||
	       bed_fail(b, "the chain of records has a gap");
}

bool audit_grades(struct bed *b, const int64_t *acknowledged, size_t n)
{
	struct sqlite3 *db = database(b);
	bool good = db && grades_hold(b, db, acknowledged, n);

	sqlite3_close(db);
	return good;
}
