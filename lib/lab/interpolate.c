/* interpolate.c - Compose's interpolation of one value. */
#include "lab/interpolate.h"
#include "base/str.h"

#include <ctype.h>

static size_t name_len(const char *s)
{
	size_t n = 0;

	if (isalpha((unsigned char)s[0]) || s[0] == '_')
		while (isalnum((unsigned char)s[n]) || s[n] == '_')
			n++;
	return n;
}

static int malformed(const char *at, struct err *e)
{
	return err_set(e, ERR_INVALID,
		"'%.40s' is not one of ${X}, ${X:-default}, ${X:?text}; write $$ for a dollar sign",
		at);
}

/* s is behind "${"; *ret_end is set behind "}". */
static int braced(
	const char *s, const struct interpolation *to, const char **ret_end, struct err *e)
{
	size_t n = name_len(s);
	const char *end = strchr(s, '}');

	if (!n || !end || memchr(s, '$', (size_t)(end - s)))
		return malformed(s - 2, e);
	_cleanup_free_ char *name = xstrndup(s, n);
	_cleanup_free_ char *fallback = NULL;
	if (s[n] == ':' && s[n + 1] == '-')
		fallback = xstrndup(s + n + 2, (size_t)(end - (s + n + 2)));
	else if (s + n != end && !(s[n] == ':' && s[n + 1] == '?'))
		return malformed(s - 2, e);
	*ret_end = end + 1;
	return to->var(to->arg, name, fallback);
}

/* s is behind "$". */
static int expression(
	const char *s, const struct interpolation *to, const char **ret_end, struct err *e)
{
	size_t n = name_len(s);

	if (*s == '{')
		return braced(s + 1, to, ret_end, e);
	if (*s == '$') {
		*ret_end = s + 1;
		return to->text ? to->text(to->arg, "$", 1) : 0;
	}
	if (!n)
		return malformed(s - 1, e);
	_cleanup_free_ char *name = xstrndup(s, n);
	*ret_end = s + n;
	return to->var(to->arg, name, NULL);
}

int interpolation_scan(const char *value, const struct interpolation *to, struct err *e)
{
	for (const char *s = value; *s;) {
		size_t n = strcspn(s, "$");
		int r = n && to->text ? to->text(to->arg, s, n) : 0;

		s += n;
		if (r == 0 && *s)
			r = expression(s + 1, to, &s, e);
		if (r < 0)
			return r;
	}
	return 0;
}
