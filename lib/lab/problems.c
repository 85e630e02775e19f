/* problems.c - the list of what is wrong with a lab. */
#include "lab/reader.h"
#include "base/str.h"
#include "lab/rules.h"

enum { PROBLEMS_MAX = 50, PROBLEM_TEXT_MAX = 400 };

void problems_done(struct problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->items[i].file);
		free(p->items[i].text);
	}
	free(p->items);
	*p = (struct problems){0};
}

char *problem_line(const struct problem *p)
{
	return strf("%s:%d:%d: %s[%s]: %s", p->file, p->line, p->col,
		p->warning ? "warning" : "error", p->code, p->text);
}

void report(struct reader *r, const struct mark *at, const char *fmt, ...)
{
	struct problems *to = r->problems;
	const struct rule *rule = rule_find(at->code);
	va_list ap;

	if (!rule)
		abort(); /* each code is in the table, and tests/unit/test_load.c tries each */
	bool warning = rule->severity == RULE_WARNING ||
		       (rule->severity == RULE_EXAM && !r->lab->exam);
	to->errors += !warning;
	if (to->n == PROBLEMS_MAX)
		return;
	ARRAY_GROW(to->items, to->n, to->cap);
	struct problem *p = &to->items[to->n++];
	*p = (struct problem){
		.file = strf("%s/%s", r->given, at->file),
		.line = MAX(at->pos.line, 1),
		.col = MAX(at->pos.col, 1),
		.warning = warning,
	};
	(void)snprintf(p->code, sizeof(p->code), "%s", at->code);
	char text[PROBLEM_TEXT_MAX];
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->text = str_visible(text, strlen(text), false);
}
