/* test_cli_text.c - what people type and read: places, ports, names, leaving a shell, Markdown. */
#include "base/str.h"
#include "cmd/lab/client.h"
#include "cmd/lab/escape.h"
#include "cmd/lab/forward.h"
#include "cmd/lab/markdown.h"
#include "cmd/lab/output.h"
#include "cmd/lab/place.h"
#include "tests/unit/test.h"

#include <locale.h>

static struct json *doc(const char *text)
{
	struct json *j = NULL;

	assert_int_equal(json_parse(&j, text, strlen(text), NULL), 0);
	return j;
}

/* --- places --- */

static void places_in_a_lab_have_a_path_from_the_root(void **state)
{
	static const struct {
		const char *word, *session, *service, *path;
	} remote[] = {
		{"hello-lab-7k2m:web:/srv/x", "hello-lab-7k2m", "web", "/srv/x"},
		{"hello:/srv", "hello", NULL, "/srv"},
		{":/srv", NULL, NULL, "/srv"},
		{":web:/", NULL, "web", "/"},
		{"a::/x", "a", NULL, "/x"},
		{":/a:/b", NULL, NULL, "/a:/b"},
	};
	static const char *const local[] = {"file", "./a:/b", "/a:/b", "a:b", "a:b:c:/d", "-", ""};
	struct place p;

	for (size_t i = 0; i < ARRAY_SIZE(remote); i++) {
		place_parse(&p, remote[i].word);
		assert_true(p.remote);
		assert_true(str_same(p.session, remote[i].session));
		assert_true(str_same(p.service, remote[i].service));
		assert_string_equal(p.path, remote[i].path);
		place_done(&p);
	}
	for (size_t i = 0; i < ARRAY_SIZE(local); i++) {
		place_parse(&p, local[i]);
		assert_false(p.remote);
		assert_string_equal(p.path, local[i]);
		place_done(&p);
	}
}

/* --- ports --- */

static void ports_are_numbers_or_names(void **state)
{
	static const struct {
		const char *word;
		int local, port;
		const char *service, *target;
	} good[] = {
		{"8080", 8080, 8080, NULL, "8080"},
		{"0:8080", 0, 8080, NULL, "8080"},
		{"9000:5432@db", 9000, 5432, "db", "db:5432"},
		{"grafana", 3000, 3000, "dash", "dash:3000"},
		{"0:grafana", 0, 3000, "dash", "dash:3000"},
		{"grafana@other", 3000, 3000, "other", "other:3000"},
	};
	static const char *const bad[] = {
		"", "nosuch", "0", "65536", "x:80", "80:", ":80", "80@db:90", "70000:80", "-1"};
	struct json *ports = doc("[{\"name\":\"grafana\",\"service\":\"dash\",\"port\":3000}]");
	struct forward f;
	struct err e;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(forward_parse(&f, good[i].word, ports, &e), 0);
		assert_int_equal(f.local, good[i].local);
		assert_int_equal(f.port, good[i].port);
		assert_true(str_same(f.service, good[i].service));
		assert_string_equal(f.target, good[i].target);
		forward_done(&f);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(forward_parse(&f, bad[i], ports, &e) < 0);
	json_free(ports);
}

/* --- names of sessions --- */

static const char *named(const struct json *list, const char *word, size_t *n)
{
	return json_str(json_get(session_named(list, word, n), "name"));
}

static void a_session_is_named_in_four_ways(void **state)
{
	struct json *list =
		doc("[{\"name\":\"one-aaaa\",\"lab\":\"one\",\"state\":\"stopped\"},"
		    "{\"name\":\"one-two-aabb\",\"lab\":\"one-two\",\"state\":\"ready\"},"
		    "{\"name\":\"one-two-aacc\",\"lab\":\"one-two\",\"state\":\"ending\"}]");
	size_t n;

	assert_string_equal(named(list, "one-aaaa", &n), "one-aaaa");
	assert_string_equal(named(list, "one", &n), "one-aaaa"); /* a slug before a beginning */
	assert_string_equal(named(list, "one-two-aab", &n), "one-two-aabb");
	assert_string_equal(named(list, NULL, &n), "one-two-aabb"); /* the only one that lives */
	assert_null(named(list, "one-two", &n));
	assert_int_equal(n, 2);
	assert_null(named(list, "one-two-aa", &n));
	assert_int_equal(n, 2);
	assert_null(named(list, "none", &n));
	assert_int_equal(n, 0);
	assert_null(named(list, "", &n));
	json_free(list);

	list = doc("[{\"name\":\"one-aaaa\",\"lab\":\"one\",\"state\":\"stopped\"},"
		   "{\"name\":\"two-bbbb\",\"lab\":\"two\",\"state\":\"gone\"}]");
	assert_string_equal(named(list, NULL, &n), "one-aaaa"); /* nothing lives: what is left */
	json_free(list);
}

/* --- leaving a shell --- */

static bool typed(struct escape *s, const char *in, const char *want)
{
	char out[64];
	size_t n;
	bool left = escape_filter(s, in, strlen(in), out, &n);

	out[n] = '\0';
	assert_string_equal(out, want);
	return left;
}

static void a_tilde_and_a_dot_leave(void **state)
{
	struct escape s = {0};

	assert_true(typed(&s, "~.", ""));
	s = (struct escape){0};
	assert_false(typed(&s, "ls ~.\r", "ls ~.\r")); /* not at the beginning */
	assert_false(typed(&s, "~", ""));              /* held back */
	assert_false(typed(&s, "/x\r", "~/x\r"));      /* it was a path */
	assert_false(typed(&s, "~~.\r", "~.\r"));      /* itself */
	assert_true(typed(&s, "a\r~.b", "a\r"));
}

/* --- Markdown --- */

static void markdown_reads_plainly(void **state)
{
	static const struct {
		const char *in, *plain;
	} cases[] = {
		{"# Head\n\nA **strong** and *weak* word.\n", "Head\n\nA strong and weak word.\n"},
		{"Use `a * b` and ``c`d``.", "Use a * b and c`d.\n"},
		{"* one\n  - two", "- one\n  - two\n"},
		{"See [the page](http://x/y) or [this].", "See the page (http://x/y) or [this].\n"},
		{"```sh\nls *x*\n```\nafter", "    ls *x*\nafter\n"},
		{"2 * 3 * 4 and \\*not\\*", "2 * 3 * 4 and *not*\n"},
		{"an \033[31mescape\a", "an \\x1b[31mescape\\x07\n"},
		{"`open and *open", "`open and *open\n"},
		{"", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *plain = markdown_plain(cases[i].in, false);

		assert_string_equal(plain, cases[i].plain);
	}
	_cleanup_free_ char *shown = markdown_plain("**b** `c`", true);
	assert_string_equal(shown, "\033[1mb\033[0m \033[4mc\033[0m\n");
}

/* --- columns and figures --- */

static void text_is_cut_between_characters(void **state)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	assert_int_equal(fitting("abc", 2), 2);
	assert_int_equal(fitting("abc", 9), 3);
	assert_int_equal(fitting("\u00e4\u00f6\u00fc", 2), 4);
	assert_int_equal(fitting("\u6f22\u5b57", 3), 3); /* two columns each */
	assert_int_equal(fitting("", 0), 0);
}

static void what_is_too_long_ends_in_an_ellipsis(void **state)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	_cleanup_free_ char *fits = shorten("abc", 3), *cut = shorten("abcd", 3),
			    *wide = shorten("\u6f22\u5b57", 3);

	assert_string_equal(fits, "abc");
	assert_string_equal(cut, "ab\u2026");
	assert_string_equal(wide, "\u6f22\u2026");
}

static void figures_are_exact(void **state)
{
	_cleanup_free_ char *a = points(13000), *b = points(40), *c = percent(8800),
			    *d = percent(5), *t = local_time("nonsense"), *u = local_time(NULL);

	assert_string_equal(a, "13.00");
	assert_string_equal(b, "0.04");
	assert_string_equal(c, "88.00 %");
	assert_string_equal(d, "0.05 %");
	assert_string_equal(t, "-");
	assert_string_equal(u, "-");
	assert_string_equal(verdict_mark("timeout"), "TIME");
	assert_string_equal(verdict_mark(NULL), "-");
	assert_null(verdict_color("of a later version"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_in_a_lab_have_a_path_from_the_root),
		cmocka_unit_test(ports_are_numbers_or_names),
		cmocka_unit_test(a_session_is_named_in_four_ways),
		cmocka_unit_test(a_tilde_and_a_dot_leave),
		cmocka_unit_test(markdown_reads_plainly),
		cmocka_unit_test(text_is_cut_between_characters),
		cmocka_unit_test(what_is_too_long_ends_in_an_ellipsis),
		cmocka_unit_test(figures_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
