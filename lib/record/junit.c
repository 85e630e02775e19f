/* junit.c - the checks of a run as JUnit XML: what Ant's schema and that of Jenkins both allow. */
#include "record/junit.h"

#include "base/str.h"
#include "codec/xml.h"

#include <inttypes.h>

/* The element that says why a case did not pass, and the suite's count that it goes to. */
enum count { PASSED, FAILURES, ERRORS, SKIPPED };

static const struct {
	const char *verdict, *element;
	enum count count;
} outcomes[] = {
	{"pass", NULL, PASSED},
	{"fail", "failure", FAILURES},
	{"timeout", "error", ERRORS},
	{"skipped", "skipped", SKIPPED},
	{"error", "error", ERRORS}, /* the last: also of a word that is none of these */
};

static size_t outcome_of(const struct junit_case *c)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(outcomes) - 1 && !streq(outcomes[i].verdict, c->verdict))
		i++;
	return i;
}

static bool given(const char *s)
{
	return s && *s;
}

static void attr_seconds(struct xml_writer *w, int64_t ms)
{
	ms = MAX(ms, (int64_t)0);
	xml_attrf(w, "time", "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
}

static void property(struct xml_writer *w, const char *name, const char *check, const char *value)
{
	xml_open(w, "property");
	xml_attrf(w, "name", "labyard.%s%s%s", name, check ? "." : "", check ? check : "");
	xml_attr(w, "value", value);
	xml_close(w);
}

static void put_properties(struct xml_writer *w, const struct junit_report *r,
	const struct junit_case *cases, size_t n)
{
	xml_open(w, "properties");
	if (r->record_id)
		property(w, "record", NULL, r->record_id);
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *score =
			strf("%" PRId64 "/%" PRId64, cases[i].earned_m, cases[i].max_m);

		property(w, "verdict", cases[i].check, cases[i].verdict);
		property(w, "score", cases[i].check, score);
		property(w, "trust", cases[i].check, cases[i].trust);
	}
	xml_close(w);
}

/* "skipped" has no type in Ant's schema; a failure that earned points is a partial one. */
static const char *type_of(const struct junit_case *c, enum count count)
{
	if (count == SKIPPED)
		return NULL;
	return count == FAILURES && c->earned_m > 0 ? "partial" : c->verdict;
}

static const char *message_of(const struct junit_case *c)
{
	if (given(c->text))
		return c->text;
	return given(c->reason) ? c->reason : c->verdict;
}

static void put_case(struct xml_writer *w, const char *suite, const struct junit_case *c)
{
	size_t o = outcome_of(c);

	xml_open(w, "testcase");
	xml_attr(w, "name", c->check);
	xml_attr(w, "classname", suite);
	attr_seconds(w, c->ms);
	if (outcomes[o].element) {
		_cleanup_free_ char *score =
			strf("score %" PRId64 "/%" PRId64, c->earned_m, c->max_m);

		xml_open(w, outcomes[o].element);
		xml_attr(w, "type", type_of(c, outcomes[o].count));
		xml_attr(w, "message", message_of(c));
		xml_text(w, score, strlen(score));
		if (given(c->output)) {
			xml_text(w, "\n", 1);
			xml_text(w, c->output, strlen(c->output));
		}
		xml_close(w);
	}
	xml_close(w);
}

/* What passing checks printed: a case has no place for it. */
static void put_output(struct xml_writer *w, const struct junit_case *cases, size_t n)
{
	xml_open(w, "system-out");
	for (size_t i = 0; i < n; i++) {
		if (outcomes[outcome_of(&cases[i])].element || !given(cases[i].output))
			continue;
		_cleanup_free_ char *text = strf("%s:\n%s\n", cases[i].check, cases[i].output);
		xml_text(w, text, strlen(text));
	}
	xml_close(w);
	xml_open(w, "system-err");
	xml_close(w);
}

static void put_suite(struct xml_writer *w, const struct junit_report *r, int id,
	const struct junit_case *cases, size_t n)
{
	_cleanup_free_ char *name = strf("%s.%s", r->slug, cases[0].task);
	int counts[SKIPPED + 1] = {0};
	int64_t ms = 0;
	char at[32];

	for (size_t i = 0; i < n; i++) {
		counts[outcomes[outcome_of(&cases[i])].count]++;
		ms += MAX(cases[i].ms, (int64_t)0);
	}
	str_rfc3339(r->at_ms, at);
	at[strlen("2026-09-01T10:04:11")] = '\0'; /* the schema has no zone: it is UTC */
	xml_open(w, "testsuite");
	xml_attr(w, "name", name);
	xml_attrf(w, "package", "labyard.%s", r->group);
	xml_attrf(w, "id", "%d", id);
	xml_attr(w, "timestamp", at);
	xml_attr(w, "hostname", "localhost"); /* required, and nobody's business */
	xml_attrf(w, "tests", "%zu", n);
	xml_attrf(w, "failures", "%d", counts[FAILURES]);
	xml_attrf(w, "errors", "%d", counts[ERRORS]);
	xml_attrf(w, "skipped", "%d", counts[SKIPPED]);
	attr_seconds(w, ms);
	put_properties(w, r, cases, n);
	for (size_t i = 0; i < n; i++)
		put_case(w, name, &cases[i]);
	put_output(w, cases, n);
	xml_close(w);
}

int junit_write(const struct junit_report *r, struct buf *out, struct err *e)
{
	struct xml_writer w;
	size_t n;
	int id = 0;

	xml_begin(&w, out);
	xml_open(&w, "testsuites");
	for (size_t i = 0; i < r->n_cases; i += n) {
		for (n = 1; i + n < r->n_cases && streq(r->cases[i + n].task, r->cases[i].task);)
			n++;
		put_suite(&w, r, id++, r->cases + i, n);
	}
	xml_close(&w);
	if (out->full)
		return err_set(e, ERR_LIMIT, "the report is larger than %s",
			str_human_size((int64_t)out->max));
	return 0;
}
