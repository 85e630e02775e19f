/*
 * key.c - the key that signs records, its file, and what is signed.
 *
 * The file holds the 32-byte seed as hex and a newline. The secret lies in guarded memory, and
 * copies on the way from and to the file are wiped.
 */
#include "record/key.h"

#include "base/fsutil.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/str.h"

#include <sodium.h>
#include <sys/stat.h>

#define CONTEXT "labyard record v1" /* with its NUL: no body can imitate it */

struct record_key {
	unsigned char *secret; /* crypto_sign_SECRETKEYBYTES, guarded */
	char public[65];
	char id[32];
};

void key_name(const unsigned char public[static 32], char out[static 32])
{
	char hex[SHA256_HEX];

	sha256_hex(public, 32, hex);
	(void)snprintf(out, 32, "ed25519:%.16s", hex);
}

static struct record_key *key_from(const unsigned char seed[static 32])
{
	struct record_key *k = NEW(struct record_key);
	unsigned char public[crypto_sign_PUBLICKEYBYTES];

	k->secret = sodium_malloc(crypto_sign_SECRETKEYBYTES);
	if (!k->secret)
		abort(); /* as every small allocation */
	(void)crypto_sign_seed_keypair(public, k->secret, seed); /* cannot fail */
	hex_encode(public, sizeof(public), k->public);
	key_name(public, k->id);
	return k;
}

static int seed_parse(const char *path, const struct buf *text, unsigned char seed[static 32],
	struct err *e)
{
	char hex[65];
	int r = ERR_STATE;

	if (text->len == 65 && text->data[64] == '\n') {
		memcpy(hex, text->data, 64);
		hex[64] = '\0';
		r = hex_decode(hex, seed, 32);
		sodium_memzero(hex, sizeof(hex));
	}
	if (r < 0)
		return err_set(e, ERR_STATE, "'%s' is not a key: restore it from a backup", path);
	return 0;
}

static int seed_read(const char *path, unsigned char seed[static 32], struct err *e)
{
	struct buf text = BUF(66); /* one more than a key has; allocated once */
	struct stat st;
	int r = fs_read(path, &text, e);

	if (r == 0 && stat(path, &st) == 0 && (st.st_mode & 077))
		r = err_set(e, ERR_STATE,
			"the key '%s' can be read by others: chmod 600 it, and think about who "
			"had it",
			path);
	if (r == 0 || r == ERR_LIMIT)
		r = seed_parse(path, &text, seed, e);
	if (text.data)
		sodium_memzero(text.data, text.cap);
	buf_done(&text);
	return r;
}

static int seed_make(const char *path, unsigned char seed[static 32], struct err *e)
{
	char text[66];

	random_bytes(seed, 32);
	hex_encode(seed, 32, text);
	memcpy(text + 64, "\n", 2);
	int r = fs_write_atomic(path, text, 65, 0600, e);
	sodium_memzero(text, sizeof(text));
	return r;
}

int record_key_open(struct record_key **ret, const char *path, struct err *e)
{
	unsigned char seed[32];
	struct err why;

	if (sodium_init() < 0)
		return err_set(e, ERR_INTERNAL, "libsodium does not start");
	int r = seed_read(path, seed, &why);
	if (r == ERR_NOT_FOUND)
		r = seed_make(path, seed, &why);
	if (r < 0)
		return err_copy(e, &why);
	*ret = key_from(seed);
	sodium_memzero(seed, sizeof(seed));
	return 0;
}

void record_key_free(struct record_key *k)
{
	if (!k)
		return;
	sodium_free(k->secret);
	free(k);
}

const char *record_key_id(const struct record_key *k)
{
	return k->id;
}

const char *record_key_public(const struct record_key *k)
{
	return k->public;
}

/* --- what is signed -------------------------------------------------------------------------- */

static unsigned char *message(const char *body, size_t *ret_n)
{
	size_t n = strlen(body);
	unsigned char *m = xmalloc(sizeof(CONTEXT) + n);

	memcpy(m, CONTEXT, sizeof(CONTEXT));
	memcpy(m + sizeof(CONTEXT), body, n);
	*ret_n = sizeof(CONTEXT) + n;
	return m;
}

void key_hash(const char *body, unsigned char hash[static 32])
{
	struct sha256 h;

	sha256_init(&h);
	sha256_add(&h, CONTEXT, sizeof(CONTEXT));
	sha256_add(&h, body, strlen(body));
	sha256_final(&h, hash);
}

void key_sign(const struct record_key *k, const char *body, unsigned char sig[static 64])
{
	size_t n;
	_cleanup_free_ unsigned char *m = message(body, &n);

	(void)crypto_sign_detached(sig, NULL, m, n, k->secret); /* cannot fail */
}

bool key_verify(const unsigned char public[static 32], const char *body,
	const unsigned char sig[static 64])
{
	size_t n;
	_cleanup_free_ unsigned char *m = message(body, &n);

	return crypto_sign_verify_detached(sig, m, n, public) == 0;
}
