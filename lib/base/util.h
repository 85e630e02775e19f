/*
 * util.h - small macros and the allocations that cannot fail.
 *
 * Memory: small allocations of fixed size abort the process when memory runs out (recovery at the
 * next start converges); whatever a stranger can make large goes through struct buf with a limit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Scope exit: _cleanup_(f) calls f(&variable). */
#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(free_ptr)
#define _cleanup_close_ _cleanup_(close_fd)
#define _cleanup_fclose_ _cleanup_(fclose_file)

/* Hand the pointer over and forget it: return TAKE(p). */
#define TAKE(p)                                                                                    \
	({                                                                                         \
		__typeof__(p) take_tmp = (p);                                                      \
		(p) = NULL;                                                                        \
		take_tmp;                                                                          \
	})
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int take_tmp = (fd);                                                               \
		(fd) = -1;                                                                         \
		take_tmp;                                                                          \
	})

#define must_check __attribute__((warn_unused_result))
#define format_printf(f, a) __attribute__((format(printf, f, a)))

/* DEFINE_CLEANUP(struct x *, x_free) makes x_freep() for _cleanup_(x_freep). */
#define DEFINE_CLEANUP(type, f)                                                                    \
	static inline void f##p(type *p)                                                           \
	{                                                                                          \
		if (*p)                                                                            \
			f(*p);                                                                     \
	}

void free_ptr(void *pointer_to_pointer);
void close_fd(int *fd);
void fclose_file(FILE **f);

/* As malloc, calloc, realloc, strdup, strndup; they abort when memory runs out. */
void *xmalloc(size_t size) __attribute__((malloc));
void *xcalloc(size_t n, size_t size) __attribute__((malloc));
void *xrealloc(void *p, size_t size);
void *xrealloc_array(void *p, size_t n, size_t size);
char *xstrdup(const char *s) __attribute__((malloc));
char *xstrndup(const char *s, size_t n) __attribute__((malloc));
char *xmemdup(const void *p, size_t n) __attribute__((malloc));

#define NEW(type) ((type *)xcalloc(1, sizeof(type)))

/* Grow an array for one more element: ARRAY_GROW(v->items, v->n, v->cap). */
#define ARRAY_GROW(items, n, cap)                                                                  \
	do {                                                                                       \
		if ((n) == (cap)) {                                                                \
			(cap) = (cap) ? (cap)*2 : 8;                                               \
			(items) = xrealloc_array((items), (cap), sizeof(*(items)));                \
		}                                                                                  \
	} while (0)
