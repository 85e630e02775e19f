/*
 * map.c - open addressing over an ordered array of entries.
 *
 * Entries stay in insertion order (removed ones leave a hole with key NULL until the next
 * rebuild); slots hold entry index + 1. The hash is keyed per process, so that strangers who
 * choose keys cannot choose collisions.
 */
#include "base/map.h"
#include "base/id.h"
#include "base/str.h"

struct entry {
	char *key;
	void *value;
	uint64_t hash;
};

struct map {
	void (*free_value)(void *);
	struct entry *entries;
	size_t n, cap; /* entries used, holes included */
	size_t live;
	uint32_t *slots;
	size_t nslots; /* power of two */
};

/* Drawn once per process; two threads may draw at once, and the first one wins. */
static uint64_t hash_seed(void)
{
	static uint64_t kept;
	uint64_t seed = __atomic_load_n(&kept, __ATOMIC_RELAXED), none = 0;

	if (seed)
		return seed;
	random_bytes(&seed, sizeof(seed));
	seed |= 1;
	if (!__atomic_compare_exchange_n(
		    &kept, &none, seed, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		seed = none;
	return seed;
}

static uint64_t hash_of(const char *s)
{
	uint64_t h = hash_seed() ^ 14695981039346656037u;

	for (; *s; s++) {
		h ^= (unsigned char)*s;
		h *= 1099511628211u;
		h ^= h >> 29;
	}
	return h;
}

struct map *map_new(void (*free_value)(void *))
{
	struct map *m = NEW(struct map);

	m->free_value = free_value;
	return m;
}

void map_free(struct map *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++) {
		if (m->entries[i].key && m->free_value)
			m->free_value(m->entries[i].value);
		free(m->entries[i].key);
	}
	free(m->entries);
	free(m->slots);
	free(m);
}

static void place(struct map *m, size_t i)
{
	size_t at = m->entries[i].hash & (m->nslots - 1);

	while (m->slots[at])
		at = (at + 1) & (m->nslots - 1);
	m->slots[at] = (uint32_t)i + 1;
}

/* Drop the holes and make room for one more. */
static void rebuild(struct map *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		if (m->entries[i].key)
			m->entries[n++] = m->entries[i];
	m->n = n;
	m->nslots = 8;
	while (m->nslots < 2 * (n + 1) + 2)
		m->nslots *= 2;
	free(m->slots);
	m->slots = xcalloc(m->nslots, sizeof(*m->slots));
	for (size_t i = 0; i < n; i++)
		place(m, i);
}

static struct entry *find(const struct map *m, const char *key, uint64_t hash)
{
	if (!m->nslots)
		return NULL;
	for (size_t at = hash & (m->nslots - 1); m->slots[at]; at = (at + 1) & (m->nslots - 1)) {
		struct entry *t = &m->entries[m->slots[at] - 1];

		if (t->key && t->hash == hash && streq(t->key, key))
			return t;
	}
	return NULL;
}

void *map_get(const struct map *m, const char *key)
{
	struct entry *t = find(m, key, hash_of(key));

	return t ? t->value : NULL;
}

bool map_add(struct map *m, const char *key, void *value)
{
	uint64_t hash = hash_of(key);

	if (find(m, key, hash))
		return false;
	if (2 * (m->n + 1) > m->nslots)
		rebuild(m);
	ARRAY_GROW(m->entries, m->n, m->cap);
	m->entries[m->n] = (struct entry){xstrdup(key), value, hash};
	place(m, m->n++);
	m->live++;
	return true;
}

void map_put(struct map *m, const char *key, void *value)
{
	struct entry *t = find(m, key, hash_of(key));

	if (!t) {
		(void)map_add(m, key, value); /* cannot be there */
		return;
	}
	if (m->free_value && t->value != value)
		m->free_value(t->value);
	t->value = value;
}

void *map_take(struct map *m, const char *key)
{
	struct entry *t = find(m, key, hash_of(key));

	if (!t)
		return NULL;
	free(t->key);
	t->key = NULL; /* the slot goes on pointing at the hole until the next rebuild */
	m->live--;
	return t->value;
}

void map_remove(struct map *m, const char *key)
{
	void *value = map_take(m, key);

	if (value && m->free_value)
		m->free_value(value);
}

size_t map_len(const struct map *m)
{
	return m->live;
}

bool map_each(const struct map *m, size_t *i, const char **ret_key, void *ret_value)
{
	while (*i < m->n && !m->entries[*i].key)
		++*i;
	if (*i >= m->n)
		return false;
	if (ret_key)
		*ret_key = m->entries[*i].key;
	if (ret_value)
		*(void **)ret_value = m->entries[*i].value;
	++*i;
	return true;
}
