/* str.c - strings: building, comparing, parsing quantities, making text visible. */
#include "base/str.h"
#include "base/buf.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <time.h>

char *strf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	return s;
}

bool str_same(const char *a, const char *b)
{
	return a == b || (a && b && streq(a, b));
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && streq(s + n - m, suffix);
}

void str_set(char **s, const char *v)
{
	char *copy = v ? xstrdup(v) : NULL;

	free(*s);
	*s = copy;
}

/* --- lists of strings --- */

char **strv_new(void)
{
	return xcalloc(1, sizeof(char *));
}

void strv_take(char ***list, char *s)
{
	size_t n = strv_len(*list);

	*list = xrealloc_array(*list, n + 2, sizeof(char *));
	(*list)[n] = s;
	(*list)[n + 1] = NULL;
}

void strv_add(char ***list, const char *s)
{
	strv_take(list, xstrdup(s));
}

size_t strv_len(char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

bool strv_has(char *const *list, const char *s)
{
	for (; list && *list; list++)
		if (streq(*list, s))
			return true;
	return false;
}

char **strv_copy(char *const *list)
{
	char **copy = strv_new();

	for (; list && *list; list++)
		strv_add(&copy, *list);
	return copy;
}

char **strv_split(const char *s, char sep)
{
	size_t n = 1; /* counted first: it may be a stranger's text, with a million lines */

	for (const char *p = s; (p = strchr(p, sep)); p++)
		n++;
	char **list = xcalloc(n + 1, sizeof(char *));
	for (size_t i = 0; i < n; i++) {
		const char *end = strchrnul(s, sep);

		list[i] = xstrndup(s, (size_t)(end - s));
		s = end + 1;
	}
	return list;
}

void strv_free(char **list)
{
	for (char **p = list; p && *p; p++)
		free(*p);
	free(list);
}

/* --- numbers and quantities --- */

int str_int(const char *s, int64_t min, int64_t max, int64_t *ret, struct err *e)
{
	char *end;

	errno = 0;
	long long v = strtoll(s, &end, 10);
	if (errno || end == s || *end || isspace((unsigned char)*s) || *s == '+')
		return err_set(e, ERR_USAGE, "'%.40s' is not a whole number", s);
	if (v < min || v > max)
		return err_set(
			e, ERR_USAGE, "%lld is not between %" PRId64 " and %" PRId64, v, min, max);
	*ret = v;
	return 0;
}

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit time_units[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
static const struct unit size_units[] = {{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
	{"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {"kb", 1 << 10}, {"mb", 1 << 20},
	{"gb", 1 << 30}, {"b", 1}, {"", 1}};

/* One number and its unit at *s; moves *s behind them. */
static bool quantity(const char **s, const struct unit *units, size_t n, int64_t *ret)
{
	int64_t v = 0;
	const char *p = *s;

	if (!isdigit((unsigned char)*p))
		return false;
	for (; isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p - '0', &v))
			return false;
	size_t len = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
	for (size_t i = 0; i < n; i++) {
		if (strlen(units[i].name) != len || strncmp(units[i].name, p, len) != 0)
			continue;
		*s = p + len;
		return !__builtin_mul_overflow(v, units[i].factor, ret);
	}
	return false;
}

int str_duration_ms(const char *s, int64_t *ret_ms, struct err *e)
{
	int64_t sum = 0, part;
	const char *p = s;

	do {
		if (!quantity(&p, time_units, ARRAY_SIZE(time_units), &part) ||
			__builtin_add_overflow(sum, part, &sum))
			return err_set(e, ERR_USAGE,
				"'%.40s' is not a duration such as 90s, 15m or 1h30m", s);
	} while (*p);
	*ret_ms = sum;
	return 0;
}

int str_size(const char *s, int64_t *ret_bytes, struct err *e)
{
	const char *p = s;
	int64_t v;

	if (!quantity(&p, size_units, ARRAY_SIZE(size_units), &v) || *p)
		return err_set(e, ERR_USAGE, "'%.40s' is not a size such as 64MiB or 2GiB", s);
	*ret_bytes = v;
	return 0;
}

static char *rotating(void)
{
	static _Thread_local char slots[4][32];
	static _Thread_local unsigned next;

	return slots[next++ % ARRAY_SIZE(slots)];
}

const char *str_human_ms(int64_t ms)
{
	char *s = rotating();
	int64_t m = ms / 60000;

	if (ms < 1000)
		(void)snprintf(s, 32, "%" PRId64 " ms", ms);
	else if (m < 1)
		(void)snprintf(s, 32, "%" PRId64 ".%" PRId64 " s", ms / 1000, ms % 1000 / 100);
	else if (m < 60)
		(void)snprintf(s, 32, "%" PRId64 "m%02" PRId64 "s", m, ms / 1000 % 60);
	else if (m < 48 * 60)
		(void)snprintf(s, 32, "%" PRId64 "h%02" PRId64 "m", m / 60, m % 60);
	else
		(void)snprintf(s, 32, "%" PRId64 "d%02" PRId64 "h", m / 1440, m / 60 % 24);
	return s;
}

const char *str_human_size(int64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	char *s = rotating();
	double v = (double)bytes;
	size_t u = 0;

	for (; v >= 1024 && u + 1 < ARRAY_SIZE(units); u++)
		v /= 1024;
	(void)snprintf(s, 32, u ? "%.1f %s" : "%.0f %s", v, units[u]);
	return s;
}

void str_rfc3339(int64_t unix_ms, char out[static 32])
{
	time_t t = (time_t)(unix_ms / 1000);
	struct tm tm;

	gmtime_r(&t, &tm);
	size_t n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out + n, 32 - n, ".%03dZ", (int)(unix_ms % 1000));
}

/* --- text of strangers --- */

size_t str_utf8_at(const char *s, size_t n, uint32_t *ret)
{
	const unsigned char *p = (const unsigned char *)s;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = p[0] < 0x80   ? 1
		     : p[0] < 0xc0 ? 0
		     : p[0] < 0xe0 ? 2
		     : p[0] < 0xf0 ? 3
		     : p[0] < 0xf8 ? 4
				   : 0;

	if (!len || len > n)
		return 0;
	uint32_t v = len == 1 ? p[0] : p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3f);
	}
	if (v < least[len] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*ret = v;
	return len;
}

bool str_utf8(const char *s, size_t n)
{
	uint32_t cp;

	for (size_t i = 0, len; i < n; i += len) {
		len = str_utf8_at(s + i, n - i, &cp);
		if (!len)
			return false;
	}
	return true;
}

size_t str_drop_colours(char *s, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		size_t end = i + 2;

		while (end < n && ((s[end] >= '0' && s[end] <= '9') || s[end] == ';'))
			end++;
		if (end < n && s[i] == '\x1b' && s[i + 1] == '[' && s[end] == 'm')
			i = end;
		else
			s[kept++] = s[i];
	}
	return kept;
}

static bool hidden(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || (cp >= 0x200b && cp <= 0x200f) ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff ||
	       cp == 0x061c;
}

char *str_visible(const char *s, size_t n, bool lines)
{
	struct buf b = BUF(n * 6 + 1);

	for (size_t i = 0; i < n;) {
		uint32_t cp = 0;
		size_t len = str_utf8_at(s + i, n - i, &cp);

		if (!len)
			(void)buf_addf(&b, "\\x%02x", (unsigned char)s[i]);
		else if (lines && (cp == '\n' || cp == '\t'))
			(void)buf_addc(&b, (char)cp);
		else if (hidden(cp))
			(void)buf_addf(&b, cp < 0x100 ? "\\x%02x" : "\\u%04x", cp);
		else
			(void)buf_add(&b, s + i, len);
		i += len ? len : 1;
	}
	return buf_take(&b);
}

/* --- did you mean --- */

size_t str_distance(const char *a, const char *b, size_t limit)
{
	size_t n = strlen(a), m = strlen(b);
	size_t rows[3][65]; /* this row of the table and the two before */

	if (n > 64 || m > 64)
		return limit + 1;
	for (size_t i = 0; i <= n; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			if (i == 0) {
				row[j] = j;
				continue;
			}
			row[j] = MIN(above[j - 1] + (a[i - 1] != b[j - 1]),
				MIN(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = MIN(row[j], before[j - 2] + 1);
		}
	}
	return MIN(rows[n % 3][m], limit + 1);
}

const char *str_nearest(const char *s, const char *const *words, size_t n)
{
	size_t best = MIN((size_t)2, MAX(strlen(s) / 3, (size_t)1)) + 1;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = str_distance(s, words[i], best);

		if (d < best) {
			best = d;
			found = words[i];
		}
	}
	return found;
}

/* --- hex --- */

void hex_encode(const void *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *in = p;

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[in[i] >> 4];
		*out++ = digits[in[i] & 15];
	}
	*out = '\0';
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hex_decode(const char *s, void *out, size_t n)
{
	unsigned char *to = out;

	if (strlen(s) != 2 * n)
		return ERR_USAGE;
	for (size_t i = 0; i < n; i++) {
		int hi = nibble(s[2 * i]), lo = nibble(s[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return ERR_USAGE;
		to[i] = (unsigned char)(hi << 4 | lo);
	}
	return 0;
}
