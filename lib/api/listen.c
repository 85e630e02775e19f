/* listen.c - a unix socket that only its user (and root) can talk to. */
#include "api/listen.h"

#include "base/fsutil.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 512

static int address(const char *path, struct sockaddr_un *a, struct err *e)
{
	size_t n = strlen(path);

	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (n == 0 || n >= sizeof(a->sun_path))
		return err_set(e, ERR_USAGE,
			"the socket path '%s' is longer than %zu bytes; set XDG_RUNTIME_DIR to a "
			"shorter folder",
			path, sizeof(a->sun_path) - 1);
	memcpy(a->sun_path, path, n + 1);
	return 0;
}

/* Open and lock the folder of `path`; only its owner may be able to enter it. */
static int lock_folder(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *folder =
		slash && slash > path ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
	struct stat st;
	int r = fs_mkdirs(folder, 0700, e);

	if (r < 0)
		return r;
	_cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, ERR_IO, "cannot open the folder '%s'", folder);
	if (st.st_uid != geteuid() || (st.st_mode & 077))
		return err_set(e, ERR_FORBIDDEN,
			"the folder '%s' is open to others; make it yours with mode 0700", folder);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(e, ERR_IO, "cannot lock the folder '%s'", folder);
	return TAKE_FD(fd);
}

static int make_socket(struct err *e)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? err_sys(e, ERR_IO, "cannot make a socket") : fd;
}

/* Is the file at `path` a socket that nobody listens at? Then remove it. */
static int remove_stale(const char *path, const struct sockaddr_un *a, struct err *e)
{
	_cleanup_close_ int fd = make_socket(e);

	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 || errno == EAGAIN)
		return err_set(e, ERR_EXISTS, "a daemon already listens at '%s'", path);
	if (errno == ENOENT)
		return 0;
	if (errno != ECONNREFUSED)
		return err_sys(e, ERR_IO, "cannot use '%s' as a socket", path);
	struct stat st;
	if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return err_set(e, ERR_EXISTS, "'%s' is not a socket; remove it", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(e, ERR_IO, "cannot remove the old socket '%s'", path);
	return 0;
}

int listen_unix(const char *path, int *ret_fd, struct err *e)
{
	struct sockaddr_un a;
	int r = address(path, &a, e);

	if (r < 0)
		return r;
	_cleanup_close_ int folder = lock_folder(path, e);
	if (folder < 0)
		return folder;
	r = remove_stale(path, &a, e);
	if (r < 0)
		return r;
	_cleanup_close_ int fd = make_socket(e);
	if (fd < 0)
		return fd;
	/* the mode of the descriptor becomes the file's: there is no moment with another one */
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		listen(fd, BACKLOG) < 0)
		return err_sys(e, ERR_IO, "cannot listen at '%s'", path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

void listen_close(int fd, const char *path)
{
	struct sockaddr_un a;
	_cleanup_close_ int folder = lock_folder(path, NULL);

	close(fd);
	if (folder < 0 || address(path, &a, NULL) < 0)
		return;
	(void)remove_stale(path, &a, NULL); /* refuses when another daemon has taken the place */
}

static bool is_ours(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return false;
	return peer.uid == geteuid() || peer.uid == 0;
}

int listen_accept(int fd)
{
	for (;;) {
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (peer < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (peer < 0 || is_ours(peer))
			return peer;
		close(peer);
	}
}
