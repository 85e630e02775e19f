/*
 * load.c - reading a lab folder.
 *
 * Three steps, each only when the one before found nothing wrong: the form of both files and their
 * references; what they mean together; the digest. So no step has to guard against the faults of
 * another, and a learner's labd never sees half a lab.
 */
#include "lab/load.h"
#include "base/fsutil.h"
#include "base/hash.h"
#include "base/str.h"
#include "lab/lint.h"
#include "lab/tree.h"

#include <fcntl.h>
#include <limits.h>

struct document {
	struct buf text;
	struct yaml *root;
};

static void document_done(struct document *d)
{
	buf_done(&d->text);
	yaml_free(d->root);
}

/* Read and parse one file. What is wrong with it is reported; no other file is needed to say so. */
static void read_document(struct reader *r, struct document *d, const char *file)
{
	struct mark at = {.file = file, .code = "D001"};
	struct err e = ERR_NONE;
	int code = fs_read_beneath(r->dir, file, &d->text, &e);

	if (code == 0)
		code = yaml_parse(&d->root, buf_str(&d->text), d->text.len, &at.pos, &e);
	else if (code == ERR_NOT_FOUND || code == ERR_FORBIDDEN)
		at.code = "D009";
	if (code == ERR_LIMIT)
		at.code = "D002";
	if (code < 0)
		report(r, &at, "%s", e.text);
}

/* --- the digest --- */

/* Everything that makes the lab: its folder, the shared images it stands on, and _lib when one
 * takes from it. */
static int hash_lab(struct reader *r, const struct image_graph *g, struct err *e)
{
	struct sha256 h;

	sha256_init(&h);
	sha256_add(&h, "labyard lab v1", sizeof("labyard lab v1"));
	int code = tree_hash(&h, r->dir, ".", "lab/", e);
	for (size_t i = 0; code == 0 && i < g->n; i++) {
		const char *folder = g->nodes[i].folder;

		if (folder && str_starts(folder, "_images/"))
			code = tree_hash(&h, r->repository, folder, folder, e);
	}
	if (code == 0 && g->lib)
		code = tree_hash(&h, r->repository, "_lib", "_lib", e);
	if (code == 0)
		sha256_final_hex(&h, r->lab->digest);
	return code;
}

static void report_image(struct reader *r, const struct image_place *at, const char *text)
{
	if (!*at->file) {
		const struct lab_service *s = &r->lab->services[at->service];

		report_key(r, s, s->image ? "image" : "build.context", at->code, "%s", text);
		return;
	}
	_cleanup_free_ char *file = lint_file_name(r, at->file);
	report(r, &(struct mark){.file = file, .pos = {at->line, 1}, .code = at->code}, "%s", text);
}

static void read_images(struct reader *r)
{
	_cleanup_(image_graph_done) struct image_graph g = {0};
	struct image_place at;
	struct err e = ERR_NONE;

	if (image_graph_read(&g, r->lab, &at, &e) < 0) {
		report_image(r, &at, e.text);
		return;
	}
	lint_images(r, &g);
	lint_lock(r, &g);
	if (hash_lab(r, &g, &e) < 0)
		report(r, &(struct mark){.file = "lab.yaml", .code = "D009"}, "%s", e.text);
}

/* --- the steps --- */

static int read_lab(struct reader *r, const char *variant, struct err *e)
{
	_cleanup_(document_done) struct document lab = {.text = BUF(YAML_TEXT_MAX)};
	_cleanup_(document_done) struct document compose = {.text = BUF(YAML_TEXT_MAX)};

	read_document(r, &lab, "lab.yaml");
	read_document(r, &compose, "compose.yaml");
	if (r->problems->errors)
		return 0;
	int code = variants_read(r, lab.root, variant, e);
	if (code < 0)
		return code;
	labfile_read(r, lab.root);
	compose_read(r, compose.root);
	objects_resolve(r);
	if (r->problems->errors)
		return 0;
	services_check(r);
	tasks_check(r);
	lint_run(r);
	read_images(r);
	return 0;
}

static int open_lab(struct reader *r, const char *path, struct err *e)
{
	struct lab *l = r->lab;
	struct err why = ERR_NONE;

	l->root = realpath(path, NULL);
	if (!l->root || !strrchr(l->root, '/')[1])
		return err_set(e, ERR_NOT_FOUND, "'%s' is not the folder of a lab", path);
	l->repository = xstrndup(l->root, (size_t)MAX(strrchr(l->root, '/') - l->root, 1));
	r->dir = open(l->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r->repository = open(l->repository, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dir < 0 || r->repository < 0)
		return err_set(e, ERR_NOT_FOUND, "'%s' is not the folder of a lab", path);
	_cleanup_close_ int fd = fs_open_beneath(r->dir, "lab.yaml", O_RDONLY, &why);
	if (fd == ERR_NOT_FOUND)
		return err_set(e, ERR_NOT_FOUND, "there is no lab.yaml in '%s'", path);
	return 0;
}

static int invalid(const struct problems *p, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->items[i].warning)
			continue;
		_cleanup_free_ char *line = problem_line(&p->items[i]);
		if (p->errors == 1)
			return err_set(e, ERR_INVALID, "%s", line);
		return err_set(e, ERR_INVALID, "%s, and %zu more error%s", line, p->errors - 1,
				p->errors > 2 ? "s" : "");
	}
	return err_set(e, ERR_INVALID, "%zu errors", p->errors); /* behind 50 warnings */
}

int lab_load_variant(struct lab **ret, const char *path, const char *variant,
	struct problems *problems, struct err *e)
{
	_cleanup_(problems_done) struct problems own = {0};
	_cleanup_(lab_freep) struct lab *l = NEW(struct lab);
	_cleanup_free_ char *given = xstrdup(path);
	struct reader r = {
		.lab = l,
		.problems = problems ? problems : &own,
		.given = given,
		.dir = -1,
		.repository = -1,
	};

	for (size_t n = strlen(given); n > 1 && given[n - 1] == '/'; n--)
		given[n - 1] = '\0';
	int code = open_lab(&r, path, e);
	if (code == 0)
		code = read_lab(&r, variant, e);
	if (code == 0 && r.problems->errors)
		code = invalid(r.problems, e);
	close_fd(&r.dir);
	close_fd(&r.repository);
	free(r.origins);
	strv_free(r.left_out);
	if (code == 0)
		*ret = TAKE(l);
	return code;
}

int lab_load(struct lab **ret, const char *path, struct problems *problems, struct err *e)
{
	_cleanup_(problems_done) struct problems own = {0};
	_cleanup_(lab_freep) struct lab *first = NULL;
	struct problems *found = problems ? problems : &own;
	int code = lab_load_variant(&first, path, NULL, found, e);

	for (size_t i = 1; code == 0 && i < first->n_variants; i++) {
		_cleanup_(lab_freep) struct lab *other = NULL;

		code = lab_load_variant(&other, path, first->variants[i].id, found, e);
	}
	if (code == 0)
		*ret = TAKE(first);
	return code;
}

int lab_load_plain(struct lab **ret, const char *path, struct problems *problems, struct err *e)
{
	_cleanup_(lab_freep) struct lab *first = NULL;
	int code = lab_load(&first, path, problems, e);

	for (size_t i = 0; code == 0 && i < first->n_variants; i++)
		if (!first->variants[i].images)
			return lab_load_variant(ret, path, first->variants[i].id, NULL, e);
	if (code == 0)
		*ret = TAKE(first);
	return code;
}
