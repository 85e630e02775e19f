/* fake_archive.c - files of the fake engine's containers and volumes, in and out as tar. */
#include "tests/fake/fake.h"

#include <archive.h>
#include <archive_entry.h>

struct file {
	struct archive_entry *entry; /* type, mode, owner, link target */
	struct buf bytes;
};

static void file_free(void *p)
{
	struct file *file = p;

	archive_entry_free(file->entry);
	buf_done(&file->bytes);
	free(file);
}

struct map *files_new(void)
{
	return map_new(file_free);
}

/* The map that holds an absolute path, and the path's name in it: "" is its top. */
static struct map *files_of(
	struct fake *f, struct container *c, const char *path, const char **ret_name)
{
	size_t best = 0;
	struct map *files = c->files;

	for (size_t i = 0; i < c->n_mounts; i++) {
		size_t n = strlen(c->mounts[i].target);
		struct volume *v = map_get(f->volumes, c->mounts[i].volume);

		if (v && n > best && strncmp(path, c->mounts[i].target, n) == 0 &&
			(path[n] == '/' || !path[n])) {
			best = n;
			files = v->files;
		}
	}
	*ret_name = path + best + strspn(path + best, "/");
	return files;
}

const struct buf *file_bytes(struct fake *f, struct container *c, const char *path)
{
	const char *name;
	struct map *files = files_of(f, c, path, &name);
	const struct file *file = map_get(files, name);

	return file ? &file->bytes : NULL;
}

bool file_copy(struct fake *f, struct container *c, const char *from, const char *to)
{
	const char *name, *copy_name;
	struct map *source = files_of(f, c, from, &name);
	struct map *target = files_of(f, c, to, &copy_name);
	const struct file *file = map_get(source, name);
	struct file *copy;

	if (!file)
		return false;
	copy = NEW(struct file);
	copy->entry = archive_entry_clone(file->entry);
	buf_init(&copy->bytes, 64u << 20);
	(void)buf_add(&copy->bytes, buf_str(&file->bytes), file->bytes.len);
	map_put(target, copy_name, copy);
	return true;
}

void file_remove(struct fake *f, struct container *c, const char *path)
{
	const char *name, *key;
	struct map *files = files_of(f, c, path, &name);
	_cleanup_free_ char *inside = strf("%s/", name);
	_cleanup_(strv_freep) char **gone = strv_new();
	void *value;

	for (size_t i = 0; map_each(files, &i, &key, &value);)
		if (streq(key, name) || str_starts(key, inside))
			strv_add(&gone, key);
	for (char **k = gone; *k; k++)
		map_remove(files, *k);
}

static bool folder_exists(const struct map *files, const char *name)
{
	static const char *const always[] = {"", "tmp", "etc", "srv", "opt", "root", "var", "data"};
	_cleanup_free_ char *inside = strf("%s/", name);
	const char *key;
	void *value;

	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		if (streq(name, always[i]))
			return true;
	for (size_t i = 0; map_each(files, &i, &key, &value);)
		if (streq(key, name) || str_starts(key, inside))
			return true;
	return false;
}

/* --- in --- */

/* "./a/b/" below folder "x" -> "x/a/b". The caller owns it. */
static char *join(const char *folder, const char *entry)
{
	char *path;

	entry += str_starts(entry, "./") ? 2 : 0;
	path = *folder && *entry ? strf("%s/%s", folder, entry) : xstrdup(*folder ? folder : entry);
	for (size_t n = strlen(path); n > 0 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	return path;
}

static bool read_entry(struct archive *a, struct archive_entry *e, struct file *file)
{
	char block[16384];
	la_ssize_t n;

	file->entry = archive_entry_clone(e);
	buf_init(&file->bytes, 64u << 20);
	while ((n = archive_read_data(a, block, sizeof(block))) > 0)
		(void)buf_add(&file->bytes, block, (size_t)n);
	return n == 0;
}

static bool unpack(struct map *files, const char *folder, const struct buf *tar)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	int r;

	archive_read_support_format_tar(a);
	r = archive_read_open_memory(a, buf_str(tar), tar->len);
	while (r == ARCHIVE_OK && (r = archive_read_next_header(a, &e)) == ARCHIVE_OK) {
		_cleanup_free_ char *path = join(folder, archive_entry_pathname(e));
		struct file *file = NEW(struct file);

		if (!read_entry(a, e, file))
			r = ARCHIVE_FATAL;
		map_put(files, path, file); /* what was cut stays, as on the real one */
	}
	archive_read_free(a);
	return r == ARCHIVE_EOF;
}

void archive_put(struct fake *f, struct conn *conn, const struct request *r, const char *id)
{
	_cleanup_free_ char *path = asked_query(r, "path");
	struct container *c = find_container(f, id);
	const char *name = "";
	struct map *files;

	if (!c || !path) {
		answer_error(conn, 404, "No such container: %s", id);
		return;
	}
	files = files_of(f, c, path, &name);
	if (c->read_only && files == c->files)
		answer_error(
			conn, f->minor >= 56 ? 400 : 500, "container rootfs is marked read-only");
	else if (!folder_exists(files, name))
		answer_error(conn, 404, "Could not find the file %s in container %s", path, id);
	else if (!unpack(files, name, &r->body))
		answer_error(conn, 500, "unexpected EOF");
}

/* --- out --- */

static la_ssize_t to_buf(struct archive *a, void *arg, const void *p, size_t n)
{
	return buf_add(arg, p, n) == 0 ? (la_ssize_t)n : -1;
}

/* The names in the tar begin with the last part of what was asked for. */
static void pack_file(struct archive *a, const char *name, const char *key, const struct file *file)
{
	const char *slash = strrchr(name, '/');
	struct archive_entry *e = archive_entry_clone(file->entry);

	archive_entry_set_pathname(e, key + (slash ? slash + 1 - name : 0));
	archive_entry_set_size(e, (la_int64_t)file->bytes.len);
	archive_write_header(a, e);
	if (file->bytes.len)
		archive_write_data(a, file->bytes.data, file->bytes.len);
	archive_entry_free(e);
}

static size_t pack(struct map *files, const char *name, struct buf *out)
{
	struct archive *a = archive_write_new();
	_cleanup_free_ char *inside = strf("%s/", name);
	const char *key;
	struct file *file;
	size_t n = 0;

	archive_write_set_format_pax_restricted(a);
	archive_write_open(a, out, NULL, to_buf, NULL);
	for (size_t i = 0; map_each(files, &i, &key, &file);) {
		if (*name && !streq(key, name) && !str_starts(key, inside))
			continue;
		pack_file(a, name, key, file);
		n++;
	}
	archive_write_close(a);
	archive_write_free(a);
	return n;
}

void archive_get(struct fake *f, struct conn *conn, const struct request *r, const char *id)
{
	_cleanup_free_ char *path = asked_query(r, "path");
	_cleanup_buf_ struct buf tar = BUF(256u << 20);
	struct container *c = find_container(f, id);
	const char *name = "";
	struct map *files;

	if (!c || !path) {
		answer_error(conn, 404, "No such container: %s", id);
		return;
	}
	files = files_of(f, c, path, &name);
	if (pack(files, name, &tar) == 0 && !folder_exists(files, name)) {
		answer_error(conn, 404, "Could not find the file %s in container %s", path, id);
		return;
	}
	fake_unlock(f);
	(void)stream_begin(conn, "application/x-tar");
	for (size_t at = 0; at < tar.len; at += 32768)
		if (!stream_chunk(conn, tar.data + at, MIN((size_t)32768, tar.len - at)))
			break;
	stream_end(conn);
	fake_lock(f);
}

char *tar_file(const struct buf *tar, const char *path)
{
	struct map *files = files_new();
	char *text = NULL;

	if (unpack(files, "", tar)) {
		const struct file *file = map_get(files, path);

		text = file ? xstrdup(buf_str(&file->bytes)) : NULL;
	}
	map_free(files);
	return text;
}
