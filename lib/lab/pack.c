/* pack.c - a lab as one archive. */
#include "lab/pack.h"
#include "base/str.h"
#include "content/tar.h"
#include "lab/imagegraph.h"

static int add_tree(struct tar_plan *p, const struct lab *l, const char *path, struct err *e)
{
	return tar_add_tree(p, l->repository, path, path, 0, 0, e);
}

static int add_all(
	struct tar_plan *p, const struct lab *l, const struct image_graph *g, struct err *e)
{
	int r = add_tree(p, l, strrchr(l->root, '/') + 1, e);

	for (size_t i = 0; r == 0 && i < g->n; i++) {
		const char *folder = g->nodes[i].folder;

		if (!folder || !str_starts(folder, "_images/"))
			continue;
		tar_add_dir(p, "_images", 0755, 0, 0);
		r = add_tree(p, l, folder, e);
	}
	return r == 0 && g->lib ? add_tree(p, l, "_lib", e) : r;
}

int lab_pack(const struct lab *l, struct buf *out, struct err *e)
{
	_cleanup_(image_graph_done) struct image_graph g = {0};
	_cleanup_(tar_plan_freep) struct tar_plan *p = tar_plan_new();
	struct image_place at;
	int r = image_graph_read(&g, l, &at, e);

	if (r == 0)
		r = add_all(p, l, &g, e);
	return r == 0 ? tar_plan_write(p, out, e) : r;
}
