/* program.c - programs of a lab. */
#include "lab/program.h"
#include "base/fsutil.h"
#include "base/str.h"

#include <fcntl.h>
#include <sys/stat.h>

enum { HEADER_LINES = 12 };

int program_read(int dirfd, const char *path, struct buf *out, struct err *e)
{
	_cleanup_close_ int fd = fs_open_beneath(dirfd, path, O_RDONLY, e);
	struct stat st;

	if (fd < 0)
		return err_set(e, ERR_NOT_FOUND, "the program '%s' does not exist", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_NOT_FOUND, "the program '%s' is not a file", path);
	if (!(st.st_mode & S_IXUSR))
		return err_set(
			e, ERR_INVALID, "the program '%s' is not executable; run chmod +x", path);
	int r = fs_read_beneath(dirfd, path, out, e);
	if (r < 0)
		return r;
	if (!str_starts(buf_str(out), "#!/"))
		return err_set(e, ERR_INVALID,
			"the program '%s' has no shebang such as #!/bin/sh in its first line",
			path);
	return 0;
}

int program_check(int dirfd, const char *folder, const char *path, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF(PROGRAM_MAX);
	_cleanup_free_ char *full = strf("%s/%s", folder, path);

	if (!fs_path_safe(path))
		return err_set(
			e, ERR_NOT_FOUND, "'%.60s' must be a program below %s/", path, folder);
	return program_read(dirfd, full, &text, e);
}

char *program_header(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (int i = 0; i < HEADER_LINES && *text == '#'; i++) {
		size_t line = strcspn(text, "\n");
		const char *p = text + 1 + strspn(text + 1, " ");

		if (strncmp(p, name, n) == 0 && p[n] == ':') {
			p += n + 1 + strspn(p + n + 1, " ");
			return xstrndup(p, p < text + line ? (size_t)(text + line - p) : 0);
		}
		text += line + (text[line] == '\n');
	}
	return NULL;
}

bool program_is_shell(const char *text)
{
	_cleanup_free_ char *first = xstrndup(text, strcspn(text, " \r\n"));

	return str_ends(first, "/sh") || str_ends(first, "/bash") || str_ends(first, "/dash");
}
