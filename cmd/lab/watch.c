/* watch.c - which files below some folders have changed. */
#include "cmd/lab/watch.h"
#include "base/map.h"
#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 16, FILES_MAX = 10000 }; /* more is no lab: see lib/lab/tree.h */

struct watched {
	char **folders;
	char **names; /* how each is called */
	struct map *told, *last; /* file -> what stat says of it */
};

/* --- looking --- */

static bool is_ours(const char *name)
{
	return *name != '.' && !str_ends(name, "~") && !streq(name, "__pycache__");
}

static void look_into(struct map *files, int at, const char *folder, const char *name, int depth);

static void look_at(struct map *files, int dir, const char *file, const char *name, int depth)
{
	struct stat st;

	if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return; /* it went away: the next look agrees */
	if (S_ISDIR(st.st_mode)) {
		look_into(files, dir, file, name, depth + 1);
		return;
	}
	map_put(files, name,
		strf("%ju %jd %jd.%09ld %o", (uintmax_t)st.st_ino, (intmax_t)st.st_size,
			(intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (unsigned)st.st_mode));
}

static void look_into(struct map *files, int at, const char *folder, const char *name, int depth)
{
	int fd = depth < DEPTH_MAX
			 ? openat(at, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
			 : -1;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !d)
		close(fd);
	for (struct dirent *f; d && (f = readdir(d)) && map_len(files) < FILES_MAX;) {
		_cleanup_free_ char *path = strf("%s%s%s", name, *name ? "/" : "", f->d_name);

		if (is_ours(f->d_name))
			look_at(files, fd, f->d_name, path, depth);
	}
	if (d)
		closedir(d);
}

static struct map *look(const struct watched *w)
{
	struct map *files = map_new(free);

	for (size_t i = 0; w->folders[i]; i++)
		look_into(files, AT_FDCWD, w->folders[i], w->names[i], 0);
	return files;
}

static struct map *copy(struct map *files)
{
	struct map *m = map_new(free);
	const char *name;
	char *seen;

	for (size_t i = 0; map_each(files, &i, &name, &seen);)
		map_put(m, name, xstrdup(seen));
	return m;
}

/* --- comparing --- */

/* What of `a` is not in `b` as it is there. */
static void add_other(char ***list, struct map *a, struct map *b, bool absent_only)
{
	const char *name, *was;
	char *is;

	for (size_t i = 0; map_each(a, &i, &name, &is);) {
		was = map_get(b, name);
		if (!was || (!absent_only && !streq(was, is)))
			strv_add(list, name);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **difference(struct map *now, struct map *before)
{
	char **list = strv_new();

	add_other(&list, now, before, false);
	add_other(&list, before, now, true);
	qsort(list, strv_len(list), sizeof(*list), by_name);
	return list;
}

char **watched_look(struct watched *w)
{
	struct map *now = look(w);
	_cleanup_(strv_freep) char **moving = difference(now, w->last);
	char **changes = NULL;

	map_free(w->last);
	w->last = now;
	if (*moving)
		return NULL;
	changes = difference(w->last, w->told);
	if (!*changes) {
		strv_free(changes);
		return NULL;
	}
	map_free(w->told);
	w->told = copy(w->last); /* what is told is what was compared */
	return changes;
}

/* --- life --- */

struct watched *watched_new(const char *const *folders, int n)
{
	struct watched *w = NEW(struct watched);

	w->folders = strv_new();
	w->names = strv_new();
	for (int i = 0; i < n; i++) {
		const char *slash = strrchr(folders[i], '/');

		strv_add(&w->folders, folders[i]);
		strv_take(&w->names, i ? strf("..%s", slash) : xstrdup(""));
	}
	w->told = look(w);
	w->last = copy(w->told);
	return w;
}

void watched_free(struct watched *w)
{
	if (!w)
		return;
	strv_free(w->folders);
	strv_free(w->names);
	map_free(w->told);
	map_free(w->last);
	free(w);
}
