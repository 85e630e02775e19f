/* test_tar.c - plans, what they refuse, reproducible archives, streams that stop and go. */
#include "base/fsutil.h"
#include "base/str.h"
#include "content/tar.h"
#include "tests/unit/test.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* --- a folder to pack --- */

static char *root; /* made by the group's setup */

static char *in_root(const char *name)
{
	return strf("%s/%s", root, name);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	_cleanup_free_ char *path = in_root(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text), NULL), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void make_dir(const char *name)
{
	_cleanup_free_ char *path = in_root(name);

	assert_int_equal(mkdir(path, 0700), 0);
}

static int setup(void **state)
{
	char template[] = "/tmp/labyard-tar-XXXXXX";

	root = xstrdup(mkdtemp(template));
	make_dir("tree");
	make_dir("tree/sub");
	make_dir("tree/empty");
	make_dir("tree/.git");
	make_dir("tree/sub/__pycache__");
	write_file("tree/.git/HEAD", "ref: refs/heads/main", 0600);
	write_file("tree/a.txt", "alpha", 0600);
	write_file("tree/sub/run.sh", "#!/bin/sh\n", 04711);
	write_file("tree/sub/b", "", 0444);
	return 0;
}

static int teardown(void **state)
{
	int r = fs_remove_tree(root, NULL);

	free(root);
	return r;
}

/* --- reading archives --- */

/* One line per entry: type, mode, uid, gid, name, content. */
static char *list(const struct buf *b)
{
	struct buf out = BUF(1 << 20);
	struct archive *a = archive_read_new();
	struct archive_entry *t;
	int r;

	archive_read_support_format_tar(a);
	assert_int_equal(archive_read_open_memory(a, b->data, b->len), ARCHIVE_OK);
	while ((r = archive_read_next_header(a, &t)) == ARCHIVE_OK) {
		char content[256] = "";
		la_ssize_t n = archive_read_data(a, content, sizeof(content) - 1);

		assert_true(n >= 0);
		assert_true(archive_entry_mtime(t) == 0);
		assert_true(!archive_entry_uname(t) || !*archive_entry_uname(t));
		assert_true(!archive_entry_gname(t) || !*archive_entry_gname(t));
		(void)buf_addf(&out, "%c %o %d %d %s %s\n",
			archive_entry_filetype(t) == AE_IFDIR   ? 'd'
			: archive_entry_filetype(t) == AE_IFLNK ? 'l'
								: 'f',
			archive_entry_perm(t), (int)archive_entry_uid(t),
			(int)archive_entry_gid(t), archive_entry_pathname(t),
			archive_entry_symlink(t) ? archive_entry_symlink(t) : content);
	}
	assert_int_equal(r, ARCHIVE_EOF);
	archive_read_free(a);
	return buf_take(&out);
}

static void write_plan(struct tar_plan *p, struct buf *out)
{
	struct err e = ERR_NONE;

	if (tar_plan_write(p, out, &e) < 0)
		fail_msg("%s", e.text);
}

static void trees_are_packed_sorted_and_tame(void **state)
{
	_cleanup_(tar_plan_freep) struct tar_plan *p = tar_plan_new();
	_cleanup_buf_ struct buf b = BUF(1 << 20);

	tar_add_file(p, "z", "last", 4, 0600, 7, 8);
	tar_add_dir(p, ".", 01777, 3, 4);
	assert_int_equal(tar_add_tree(p, root, "tree", "t", 1000, 100, NULL), 0);
	assert_int_equal(tar_add_tree(p, root, "tree/sub", "", 0, 0, NULL), 0);
	assert_int_equal(tar_add_tree(p, root, "tree/a.txt", "named", 0, 0, NULL), 0);
	assert_int_equal(tar_add_tree(p, root, "tree/a.txt", "", 0, 0, NULL), 0);
	tar_add_file(p, "t/sub/b", "in its place", 12, 0640, 1, 2);
	tar_add_link(p, "t/to-a", "a.txt", 5, 6);
	write_plan(p, &b);
	_cleanup_free_ char *text = list(&b);
	assert_string_equal(text, "d 1777 3 4 ./ \n"
				  "f 644 0 0 a.txt alpha\n"
				  "f 644 0 0 b \n"
				  "f 644 0 0 named alpha\n"
				  "f 755 0 0 run.sh #!/bin/sh\n\n"
				  "d 755 1000 100 t/ \n"
				  "f 644 1000 100 t/a.txt alpha\n"
				  "d 755 1000 100 t/empty/ \n"
				  "d 755 1000 100 t/sub/ \n"
				  "f 640 1 2 t/sub/b in its place\n"
				  "f 755 1000 100 t/sub/run.sh #!/bin/sh\n\n"
				  "l 777 5 6 t/to-a a.txt\n"
				  "f 600 7 8 z last\n");
}

static void the_whole_folder_can_be_the_top(void **state)
{
	_cleanup_(tar_plan_freep) struct tar_plan *p = tar_plan_new();
	_cleanup_buf_ struct buf b = BUF(1 << 20);
	_cleanup_free_ char *tree = in_root("tree");

	assert_int_equal(tar_add_tree(p, tree, ".", "", 0, 0, NULL), 0);
	write_plan(p, &b);
	_cleanup_free_ char *text = list(&b);
	assert_string_equal(text, "f 644 0 0 a.txt alpha\n"
				  "d 755 0 0 empty/ \n"
				  "d 755 0 0 sub/ \n"
				  "f 644 0 0 sub/b \n"
				  "f 755 0 0 sub/run.sh #!/bin/sh\n\n");
}

static void equal_plans_make_equal_archives(void **state)
{
	_cleanup_(tar_plan_freep) struct tar_plan *p = tar_plan_new(), *q = tar_plan_new();
	_cleanup_buf_ struct buf a = BUF(1 << 20), b = BUF(1 << 20);
	char x[SHA256_HEX], y[SHA256_HEX];

	tar_add_file(p, "one", "1", 1, 0644, 0, 0);
	tar_add_file(p, "two", "2", 1, 0644, 0, 0);
	assert_int_equal(tar_add_tree(p, root, "tree", "t", 0, 0, NULL), 0);
	assert_int_equal(tar_add_tree(q, root, "tree", "t", 0, 0, NULL), 0);
	tar_add_file(q, "two", "old", 3, 0755, 0, 0);
	tar_add_file(q, "two", "2", 1, 0644, 0, 0);
	tar_add_file(q, "one", "1", 1, 0644, 0, 0);
	assert_int_equal(tar_plan_digest(p, x, NULL), 0);
	assert_int_equal(tar_plan_digest(q, y, NULL), 0);
	assert_string_equal(x, y);
	write_plan(p, &a);
	write_plan(q, &b);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
}

static void the_digest_sees_everything(void **state)
{
	static const struct {
		const char *name, *data;
		int mode, uid, gid;
	} rows[] = {{"a", "x", 0644, 0, 0}, {"b", "x", 0644, 0, 0}, {"a", "y", 0644, 0, 0},
		{"a", "x", 0755, 0, 0}, {"a", "x", 0644, 1, 0}, {"a", "x", 0644, 0, 1},
		{"a", "", 0644, 0, 0}, {"a", NULL, 0644, 0, 0}};
	char seen[ARRAY_SIZE(rows)][SHA256_HEX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(tar_plan_freep) struct tar_plan *p = tar_plan_new();
		const char *d = rows[i].data;

		if (d)
			tar_add_file(p, rows[i].name, d, strlen(d), rows[i].mode, rows[i].uid,
				rows[i].gid);
		else
			tar_add_dir(p, rows[i].name, rows[i].mode, rows[i].uid, rows[i].gid);
		assert_int_equal(tar_plan_digest(p, seen[i], NULL), 0);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(seen[i], seen[k]);
	}
}

static void the_digest_sees_where_links_lead(void **state)
{
	static const char *const targets[] = {"a", "b"};
	char seen[2][SHA256_HEX];

	for (size_t i = 0; i < 2; i++) {
		_cleanup_(tar_plan_freep) struct tar_plan *p = tar_plan_new();

		tar_add_link(p, "l", targets[i], 0, 0);
		assert_int_equal(tar_plan_digest(p, seen[i], NULL), 0);
	}
	assert_string_not_equal(seen[0], seen[1]);
}

static void nothing_pads_the_end(void **state)
{
	_cleanup_(tar_plan_freep) struct tar_plan *p = tar_plan_new(), *none = tar_plan_new();
	_cleanup_buf_ struct buf b = BUF(1 << 20), empty = BUF(1 << 20);
	static const char zeros[1024];

	tar_add_file(p, "a", "x", 1, 0644, 0, 0);
	write_plan(p, &b);
	assert_int_equal(b.len, 512 + 512 + 1024);
	assert_memory_equal(b.data + 1024, zeros, 1024);
	write_plan(none, &empty);
	assert_int_equal(empty.len, 1024);
}

static void long_and_foreign_names_survive(void **state)
{
	_cleanup_(tar_plan_freep) struct tar_plan *p = tar_plan_new();
	_cleanup_buf_ struct buf b = BUF(1 << 20);
	struct buf name = BUF(1024);

	for (int i = 0; i < 40; i++)
		(void)buf_adds(&name, "folder-xx/");
	(void)buf_adds(&name, "d\xc3\xa9j\xc3\xa0");
	tar_add_file(p, name.data, "x", 1, 0644, 0, 0);
	tar_add_file(p, "\xc3\xa9", "y", 1, 0644, 0, 0);
	write_plan(p, &b);
	_cleanup_free_ char *text = list(&b);
	_cleanup_free_ char *want = strf("f 644 0 0 %s x\nf 644 0 0 \xc3\xa9 y\n", name.data);
	assert_string_equal(text, want);
	buf_done(&name);
}

/* --- refusals --- */

static int add(const char *path)
{
	_cleanup_(tar_plan_freep) struct tar_plan *p = tar_plan_new();

	return tar_add_tree(p, root, path, "", 0, 0, NULL);
}

static void links_and_special_files_are_refused(void **state)
{
	_cleanup_free_ char *link = in_root("l/link"), *fifo = in_root("f/fifo");
	_cleanup_free_ char *dir_link = in_root("dir-link");
	_cleanup_(tar_plan_freep) struct tar_plan *p = tar_plan_new();
	struct err e = ERR_NONE;

	make_dir("l");
	make_dir("f");
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(symlink("tree", dir_link), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(tar_add_tree(p, root, "l", "", 0, 0, &e), ERR_FORBIDDEN);
	assert_non_null(strstr(e.text, "'l/link' is a symbolic link"));
	assert_int_equal(add("f"), ERR_FORBIDDEN);
	assert_int_equal(add("dir-link"), ERR_FORBIDDEN);
	assert_int_equal(add("dir-link/a.txt"), ERR_FORBIDDEN);
	assert_int_equal(add("../tree"), ERR_FORBIDDEN);
	assert_int_equal(add("/etc/passwd"), ERR_FORBIDDEN);
	assert_int_equal(add("tree/none"), ERR_NOT_FOUND);
	assert_int_equal(add("none/none"), ERR_NOT_FOUND);
}

static void a_copy_has_everything_as_it_is(void **state)
{
	_cleanup_free_ char *link = in_root("tree/sub/link"), *text = NULL;
	struct tar_plan *p = tar_plan_new();
	struct buf out = BUF(1 << 20);

	assert_int_equal(symlink("../a.txt", link), 0);
	assert_int_equal(tar_add_copy(p, root, "tree", "new", NULL), 0);
	write_plan(p, &out);
	text = list(&out);
	assert_non_null(strstr(text, "new/.git/HEAD ref: refs/heads/main\n"));
	assert_non_null(strstr(text, "new/sub/link ../a.txt\n"));
	assert_non_null(strstr(text, "new/sub/__pycache__"));
	assert_non_null(strstr(text, "600 0 0 new/a.txt alpha\n"));
	assert_non_null(strstr(text, "711 0 0 new/sub/run.sh")); /* no set-id */
	assert_int_equal(unlink(link), 0);
	buf_done(&out);
	tar_plan_free(p);
}

static void unsafe_names_are_refused(void **state)
{
	static const char *const names[] = {"../a", "/a", "a//b", "", "a/./b", "a\nb", "\xff"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(tar_plan_freep) struct tar_plan *p = tar_plan_new();
		_cleanup_buf_ struct buf b = BUF(1 << 20);
		char hex[SHA256_HEX];

		tar_add_file(p, names[i], "x", 1, 0644, 0, 0);
		assert_int_equal(tar_plan_digest(p, hex, NULL), ERR_FORBIDDEN);
		assert_int_equal(tar_plan_write(p, &b, NULL), ERR_FORBIDDEN);
		assert_int_equal(b.len, 0);
	}
}

static void limits_hold(void **state)
{
	_cleanup_(tar_plan_freep) struct tar_plan *p = tar_plan_new();
	_cleanup_free_ char *large = in_root("tree/large"), *deep = xstrdup("deep");
	_cleanup_buf_ struct buf small = BUF(1500);

	for (int i = 0; i < 33; i++) {
		make_dir(deep);
		char *next = strf("%s/d", deep);
		free(deep);
		deep = next;
	}
	assert_int_equal(add("deep"), ERR_LIMIT);
	assert_int_equal(tar_add_tree(p, root, "tree", "t", 0, 0, NULL), 0);
	assert_int_equal(tar_plan_write(p, &small, NULL), ERR_LIMIT);

	int fd = open(large, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(ftruncate(fd, TAR_BYTES_MAX - 14), 0);
	assert_int_equal(add("tree"), ERR_LIMIT); /* with the 15 bytes of the others */
	assert_int_equal(ftruncate(fd, TAR_BYTES_MAX - 15), 0);
	assert_int_equal(add("tree"), 0);
	close(fd);
	assert_int_equal(unlink(large), 0);

	for (int i = 0; i < TAR_ENTRIES_MAX; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "n%d", i);
		tar_add_file(p, name, "", 0, 0644, 0, 0);
	}
	assert_int_equal(tar_add_tree(p, root, "tree", "u", 0, 0, NULL), ERR_LIMIT);
}

static void a_changed_file_is_never_packed(void **state)
{
	_cleanup_(tar_plan_freep) struct tar_plan *p = tar_plan_new();
	_cleanup_buf_ struct buf b = BUF(1 << 20);
	_cleanup_free_ char *path = in_root("tree/a.txt"), *other = in_root("other");
	char hex[SHA256_HEX];
	struct err e = ERR_NONE;

	assert_int_equal(tar_add_tree(p, root, "tree", "", 0, 0, NULL), 0);
	assert_int_equal(tar_plan_digest(p, hex, NULL), 0);
	write_file("tree/a.txt", "ALPHA", 0600); /* the size stays */
	assert_int_equal(tar_plan_write(p, &b, &e), ERR_IO);
	assert_non_null(strstr(e.text, "tree/a.txt' changed"));
	write_file("tree/a.txt", "longer than before", 0600);
	assert_int_equal(tar_plan_write(p, &b, NULL), ERR_IO);
	write_file("other", "alpha", 0600);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(tar_plan_write(p, &b, NULL), ERR_FORBIDDEN);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(tar_plan_write(p, &b, NULL), ERR_NOT_FOUND);
	write_file("tree/a.txt", "alpha", 0600);
	buf_clear(&b);
	assert_int_equal(tar_plan_write(p, &b, NULL), 0);
}

/* --- streams --- */

struct fixture {
	struct loop *loop;
	struct worker *io;
	struct tar_stream *stream;
	struct buf got;
	struct err err;
	int64_t end; /* what the last read said */
	int readies;
	bool finished;
};

static void read_on(void *arg)
{
	struct fixture *f = arg;
	char block[50000];
	int64_t n;

	f->readies++;
	while ((n = tar_stream_read(f->stream, block, sizeof(block), &f->err)) > 0 &&
		n != INT64_MAX)
		assert_int_equal(buf_add(&f->got, block, (size_t)n), 0);
	f->end = n;
	if (n != INT64_MAX) {
		f->finished = true;
		tar_stream_free(TAKE(f->stream)); /* from inside ready() */
		loop_stop(f->loop);
	}
}

static void begin(struct fixture *f, size_t queue)
{
	*f = (struct fixture){.got = BUF(64 << 20)};
	assert_int_equal(loop_new(&f->loop, NULL, NULL), 0);
	assert_int_equal(worker_new(&f->io, f->loop, "io", 1, queue, NULL), 0);
}

static void end(struct fixture *f)
{
	worker_free(f->io);
	loop_free(f->loop);
	buf_done(&f->got);
}

static struct tar_plan *large_plan(void)
{
	struct tar_plan *p = tar_plan_new();
	char *data = malloc(3000001);

	for (int i = 0; i < 3000001; i++)
		data[i] = (char)(i * 7 >> 3);
	tar_add_file(p, "large", data, 3000001, 0644, 0, 0);
	for (int i = 0; i < 2000; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "small-%d", i);
		tar_add_file(p, name, data, (size_t)i, 0644, 0, 0);
	}
	free(data);
	return p;
}

static void a_stream_is_the_whole_archive(void **state)
{
	_cleanup_(tar_plan_freep) struct tar_plan *p = large_plan();
	_cleanup_buf_ struct buf b = BUF(64 << 20);
	struct fixture f;

	write_plan(p, &b);
	begin(&f, 4);
	f.stream = tar_stream_new(f.io, f.loop, large_plan(), read_on, &f);
	read_on(&f);
	loop_run(f.loop);
	assert_true(f.end == 0);
	assert_true(f.readies > 5); /* it came in pieces */
	assert_int_equal(f.got.len, b.len);
	assert_memory_equal(f.got.data, b.data, b.len);
	end(&f);
}

static void an_error_comes_after_the_bytes_before_it(void **state)
{
	struct tar_plan *p = tar_plan_new();
	struct fixture f;

	begin(&f, 4);
	tar_add_file(p, "0", "x", 1, 0644, 0, 0);
	assert_int_equal(tar_add_tree(p, root, "tree", "", 0, 0, NULL), 0);
	write_file("tree/a.txt", "changed", 0600);
	f.stream = tar_stream_new(f.io, f.loop, p, read_on, &f);
	read_on(&f);
	loop_run(f.loop);
	write_file("tree/a.txt", "alpha", 0600);
	assert_true(f.end == ERR_IO);
	assert_non_null(strstr(f.err.text, "changed"));
	assert_true(f.got.len >= 512);
	end(&f);
}

static void count(void *arg)
{
	++*(int *)arg;
}

static void a_stream_can_be_freed_at_any_time(void **state)
{
	struct fixture f;
	int readies = 0;
	char block[1000];

	begin(&f, 4);
	for (int reads = 0; reads < 700; reads += 70) {
		f.stream = tar_stream_new(f.io, f.loop, large_plan(), count, &readies);
		for (int i = 0; i < reads;) {
			int64_t n = tar_stream_read(f.stream, block, sizeof(block), NULL);

			assert_true(n > 0);
			if (n == INT64_MAX)
				(void)loop_once(f.loop, true);
			else
				i++;
		}
		tar_stream_free(f.stream);
		readies = 0;
	}
	end(&f);
	assert_int_equal(readies, 0);
}

static void wait_for(void *arg)
{
	char byte;

	assert_int_equal(read(*(int *)arg, &byte, 1), 1);
}

static void nothing(void *arg)
{
}

static void a_full_queue_only_delays(void **state)
{
	struct tar_plan *p = tar_plan_new();
	struct fixture f;
	int fds[2];

	begin(&f, 1);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(worker_submit(f.io, wait_for, nothing, &fds[0], NULL), 0);
	while (worker_waiting(f.io))
		usleep(100); /* until the thread has taken it */
	assert_int_equal(worker_submit(f.io, wait_for, nothing, &fds[0], NULL), 0);
	tar_add_file(p, "a", "x", 1, 0644, 0, 0);
	f.stream = tar_stream_new(f.io, f.loop, p, read_on, &f);
	read_on(&f);
	assert_true(f.end == INT64_MAX);
	assert_int_equal(write(fds[1], "xx", 2), 2);
	loop_run(f.loop);
	assert_true(f.end == 0);
	assert_int_equal(f.got.len, 2048);
	close(fds[0]);
	close(fds[1]);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees_are_packed_sorted_and_tame),
		cmocka_unit_test(the_whole_folder_can_be_the_top),
		cmocka_unit_test(equal_plans_make_equal_archives),
		cmocka_unit_test(the_digest_sees_everything),
		cmocka_unit_test(the_digest_sees_where_links_lead),
		cmocka_unit_test(nothing_pads_the_end),
		cmocka_unit_test(long_and_foreign_names_survive),
		cmocka_unit_test(links_and_special_files_are_refused),
		cmocka_unit_test(a_copy_has_everything_as_it_is),
		cmocka_unit_test(unsafe_names_are_refused),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(a_changed_file_is_never_packed),
		cmocka_unit_test(a_stream_is_the_whole_archive),
		cmocka_unit_test(an_error_comes_after_the_bytes_before_it),
		cmocka_unit_test(a_stream_can_be_freed_at_any_time),
		cmocka_unit_test(a_full_queue_only_delays),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
