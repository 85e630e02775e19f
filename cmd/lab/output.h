/*
 * output.h - what a person sees: tables, progress, points, text of strangers made visible.
 */
#pragma once

#include "cmd/lab/cli.h"

/* Print a document with -o json (pretty on a terminal). */
void print_json(const struct cli *c, const struct json *j);

/* A table on stdout, as wide as the terminal; the last column may be cut there. */
struct table;
struct table *table_new(const struct cli *c, const char *const *heads, size_t n);
void table_row(struct table *t, ...) __attribute__((sentinel)); /* n strings, then NULL */
void table_print(struct table *t);                               /* and free */

/* Progress on stderr: one line that is rewritten on a terminal, lines of their own otherwise. -q: nothing. */
void progress(struct cli *c, const char *fmt, ...) format_printf(2, 3); /* may be replaced by the next */
void progress_keep(struct cli *c, const char *fmt, ...) format_printf(2, 3); /* stays */
void progress_clear(struct cli *c);
void advise(struct cli *c, const char *fmt, ...) format_printf(2, 3);

/* Text for a terminal; the caller owns it. */
char *visible(const char *s);
char *visible_lines(const char *s);
char *points(int64_t m);      /* "13.00" */
char *percent(int64_t bp);    /* "88.00 %" */
const char *verdict_mark(const struct cli *c, const char *verdict); /* "PASS", coloured on a terminal */
/* "14:32", or with the date when it is not today, from RFC 3339. The caller owns it. */
char *local_time(const char *rfc3339);
