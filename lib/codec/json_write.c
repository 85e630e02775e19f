/*
 * json_write.c - the writer.
 *
 * yajl_gen would do the same with a status to check after every call, an allocation for itself and
 * no way to replace broken text; this writer is smaller than the code that would wrap it.
 */
#include "codec/json.h"
#include "base/str.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>

static void write_string(struct buf *out, const char *s, size_t n)
{
	static const char short_form[256] = {['"'] = '"',
		['\\'] = '\\',
		['\b'] = 'b',
		['\f'] = 'f',
		['\n'] = 'n',
		['\r'] = 'r',
		['\t'] = 't'};
	size_t done = 0, len;

	(void)buf_addc(out, '"');
	for (size_t i = 0; i < n; i += len) {
		unsigned char c = (unsigned char)s[i];
		uint32_t cp;

		len = 1;
		if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\')
			continue;
		if (c >= 0x80 && (len = str_utf8_at(s + i, n - i, &cp)))
			continue;
		len = 1;
		(void)buf_add(out, s + done, i - done);
		done = i + 1;
		if (c >= 0x80)
			(void)buf_adds(out, "\xef\xbf\xbd"); /* U+FFFD */
		else if (short_form[c])
			(void)buf_add(out, (char[]){'\\', short_form[c]}, 2);
		else
			(void)buf_addf(out, "\\u%04x", c);
	}
	(void)buf_add(out, s + done, n - done);
	(void)buf_addc(out, '"');
}

/* The fewest digits that read back as v, with a '.' or an exponent, so that it stays a double. */
static void write_double(struct buf *out, double v)
{
	char text[40];

	if (!isfinite(v)) {
		(void)buf_adds(out, "null");
		return;
	}
	locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	locale_t before = uselocale(c);
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	uselocale(before);
	freelocale(c);
	(void)buf_adds(out, text);
	if (!strpbrk(text, ".e"))
		(void)buf_adds(out, ".0");
}

static void indent(struct json_writer *w, unsigned depth)
{
	if (!w->pretty)
		return;
	(void)buf_addc(w->out, '\n');
	for (unsigned i = 0; i < depth; i++)
		(void)buf_adds(w->out, "  ");
}

/* Comma, place and key of the next thing inside a container at `depth`. */
static void lead(struct json_writer *w, unsigned depth, bool first, const char *key)
{
	if (!first)
		(void)buf_addc(w->out, ',');
	indent(w, depth);
	if (!key)
		return;
	write_string(w->out, key, strlen(key));
	(void)buf_adds(w->out, w->pretty ? ": " : ":");
}

static void place(struct json_writer *w, const char *key)
{
	bool array = !w->depth || w->array[w->depth - 1];

	if (array != !key)
		abort(); /* a key in an array, or none in an object */
	if (!w->depth)
		return;
	lead(w, w->depth, w->first[w->depth - 1], key);
	w->first[w->depth - 1] = false;
}

static void open_container(struct json_writer *w, const char *key, bool array)
{
	place(w, key);
	if (w->depth == JSON_DEPTH_MAX)
		abort();
	w->first[w->depth] = true;
	w->array[w->depth++] = array;
	(void)buf_addc(w->out, array ? '[' : '{');
}

void json_begin(struct json_writer *w, struct buf *out, bool pretty)
{
	*w = (struct json_writer){.out = out, .pretty = pretty};
}

void json_object(struct json_writer *w, const char *key)
{
	open_container(w, key, false);
}

void json_array(struct json_writer *w, const char *key)
{
	open_container(w, key, true);
}

void json_end(struct json_writer *w)
{
	if (!w->depth)
		abort();
	w->depth--;
	if (!w->first[w->depth])
		indent(w, w->depth);
	(void)buf_addc(w->out, w->array[w->depth] ? ']' : '}');
}

void json_put_str(struct json_writer *w, const char *key, const char *v)
{
	if (v)
		json_put_strn(w, key, v, strlen(v));
	else
		json_put_null(w, key);
}

void json_put_strn(struct json_writer *w, const char *key, const char *v, size_t n)
{
	place(w, key);
	write_string(w->out, v, n);
}

void json_put_int(struct json_writer *w, const char *key, int64_t v)
{
	place(w, key);
	(void)buf_addf(w->out, "%" PRId64, v);
}

void json_put_double(struct json_writer *w, const char *key, double v)
{
	place(w, key);
	write_double(w->out, v);
}

void json_put_bool(struct json_writer *w, const char *key, bool v)
{
	place(w, key);
	(void)buf_adds(w->out, v ? "true" : "false");
}

void json_put_null(struct json_writer *w, const char *key)
{
	place(w, key);
	(void)buf_adds(w->out, "null");
}

/* --- trees --- */

static void write_tree(struct json_writer *w, const struct json *v, unsigned depth);

static void write_items(struct json_writer *w, const struct json *v, unsigned depth)
{
	bool array = json_type(v) == JSON_ARRAY;
	size_t n = json_len(v);

	(void)buf_addc(w->out, array ? '[' : '{');
	for (size_t i = 0; i < n; i++) {
		lead(w, depth + 1, i == 0, json_key(v, i));
		write_tree(w, json_at(v, i), depth + 1);
	}
	if (n)
		indent(w, depth);
	(void)buf_addc(w->out, array ? ']' : '}');
}

/* Recursive, because a tree from json_parse is at most 64 levels deep. */
static void write_tree(struct json_writer *w, const struct json *v, unsigned depth)
{
	switch (json_type(v)) {
	case JSON_NULL:
		(void)buf_adds(w->out, "null");
		break;
	case JSON_BOOL:
		(void)buf_adds(w->out, json_bool(v, false) ? "true" : "false");
		break;
	case JSON_INT:
		(void)buf_addf(w->out, "%" PRId64, json_int(v, 0));
		break;
	case JSON_DOUBLE:
		write_double(w->out, json_double(v, 0));
		break;
	case JSON_STRING:
		write_string(w->out, json_str(v), strlen(json_str(v)));
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		write_items(w, v, depth);
		break;
	}
}

void json_put(struct json_writer *w, const char *key, const struct json *v)
{
	place(w, key);
	write_tree(w, v, w->depth);
}

void json_put_strv(struct json_writer *w, const char *key, char *const *list)
{
	json_array(w, key);
	for (; list && *list; list++)
		json_put_str(w, NULL, *list);
	json_end(w);
}
