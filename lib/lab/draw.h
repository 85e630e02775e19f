/*
 * draw.h - what a seed decides: parameters, secrets, and the interpolation of compose values.
 *
 * The stream of a name is HMAC-SHA256(seed, label 0 name 0 counter), where 0 is one zero byte and
 * counter = 0, 1, ... is a 32-bit big-endian number; the label is "param v1" or "secret v1". Whole
 * numbers take 8 bytes a try (big-endian) and are drawn by rejection, so that none is more likely;
 * a token takes 5 bits of each byte. The same seed gives the same values for ever: the test vectors
 * may not change.
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

/* Compose's interpolation of one value for one service; the caller owns the result. All names were
 * checked by lab_load. */
char *draw_interpolate(
	const struct lab *l, const char *value, const unsigned char seed[static SEED_BYTES]);
/* A whole argv or environment; NULL stays NULL. */
char **draw_list(
	const struct lab *l, char *const *list, const unsigned char seed[static SEED_BYTES]);

/*
 * What a name in compose.yaml stands for: LAB_SEED, LAB_PARAM_<NAME>, LAB_SECRET_<NAME>.
 * Parameters and secrets of the grade have no name there.
 */
enum draw_kind { DRAW_UNKNOWN, DRAW_SEED, DRAW_PARAM, DRAW_SECRET };
enum draw_kind draw_variable(const struct lab *l, const char *name, size_t *ret_index);
