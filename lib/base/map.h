/*
 * map.h - a hash table from strings to pointers that keeps insertion order.
 *
 * Keys are copied; values are borrowed unless `free_value` is given. Removing during map_each is
 * not allowed. Not thread-safe.
 */
#pragma once

#include "base/util.h"

struct map;

struct map *map_new(void (*free_value)(void *));
void map_free(struct map *m); /* NULL is fine; calls free_value on every value */
DEFINE_CLEANUP(struct map *, map_free)

void *map_get(const struct map *m, const char *key);      /* NULL when absent */
bool map_add(struct map *m, const char *key, void *value); /* false when the key was there */
void map_put(struct map *m, const char *key, void *value); /* replaces (and frees) an old value */
void *map_take(struct map *m, const char *key);            /* removes without freeing the value */
void map_remove(struct map *m, const char *key);
size_t map_len(const struct map *m);

/* Iterate in insertion order: for (size_t i = 0; map_each(m, &i, &key, &value);) */
bool map_each(const struct map *m, size_t *i, const char **ret_key, void *ret_value);
