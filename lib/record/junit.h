/*
 * junit.h - the checks of a run as JUnit XML, for whatever shows test results.
 *
 * Two schemas are in wide use and they disagree: Ant's JUnit.xsd and junit-10.xsd of Jenkins. The
 * document satisfies both, so there is one dialect and no option: a suite per task, a case per
 * check; points and vantages are properties of the suite, because a case may have none.
 *
 * An error or a time-out is <error>, a failed check that earned points <failure type="partial">.
 * Same input, same bytes.
 */
#pragma once

#include "base/buf.h"

struct junit_case {
	const char *task;    /* id; the cases of a task come together */
	const char *check;   /* "task/check" */
	const char *verdict; /* pass fail error timeout skipped */
	const char *reason, *text, *output; /* what the reader may see; NULL or "" = nothing */
	const char *trust;                  /* vantage */
	int64_t earned_m, max_m, ms;
};

struct junit_report {
	const char *slug;
	const char *group;     /* course, or "local" */
	const char *record_id; /* NULL = not recorded */
	int64_t at_ms;         /* when it began */
	const struct junit_case *cases;
	size_t n_cases;
};

/* Pure. Errors: ERR_LIMIT (out->max). */
int junit_write(const struct junit_report *r, struct buf *out, struct err *e) must_check;
