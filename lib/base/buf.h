/*
 * buf.h - a growing byte buffer with a maximum.
 *
 * Invariants: data is NULL or NUL-terminated at data[len]; len <= max. A write that would pass
 * max is refused whole (ERR_LIMIT) and sets `full`; the content before it stays. A zeroed struct
 * with a max set by buf_init is valid; buf_done makes it empty again. Not thread-safe.
 */
#pragma once

#include "base/err.h"

#include <stdarg.h>

struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max;
	bool full; /* a write was refused */
};

#define BUF(maximum) ((struct buf){.max = (maximum)})
#define _cleanup_buf_ _cleanup_(buf_done)

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);  /* frees; keeps max */
void buf_clear(struct buf *b); /* empties; keeps the memory */

/* Append. Errors: ERR_LIMIT (returned, and remembered in b->full). */
int buf_add(struct buf *b, const void *p, size_t n);
int buf_adds(struct buf *b, const char *s);
int buf_addc(struct buf *b, char c);
int buf_addf(struct buf *b, const char *fmt, ...) format_printf(2, 3);
int buf_addv(struct buf *b, const char *fmt, va_list ap) format_printf(2, 0);

/* Room for n more bytes at data+len, to be filled and then counted with buf_grew(). */
char *buf_room(struct buf *b, size_t n); /* NULL when it would pass max */
void buf_grew(struct buf *b, size_t n);

/* Remove n bytes from the front. */
void buf_drop(struct buf *b, size_t n);

const char *buf_str(const struct buf *b); /* borrowed; "" when empty */
char *buf_take(struct buf *b);            /* the caller owns it; never NULL */
