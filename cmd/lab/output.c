/* output.c - tables, progress, points, and text of strangers made visible. */
#include "cmd/lab/output.h"

#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

/* --- text --- */

char *visible(const char *s)
{
	return str_visible(s ? s : "", s ? strlen(s) : 0, false);
}

char *visible_lines(const char *s)
{
	return str_visible(s ? s : "", s ? strlen(s) : 0, true);
}

char *points(int64_t m)
{
	return strf("%lld.%02d", (long long)(m / 1000), (int)(m % 1000 / 10));
}

char *percent(int64_t bp)
{
	return strf("%lld.%02d %%", (long long)(bp / 100), (int)(bp % 100));
}

const char *verdict_mark(const struct cli *c, const char *verdict)
{
	static const struct {
		const char *verdict, *plain, *coloured;
	} marks[] = {
		{"pass", "PASS", "\033[32mPASS\033[0m"},
		{"fail", "FAIL", "\033[31mFAIL\033[0m"},
		{"error", "ERROR", "\033[33mERROR\033[0m"},
		{"timeout", "TIME", "\033[33mTIME\033[0m"},
		{"skipped", "SKIP", "\033[2mSKIP\033[0m"},
	};

	for (size_t i = 0; verdict && i < ARRAY_SIZE(marks); i++)
		if (streq(verdict, marks[i].verdict))
			return c->color ? marks[i].coloured : marks[i].plain;
	return "-";
}

char *local_time(const char *rfc3339)
{
	struct tm tm = {0}, now;
	char text[32];
	time_t t, n = time(NULL);

	if (!rfc3339 || !strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &tm))
		return xstrdup("-");
	t = timegm(&tm);
	localtime_r(&t, &tm);
	localtime_r(&n, &now);
	(void)strftime(text, sizeof(text), tm.tm_yday == now.tm_yday && tm.tm_year == now.tm_year ? "%H:%M" : "%Y-%m-%d %H:%M", &tm);
	return xstrdup(text);
}

void print_json(const struct cli *c, const struct json *j)
{
	_cleanup_buf_ struct buf b = BUF(64 << 20);
	struct json_writer w;

	json_begin(&w, &b, c->tty_out);
	json_put(&w, NULL, j);
	puts(buf_str(&b));
}

/* --- tables --- */

struct table {
	struct libscols_table *t;
	size_t n;
};

struct table *table_new(const struct cli *c, const char *const *heads, size_t n)
{
	struct table *t = NEW(struct table);

	t->t = scols_new_table();
	t->n = n;
	if (!t->t)
		abort();
	scols_table_enable_noheadings(t->t, c->quiet);
	if (!c->tty_out)
		scols_table_enable_maxout(t->t, 0);
	for (size_t i = 0; i < n; i++)
		scols_table_new_column(t->t, heads[i], 0, i + 1 == n && c->tty_out ? SCOLS_FL_TRUNC : 0);
	return t;
}

void table_row(struct table *t, ...)
{
	struct libscols_line *line = scols_table_new_line(t->t, NULL);
	va_list ap;

	va_start(ap, t);
	for (size_t i = 0; i < t->n && line; i++)
		if (scols_line_set_data(line, i, va_arg(ap, const char *)) != 0)
			abort();
	va_end(ap);
}

void table_print(struct table *t)
{
	scols_print_table(t->t);
	scols_unref_table(t->t);
	free(t);
}

/* --- progress --- */

static bool standing; /* a line that can be replaced stands on the terminal */

void progress_clear(struct cli *c)
{
	if (standing && c->tty_err)
		fputs("\r\033[K", stderr);
	standing = false;
}

static void print_line(struct cli *c, bool keep, const char *fmt, va_list ap)
{
	char text[512];
	int width = 79;

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	_cleanup_free_ char *shown = visible(text);
	progress_clear(c);
	if (c->tty_err && !keep) {
		fprintf(stderr, "\u00b7 %.*s", width - 2, shown);
		standing = true;
	} else {
		fprintf(stderr, "\u00b7 %s\n", shown);
	}
	(void)fflush(stderr);
}

void progress(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->quiet)
		return;
	va_start(ap, fmt);
	print_line(c, false, fmt, ap);
	va_end(ap);
}

void progress_keep(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->quiet)
		return;
	va_start(ap, fmt);
	print_line(c, true, fmt, ap);
	va_end(ap);
}

void advise(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->quiet || c->format == FORMAT_JSON)
		return;
	progress_clear(c);
	va_start(ap, fmt);
	fputs("  ", stderr);
	(void)vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}
