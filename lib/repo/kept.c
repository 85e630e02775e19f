/*
 * kept.c - the folder of a repository: one tree for each commit that is kept, and its key.
 *
 * A tree is written to a name that begins with a dot and gets its own when it is whole on the disk.
 */
#include "base/fsutil.h"
#include "repo/impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- writing --- */

void kept_entries_free(struct list *entries)
{
	struct kept_entry *t, *tmp;

	list_for_each_safe (t, tmp, entries, link) {
		list_unlink(&t->link);
		free(t->path);
		buf_done(&t->data);
		free(t);
	}
}

static int write_entry(const char *folder, const struct kept_entry *t, struct err *e)
{
	_cleanup_free_ char *path = strf("%s/%s", folder, t->path);
	_cleanup_close_ int fd = -1;

	if (t->dir)
		return fs_mkdirs(path, 0755, e);
	fd = open(path, (t->more ? O_APPEND : O_CREAT | O_EXCL) | O_WRONLY | O_NOFOLLOW | O_CLOEXEC,
		t->mode);
	if (fd < 0)
		return err_sys(e, ERR_IO, "cannot make '%s'", path);
	if (!t->more && fchmod(fd, (mode_t)t->mode) < 0) /* whatever the umask */
		return err_sys(e, ERR_IO, "cannot set the mode of '%s'", path);
	return fs_write_all(fd, buf_str(&t->data), t->data.len, e) < 0 ? err_wrap(e, "'%s'", path)
								       : 0;
}

int kept_write(const char *folder, struct list *entries, struct err *e)
{
	struct kept_entry *t;

	list_for_each (t, entries, link) {
		int r = write_entry(folder, t, e);

		if (r < 0)
			return r;
	}
	return 0;
}

int kept_settle(const char *part, const char *folder, const char *commit, struct err *e)
{
	_cleanup_free_ char *to = strf("%s/%s", folder, commit);
	_cleanup_close_ int fd = open(part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || syncfs(fd) < 0)
		return err_sys(e, ERR_IO, "cannot sync '%s'", part);
	if (rename(part, to) < 0 && errno != ENOTEMPTY && errno != EEXIST) /* it is there */
		return err_sys(e, ERR_IO, "cannot make '%s'", to);
	if (syncfs(fd) < 0)
		return err_sys(e, ERR_IO, "cannot sync '%s'", to);
	return 0;
}

/* --- looking, removing --- */

static bool is_commit(const char *name)
{
	return strlen(name) == COMMIT_HEX - 1 && strspn(name, "0123456789abcdef") == COMMIT_HEX - 1;
}

/* Names in a folder; an empty list when it cannot be read. The caller owns it. */
static char **names_in(const char *folder, bool (*wanted)(const char *name))
{
	char **names = strv_new();
	DIR *d = opendir(folder);
	const struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (wanted(entry->d_name))
			strv_add(&names, entry->d_name);
	if (d)
		(void)closedir(d);
	return names;
}

char *kept_find(const char *folder, const char *beginning)
{
	_cleanup_(strv_freep) char **commits = names_in(folder, is_commit);
	const char *found = NULL;

	for (char **c = commits; *c; c++) {
		if (!str_starts(*c, beginning))
			continue;
		if (found)
			return NULL;
		found = *c;
	}
	return found ? xstrdup(found) : NULL;
}

struct aged {
	const char *commit;
	struct timespec at;
};

static int newest_first(const void *a, const void *b)
{
	const struct timespec *x = &((const struct aged *)a)->at,
			      *y = &((const struct aged *)b)->at;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? 1 : -1;
	return x->tv_nsec < y->tv_nsec ? 1 : x->tv_nsec > y->tv_nsec ? -1 : 0;
}

void kept_prune(const char *folder, char *const *commits)
{
	_cleanup_(strv_freep) char **all = names_in(folder, is_commit);
	size_t n = strv_len(all), kept = 0;
	_cleanup_free_ struct aged *trees = xcalloc(n + 1, sizeof(*trees));

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *path = strf("%s/%s", folder, all[i]);
		struct stat st = {0};

		(void)stat(path, &st); /* one that cannot be looked at is old */
		trees[i] = (struct aged){all[i], st.st_mtim};
	}
	qsort(trees, n, sizeof(*trees), newest_first);
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *path = strf("%s/%s", folder, trees[i].commit);

		if (!strv_has(commits, trees[i].commit) && kept++ >= TREES_KEPT)
			(void)fs_remove_tree(path, NULL); /* the next sync tries again */
	}
}

static bool is_hidden(const char *name)
{
	return *name == '.' && !streq(name, ".") && !streq(name, "..");
}

static bool is_visible(const char *name)
{
	return *name != '.';
}

int kept_clean(const char *repos, char *const *names, struct err *e)
{
	_cleanup_(strv_freep) char **folders = names_in(repos, is_visible);
	int r = fs_mkdirs(repos, 0700, e);

	for (char **f = folders; r == 0 && *f; f++) {
		_cleanup_free_ char *folder = strf("%s/%s", repos, *f);
		_cleanup_(strv_freep) char **parts = names_in(folder, is_hidden);

		if (!strv_has(names, *f)) {
			r = fs_remove_tree(folder, e);
			continue;
		}
		for (char **p = parts; r == 0 && *p; p++) {
			_cleanup_free_ char *part = strf("%s/%s", folder, *p);

			r = fs_remove_tree(part, e);
		}
	}
	return r;
}
