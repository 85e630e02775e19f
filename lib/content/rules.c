/*
 * rules.c - which entries of a stranger's archive or repository are accepted.
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

#include <ctype.h>

#define PATH_BYTES 4096
#define PART_BYTES 255
#define DEPTH_MAX  64
#define REPOSITORY_DEPTH_MAX 16

struct rules {
	struct fetch_limits limits;
	struct map *seen;   /* path -> &folder or &other */
	struct map *folded; /* of a repository: paths in lower case */
	int64_t entries, bytes;
	char why[RULES_WHY]; /* the last entry was refused; "" when that was asked for */
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
	r->folded = map_new(NULL);
	return r;
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	map_free(r->seen);
	map_free(r->folded);
	free(r);
}

int64_t rules_bytes(const struct rules *r)
{
	return r->limits.bytes;
}

static const char *source(const struct rules *r)
{
	return r->limits.repository ? "repository" : "archive";
}

static int refuse(struct rules *r, int code, const char *path, const char *why, struct err *e)
{
	_cleanup_free_ char *shown = str_visible(path, strnlen(path, 200), false);

	(void)snprintf(r->why, sizeof(r->why), "%s", why);
	return err_set(e, code, "the %s's entry '%s' %s", source(r), shown, why);
}

int rules_refuse(struct rules *r, const char *path, const char *why, struct err *e)
{
	return refuse(r, ERR_FORBIDDEN, path, why, e);
}

bool rules_why(struct rules *r, char ret[static RULES_WHY])
{
	memcpy(ret, r->why, RULES_WHY);
	*r->why = '\0';
	return *ret;
}

/*
 * ".git" as some file system may read it: in other letters, with code points that HFS+ does not
 * see, with what NTFS cuts off behind it, by its short name.
 */
static bool is_dot_git(const char *part, size_t n)
{
	char plain[8];
	size_t at = 0, len;
	uint32_t c;

	for (size_t i = 0; i < n && at < sizeof(plain) - 1; i += len) {
		len = str_utf8_at(part + i, n - i, &c);
		if ((c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
			(c >= 0x206a && c <= 0x206f) || c == 0xfeff)
			continue;
		plain[at++] = (char)(c < 0x80 ? tolower((int)c) : '?');
	}
	plain[at] = '\0';
	if (str_starts(plain, "git~"))
		return isdigit((unsigned char)plain[4]);
	return str_starts(plain, ".git") && (!plain[4] || strchr(". :", plain[4]));
}

/* Why this is no name for us, or NULL. */
static const char *bad_name(const struct rules *r, const char *path)
{
	size_t n = strlen(path), depth = 0;
	size_t depth_max = r->limits.repository ? REPOSITORY_DEPTH_MAX : DEPTH_MAX;

	if (n > PATH_BYTES)
		return "has a name that is too long";
	if (!str_utf8(path, n))
		return "has a name that is not UTF-8";
	if (!fs_path_safe(path))
		return "has a name that leaves the folder or holds control characters";
	if (r->limits.repository && strchr(path, '\\'))
		return "has a name with a backslash";
	for (const char *p = path;; p++) {
		size_t part = strcspn(p, "/");

		if (part > PART_BYTES)
			return "has a name that is too long";
		if (++depth > depth_max)
			return "lies too deep";
		if (r->limits.repository && is_dot_git(p, part))
			return "has a name that some file systems read as '.git'";
		p += part;
		if (!*p)
			return NULL;
	}
}

static const char *bad_link(const struct rules *r, const char *path, const char *target)
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
	if (!streq(target, ".") && bad_name(r, target))
		return "is a link that leaves the tree or is not plain";
	return NULL;
}

static int count_entry(struct rules *r, struct err *e)
{
	if (++r->entries <= r->limits.entries)
		return 0;
	return err_set(e, ERR_LIMIT, "the %s has more than %lld entries", source(r),
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
			return rules_refuse(r, path, "lies below something that is no folder", e);
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
		return err_set(e, ERR_LIMIT, "the %s's files are larger than %s together",
			source(r), str_human_size(r->limits.bytes));
	r->bytes += (int64_t)size;
	return 0;
}

const char *rules_unfit(const struct rules *r, const struct fetch_entry *t)
{
	const char *bad = bad_name(r, t->path);

	if (bad || !t->link)
		return bad;
	return r->limits.links ? bad_link(r, t->path, t->link) : "is a symbolic link";
}

int rules_leave_out(struct rules *r, struct err *e)
{
	return count_entry(r, e);
}

static int check_size(struct rules *r, const struct fetch_entry *t, struct err *e)
{
	if (!r->limits.file || (int64_t)t->size <= r->limits.file)
		return 0;
	_cleanup_free_ char *why = strf("is larger than %s", str_human_size(r->limits.file));
	return refuse(r, ERR_LIMIT, t->path, why, e);
}

/* Two names that are one on some file systems. Letters of ASCII only. */
static bool is_alone(struct rules *r, const char *path)
{
	char lower[PATH_BYTES + 1];
	size_t n = 0;

	for (; path[n]; n++)
		lower[n] = (char)tolower((unsigned char)path[n]);
	lower[n] = '\0';
	return map_add(r->folded, lower, NULL);
}

int rules_check(struct rules *r, const struct fetch_entry *t, struct err *e)
{
	const char *bad = rules_unfit(r, t);
	const void *is;
	int code;

	if (bad)
		return rules_refuse(r, t->path, bad, e);
	code = count_entry(r, e);
	if (code == 0)
		code = check_size(r, t, e);
	if (code == 0)
		code = count_bytes(r, t->size, e);
	if (code == 0)
		code = check_parents(r, t->path, e);
	if (code < 0)
		return code;
	is = map_get(r->seen, t->path);
	if (is && (is != &folder || !t->dir))
		return rules_refuse(r, t->path, "comes twice", e);
	if (r->limits.repository && !is_alone(r, t->path))
		return rules_refuse(
			r, t->path, "has the name of another one but for upper and lower case", e);
	if (!is)
		(void)map_add(r->seen, t->path, (void *)(t->dir ? &folder : &other));
	return 0;
}
