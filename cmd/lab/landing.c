/* landing.c - writing files that came out of a lab: all of them or none, and never through a link.
 */
#include "cmd/lab/landing.h"

#include "base/fsutil.h"
#include "base/id.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY "copy" /* the name of the copy until it is in place */

struct link {
	char *path, *target;
};

struct landing {
	char *folder;  /* what the copy is put into */
	char *name;    /* its name there; NULL = the one it came with */
	char *came;    /* that one */
	char *staging; /* path of the folder beside it */
	int folder_fd, staging_fd;
	struct link *links;
	size_t n, cap;
};

/* --- life --- */

static int make_staging(struct landing *l, struct err *e)
{
	char id[13];

	id_random(id, 12);
	_cleanup_free_ char *name = strf(".lab-cp-%s", id);
	l->staging = strf("%s/%s", l->folder, name);
	if (mkdirat(l->folder_fd, name, 0700) < 0)
		return err_sys(e, ERR_IO, "cannot write into '%s'", l->folder);
	l->staging_fd = openat(l->folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (l->staging_fd < 0)
		return err_sys(e, ERR_IO, "cannot open '%s'", l->staging);
	return 0;
}

static void choose_target(struct landing *l, const char *target)
{
	_cleanup_free_ char *copy = xstrdup(target), *again = xstrdup(target);

	if (fs_is_dir(target)) {
		l->folder = xstrdup(target);
		return;
	}
	l->folder = xstrdup(dirname(copy));
	l->name = xstrdup(basename(again));
}

int landing_new(struct landing **ret, const char *target, struct err *e)
{
	_cleanup_(landing_freep) struct landing *l = NEW(struct landing);
	int r;

	l->folder_fd = l->staging_fd = -1;
	choose_target(l, target);
	if (l->name && str_ends(target, "/"))
		return err_set(e, ERR_NOT_FOUND, "the folder '%s' does not exist", target);
	l->folder_fd = open(l->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->folder_fd < 0)
		return err_sys(e, errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO,
			"cannot open the folder '%s'", l->folder);
	r = make_staging(l, e);
	if (r == 0)
		*ret = TAKE(l);
	return r;
}

void landing_free(struct landing *l)
{
	if (!l)
		return;
	if (l->staging_fd >= 0)
		(void)fs_remove_tree(l->staging, NULL); /* what is left there is only hidden */
	close_fd(&l->staging_fd);
	close_fd(&l->folder_fd);
	for (size_t i = 0; i < l->n; i++) {
		free(l->links[i].path);
		free(l->links[i].target);
	}
	free(l->links);
	free(l->folder);
	free(l->name);
	free(l->came);
	free(l->staging);
	free(l);
}

/* --- entries --- */

/* Where an entry lies while the copy is not in place; NULL when it is no part of the copy. */
static char *staged(struct landing *l, const char *path)
{
	const char *slash = strchrnul(path, '/');
	_cleanup_free_ char *first = xstrndup(path, (size_t)(slash - path));

	if (!l->came)
		l->came = xstrdup(first);
	return streq(first, l->came) ? strf(COPY "%s", slash) : NULL;
}

/* The folder of a path, made where the archive only implied it. Returns a descriptor. */
static int open_parent(struct landing *l, const char *path, struct err *e)
{
	int fd = fcntl(l->staging_fd, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return err_sys(e, ERR_IO, "cannot use another descriptor");
	for (const char *slash; fd >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
		_cleanup_free_ char *part = xstrndup(path, (size_t)(slash - path));
		_cleanup_close_ int above = fd;

		if (mkdirat(above, part, 0755) < 0 && errno != EEXIST)
			return err_sys(e, ERR_IO, "cannot make the folder '%s'", part);
		fd = fs_open_beneath(above, part, O_RDONLY | O_DIRECTORY, e);
	}
	return fd;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int put_dir(int parent, const char *name, int mode, struct err *e)
{
	/* Ours to write into, whatever it was there. */
	if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return err_sys(e, ERR_IO, "cannot make the folder '%s'", name);
	if (fchmodat(parent, name, (mode_t)mode | 0700, 0) < 0)
		return err_sys(e, ERR_IO, "cannot set the mode of '%s'", name);
	return 0;
}

static int put_file(int parent, const char *name, const struct fetch_entry *t, struct err *e)
{
	_cleanup_close_ int fd =
		openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, ERR_IO, "cannot make '%s'", t->path);
	if (fs_write_all(fd, t->data, t->size, e) < 0)
		return err_wrap(e, "'%s'", t->path);
	if (fchmod(fd, (mode_t)t->mode) < 0)
		return err_sys(e, ERR_IO, "cannot set the mode of '%s'", t->path);
	return 0;
}

/*
 * Does a link at `path` (below the copy) stay in it? It may have been fine inside the archive and
 * still lead out of the copy, which gets another name.
 */
static bool stays_inside(const char *path, const char *target)
{
	int depth = -1; /* of the folder that holds the link; 0 = the copy itself */

	if (*target == '/')
		return false;
	for (const char *p = path; *p; p++)
		depth += *p == '/';
	for (const char *p = target; *p && depth >= 0;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.')
			depth--;
		else if (n && !(n == 1 && *p == '.'))
			depth++;
		p += n + strspn(p + n, "/");
	}
	return depth >= 0;
}

static int keep_link(struct landing *l, const char *path, const char *target)
{
	if (!stays_inside(path, target))
		return 1;
	ARRAY_GROW(l->links, l->n, l->cap);
	l->links[l->n++] = (struct link){xstrdup(path), xstrdup(target)};
	return 0;
}

int landing_entry(struct landing *l, const struct fetch_entry *t, struct err *e)
{
	_cleanup_free_ char *path = staged(l, t->path);

	if (!path)
		return err_set(e, ERR_PROTO, "'%s' is no part of '%s'", t->path, l->came);
	if (t->link)
		return keep_link(l, path, t->link);
	_cleanup_close_ int parent = open_parent(l, path, e);
	if (parent < 0)
		return parent;
	return t->dir ? put_dir(parent, last_part(path), t->mode, e)
		      : put_file(parent, last_part(path), t, e);
}

/* --- into place --- */

/* Last, so that nothing was ever written through one. */
static int make_links(struct landing *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct link *k = &l->links[i];
		_cleanup_close_ int parent = open_parent(l, k->path, e);

		if (parent < 0)
			return parent;
		if (symlinkat(k->target, parent, last_part(k->path)) < 0)
			return err_sys(e, ERR_IO, "cannot make the link '%s'", k->path);
	}
	return 0;
}

static int move(int from, const char *name, int to, const char *as, bool look, struct err *e);

/* Both sides are folders: what is in one goes into the other. */
static int merge(int from, const char *name, int to, const char *as, bool look, struct err *e)
{
	_cleanup_close_ int there = openat(to, as, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int here = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
	DIR *d = here < 0 ? NULL : fdopendir(here);

	if (there < 0 || !d) {
		r = err_sys(e, ERR_IO, "cannot open the folder '%s'", as);
		if (d)
			closedir(d);
		else
			close_fd(&here);
		return r;
	}
	for (struct dirent *t; r == 0 && (t = readdir(d));)
		if (!streq(t->d_name, ".") && !streq(t->d_name, ".."))
			r = move(here, t->d_name, there, t->d_name, look, e);
	closedir(d);
	return r;
}

/* look: only find out whether it would fit. */
static int move(int from, const char *name, int to, const char *as, bool look, struct err *e)
{
	struct stat mine, theirs;

	if (fstatat(from, name, &mine, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, ERR_IO, "cannot read '%s'", name);
	if (fstatat(to, as, &theirs, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISDIR(mine.st_mode) && S_ISDIR(theirs.st_mode))
			return merge(from, name, to, as, look, e);
		if (S_ISDIR(mine.st_mode) || S_ISDIR(theirs.st_mode))
			return err_set(e, ERR_EXISTS, "'%s' is there already and is %s", as,
				S_ISDIR(theirs.st_mode) ? "a folder" : "no folder");
	}
	if (!look && renameat(from, name, to, as) < 0)
		return err_sys(e, ERR_IO, "cannot move '%s' into place", as);
	return 0;
}

int landing_finish(struct landing *l, char **ret_path, struct err *e)
{
	const char *name = l->name ? l->name : l->came;
	int r;

	/* also when all that came was a link, which leads out whatever its target is */
	if (faccessat(l->staging_fd, COPY, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, ERR_NOT_FOUND, "nothing came");
	if ((r = make_links(l, e)) < 0 ||
		(r = move(l->staging_fd, COPY, l->folder_fd, name, true, e)) < 0 ||
		(r = move(l->staging_fd, COPY, l->folder_fd, name, false, e)) < 0)
		return r;
	*ret_path = str_ends(l->folder, "/") ? strf("%s%s", l->folder, name)
					     : strf("%s/%s", l->folder, name);
	return 0;
}
