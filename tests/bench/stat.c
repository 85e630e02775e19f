/* stat.c - see stat.h. */
#include "tests/bench/stat.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * The k-th lowest and k-th highest of n values enclose the median unless fewer than k values lie on
 * one side of it, which is as likely as fewer than k heads in n throws of a coin. The largest k
 * with 95 %: 2 for 9, 4 for 15, 6 for 21, 11 for 33 values. 0: none.
 */
static size_t rank_of_interval(size_t n)
{
	double one = ldexp(1, -(int)n), below = 0; /* P(exactly k heads), P(fewer than k heads) */
	size_t k = 0;

	while (k < n && 1 - 2 * (below + one) >= 0.95) {
		below += one;
		one = one * (double)(n - k) / (double)(k + 1);
		k++;
	}
	return k;
}

struct summary summarise(const double *v, size_t n)
{
	double *sorted = calloc(n + 1, sizeof(*sorted));
	struct summary s = {.median = NAN, .min = NAN, .max = NAN, .low = NAN, .high = NAN};

	for (size_t i = 0; i < n; i++)
		if (!isnan(v[i]))
			sorted[s.n++] = v[i];
	if (s.n) {
		qsort(sorted, s.n, sizeof(*sorted), ascending);
		size_t k = rank_of_interval(s.n), first = k ? k - 1 : 0;

		s.median = (sorted[(s.n - 1) / 2] + sorted[s.n / 2]) / 2;
		s.min = sorted[0];
		s.max = sorted[s.n - 1];
		s.low = sorted[first];
		s.high = sorted[s.n - 1 - first];
	}
	free(sorted);
	return s;
}

void ratios(double *ratio, const double *num, const double *den, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ratio[i] = num[i] / (den ? den[i] : 1);
}

const char *verdict_name(enum verdict v)
{
	static const char *const words[] = {
		"pass", "FAIL", "FAIL (noise)", "too few rounds", "not run", "-"};

	return words[v];
}

enum verdict judge(const struct summary *s, double limit, size_t rounds)
{
	if (!s->n)
		return VERDICT_NOT_RUN;
	if (limit <= 0)
		return VERDICT_INFO;
	if (s->median > limit)
		return s->low > limit ? VERDICT_FAIL : VERDICT_NOISE;
	return s->n < rounds ? VERDICT_FEW : VERDICT_PASS;
}
