/* base64.c - base64 over libsodium. */
#include "base/base64.h"

#include <sodium.h>
#include <string.h>

char *base64_encode(const void *p, size_t n, bool url)
{
	int variant = url ? sodium_base64_VARIANT_URLSAFE : sodium_base64_VARIANT_ORIGINAL;
	size_t len = sodium_base64_encoded_len(n, variant);
	char *out = xmalloc(len);

	return sodium_bin2base64(out, len, p, n, variant);
}

char *base64_decode(const char *s, size_t *ret_n)
{
	size_t n = strlen(s), len = 0;
	_cleanup_free_ unsigned char *out = xmalloc(n / 4 * 3 + 4);

	for (int pad = 0; pad < 2 && n > 0 && s[n - 1] == '='; pad++)
		n--;
	int variant = strcspn(s, "-_") < n ? sodium_base64_VARIANT_URLSAFE_NO_PADDING
					    : sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
	if (sodium_base642bin(out, n / 4 * 3 + 3, s, n, NULL, &len, NULL, variant) < 0)
		return NULL;
	out[len] = '\0';
	if (ret_n)
		*ret_n = len;
	return (char *)TAKE(out);
}
