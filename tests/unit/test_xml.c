/* test_xml.c - the XML writer: nesting, escapes, text of strangers, a full buffer. */
#include "codec/xml.h"
#include "tests/unit/test.h"

#include <string.h>

static void documents_nest(void **state)
{
	_cleanup_buf_ struct buf b = BUF(4096);
	struct xml_writer w;

	xml_begin(&w, &b);
	xml_open(&w, "testsuites");
	xml_open(&w, "testsuite");
	xml_attr(&w, "name", "drift");
	xml_attr(&w, "package", NULL);
	xml_attrf(&w, "tests", "%d", 2);
	xml_open(&w, "testcase");
	xml_close(&w);
	xml_open(&w, "system-out");
	xml_text(&w, "one\n", 4);
	xml_text(&w, "two", 3);
	xml_close(&w);
	xml_close(&w);
	xml_close(&w);
	assert_string_equal(b.data, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
				    "<testsuites>\n"
				    "  <testsuite name=\"drift\" tests=\"2\">\n"
				    "    <testcase/>\n"
				    "    <system-out>one\ntwo</system-out>\n"
				    "  </testsuite>\n"
				    "</testsuites>\n");
}

static void text_of_strangers_is_safe(void **state)
{
	static const char hostile[] =
		"<&>\"'\r\n\t]]>\0\x1b[2J\x7f\xff\xc0\xaf\xed\xa0\x80\xef\xbf\xbe\xf0\x9f\x98\x80";
	_cleanup_buf_ struct buf b = BUF(4096);
	struct xml_writer w;

	xml_begin(&w, &b);
	xml_open(&w, "a");
	xml_attr(&w, "v", "<&>\"'\r\n\t\x01");
	xml_text(&w, hostile, sizeof(hostile) - 1);
	xml_close(&w);
	assert_string_equal(strchr(b.data, '\n') + 1,
		"<a v=\"&lt;&amp;&gt;&quot;'&#13;&#10;&#9;\xef\xbf\xbd\">"
		"&lt;&amp;&gt;\"'&#13;\n\t]]&gt;\xef\xbf\xbd\xef\xbf\xbd[2J\x7f\xef\xbf\xbd"
		"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
		"\xf0\x9f\x98\x80</a>\n");
}

static void a_full_buffer_is_seen(void **state)
{
	_cleanup_buf_ struct buf b = BUF(60);
	_cleanup_free_ char *large = calloc(1, 101);
	struct xml_writer w;

	memset(large, 'x', 100);
	xml_begin(&w, &b);
	xml_open(&w, "a");
	assert_false(b.full);
	xml_attrf(&w, "v", "%s", large);
	xml_close(&w);
	assert_true(b.full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_nest),
		cmocka_unit_test(text_of_strangers_is_safe),
		cmocka_unit_test(a_full_buffer_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
