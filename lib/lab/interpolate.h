/*
 * interpolate.h - Compose's interpolation of one value: $X, ${X}, ${X:-default}, ${X:?text}, $$.
 *
 * One scanner for the check of a definition and for the expansion at a start, so that the two
 * cannot disagree. The forms ${X-d}, ${X?t}, ${X+a} and nested expressions are refused.
 */
#pragma once

#include "base/err.h"

struct interpolation {
	/* Called for each piece; what a callback returns below 0 ends the scan. `text` may be NULL.
	 */
	int (*text)(void *arg, const char *p, size_t n);
	/* `fallback` is the default of ${X:-default}, else NULL; both live during the call only. */
	int (*var)(void *arg, const char *name, const char *fallback);
	void *arg;
};

/* Errors: ERR_INVALID (malformed), and what the callbacks return. */
int interpolation_scan(const char *value, const struct interpolation *to, struct err *e);
