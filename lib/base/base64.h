/* base64.h - RFC 4648 base64, with the two alphabets in use. */
#pragma once

#include "base/util.h"

/* Encode with padding; url: '-' and '_' instead of '+' and '/'. The caller owns the text. */
char *base64_encode(const void *p, size_t n, bool url) __attribute__((malloc));

/*
 * Decode either alphabet; padding may be absent. NULL when there is anything else in it. The caller
 * owns the bytes, which are followed by a NUL that *ret_n (may be NULL) does not count.
 */
char *base64_decode(const char *s, size_t *ret_n);
