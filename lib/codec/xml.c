/* xml.c - a writer for XML 1.0 documents. */
#include "codec/xml.h"
#include "base/str.h"

/* Has XML 1.0 a form for this character (production 2)? */
static bool allowed(uint32_t cp)
{
	return cp >= 0x20 ? cp != 0xfffe && cp != 0xffff : cp == '\t' || cp == '\n' || cp == '\r';
}

/*
 * What a character is written as, or NULL for itself. Readers fold white space of attributes and
 * the '\r' of line ends unless they are references; '>' matters in "]]>" only.
 */
static const char *reference(uint32_t cp, bool attribute)
{
	switch (cp) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '\r':
		return "&#13;";
	case '"':
		return attribute ? "&quot;" : NULL;
	case '\n':
		return attribute ? "&#10;" : NULL;
	case '\t':
		return attribute ? "&#9;" : NULL;
	default:
		return NULL;
	}
}

static void escape(struct buf *out, const char *s, size_t n, bool attribute)
{
	size_t done = 0;

	for (size_t i = 0, len; i < n; i += len) {
		uint32_t cp = 0;

		len = str_utf8_at(s + i, n - i, &cp);
		const char *as = len && allowed(cp) ? reference(cp, attribute) : "\xef\xbf\xbd";
		len = MAX(len, (size_t)1);
		if (!as)
			continue;
		(void)buf_add(out, s + done, i - done);
		(void)buf_adds(out, as);
		done = i + len;
	}
	(void)buf_add(out, s + done, n - done);
}

static void end_tag(struct xml_writer *w)
{
	if (w->tag)
		(void)buf_addc(w->out, '>');
	w->tag = false;
}

static void new_line(struct xml_writer *w)
{
	if (w->text)
		return;
	(void)buf_addc(w->out, '\n');
	for (unsigned i = 0; i < w->depth; i++)
		(void)buf_adds(w->out, "  ");
}

void xml_begin(struct xml_writer *w, struct buf *out)
{
	*w = (struct xml_writer){.out = out};
	(void)buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
}

void xml_open(struct xml_writer *w, const char *name)
{
	if (w->depth == XML_DEPTH_MAX)
		abort();
	end_tag(w);
	new_line(w);
	(void)buf_addf(w->out, "<%s", name);
	w->open[w->depth++] = name;
	w->tag = true;
	w->text = false;
}

void xml_attr(struct xml_writer *w, const char *name, const char *value)
{
	if (!w->tag)
		abort(); /* text or an element stands in between */
	if (!value)
		return;
	(void)buf_addf(w->out, " %s=\"", name);
	escape(w->out, value, strlen(value), true);
	(void)buf_addc(w->out, '"');
}

void xml_attrf(struct xml_writer *w, const char *name, const char *fmt, ...)
{
	_cleanup_buf_ struct buf b = BUF(SIZE_MAX / 2);
	va_list ap;

	va_start(ap, fmt);
	(void)buf_addv(&b, fmt, ap);
	va_end(ap);
	xml_attr(w, name, buf_str(&b));
}

void xml_text(struct xml_writer *w, const char *s, size_t n)
{
	if (!w->depth)
		abort();
	end_tag(w);
	escape(w->out, s, n, false);
	w->text = true;
}

void xml_close(struct xml_writer *w)
{
	if (!w->depth)
		abort();
	w->depth--;
	if (w->tag) {
		(void)buf_adds(w->out, "/>");
	} else {
		new_line(w);
		(void)buf_addf(w->out, "</%s>", w->open[w->depth]);
	}
	w->tag = w->text = false;
	if (!w->depth)
		(void)buf_addc(w->out, '\n');
}
