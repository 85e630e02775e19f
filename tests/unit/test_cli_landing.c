/* test_cli_landing.c - files out of a lab: where they lie, what is refused, all or nothing. */
#include "base/fsutil.h"
#include "base/str.h"
#include "cmd/lab/landing.h"
#include "tests/unit/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[32];

static int setup(void **state)
{
	(void)snprintf(top, sizeof(top), "/tmp/labyard-landing-XXXXXX");
	assert_non_null(mkdtemp(top));
	return 0;
}

static int teardown(void **state)
{
	return fs_remove_tree(top, NULL);
}

static char *at(const char *name)
{
	return strf("%s/%s", top, name);
}

static struct landing *land_at(const char *target)
{
	_cleanup_free_ char *path = at(target);
	struct landing *l = NULL;
	struct err e = ERR_NONE;

	if (landing_new(&l, path, &e) < 0)
		fail_msg("%s", e.text);
	return l;
}

static int dir(struct landing *l, const char *path, int mode)
{
	return landing_entry(
		l, &(struct fetch_entry){.path = path, .mode = mode, .dir = true}, NULL);
}

static int file(struct landing *l, const char *path, const char *text, int mode)
{
	return landing_entry(l,
		&(struct fetch_entry){
			.path = path, .mode = mode, .data = text, .size = strlen(text)},
		NULL);
}

static int lnk(struct landing *l, const char *path, const char *target)
{
	return landing_entry(
		l, &(struct fetch_entry){.path = path, .mode = 0777, .link = target}, NULL);
}

static int finish(struct landing *l)
{
	_cleanup_free_ char *path = NULL;
	int r = landing_finish(l, &path, NULL);

	landing_free(l);
	return r;
}

static void assert_text(const char *name, const char *want)
{
	_cleanup_free_ char *path = at(name);
	struct buf b = BUF(1 << 16);

	assert_int_equal(fs_read(path, &b, NULL), 0);
	assert_string_equal(buf_str(&b), want);
	buf_done(&b);
}

static size_t entries(void)
{
	DIR *d = opendir(top);
	size_t n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void make(const char *name)
{
	_cleanup_free_ char *path = at(name);

	assert_int_equal(mkdir(path, 0755), 0);
}

/* --- where it lies --- */

static void a_folder_that_is_there_gets_a_child(void **state)
{
	struct landing *l = land_at("");
	struct stat st;
	_cleanup_free_ char *link = at("d/l"), *path = at("d/f");
	char target[8] = "";

	assert_int_equal(dir(l, "d", 0555), 0);
	assert_int_equal(file(l, "d/f", "text", 0640), 0);
	assert_int_equal(file(l, "d/implied/g", "deep", 0600), 0);
	assert_int_equal(lnk(l, "d/l", "f"), 0);
	assert_int_equal(finish(l), 0);
	assert_text("d/f", "text");
	assert_text("d/implied/g", "deep");
	assert_true(readlink(link, target, sizeof(target)) == 1 && target[0] == 'f');
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(entries(), 1); /* no staging folder is left */
}

static void anything_else_is_the_new_name(void **state)
{
	struct landing *l = land_at("new");

	assert_int_equal(file(l, "old", "x", 0644), 0);
	assert_int_equal(finish(l), 0);
	assert_text("new", "x");

	l = land_at("new"); /* a file replaces a file */
	assert_int_equal(file(l, "old", "y", 0644), 0);
	assert_int_equal(finish(l), 0);
	assert_text("new", "y");

	struct landing *none = NULL;
	_cleanup_free_ char *slash = at("nofolder/"), *deep = at("no/where");
	assert_int_equal(landing_new(&none, slash, NULL), ERR_NOT_FOUND);
	assert_int_equal(landing_new(&none, deep, NULL), ERR_NOT_FOUND);
}

static void folders_are_merged(void **state)
{
	make("d");
	make("d/sub");
	struct landing *l = land_at("d");
	assert_int_equal(file(l, "mine", "1", 0644), 0);
	assert_int_equal(finish(l), 0);

	l = land_at("");
	assert_int_equal(dir(l, "d", 0755), 0);
	assert_int_equal(file(l, "d/sub/g", "2", 0644), 0);
	assert_int_equal(finish(l), 0);
	assert_text("d/mine", "1");
	assert_text("d/sub/g", "2");
}

/* --- what is refused --- */

static void nothing_moves_when_something_does_not_fit(void **state)
{
	make("d");
	make("d/b"); /* a folder where a file would go */
	struct landing *l = land_at("");

	assert_int_equal(file(l, "d/a", "1", 0644), 0);
	assert_int_equal(file(l, "d/b", "2", 0644), 0);
	assert_int_equal(finish(l), ERR_EXISTS);
	_cleanup_free_ char *a = at("d/a");
	assert_false(fs_exists(a));
	assert_int_equal(entries(), 1);
}

static void a_copy_that_broke_leaves_nothing(void **state)
{
	struct landing *l = land_at("new");

	assert_int_equal(file(l, "x/a", "1", 0644), 0);
	landing_free(l);
	assert_int_equal(entries(), 0);
	l = land_at("new");
	assert_int_equal(finish(l), ERR_NOT_FOUND); /* nothing came */
	assert_int_equal(entries(), 0);
}

static void links_that_lead_out_are_left_out(void **state)
{
	static const char *const bad[] = {"/etc/passwd", "..", "../..", "a/../../..", "../x/y"};
	static const char *const good[] = {".", "f", "sub/../f", "./a//b"};
	struct landing *l = land_at("copy");

	assert_int_equal(dir(l, "x", 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(lnk(l, "x/bad", bad[i]), 1);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_cleanup_free_ char *name = strf("x/good%zu", i);

		assert_int_equal(lnk(l, name, good[i]), 0);
	}
	assert_int_equal(lnk(l, "x/sub/up", "../f"), 0);
	assert_int_equal(lnk(l, "x/sub/out", "../../f"), 1);
	assert_int_equal(lnk(l, "x", "f"), 1); /* the copy itself */
	assert_int_equal(finish(l), 0);
	_cleanup_free_ char *bad_one = at("copy/bad");
	struct stat st;
	assert_int_equal(lstat(bad_one, &st), -1);
}

/* A link of the archive and a file "below" it: the file goes into a folder, never through it. */
static void a_link_alone_is_nothing(void **state)
{
	struct landing *l = land_at("");

	assert_int_equal(lnk(l, "current", "release-1"), 1);
	assert_int_equal(finish(l), ERR_NOT_FOUND);
}

static void nothing_is_written_through_a_link(void **state)
{
	struct landing *l = land_at("copy");

	make("outside");
	assert_int_equal(lnk(l, "x/l", "sub"), 0);
	assert_int_equal(file(l, "x/l/f", "1", 0644), 0);
	assert_true(finish(l) < 0); /* the link's name is taken by then */
	_cleanup_free_ char *copy = at("copy");
	assert_false(fs_exists(copy));

	/* A link of the user's own at the target is not followed either. */
	make("d");
	_cleanup_free_ char *link = at("d/sub");
	assert_int_equal(symlink("../outside", link), 0);
	l = land_at("");
	assert_int_equal(file(l, "d/sub/f", "1", 0644), 0);
	assert_int_equal(finish(l), ERR_EXISTS);
	_cleanup_free_ char *escaped = at("outside/f");
	assert_false(fs_exists(escaped));
}

static void one_copy_has_one_name(void **state)
{
	struct landing *l = land_at("copy");

	assert_int_equal(file(l, "a/f", "1", 0644), 0);
	assert_int_equal(file(l, "b/f", "1", 0644), ERR_PROTO);
	assert_int_equal(file(l, "a/f", "2", 0644), ERR_IO); /* once */
	landing_free(l);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_folder_that_is_there_gets_a_child),
		TEST(anything_else_is_the_new_name),
		TEST(folders_are_merged),
		TEST(nothing_moves_when_something_does_not_fit),
		TEST(a_copy_that_broke_leaves_nothing),
		TEST(links_that_lead_out_are_left_out),
		TEST(a_link_alone_is_nothing),
		TEST(nothing_is_written_through_a_link),
		TEST(one_copy_has_one_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
