/*
 * escape.h - leaving a shell by keys: '~.' at the beginning of a line, as in ssh.
 */
#pragma once

#include "base/util.h"

struct escape {
	bool inside; /* not at the beginning of a line */
	bool tilde;  /* a '~' at the beginning is held back */
};

/*
 * Pass on what was typed: n bytes of in become *ret_n (at most n + 1) of out. '~~' at the beginning
 * of a line is one '~'. True when '~.' was typed; what stood before it is in out.
 */
bool escape_filter(struct escape *s, const char *in, size_t n, char *out, size_t *ret_n);
