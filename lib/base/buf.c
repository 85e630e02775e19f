/* buf.c - a growing byte buffer with a maximum. */
#include "base/buf.h"

#include <string.h>

void buf_init(struct buf *b, size_t max)
{
	*b = BUF(max);
}

void buf_done(struct buf *b)
{
	free(b->data);
	*b = BUF(b->max);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->full = false;
	if (b->data)
		b->data[0] = '\0';
}

char *buf_room(struct buf *b, size_t n)
{
	if (n > b->max - b->len) {
		b->full = true;
		return NULL;
	}
	if (b->len + n + 1 > b->cap) {
		size_t cap = MAX(b->cap * 2, b->len + n + 1);

		b->cap = MAX(MIN(cap, b->max + 1), (size_t)64);
		b->data = xrealloc(b->data, b->cap);
		b->data[b->len] = '\0';
	}
	return b->data + b->len;
}

void buf_grew(struct buf *b, size_t n)
{
	b->len += n;
	b->data[b->len] = '\0';
}

int buf_add(struct buf *b, const void *p, size_t n)
{
	char *room = buf_room(b, n);

	if (!room)
		return ERR_LIMIT;
	if (n)
		memcpy(room, p, n);
	buf_grew(b, n);
	return 0;
}

int buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_addc(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

int buf_addv(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	char *room = n < 0 ? NULL : buf_room(b, (size_t)n);
	if (room) {
		(void)vsnprintf(room, (size_t)n + 1, fmt, again);
		buf_grew(b, (size_t)n);
	}
	va_end(again);
	return room ? 0 : ERR_LIMIT;
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int r = buf_addv(b, fmt, ap);
	va_end(ap);
	return r;
}

void buf_drop(struct buf *b, size_t n)
{
	if (!n)
		return;
	memmove(b->data, b->data + n, b->len - n + 1);
	b->len -= n;
}

const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

char *buf_take(struct buf *b)
{
	char *s = b->data ? b->data : xcalloc(1, 1);

	*b = BUF(b->max);
	return s;
}
