/*
 * tar_write.c - turning a plan into the bytes of an archive, step by step.
 *
 * libarchive pushes bytes at a callback, which appends them to the buffer of the current step; we
 * decide how much a step gives libarchive to write. So the same writer serves a whole archive in
 * memory and a stream that stops when nobody reads, without a thread that waits.
 */
#include "base/fsutil.h"
#include "base/str.h"
#include "content/libarchive.h"
#include "content/tar_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- contents --- */

static int changed(const struct tar_entry *t, struct err *e)
{
	return err_set(e, ERR_IO, "'%s/%s' changed while it was read: try again", t->root, t->path);
}

void tar_reader_done(struct tar_reader *r)
{
	close_fd(&r->fd);
	close_fd(&r->root_fd);
	*r = TAR_READER;
}

static int open_file(struct tar_reader *r, const struct tar_entry *t, struct err *e)
{
	struct stat st;

	if (r->root != t->root) {
		close_fd(&r->root_fd);
		r->root = NULL;
		r->root_fd = open(t->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (r->root_fd < 0)
			return err_sys(e, ERR_IO, "cannot open '%s'", t->root);
		r->root = t->root;
	}
	r->fd = fs_open_beneath(r->root_fd, t->path, O_RDONLY, e);
	if (r->fd < 0)
		return r->fd;
	if (fstat(r->fd, &st) < 0)
		return err_sys(e, ERR_IO, "cannot read '%s'", t->path);
	return S_ISREG(st.st_mode) && st.st_size == t->size ? 0 : changed(t, e);
}

int tar_reader_open(struct tar_reader *r, const struct tar_entry *t, struct err *e)
{
	close_fd(&r->fd);
	r->fd = -1;
	r->entry = t;
	r->done = 0;
	sha256_init(&r->sha);
	return t->root ? open_file(r, t, e) : 0;
}

static int64_t read_content(struct tar_reader *r, char *p, size_t n, struct err *e)
{
	const struct tar_entry *t = r->entry;
	ssize_t got;

	if (t->data) {
		got = (ssize_t)MIN(n, (size_t)(t->size - r->done));
		memcpy(p, t->data + r->done, (size_t)got);
		return got;
	}
	do
		got = read(r->fd, p, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? err_sys(e, ERR_IO, "cannot read '%s/%s'", t->root, t->path) : got;
}

int64_t tar_reader_next(struct tar_reader *r, char *p, size_t n, struct err *e)
{
	const struct tar_entry *t = r->entry;
	unsigned char sha[SHA256_BYTES];
	int64_t got = read_content(r, p, n, e);

	if (got < 0)
		return got;
	if (r->done + got > t->size || (got == 0 && r->done != t->size))
		return changed(t, e);
	r->done += got;
	sha256_add(&r->sha, p, (size_t)got);
	if (got > 0 || !t->hashed)
		return got;
	sha256_final(&r->sha, sha);
	return memcmp(sha, t->sha, sizeof(sha)) == 0 ? 0 : changed(t, e);
}

/* --- the archive --- */

struct tar_writer {
	const struct libarchive *lib;
	struct archive *archive;
	struct tar_entry **list;
	size_t n, at;
	bool open; /* list[at] is being read */
	struct tar_reader reader;
	struct buf *out; /* of the current step */
	bool full;       /* out refused bytes */
};

static la_ssize_t on_bytes(struct archive *a, void *arg, const void *p, size_t n)
{
	struct tar_writer *w = arg;

	if (!w->out)
		return (la_ssize_t)n; /* the end of an archive that nobody wants any more */
	if (buf_add(w->out, p, n) == 0)
		return (la_ssize_t)n;
	w->full = true;
	w->lib->archive_set_error(a, ENOMEM, "the buffer is full");
	return -1;
}

static int failed(struct tar_writer *w, struct err *e)
{
	if (w->full)
		return err_set(e, ERR_LIMIT, "the archive is larger than %s",
			str_human_size((int64_t)w->out->max));
	return err_set(e, ERR_IO, "cannot write the archive: %s",
		w->lib->archive_error_string(w->archive));
}

int tar_writer_new(struct tar_writer **ret, struct tar_plan *p, struct err *e)
{
	_cleanup_(tar_writer_freep) struct tar_writer *w = NEW(struct tar_writer);
	int r = tar_plan_sort(p, &w->list, &w->n, e);

	w->reader = TAR_READER;
	if (r == 0)
		r = libarchive_load(&w->lib, e);
	if (r < 0)
		return r;
	const struct libarchive *l = w->lib;
	w->archive = l->archive_write_new();
	/* no blocks: bytes come as they are made, and nothing pads the end */
	if (!w->archive || l->archive_write_set_format_pax_restricted(w->archive) != ARCHIVE_OK ||
		l->archive_write_set_bytes_per_block(w->archive, 0) != ARCHIVE_OK ||
		l->archive_write_open(w->archive, w, NULL, on_bytes, NULL) != ARCHIVE_OK)
		return failed(w, e);
	*ret = TAKE(w);
	return 0;
}

void tar_writer_free(struct tar_writer *w)
{
	if (!w)
		return;
	w->out = NULL;
	if (w->archive) {
		/* free alone leaks what open allocated when a writer ends early */
		w->lib->archive_write_fail(w->archive);
		w->lib->archive_write_close(w->archive);
		w->lib->archive_write_free(w->archive);
	}
	tar_reader_done(&w->reader);
	free(w->list);
	free(w);
}

static int write_head(struct tar_writer *w, const struct tar_entry *t, struct err *e)
{
	const struct libarchive *l = w->lib;
	struct archive_entry *a = l->archive_entry_new();

	l->archive_entry_set_pathname(a, *t->name ? t->name : ".");
	l->archive_entry_set_filetype(a, t->dir ? AE_IFDIR : t->link ? AE_IFLNK : AE_IFREG);
	if (t->link)
		l->archive_entry_set_symlink(a, t->link);
	l->archive_entry_set_perm(a, (mode_t)t->mode);
	l->archive_entry_set_uid(a, t->uid);
	l->archive_entry_set_gid(a, t->gid);
	l->archive_entry_set_mtime(a, 0, 0);
	l->archive_entry_set_size(a, t->size);
	int r = l->archive_write_header(w->archive, a);
	l->archive_entry_free(a);
	return r < ARCHIVE_WARN ? failed(w, e) : 0;
}

static int begin_entry(struct tar_writer *w, struct err *e)
{
	const struct tar_entry *t = w->list[w->at];
	bool content = tar_has_content(t);
	int r = content ? tar_reader_open(&w->reader, t, e) : 0;

	if (r == 0)
		r = write_head(w, t, e);
	w->open = content;
	w->at += !content;
	return r;
}

static int write_content(struct tar_writer *w, struct err *e)
{
	char block[65536];
	int64_t n = tar_reader_next(&w->reader, block, sizeof(block), e);

	if (n < 0)
		return (int)n;
	if (n > 0 && w->lib->archive_write_data(w->archive, block, (size_t)n) != n)
		return failed(w, e);
	if (n == 0) {
		w->open = false;
		w->at++;
	}
	return 0;
}

int tar_writer_step(struct tar_writer *w, struct buf *out, struct err *e)
{
	w->out = out;
	if (w->open)
		return write_content(w, e);
	if (w->at < w->n)
		return begin_entry(w, e);
	return w->lib->archive_write_close(w->archive) == ARCHIVE_OK ? 1 : failed(w, e);
}

int tar_plan_write(struct tar_plan *p, struct buf *out, struct err *e)
{
	_cleanup_(tar_writer_freep) struct tar_writer *w = NULL;
	int r = tar_writer_new(&w, p, e);

	while (r == 0)
		r = tar_writer_step(w, out, e);
	return r < 0 ? r : 0;
}
