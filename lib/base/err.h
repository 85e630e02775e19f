/*
 * err.h - an error is a value: code, errno and one sentence.
 *
 * No allocation; copied between threads by assignment. Functions that can fail return 0 or a
 * negative enum err_code and fill *e, which may be NULL. The lowest level writes the sentence
 * once; upper levels prefix it with err_wrap(); the code is never changed silently.
 *
 * Text: lower case, 'subject' quoted, what failed first, then what to do.
 */
#pragma once

#include "base/util.h"

#include <stdarg.h>

enum err_code {
	ERR_OK = 0,
	ERR_FIRST_ = -100,
#define X(code, kind, http, exit, retry) code,
#include "base/err.tbl.h"
#undef X
	ERR_LAST_
};

struct err {
	int code;       /* enum err_code, 0 when there is none */
	int sys;        /* errno behind it, or 0 */
	char text[492]; /* one sentence, always terminated */
};

#define ERR_NONE ((struct err){0})

/* Fill *e (unless NULL) and return code, so that `return err_set(e, ERR_X, ...)` reads well. */
int err_set(struct err *e, int code, const char *fmt, ...) format_printf(3, 4);
int err_setv(struct err *e, int code, const char *fmt, va_list ap) format_printf(3, 0);

/* As err_set, with ": strerror(errno)" at the end; ENOSPC and EDQUOT become ERR_NO_SPACE. */
int err_sys(struct err *e, int code, const char *fmt, ...) format_printf(3, 4);

/* Put "prefix: " before the text and return the unchanged code. */
int err_wrap(struct err *e, const char *fmt, ...) format_printf(2, 3);

/* Copy src to *e (unless NULL) and return its code. */
int err_copy(struct err *e, const struct err *src);

/* What the one table says of a code. Unknown codes count as ERR_INTERNAL. */
const char *err_kind(int code);
int err_http(int code);
int err_exit(int code);
bool err_retryable(int code);
int err_from_kind(const char *kind); /* ERR_INTERNAL when the word is not in the table */
