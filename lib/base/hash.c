/* hash.c - SHA-256 and HMAC-SHA256 over libsodium. */
#include "base/hash.h"
#include "base/str.h"

#include <sodium.h>

_Static_assert(sizeof(struct sha256) == sizeof(crypto_hash_sha256_state), "size of struct sha256");
_Static_assert(_Alignof(struct sha256) >= _Alignof(crypto_hash_sha256_state), "alignment");

static crypto_hash_sha256_state *state(struct sha256 *h)
{
	return (void *)h->state.bytes;
}

void sha256_init(struct sha256 *h)
{
	(void)crypto_hash_sha256_init(state(h)); /* cannot fail, like the two below */
}

void sha256_add(struct sha256 *h, const void *p, size_t n)
{
	(void)crypto_hash_sha256_update(state(h), p, n);
}

void sha256_final(struct sha256 *h, unsigned char out[static SHA256_BYTES])
{
	(void)crypto_hash_sha256_final(state(h), out);
}

void sha256_final_hex(struct sha256 *h, char hex[static SHA256_HEX])
{
	unsigned char digest[SHA256_BYTES];

	sha256_final(h, digest);
	hex_encode(digest, sizeof(digest), hex);
}

void sha256(const void *p, size_t n, unsigned char out[static SHA256_BYTES])
{
	(void)crypto_hash_sha256(out, p, n);
}

void sha256_hex(const void *p, size_t n, char hex[static SHA256_HEX])
{
	unsigned char digest[SHA256_BYTES];

	sha256(p, n, digest);
	hex_encode(digest, sizeof(digest), hex);
}

void hmac_sha256(const void *key, size_t key_len, const void *p, size_t n,
	unsigned char out[static SHA256_BYTES])
{
	crypto_auth_hmacsha256_state s;

	(void)crypto_auth_hmacsha256_init(&s, key, key_len);
	(void)crypto_auth_hmacsha256_update(&s, p, n);
	(void)crypto_auth_hmacsha256_final(&s, out);
	sodium_memzero(&s, sizeof(s));
}
