/* images.c - which images a lab needs, and the tags that name their content. */
#include "lab/images.h"
#include "base/fsutil.h"
#include "base/hash.h"
#include "base/str.h"
#include "lab/imagegraph.h"
#include "lab/tree.h"

#include <fcntl.h>

/* Where Debian keeps what an administrator trusts beyond the distribution; base images carry it. */
#define CA_FOLDER "usr/local/share/ca-certificates"

enum { CERTIFICATE_MAX = 1024 * 1024 };

/* Links are followed here: the folder is the administrator's, and update-ca-certificates does so,
 * too. */
static int hash_certificate(void *arg, const struct tree_entry *f, struct err *e)
{
	_cleanup_free_ char *path = strf("/%s", f->path);
	_cleanup_buf_ struct buf text = BUF(CERTIFICATE_MAX);

	if (str_ends(f->path, ".crt") && fs_read(path, &text, NULL) == 0)
		sha256_add(arg, text.data, text.len);
	return 0;
}

static int hash_certificates(char hex[static SHA256_HEX], struct err *e)
{
	_cleanup_close_ int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct sha256 h;

	if (root < 0)
		return err_sys(e, ERR_IO, "cannot open '/'");
	sha256_init(&h);
	int r = tree_walk(root, CA_FOLDER, hash_certificate, &h, e);
	sha256_final_hex(&h, hex);
	return r < 0 && r != ERR_NOT_FOUND ? err_wrap(e, "certificates of this machine") : 0;
}

/* Everything the build gets: the folder, the Dockerfile with the tags of its bases, _lib when it is
 * used. */
static int plan_context(struct tar_plan *p, const struct lab *l, const struct image_node *node,
	const struct lab_image *items, struct err *e)
{
	_cleanup_free_ const char **tags = xcalloc(node->file.n + 1, sizeof(*tags));
	int r = tar_add_tree(p, l->repository, node->folder, "", 0, 0, e);

	for (size_t i = 0; i < node->file.n; i++)
		tags[i] = items[node->needs[i]].foreign ? NULL : items[node->needs[i]].tag;
	_cleanup_free_ char *text = dockerfile_replace(&node->file, node->text, tags);
	tar_add_file(p, "Dockerfile", text, strlen(text), 0644, 0, 0);
	if (r == 0 && node->file.lib)
		r = tar_add_tree(p, l->repository, "_lib", "_lib", 0, 0, e);
	return r < 0 ? err_wrap(e, "image '%s'", node->name) : 0;
}

/* "lab/pg" is labyard/pg, "drift-retrain/seed" labyard/drift-retrain/seed. */
static int name_image(struct lab_image *image, const char *certificates, struct err *e)
{
	const char *name = str_starts(image->name, "lab/") ? image->name + 4 : image->name;
	char content[SHA256_HEX], all[SHA256_HEX];
	int r = tar_plan_digest(image->context, content, e);

	if (r < 0)
		return err_wrap(e, "image '%s'", image->name);
	_cleanup_free_ char *both = strf("labyard image v1 %s %s", content, certificates);
	sha256_hex(both, strlen(both), all);
	image->tag = strf("labyard/%s:%.20s", name, all);
	return 0;
}

static int plan_image(struct lab_images *to, const struct lab *l, const struct image_node *node,
	const char *certificates, struct err *e)
{
	struct lab_image *image = &to->items[to->n++];

	image->name = xstrdup(node->name);
	image->foreign = !node->folder;
	if (image->foreign) {
		image->tag = xstrdup(node->name);
		return 0;
	}
	image->n_needs = node->file.n;
	image->needs = (int *)(void *)xmemdup(node->needs, (node->file.n + 1) * sizeof(int));
	image->context = tar_plan_new();
	int r = plan_context(image->context, l, node, to->items, e);
	return r < 0 ? r : name_image(image, certificates, e);
}

int lab_images_plan(struct lab_images *ret, const struct lab *l, struct err *e)
{
	_cleanup_(image_graph_done) struct image_graph g = {0};
	_cleanup_(lab_images_done) struct lab_images images = {0};
	char certificates[SHA256_HEX];
	struct image_place at;
	int r = image_graph_read(&g, l, &at, e);

	if (r < 0)
		return *at.file ? err_wrap(e, "%s:%d", at.file, at.line) : r;
	r = hash_certificates(certificates, e);
	images.items = xcalloc(g.n + 1, sizeof(*images.items));
	for (size_t i = 0; r == 0 && i < g.n; i++)
		r = plan_image(&images, l, &g.nodes[i], certificates, e);
	if (r < 0)
		return r;
	images.of_service = TAKE(g.of_service);
	*ret = images;
	images = (struct lab_images){0};
	return 0;
}

void lab_images_done(struct lab_images *i)
{
	for (size_t k = 0; k < i->n; k++) {
		struct lab_image *image = &i->items[k];

		free(image->name);
		free(image->tag);
		tar_plan_free(image->context);
		free(image->needs);
	}
	free(i->items);
	free(i->of_service);
	*i = (struct lab_images){0};
}
