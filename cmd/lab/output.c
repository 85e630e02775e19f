/* output.c - tables, progress, points, and text of strangers made visible. */
#include "cmd/lab/output.h"

#include "base/clock.h"
#include "cmd/lab/terminal.h"

#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>
#include <time.h>
#include <wchar.h>

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

static const struct mark {
	const char *verdict, *word, *color;
} marks[] = {
	{"pass", "PASS", "green"},
	{"fail", "FAIL", "red"},
	{"error", "ERROR", "yellow"},
	{"timeout", "TIME", "yellow"},
	{"skipped", "SKIP", "gray"},
};

static const struct mark *mark_of(const char *verdict)
{
	for (size_t i = 0; verdict && i < ARRAY_SIZE(marks); i++)
		if (streq(verdict, marks[i].verdict))
			return &marks[i];
	return NULL;
}

const char *verdict_mark(const char *verdict)
{
	const struct mark *m = mark_of(verdict);

	return m ? m->word : "-";
}

const char *verdict_color(const char *verdict)
{
	const struct mark *m = mark_of(verdict);

	return m ? m->color : NULL;
}

size_t fitting(const char *s, size_t columns)
{
	size_t at = 0, used = 0;
	uint32_t code;

	while (s[at]) {
		size_t n = str_utf8_at(s + at, strlen(s + at), &code);
		int width = n ? wcwidth((wchar_t)code) : 1;

		used += width < 0 ? 1 : (size_t)width;
		if (used > columns)
			break;
		at += n ? n : 1;
	}
	return at;
}

char *shorten(const char *s, size_t columns)
{
	if (!s[fitting(s, columns)])
		return xstrdup(s);
	return strf("%.*s\u2026", (int)fitting(s, columns - 1), s);
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
	(void)strftime(text, sizeof(text),
		tm.tm_yday == now.tm_yday && tm.tm_year == now.tm_year ? "%H:%M" : "%Y-%m-%d %H:%M",
		&tm);
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

bool print_list(
	const struct cli *c, const struct json *doc, const struct json *list, const char *name)
{
	const struct json *item;

	if (c->format == FORMAT_JSON) {
		print_json(c, doc);
	} else if (c->format == FORMAT_NAME) {
		json_for_each(item, list)
			puts(json_str_or(json_get(item, name), ""));
	}
	return c->format != FORMAT_TABLE;
}

/* --- tables --- */

struct table {
	struct libscols_table *t;
	struct libscols_line *last;
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
	scols_table_enable_colors(t->t, c->color);
	scols_table_enable_noencoding(t->t, 1); /* we make cells visible ourselves */
	if (scols_table_set_column_separator(t->t, "  ") != 0)
		abort();
	if (!c->tty_out)
		scols_table_enable_maxout(t->t, 0);
	for (size_t i = 0; i < n; i++)
		scols_table_new_column(
			t->t, heads[i], 0, i + 1 == n && c->tty_out ? SCOLS_FL_TRUNC : 0);
	return t;
}

void table_row(struct table *t, ...)
{
	va_list ap;

	t->last = scols_table_new_line(t->t, NULL);
	if (!t->last)
		abort();
	va_start(ap, t);
	for (size_t i = 0; i < t->n; i++)
		if (scols_line_refer_data(t->last, i, visible(va_arg(ap, const char *))) != 0)
			abort();
	va_end(ap);
}

void table_color(struct table *t, size_t column, const char *color)
{
	struct libscols_cell *cell = scols_line_get_cell(t->last, column);

	if (cell && color && scols_cell_set_color(cell, color) != 0)
		abort();
}

void table_print(struct table *t)
{
	scols_print_table(t->t);
	scols_unref_table(t->t);
	free(t);
}

/* --- progress --- */

#define SELDOM_MS 5000 /* between lines that can be replaced, where they cannot be */
#define NO_TTY_COLUMNS 80

static bool standing;   /* a line that can be replaced stands on the terminal */
static int64_t told_ms; /* when something was said last; 0 = not yet */

void progress_clear(struct cli *c)
{
	if (standing && c->tty_err)
		fputs("\r\033[K", stderr);
	standing = false;
}

/* In a file or a pipe passing words are noise, unless nothing else was said for a while. */
static bool seldom(void)
{
	int64_t now = clock_boot_ms(&clock_system);

	if (!told_ms)
		told_ms = now;
	return now - told_ms >= SELDOM_MS;
}

static void print_line(struct cli *c, bool keep, const char *fmt, va_list ap)
{
	_cleanup_buf_ struct buf text = BUF(16384);
	int rows, cols = NO_TTY_COLUMNS;

	if (c->quiet || (!keep && !c->tty_err && !seldom()))
		return;
	told_ms = clock_boot_ms(&clock_system);
	(void)buf_addv(&text, fmt, ap); /* a longer line is none */
	_cleanup_free_ char *shown = visible(buf_str(&text));
	progress_clear(c);
	if (c->tty_err)
		terminal_size(&rows, &cols);
	_cleanup_free_ char *line =
		keep ? xstrdup(shown) : shorten(shown, (size_t)MAX(cols - 3, 8));
	standing = c->tty_err && !keep;
	fprintf(stderr, "\u00b7 %s%s", line, standing ? "" : "\n");
	(void)fflush(stderr);
}

void progress(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line(c, false, fmt, ap);
	va_end(ap);
}

void progress_keep(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line(c, true, fmt, ap);
	va_end(ap);
}

/* "lead text" on stderr, whatever stands there. */
static void print_note(struct cli *c, const char *lead, const char *fmt, va_list ap)
{
	_cleanup_buf_ struct buf text = BUF(16384);

	(void)buf_addv(&text, fmt, ap);
	_cleanup_free_ char *shown = visible(buf_str(&text));
	progress_clear(c);
	fprintf(stderr, "%s%s\n", lead, shown);
}

void advise(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->quiet || c->format == FORMAT_JSON)
		return;
	va_start(ap, fmt);
	print_note(c, "  ", fmt, ap);
	va_end(ap);
}

void warn(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_note(c, "lab: warning: ", fmt, ap);
	va_end(ap);
}
