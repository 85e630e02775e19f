/*
 * output.h - what a person sees: tables, progress, points, text of strangers made visible.
 */
#pragma once

#include "cmd/lab/cli.h"

/* Print a document with -o json (pretty on a terminal). */
void print_json(const struct cli *c, const struct json *j);

/*
 * Print a list as the format wants it: the document, or one name per line (the member `name` of
 * each). False with the format table: the caller prints that.
 */
bool print_list(
	const struct cli *c, const struct json *doc, const struct json *list, const char *name);

/* --- tables on stdout, as wide as the terminal; the last column may be cut there --- */

struct table;
struct table *table_new(const struct cli *c, const char *const *heads, size_t n);
/* n strings, then NULL; they are made visible here. */
void table_row(struct table *t, ...) __attribute__((sentinel));
/* Colour a cell of the last row ("red", "green", "yellow", "gray"; NULL = none). */
void table_color(struct table *t, size_t column, const char *color);
void table_print(struct table *t); /* and free */

/*
 * Progress on stderr: one line that is rewritten on a terminal; elsewhere now and then a line of
 * its own. What may be replaced is cut to the terminal, or to 80 columns. -q: nothing. What comes
 * from strangers is made visible here.
 */
void progress(struct cli *c, const char *fmt, ...)
	format_printf(2, 3); /* may be replaced by the next */
void progress_keep(struct cli *c, const char *fmt, ...) format_printf(2, 3); /* stays */
void progress_clear(struct cli *c);
void advise(struct cli *c, const char *fmt, ...) format_printf(2, 3);
void warn(struct cli *c, const char *fmt, ...) format_printf(2, 3); /* also with -q */

/* --- text; the caller owns what is returned --- */

char *visible(const char *s);                   /* one line for a terminal; "" for NULL */
char *visible_lines(const char *s);             /* newlines and tabs stay */
size_t fitting(const char *s, size_t columns);  /* bytes of s that fit into so many columns */
/* s, or as much of it as fits with an ellipsis; columns > 0. */
char *shorten(const char *s, size_t columns);
char *points(int64_t m);                        /* "13.00" */
char *percent(int64_t bp);                      /* "88.00 %" */
const char *verdict_mark(const char *verdict);  /* "PASS"; "-" for NULL */
const char *verdict_color(const char *verdict); /* for table_color() */
/* "14:32", or with the date when it is not today, from RFC 3339. */
char *local_time(const char *rfc3339);
