/* test_base.c - errors, buffers, strings, maps, configuration and files. */
#include "base/buf.h"
#include "base/conf.h"
#include "base/fsutil.h"
#include "base/id.h"
#include "base/list.h"
#include "base/map.h"
#include "base/str.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void err_carries_code_and_text(void **state)
{
	struct err e = ERR_NONE;

	assert_int_equal(err_set(&e, ERR_QUOTA, "too many '%s'", "labs"), ERR_QUOTA);
	assert_int_equal(err_wrap(&e, "start"), ERR_QUOTA);
	assert_string_equal(e.text, "start: too many 'labs'");
	assert_int_equal(err_exit(e.code), 6);
	assert_int_equal(err_http(e.code), 429);
	assert_int_equal(err_from_kind(err_kind(ERR_INVALID)), ERR_INVALID);
	assert_int_equal(err_set(NULL, ERR_IO, "nobody listens"), ERR_IO);
	errno = ENOSPC;
	assert_int_equal(err_sys(&e, ERR_IO, "cannot write"), ERR_NO_SPACE);
}

static void buf_refuses_to_pass_its_maximum(void **state)
{
	struct buf b = BUF(8);

	assert_int_equal(buf_adds(&b, "12345"), 0);
	assert_int_equal(buf_adds(&b, "6789"), ERR_LIMIT);
	assert_true(b.full);
	assert_string_equal(buf_str(&b), "12345");
	assert_int_equal(buf_addf(&b, "%d", 678), 0);
	buf_drop(&b, 5);
	assert_string_equal(buf_str(&b), "678");
	buf_done(&b);
	assert_string_equal(buf_str(&b), "");
}

static void quantities_are_strict(void **state)
{
	int64_t v;

	assert_int_equal(str_duration_ms("1h30m", &v, NULL), 0);
	assert_int_equal(v, 5400000);
	assert_int_equal(str_size("64MiB", &v, NULL), 0);
	assert_int_equal(v, 64 << 20);
	assert_int_equal(str_size("192m", &v, NULL), 0);
	assert_int_equal(v, 192 << 20);
	assert_int_equal(str_duration_ms("", &v, NULL), ERR_USAGE);
	assert_int_equal(str_duration_ms("5", &v, NULL), ERR_USAGE);
	assert_int_equal(str_duration_ms("99999999999999999999s", &v, NULL), ERR_USAGE);
	assert_int_equal(str_size("4 GiB", &v, NULL), ERR_USAGE);
	assert_int_equal(str_int(" 4", 0, 9, &v, NULL), ERR_USAGE);
	assert_int_equal(str_int("10", 0, 9, &v, NULL), ERR_USAGE);
	assert_int_equal(str_int("-3", -9, 9, &v, NULL), 0);
	assert_int_equal(v, -3);
}

static void colours_can_be_dropped(void **state)
{
	static const char *const cases[][2] = {
		{"\x1b[91mred\x1b[0m", "red"},
		{"\x1b[1;38;5;9ma\x1b[mb", "ab"},
		{"\x1b[2Ja\x1b[", "\x1b[2Ja\x1b["},
		{"a\x1b[91", "a\x1b[91"},
		{"\x1b\x1b[0m", "\x1b"},
		{"", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *s = xstrdup(cases[i][0]);

		s[str_drop_colours(s, strlen(s))] = '\0';
		assert_string_equal(s, cases[i][1]);
	}
}

static void strange_text_becomes_visible(void **state)
{
	_cleanup_free_ char *s = str_visible("a\x1b[2J\xff\xe2\x80\xae\n", 10, false);
	_cleanup_free_ char *t = str_visible("a\tb\n\xc3\xa9", 6, true);

	assert_string_equal(s, "a\\x1b[2J\\xff\\u202e\\x0a");
	assert_string_equal(t, "a\tb\n\xc3\xa9");
	assert_false(str_utf8("\xc0\xaf", 2));
	assert_false(str_utf8("\xed\xa0\x80", 3));
}

static void nearest_word_is_near(void **state)
{
	static const char *const words[] = {"measure", "alert", "swap"};

	assert_string_equal(str_nearest("mesure", words, 3), "measure");
	assert_string_equal(str_nearest("aletr", words, 3), "alert");
	assert_int_equal(str_distance("titel", "title", 9), 1);
	assert_int_equal(str_distance("kitten", "sitting", 9), 3);
	assert_int_equal(str_distance("", "abc", 9), 3);
	assert_int_equal(str_distance("abc", "", 1), 2);
	assert_null(str_nearest("banana", words, 3));
	assert_null(str_nearest("xy", words, 3));
}

static void map_keeps_order_through_removals(void **state)
{
	struct map *m = map_new(free);
	char key[16];
	const char *k;
	char *v;

	for (int i = 0; i < 1000; i++) {
		(void)snprintf(key, sizeof(key), "k%d", i);
		assert_true(map_add(m, key, xstrdup(key)));
	}
	assert_false(map_add(m, "k7", NULL));
	for (int i = 0; i < 1000; i += 2) {
		(void)snprintf(key, sizeof(key), "k%d", i);
		map_remove(m, key);
	}
	assert_int_equal(map_len(m), 500);
	assert_null(map_get(m, "k8"));
	assert_string_equal(map_get(m, "k9"), "k9");
	map_put(m, "k9", xstrdup("new"));
	assert_true(map_add(m, "k8", xstrdup("again")));
	int at = 1;
	for (size_t i = 0; map_each(m, &i, &k, &v) && at < 1000; at += 2) {
		(void)snprintf(key, sizeof(key), "k%d", at);
		assert_string_equal(k, key);
	}
	assert_int_equal(at, 1001);
	map_free(m);
}

struct settings {
	char *engine;
	int64_t limit;
	bool loud;
};

static const struct conf_key keys[] = {
	{"engine", CONF_STRING, offsetof(struct settings, engine), 0, 0, ""},
	{"limit", CONF_INT, offsetof(struct settings, limit), 1, 10, ""},
	{"loud", CONF_BOOL, offsetof(struct settings, loud), 0, 0, ""},
};

static void conf_names_file_and_line(void **state)
{
	char path[] = "/tmp/test_conf_XXXXXX";
	int fd = mkstemp(path);
	struct settings s = {0};
	struct err e = ERR_NONE;

	assert_int_equal(
		fs_write_all(fd, "# x\nengine = unix:/a b \nloud = true\nlimit=11\n", 46, &e), 0);
	close(fd);
	assert_int_equal(conf_read(path, keys, 3, &s, &e), ERR_USAGE);
	assert_string_equal(s.engine, "unix:/a b");
	assert_true(s.loud);
	assert_non_null(strstr(e.text, ":4: 'limit'"));
	conf_done(keys, 3, &s);
	unlink(path);
}

static void beneath_means_beneath(void **state)
{
	char dir[] = "/tmp/test_fs_XXXXXX";
	struct buf b = BUF(16);
	struct err e;

	assert_non_null(mkdtemp(dir));
	_cleanup_free_ char *file = strf("%s/a/b", dir), *sub = strf("%s/a", dir),
			    *link = strf("%s/l", dir);
	assert_int_equal(fs_mkdirs(sub, 0700, &e), 0);
	assert_int_equal(fs_write_atomic(file, "hello", 5, 0600, &e), 0);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fs_read_beneath(fd, "a/b", &b, &e), 0);
	assert_string_equal(buf_str(&b), "hello");
	buf_clear(&b);
	assert_int_equal(fs_read_beneath(fd, "l", &b, &e), ERR_FORBIDDEN);
	assert_int_equal(fs_read_beneath(fd, "../etc/passwd", &b, &e), ERR_FORBIDDEN);
	assert_int_equal(fs_read_beneath(fd, "none", &b, &e), ERR_NOT_FOUND);
	assert_int_equal(fs_write_atomic(file, "0123456789abcdefg", 17, 0600, &e), 0);
	assert_int_equal(fs_read_beneath(fd, "a/b", &b, &e), ERR_LIMIT);
	buf_done(&b);
	close(fd);
	assert_int_equal(fs_remove_tree(dir, &e), 0);
	assert_false(fs_exists(dir));
	assert_true(fs_path_safe("a/b.c"));
	assert_false(fs_path_safe("a//b"));
	assert_false(fs_path_safe("a/../b"));
	assert_false(fs_path_safe("/a"));
	assert_false(fs_path_safe("a/\n"));
}

static void hex_goes_round(void **state)
{
	unsigned char raw[4] = {0, 0x7f, 0x80, 0xff}, back[4];
	char text[9];

	hex_encode(raw, 4, text);
	assert_string_equal(text, "007f80ff");
	assert_int_equal(hex_decode(text, back, 4), 0);
	assert_memory_equal(raw, back, 4);
	assert_int_equal(hex_decode("00FF", back, 2), ERR_USAGE);
	assert_int_equal(hex_decode("00", back, 2), ERR_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err_carries_code_and_text),
		cmocka_unit_test(buf_refuses_to_pass_its_maximum),
		cmocka_unit_test(quantities_are_strict),
		cmocka_unit_test(colours_can_be_dropped),
		cmocka_unit_test(strange_text_becomes_visible),
		cmocka_unit_test(nearest_word_is_near),
		cmocka_unit_test(map_keeps_order_through_removals),
		cmocka_unit_test(conf_names_file_and_line),
		cmocka_unit_test(beneath_means_beneath),
		cmocka_unit_test(hex_goes_round),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
