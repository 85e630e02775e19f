/*
 * images.h - which images a lab needs, in build order, each with the content tag that names it.
 *
 * "lab/<name>[:tag]" is the folder _images/<name> beside the lab (the tag is for people); a
 * service's build context images/<name> is "<slug>/<name>"; everything else is foreign and pulled.
 * A built image is tagged "labyard/<name>:<first 20 hex of a digest>" ("lab/pg" without its
 * "lab/"). The digest covers the build context, the Dockerfile with the tags of its bases in the
 * place of their names, and the certificates that this machine trusts beyond Debian's. So an
 * unchanged image is never built again, and a changed base rebuilds what stands on it; a foreign
 * base that changes under its name is not noticed. A Dockerfile that names something in _lib/ gets
 * the repository's _lib folder into its context.
 */
#pragma once

#include "base/err.h"
#include "content/tar.h"
#include "lab/lab.h"

struct lab_image {
	char *name;   /* "lab/pg" or "drift-retrain/seed", or a foreign reference */
	char *tag;    /* what the engine calls it */
	bool foreign; /* pulled, not built */
	struct tar_plan *context; /* built images; taken by the first build (NULL afterwards) */
	int *needs; /* images (lower indexes) that must exist first, foreign ones included */
	size_t n_needs;
};

struct lab_images {
	struct lab_image *items; /* bases before what stands on them */
	size_t n;
	int *of_service; /* per service of the lab: index */
};

/*
 * Plan all images of a lab. Blocking: reads every build context; any thread.
 * Errors: ERR_INVALID (Dockerfile, unknown lab/ image, circle; with file and line), ERR_IO,
 * ERR_FORBIDDEN (a link in a context), ERR_LIMIT.
 */
int lab_images_plan(struct lab_images *ret, const struct lab *l, struct err *e);
void lab_images_done(struct lab_images *i); /* also of a zeroed one */
