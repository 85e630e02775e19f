/* test_cli_watch.c - which files of a lab have changed, however editors save them. */
#include "base/fsutil.h"
#include "base/str.h"
#include "cmd/lab/watch.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[32];
static struct watched *w;

static char *at(const char *name)
{
	return strf("%s/%s", top, name);
}

static void put(const char *name, const char *text)
{
	_cleanup_free_ char *path = at(name);
	struct err e = ERR_NONE;

	if (fs_write_atomic(path, text, strlen(text), 0644, &e) < 0) /* by renaming */
		fail_msg("%s", e.text);
}

static void folder(const char *name)
{
	_cleanup_free_ char *path = at(name);

	assert_int_equal(fs_mkdirs(path, 0700, NULL), 0);
}

static int setup(void **state)
{
	(void)snprintf(top, sizeof(top), "/tmp/labyard-watch-XXXXXX");
	assert_non_null(mkdtemp(top));
	folder("x-lab/checks");
	put("x-lab/lab.yaml", "a");
	put("x-lab/checks/one.sh", "a");
	_cleanup_free_ char *lab = at("x-lab"), *images = at("_images");
	const char *const folders[] = {lab, images};
	w = watched_new(folders, 2);
	return 0;
}

static int teardown(void **state)
{
	watched_free(w);
	return fs_remove_tree(top, NULL);
}

/* Two looks after a change: the first sees it move. */
static void expect(const char *first, const char *second)
{
	_cleanup_(strv_freep) char **moving = watched_look(w), **files = watched_look(w);

	assert_null(moving);
	assert_int_equal(strv_len(files), second ? 2 : first ? 1 : 0);
	if (first)
		assert_string_equal(files[0], first);
	if (second)
		assert_string_equal(files[1], second);
}

static void a_change_is_told_once_and_when_it_rests(void **state)
{
	expect(NULL, NULL);
	put("x-lab/lab.yaml", "b");
	expect("lab.yaml", NULL);
	expect(NULL, NULL);
	put("x-lab/lab.yaml", "c");
	assert_null(watched_look(w));
	put("x-lab/checks/one.sh", "b"); /* still at it */
	expect("checks/one.sh", "lab.yaml");
}

static void files_come_and_go(void **state)
{
	put("x-lab/checks/two.sh", "a");
	_cleanup_free_ char *one = at("x-lab/checks/one.sh");
	assert_int_equal(unlink(one), 0);
	expect("checks/one.sh", "checks/two.sh");
	folder("_images/base"); /* which was not there */
	put("_images/base/Dockerfile", "FROM scratch");
	expect("../_images/base/Dockerfile", NULL);
}

static void a_program_that_becomes_one_has_changed(void **state)
{
	_cleanup_free_ char *one = at("x-lab/checks/one.sh");

	assert_int_equal(chmod(one, 0755), 0);
	expect("checks/one.sh", NULL);
}

static void what_editors_leave_is_none_of_it(void **state)
{
	put("x-lab/.lab.yaml.swp", "a");
	put("x-lab/lab.yaml~", "a");
	folder("x-lab/checks/__pycache__");
	put("x-lab/checks/__pycache__/one.pyc", "a");
	expect(NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_change_is_told_once_and_when_it_rests, setup, teardown),
		cmocka_unit_test_setup_teardown(files_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_program_that_becomes_one_has_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(what_editors_leave_is_none_of_it, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
