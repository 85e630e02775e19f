/*
 * ws_key.c - the keys of the WebSocket handshake.
 *
 * RFC 6455 wants SHA-1 here, not for secrecy but to show that the peer speaks WebSocket; so it is
 * nobody's business elsewhere and stays in this file (FIPS 180-4; for inputs of one handshake).
 */
#include "codec/ws.h"

#include "base/base64.h"
#include "base/id.h"
#include "base/str.h"

#define KEY_TEXT 24 /* 16 bytes in base64 */
#define GUID     "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

static uint32_t rotl(uint32_t x, int n)
{
	return x << n | x >> (32 - n);
}

static void sha1_block(uint32_t h[5], const unsigned char *p)
{
	uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

	for (int i = 0; i < 16; i++, p += 4)
		w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	for (int i = 16; i < 80; i++)
		w[i] = rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (int i = 0; i < 80; i++) {
		uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
			     : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
			     : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
				      : (b ^ c ^ d) + 0xca62c1d6;
		uint32_t t = rotl(a, 5) + f + e + w[i];

		e = d;
		d = c;
		c = rotl(b, 30);
		b = a;
		a = t;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

/* Of at most 119 bytes: two blocks with the padding. */
static void sha1(const char *p, size_t n, unsigned char out[20])
{
	uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	unsigned char block[128] = {0};
	size_t blocks = n < 56 ? 1 : 2;

	memcpy(block, p, n);
	block[n] = 0x80;
	block[blocks * 64 - 2] = (unsigned char)(n >> 5);
	block[blocks * 64 - 1] = (unsigned char)(n << 3);
	for (size_t i = 0; i < blocks; i++)
		sha1_block(h, block + i * 64);
	for (int i = 0; i < 20; i++)
		out[i] = (unsigned char)(h[i / 4] >> (24 - i % 4 * 8));
}

void ws_key(char out[static 25])
{
	unsigned char raw[16];

	random_bytes(raw, sizeof(raw));
	_cleanup_free_ char *text = base64_encode(raw, sizeof(raw), false);
	memcpy(out, text, KEY_TEXT + 1);
}

void ws_accept(const char *key, char out[static 29])
{
	char text[KEY_TEXT + sizeof(GUID)];
	unsigned char digest[20];
	int n = snprintf(text, sizeof(text), "%.*s" GUID, KEY_TEXT, key);

	sha1(text, (size_t)n, digest);
	_cleanup_free_ char *encoded = base64_encode(digest, sizeof(digest), false);
	memcpy(out, encoded, 29);
}
