/* id.h - random bytes, names and ids. */
#pragma once

#include "base/util.h"

/* n bytes from getrandom(2); aborts when the kernel cannot give them. Thread-safe. */
void random_bytes(void *p, size_t n);

/* n characters of lower-case base 32 without 0, 1, l, o; out holds n + 1 bytes. */
void id_random(char *out, size_t n);

/* A random UUID (version 4) as text; out holds 37 bytes. */
void id_uuid(char out[static 37]);
