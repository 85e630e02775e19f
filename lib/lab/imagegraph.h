/*
 * imagegraph.h - the images of a lab and what each stands on, read from the Dockerfiles.
 *
 * "lab/<name>" is the folder _images/<name> of the lab's repository, a service's build context is
 * "<slug>/<name>"; everything else is foreign. Internal to lib/lab.
 */
#pragma once

#include "lab/dockerfile.h"
#include "lab/lab.h"

struct image_node {
	char *name;   /* "lab/pg", "drift-retrain/seed", "debian:12-slim" */
	char *folder; /* below the repository; NULL = foreign */
	char *text;   /* of its Dockerfile */
	struct dockerfile file;
	int *needs; /* per reference of the file: a node with a lower index */
};

struct image_graph {
	struct image_node *nodes; /* bases before what stands on them */
	size_t n, cap;
	int *of_service;
	size_t n_services;
	bool lib; /* some Dockerfile takes something from _lib/ */
};

/* Where a problem is: a Dockerfile below the repository and its line; or a service. */
struct image_place {
	char file[256];
	int line;
	int service; /* whose image could not be followed */
	const char *code;
};

/* Blocking. Errors: ERR_INVALID, ERR_IO, ERR_LIMIT; then *ret_place says where. */
int image_graph_read(
	struct image_graph *ret, const struct lab *l, struct image_place *ret_place, struct err *e);
void image_graph_done(struct image_graph *g);
