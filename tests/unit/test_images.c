/* test_images.c - which images a Dockerfile names, build order, and tags that name the content. */
#include "base/str.h"
#include "lab/dockerfile.h"
#include "lab/images.h"
#include "lab/load.h"
#include "tests/fake/labfolder.h"
#include "tests/fuzz/fuzz_dockerfile.c"
#include "tests/fuzz/replay.h"
#include "tests/unit/test.h"

/* --- Dockerfiles --- */

static char *images_of(const char *text)
{
	_cleanup_(dockerfile_done) struct dockerfile d = {0};
	char *list = xstrdup("");
	int line = 0;

	if (dockerfile_scan(&d, text, &line, NULL) < 0) {
		free(list);
		return strf("error in line %d", line);
	}
	for (size_t i = 0; i < d.n; i++) {
		char *longer =
			strf("%s%s%s@%d", list, i ? " " : "", d.refs[i].image, d.refs[i].line);

		free(list);
		list = longer;
	}
	return list;
}

static void dockerfiles_name_their_images(void **state)
{
	static const struct {
		const char *text, *images;
	} cases[] = {
		{"FROM debian:12-slim", "debian:12-slim@1"},
		{"# a comment\n\n  from lab/pg:12\n", "lab/pg:12@3"},
		{"FROM --platform=linux/amd64 lab/a AS one\nFROM one AS two\nCOPY --from=ONE /x "
		 "/y\nCOPY --from=0 /x /z\n",
			"lab/a@1"},
		{"FROM scratch\nCOPY --from=lab/tools /x /x\n", "lab/tools@2"},
		{"FROM a\nRUN one \\\n  # FROM b\n\n  two && \\\n  FROM c\nCOPY \\\n  --from=lab/d "
		 "x y\n",
			"a@1 lab/d@8"},
		{"FROM a \\\n  AS x\nFROM \\\n b", "a@1 b@4"},
		{"FROM a\r\nFROM b\r\n", "a@1 b@2"},
		{"FROM a\nARG V=1\nRUN echo $V \"FROM x\"\n", "a@1"},
		{"FROM a\n# escape=`\nRUN x\n",
			"a@1"}, /* behind the first instruction it is a comment */
		{"ARG V=1\nFROM a:$V\n", "error in line 1"},
		{"FROM a:$V\n", "error in line 1"},
		{"FROM a\nCOPY --from=$X a b\n", "error in line 2"},
		{"# escape=`\nFROM a\n", "error in line 1"},
		{"FROM a\nRUN <<EOF\nFROM b\nEOF\n", "error in line 2"},
		{"FROM\n", "error in line 1"},
		{"FROM AS one\nFROM one\n", "AS@1 one@2"},
		{"RUN x\n", "error in line 1"},
		{"", "error in line 0"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *got = images_of(cases[i].text);

		assert_string_equal(got, cases[i].images);
	}
}

static void names_are_put_in_their_place(void **state)
{
	static const char text[] =
		"FROM lab/a:1 AS x\nRUN true\nCOPY --from=lab/b /b /b\nFROM debian\n";
	const char *names[] = {"labyard/a:0123", "labyard/b:4567", NULL};
	_cleanup_(dockerfile_done) struct dockerfile d = {0};
	int line;

	(void)state;
	assert_int_equal(dockerfile_scan(&d, text, &line, NULL), 0);
	assert_false(d.lib);
	_cleanup_free_ char *got = dockerfile_replace(&d, text, names);
	assert_string_equal(got, "FROM labyard/a:0123 AS x\nRUN true\nCOPY --from=labyard/b:4567 "
				 "/b /b\nFROM debian\n");
}

static void corpus_of_the_fuzzer(void **state)
{
	(void)state;
	replay_corpus("dockerfile");
}

/* --- plans --- */

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

static void make_plan(const struct labfolder *f, struct lab **l, struct lab_images *images)
{
	struct err e = ERR_NONE;

	if (lab_load(l, f->lab, NULL, &e) < 0 || lab_images_plan(images, *l, &e) < 0)
		fail_msg("%s", e.text);
}

static const struct lab_image *find(const struct lab_images *images, const char *name)
{
	for (size_t i = 0; i < images->n; i++)
		if (streq(images->items[i].name, name))
			return &images->items[i];
	fail_msg("no image '%s'", name);
	return NULL;
}

static void bases_come_first(void **state)
{
	_cleanup_(lab_freep) struct lab *l = NULL;
	_cleanup_(lab_images_done) struct lab_images images = {0};

	make_plan(*state, &l, &images);
	assert_int_equal(
		images.n, 3); /* debian:12-slim once, lab/base, demo-lab/app; not lab/other */
	for (size_t i = 0; i < images.n; i++)
		for (size_t k = 0; k < images.items[i].n_needs; k++)
			assert_true(images.items[i].needs[k] < (int)i);
	assert_true(find(&images, "debian:12-slim")->foreign);
	assert_string_equal(find(&images, "debian:12-slim")->tag, "debian:12-slim");
	assert_null(find(&images, "debian:12-slim")->context);
	assert_string_equal(
		images.items[images.of_service[lab_service(l, "app")]].name, "demo-lab/app");
	assert_string_equal(
		images.items[images.of_service[lab_service(l, "seed")]].name, "lab/base");
	assert_string_equal(
		images.items[images.of_service[lab_service(l, "judge")]].name, "debian:12-slim");
}

static void contexts_carry_tags_and_lib(void **state)
{
	_cleanup_(lab_freep) struct lab *l = NULL;
	_cleanup_(lab_images_done) struct lab_images images = {0};
	_cleanup_buf_ struct buf tar = BUF(1 << 20);
	struct err e = ERR_NONE;

	make_plan(*state, &l, &images);
	const char *base = find(&images, "lab/base")->tag;
	assert_true(str_starts(base, "labyard/base:"));
	assert_int_equal(strlen(base), strlen("labyard/base:") + 20);
	assert_true(str_starts(find(&images, "demo-lab/app")->tag, "labyard/demo-lab/app:"));
	assert_int_equal(tar_plan_write(find(&images, "demo-lab/app")->context, &tar, &e), 0);
	_cleanup_free_ char *from = strf("FROM %s AS one\n", base);
	assert_non_null(memmem(tar.data, tar.len, from, strlen(from)));
	assert_non_null(memmem(tar.data, tar.len, "_lib/kit/kit.sh", 15));
}

static void tags_of(const struct labfolder *f, char **base, char **app)
{
	_cleanup_(lab_freep) struct lab *l = NULL;
	_cleanup_(lab_images_done) struct lab_images images = {0};

	make_plan(f, &l, &images);
	str_set(base, find(&images, "lab/base")->tag);
	str_set(app, find(&images, "demo-lab/app")->tag);
}

static void a_tag_changes_with_what_it_names(void **state)
{
	const struct labfolder *f = *state;
	_cleanup_free_ char *base = NULL, *app = NULL, *base2 = NULL, *app2 = NULL;

	tags_of(f, &base, &app);
	labfolder_edit(f, "demo-lab/README.md", "demo", "Demo"); /* no part of an image */
	labfolder_edit(f, "_images/other/Dockerfile", "12", "13");
	tags_of(f, &base2, &app2);
	assert_string_equal(base, base2);
	assert_string_equal(app, app2);

	labfolder_edit(f, "_lib/kit/kit.sh", "#!", "# !"); /* of the app only */
	tags_of(f, &base2, &app2);
	assert_string_equal(base, base2);
	assert_string_not_equal(app, app2);

	str_set(&app, app2);
	labfolder_write(f, "_images/base/x", "x", 0644); /* and of what stands on it */
	tags_of(f, &base2, &app2);
	assert_string_not_equal(base, base2);
	assert_string_not_equal(app, app2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dockerfiles_name_their_images),
		cmocka_unit_test(names_are_put_in_their_place),
		cmocka_unit_test(corpus_of_the_fuzzer),
		cmocka_unit_test_setup_teardown(bases_come_first, setup, teardown),
		cmocka_unit_test_setup_teardown(contexts_carry_tags_and_lib, setup, teardown),
		cmocka_unit_test_setup_teardown(a_tag_changes_with_what_it_names, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
