/*
 * xml.h - a writer for XML 1.0 documents (JUnit reports).
 *
 * Calls nest like the document. Whatever a stranger wrote is safe as a value: invalid UTF-8 and
 * characters that XML has no form for (control characters, U+FFFE, U+FFFF) become U+FFFD. Elements
 * and attributes have fixed names: they are written as they are. Broken nesting aborts. When out
 * passes its maximum, out->full says so and the text is worthless.
 */
#pragma once

#include "base/buf.h"

#define XML_DEPTH_MAX 16

struct xml_writer {
	struct buf *out;
	const char *open[XML_DEPTH_MAX]; /* names; borrowed until their end */
	unsigned depth;
	bool tag;  /* the last start tag can still take attributes */
	bool text; /* the innermost element has text: no line breaks are added */
};

/* Writes the declaration. */
void xml_begin(struct xml_writer *w, struct buf *out);
void xml_open(struct xml_writer *w, const char *name);
/* Attributes come right after xml_open. NULL values are left out. */
void xml_attr(struct xml_writer *w, const char *name, const char *value);
void xml_attrf(struct xml_writer *w, const char *name, const char *fmt, ...) format_printf(3, 4);
void xml_text(struct xml_writer *w, const char *s, size_t n);
void xml_close(struct xml_writer *w); /* the innermost */
