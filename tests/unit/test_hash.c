/* test_hash.c - SHA-256 and HMAC against the vectors of FIPS 180-4 and RFC 4231. */
#include "base/hash.h"
#include "base/str.h"
#include "tests/unit/test.h"

static void known_vectors(void **state)
{
	char hex[SHA256_HEX];

	(void)state;
	sha256_hex("", 0, hex);
	assert_string_equal(
		hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha256_hex("abc", 3, hex);
	assert_string_equal(
		hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void pieces_equal_the_whole(void **state)
{
	static const char text[] =
		"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq and then some more of it";
	struct sha256 h;
	char whole[SHA256_HEX], pieces[SHA256_HEX];

	(void)state;
	sha256_hex(text, sizeof(text) - 1, whole);
	for (size_t cut = 0; cut < sizeof(text); cut += 7) {
		sha256_init(&h);
		sha256_add(&h, text, cut);
		sha256_add(&h, text + cut, sizeof(text) - 1 - cut);
		sha256_final_hex(&h, pieces);
		assert_string_equal(pieces, whole);
	}
}

static void hmac_vectors(void **state)
{
	unsigned char out[SHA256_BYTES], key[131];
	char hex[SHA256_HEX];

	(void)state;
	hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out);
	hex_encode(out, sizeof(out), hex);
	assert_string_equal(
		hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");

	/* a key longer than a block is hashed first */
	memset(key, 0xaa, sizeof(key));
	hmac_sha256(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54,
		out);
	hex_encode(out, sizeof(out), hex);
	assert_string_equal(
		hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_vectors),
		cmocka_unit_test(pieces_equal_the_whole),
		cmocka_unit_test(hmac_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
