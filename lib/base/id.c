/* id.c - random bytes, names and ids. */
#include "base/id.h"

#include <sys/random.h>

void random_bytes(void *p, size_t n)
{
	for (size_t got = 0; got < n;) {
		ssize_t r = getrandom((char *)p + got, n - got, 0);

		if (r < 0)
			abort();
		got += (size_t)r;
	}
}

void id_random(char *out, size_t n)
{
	static const char alphabet[33] = "23456789abcdefghijkmnpqrstuvwxyz";

	random_bytes(out, n);
	for (size_t i = 0; i < n; i++)
		out[i] = alphabet[(unsigned char)out[i] & 31];
	out[n] = '\0';
}

void id_uuid(char out[static 37])
{
	unsigned char b[16];

	random_bytes(b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	(void)snprintf(out, 37,
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		b[15]);
}
