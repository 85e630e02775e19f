/* problems.c - the list of what is wrong with a lab. */
#include "lab/reader.h"
#include "base/str.h"
#include "lab/rules.h"

enum { PROBLEMS_MAX = 50, PROBLEM_TEXT_MAX = 400 };

static void problem_done(struct problem *p)
{
	free(p->file);
	free(p->text);
}

void problems_done(struct problems *p)
{
	for (size_t i = 0; i < p->n; i++)
		problem_done(&p->items[i]);
	free(p->items);
	*p = (struct problems){0};
}

char *problem_line(const struct problem *p)
{
	return strf("%s:%d:%d: %s[%s]: %s", p->file, p->line, p->col,
		p->warning ? "warning" : "error", p->code, p->text);
}

/* A lab is read once for each of its variants, and most of it belongs to all of them. */
static bool told(const struct problems *list, const struct problem *p)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct problem *q = &list->items[i];

		if (q->line == p->line && q->col == p->col && streq(q->code, p->code) &&
			streq(q->file, p->file) && streq(q->text, p->text))
			return true;
	}
	return false;
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
	struct problem p = {
		.file = strf("%s/%s", r->given, at->file),
		.line = MAX(at->pos.line, 1),
		.col = MAX(at->pos.col, 1),
		.warning = warning,
	};
	(void)snprintf(p.code, sizeof(p.code), "%s", at->code);
	char text[PROBLEM_TEXT_MAX];
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p.text = str_visible(text, strlen(text), false);
	bool again = told(to, &p);
	to->errors += !warning && !again;
	if (again || to->n == PROBLEMS_MAX) {
		problem_done(&p);
		return;
	}
	ARRAY_GROW(to->items, to->n, to->cap);
	to->items[to->n++] = p;
}
