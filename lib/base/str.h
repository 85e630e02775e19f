/*
 * str.h - strings: building, comparing, parsing numbers and quantities, making text visible.
 */
#pragma once

#include "base/err.h"

#include <string.h>

char *strf(const char *fmt, ...) format_printf(1, 2); /* the caller owns it */

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* As streq; NULL equals only NULL. */
bool str_same(const char *a, const char *b);
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* Replace *s by a copy of v (NULL allowed). */
void str_set(char **s, const char *v);

/* A NULL-terminated list of strings; the caller owns list and strings. */
char **strv_new(void);
void strv_add(char ***list, const char *s);
void strv_take(char ***list, char *s); /* takes ownership of s */
size_t strv_len(char *const *list);    /* 0 for NULL */
bool strv_has(char *const *list, const char *s);
char **strv_copy(char *const *list);
char **strv_split(const char *s, char sep);
void strv_free(char **list);
DEFINE_CLEANUP(char **, strv_free)

/* Whole number in decimal, nothing before or after. Errors: ERR_USAGE. */
int str_int(const char *s, int64_t min, int64_t max, int64_t *ret, struct err *e);

/* Durations "90s", "15m", "1h30m", "7d", "250ms" in milliseconds. Errors: ERR_USAGE. */
int str_duration_ms(const char *s, int64_t *ret_ms, struct err *e);

/* Sizes "64KiB", "512MiB", "2GiB", and Compose's "64m", "1g", "4096". Errors: ERR_USAGE. */
int str_size(const char *s, int64_t *ret_bytes, struct err *e);

/* "1h41m", "44.1 s", "131 ms": for people. The text is static per thread, 4 in rotation. */
const char *str_human_ms(int64_t ms);
const char *str_human_size(int64_t bytes);

/* RFC 3339 in UTC with milliseconds: 2026-09-01T10:04:11.532Z. out holds 32 bytes. */
void str_rfc3339(int64_t unix_ms, char out[static 32]);

/*
 * Text of strangers for a terminal or a log: control characters, DEL, bidirectional controls and
 * invalid UTF-8 become visible escapes (\x1b, \u202e); newline and tab stay when `lines`.
 * The caller owns the result.
 */
char *str_visible(const char *s, size_t n, bool lines);

/* Take a program's colours (ESC [ digits and ';' m) out of its text, in place; returns the new n.
 */
size_t str_drop_colours(char *s, size_t n);

/* Strict UTF-8 (no overlong forms, no surrogates). */
bool str_utf8(const char *s, size_t n);

/* Length and code point of the sequence that s[0..n) begins with; 0 when it is invalid. n >= 1. */
size_t str_utf8_at(const char *s, size_t n, uint32_t *ret);

/* Edits (two neighbours swapped count once), for "did you mean"; at most `limit` + 1 is returned.
 */
size_t str_distance(const char *a, const char *b, size_t limit);

/* The nearest of n words at most 2 edits (a third of the length) away, or NULL. */
const char *str_nearest(const char *s, const char *const *words, size_t n);

void hex_encode(const void *p, size_t n, char *out); /* out: 2 * n + 1 bytes */
int hex_decode(const char *s, void *out, size_t n);  /* exactly n bytes, else ERR_USAGE */
