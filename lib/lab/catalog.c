/* catalog.c - the labs of one folder. */
#include "lab/catalog.h"
#include "base/fsutil.h"
#include "base/id.h"
#include "base/str.h"
#include "lab/imagegraph.h"
#include "lab/reader.h"
#include "lab/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool is_lab(const char *folder, const char *name)
{
	_cleanup_free_ char *file = strf("%s/%s/lab.yaml", folder, name);

	return *name != '_' && *name != '.' && fs_exists(file);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int catalog_slugs(const char *folder, char ***ret, struct err *e)
{
	_cleanup_(strv_freep) char **slugs = strv_new();
	DIR *d = opendir(folder);
	const struct dirent *entry;
	size_t n = 0;

	if (!d)
		return err_sys(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
			"cannot list the labs in '%s'", folder);
	while (n <= CATALOG_LABS_MAX && (entry = readdir(d)))
		if (is_lab(folder, entry->d_name)) {
			strv_add(&slugs, entry->d_name);
			n++;
		}
	(void)closedir(d);
	if (n > CATALOG_LABS_MAX)
		return err_set(
			e, ERR_LIMIT, "'%s' has more than %d labs", folder, CATALOG_LABS_MAX);
	qsort(slugs, n, sizeof(*slugs), by_name);
	*ret = TAKE(slugs);
	return 0;
}

static int unknown_lab(const char *folder, const char *slug, struct err *e)
{
	_cleanup_(strv_freep) char **slugs = NULL;
	int r = catalog_slugs(folder, &slugs, e);

	if (r < 0)
		return r;
	const char *near = str_nearest(slug, (const char *const *)slugs, strv_len(slugs));
	return err_set(e, ERR_NOT_FOUND, "there is no lab '%s'%s%s%s", slug,
		near ? "; did you mean '" : "; see 'lab catalog'", near ? near : "",
		near ? "'?" : "");
}

int catalog_load(const char *folder, const char *slug, struct lab **ret, struct problems *problems,
	struct err *e)
{
	_cleanup_free_ char *path = strf("%s/%s", folder, slug);

	if (!form_slug.ok(slug))
		return err_set(e, ERR_USAGE, "'%.60s' is not the name of a lab: it must be %s",
			slug, form_slug.what);
	if (!is_lab(folder, slug))
		return unknown_lab(folder, slug, e);
	return lab_load(ret, path, problems, e);
}

/* --- snapshots --- */

static int copy_parts(const struct lab *l, const struct image_graph *g, int repository,
	const char *to, struct err *e)
{
	const char *slug = strrchr(l->root, '/') + 1;
	_cleanup_free_ char *own = strf("%s/%s", to, slug);
	_cleanup_free_ char *lib = strf("%s/_lib", to);
	int r = tree_copy(repository, slug, own, e);

	for (size_t i = 0; r == 0 && i < g->n; i++) {
		const char *folder = g->nodes[i].folder;
		_cleanup_free_ char *image = strf("%s/%s", to, folder ? folder : "");

		if (folder && str_starts(folder, "_images/"))
			r = tree_copy(repository, folder, image, e);
	}
	return r == 0 && g->lib ? tree_copy(repository, "_lib", lib, e) : r;
}

/* Everything copied reaches the disk before the name does. */
static int settle(const char *from, const char *to, struct err *e)
{
	_cleanup_close_ int fd = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || syncfs(fd) < 0)
		return err_sys(e, ERR_IO, "cannot sync '%s'", from);
	if (rename(from, to) < 0 && errno != ENOTEMPTY &&
		errno != EEXIST) /* the same from somebody else */
		return err_sys(e, ERR_IO, "cannot make '%s'", to);
	if (syncfs(fd) < 0)
		return err_sys(e, ERR_IO, "cannot sync '%s'", to);
	return 0;
}

int catalog_snapshot(const struct lab *l, const char *to, struct err *e)
{
	_cleanup_(image_graph_done) struct image_graph g = {0};
	_cleanup_close_ int repository = open(l->repository, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct image_place at;
	char unique[9];

	if (fs_is_dir(to))
		return 0; /* it is only there when it is whole */
	if (repository < 0)
		return err_sys(e, ERR_IO, "cannot open '%s'", l->repository);
	id_random(unique, sizeof(unique) - 1);
	_cleanup_free_ char *part = strf("%s.%s.part", to, unique);
	int r = image_graph_read(&g, l, &at, e);
	if (r == 0)
		r = copy_parts(l, &g, repository, part, e);
	if (r == 0)
		r = settle(part, to, e);
	(void)fs_remove_tree(part, NULL); /* what is left of a failure, or of the slower of two */
	return r;
}
