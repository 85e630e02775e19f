/* fsutil.c - files and folders, with limits and without following links below a root. */
#include "base/fsutil.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int fs_mkdirs(const char *path, mode_t mode, struct err *e)
{
	_cleanup_free_ char *p = xstrdup(path);

	for (char *slash = p + 1; slash; *slash++ = '/') {
		slash = strchr(slash, '/');
		if (slash)
			*slash = '\0';
		if (mkdir(p, mode) < 0 && errno != EEXIST)
			return err_sys(e, ERR_IO, "cannot make the folder '%s'", p);
		if (!slash)
			break;
	}
	if (!fs_is_dir(path))
		return err_set(e, ERR_IO, "'%s' is not a folder", path);
	return 0;
}

static int read_fd(int fd, const char *path, struct buf *out, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, ERR_IO, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_IO, "'%s' is not a regular file", path);
	for (;;) {
		size_t want = MIN((size_t)65536, out->max - out->len);
		char byte;
		char *room = want ? buf_room(out, want) : &byte;
		ssize_t n = read(fd, room, want ? want : 1);

		if (n < 0)
			return err_sys(e, ERR_IO, "cannot read '%s'", path);
		if (n == 0)
			return 0;
		if (!want)
			return err_set(e, ERR_LIMIT, "'%s' is larger than %s", path,
				str_human_size((int64_t)out->max));
		buf_grew(out, (size_t)n);
	}
}

static int open_failed(const char *path, struct err *e)
{
	if (errno == ENOENT || errno == ENOTDIR)
		return err_set(e, ERR_NOT_FOUND, "'%s' does not exist", path);
	if (errno == ELOOP || errno == EXDEV)
		return err_set(
			e, ERR_FORBIDDEN, "'%s' passes a symbolic link or leaves its folder", path);
	return err_sys(e, ERR_IO, "cannot open '%s'", path);
}

int fs_read(const char *path, struct buf *out, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return open_failed(path, e);
	return read_fd(fd, path, out, e);
}

int fs_open_beneath(int dirfd, const char *path, int flags, struct err *e)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC | O_NONBLOCK),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

	return fd < 0 ? open_failed(path, e) : fd;
}

int fs_read_beneath(int dirfd, const char *path, struct buf *out, struct err *e)
{
	_cleanup_close_ int fd = fs_open_beneath(dirfd, path, O_RDONLY, e);

	return fd < 0 ? fd : read_fd(fd, path, out, e);
}

int fs_write_all(int fd, const void *p, size_t n, struct err *e)
{
	for (size_t done = 0; done < n;) {
		ssize_t w = write(fd, (const char *)p + done, n - done);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_sys(e, ERR_IO, "cannot write");
		done += (size_t)w;
	}
	return 0;
}

/* A new name counts only when the folder that holds it is on the disk. */
static int sync_parent(const char *path, struct err *e)
{
	_cleanup_free_ char *copy = xstrdup(path);
	_cleanup_close_ int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return err_sys(e, ERR_IO, "cannot sync the folder of '%s'", path);
	return 0;
}

static int write_synced(const char *tmp, const void *p, size_t n, mode_t mode, struct err *e)
{
	_cleanup_close_ int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0)
		return err_sys(e, ERR_IO, "cannot make '%s'", tmp);
	int r = fs_write_all(fd, p, n, e);
	if (r < 0)
		return err_wrap(e, "'%s'", tmp);
	if (fsync(fd) < 0)
		return err_sys(e, ERR_IO, "cannot sync '%s'", tmp);
	return 0;
}

int fs_write_atomic(const char *path, const void *p, size_t n, mode_t mode, struct err *e)
{
	_cleanup_free_ char *tmp = strf("%s.%d.tmp", path, (int)getpid());

	(void)unlink(tmp); /* left by a crash; normally absent */
	int r = write_synced(tmp, p, n, mode, e);
	if (r == 0 && rename(tmp, path) < 0)
		r = err_sys(e, ERR_IO, "cannot rename '%s'", tmp);
	if (r < 0)
		(void)unlink(tmp); /* best effort; the next write removes it too */
	return r < 0 ? r : sync_parent(path, e);
}

bool fs_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

bool fs_is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* unlinkat with the folder's descriptor never follows a link that was swapped in. */
static int remove_at(int dirfd, const char *name, struct err *e)
{
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_sys(e, ERR_IO, "cannot remove '%s'", name);
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			(void)close(fd);
		return err_sys(e, ERR_IO, "cannot open '%s'", name);
	}
	int r = 0;
	for (struct dirent *t; r == 0 && (t = readdir(d));)
		if (!streq(t->d_name, ".") && !streq(t->d_name, ".."))
			r = remove_at(fd, t->d_name, e);
	closedir(d);
	if (r == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
		r = err_sys(e, ERR_IO, "cannot remove the folder '%s'", name);
	return r;
}

int fs_remove_tree(const char *path, struct err *e)
{
	return remove_at(AT_FDCWD, path, e);
}

char *fs_program_dir(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return xstrdup(".");
	path[n] = '\0';
	return xstrdup(dirname(path));
}

bool fs_path_safe(const char *path)
{
	if (!*path)
		return false;
	for (const char *p = path;;) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		for (size_t i = 0; i < n; i++)
			if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
				return false;
		if (!p[n])
			return true;
		p += n + 1;
	}
}
