/* tree.c - the files of a folder in one fixed order. */
#include "lab/tree.h"
#include "base/fsutil.h"
#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENTRIES_MAX = 10000, DEPTH_MAX = 16, BYTES_MAX = 256 << 20 };

struct walk {
	int root;
	tree_cb see;
	void *arg;
	size_t seen;
	int64_t bytes;
};

static int left_out(const char *name)
{
	return streq(name, ".") || streq(name, "..") || streq(name, ".git") ||
	       streq(name, "__pycache__");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void close_dir(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

static int too_many(const char *path, struct err *e)
{
	return err_set(e, ERR_LIMIT, "'%s': a tree may have %d files and folders and %s", path,
		ENTRIES_MAX, str_human_size(BYTES_MAX));
}

static int read_names(int root, const char *path, char ***ret, struct err *e)
{
	_cleanup_(strv_freep) char **names = strv_new();
	int fd = fs_open_beneath(root, path, O_RDONLY | O_DIRECTORY, e);
	const struct dirent *entry;

	if (fd < 0)
		return fd;
	_cleanup_(close_dir) DIR *d = fdopendir(fd);
	size_t n = 0;
	while (d && (entry = readdir(d))) {
		if (left_out(entry->d_name))
			continue;
		if (++n > ENTRIES_MAX)
			return too_many(path, e);
		strv_add(&names, entry->d_name);
	}
	qsort(names, n, sizeof(*names), by_name);
	*ret = TAKE(names);
	return 0;
}

static int walk_folder(struct walk *w, const char *path, int depth, struct err *e);

static int walk_entry(struct walk *w, const char *path, int depth, struct err *e)
{
	struct stat st;

	if (fstatat(w->root, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, ERR_IO, "cannot look at '%s'", path);
	struct tree_entry entry = {
		.path = path,
		.kind = S_ISREG(st.st_mode)   ? TREE_FILE
			: S_ISDIR(st.st_mode) ? TREE_FOLDER
					      : TREE_OTHER,
		.executable = st.st_mode & S_IXUSR,
		.size = st.st_size,
	};
	w->bytes += entry.kind == TREE_FILE ? entry.size : 0;
	if (++w->seen > ENTRIES_MAX || w->bytes > BYTES_MAX)
		return too_many(path, e);
	int r = w->see(w->arg, &entry, e);
	return r < 0 || entry.kind != TREE_FOLDER ? r : walk_folder(w, path, depth + 1, e);
}

static int walk_folder(struct walk *w, const char *path, int depth, struct err *e)
{
	_cleanup_(strv_freep) char **names = NULL;

	if (depth > DEPTH_MAX)
		return err_set(e, ERR_LIMIT, "'%s' is more than %d folders deep", path, DEPTH_MAX);
	int r = read_names(w->root, path, &names, e);
	for (size_t i = 0; r == 0 && names[i]; i++) {
		_cleanup_free_ char *child =
			streq(path, ".") ? xstrdup(names[i]) : strf("%s/%s", path, names[i]);

		r = walk_entry(w, child, depth, e);
	}
	return r;
}

int tree_walk(int root, const char *path, tree_cb see, void *arg, struct err *e)
{
	struct walk w = {.root = root, .see = see, .arg = arg};

	return walk_folder(&w, path, 0, e);
}

/* --- hashing and copying --- */

struct transfer {
	int root;
	size_t skip;    /* length of the walk's path; "." is not part of what is below it */
	const char *as; /* hash: a name instead of that path; copy: the target folder */
	struct sha256 *hash;
};

static size_t skip_of(const char *path)
{
	return streq(path, ".") ? 0 : strlen(path);
}

/* Hand a file over in pieces. */
static int each_piece(int root, const struct tree_entry *f,
	int (*give)(void *arg, const void *p, size_t n, struct err *e), void *arg, struct err *e)
{
	_cleanup_close_ int fd = fs_open_beneath(root, f->path, O_RDONLY, e);
	char piece[65536];
	ssize_t n;
	int r = fd < 0 ? fd : 0;

	while (r == 0 && (n = read(fd, piece, sizeof(piece)))) {
		if (n < 0)
			return err_sys(e, ERR_IO, "cannot read '%s'", f->path);
		r = give(arg, piece, (size_t)n, e);
	}
	return r;
}

static int give_hash(void *arg, const void *p, size_t n, struct err *e)
{
	sha256_add(arg, p, n);
	return 0;
}

static int not_plain(const struct tree_entry *f, struct err *e)
{
	return err_set(e, ERR_FORBIDDEN,
		"'%s' is a link or a special file; a lab has only files and folders", f->path);
}

/* Length and kind stand before the content, so that no two trees give the same bytes. */
static int hash_entry(void *arg, const struct tree_entry *f, struct err *e)
{
	const struct transfer *t = arg;

	if (f->kind == TREE_OTHER)
		return not_plain(f, e);
	if (f->kind == TREE_FOLDER)
		return 0; /* git keeps no empty folders, so they do not count */
	_cleanup_free_ char *head = strf("%s%s %c %lld", t->as, f->path + t->skip,
		f->executable ? 'x' : '-', (long long)f->size);
	sha256_add(t->hash, head, strlen(head) + 1);
	return each_piece(t->root, f, give_hash, t->hash, e);
}

int tree_hash(struct sha256 *h, int root, const char *path, const char *as, struct err *e)
{
	struct transfer t = {.root = root, .skip = skip_of(path), .as = as, .hash = h};

	return tree_walk(root, path, hash_entry, &t, e);
}

static int give_file(void *arg, const void *p, size_t n, struct err *e)
{
	return fs_write_all(*(int *)arg, p, n, e);
}

static int copy_entry(void *arg, const struct tree_entry *f, struct err *e)
{
	const struct transfer *t = arg;
	_cleanup_free_ char *to = strf("%s%s", t->as, f->path + t->skip);

	if (f->kind == TREE_OTHER)
		return not_plain(f, e);
	if (f->kind == TREE_FOLDER)
		return fs_mkdirs(to, 0755, e);
	_cleanup_close_ int fd =
		open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, f->executable ? 0755 : 0644);
	if (fd < 0)
		return err_sys(e, ERR_IO, "cannot make '%s'", to);
	int r = each_piece(t->root, f, give_file, &fd, e);
	if (r < 0)
		return err_wrap(e, "the copy '%s'", to);
	if (fchmod(fd, f->executable ? 0755 : 0644) < 0) /* whatever the umask */
		return err_sys(e, ERR_IO, "cannot set the mode of '%s'", to);
	return 0;
}

int tree_copy(int root, const char *path, const char *to, struct err *e)
{
	struct transfer t = {.root = root, .skip = skip_of(path), .as = to};
	int r = fs_mkdirs(to, 0755, e);

	return r < 0 ? r : tree_walk(root, path, copy_entry, &t, e);
}
