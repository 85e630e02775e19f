/*
 * draw.h - what a seed decides: parameters, secrets, and the interpolation of compose values.
 *
 * param(name) = HMAC-SHA256(seed, "param v1" 0 name 0 counter), by rejection sampling: the same seed gives
 * the same values for ever. Session secrets are drawn the same way with "secret v1".
 */
#pragma once

#include "base/err.h"
#include "lab/lab.h"

#define SEED_BYTES 32

/* Value of one parameter as text; the caller owns it. */
char *draw_param(const struct lab_param *p, const unsigned char seed[static SEED_BYTES]);
/* 32 bytes as hex; the caller owns it. */
char *draw_secret(const char *name, const unsigned char seed[static SEED_BYTES]);
/* SHA-256("labyard seed commit v1" 0 seed) as hex. */
void draw_commitment(const unsigned char seed[static SEED_BYTES], char hex[static 65]);

/* Compose's interpolation of one value for one service; the caller owns the result. All names were checked by lab_load. */
char *draw_interpolate(const struct lab *l, const char *value, const unsigned char seed[static SEED_BYTES]);
/* A whole argv or environment; NULL stays NULL. */
char **draw_list(const struct lab *l, char *const *list, const unsigned char seed[static SEED_BYTES]);
