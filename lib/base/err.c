/* err.c - errors as values, and the one table behind their codes. */
#include "base/err.h"

#include <errno.h>
#include <string.h>

static const struct {
	int code;
	const char *kind;
	int http;
	int exit;
	bool retry;
} table[] = {
#define X(code, kind, http, exit, retry) {code, kind, http, exit, retry},
#include "base/err.tbl.h"
#undef X
};

static size_t row(int code)
{
	size_t internal = 0;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].code == code)
			return i;
		if (table[i].code == ERR_INTERNAL)
			internal = i;
	}
	return internal;
}

int err_setv(struct err *e, int code, const char *fmt, va_list ap)
{
	if (e) {
		char text[sizeof(e->text)];

		/* through a copy: the arguments may point into *e */
		(void)vsnprintf(text, sizeof(text), fmt, ap);
		e->code = code;
		e->sys = 0;
		memcpy(e->text, text, sizeof(text));
	}
	return code;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_setv(e, code, fmt, ap);
	va_end(ap);
	return code;
}

int err_sys(struct err *e, int code, const char *fmt, ...)
{
	int sys = errno;
	va_list ap;

	if (sys == ENOSPC || sys == EDQUOT)
		code = ERR_NO_SPACE;
	va_start(ap, fmt);
	err_setv(e, code, fmt, ap);
	va_end(ap);
	if (e) {
		size_t n = strlen(e->text);

		e->sys = sys;
		(void)snprintf(e->text + n, sizeof(e->text) - n, ": %s", strerror(sys));
	}
	return code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char prefix[sizeof(e->text)], text[sizeof(e->text)];
	va_list ap;

	if (!e)
		return ERR_INTERNAL;
	va_start(ap, fmt);
	(void)vsnprintf(prefix, sizeof(prefix), fmt, ap);
	va_end(ap);
	memcpy(text, e->text, sizeof(text));
	size_t n = strlen(prefix);
	memcpy(e->text, prefix, n + 1);
	(void)snprintf(e->text + n, sizeof(e->text) - n, ": %s", text);
	return e->code;
}

int err_copy(struct err *e, const struct err *src)
{
	if (e && e != src)
		*e = *src;
	return src->code;
}

const char *err_kind(int code)
{
	return table[row(code)].kind;
}

int err_http(int code)
{
	return table[row(code)].http;
}

int err_exit(int code)
{
	return code == 0 ? 0 : table[row(code)].exit;
}

bool err_retryable(int code)
{
	return table[row(code)].retry;
}

int err_from_kind(const char *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (strcmp(table[i].kind, kind) == 0)
			return table[i].code;
	return ERR_INTERNAL;
}
