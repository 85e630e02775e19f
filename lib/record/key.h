/* key.h - signatures, for lib/record alone. */
#pragma once

#include "record/record.h"

/* Over "labyard record v1", a NUL and the body. */
void key_sign(const struct record_key *k, const char *body, unsigned char sig[static 64]);
bool key_verify(const unsigned char public[static 32], const char *body,
	const unsigned char sig[static 64]);
void key_hash(const char *body, unsigned char hash[static 32]);

/* "ed25519:" and the first 16 hex digits of SHA-256 of the public key. */
void key_name(const unsigned char public[static 32], char out[static 32]);
