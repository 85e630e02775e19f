/*
 * rules.c - which entries of a stranger's archive are accepted.
 *
 * Links: a target is "../" as often as the link is deep, at most, and then only goes down. The
 * folders above a link are real folders (no entry may lie below a link or a file), so the "../"
 * part stays inside the tree; what goes down from there passes folders or other links, which were
 * judged by the same rule. So no chain of links leads out.
 */
#include "content/rules.h"
#include "base/fsutil.h"
#include "base/map.h"
#include "base/str.h"

#define PATH_BYTES 4096
#define PART_BYTES 255
#define DEPTH_MAX  64

struct rules {
	struct fetch_limits limits;
	struct map *seen; /* path -> &folder or &other */
	int64_t entries, bytes;
};

static const char folder, other;

struct rules *rules_new(const struct fetch_limits *l)
{
	struct rules *r = NEW(struct rules);

	r->limits = *l;
	if (!r->limits.bytes)
		r->limits.bytes = 64 << 20;
	if (!r->limits.entries)
		r->limits.entries = 10000;
	r->seen = map_new(NULL);
	return r;
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	map_free(r->seen);
	free(r);
}

int64_t rules_bytes(const struct rules *r)
{
	return r->limits.bytes;
}

static int refuse(struct err *e, const char *path, const char *why)
{
	_cleanup_free_ char *shown = str_visible(path, strnlen(path, 200), false);

	return err_set(e, ERR_FORBIDDEN, "the archive's entry '%s' %s", shown, why);
}

/* Why this is no name for us, or NULL. */
static const char *bad_name(const char *path)
{
	size_t n = strlen(path), depth = 0;

	if (n > PATH_BYTES)
		return "has a name that is too long";
	if (!str_utf8(path, n))
		return "has a name that is not UTF-8";
	if (!fs_path_safe(path))
		return "has a name that leaves the folder or holds control characters";
	for (const char *p = path;; p++) {
		size_t part = strcspn(p, "/");

		if (part > PART_BYTES)
			return "has a name that is too long";
		if (++depth > DEPTH_MAX)
			return "lies too deep";
		p += part;
		if (!*p)
			return NULL;
	}
}

static const char *bad_link(const char *path, const char *target)
{
	size_t up = 0, depth = 0;

	for (const char *p = path; *p; p++)
		depth += *p == '/';
	if (str_starts(target, "./"))
		target += 2;
	while (str_starts(target, "../")) {
		target += 3;
		up++;
	}
	if (streq(target, "..")) {
		target = ".";
		up++;
	}
	if (up > depth)
		return "is a link that leaves the tree";
	if (!streq(target, ".") && bad_name(target))
		return "is a link that leaves the tree or is not plain";
	return NULL;
}

static int count_entry(struct rules *r, struct err *e)
{
	if (++r->entries <= r->limits.entries)
		return 0;
	return err_set(e, ERR_LIMIT, "the archive has more than %lld entries",
		(long long)r->limits.entries);
}

/* Every folder above path is a folder; those without an entry of their own count as well. */
static int check_parents(struct rules *r, const char *path, struct err *e)
{
	char parent[PATH_BYTES + 1];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t n = (size_t)(slash - path);

		memcpy(parent, path, n);
		parent[n] = '\0';
		const void *is = map_get(r->seen, parent);
		if (is == &other)
			return refuse(e, path, "lies below something that is no folder");
		if (is)
			continue;
		if (count_entry(r, e) < 0)
			return ERR_LIMIT;
		(void)map_add(r->seen, parent, (void *)&folder);
	}
	return 0;
}

static int count_bytes(struct rules *r, size_t size, struct err *e)
{
	if ((int64_t)size < 0 || (int64_t)size > r->limits.bytes - r->bytes)
		return err_set(e, ERR_LIMIT, "the archive's files are larger than %s together",
			str_human_size(r->limits.bytes));
	r->bytes += (int64_t)size;
	return 0;
}

const char *rules_unfit(const struct rules *r, const struct fetch_entry *t)
{
	const char *bad = bad_name(t->path);

	if (bad || !t->link)
		return bad;
	return r->limits.links ? bad_link(t->path, t->link) : "is a symbolic link";
}

int rules_leave_out(struct rules *r, struct err *e)
{
	return count_entry(r, e);
}

int rules_check(struct rules *r, const struct fetch_entry *t, struct err *e)
{
	const char *bad = rules_unfit(r, t);
	const void *is;
	int code;

	if (bad)
		return refuse(e, t->path, bad);
	code = count_entry(r, e);
	if (code == 0)
		code = count_bytes(r, t->size, e);
	if (code == 0)
		code = check_parents(r, t->path, e);
	if (code < 0)
		return code;
	is = map_get(r->seen, t->path);
	if (is && (is != &folder || !t->dir))
		return refuse(e, t->path, "comes twice");
	if (!is)
		(void)map_add(r->seen, t->path, (void *)(t->dir ? &folder : &other));
	return 0;
}
