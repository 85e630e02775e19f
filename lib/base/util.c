/* util.c - allocations that cannot fail, and clean-up helpers. */
#include "base/util.h"

#include <string.h>
#include <unistd.h>

static void *must(void *p)
{
	if (!p) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return p;
}

void free_ptr(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}

void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* nothing can be done about a failing close here */
}

void fclose_file(FILE **f)
{
	if (*f)
		(void)fclose(*f); /* readers only; writers check fclose themselves */
}

void *xmalloc(size_t size)
{
	return must(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return must(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
	return must(realloc(p, size ? size : 1));
}

void *xrealloc_array(void *p, size_t n, size_t size)
{
	return must(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return must(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	return must(strndup(s, n));
}

char *xmemdup(const void *p, size_t n)
{
	char *copy = xmalloc(n + 1);

	if (n)
		memcpy(copy, p, n);
	copy[n] = '\0';
	return copy;
}
