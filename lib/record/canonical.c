/*
 * canonical.c - JSON with one spelling (RFC 8785), for the subset that records use.
 *
 * Fractions are left out because their canonical spelling is the hard part of the RFC; keys are
 * ASCII so that its order by UTF-16 units is the order of bytes.
 */
#include "record/record.h"

#include <inttypes.h>
#include <string.h>

#define INTEGER_END (INT64_C(1) << 53) /* beyond it a reader with doubles sees another number */

struct member {
	const char *key;
	const struct json *value;
};

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static void add_string(struct buf *out, const char *s)
{
	static const char named[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
		['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};

	(void)buf_addc(out, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < sizeof(named) && named[c])
			(void)buf_addf(out, "\\%c", named[c]);
		else if (c < 0x20)
			(void)buf_addf(out, "\\u%04x", c);
		else
			(void)buf_addc(out, (char)c);
	}
	(void)buf_addc(out, '"');
}

static int add_value(struct buf *out, const struct json *j, struct err *e);

static int add_array(struct buf *out, const struct json *j, struct err *e)
{
	int r = 0;

	(void)buf_addc(out, '[');
	for (size_t i = 0; i < json_len(j) && r == 0; i++) {
		if (i)
			(void)buf_addc(out, ',');
		r = add_value(out, json_at(j, i), e);
	}
	(void)buf_addc(out, ']');
	return r;
}

static bool ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s > 0x7f)
			return false;
	return true;
}

static int add_object(struct buf *out, const struct json *j, struct err *e)
{
	size_t n = json_len(j);
	_cleanup_free_ struct member *members = xcalloc(n + 1, sizeof(*members));
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		members[i] = (struct member){json_key(j, i), json_at(j, i)};
		if (!ascii(members[i].key))
			return err_set(e, ERR_PROTO,
				"a key is not ASCII: it has no canonical form here");
	}
	qsort(members, n, sizeof(*members), by_key);
	(void)buf_addc(out, '{');
	for (size_t i = 0; i < n && r == 0; i++) {
		if (i)
			(void)buf_addc(out, ',');
		add_string(out, members[i].key);
		(void)buf_addc(out, ':');
		r = add_value(out, members[i].value, e);
	}
	(void)buf_addc(out, '}');
	return r;
}

static int add_integer(struct buf *out, int64_t v, struct err *e)
{
	if (v <= -INTEGER_END || v >= INTEGER_END)
		return err_set(e, ERR_PROTO,
			"%" PRId64 " is too large: it has no canonical form here", v);
	(void)buf_addf(out, "%" PRId64, v);
	return 0;
}

static int add_value(struct buf *out, const struct json *j, struct err *e)
{
	switch (json_type(j)) {
	case JSON_ARRAY:
		return add_array(out, j, e);
	case JSON_OBJECT:
		return add_object(out, j, e);
	case JSON_INT:
		return add_integer(out, json_int(j, 0), e);
	case JSON_STRING:
		add_string(out, json_str(j));
		return 0;
	case JSON_BOOL:
		(void)buf_adds(out, json_bool(j, false) ? "true" : "false");
		return 0;
	case JSON_NULL:
		(void)buf_adds(out, "null");
		return 0;
	case JSON_DOUBLE:
		break;
	}
	return err_set(e, ERR_PROTO, "a number is not an integer: it has no canonical form here");
}

int record_canonical(const struct json *j, struct buf *out, struct err *e)
{
	int r = add_value(out, j, e);

	if (r == 0 && out->full)
		return err_set(
			e, ERR_LIMIT, "the canonical form is larger than %zu bytes", out->max);
	return r;
}
