/* test_catalog.c - listing, finding and keeping labs. */
#include "base/fsutil.h"
#include "base/str.h"
#include "lab/catalog.h"
#include "tests/fake/labfolder.h"
#include "tests/unit/test.h"

#include <sys/stat.h>
#include <unistd.h>

static int setup(void **state)
{
	*state = NEW(struct labfolder);
	labfolder_init(*state);
	return 0;
}

static int teardown(void **state)
{
	labfolder_done(*state);
	free(*state);
	return 0;
}

static void lists_only_labs(void **state)
{
	const struct labfolder *f = *state;
	_cleanup_(strv_freep) char **slugs = NULL;
	struct err e = ERR_NONE;

	labfolder_write(f, "another-lab/lab.yaml", "", 0644);
	labfolder_write(f, "_draft/lab.yaml", "", 0644);
	labfolder_write(f, "notes/README.md", "", 0644);
	assert_int_equal(catalog_slugs(f->labs, &slugs, &e), 0);
	assert_int_equal(strv_len(slugs), 2);
	assert_string_equal(slugs[0], "another-lab");
	assert_string_equal(slugs[1], "demo-lab");
	assert_int_equal(catalog_slugs("/nowhere/at/all", &slugs, &e), ERR_NOT_FOUND);
}

static void finds_and_suggests(void **state)
{
	const struct labfolder *f = *state;
	_cleanup_(lab_freep) struct lab *l = NULL;
	struct err e = ERR_NONE;

	assert_int_equal(catalog_load(f->labs, "demo-lab", &l, NULL, &e), 0);
	assert_string_equal(l->slug, "demo-lab");
	assert_int_equal(catalog_load(f->labs, "demo-lib", &l, NULL, &e), ERR_NOT_FOUND);
	assert_non_null(strstr(e.text, "did you mean 'demo-lab'?"));
	assert_int_equal(catalog_load(f->labs, "../demo-lab", &l, NULL, &e), ERR_USAGE);
	assert_int_equal(catalog_load(f->labs, "_images", &l, NULL, &e), ERR_USAGE);
	labfolder_edit(f, "demo-lab/lab.yaml", "minutes: 10", "minutes: 1");
	assert_int_equal(catalog_load(f->labs, "demo-lab", &l, NULL, &e), ERR_INVALID);
}

static void a_snapshot_is_the_same_lab(void **state)
{
	const struct labfolder *f = *state;
	_cleanup_(lab_freep) struct lab *l = NULL, *kept = NULL;
	_cleanup_free_ char *to = NULL, *other = NULL;
	struct err e = ERR_NONE;

	assert_int_equal(catalog_load(f->labs, "demo-lab", &l, NULL, &e), 0);
	to = strf("%s/kept/%s", f->tmp, l->digest);
	assert_int_equal(catalog_snapshot(l, to, &e), 0);
	assert_int_equal(catalog_snapshot(l, to, &e), 0); /* again: it is there */

	labfolder_edit(f, "demo-lab/lab.yaml", "A demo",
		"Another demo"); /* the original goes on changing */
	assert_int_equal(catalog_load(to, "demo-lab", &kept, NULL, &e), 0);
	assert_string_equal(kept->digest, l->digest);
	assert_string_equal(kept->title, "A demo");
	other = strf("%s/_images/other", to);
	assert_false(fs_exists(other)); /* only what the lab stands on */
}

static void a_failed_snapshot_leaves_nothing(void **state)
{
	const struct labfolder *f = *state;
	_cleanup_(lab_freep) struct lab *l = NULL;
	_cleanup_(strv_freep) char **left = NULL;
	_cleanup_free_ char *kept = strf("%s/kept", f->tmp), *to = strf("%s/x", kept);
	_cleanup_free_ char *link = strf("%s/link", f->lab), *fake = NULL;
	struct err e = ERR_NONE;

	assert_int_equal(catalog_load(f->labs, "demo-lab", &l, NULL, &e), 0);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(catalog_snapshot(l, to, &e), ERR_FORBIDDEN);
	assert_false(fs_exists(to));
	assert_int_equal(rmdir(kept), 0); /* empty */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lists_only_labs, setup, teardown),
		cmocka_unit_test_setup_teardown(finds_and_suggests, setup, teardown),
		cmocka_unit_test_setup_teardown(a_snapshot_is_the_same_lab, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failed_snapshot_leaves_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
