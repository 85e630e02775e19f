/*
 * hash.h - SHA-256 and HMAC-SHA256: the one implementation that every module uses (libsodium's).
 *
 * No allocation, no errors, no global state: safe on every thread.
 */
#pragma once

#include "base/util.h"

#define SHA256_BYTES 32
#define SHA256_HEX 65 /* with the final NUL */

/* A running hash; opaque, lives where its owner puts it, needs no cleanup. */
struct sha256 {
	union {
		uint64_t align;
		unsigned char bytes[104];
	} state;
};

void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *p, size_t n);
/* The digest of everything added. The hash must be initialised again before its next use. */
void sha256_final(struct sha256 *h, unsigned char out[static SHA256_BYTES]);
void sha256_final_hex(struct sha256 *h, char hex[static SHA256_HEX]);

/* One shot. */
void sha256(const void *p, size_t n, unsigned char out[static SHA256_BYTES]);
void sha256_hex(const void *p, size_t n, char hex[static SHA256_HEX]);

/* HMAC-SHA256 (RFC 2104) with a key of any length. */
void hmac_sha256(const void *key, size_t key_len, const void *p, size_t n,
	unsigned char out[static SHA256_BYTES]);
