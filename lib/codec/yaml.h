/*
 * yaml.h - YAML as a tree with positions, over libyaml's events.
 *
 * Limits: 256 KiB, depth 16, 20 000 nodes (keys count) after alias expansion, 64 aliases, one
 * document. Refused, each with its reason: tags, merge keys, tabs as indent, duplicate keys (both
 * positions named), keys that are not text, invalid UTF-8, NUL in text. Plain scalars follow the
 * YAML 1.2 core schema. Pure functions; a tree may be read from several threads.
 */
#pragma once

#include "base/buf.h"

enum yaml_type { YAML_NULL, YAML_SCALAR, YAML_SEQ, YAML_MAP };

enum {
	YAML_TEXT_MAX = 256 << 10,
	YAML_DEPTH_MAX = 16,
	YAML_NODES_MAX = 20000,
	YAML_ALIASES_MAX = 64,
};

struct yaml; /* a node; owned by its document's root */

/* Where a problem is; line and col (in characters) count from 1. */
struct yaml_pos {
	int line, col;
};

/*
 * Parse one document; an empty text is a null. Only the first problem is reported: e->text has no
 * position, *pos (unless NULL) has it.
 * Errors: ERR_INVALID (syntax or something refused), ERR_LIMIT.
 */
int yaml_parse(struct yaml **ret, const char *text, size_t n, struct yaml_pos *pos,
	struct err *e) must_check;
void yaml_free(struct yaml *root); /* NULL is fine; only for the root */
DEFINE_CLEANUP(struct yaml *, yaml_free)

/* Every getter takes NULL and nodes of another type. A null is: nothing, ~, null, Null or NULL. */
enum yaml_type yaml_type(const struct yaml *y); /* YAML_NULL for NULL */
struct yaml_pos yaml_pos(const struct yaml *y); /* of an alias: where the alias stands */
size_t yaml_len(const struct yaml *y);
const struct yaml *yaml_at(const struct yaml *y, size_t i); /* element, or value of member i */
const char *yaml_key(const struct yaml *y, size_t i);       /* name of member i */
struct yaml_pos yaml_key_pos(const struct yaml *y, size_t i);
const struct yaml *yaml_get(const struct yaml *y, const char *key);
const char *yaml_str(const struct yaml *y); /* text of any scalar but null; borrowed */
bool yaml_quoted(const struct yaml *y);     /* written in quotes or as a block: always a string */

/*
 * Plain and an integer of the core schema (42, -1, 0o17, 0x1f) that fits. Decimals with a leading
 * zero (0755) are none: other readers take them for octal.
 */
bool yaml_is_int(const struct yaml *y, int64_t *ret);
bool yaml_is_bool(const struct yaml *y, bool *ret); /* plain true or false (also True, TRUE) */

#define yaml_for_each(child, y)                                                                    \
	for (size_t yaml_i_ = 0; yaml_i_ < yaml_len(y) && ((child) = yaml_at((y), yaml_i_), true); \
		yaml_i_++)
