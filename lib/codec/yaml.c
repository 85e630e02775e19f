/*
 * yaml.c - libyaml's events become a tree with positions.
 *
 * libyaml's own document loader keeps duplicate keys silently and needs 18 s for 100 000 brackets;
 * its events need neither. The scanner runs at most 1024 characters ahead of the events (it looks
 * for the ':' of a key), so stopping at depth 16 stops it too.
 *
 * Values are collected on one stack; when a sequence or mapping ends, its values move into the
 * arena as one array. An alias is a copy of the anchored node that shares its children: expansion
 * costs nothing, and is counted by the weight (nodes) and height that each node knows of itself.
 */
#include "codec/yaml.h"
#include "base/map.h"
#include "base/str.h"
#include "codec/arena.h"

#include <errno.h>
#include <yaml.h>

struct yaml {
	const char *key; /* in a mapping */
	struct yaml_pos key_pos, pos;
	union {
		const char *text;
		const struct yaml *items;
	};
	uint32_t n;      /* items */
	uint32_t weight; /* nodes in it, itself and keys included */
	uint8_t type;    /* enum yaml_type */
	uint8_t height;  /* levels of collections, itself included */
	bool quoted;
};

struct document {
	struct yaml root; /* first: the root is what the caller holds */
	struct arena arena;
};

struct anchor {
	const char *name;
	struct yaml node;
};

struct frame {
	size_t base;      /* the collection's first value on the stack */
	struct map *keys; /* of a mapping: name -> struct yaml_pos in the arena; else NULL */
	const char *key;  /* read, its value is next */
	struct yaml_pos key_pos;
	const char *anchor; /* name, or NULL */
};

struct parser {
	yaml_parser_t yaml;
	const char *text;
	size_t len;
	struct document *doc;
	struct yaml *stack;
	size_t n, cap, nodes;
	struct anchor *anchors;
	size_t n_anchors, cap_anchors, aliases;
	struct frame frames[YAML_DEPTH_MAX];
	unsigned depth;
	unsigned documents;
	struct yaml_pos pos; /* of the problem */
	struct err *e;
};

void yaml_free(struct yaml *root)
{
	if (!root)
		return;
	struct document *d = container_of(root, struct document, root);

	arena_done(&d->arena);
	free(d);
}

/* --- problems --- */

static struct yaml_pos pos_of(yaml_mark_t m)
{
	return (struct yaml_pos){(int)m.line + 1, (int)m.column + 1};
}

#define problem(p, at, code, ...) ((p)->pos = (at), err_set((p)->e, (code), __VA_ARGS__))

/* The position of byte `offset`. */
static struct yaml_pos pos_at(const struct parser *p, size_t offset)
{
	struct yaml_pos pos = {1, 1};

	for (size_t i = 0; i < offset && i < p->len; i++) {
		if (p->text[i] == '\n')
			pos = (struct yaml_pos){pos.line + 1, 1};
		else if ((p->text[i] & 0xc0) != 0x80)
			pos.col++;
	}
	return pos;
}

/* The byte that libyaml stumbled over: its marks count characters. */
static char byte_at(const struct parser *p, yaml_mark_t m)
{
	size_t seen = 0;

	for (size_t i = 0; i < p->len; i++)
		if ((p->text[i] & 0xc0) != 0x80 && seen++ == m.index)
			return p->text[i];
	return '\0';
}

static int syntax_error(struct parser *p)
{
	const yaml_parser_t *y = &p->yaml;
	struct yaml_pos pos = pos_of(y->problem_mark);

	if (y->error == YAML_MEMORY_ERROR)
		abort();
	if (y->error == YAML_READER_ERROR)
		return problem(p, pos_at(p, y->problem_offset), ERR_INVALID, "%s", y->problem);
	if (y->error == YAML_SCANNER_ERROR && byte_at(p, y->problem_mark) == '\t')
		return problem(p, pos, ERR_INVALID, "a tab cannot indent: use spaces");
	if (!y->context)
		return problem(p, pos, ERR_INVALID, "%s", y->problem);
	return problem(p, pos, ERR_INVALID, "%s %s that began at line %zu", y->problem, y->context,
		y->context_mark.line + 1);
}

/* --- plain scalars of the core schema --- */

static bool one_of(const char *s, const char *const *words)
{
	for (; *words; words++)
		if (streq(s, *words))
			return true;
	return false;
}

static bool is_null(const char *s)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};

	return one_of(s, words);
}

static bool to_bool(const char *s, bool *ret)
{
	static const char *const yes[] = {"true", "True", "TRUE", NULL};
	static const char *const no[] = {"false", "False", "FALSE", NULL};

	if (!one_of(s, yes) && !one_of(s, no))
		return false;
	*ret = one_of(s, yes);
	return true;
}

static bool all_of(const char *s, const char *set)
{
	return *s && !s[strspn(s, set)];
}

static bool to_int(const char *s, int64_t *ret)
{
	const char *digits = s + (*s == '-' || *s == '+');
	int base = 10;

	if (str_starts(s, "0o") && all_of(s + 2, "01234567")) {
		digits = s += 2;
		base = 8;
	} else if (str_starts(s, "0x") && all_of(s + 2, "0123456789abcdefABCDEF")) {
		digits = s += 2;
		base = 16;
	} else if (!all_of(digits, "0123456789") || (digits[0] == '0' && digits[1])) {
		return false;
	}
	errno = 0;
	long long v = strtoll(s, NULL, base);
	if (errno)
		return false;
	*ret = v;
	return true;
}

/* Would a reader of the core schema take this for a number? */
static bool is_number(const char *s)
{
	static const char digits[] = "0123456789";
	static const char *const words[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", NULL};
	size_t whole, part = 0;

	if (str_starts(s, "0o") && all_of(s + 2, "01234567"))
		return true;
	if (str_starts(s, "0x") && all_of(s + 2, "0123456789abcdefABCDEF"))
		return true;
	s += *s == '-' || *s == '+';
	if (one_of(s, words))
		return true;
	s += whole = strspn(s, digits);
	if (*s == '.')
		s += 1 + (part = strspn(s + 1, digits));
	if (!whole && !part)
		return false;
	if (*s == 'e' || *s == 'E') {
		s += 1 + (s[1] == '-' || s[1] == '+');
		return all_of(s, digits);
	}
	return !*s;
}

/* --- building --- */

static int count(struct parser *p, struct yaml_pos at, size_t weight)
{
	p->nodes += weight;
	if (p->nodes > YAML_NODES_MAX)
		return problem(p, at, ERR_LIMIT, "more than %d values and keys", YAML_NODES_MAX);
	return 0;
}

static void anchor_add(struct parser *p, const char *name, const struct yaml *node)
{
	ARRAY_GROW(p->anchors, p->n_anchors, p->cap_anchors);
	p->anchors[p->n_anchors++] = (struct anchor){name, *node};
}

/* Put a value where it belongs: behind the key that was read, or into the sequence. */
static void place(struct parser *p, struct yaml node)
{
	struct frame *f = p->depth ? &p->frames[p->depth - 1] : NULL;

	node.key = f ? f->key : NULL;
	if (node.key) {
		node.key_pos = f->key_pos;
		f->key = NULL;
	}
	ARRAY_GROW(p->stack, p->n, p->cap);
	p->stack[p->n++] = node;
}

/* A key stands at this place. */
static bool wants_key(const struct parser *p)
{
	return p->depth && p->frames[p->depth - 1].keys && !p->frames[p->depth - 1].key;
}

static int take_key(struct parser *p, const struct yaml *node)
{
	struct frame *f = &p->frames[p->depth - 1];
	const char *name = node->text;
	_cleanup_free_ char *shown = str_visible(name, MIN(strlen(name), (size_t)60), false);
	struct yaml_pos *first, *at;
	bool b;

	if (!node->quoted && streq(name, "<<"))
		return problem(p, node->pos, ERR_INVALID,
			"merge keys ('<<') are not allowed: write the keys out");
	if (!node->quoted && (is_null(name) || to_bool(name, &b) || is_number(name)))
		return problem(
			p, node->pos, ERR_INVALID, "the key '%s' is not text: quote it", shown);
	first = map_get(f->keys, name);
	if (first)
		return problem(p, node->pos, ERR_INVALID,
			"duplicate key '%s', first at line %d, column %d", shown, first->line,
			first->col);
	at = arena_take(&p->doc->arena, sizeof(*at));
	*at = node->pos;
	map_put(f->keys, name, at);
	f->key = name;
	f->key_pos = node->pos;
	return 0;
}

static int on_scalar(struct parser *p, const yaml_event_t *ev)
{
	const char *s = (const char *)ev->data.scalar.value;
	size_t n = ev->data.scalar.length;
	struct yaml node = {.pos = pos_of(ev->start_mark), .weight = 1, .type = YAML_SCALAR};

	if (memchr(s, '\0', n))
		return problem(p, node.pos, ERR_INVALID, "the text contains a NUL character");
	node.text = arena_str(&p->doc->arena, s, n);
	node.quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (!node.quoted && is_null(node.text))
		node.type = YAML_NULL;
	if (count(p, node.pos, 1) < 0)
		return ERR_LIMIT;
	if (ev->data.scalar.anchor)
		anchor_add(p,
			arena_str(&p->doc->arena, ev->data.scalar.anchor,
				strlen((const char *)ev->data.scalar.anchor)),
			&node);
	if (wants_key(p))
		return take_key(p, &node);
	place(p, node);
	return 0;
}

static int open_collection(struct parser *p, const yaml_event_t *ev, const yaml_char_t *anchor)
{
	bool map = ev->type == YAML_MAPPING_START_EVENT;
	struct yaml node = {.pos = pos_of(ev->start_mark), .type = map ? YAML_MAP : YAML_SEQ};

	if (wants_key(p))
		return problem(
			p, node.pos, ERR_INVALID, "a key must be text, not a list or mapping");
	if (p->depth == YAML_DEPTH_MAX)
		return problem(p, node.pos, ERR_LIMIT, "more than %d levels deep", YAML_DEPTH_MAX);
	if (count(p, node.pos, 1) < 0)
		return ERR_LIMIT;
	place(p, node);
	p->frames[p->depth++] = (struct frame){.base = p->n, .keys = map ? map_new(NULL) : NULL};
	if (anchor)
		p->frames[p->depth - 1].anchor =
			arena_str(&p->doc->arena, anchor, strlen((const char *)anchor));
	return 0;
}

static int close_collection(struct parser *p)
{
	struct frame *f = &p->frames[--p->depth];
	struct yaml *node = &p->stack[f->base - 1];
	size_t n = p->n - f->base, size = n * sizeof(*node);

	map_free(TAKE(f->keys));
	node->weight = 1;
	node->height = 1;
	for (size_t i = f->base; i < p->n; i++) {
		node->weight += p->stack[i].weight + (p->stack[i].key != NULL);
		node->height = (uint8_t)MAX(node->height, p->stack[i].height + 1);
	}
	if (n) {
		node->items = memcpy(arena_take(&p->doc->arena, size), &p->stack[f->base], size);
		node->n = (uint32_t)n;
		p->n = f->base;
	}
	if (f->anchor)
		anchor_add(p, f->anchor, node);
	return 0;
}

static const struct yaml *anchored(const struct parser *p, const char *name)
{
	for (size_t i = p->n_anchors; i-- > 0;)
		if (streq(p->anchors[i].name, name))
			return &p->anchors[i].node;
	return NULL;
}

static int on_alias(struct parser *p, const yaml_event_t *ev)
{
	const char *name = (const char *)ev->data.alias.anchor;
	struct yaml_pos at = pos_of(ev->start_mark);
	const struct yaml *target = anchored(p, name);

	if (++p->aliases > YAML_ALIASES_MAX)
		return problem(p, at, ERR_LIMIT, "more than %d aliases", YAML_ALIASES_MAX);
	for (unsigned i = 0; i < p->depth; i++)
		if (str_same(p->frames[i].anchor, name))
			return problem(
				p, at, ERR_INVALID, "the alias '*%.60s' contains itself", name);
	if (!target)
		return problem(p, at, ERR_INVALID, "no anchor '&%.60s' stands before it", name);
	if (wants_key(p))
		return problem(p, at, ERR_INVALID, "a key must be text, not an alias");
	if (p->depth + target->height > YAML_DEPTH_MAX)
		return problem(p, at, ERR_LIMIT, "more than %d levels deep", YAML_DEPTH_MAX);
	if (count(p, at, target->weight) < 0)
		return ERR_LIMIT;
	struct yaml node = *target;

	node.pos = at;
	place(p, node);
	return 0;
}

static int on_document(struct parser *p, const yaml_event_t *ev)
{
	struct yaml_pos at = pos_of(ev->start_mark);

	if (++p->documents > 1)
		return problem(p, at, ERR_INVALID, "a second document begins: only one is allowed");
	if (ev->data.document_start.tag_directives.start !=
		ev->data.document_start.tag_directives.end)
		return problem(p, at, ERR_INVALID, "tags are not allowed");
	return 0;
}

static const yaml_char_t *tag_of(const yaml_event_t *ev)
{
	return ev->type == YAML_SCALAR_EVENT           ? ev->data.scalar.tag
	       : ev->type == YAML_SEQUENCE_START_EVENT ? ev->data.sequence_start.tag
	       : ev->type == YAML_MAPPING_START_EVENT  ? ev->data.mapping_start.tag
						       : NULL;
}

static int on_event(struct parser *p, const yaml_event_t *ev)
{
	if (tag_of(ev))
		return problem(p, pos_of(ev->start_mark), ERR_INVALID, "tags are not allowed");
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		return on_document(p, ev);
	case YAML_SCALAR_EVENT:
		return on_scalar(p, ev);
	case YAML_ALIAS_EVENT:
		return on_alias(p, ev);
	case YAML_SEQUENCE_START_EVENT:
		return open_collection(p, ev, ev->data.sequence_start.anchor);
	case YAML_MAPPING_START_EVENT:
		return open_collection(p, ev, ev->data.mapping_start.anchor);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_collection(p);
	default:
		return 0;
	}
}

/* --- parsing --- */

static int run(struct parser *p)
{
	for (;;) {
		yaml_event_t ev;

		if (!yaml_parser_parse(&p->yaml, &ev))
			return syntax_error(p);
		bool end = ev.type == YAML_STREAM_END_EVENT;
		int r = on_event(p, &ev);

		yaml_event_delete(&ev);
		if (r < 0 || end)
			return r;
	}
}

static int check_text(struct parser *p)
{
	uint32_t cp;

	if (p->len > YAML_TEXT_MAX)
		return problem(
			p, pos_at(p, 0), ERR_LIMIT, "larger than %d KiB", YAML_TEXT_MAX >> 10);
	for (size_t i = 0, len; i < p->len; i += len) {
		len = str_utf8_at(p->text + i, p->len - i, &cp);
		if (!len)
			return problem(p, pos_at(p, i), ERR_INVALID, "not valid UTF-8");
	}
	return 0;
}

static int build(struct parser *p)
{
	if (!yaml_parser_initialize(&p->yaml))
		abort(); /* no memory */
	yaml_parser_set_encoding(&p->yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p->yaml, (const unsigned char *)p->text, p->len);
	int r = run(p);

	yaml_parser_delete(&p->yaml);
	while (p->depth)
		map_free(p->frames[--p->depth].keys);
	if (r == 0)
		p->doc->root = p->n ? p->stack[0] : (struct yaml){.pos = {1, 1}, .weight = 1};
	free(p->stack);
	free(p->anchors);
	return r;
}

int yaml_parse(struct yaml **ret, const char *text, size_t n, struct yaml_pos *pos, struct err *e)
{
	struct parser p = {.text = n ? text : "", .len = n, .e = e};
	int r = check_text(&p);

	if (r == 0) {
		p.doc = NEW(struct document);
		r = build(&p);
	}
	if (r < 0 && p.doc)
		yaml_free(&p.doc->root);
	if (r < 0 && pos)
		*pos = p.pos;
	if (r == 0)
		*ret = &p.doc->root;
	return r;
}

/* --- getters --- */

enum yaml_type yaml_type(const struct yaml *y)
{
	return y ? y->type : YAML_NULL;
}

struct yaml_pos yaml_pos(const struct yaml *y)
{
	return y ? y->pos : (struct yaml_pos){0, 0};
}

size_t yaml_len(const struct yaml *y)
{
	return y ? y->n : 0;
}

const struct yaml *yaml_at(const struct yaml *y, size_t i)
{
	return i < yaml_len(y) ? &y->items[i] : NULL;
}

const char *yaml_key(const struct yaml *y, size_t i)
{
	return i < yaml_len(y) ? y->items[i].key : NULL;
}

struct yaml_pos yaml_key_pos(const struct yaml *y, size_t i)
{
	return i < yaml_len(y) ? y->items[i].key_pos : (struct yaml_pos){0, 0};
}

const struct yaml *yaml_get(const struct yaml *y, const char *key)
{
	if (yaml_type(y) != YAML_MAP)
		return NULL;
	for (size_t i = 0; i < y->n; i++)
		if (streq(y->items[i].key, key))
			return &y->items[i];
	return NULL;
}

const char *yaml_str(const struct yaml *y)
{
	return yaml_type(y) == YAML_SCALAR ? y->text : NULL;
}

bool yaml_quoted(const struct yaml *y)
{
	return y && y->quoted;
}

bool yaml_is_int(const struct yaml *y, int64_t *ret)
{
	return yaml_type(y) == YAML_SCALAR && !y->quoted && to_int(y->text, ret);
}

bool yaml_is_bool(const struct yaml *y, bool *ret)
{
	return yaml_type(y) == YAML_SCALAR && !y->quoted && to_bool(y->text, ret);
}
