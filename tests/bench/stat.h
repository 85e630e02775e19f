/*
 * stat.h - the median of paired ratios, its interval, and what follows from them.
 *
 * Values that were not measured are NAN; they are left out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ROUNDS_MIN 9 /* fewer prove nothing */

struct summary {
	size_t n;
	double median, min, max;
	double low, high; /* of the median, by order statistics: at least 95 % (all values when n <
			     6) */
};

struct summary summarise(const double *v, size_t n);

/* ratio[i] = num[i] / den[i], both of the same round; den NULL: num[i]. */
void ratios(double *ratio, const double *num, const double *den, size_t n);

enum verdict {
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_NOISE, /* the median is beyond the limit, and its interval is not */
	VERDICT_FEW,   /* within the limit, in too few rounds */
	VERDICT_NOT_RUN,
	VERDICT_INFO, /* nothing is demanded */
};

const char *verdict_name(enum verdict v);

/* limit <= 0: nothing is demanded. `rounds`: how many are enough. */
enum verdict judge(const struct summary *s, double limit, size_t rounds);
