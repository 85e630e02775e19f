/* template.c - a new lab from a template. */
#include "lab/template.h"
#include "base/fsutil.h"
#include "base/id.h"
#include "base/str.h"
#include "lab/reader.h"
#include "lab/tree.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1024 * 1024 };

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int template_names(const char *folder, char ***ret, struct err *e)
{
	_cleanup_(strv_freep) char **names = strv_new();
	DIR *d = opendir(folder);
	const struct dirent *entry;

	if (!d)
		return err_sys(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
			"cannot list the templates in '%s'", folder);
	while ((entry = readdir(d)))
		if (*entry->d_name != '.')
			strv_add(&names, entry->d_name);
	(void)closedir(d);
	qsort(names, strv_len(names), sizeof(*names), by_name);
	*ret = TAKE(names);
	return 0;
}

static int unknown(const char *folder, const char *name, struct err *e)
{
	_cleanup_(strv_freep) char **names = NULL;
	_cleanup_buf_ struct buf all = BUF(4096);
	int r = template_names(folder, &names, e);

	if (r < 0)
		return r;
	for (size_t i = 0; names[i]; i++)
		(void)buf_addf(&all, "%s%s", i ? ", " : "", names[i]);
	const char *near = str_nearest(name, (const char *const *)names, strv_len(names));
	if (near)
		return err_set(e, ERR_USAGE, "there is no template '%.40s' (did you mean '%s'?)",
			name, near);
	return err_set(
		e, ERR_USAGE, "there is no template '%.40s': there are %s", name, buf_str(&all));
}

/* --- copying --- */

struct copy {
	int from;
	const char *to; /* the folder that is made */
	const char *slug;
	const char *title;
	char **files;
};

/* log-triage -> Log triage. The caller owns it. */
static char *title_of(const char *slug)
{
	char *s = xstrdup(slug);

	*s = (char)toupper((unsigned char)*s);
	for (char *p = s; *p; p++)
		*p = *p == '-' ? ' ' : *p;
	return s;
}

/* The word that stands at p, and what replaces it; 0 when it is none. */
static size_t word_at(const struct copy *c, const char *p, const char **ret_value)
{
	if (str_starts(p, "@slug@"))
		*ret_value = c->slug;
	else if (str_starts(p, "@title@"))
		*ret_value = c->title;
	else
		return 0;
	return strcspn(p + 1, "@") + 2;
}

static void fill_in(const struct copy *c, const char *text, struct buf *out)
{
	while (*text) {
		size_t plain = strcspn(text, "@");
		const char *value = NULL;

		(void)buf_add(out, text, plain);
		text += plain;
		size_t n = word_at(c, text, &value);
		(void)(n ? buf_adds(out, value) : buf_add(out, text, *text != '\0'));
		text += n ? n : *text != '\0';
	}
}

static int copy_file(struct copy *c, const struct tree_entry *f, const char *to, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF(FILE_MAX), filled = BUF(2 * FILE_MAX);
	mode_t mode = f->executable ? 0755 : 0644;
	int r = fs_read_beneath(c->from, f->path, &text, e);

	fill_in(c, buf_str(&text), &filled);
	if (filled.full)
		return err_set(e, ERR_LIMIT, "the template's '%s' is too large", f->path);
	_cleanup_close_ int fd =
		r < 0 ? r : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (r == 0 && (fd < 0 || fchmod(fd, mode) < 0)) /* whatever the umask */
		return err_sys(e, ERR_IO, "cannot make '%s'", to);
	return r < 0 ? r : fs_write_all(fd, buf_str(&filled), filled.len, e);
}

static int copy_entry(void *arg, const struct tree_entry *f, struct err *e)
{
	struct copy *c = arg;
	_cleanup_free_ char *to = strf("%s/%s", c->to, f->path);

	if (f->kind == TREE_FOLDER)
		return fs_mkdirs(to, 0755, e);
	int r = copy_file(c, f, to, e);
	if (r == 0)
		strv_take(&c->files, strf("%s/%s", c->slug, f->path));
	return r;
}

static int exists(const char *path, struct err *e)
{
	return err_set(e, ERR_EXISTS, "'%s' is there already; nothing was changed", path);
}

/* Only a name that is free gets the new folder. */
static int put_in_place(const char *part, const char *target, struct err *e)
{
	if (renameat2(AT_FDCWD, part, AT_FDCWD, target, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EINVAL && !fs_exists(target) && rename(part, target) == 0)
		return 0; /* a file system that cannot promise it */
	return errno == EEXIST ? exists(target, e) : err_sys(e, ERR_IO, "cannot make '%s'", target);
}

int template_use(const char *folder, const char *name, const char *slug, const char *dir,
	char ***ret_files, struct err *e)
{
	_cleanup_free_ char *source = strf("%s/%s", folder, name);
	_cleanup_free_ char *target = streq(dir, ".") ? xstrdup(slug) : strf("%s/%s", dir, slug),
			    *title = title_of(slug);
	char unique[9];

	if (!form_slug.ok(slug))
		return err_set(e, ERR_USAGE, "'%.60s' cannot be the name of a lab: it must be %s",
			slug, form_slug.what);
	if (!form_id.ok(name) || !fs_is_dir(source))
		return unknown(folder, name, e);
	if (!fs_is_dir(dir))
		return err_set(e, ERR_NOT_FOUND, "there is no folder '%s'", dir);
	if (fs_exists(target))
		return exists(target, e);
	id_random(unique, sizeof(unique) - 1);
	_cleanup_free_ char *part = strf("%s/.%s.%s", dir, slug, unique);
	_cleanup_close_ int from = open(source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct copy c = {from, part, slug, title, strv_new()};
	int r = from < 0 ? err_sys(e, ERR_IO, "cannot open '%s'", source)
			 : fs_mkdirs(part, 0755, e);

	if (r == 0)
		r = tree_walk(from, ".", copy_entry, &c, e);
	if (r == 0)
		r = put_in_place(part, target, e);
	(void)fs_remove_tree(part, NULL); /* what is left of a failure */
	if (r == 0)
		*ret_files = c.files;
	else
		strv_free(c.files);
	return r;
}
