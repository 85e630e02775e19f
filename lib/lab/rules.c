/* rules.c - the table of codes. */
#include "lab/rules.h"
#include "base/str.h"

#include <ctype.h>
#include <strings.h>

#define RULE(code_, severity_, title_, why_, example_)                                             \
	{#code_, RULE_##severity_, title_, why_, example_},
const struct rule rules[] = {
#include "lab/rules.tbl.h"
	{0},
};
#undef RULE

const struct rule *rule_find(const char *code)
{
	for (const struct rule *r = rules; r->code; r++)
		if (strcasecmp(r->code, code) == 0)
			return r;
	return NULL;
}

const char *rule_nearest(const char *code)
{
	const char *codes[ARRAY_SIZE(rules)];
	_cleanup_free_ char *upper = xstrdup(code);
	size_t n = 0;

	for (char *c = upper; *c; c++)
		*c = (char)toupper((unsigned char)*c);

	for (const struct rule *r = rules; r->code; r++)
		codes[n++] = r->code;
	return str_nearest(upper, codes, n);
}

const char *rule_severity_name(enum rule_severity s)
{
	static const char *const names[] = {"error", "warning", "warning; in an exam an error"};

	return names[s];
}
