/* imagegraph.c - the images of a lab and what each stands on. */
#include "lab/imagegraph.h"
#include "base/fsutil.h"
#include "base/str.h"

#include <fcntl.h>

enum { DOCKERFILE_MAX = 256 * 1024, NODES_MAX = 100, DEPTH_MAX = 16 };

struct visit {
	const struct lab *lab;
	int repository;
	struct image_graph *graph;
	struct image_place *place;
	const char *open[DEPTH_MAX]; /* names of the images being followed */
	int depth;
};

static int fail(struct visit *v, const char *file, int line, const char *code)
{
	(void)snprintf(v->place->file, sizeof(v->place->file), "%s", file ? file : "");
	v->place->line = line;
	v->place->code = code;
	return ERR_INVALID;
}

static int find_node(const struct image_graph *g, const char *name)
{
	for (size_t i = 0; i < g->n; i++)
		if (streq(g->nodes[i].name, name))
			return (int)i;
	return -1;
}

static int add_node(struct image_graph *g, struct image_node *take)
{
	ARRAY_GROW(g->nodes, g->n, g->cap);
	g->nodes[g->n++] = *take;
	*take = (struct image_node){0};
	return (int)g->n - 1;
}

static void node_done(struct image_node *n)
{
	free(n->name);
	free(n->folder);
	free(n->text);
	free(n->needs);
	dockerfile_done(&n->file);
}

static int follow(
	struct visit *v, const char *image, const char *from, int line, int *ret, struct err *e);

/* "lab/pg:12" is lab/pg: the tag is for people, labd writes its own. The caller owns the name. */
static char *shared_name(const char *image)
{
	const char *end = strchr(image, ':');

	return str_starts(image, "lab/")
		       ? (end ? xstrndup(image, (size_t)(end - image)) : xstrdup(image))
		       : NULL;
}

static int read_dockerfile(
	struct visit *v, struct image_node *n, const char *from, int from_line, struct err *e)
{
	_cleanup_free_ char *path = strf("%s/Dockerfile", n->folder);
	_cleanup_buf_ struct buf text = BUF(DOCKERFILE_MAX);
	int r = fs_read_beneath(v->repository, path, &text, e), line = 1;

	if (r == ERR_NOT_FOUND) {
		(void)fail(v, from, from_line, str_starts(n->name, "lab/") ? "D008" : "D009");
		return err_set(e, ERR_INVALID, "image '%s' is not defined: there is no '%s'",
			n->name, path);
	}
	if (r < 0) {
		(void)fail(v, path, 1, "D009");
		return r;
	}
	n->text = buf_take(&text);
	r = dockerfile_scan(&n->file, n->text, &line, e);
	return r < 0 ? fail(v, path, line, "D001") : 0;
}

/* Read an image that is built here, after everything it needs. Takes over name and folder. */
static int follow_built(struct visit *v, char *name, char *folder, const char *from, int line,
	int *ret, struct err *e)
{
	_cleanup_(node_done) struct image_node n = {.name = name, .folder = folder};
	_cleanup_free_ char *path = strf("%s/Dockerfile", folder);

	for (int i = 0; i < v->depth; i++)
		if (streq(v->open[i], name)) {
			(void)fail(v, from, line, "D010");
			return err_set(e, ERR_INVALID, "image '%s' stands on itself", name);
		}
	if (v->depth == DEPTH_MAX || v->graph->n >= NODES_MAX)
		return err_set(e, ERR_LIMIT,
			"image '%s': more than %d images, or a chain of more than %d", name,
			NODES_MAX, DEPTH_MAX);
	int r = read_dockerfile(v, &n, from, line, e);
	v->open[v->depth++] = name;
	n.needs = xcalloc(n.file.n + 1, sizeof(int));
	for (size_t i = 0; r == 0 && i < n.file.n; i++)
		r = follow(v, n.file.refs[i].image, path, n.file.refs[i].line, &n.needs[i], e);
	v->depth--;
	if (r == 0) {
		v->graph->lib = v->graph->lib || n.file.lib;
		*ret = add_node(v->graph, &n);
	}
	return r;
}

static int follow(
	struct visit *v, const char *image, const char *from, int line, int *ret, struct err *e)
{
	_cleanup_free_ char *shared = shared_name(image);
	int known = find_node(v->graph, shared ? shared : image);

	if (known >= 0) {
		*ret = known;
		return 0;
	}
	if (!shared) {
		*ret = add_node(v->graph, &(struct image_node){.name = xstrdup(image)});
		return 0;
	}
	if (!fs_path_safe(shared + 4) || strchr(shared + 4, '/')) {
		(void)fail(v, from, line, "D008");
		return err_set(e, ERR_INVALID, "'%s' is not the name of a shared image", image);
	}
	char *folder = strf("_images/%s", shared + 4);
	return follow_built(v, TAKE(shared), folder, from, line, ret, e);
}

static int follow_service(struct visit *v, const struct lab_service *s, int *ret, struct err *e)
{
	const char *slug = strrchr(v->lab->root, '/') + 1;

	if (s->image)
		return follow(v, s->image, NULL, 0, ret, e);
	char *name = strf("%s/%s", slug, s->context + strlen("images/"));
	int known = find_node(v->graph, name);
	if (known >= 0) {
		free(name);
		*ret = known;
		return 0;
	}
	return follow_built(v, name, strf("%s/%s", slug, s->context), NULL, 0, ret, e);
}

int image_graph_read(
	struct image_graph *ret, const struct lab *l, struct image_place *ret_place, struct err *e)
{
	_cleanup_close_ int repository = open(l->repository, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(image_graph_done) struct image_graph g = {
		.of_service = xcalloc(l->n_services + 1, sizeof(int)),
		.n_services = l->n_services,
	};
	struct visit v = {.lab = l, .repository = repository, .graph = &g, .place = ret_place};
	int r = 0;

	*ret_place = (struct image_place){.code = "D009"};
	if (repository < 0)
		return err_sys(e, ERR_IO, "cannot open '%s'", l->repository);
	for (size_t i = 0; r == 0 && i < l->n_services; i++) {
		ret_place->service = (int)i;
		r = follow_service(&v, &l->services[i], &g.of_service[i], e);
	}
	if (r < 0)
		return r;
	*ret = g;
	g = (struct image_graph){0};
	return 0;
}

void image_graph_done(struct image_graph *g)
{
	for (size_t i = 0; i < g->n; i++)
		node_done(&g->nodes[i]);
	free(g->nodes);
	free(g->of_service);
	*g = (struct image_graph){0};
}
