/*
 * test_store_faults.c - what was acknowledged is there, whatever breaks: a killed process, every
 * failing write and sync in turn, a full disk, a damaged file.
 */
#include "tests/unit/store_test.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* One grade as the daemon stores it: grade, record and event together. n counts from 1. */
static struct tx *tx_grading(struct store *s, int64_t n)
{
	struct tx *t = tx_new(s);
	struct row_session session = a_session(1);
	char key[32];

	(void)snprintf(key, sizeof(key), "key-%d", (int)n);
	tx_session(t, &session);
	struct row_grade grade = a_grade(n, 1, key);
	grade.record_seq = n;
	tx_grade(t, &grade);
	struct row_record record = a_record(n, key);
	tx_record(t, &record);
	tx_event(t, &(struct row_event){n, 1, 0, "graded", NULL, NULL});
	return t;
}

/* Grades are there without a gap and whole; the highest. */
static int64_t whole_grades(const struct place *p)
{
	sqlite3 *sql = place_sql(p);
	int64_t n = sql_int(sql, "SELECT count(*) FROM grade");

	assert_int_equal(sql_int(sql, "SELECT coalesce(max(id), 0) FROM grade"), n);
	assert_int_equal(
		sql_int(sql, "SELECT count(*) FROM grade g JOIN record r ON r.seq = g.id AND"
			     " r.record_id = g.key JOIN event e ON e.id = g.id"),
		n);
	assert_int_equal(sql_int(sql, "SELECT count(*) FROM record"), n);
	assert_int_equal(sql_int(sql, "SELECT count(*) FROM event"), n);
	sqlite3_close(sql);
	return n;
}

/* --- a killed process ------------------------------------------------------------------------- */

static struct {
	struct store *store;
	int64_t next;
	int fd;
} child;

static void acknowledge(void *arg, const struct err *err)
{
	int64_t n = (intptr_t)arg;

	if (err->code || write(child.fd, &n, sizeof(n)) != sizeof(n))
		_exit(1);
	tx_commit(tx_grading(child.store, child.next), acknowledge, (void *)(intptr_t)child.next);
	child.next++;
}

/* Grade for ever, eight at a time; tell each durable one to fd. */
static void grade_until_killed(struct place *p, int fd)
{
	assert_int_equal(
		loop_new(&p->loop, NULL, NULL), 0); /* the parent's does not outlive a fork */
	place_open(p);
	child.store = p->store;
	child.fd = fd;
	for (int i = 0; i < 8; i++) {
		tx_commit(tx_grading(p->store, child.next), acknowledge,
			(void *)(intptr_t)child.next);
		child.next++;
	}
	while (loop_once(p->loop, true))
		continue;
}

static int64_t run_and_kill(struct place *p, int64_t have, int acks, unsigned spin)
{
	int fds[2];
	int64_t last = have, n;

	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(fds[0]);
		child.next = have + 1;
		grade_until_killed(p, fds[1]);
		_exit(2);
	}
	(void)close(fds[1]);
	for (; acks > 0 && read(fds[0], &n, sizeof(n)) == sizeof(n); acks--)
		last = n;
	for (volatile unsigned i = 0; i < spin; i = i + 1)
		continue; /* anywhere between two acknowledgements */
	assert_int_equal(kill(pid, SIGKILL), 0);
	while (read(fds[0], &n, sizeof(n)) == sizeof(n)) /* told before it died */
		last = n;
	(void)close(fds[0]);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	return last;
}

static void a_killed_process_loses_no_acknowledged_grade(void **state)
{
	struct place p;
	int64_t have = 0;

	place_new(&p);
	srand(7);
	for (int round = 0; round < 40; round++) {
		int64_t acked = run_and_kill(&p, have, rand() % 60, (unsigned)rand() % 300000);

		place_open(&p);
		assert_int_equal(store_epoch(p.store) >= round, true);
		place_close(&p);
		have = whole_grades(&p);
		assert_true(have >= acked);
	}
	assert_true(have > 100);
	place_done(&p);
}

/* --- every write and sync fails once -----------------------------------------------------------
 */

/* The database and its log have methods of their own. */
struct methods {
	sqlite3_io_methods faulty;
	const sqlite3_io_methods *real;
};

static struct {
	sqlite3_vfs *vfs;
	struct methods methods[4];
	int calls, fail_at; /* 0 = never */
	int code;
	bool for_ever, syncs_only;
} disk;

static const sqlite3_io_methods *real(sqlite3_file *f)
{
	return ((const struct methods *)(const void *)f->pMethods)->real;
}

static bool disk_fails(bool sync)
{
	if (disk.syncs_only && !sync)
		return false;
	disk.calls++;
	return disk.fail_at &&
	       (disk.for_ever ? disk.calls >= disk.fail_at : disk.calls == disk.fail_at);
}

static int faulty_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	if (disk_fails(false))
		return disk.code == SQLITE_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
	return real(f)->xWrite(f, p, n, at);
}

static int faulty_sync(sqlite3_file *f, int flags)
{
	return disk_fails(true) ? SQLITE_IOERR_FSYNC : real(f)->xSync(f, flags);
}

static int faulty_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return disk_fails(false) ? SQLITE_IOERR_TRUNCATE : real(f)->xTruncate(f, size);
}

static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret)
{
	int r = disk.vfs->xOpen(disk.vfs, name, f, flags, ret);
	struct methods *m = disk.methods;

	if (r != SQLITE_OK || !f->pMethods)
		return r;
	while (m->real && m->real != f->pMethods)
		m++;
	m->real = f->pMethods;
	m->faulty = *f->pMethods;
	m->faulty.xWrite = faulty_write;
	m->faulty.xSync = faulty_sync;
	m->faulty.xTruncate = faulty_truncate;
	f->pMethods = &m->faulty;
	return r;
}

static void disk_install(void)
{
	static sqlite3_vfs mine;

	disk.vfs = sqlite3_vfs_find(NULL);
	mine = *disk.vfs;
	mine.zName = "faulty";
	mine.xOpen = faulty_open;
	assert_int_equal(sqlite3_vfs_register(&mine, 1), SQLITE_OK);
}

static void disk_remove(void)
{
	assert_int_equal(sqlite3_vfs_unregister(sqlite3_vfs_find("faulty")), SQLITE_OK);
	disk.fail_at = 0;
	disk.syncs_only = false;
}

static int retry(struct place *p)
{
	store_retry(p->store);
	while (loop_once(p->loop, true))
		continue;
	return store_degraded(p->store) ? store_degraded(p->store)->code : 0;
}

enum { GRADES = 3 };

/* Open, grade a few times, close, while the disk fails as told. Returns how many were acknowledged.
 */
static int64_t grade_on_a_bad_disk(struct place *p)
{
	int64_t acked = 0;
	bool failed = false;

	if (store_open(&p->store, p->loop, p->folder, NULL) < 0)
		return 0;
	for (int n = 1; n <= GRADES; n++) {
		int r = commit(p, tx_grading(p->store, acked + 1));

		assert_true(r == 0 || r == ERR_IO || r == ERR_NO_SPACE);
		assert_true(r != 0 || !failed); /* degraded stays degraded by itself */
		failed = failed || r != 0;
		assert_int_equal(store_degraded(p->store) != NULL, failed);
		if (r == 0)
			acked++;
	}
	place_close(p);
	return acked;
}

static void no_failing_call_of_the_disk_loses_a_grade(void **state)
{
	int points = 1;

	for (int run = 0; run < 2; run++) { /* full once; broken for ever */
		for (int at = 1; at <= points; at++) {
			struct place p;

			place_new(&p);
			disk_install();
			disk.calls = 0;
			disk.fail_at = run + at == 1 ? 0 : at; /* the first counts */
			disk.code = run == 0 ? SQLITE_FULL : SQLITE_IOERR;
			disk.for_ever = run == 1;
			int64_t acked = grade_on_a_bad_disk(&p);
			if (!disk.fail_at) {
				points = disk.calls;
				assert_int_equal(acked, GRADES);
			}
			disk_remove();
			place_open(&p);
			place_close(&p);
			int64_t have = whole_grades(&p);
			assert_true(have >= acked && have <= acked + 1);
			place_done(&p);
		}
	}
	assert_true(points > 30);
}

static void a_failed_sync_is_never_believed_again(void **state)
{
	struct place p;

	place_new(&p);
	disk_install();
	place_open(&p);
	assert_int_equal(commit(&p, tx_grading(p.store, 1)), 0);
	disk.calls = 0;
	disk.for_ever = false;
	disk.syncs_only = true;
	disk.fail_at = 1;
	assert_int_equal(commit(&p, tx_grading(p.store, 2)), ERR_IO);
	for (int i = 0; i < 3; i++)
		assert_int_equal(retry(&p), ERR_IO);
	assert_non_null(strstr(store_degraded(p.store)->text, "start labd again"));
	assert_int_equal(commit(&p, tx_grading(p.store, 2)), ERR_IO);
	place_close(&p);
	disk_remove();
	place_open(&p); /* a start makes it good */
	assert_int_equal(commit(&p, tx_grading(p.store, whole_grades(&p) + 1)), 0);
	place_done(&p);
}

/* --- a full disk -------------------------------------------------------------------------------
 */

/* Two ways to run out of space: a small file system (for root only), or a limit on files. */
enum full { FULL_MOUNT, FULL_LIMIT };

static void limit_files(rlim_t size)
{
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){size, RLIM_INFINITY}), 0);
}

/* A file system of 1 MiB that only this process sees; false where that is not allowed. */
static bool mount_small(const char *folder)
{
	return unshare(CLONE_NEWNS) == 0 &&
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		mount("tmpfs", folder, "tmpfs", 0, "size=1m") == 0;
}

static void fill_disk(const struct place *p, enum full how, rlim_t left)
{
	_cleanup_free_ char *path = strf("%s/filler", p->folder);
	static const char block[4096];

	if (how == FULL_LIMIT) {
		limit_files(left);
		return;
	}
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	setvbuf(f, NULL, _IONBF, 0);
	while (fwrite(block, sizeof(block), 1, f) == 1)
		continue;
	(void)fclose(f);
}

static void free_disk(const struct place *p, enum full how)
{
	_cleanup_free_ char *path = strf("%s/filler", p->folder);

	if (how == FULL_LIMIT)
		limit_files(RLIM_INFINITY);
	else
		assert_int_equal(unlink(path), 0);
}

static int64_t grade_until_full(struct place *p, int64_t n, const char *text)
{
	for (;; n++) {
		struct tx *t = tx_grading(p->store, n);

		tx_event(t, &(struct row_event){n + 100000, 1, 0, "padding", text, NULL});
		int r = commit(p, t);
		if (r != 0) {
			assert_int_equal(r, ERR_NO_SPACE);
			return n;
		}
	}
}

static void fill_and_recover(struct place *p, enum full how)
{
	static char padding[20000];

	memset(padding, 'x', sizeof(padding) - 1);
	place_open(p);
	fill_disk(p, how, 256 << 10);
	int64_t full = grade_until_full(p, 1, padding);
	assert_int_equal(store_degraded(p->store)->code, ERR_NO_SPACE);
	assert_non_null(strstr(store_degraded(p->store)->text, "free space"));
	assert_int_equal(commit(p, tx_grading(p->store, full)), ERR_NO_SPACE);

	free_disk(p, how);
	assert_int_equal(retry(p), 0);
	assert_int_equal(commit(p, tx_grading(p->store, full)), 0);
	place_close(p);
	sqlite3 *sql = place_sql(p);
	assert_int_equal(sql_int(sql, "SELECT count(*) FROM grade"), full);
	assert_int_equal(
		sql_int(sql, "SELECT count(*) FROM event WHERE kind = 'padding'"), full - 1);
	sqlite3_close(sql);
}

/* Full from the start: refused with a clear code, and nothing half-made is in the way later. */
static void start_when_full(struct place *p, enum full how)
{
	fill_disk(p, how, 8 << 10);
	assert_int_equal(store_open(&p->store, p->loop, p->folder, NULL), ERR_NO_SPACE);
	free_disk(p, how);
	place_open(p);
	assert_int_equal(commit(p, tx_grading(p->store, 1)), 0);
	place_close(p);
}

/* In a process of its own, because of the mount and the limit. */
static void when_full(void (*f)(struct place *p, enum full how), enum full how)
{
	struct place p;
	int status;

	place_new(&p);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		assert_int_equal(loop_new(&p.loop, NULL, NULL), 0);
		if (how == FULL_LIMIT || mount_small(p.folder))
			f(&p, how);
		_exit(0); /* a failed assertion leaves through cmocka with another status */
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	place_done(&p);
}

static void a_full_disk_stops_writing_until_there_is_space(void **state)
{
	when_full(fill_and_recover, FULL_MOUNT);
	when_full(fill_and_recover, FULL_LIMIT);
}

static void a_start_on_a_full_disk_is_refused(void **state)
{
	when_full(start_when_full, FULL_MOUNT);
	when_full(start_when_full, FULL_LIMIT);
}

/* --- a damaged file ----------------------------------------------------------------------------
 */

/* A database that was damaged is refused as it is, or it is whole where it matters. */
static void open_damaged(struct place *p, const char *path, int *ret_refused)
{
	_cleanup_buf_ struct buf before = BUF(1 << 20), after = BUF(1 << 20);
	struct err e = ERR_NONE;

	assert_int_equal(fs_read(path, &before, NULL), 0);
	int r = store_open(&p->store, p->loop, p->folder, &e);
	if (r == 0) {
		place_close(p);
		return;
	}
	assert_int_equal(r, ERR_STATE);
	assert_int_equal(fs_read(path, &after, NULL), 0);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
	(*ret_refused)++;
}

static void remove_log(const char *path)
{
	_cleanup_free_ char *wal = strf("%s-wal", path), *shm = strf("%s-shm", path);

	(void)unlink(wal);
	(void)unlink(shm);
}

static void a_damaged_file_is_never_taken_for_an_empty_one(void **state)
{
	_cleanup_buf_ struct buf good = BUF(1 << 20);
	int refused = 0;
	struct place p;

	place_new(&p);
	place_open(&p);
	char *install = xstrdup(store_install(p.store));
	for (int n = 1; n <= 50; n++)
		assert_int_equal(commit(&p, tx_grading(p.store, n)), 0);
	place_close(&p);
	_cleanup_free_ char *path = strf("%s/labyard.db", p.folder);
	assert_int_equal(fs_read(path, &good, NULL), 0);

	srand(11);
	for (int i = 0; i < 500; i++) {
		char *bad = xmemdup(good.data, good.len);
		size_t len = i % 5 ? good.len : (size_t)rand() % good.len;

		for (int flips = i % 5 ? 1 + i % 40 : 0; flips > 0;
			flips--) /* mostly in the first pages */
			bad[(size_t)rand() % (i % 2 ? good.len : 4096)] ^= (char)(1 + rand() % 255);
		assert_int_equal(fs_write_atomic(path, bad, len, 0600, NULL), 0);
		free(bad);
		open_damaged(&p, path, &refused);
		remove_log(path);
	}
	assert_true(refused > 300);
	assert_int_equal(fs_write_atomic(path, good.data, good.len, 0600, NULL), 0);
	place_open(&p); /* a backup that is put back is taken */
	assert_string_equal(store_install(p.store), install);
	free(install);
	place_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_killed_process_loses_no_acknowledged_grade),
		cmocka_unit_test(no_failing_call_of_the_disk_loses_a_grade),
		cmocka_unit_test(a_failed_sync_is_never_believed_again),
		cmocka_unit_test(a_full_disk_stops_writing_until_there_is_space),
		cmocka_unit_test(a_start_on_a_full_disk_is_refused),
		cmocka_unit_test(a_damaged_file_is_never_taken_for_an_empty_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
