/*
 * junit.c - a finished run as JUnit XML: what its reader may see, for lib/record/junit.h to write.
 */
#include "grade/impl.h"

#include "codec/json.h"
#include "record/junit.h"

static struct junit_case case_of(const struct run *r, size_t i)
{
	struct check_result c;

	run_result(r, i, &c);
	return (struct junit_case){
		.task = c.task->id,
		.check = c.check->name,
		.verdict = c.verdict == VERDICT_NONE ? "skipped" : verdict_name(c.verdict),
		.reason = c.reason,
		.text = c.text,
		.output = c.output,
		.trust = lab_vantage_name(c.check->vantage),
		.earned_m = c.earned_m,
		.max_m = c.max_m,
		.ms = c.ms,
	};
}

int run_junit(const struct run *r, struct buf *out, struct err *e)
{
	_cleanup_free_ struct junit_case *cases = xcalloc(r->n_items + 1, sizeof(*cases));
	_cleanup_(json_freep) struct json *record = NULL;

	if (!r->done)
		return err_set(
			e, ERR_STATE, "run %lld goes on: wait for its end", (long long)r->id);
	if (r->record.body && json_parse(&record, r->record.body, strlen(r->record.body), e) < 0)
		return err_wrap(e, "the record of run %lld", (long long)r->id);
	for (size_t i = 0; i < r->n_items; i++)
		cases[i] = case_of(r, i);
	const struct junit_report report = {
		.slug = r->lab_name,
		.group = "local",
		.record_id = json_str(json_get(record, "record_id")),
		.at_ms = r->started_ms,
		.cases = cases,
		.n_cases = r->n_items,
	};
	return junit_write(&report, out, e);
}
