/*
 * json.c - the reader: yajl's events become a tree in one arena.
 *
 * yajl is lenient where it matters: it accepts overlong UTF-8 and lone surrogates, vertical tabs as
 * white space and an unfinished string behind the value, passes NULs on, saturates integers,
 * reports both of two equal keys, and has no depth limit. So the text is checked before yajl sees
 * it (check_text), numbers are parsed from their raw text, and depth, keys, the number of values
 * and what follows the value are watched here.
 *
 * Values are collected on one stack. When a container ends, its values move from the top of the
 * stack into the arena as one array: nodes are 24 bytes, children lie side by side, nothing is
 * recursive.
 *
 * yajl's own memory is bounded by the text (one state byte a level, one copy of the longest
 * string), so its allocator needs no budget; it aborts when memory runs out, because yajl 2.1 does
 * not check.
 */
#include "codec/json.h"
#include "base/map.h"
#include "base/str.h"
#include "codec/arena.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <yajl/yajl_parse.h>

/* Objects with more members than this look for equal keys in a map. */
#define SCAN_KEYS 16

struct json {
	const char *key; /* in an object */
	union {
		bool boolean;
		int64_t integer;
		double number;
		const char *string;
		const struct json *items;
	};
	uint32_t n; /* items */
	enum json_type type;
};

struct document {
	struct json root; /* first: the root is what the caller holds */
	struct arena arena;
};

struct frame {
	size_t base;      /* the container's first value on the stack */
	struct map *seen; /* its keys, once there are many */
};

struct parser {
	const char *text;
	size_t len;
	yajl_handle yajl;
	locale_t locale;
	struct document *doc;
	struct json *stack;
	size_t n, cap, nodes;
	struct frame frames[JSON_DEPTH_MAX];
	unsigned depth;
	const char *key; /* of the next value */
	bool at_end;     /* yajl was told so; it counts from 0 again */
	size_t end;      /* behind the top value */
	struct err err;  /* why a callback said stop */
};

static void document_free(struct document *d)
{
	arena_done(&d->arena);
	free(d);
}

void json_free(struct json *root)
{
	if (root)
		document_free(container_of(root, struct document, root));
}

/* --- the text before yajl sees it --- */

static int bad(const struct parser *p, size_t at, struct err *e, const char *what)
{
	size_t line = 1, start = 0;

	for (size_t i = 0; i < at && i < p->len; i++)
		if (p->text[i] == '\n') {
			line++;
			start = i + 1;
		}
	return err_set(
		e, ERR_PROTO, "bad JSON at line %zu, column %zu: %s", line, at - start + 1, what);
}

/* The value of the four hex digits at s, or -1. */
static int hex4(const char *s, size_t n)
{
	unsigned char b[2];
	char digits[5];

	if (n < 4)
		return -1;
	for (int i = 0; i < 4; i++)
		digits[i] = s[i] >= 'A' && s[i] <= 'F' ? (char)(s[i] - 'A' + 'a') : s[i];
	digits[4] = '\0';
	return hex_decode(digits, b, 2) < 0 ? -1 : b[0] << 8 | b[1];
}

/*
 * The escape at s ('\' and what follows): its length, 0 when it is NUL or half a surrogate pair.
 * Anything else that is wrong is left for yajl to say.
 */
static size_t escape_len(const char *s, size_t n)
{
	int v, low;

	if (n < 2 || s[1] != 'u')
		return MIN(n, (size_t)2);
	v = hex4(s + 2, n - 2);
	if (v < 0)
		return 2;
	if (v == 0 || (v >= 0xdc00 && v <= 0xdfff))
		return 0;
	if (v < 0xd800 || v > 0xdbff)
		return 6;
	low = n >= 8 && s[6] == '\\' && s[7] == 'u' ? hex4(s + 8, n - 8) : -1;
	return low >= 0xdc00 && low <= 0xdfff ? 12 : 0;
}

/* Does any of 8 bytes need a look: a backslash or the first bit set? */
static bool plain8(const char *s)
{
	const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
	uint64_t v, slash;

	memcpy(&v, s, 8);
	slash = v ^ ('\\' * ones);
	return !((v | ((slash - ones) & ~slash)) & tops);
}

/* A backslash is legal inside strings only, so no tokens are needed to find escapes. */
static int check_text(const struct parser *p, struct err *e)
{
	const char *s = p->text, *space;
	size_t n = p->len, len;
	uint32_t cp;

	if ((space = memchr(s, '\v', n)) || (space = memchr(s, '\f', n)))
		return bad(p, (size_t)(space - s), e, "a control character");
	for (size_t i = 0; i < n; i += len) {
		if (n - i >= 8 && plain8(s + i)) {
			len = 8;
		} else if (s[i] == '\\') {
			len = escape_len(s + i, n - i);
			if (!len)
				return bad(p, i, e, "a NUL or half a surrogate pair in a string");
		} else {
			len = str_utf8_at(s + i, n - i, &cp);
			if (!len)
				return bad(p, i, e, "not valid UTF-8");
		}
	}
	return 0;
}

/* --- yajl's events --- */

enum { STOP = 0, GO_ON = 1 };

static size_t consumed(const struct parser *p)
{
	return p->at_end ? p->len : yajl_get_bytes_consumed(p->yajl);
}

/* Put a value on the stack; NULL when there are too many. */
static struct json *push(struct parser *p, enum json_type type)
{
	if (++p->nodes > JSON_NODES_MAX) {
		err_set(&p->err, ERR_LIMIT, "the JSON has more than %d values", JSON_NODES_MAX);
		return NULL;
	}
	ARRAY_GROW(p->stack, p->n, p->cap);
	struct json *j = &p->stack[p->n++];

	*j = (struct json){.key = TAKE(p->key), .type = type};
	if (!p->depth)
		p->end = consumed(p);
	return j;
}

static int on_null(void *ctx)
{
	return push(ctx, JSON_NULL) ? GO_ON : STOP;
}

static int on_boolean(void *ctx, int v)
{
	struct json *j = push(ctx, JSON_BOOL);

	if (!j)
		return STOP;
	j->boolean = v;
	return GO_ON;
}

static bool whole(const char *text)
{
	return !text[strcspn(text, ".eE")];
}

static int on_number(void *ctx, const char *s, size_t n)
{
	struct parser *p = ctx;
	struct json *j = push(p, JSON_INT);
	char text[128];

	if (!j)
		return STOP;
	if (n >= sizeof(text)) {
		bad(p, consumed(p), &p->err, "the number that ends here is too long");
		return STOP;
	}
	memcpy(text, s, n);
	text[n] = '\0';
	if (whole(text) && str_int(text, INT64_MIN, INT64_MAX, &j->integer, NULL) == 0)
		return GO_ON;
	j->type = JSON_DOUBLE;
	j->number = strtod_l(text, NULL, p->locale);
	if (isfinite(j->number))
		return GO_ON;
	bad(p, consumed(p), &p->err, "the number that ends here is too large");
	return STOP;
}

static int on_string(void *ctx, const unsigned char *s, size_t n)
{
	struct parser *p = ctx;
	struct json *j = push(p, JSON_STRING);

	if (!j)
		return STOP;
	j->string = arena_str(&p->doc->arena, s, n);
	return GO_ON;
}

static int open_container(struct parser *p, enum json_type type)
{
	if (p->depth == JSON_DEPTH_MAX) {
		err_set(&p->err, ERR_LIMIT, "the JSON is nested more than %d levels deep",
			JSON_DEPTH_MAX);
		return STOP;
	}
	if (!push(p, type))
		return STOP;
	p->frames[p->depth++] = (struct frame){.base = p->n};
	return GO_ON;
}

static int on_start_map(void *ctx)
{
	return open_container(ctx, JSON_OBJECT);
}

static int on_start_array(void *ctx)
{
	return open_container(ctx, JSON_ARRAY);
}

static int on_end(void *ctx)
{
	struct parser *p = ctx;
	struct frame *f = &p->frames[--p->depth];
	struct json *j = &p->stack[f->base - 1];
	size_t n = p->n - f->base, size = n * sizeof(*j);

	map_free(TAKE(f->seen));
	if (n) {
		j->items = memcpy(arena_take(&p->doc->arena, size), &p->stack[f->base], size);
		j->n = (uint32_t)n;
		p->n = f->base;
	}
	if (!p->depth)
		p->end = consumed(p);
	return GO_ON;
}

/* Is this the innermost object's first key of this name? */
static bool new_key(struct parser *p, const char *key)
{
	struct frame *f = &p->frames[p->depth - 1];
	const struct json *items = p->stack + f->base;
	size_t n = p->n - f->base;

	if (n < SCAN_KEYS) {
		for (size_t i = 0; i < n; i++)
			if (streq(items[i].key, key))
				return false;
		return true;
	}
	if (!f->seen) {
		f->seen = map_new(NULL);
		for (size_t i = 0; i < n; i++)
			(void)map_add(f->seen, items[i].key, NULL); /* known to differ */
	}
	return map_add(f->seen, key, NULL);
}

static int on_key(void *ctx, const unsigned char *s, size_t n)
{
	struct parser *p = ctx;
	/* far outside the text when yajl had to decode escapes */
	uintptr_t at = (uintptr_t)s - (uintptr_t)p->text;
	char what[240];

	p->key = arena_str(&p->doc->arena, s, n);
	if (new_key(p, p->key))
		return GO_ON;
	_cleanup_free_ char *name = str_visible(p->key, MIN(n, (size_t)40), false);
	(void)snprintf(what, sizeof(what), "duplicate key '%s'", name);
	bad(p, at < p->len ? at - 1 : consumed(p) - 1, &p->err, what);
	return STOP;
}

static const yajl_callbacks events = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_key,
	.yajl_end_map = on_end,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end,
};

/* --- parsing --- */

static void *yajl_take(void *ctx, size_t n)
{
	return xmalloc(n);
}

static void *yajl_grow(void *ctx, void *p, size_t n)
{
	return xrealloc(p, n);
}

static void yajl_give(void *ctx, void *p)
{
	free(p);
}

/* "parse error: premature EOF\n" -> bad JSON at line 1, column 9: premature EOF */
static int syntax_error(struct parser *p, struct err *e)
{
	unsigned char *said = yajl_get_error(p->yajl, 0, NULL, 0);
	char *text = (char *)said, *colon = strstr(text, ": ");

	text[strcspn(text, "\n")] = '\0';
	(void)bad(p, consumed(p), e, colon ? colon + 2 : text);
	yajl_free_error(p->yajl, said);
	return ERR_PROTO;
}

static size_t white_len(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && (s[i] == ' ' || s[i] == '\t' || s[i] == '\r' || s[i] == '\n'))
		i++;
	return i;
}

static int run(struct parser *p, struct err *e)
{
	yajl_status status = yajl_parse(p->yajl, (const unsigned char *)p->text, p->len);

	if (status == yajl_status_ok) {
		p->at_end = true;
		status = yajl_complete_parse(p->yajl);
	}
	if (status == yajl_status_client_canceled)
		return err_copy(e, &p->err);
	if (status != yajl_status_ok)
		return syntax_error(p, e);
	size_t end = p->end + white_len(p->text + p->end, p->len - p->end);
	return end < p->len ? bad(p, end, e, "more text behind the value") : 0;
}

int json_parse(struct json **ret, const char *text, size_t n, struct err *e)
{
	struct parser p = {.text = n ? text : "", .len = n};
	yajl_alloc_funcs memory = {yajl_take, yajl_grow, yajl_give, NULL};
	int r;

	if (n > JSON_TEXT_MAX)
		return err_set(e, ERR_LIMIT, "the JSON is larger than %d MiB", JSON_TEXT_MAX >> 20);
	r = check_text(&p, e);
	if (r < 0)
		return r;
	p.locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* glibc hands out a constant */
	p.doc = NEW(struct document);
	p.yajl = yajl_alloc(&events, &memory, &p);
	yajl_config(p.yajl, yajl_dont_validate_strings, 1); /* check_text did, better */
	r = run(&p, e);
	yajl_free(p.yajl);
	freelocale(p.locale);
	while (p.depth)
		map_free(p.frames[--p.depth].seen);
	if (r < 0) {
		document_free(p.doc);
	} else {
		p.doc->root = p.stack[0];
		*ret = &p.doc->root;
	}
	free(p.stack);
	return r;
}

/* --- getters --- */

enum json_type json_type(const struct json *j)
{
	return j ? j->type : JSON_NULL;
}

size_t json_len(const struct json *j)
{
	return j && j->type >= JSON_ARRAY ? j->n : 0;
}

const struct json *json_at(const struct json *j, size_t i)
{
	return i < json_len(j) ? &j->items[i] : NULL;
}

const char *json_key(const struct json *j, size_t i)
{
	return i < json_len(j) ? j->items[i].key : NULL;
}

/* The member whose name is the n bytes at key. */
static const struct json *member(const struct json *j, const char *key, size_t n)
{
	if (json_type(j) != JSON_OBJECT)
		return NULL;
	for (size_t i = 0; i < j->n; i++) /* an empty object has no items to point into */
		if (strncmp(j->items[i].key, key, n) == 0 && !j->items[i].key[n])
			return &j->items[i];
	return NULL;
}

const struct json *json_get(const struct json *j, const char *key)
{
	return member(j, key, strlen(key));
}

const struct json *json_path(const struct json *j, const char *path)
{
	for (;; path++) {
		size_t n = strcspn(path, ".");

		j = member(j, path, n);
		path += n;
		if (!j || !*path)
			return j;
	}
}

const char *json_str(const struct json *j)
{
	return json_str_or(j, NULL);
}

const char *json_str_or(const struct json *j, const char *otherwise)
{
	return json_type(j) == JSON_STRING ? j->string : otherwise;
}

int64_t json_int(const struct json *j, int64_t otherwise)
{
	return json_type(j) == JSON_INT ? j->integer : otherwise;
}

double json_double(const struct json *j, double otherwise)
{
	if (json_type(j) == JSON_INT)
		return (double)j->integer;
	return json_type(j) == JSON_DOUBLE ? j->number : otherwise;
}

bool json_bool(const struct json *j, bool otherwise)
{
	return json_type(j) == JSON_BOOL ? j->boolean : otherwise;
}
