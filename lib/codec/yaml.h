/*
 * yaml.h - YAML as a tree with positions, over libyaml's events.
 *
 * Limits: 256 KiB, depth 16, 20 000 nodes after alias expansion, 64 aliases, one document. Refused,
 * each with its reason: tags, merge keys, tabs as indent, duplicate keys (both positions named),
 * non-string keys, invalid UTF-8. Plain scalars follow the YAML 1.2 core schema.
 */
#pragma once

#include "base/buf.h"

enum yaml_type { YAML_NULL, YAML_SCALAR, YAML_SEQ, YAML_MAP };

struct yaml;

/* Where a problem is; line and col count from 1. */
struct yaml_pos {
	int line, col;
};

/* The first problem only. e->text has no position; pos has it. Errors: ERR_INVALID, ERR_LIMIT. */
int yaml_parse(struct yaml **ret, const char *text, size_t n, struct yaml_pos *pos, struct err *e);
void yaml_free(struct yaml *root);
DEFINE_CLEANUP(struct yaml *, yaml_free)

enum yaml_type yaml_type(const struct yaml *y); /* YAML_NULL for NULL */
struct yaml_pos yaml_pos(const struct yaml *y);
size_t yaml_len(const struct yaml *y);
const struct yaml *yaml_at(const struct yaml *y, size_t i);      /* element, or value of member i */
const char *yaml_key(const struct yaml *y, size_t i);            /* name of member i */
struct yaml_pos yaml_key_pos(const struct yaml *y, size_t i);
const struct yaml *yaml_get(const struct yaml *y, const char *key);
const char *yaml_str(const struct yaml *y);  /* text of any scalar; NULL otherwise; borrowed */
bool yaml_quoted(const struct yaml *y);      /* written in quotes or as a block: always a string */
bool yaml_is_int(const struct yaml *y, int64_t *ret);  /* plain and an integer of the core schema */
bool yaml_is_bool(const struct yaml *y, bool *ret);    /* plain true or false */

#define yaml_for_each(child, y)                                                                    \
	for (size_t yaml_i_ = 0; yaml_i_ < yaml_len(y) && ((child) = yaml_at((y), yaml_i_), true); yaml_i_++)
