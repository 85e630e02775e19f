/*
 * images.h - which images a lab needs, in build order, each with the content tag that names it.
 *
 * Tag of a built image: "labyard/<name>:<first 20 hex of its content digest>", where the digest
 * covers the build context, build arguments, the Dockerfile with its FROM lib/<x> lines replaced by
 * the tags of those images, and the digest of the host's CA certificates. So an unchanged image is
 * never built again, and a changed base rebuilds what stands on it.
 */
#pragma once

#include "base/err.h"
#include "content/tar.h"
#include "lab/lab.h"

struct lab_image {
	char *name;   /* "lab/pg" or "drift-retrain/seed", or a foreign reference */
	char *tag;    /* what the engine calls it */
	bool foreign; /* pulled, not built */
	char *dockerfile, *target;
	char **args;
	struct tar_plan *context; /* built images; taken by the first build (NULL afterwards) */
	int *needs; /* images (indexes, lower) that must exist first: also foreign bases of FROM
		       lines */
	size_t n_needs;
};

struct lab_images {
	struct lab_image *items; /* bases before what stands on them */
	size_t n;
	int *of_service; /* per service of the lab: index */
};

/* Blocking: reads every build context. Errors: ERR_INVALID (Dockerfile, unknown lab/ image,
 * circle), ERR_IO, ERR_LIMIT. */
int lab_images_plan(struct lab_images *ret, const struct lab *l, struct err *e);
void lab_images_done(struct lab_images *i);
