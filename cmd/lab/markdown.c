/*
 * markdown.c - Markdown as plain text. Not a parser: what it does not know stays readable as it is.
 */
#include "cmd/lab/markdown.h"

#include "base/buf.h"
#include "base/str.h"

#define MAX_TEXT  (4u << 20)
#define BOLD      "\033[1m"
#define UNDERLINE "\033[4m"
#define NORMAL    "\033[0m"

struct plain {
	struct buf out;
	bool color;
};

static void put(struct plain *m, const char *s, size_t n)
{
	(void)buf_add(&m->out, s, n); /* what passes 4 MiB is cut */
}

static void styled(struct plain *m, const char *style, const char *s, size_t n)
{
	if (m->color)
		(void)buf_adds(&m->out, style);
	put(m, s, n);
	if (m->color)
		(void)buf_adds(&m->out, NORMAL);
}

/* `code`: as many backticks at the end as at the start. Returns what was taken, 0 = none. */
static size_t take_code(struct plain *m, const char *s)
{
	size_t ticks = strspn(s, "`");
	const char *end = s + ticks;

	while ((end = strchr(end, '`'))) {
		size_t n = strspn(end, "`");

		if (n == ticks) {
			styled(m, UNDERLINE, s + ticks, (size_t)(end - s) - ticks);
			return (size_t)(end - s) + ticks;
		}
		end += n;
	}
	return 0;
}

/* [text](target) */
static size_t take_link(struct plain *m, const char *s)
{
	const char *text = s + 1, *mid = strstr(s, "](");
	const char *end = mid ? strchr(mid, ')') : NULL;

	if (!end || memchr(text, '[', (size_t)(mid - text)))
		return 0;
	put(m, text, (size_t)(mid - text));
	put(m, " (", 2);
	put(m, mid + 2, (size_t)(end - mid) - 2);
	put(m, ")", 1);
	return (size_t)(end - s) + 1;
}

/* **strong** and *emphasis*; a star between blanks is a star. */
static size_t take_emphasis(struct plain *m, const char *s)
{
	const char *mark = str_starts(s, "**") ? "**" : "*";
	size_t n = strlen(mark);
	const char *text = s + n, *end = strstr(text, mark);

	if (!end || end == text || *text == ' ' || end[-1] == ' ')
		return 0;
	styled(m, BOLD, text, (size_t)(end - text));
	return (size_t)(end - s) + n;
}

static void inline_text(struct plain *m, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, "`[*\\");

		put(m, s, n);
		s += n;
		n = *s == '`'   ? take_code(m, s)
		    : *s == '[' ? take_link(m, s)
		    : *s == '*' ? take_emphasis(m, s)
				: 0;
		if (!n && *s == '\\' && s[1] && strchr("\\`*_{}[]()#+-.!>|", s[1]))
			s++; /* an escaped mark is itself */
		if (!n && *s) {
			put(m, s, 1);
			n = 1;
		}
		s += n;
	}
	put(m, "\n", 1);
}

static void line(struct plain *m, const char *s, bool *code)
{
	const char *text = s + strspn(s, " ");

	if (str_starts(text, "```")) {
		*code = !*code;
	} else if (*code) {
		(void)buf_addf(&m->out, "    %s\n", s);
	} else if (*text == '#') {
		text += strspn(text, "#");
		text += strspn(text, " ");
		styled(m, BOLD, text, strlen(text));
		put(m, "\n", 1);
	} else if ((*text == '*' || *text == '-') && text[1] == ' ') {
		put(m, s, (size_t)(text - s));
		put(m, "- ", 2);
		inline_text(m, text + 2);
	} else {
		inline_text(m, s);
	}
}

char *markdown_plain(const char *text, bool color)
{
	_cleanup_free_ char *shown = str_visible(text, strlen(text), true);
	_cleanup_(strv_freep) char **lines = strv_split(shown, '\n');
	struct plain m = {.out = BUF(MAX_TEXT), .color = color};
	bool code = false;
	size_t n = strv_len(lines);

	while (n && !*lines[n - 1])
		n--;
	for (size_t i = 0; i < n; i++)
		line(&m, lines[i], &code);
	return buf_take(&m.out);
}
