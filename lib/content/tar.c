/* tar.c - plans: what goes into an archive, and its digest. */
#include "base/fsutil.h"
#include "base/str.h"
#include "content/tar_plan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 32

static void free_entry(void *entry)
{
	struct tar_entry *t = entry;

	free(t->link);
	free(t->data);
	free(t->path);
	free(t);
}

struct tar_plan *tar_plan_new(void)
{
	struct tar_plan *p = NEW(struct tar_plan);

	p->entries = map_new(free_entry);
	p->roots = strv_new();
	return p;
}

void tar_plan_free(struct tar_plan *p)
{
	if (!p)
		return;
	map_free(p->entries);
	strv_free(p->roots);
	free(p);
}

/* --- adding --- */

/* A new entry in the place of one of the same name. */
static struct tar_entry *put(struct tar_plan *p, const char *as, int mode, int uid, int gid)
{
	struct tar_entry *t = NEW(struct tar_entry);

	*t = (struct tar_entry){.mode = mode, .uid = uid, .gid = gid};
	if (streq(as, "."))
		as = "";
	else if ((!fs_path_safe(as) || !str_utf8(as, strlen(as))) && !p->bad.code)
		err_set(&p->bad, ERR_FORBIDDEN, "'%s' is no safe path for an archive", as);
	map_put(p->entries, as, t);
	return t;
}

void tar_add_file(
	struct tar_plan *p, const char *as, const void *data, size_t n, int mode, int uid, int gid)
{
	struct tar_entry *t = put(p, as, mode, uid, gid);

	t->data = xmemdup(data, n);
	t->size = (int64_t)n;
}

void tar_add_dir(struct tar_plan *p, const char *as, int mode, int uid, int gid)
{
	put(p, as, mode, uid, gid)->dir = true;
}

void tar_add_link(struct tar_plan *p, const char *as, const char *target, int uid, int gid)
{
	put(p, as, 0777, uid, gid)->link = xstrdup(target);
}

/* A walk through a tree. */
struct walk {
	struct tar_plan *plan;
	const char *root;
	int uid, gid;
	bool copy; /* everything, as it is */
	struct err *e;
};

static char *join(const char *folder, const char *name)
{
	return *folder ? strf("%s/%s", folder, name) : xstrdup(name);
}

static int add_file(struct walk *w, const struct stat *st, const char *path, const char *as)
{
	struct tar_plan *p = w->plan;
	struct tar_entry *t;

	if (st->st_size > TAR_BYTES_MAX - p->bytes)
		return err_set(w->e, ERR_LIMIT, "'%s': the files are larger than %d MiB together",
			path, TAR_BYTES_MAX >> 20);
	p->bytes += st->st_size;
	t = put(p, as,
		w->copy              ? (int)st->st_mode & 0777
		: st->st_mode & 0111 ? 0755
				     : 0644,
		w->uid, w->gid);
	t->root = w->root;
	t->path = xstrdup(path);
	t->size = st->st_size;
	return 0;
}

/* The folder itself, its parent, and names that are never part of an image. */
static bool left_out(const struct walk *w, const char *name)
{
	static const char *const names[] = {".", "..", ".git", "__pycache__"};

	for (size_t i = 0; i < (w->copy ? 2 : ARRAY_SIZE(names)); i++)
		if (streq(name, names[i]))
			return true;
	return false;
}

static int add_link(struct walk *w, int dirfd, const char *name, const char *path, const char *as)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

	if (n < 0)
		return err_sys(w->e, ERR_IO, "cannot read '%s'", path);
	target[n] = '\0';
	tar_add_link(w->plan, as, target, w->uid, w->gid);
	return 0;
}

static int add_any(
	struct walk *w, int dirfd, const char *name, const char *path, const char *as, int depth);

static int add_folder(struct walk *w, int dirfd, const char *name, const char *path, const char *as,
	int mode, int depth)
{
	int fd, r = 0;
	DIR *d;

	if (depth == DEPTH_MAX)
		return err_set(
			w->e, ERR_LIMIT, "'%s' is more than %d folders deep", path, DEPTH_MAX);
	fd = fs_open_beneath(dirfd, name, O_RDONLY | O_DIRECTORY, w->e);
	if (fd < 0)
		return fd;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return err_sys(w->e, ERR_IO, "cannot read the folder '%s'", path);
	}
	if (*as)
		tar_add_dir(w->plan, as, mode, w->uid, w->gid);
	for (struct dirent *t; r == 0 && (errno = 0, t = readdir(d));) {
		if (left_out(w, t->d_name))
			continue;
		_cleanup_free_ char *path_there = join(path, t->d_name),
				    *name_here = join(as, t->d_name);

		r = add_any(w, fd, t->d_name, path_there, name_here, depth + 1);
	}
	if (r == 0 && errno)
		r = err_sys(w->e, ERR_IO, "cannot read the folder '%s'", path);
	closedir(d);
	return r;
}

/* path: from the root; name: the same from dirfd. */
static int add_any(
	struct walk *w, int dirfd, const char *name, const char *path, const char *as, int depth)
{
	struct stat st;

	if (map_len(w->plan->entries) >= TAR_ENTRIES_MAX)
		return err_set(w->e, ERR_LIMIT, "'%s': more than %d files and folders", path,
			TAR_ENTRIES_MAX);
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(w->e, errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO,
			"cannot read '%s'", path);
	if (S_ISREG(st.st_mode))
		return add_file(w, &st, path, *as ? as : name);
	if (S_ISDIR(st.st_mode))
		return add_folder(
			w, dirfd, name, path, as, w->copy ? (int)st.st_mode & 0777 : 0755, depth);
	if (S_ISLNK(st.st_mode) && w->copy)
		return add_link(w, dirfd, name, path, *as ? as : name);
	return err_set(w->e, ERR_FORBIDDEN, "'%s' is %s: only files and folders are allowed", path,
		S_ISLNK(st.st_mode) ? "a symbolic link" : "a special file");
}

static int add_tree(struct tar_plan *p, const char *root, const char *path, const char *as, int uid,
	int gid, bool copy, struct err *e)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	_cleanup_free_ char *parent = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
	struct walk w = {.plan = p, .uid = uid, .gid = gid, .copy = copy, .e = e};
	_cleanup_close_ int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root_fd < 0)
		return err_sys(
			e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open '%s'", root);
	if (!streq(path, ".") && !fs_path_safe(path))
		return err_set(e, ERR_FORBIDDEN, "'%s' leaves its folder", path);
	_cleanup_close_ int fd = fs_open_beneath(root_fd, parent, O_RDONLY | O_DIRECTORY, e);
	if (fd < 0)
		return fd;
	if (!strv_has(p->roots, root))
		strv_add(&p->roots, root);
	for (char **r = p->roots; *r; r++)
		if (streq(*r, root))
			w.root = *r;
	return add_any(&w, fd, name, path, as, 0);
}

int tar_add_tree(struct tar_plan *p, const char *root, const char *path, const char *as, int uid,
	int gid, struct err *e)
{
	return add_tree(p, root, path, as, uid, gid, false, e);
}

int tar_add_copy(
	struct tar_plan *p, const char *root, const char *path, const char *as, struct err *e)
{
	return add_tree(p, root, path, as, 0, 0, true, e);
}

/* --- sorting and digest --- */

static int by_name(const void *a, const void *b)
{
	const struct tar_entry *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

int tar_plan_sort(const struct tar_plan *p, struct tar_entry ***ret, size_t *ret_n, struct err *e)
{
	struct tar_entry **list, *t;
	const char *name;
	size_t n = 0;

	if (p->bad.code)
		return err_copy(e, &p->bad);
	list = xcalloc(map_len(p->entries), sizeof(*list));
	for (size_t i = 0; map_each(p->entries, &i, &name, &t);) {
		t->name = name;
		list[n++] = t;
	}
	qsort(list, n, sizeof(*list), by_name);
	*ret = list;
	*ret_n = n;
	return 0;
}

static int hash_content(struct tar_reader *r, struct tar_entry *t, struct err *e)
{
	char block[16384];
	int64_t n;
	int code = tar_reader_open(r, t, e);

	if (code < 0)
		return code;
	while ((n = tar_reader_next(r, block, sizeof(block), e)) > 0)
		;
	if (n < 0)
		return (int)n;
	sha256_final(&r->sha, t->sha);
	t->hashed = true;
	return 0;
}

static int add_to_digest(struct sha256 *h, struct tar_reader *r, struct tar_entry *t, struct err *e)
{
	_cleanup_free_ char *head = strf("%s %o %d %d %s",
		t->dir    ? "dir"
		: t->link ? "link"
			  : "file",
		(unsigned)t->mode, t->uid, t->gid, t->name);
	int code = !tar_has_content(t) || t->hashed ? 0 : hash_content(r, t, e);

	sha256_add(h, head, strlen(head) + 1); /* the NUL ends the name */
	if (t->link)
		sha256_add(h, t->link, strlen(t->link) + 1);
	sha256_add(h, t->sha, sizeof(t->sha));
	return code;
}

int tar_plan_digest(struct tar_plan *p, char hex[static SHA256_HEX], struct err *e)
{
	_cleanup_free_ struct tar_entry **list = NULL;
	struct tar_reader reader = TAR_READER;
	struct sha256 h;
	size_t n = 0;
	int r = tar_plan_sort(p, &list, &n, e);

	sha256_init(&h);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_to_digest(&h, &reader, list[i], e);
	tar_reader_done(&reader);
	if (r == 0)
		sha256_final_hex(&h, hex);
	return r;
}
