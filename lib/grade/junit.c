/*
 * junit.c - a finished run as JUnit XML, for machines that collect test reports.
 *
 * A task is a class, a check is a case. Fail is a failure; error and timeout are errors, because
 * they are not the learner's.
 */
#include "grade/impl.h"

#include "codec/xml.h"

struct counts {
	int failures, errors, skipped;
	int64_t ms;
};

static struct counts count(const struct run *r)
{
	struct counts c = {0};

	for (size_t i = 0; i < r->n_items; i++) {
		enum verdict v = r->items[i].j.verdict;

		c.failures += v == VERDICT_FAIL;
		c.errors += v == VERDICT_ERROR || v == VERDICT_TIMEOUT;
		c.skipped += v == VERDICT_SKIPPED || v == VERDICT_NONE;
		c.ms += r->items[i].ms;
	}
	return c;
}

static void put_seconds(struct xml_writer *w, int64_t ms)
{
	xml_attrf(w, "time", "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
}

static void put_outcome(struct xml_writer *w, const struct run *r, size_t i)
{
	static const char *const elements[] = {
		"skipped", NULL, "failure", "error", "error", "skipped"};
	struct check_result c;
	enum lab_detail detail = r->items[i].check->detail;

	run_result(r, i, &c);
	if (!elements[c.verdict])
		return;
	xml_open(w, elements[c.verdict]);
	xml_attr(w, "message", detail <= DETAIL_ACTUAL_ONLY ? c.text : "");
	xml_attr(w, "type", *c.reason ? c.reason : verdict_name(c.verdict));
	if (detail == DETAIL_FULL && *c.output)
		xml_text(w, c.output, strlen(c.output));
	xml_close(w);
}

static void put_case(struct xml_writer *w, const struct run *r, size_t i)
{
	const struct item *it = &r->items[i];

	xml_open(w, "testcase");
	xml_attrf(w, "classname", "%s.%s", r->lab_slug, it->task->id);
	xml_attr(w, "name", it->check->id);
	put_seconds(w, it->ms);
	put_outcome(w, r, i);
	xml_close(w);
}

int run_junit(const struct run *r, struct buf *out, struct err *e)
{
	struct counts c = count(r);
	struct xml_writer w;
	char when[32];

	if (!r->done)
		return err_set(
			e, ERR_STATE, "run %lld goes on: wait for its end", (long long)r->id);
	str_rfc3339(r->started_ms, when);
	xml_begin(&w, out);
	xml_open(&w, "testsuites");
	xml_open(&w, "testsuite");
	xml_attrf(&w, "name", "%s %s", r->lab_slug, r->grade ? "grade" : "check");
	xml_attrf(&w, "tests", "%zu", r->n_items);
	xml_attrf(&w, "failures", "%d", c.failures);
	xml_attrf(&w, "errors", "%d", c.errors);
	xml_attrf(&w, "skipped", "%d", c.skipped);
	put_seconds(&w, c.ms);
	xml_attr(&w, "timestamp", when);
	for (size_t i = 0; i < r->n_items; i++)
		put_case(&w, r, i);
	xml_close(&w);
	xml_close(&w);
	return out->full ? err_set(e, ERR_LIMIT, "the report is too large") : 0;
}
