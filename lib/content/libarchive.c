/* libarchive.c - see libarchive.h. */
#include "content/libarchive.h"

#include <dlfcn.h>
#include <pthread.h>

#define SONAME "libarchive.so.13" /* of every libarchive 3 */

static struct libarchive functions;
static struct err failure;

static void *find(void *library, const char *name)
{
	void *p = library ? dlsym(library, name) : NULL;

	if (!p && !failure.code)
		err_set(&failure, ERR_IO, "cannot load libarchive: %s", dlerror());
	return p;
}

static void load(void)
{
	void *library = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);

#define X(name) *(void **)&functions.name = find(library, #name);
	LIBARCHIVE_FUNCTIONS(X)
#undef X
}

int libarchive_load(const struct libarchive **ret, struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	*ret = &functions;
	return failure.code ? err_copy(e, &failure) : 0;
}
