/*
 * open.c - opening the database: whose folder is it, is the file sound, is it of our version?
 *
 * The rule is that a doubt changes nothing. A daemon that takes a lost, old or damaged database
 * for an empty one would take every container of its sessions for an orphan and delete it. So
 * the installation's id is also in a file beside the database, and what does not fit is refused
 * with a text that says what to do.
 */
#include "store/db.h"

#include "base/fsutil.h"
#include "base/id.h"
#include "base/str.h"
#include "store/schema.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

enum {
	APPLICATION = 0x4c616279, /* "Laby", in the file's header */
	BUSY_MS = 5000,
	CELL_MAX = 16 << 20, /* one text or blob */
};

/* --- the folder ------------------------------------------------------------------------------ */

static int lock_folder(struct db *d, const char *folder, struct err *e)
{
	_cleanup_free_ char *path = strf("%s/lock", folder);
	char pid[32] = "";

	d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (d->lock < 0)
		return err_sys(e, ERR_IO, "cannot open '%s'", path);
	if (flock(d->lock, LOCK_EX | LOCK_NB) < 0) {
		ssize_t n = pread(d->lock, pid, sizeof(pid) - 1, 0);

		pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
		return err_set(e, ERR_EXISTS, "another labd (process %s) uses the folder '%s'",
			*pid ? pid : "unknown", folder);
	}
	int n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(d->lock, 0) < 0 || pwrite(d->lock, pid, (size_t)n, 0) != n)
		return err_sys(e, ERR_IO, "cannot write '%s'", path);
	return 0;
}

/* The id in <folder>/install; empty when there is no such file. */
static int read_install(const char *path, char id[static 37], struct err *e)
{
	_cleanup_buf_ struct buf b = BUF(64);
	struct err why;
	int r = fs_read(path, &b, &why);

	id[0] = '\0';
	if (r == ERR_NOT_FOUND)
		return 0;
	if (r < 0)
		return err_copy(e, &why);
	if (b.len != 37 || b.data[36] != '\n')
		return err_set(e, ERR_STATE, "'%s' does not hold the id of an installation", path);
	memcpy(id, b.data, 36);
	id[36] = '\0';
	return 0;
}

static int write_install(const char *path, const char *id, struct err *e)
{
	_cleanup_free_ char *line = strf("%s\n", id);

	return fs_write_atomic(path, line, strlen(line), 0600, e);
}

/* --- looking at the file ---------------------------------------------------------------------- */

static int damaged(struct db *d, const char *how, struct err *e)
{
	return err_set(e, ERR_STATE,
		"the database '%s' is damaged (%s): move it away and restore a backup; "
		"nothing was changed",
		d->path, how);
}

/* The first column of the first row, as text of at most n - 1 bytes. */
static int ask(struct db *d, const char *sql, char *out, size_t n, struct err *e)
{
	struct sqlite3_stmt *st = NULL;
	int code = sqlite3_prepare_v2(d->sql, sql, -1, &st, NULL);
	int r = 0;

	if (code == SQLITE_OK)
		code = sqlite3_step(st);
	if (code == SQLITE_ROW)
		(void)snprintf(out, n, "%s", (const char *)sqlite3_column_text(st, 0));
	else if (code == SQLITE_ERROR || (code & 0xff) == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		r = damaged(d, sqlite3_errmsg(d->sql), e); /* or our tables are not there */
	else if (code == SQLITE_DONE)
		r = damaged(d, "a row is missing", e);
	else
		r = db_fail(d, "read", e);
	sqlite3_finalize(st);
	return r;
}

static int ask_int(struct db *d, const char *sql, int64_t *ret, struct err *e)
{
	char text[32];
	int r = ask(d, sql, text, sizeof(text), e);

	return r < 0 ? r : str_int(text, INT64_MIN, INT64_MAX, ret, e);
}

/* *ret_version: 0 = an empty file. */
static int look(struct db *d, int64_t *ret_version, struct err *e)
{
	int64_t version, application, tables;
	char check[200];
	int r;

	if ((r = ask_int(d, "PRAGMA user_version", &version, e)) < 0 ||
		(r = ask_int(d, "PRAGMA application_id", &application, e)) < 0 ||
		(r = ask_int(d, "SELECT count(*) FROM sqlite_schema", &tables, e)) < 0)
		return r;
	if (tables > 0 && application != APPLICATION)
		return err_set(e, ERR_STATE,
			"'%s' is a database of another program; nothing was changed", d->path);
	if (version > schema_version())
		return err_set(e, ERR_STATE,
			"the database '%s' has version %d and this labd knows %d: use the newer "
			"labd, or restore a backup from before its upgrade; nothing was changed",
			d->path, (int)version, schema_version());
	if ((r = ask(d, "PRAGMA quick_check(1)", check, sizeof(check), e)) < 0)
		return r;
	bool impossible = version < 0 || (version == 0 && tables > 0);
	if (!streq(check, "ok") || impossible) {
		for (char *p = check; (p = strchr(p, '\n'));)
			*p = ' ';
		return damaged(d, impossible ? "impossible version" : check, e);
	}
	*ret_version = version;
	return 0;
}

static int missing(struct db *d, const char *filed, const char *path, struct err *e)
{
	return err_set(e, ERR_STATE,
		"the database '%s' is missing, and installation %s may still have containers: "
		"restore a backup, or remove '%s' to begin anew",
		d->path, filed, path);
}

/* Does the file beside it agree that this is (or will be) the folder's database? */
static int look_at_install(struct db *d, int64_t version, const char *filed, const char *path,
	struct err *e)
{
	if (version == 0 && *filed)
		return missing(d, filed, path, e);
	if (version == 0) {
		id_uuid(d->install);
		return 0;
	}
	int r = ask(d, "SELECT install FROM meta", d->install, sizeof(d->install), e);
	if (r < 0)
		return r;
	if (*filed && !streq(filed, d->install))
		return err_set(e, ERR_STATE,
			"the database '%s' is of installation %s, but '%s' says %s: restore the "
			"right one; nothing was changed",
			d->path, d->install, path, filed);
	return *filed ? 0 : write_install(path, d->install, e); /* the crash was between the two */
}

/* --- making it ours --------------------------------------------------------------------------- */

static int settings(struct db *d, struct err *e)
{
	char mode[16];
	int r = ask(d, "PRAGMA journal_mode = WAL", mode, sizeof(mode), e);

	if (r < 0)
		return r;
	if (!streq(mode, "wal"))
		return err_set(e, ERR_IO,
			"'%s' is not on a local disk (no shared memory): move the state folder",
			d->path);
	return db_exec(d,
		"PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
		"PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 16777216",
		e);
}

/* Every statement of this program fits the tables, or they are not ours. */
static int prepare(struct db *d, struct err *e)
{
	int r = db_prepare(d, e);

	return r == ERR_INTERNAL ? damaged(d, sqlite3_errmsg(d->sql), e) : r;
}

/* Inside a transaction. */
static int migrate(struct db *d, int64_t version, struct err *e)
{
	int r = 0;

	for (int v = (int)version; v < schema_version() && r == 0; v++)
		r = db_exec(d, schema_script(v), e);
	if (r == 0 && version < schema_version()) {
		_cleanup_free_ char *sql =
			strf("PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION,
				schema_version());

		r = db_exec(d, sql, e);
	}
	if (r == 0 && version == 0) {
		_cleanup_free_ char *sql =
			strf("INSERT INTO meta VALUES (1, '%s', 0, 1)", d->install);

		r = db_exec(d, sql, e);
	}
	return r == 0 && version < schema_version() ? prepare(d, e) : r;
}

/* Versions, epoch and the block of ids: all or nothing. */
static int begin_epoch(struct db *d, int64_t version, struct err *e)
{
	int r = db_exec(d, "BEGIN IMMEDIATE", e);

	if (r < 0)
		return r;
	if ((r = migrate(d, version, e)) == 0 &&
		(r = db_exec(d, "UPDATE meta SET epoch = epoch + 1", e)) == 0 &&
		(r = ask_int(d, "SELECT epoch FROM meta", &d->epoch, e)) == 0 &&
		(r = ask_int(d, "SELECT next_id FROM meta", &d->first_id, e)) == 0)
		r = db_exec(d, "COMMIT", e);
	if (r < 0 && !sqlite3_get_autocommit(d->sql))
		(void)db_exec(d, "ROLLBACK", NULL); /* closing does it too */
	d->reserved = d->first_id;
	return r;
}

static int open_file(struct db *d, struct err *e)
{
	/* made by us, so that the file and its log are private whatever the umask is */
	int fd = open(d->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, ERR_IO, "cannot open the database '%s'", d->path);
	close_fd(&fd); /* before SQLite opens it: closing it later would drop SQLite's locks */
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX; /* one thread at a time */
	if (sqlite3_open_v2(d->path, &d->sql, flags, NULL) != SQLITE_OK)
		return db_fail(d, "open", e);
	(void)sqlite3_extended_result_codes(d->sql, 1);
	(void)sqlite3_busy_timeout(d->sql, BUSY_MS);
	(void)sqlite3_limit(d->sql, SQLITE_LIMIT_LENGTH, CELL_MAX);
	(void)sqlite3_db_config(d->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return 0;
}

/* While we look, closing must not move the log into the file: it may be a damaged one. */
static void keep_log(struct db *d, bool keep)
{
	(void)sqlite3_db_config(d->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep, NULL);
}

int db_open(struct db **ret, const char *folder, struct err *e)
{
	_cleanup_free_ char *install = strf("%s/install", folder);
	_cleanup_(db_closep) struct db *d = NEW(struct db);
	char filed[37];
	int64_t version = 0;
	int r;

	d->lock = -1;
	d->path = strf("%s/labyard.db", folder);
	if ((r = fs_mkdirs(folder, 0700, e)) < 0 || (r = lock_folder(d, folder, e)) < 0 ||
		(r = read_install(install, filed, e)) < 0)
		return r;
	if (*filed && !fs_exists(d->path))
		return missing(d, filed, install, e);
	if ((r = open_file(d, e)) < 0)
		return r;
	keep_log(d, true);
	if ((r = look(d, &version, e)) < 0 ||
		(r = look_at_install(d, version, filed, install, e)) < 0 ||
		(version == schema_version() && (r = prepare(d, e)) < 0))
		return r;
	keep_log(d, false);
	if ((r = settings(d, e)) < 0 || (r = begin_epoch(d, version, e)) < 0)
		return r;
	if (version == 0 && (r = write_install(install, d->install, e)) < 0)
		return r;
	/* writes the log's pages anew: what a failed fsync of the last run lost is on disk now */
	if ((r = db_exec(d, "PRAGMA wal_checkpoint(TRUNCATE)", e)) < 0 || (r = db_probe(d, e)) < 0)
		return r;
	*ret = TAKE(d);
	return 0;
}
