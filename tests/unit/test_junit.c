/* test_junit.c - a report that both schemas accept, byte by byte. */
#include "record/junit.h"
#include "tests/unit/test.h"

#include <string.h>

#define AT_MS 1788257051532 /* 2026-09-01T10:04:11.532Z */

static const struct junit_case cases[] = {
	{"measure", "measure/present", "pass", "", NULL, "3 series\n", "outside", 5000, 5000, 408},
	{"measure", "measure/ranks", "fail", NULL, "Three of four series rank correctly.",
		"a <b> ]]>\x1b[31m", "neighbour", 11250, 15000, 12004},
	{"measure", "measure/named", "fail", NULL, "No name.", NULL, "inside", 0, 1000, 5},
	{"alert", "alert/fires", "timeout", "", "", "", "neighbour", 0, 9000, 60000},
	{"alert", "alert/quiet", "error", "cannot_judge", "", "", "neighbour", 0, 9000, -1},
	{"alert", "alert/names", "skipped", "needs", NULL, NULL, "frozen", 0, 0, 0},
};

static const char expected[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<testsuites>\n"
	"  <testsuite name=\"drift-retrain.measure\" package=\"labyard.local\" id=\"0\""
	" timestamp=\"2026-09-01T10:04:11\" hostname=\"localhost\" tests=\"3\" failures=\"2\""
	" errors=\"0\" skipped=\"0\" time=\"12.417\">\n"
	"    <properties>\n"
	"      <property name=\"labyard.record\" value=\"01J8Z6M3\"/>\n"
	"      <property name=\"labyard.verdict.measure/present\" value=\"pass\"/>\n"
	"      <property name=\"labyard.score.measure/present\" value=\"5000/5000\"/>\n"
	"      <property name=\"labyard.trust.measure/present\" value=\"outside\"/>\n"
	"      <property name=\"labyard.verdict.measure/ranks\" value=\"fail\"/>\n"
	"      <property name=\"labyard.score.measure/ranks\" value=\"11250/15000\"/>\n"
	"      <property name=\"labyard.trust.measure/ranks\" value=\"neighbour\"/>\n"
	"      <property name=\"labyard.verdict.measure/named\" value=\"fail\"/>\n"
	"      <property name=\"labyard.score.measure/named\" value=\"0/1000\"/>\n"
	"      <property name=\"labyard.trust.measure/named\" value=\"inside\"/>\n"
	"    </properties>\n"
	"    <testcase name=\"measure/present\" classname=\"drift-retrain.measure\""
	" time=\"0.408\"/>\n"
	"    <testcase name=\"measure/ranks\" classname=\"drift-retrain.measure\""
	" time=\"12.004\">\n"
	"      <failure type=\"partial\" message=\"Three of four series rank correctly.\">"
	"score 11250/15000\na &lt;b&gt; ]]&gt;\xef\xbf\xbd[31m</failure>\n"
	"    </testcase>\n"
	"    <testcase name=\"measure/named\" classname=\"drift-retrain.measure\" time=\"0.005\">\n"
	"      <failure type=\"fail\" message=\"No name.\">score 0/1000</failure>\n"
	"    </testcase>\n"
	"    <system-out>measure/present:\n3 series\n\n</system-out>\n"
	"    <system-err/>\n"
	"  </testsuite>\n"
	"  <testsuite name=\"drift-retrain.alert\" package=\"labyard.local\" id=\"1\""
	" timestamp=\"2026-09-01T10:04:11\" hostname=\"localhost\" tests=\"3\" failures=\"0\""
	" errors=\"2\" skipped=\"1\" time=\"60.000\">\n"
	"    <properties>\n"
	"      <property name=\"labyard.record\" value=\"01J8Z6M3\"/>\n"
	"      <property name=\"labyard.verdict.alert/fires\" value=\"timeout\"/>\n"
	"      <property name=\"labyard.score.alert/fires\" value=\"0/9000\"/>\n"
	"      <property name=\"labyard.trust.alert/fires\" value=\"neighbour\"/>\n"
	"      <property name=\"labyard.verdict.alert/quiet\" value=\"error\"/>\n"
	"      <property name=\"labyard.score.alert/quiet\" value=\"0/9000\"/>\n"
	"      <property name=\"labyard.trust.alert/quiet\" value=\"neighbour\"/>\n"
	"      <property name=\"labyard.verdict.alert/names\" value=\"skipped\"/>\n"
	"      <property name=\"labyard.score.alert/names\" value=\"0/0\"/>\n"
	"      <property name=\"labyard.trust.alert/names\" value=\"frozen\"/>\n"
	"    </properties>\n"
	"    <testcase name=\"alert/fires\" classname=\"drift-retrain.alert\" time=\"60.000\">\n"
	"      <error type=\"timeout\" message=\"timeout\">score 0/9000</error>\n"
	"    </testcase>\n"
	"    <testcase name=\"alert/quiet\" classname=\"drift-retrain.alert\" time=\"0.000\">\n"
	"      <error type=\"error\" message=\"cannot_judge\">score 0/9000</error>\n"
	"    </testcase>\n"
	"    <testcase name=\"alert/names\" classname=\"drift-retrain.alert\" time=\"0.000\">\n"
	"      <skipped message=\"needs\">score 0/0</skipped>\n"
	"    </testcase>\n"
	"    <system-out/>\n"
	"    <system-err/>\n"
	"  </testsuite>\n"
	"</testsuites>\n";

static void a_report_is_byte_exact(void **state)
{
	_cleanup_buf_ struct buf b = BUF(16384);
	const struct junit_report r = {"drift-retrain", "local", "01J8Z6M3", AT_MS, cases, 6};

	assert_int_equal(junit_write(&r, &b, NULL), 0);
	assert_string_equal(b.data, expected);
}

static void a_quick_run_has_no_record_and_may_be_empty(void **state)
{
	_cleanup_buf_ struct buf b = BUF(4096);
	struct junit_report r = {"hello-lab", "local", NULL, AT_MS, cases, 1};

	assert_int_equal(junit_write(&r, &b, NULL), 0);
	assert_null(strstr(b.data, "labyard.record"));
	r.n_cases = 0;
	buf_clear(&b);
	assert_int_equal(junit_write(&r, &b, NULL), 0);
	assert_string_equal(b.data, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites/>\n");
}

static void a_report_has_a_limit(void **state)
{
	_cleanup_buf_ struct buf b = BUF(1000);
	const struct junit_report r = {"drift-retrain", "local", NULL, AT_MS, cases, 6};

	assert_int_equal(junit_write(&r, &b, NULL), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_is_byte_exact),
		cmocka_unit_test(a_quick_run_has_no_record_and_may_be_empty),
		cmocka_unit_test(a_report_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
